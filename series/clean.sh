#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: clean.sh [all]
#
# Drops what was built. The base and its package stay, for they cost a download
# (and may be a link to a tree of the user's, which is never entered); with
# "all" build/ goes altogether. Hand edits in build/linux are worth a question.

set -eu
cd "$(dirname "$0")/.."
. series/lib.sh

[ -d build ] || exit 0
if [ -e build/linux/.git ] && [ -z "${FORCE:-}" ]; then
	series/tree.py --edits || exit 1
fi
say CLEAN 'build/'
if [ "${1:-}" = all ]; then
	rm -rf build
else
	find build -mindepth 1 -maxdepth 1 ! -name 'base*' ! -name dl -exec rm -rf {} +
fi
