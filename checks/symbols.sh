#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# symbols.sh [VMLINUX]: the kernel has the calls that the engine gives, and nothing of the
# block of the base's mm/page_alloc.c that it replaces; the names are read from that
# block itself. Nor has it what its configuration leaves out. KTAP.

cd "$(dirname "$0")/.." || exit 1
vmlinux=${1:-build/x86_64/vmlinux}
source=build/base/mm/page_alloc.c
number=0 failed=0

result()	# STATUS NAME
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		failed=1
	fi
}

# Functions of the block: at the margin, a name before a parenthesis
block()	# PATTERN: of what they begin with
{
	sed -n '/^#ifdef CONFIG_CONTIG_ALLOC/,/^#endif.*CONFIG_CONTIG_ALLOC/p' $source |
		grep -E "^$1.*\(" | sed -E 's/^[^(]*[ *]([a-z_]+)\(.*/\1/' | sort -u
}

private=$(block static)
calls=$(block '(int|void|struct page \*)')
symbols=$(nm "$vmlinux" | sed -E 's/.* //; s/\.(constprop|isra|part|cold).*//' | sort -u)

echo "TAP version 13"
echo "1..4"
[ "$(echo "$private" | wc -w)" -ge 5 ] && [ "$(echo "$calls" | wc -w)" -eq 6 ]
result $? "the block of the base has 6 calls and functions of its own"
left=$(comm -12 <(echo "$private") <(echo "$symbols"))
[ -n "$symbols" ] && [ -z "$left" ]
result $? "none of its own functions is in the kernel"
[ -z "$left" ] || echo "# $left"
missing=$(comm -23 <(echo "$calls") <(echo "$symbols"))
[ -z "$missing" ]
result $? "all of its calls are"
[ -z "$missing" ] || echo "# $missing"
# What the lane's configuration does not ask for is not there at all.
without=$(checks/absent.sh "$(dirname "$vmlinux")")
result $? "nothing is there whose option is off"
while IFS= read -r line; do
	echo "# $line"
done <<<"$without"
exit $failed
