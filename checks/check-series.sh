#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The manifest: every file in one step, messages and hooks to the rules.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh

some 'step in series/series' "$(grep -c '^[0-9]' series/series)"
series/steps.py
