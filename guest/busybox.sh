#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest/busybox.sh ARCHITECTURE FILE: a static busybox for guests that are not of this
# machine's kind, from Debian's package for that architecture. Nothing is installed.
set -euo pipefail

architecture=$1
file=$(realpath "$2")
cd "$(dirname "$0")/.."
. series/lib.sh
. series/apt.sh
package=busybox-static
root=$PWD/build/apt-$architecture
dl=$PWD/build/dl

[ ! -e "$file" ] || exit 0
own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}") || own=
have_apt || die "no apt here to get $package for $architecture from" \
	"put a static busybox for $architecture at $file"
# shellcheck disable=SC2086 # a machine that follows no suite of a name has no first word
[ -n "$(a_deb $package "$architecture")" ] || fetch_deb $package '' $own stable sid ||
	die "no $package for $architecture"
mkdir -p "${file%/*}"
dpkg-deb --fsys-tarfile "$(a_deb $package "$architecture")" |
	tar -xO --wildcards '*bin/busybox' > "$file.part"
chmod 755 "$file.part"
mv "$file.part" "$file"
