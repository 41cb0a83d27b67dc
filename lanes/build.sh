#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lanes/build.sh LANE TREE OUT: configure and build one lane's kernel.
#
# The configuration is allnoconfig plus the lane's fragments, and is rebuilt only
# when they change. Every line of a fragment is asserted afterwards. The full log
# goes to OUT/build.log; the terminal gets a line every few seconds.
set -euo pipefail

lane=$1
tree=$(realpath "$2")
out=$3
here=$(dirname "$0")
step=5			# seconds between two words about waiting

# shellcheck source=series/lib.sh
. "$here/../series/lib.sh"

die()
{
	echo "lane $lane: $*" >&2
	exit 1
}

# shellcheck source=lanes/lane.sh
. "$here/lane.sh"
lane_is "$lane" || die "no such lane, see lanes/lane.sh"

mkdir -p "$out"
out=$(realpath "$out")

lock()	# FLOCK ARGUMENT...
{
	until flock -w $step "$@"; do
		printf '  [%s %3ds] waiting for another build or make tree:%s\n' \
			"$lane" $SECONDS "$(last_step "$out/build.log")"
	done
}

# One build per lane at a time; and the tree must not change under a build, whose
# objects could then be newer than the sources that they were not made from.
exec 9>"$out/.lock"
lock 9
if [ -e "$tree.lock" ]; then
	exec 8<"$tree.lock"
	lock -s 8
fi

# Nothing of the machine or the moment goes into the image.
export KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00' KBUILD_BUILD_VERSION=1
export KBUILD_BUILD_USER=contig KBUILD_BUILD_HOST=lane LC_ALL=C
# This script's callers are makes too; their flags are not meant for Kbuild.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

# ccache then needs no preprocessor run of its own: 1/6 less for a cold build.
export CCACHE_DEPEND=1
cc=$cross$compiler tools=()
case $compiler in
clang*)	tools=(LLVM="${compiler#clang}") ;;
esac
if command -v ccache >/dev/null; then
	cc="ccache $cc"
fi

kbuild()
{
	# shellcheck disable=SC2086 # $options is a list of words
	make -C "$tree" O="$out" ARCH=$arch CROSS_COMPILE="$cross" \
		"${tools[@]}" CC="$cc" $options "$@" 8<&- 9>&- </dev/null
}

# Whatever the kernel is made from: as long as it is the same, so is the kernel
sources()
{
	[ -z "$(git -C "$tree" status --porcelain -uno 2>&1)" ] || return 0
	git -C "$tree" rev-parse HEAD
	$cc -dumpfullversion
	ld --version | head -n 1
	echo "$target $options"
	sha256sum <"$here/build.sh"
	for f in $fragments; do
		cat "$here/$f.config"
	done | sha256sum
}

inputs()
{
	local from

	from=$(sources)
	[ -n "$from" ] || return 0
	echo "$from"
	stat -c %Y "$out/.config" "$out/vmlinux"
}

is_built()
{
	local now

	now=$(inputs 2>/dev/null)
	[ -n "$image" ] && [ -n "$now" ] && [ -e "$out/$image" ] &&
		[ "$now" = "$(cat "$out/.built" 2>/dev/null)" ]
}

# The value that $1, a line of a fragment, must have in .config
assert_line()
{
	local name

	case $1 in
	CONFIG_*=n)
		name=${1%%=*}
		! grep -q "^$name=" "$out/.config" ;;
	CONFIG_*)
		grep -qxF -- "$1" "$out/.config" ;;
	"# CONFIG_"*" is not set")
		name=${1#\# }
		! grep -q "^${name%% *}=" "$out/.config" ;;
	esac
}

configure()
{
	local requested=$out/requested.config line bad=0

	for f in $fragments; do
		cat "$here/$f.config"
	done |
	awk '{ n = ""
	       if (match($0, /^CONFIG_[A-Za-z0-9_]+/)) n = substr($0, 1, RLENGTH)
	       else if ($0 ~ /^# CONFIG_[A-Za-z0-9_]+ is not set$/) n = $2
	       if (n == "") next
	       if (!(n in value)) order[++count] = n
	       value[n] = $0 }
	     END { for (i = 1; i <= count; i++) print value[order[i]] }' \
		>"$requested.new"

	if ! cmp -s "$requested.new" "$requested" || [ ! -e "$out/.config" ]; then
		kbuild KCONFIG_ALLCONFIG="$requested.new" allnoconfig \
			>"$out/config.log" 2>&1 ||
			{ cat "$out/config.log" >&2; die "allnoconfig failed"; }
	fi
	kbuild olddefconfig >>"$out/config.log" 2>&1 ||
		{ tail -n 30 "$out/config.log" >&2; die "olddefconfig failed"; }

	while read -r line; do
		if ! assert_line "$line"; then
			echo "lane $lane: option did not survive: $line" >&2
			bad=1
		fi
	done <"$requested.new"
	if [ $bad = 1 ]; then
		rm -f "$requested"
		die "configuration is not what its fragments ask for"
	fi
	mv "$requested.new" "$requested"
}

if is_built; then
	printf '  %-8s lane %s, nothing has changed\n' BUILD "$lane"
	exit
fi
rm -f "$out/.built"
before=$(sources 2>/dev/null)
printf '  %-8s lane %s from allnoconfig +%s\n' CONFIG "$lane" " $fragments"
configure

# shellcheck disable=SC2086 # a list of words
kbuild -j"$(nproc)" $target >"$out/build.log" 2>&1 &
if ! watching "$lane" "$out/build.log" $!; then
	grep -nE -A6 'error:|Error |ERROR|undefined reference|warning:' \
		"$out/build.log" | tail -n 60 >&2 || tail -n 30 "$out/build.log" >&2
	die "build failed, full log in $out/build.log"
fi
grep -E 'warning:' "$out/build.log" | sort -u || :

# What never runs has at least to look good. Headers of the base are not ours to mend.
ours='mm/contig/[a-z_/]+\.[ch]:.*warning:'
if [ -z "$image" ] && grep -q '^CONFIG_CONTIG_ALLOC=y' "$out/.config"; then
	if ! kbuild W=1 mm/contig/ >"$out/w1.log" 2>&1 ||
	   grep -qE "$ours" "$out/w1.log"; then
		grep -E -A6 "$ours|error:" "$out/w1.log" >&2 || :
		die "mm/contig is not clean with W=1, see $out/w1.log"
	fi
	printf '  %-8s lane %s, mm/contig with W=1: no warning\n' BUILD "$lane"
fi
# Somebody may have edited a fragment meanwhile.
if [ "$(sources 2>/dev/null)" = "$before" ]; then
	inputs >"$out/.built" 2>/dev/null || rm -f "$out/.built"
fi
printf '  %-8s lane %s, kernel ready after %d s\n' BUILD "$lane" $SECONDS
