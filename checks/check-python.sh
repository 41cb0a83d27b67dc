#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every Python file of the repository compiles, without a warning.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh

mapfile -t files < <(repo_files '*.py')
some 'Python file' "${#files[@]}"
python3 -B -W error -c '
import sys
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as f:
        compile(f.read(), name, "exec")
' "${files[@]}" || exit 1
say looked "at ${#files[@]} files"
