#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# absent.sh OUT: of what is built in mm/contig only if an option is set, the kernel in
# OUT has no function if it is not. Says what was looked for, and what was found.

cd "$(dirname "$0")/.." || exit 1
out=$1
status=0 looked=0
list=$(mktemp)
trap 'rm -f "$list"' EXIT

functions()	# FILE...: what they define, at the margin; not what they share with others
{
	grep -ohE '^[a-z].*\b((contig|kmem|physreq|ddi)_[a-z0-9_]+)\(.*[^;]$' "$@" |
		sed -E 's/^[^(]*\b([a-z0-9_]+)\(.*/\1/' | sort -u
}

is_on()	# OPTION
{
	grep -q "^$1=" "$out/.config"
}

symbols=$(nm "$out/vmlinux" | sed -E 's/.* //; s/\.(constprop|isra|part|cold).*//' | sort -u)
[ -n "$symbols" ] || exit 1

absent()	# OPTION FILE...
{
	option=$1
	shift
	found=$(comm -12 <(functions "$@") <(echo "$symbols"))
	echo "$option is off: $(functions "$@" | wc -l) functions${found:+, and there is} $found"
	[ -z "$found" ] && [ -n "$(functions "$@")" ] || status=1
	looked=$((looked + 1))
}

if is_on CONFIG_CONTIG_ALLOC; then
	while read -r option objects; do
		is_on "$option" && continue
		objects=${objects//.o/.c}
		# shellcheck disable=SC2086 # a list of patterns
		(cd mm/contig && printf 'mm/contig/%s\n' ${objects//tests\//tests\/*_test.c}) >"$list"
		mapfile -t files <"$list"
		absent "$option" "${files[@]}"
	done < <(sed -nE 's/^obj-\$\((CONFIG_CONTIG_[A-Z_]+)\) \+= /\1 /p' mm/contig/Makefile)
else
	absent CONFIG_CONTIG_ALLOC mm/contig/*.c
fi
[ $status = 0 ] && [ $looked -gt 0 ]
