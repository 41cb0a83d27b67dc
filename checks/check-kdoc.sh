#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel-doc -none -Wall on our C: not one line.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh
need_tree

kdoc()
{
	PYTHONDONTWRITEBYTECODE=1 python3 "$linux/scripts/kernel-doc" -none -Wall "$@" 2>&1
}

printf '/**\n * planted() - a parameter is not told\n */\nvoid planted(int x)\n{\n}\n' > "$work/planted.c"
kdoc "$work/planted.c" | grep -q "'x' not described" || die 'kernel-doc does not see a planted error'

mapfile -t files < <(our_c)
some 'C file' "${#files[@]}"
told=$(kdoc "${files[@]}") || die 'kernel-doc failed' "$told"
say looked "at ${#files[@]} files"
[ -z "$told" ] || { echo "$told"; exit 1; }
