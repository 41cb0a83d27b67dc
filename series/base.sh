#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make base: Linux 7.3 as Debian ships it, unpacked in build/base.
#
# The package is in newer suites than most machines follow, so that it comes by way of
# a private apt, see series/apt.sh.
# With BASE=dir, build/base becomes a link to that tree instead.
#
# build/base appears by a rename at the very end: if it is there, it is whole.

set -eu
cd "$(dirname "$0")/.."
. series/lib.sh
. series/apt.sh

package=linux-source-7.3
pinned='7.3.4-1~bpo13+1'
pinned_sha256=76df1affb19f24926949369be1d74b60071c963c598ce8780bddd4bbf0fc3bc4
suites='trixie-backports forky forky-backports sid'
root=$PWD/build/apt
dl=$PWD/build/dl

# shellcheck disable=SC2016 # $url is for the reader's shell
way_out=(
	'Get Linux 7.3 on a machine with network, for example by'
	'  url=https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git'
	'  git clone --depth 1 --branch v7.3.4 $url linux-7.3'
	'and pass it once:'
	'  make base BASE=/path/to/linux-7.3')

# value NAME DIR: what the top Makefile of the kernel tree DIR sets NAME to
value()
{
	sed -n "s/^$1 *= *//p;/^NAME/q" "$2/Makefile"
}

# is_base DIR: a 7.3 tree? Prints its version, or says why not and fails.
is_base()
{
	if [ ! -f "$1/Makefile" ] || [ ! -f "$1/mm/page_alloc.c" ]; then
		echo 'it is no kernel tree'
		return 1
	fi
	echo "Linux $(value VERSION "$1").$(value PATCHLEVEL "$1").$(value SUBLEVEL "$1")"
	[ "$(value VERSION "$1").$(value PATCHLEVEL "$1")" = 7.3 ]
}

# --- a tree of the user's ----------------------------------------------------

use_tree()
{
	local dir=$1 what

	[ -d "$dir" ] || die "BASE=$dir: no such directory"
	dir=$(cd "$dir" && pwd -P)
	[ "$dir" != "$(readlink -f build/base)" ] || return 0
	case $dir/ in
	"$(pwd -P)"/build/linux/*) die "BASE=$1: build/linux is made from the base" ;;
	esac
	what=$(is_base "$dir") || die "BASE=$1 does not fit: $what, and Linux 7.3 is needed"
	[ -z "$(find "$dir/.config" "$dir/include/config" -prune 2>/dev/null)" ] ||
		die "BASE=$1 was built in; clean it first:" "make -C $1 mrproper"

	# what was fetched is worth keeping, it comes back with 'rm build/base'
	if [ -d build/base ] && [ ! -L build/base ]; then
		[ ! -e build/base.fetched ] || die 'build/base and build/base.fetched both exist'
		mv build/base build/base.fetched
	fi
	ln -sfn "$dir" build/base
	say BASE "$what in $dir from now on (rm build/base: back to the fetched one)"
}

# --- Debian's package --------------------------------------------------------

fetch()
{
	have_apt || die "no apt on this machine, so $package cannot be fetched" "${way_out[@]}"
	say FETCH "$package, about 165 MB"
	# shellcheck disable=SC2086 # a list of words
	fetch_deb "$package" "$pinned" $suites ||
		die "$package is in none of: $suites, or no mirror can be reached" "${way_out[@]}"
}

verify()
{
	local version=$1 tarball=$2 sum

	case $version in
	"$pinned")
		sum=$(sha256sum < "$tarball")
		[ "${sum%% *}" = "$pinned_sha256" ] ||
			die "$package $version is not the one that this project was made on (sha256 differs)" \
			    "expected $pinned_sha256" "got      ${sum%% *}" 'to fetch it again: rm -r build/dl'
		;;
	7.3.*)
		say NOTE "$version is not the pinned $pinned; going on, hooks tell if it does not fit" ;;
	*)
		die "$package $version is no 7.3" "${way_out[@]}" ;;
	esac
}

unpack()
{
	local deb=$1 version what tarball=$dl/$package.tar.xz

	version=$(dpkg-deb -f "$deb" Version)
	say UNPACK "$package $version, 96,000 files"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/$package.tar.xz" > "$tarball" ||
		die "$deb is broken" "rm $deb and run this again"
	verify "$version" "$tarball"
	rm -rf build/base.part
	mkdir build/base.part
	ticking tar -xJf "$tarball" -C build/base.part --strip-components=1 || die 'unpacking failed'
	rm -f "$tarball"
	what=$(is_base build/base.part) || die "the tarball does not fit: $what"
	mv build/base.part build/base
	say BASE "$what in build/base"
}

# -----------------------------------------------------------------------------

mkdir -p build
exec 9> build/base.lock
flock -n 9 || { say WAIT 'another make is busy with build/base'; flock 9; }

if [ -n "${BASE:-}" ]; then
	use_tree "$BASE"
elif [ ! -e build/base ]; then
	rm -f build/base # a link to a tree that has gone
	if [ -d build/base.fetched ]; then
		mv build/base.fetched build/base
		exit 0
	fi
	series/need.sh xz-utils
	[ -n "$(a_deb "$package")" ] || fetch
	unpack "$(a_deb "$package")"
fi
what=$(is_base build/base/) || die "build/base does not fit: $what" 'rm -r build/base, then make base'
