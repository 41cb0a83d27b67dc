#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make deb: Debian packages of a kernel with the series, in build/deb.
#
# CONFIG=file is the configuration to build; without it, that of the kernel that
# runs. Changed in it are only keys that its distributor has to itself, and debug
# information, which DEBUG=1 keeps. Answers to questions that are new in this kernel are
# the default ones. The version ends with SUFFIX, '-contig'. JOBS=N makes N at a time.

set -eu
cd "$(dirname "$0")/.."
. series/lib.sh

tree=build/linux out=build/deb obj=$PWD/build/deb/obj log=build/deb/build.log

# The configuration to begin with
find_config()
{
	local running

	running=/boot/config-$(uname -r)
	if [ -n "${CONFIG:-}" ]; then
		[ -f "$CONFIG" ] || die "CONFIG=$CONFIG: no such file"
		config=$CONFIG
	elif [ -r "$running" ]; then
		config=$running
	elif [ -r /proc/config.gz ]; then
		zcat /proc/config.gz > "$out/running.config"
		config=$out/running.config
	else
		die "no $running and no /proc/config.gz" 'say which configuration: make deb CONFIG=file'
	fi
}

# Nothing of the moment goes into the packages, and nobody's name; nor, as the version
# has its suffix, a '+' for commits behind a release.
kbuild()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u CONFIG -u DEBUG LC_ALL=C CCACHE_DEPEND=1 \
		DEB_BUILD_OPTIONS=terse DEBFULLNAME='contig series' DEBEMAIL=contig@localhost \
		KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00' KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_USER=contig KBUILD_BUILD_HOST=deb \
		make -C "$tree" O="$obj" CC="${cc:-gcc}" LOCALVERSION="${SUFFIX--contig}" "$@" < /dev/null
}

configure()
{
	local change=(--disable LOCALVERSION_AUTO
		--set-str SYSTEM_TRUSTED_KEYS '' --set-str SYSTEM_REVOCATION_KEYS '')

	[ -n "${DEBUG:-}" ] || change+=(--enable DEBUG_INFO_NONE --disable DEBUG_INFO_DWARF5
		--disable DEBUG_INFO_DWARF4 --disable DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT)
	cp "$config" "$obj/.config"
	"$tree/scripts/config" --file "$obj/.config" "${change[@]}"
	kbuild olddefconfig > "$out/config.log" 2>&1 || { cat "$out/config.log" >&2; die 'olddefconfig failed'; }
	grep -q '^CONFIG_CONTIG_ENGINE=y' "$obj/.config" ||
		die "$config has no user of contiguous memory (CONFIG_CONTIG_ALLOC)" \
			'CONFIG_CMA=y or CONFIG_HUGETLBFS=y in it brings the engine in'
}

# The packages are there and hold what they should.
inspect()
{
	local image=$1 name=${1##*/} file

	name=${name#linux-image-} name=${name%%_*}
	dpkg-deb --contents "$image" > "$out/contents"
	for file in "boot/vmlinuz-$name" "boot/config-$name" "boot/System.map-$name"; do
		grep -q " [.]/$file$" "$out/contents" || die "$image lacks $file"
	done
	if ! inside "System.map-$name" | grep ' contig_take$' > "$out/found" ||
	   ! inside "config-$name" | grep -x CONFIG_CONTIG_ENGINE=y >> "$out/found"; then
		die "the kernel of $image is not one with the series"
	fi
}

inside()	# FILE of /boot
{
	dpkg-deb --fsys-tarfile "$image" | tar -xO "./boot/$1"
}

mkdir -p "$obj"
exec 8< "$tree.lock"
flock -s 8
find_config
say CONFIG "$config"
configure

# What an earlier run left is not what this one made.
rm -f "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo
cc=gcc
! command -v ccache > /dev/null || cc='ccache gcc'
say BUILD "$(grep -c '=m$' "$obj/.config" || :) modules; the log is $log"
kbuild -j"${JOBS:-$(nproc)}" bindeb-pkg > "$log" 2>&1 8<&- &
watching deb "$log" $! ||
	{ grep -nE 'rror:|rror [0-9]|\*\*\*|unmet|command not found' "$log" | tail -n 20 >&2; die "the build failed, see $log"; }

# That one is for who builds a C library, and would replace the machine's own.
rm -f "$out"/linux-libc-dev_*.deb
image=$(find "$out" -name 'linux-image-*.deb' ! -name '*-dbg_*')
[ -n "$image" ] || die "no package was made, see $log"
inspect "$image"
for package in "$out"/*.deb; do
	say DEB "$package, $(du -m "$package" | cut -f 1) MB"
done
say INSTALL "apt install ./$image, and boot it"
