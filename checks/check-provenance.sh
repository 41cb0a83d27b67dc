#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Our text is ours: no run of lines that stands in the base too. The tool that
# compares lives beside the repository and may not be here.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh

tool=../shared/tools/provenance.py
if [ ! -f "$tool" ]; then
	say NOTE "no $tool"
	exit 4
fi
python3 -B "$tool" . build/base
