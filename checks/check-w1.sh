#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Our objects with W=1: no warning. The old ones go first, for what is not
# compiled does not warn; afterwards each of our files has to have one.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh
need_objects

find "$work/obj/mm" "$work/obj/samples" -path '*contig*' -name '*.o' -delete 2>/dev/null
ticking kbuild_to "$work/w1.log" -j2 W=1 mm/contig/ samples/contig/ ||
	{ cat "$work/w1.log"; die 'mm/contig or samples/contig does not compile'; }
mapfile -t files < <(compiled_c)
some 'C file under mm/ and samples/' "${#files[@]}"
bad=0
for file in "${files[@]}"; do
	[ -f "$work/obj/${file%.c}.o" ] || { echo "$file was not compiled"; bad=1; }
done
grep -E 'warning:|error:' "$work/w1.log" && bad=1
say looked "at ${#files[@]} objects"
exit "$bad"
