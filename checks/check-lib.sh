# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by checks/check-*.sh, from the top of the repository: what the
# checks look at, and how they object.

. series/lib.sh

linux=build/linux
work=build/check	# scratch of the checks
mkdir -p "$work"

# repo_files [PATTERN...]: files of this repository, whether committed or not yet
repo_files()
{
	git ls-files -co --exclude-standard -- "$@" | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

# compiled_c: of our C what these checks compile; the rest is not for 64 bits
compiled_c()
{
	repo_files 'mm/*.c' 'samples/*.c' | grep -v '/highmem_test\.c$'
}

# our_c: the C of the series, by its path in the kernel tree
our_c()
{
	repo_files 'mm/*.[ch]' 'include/*.[ch]' 'drivers/*.[ch]' 'kernel/*.[ch]' 'lib/*.[ch]' 'samples/*.[ch]' 'tools/*.[ch]'
}

# some NAME COUNT: nothing to look at is a failure
some()
{
	[ "$2" -gt 0 ] || die "there is no $1 to look at"
}

# The checks that need the tree say so themselves: the rest goes on without.
need_tree()
{
	[ -d "$linux/.git" ] || die "no $linux: make tree"
	[ -e "$linux/mm/contig" ] || die 'the series brings no mm/contig yet'
}

# kbuild ARGUMENT...: make in the checks' own O= directory, which has the
# configuration of the x86_64 lane but leaves that lane's objects alone
kbuild()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES LC_ALL=C \
		make -C "$linux" O="$PWD/$work/obj" CC="$(command -v ccache) gcc" "$@" < /dev/null
}

# kbuild_to LOG ARGUMENT...: the same, all it says in LOG
kbuild_to()
{
	local log=$1

	shift
	kbuild "$@" > "$log" 2>&1
}

# need_objects: configuration and generated headers are there
need_objects()
{
	local config=build/x86_64/.config
	# with what is only for measuring, which is not mailed but looked at as well,
	# and what only other lanes have
	local more=(lanes/{bench,fault,numa}.config)

	need_tree
	if [ ! -f "$config" ]; then
		say NOTE 'the configuration is the one of the x86_64 lane, so that is built first'
		make --no-print-directory kernel LANE=x86_64 || die 'make kernel LANE=x86_64 failed'
	fi
	mkdir -p "$work/obj"
	if ! cat "$config" "${more[@]}" | cmp -s - "$work/config"; then
		cat "$config" <(grep -h '=y' "${more[@]}") > "$work/obj/.config"
		ticking kbuild olddefconfig || die 'olddefconfig failed'
		cat "$config" "${more[@]}" > "$work/config"
	fi
	ticking kbuild -j2 prepare || die 'make prepare failed'
}
