#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mutants.sh OUT: each line of the list changes a line of the engine, and the tests
# have to notice. KTAP; CC and CFLAGS are those that OUT was built with.

out=$1
engine=../../../mm/contig
dir=$out/mutants
number=0
bad=0

# caught FILE CHANGE: do the tests fail if this is changed?
caught()
{
	local file=$1 other=plan

	[ "$file" = scan ] || other=scan
	sed "$2" "$engine/$file.c" > "$dir/$file.c" || return
	if cmp -s "$dir/$file.c" "$engine/$file.c"; then
		echo "# nothing changes: $2"
		return 1
	fi
	# shellcheck disable=SC2086
	$CC $CFLAGS -O1 -w -o "$dir/test" "$dir/$file.c" "$out"/plain-{$other,test,units,map}.o ||
		return
	! { timeout 10 "$dir/test" 100000 > "$dir/log" 2>&1; } 2> /dev/null
}

mkdir -p "$dir"
echo 'KTAP version 1'
echo "1..$(grep -c '^[^#]' mutants)"
while IFS='|' read -r name file change; do
	case $name in ''|'#'*) continue ;; esac
	number=$((number + 1))
	verdict=ok
	caught "$file" "$change" || { verdict='not ok'; bad=1; }
	echo "$verdict $number - $name"
done < mutants
exit "$bad"
