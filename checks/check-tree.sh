#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every step fits the base, and the mails lead to the same tree.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh

series/tree.py && series/mail.py
