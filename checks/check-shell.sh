#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every shell script of the repository, known by name or first line, through its
# checker.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh

mapfile -t scripts < <(repo_files | while read -r file; do
	case $file in
	*.sh) echo "$file" ;;
	*) head -c 40 "$file" | head -n 1 | grep -aqE '^#!.*[/ ](ba|da|)sh\b' && echo "$file" ;;
	esac
done)
some 'shell script' "${#scripts[@]}"
shellcheck -x "${scripts[@]}" || exit 1
say looked "at ${#scripts[@]} scripts"
