#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: check.sh [NAME...]
#
# Runs checks/check-NAME, by default all of them in the order below, and counts.
# A check exits 0 (passed), 4 (skipped) or otherwise (failed), and says why. One
# that finds nothing to look at has failed: it must never be green for nothing.

set -u
cd "$(dirname "$0")/.." || exit 1
. series/lib.sh

all='series tree mails maintainers patch kdoc docs spelling size shell python text provenance w1 sparse'
passed=0 failed=0 skipped=0

# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $all
for name; do
	script=$(find checks -name "check-$name.*" -perm -u+x)
	[ -n "$script" ] || die "no such check: $name" "there are: $all"
	say CHECK "$name"
	"$script"
	case $? in
	0) say passed "$name"; passed=$((passed + 1)) ;;
	4) say skipped "$name"; skipped=$((skipped + 1)) ;;
	*) say FAILED "$name"; failed=$((failed + 1)) ;;
	esac
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
