#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh OUT CASES: KTAP of the random cases and of the mutants. CC and CFLAGS are
# those that OUT was built with.

out=$1
cases=$2
status=0

# part NUMBER NAME COMMAND...: a subtest
part()
{
	local number=$1 name=$2 verdict=ok

	shift 2
	echo "    # Subtest: $name"
	set -o pipefail
	"$@" | sed 's/^/    /' || { verdict='not ok'; status=1; }
	echo "$verdict $number $name"
}

# Each line of the list changes one line of the engine; the tests have to notice.
mutants()
{
	local number=0 name file change

	echo 'KTAP version 1'
	echo "1..$(grep -c '^[^#]' mutants)"
	while IFS='|' read -r name file change; do
		case $name in ''|'#'*) continue ;; esac
		number=$((number + 1))
		mutant "$file" "$change" && echo "ok $number $name" && continue
		echo "not ok $number $name"
		bad=1
	done < mutants
	return "${bad:-0}"
}

# mutant FILE CHANGE: is it caught?
mutant()
{
	local file=$1 dir=$out/mutants objects=("$out"/plain-{test,units,map}.o)
	local other=plan

	mkdir -p "$dir"
	[ "$file" = scan ] || other=scan
	sed "$2" "../../../mm/contig/$file.c" > "$dir/$file.c" || return
	if cmp -s "$dir/$file.c" "../../../mm/contig/$file.c"; then
		echo "# nothing changes: $2"
		return 1
	fi
	# shellcheck disable=SC2086
	$CC $CFLAGS -O1 -w -o "$dir/test" "$dir/$file.c" "$out/plain-$other.o" "${objects[@]}" || return
	! { timeout 10 "$dir/test" 40000 > "$dir/log" 2>&1; } 2> /dev/null
}

part_list()
{
	echo 'KTAP version 1'
	echo '1..2'
	part 1 plan "$out/test" "$cases"
	part 2 mutants mutants
}

part_list
exit "$status"
