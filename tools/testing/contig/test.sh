#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh OUT CASES: KTAP of the random cases and of the mutants.

set -o pipefail
out=$1
cases=$2
status=0

# part NUMBER NAME COMMAND...: a subtest
part()
{
	local number=$1 name=$2 verdict=ok

	shift 2
	echo "    # Subtest: $name"
	"$@" | sed -u 's/^/    /' || { verdict='not ok'; status=1; }
	echo "$verdict $number - $name"
}

# Caught once, they are caught as long as nothing is newer that they are made of.
# shellcheck disable=SC2317 # called by its name
catch_mutants()
{
	local seen=$out/mutants.ktap file

	for file in mutants.sh mutants "$out/plain-test"; do
		if [ ! "$seen" -nt "$file" ]; then
			./mutants.sh "$out" | tee "$seen.new" && mv "$seen.new" "$seen"
			return
		fi
	done
	cat "$seen"
}

echo 'KTAP version 1'
echo '1..2'
part 1 plan "$out/test" "$cases"
part 2 mutants catch_mutants
exit "$status"
