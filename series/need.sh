#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: need.sh PACKAGE...
#
# Makes sure that Debian packages are installed. All there already: one look at
# dpkg's database, no network. Otherwise apt fetches the missing ones, with
# sudo only where we are not root.

set -eu
cd "$(dirname "$0")/.."
. series/lib.sh

missing()
{
	local pkg

	for pkg; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$pkg" 2>/dev/null) in
		installed) ;;
		*) printf '%s ' "$pkg" ;;
		esac
	done
}

if ! have_apt; then
	# Not a Debian: the tools may be there under other package names, so
	# only tell, once per checkout, and let the build find out.
	mark=build/need.told
	grep -qsxF "$*" "$mark" && exit 0
	say NOTE 'no apt here; please see to it that what these Debian packages hold is installed:'
	printf '           %s\n' "$@"
	mkdir -p build
	echo "$*" >> "$mark"
	exit 0
fi

want=$(missing "$@")
[ -n "$want" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo > /dev/null ||
		die "packages are missing and there is no sudo" "as root: apt-get install $want"
	sudo -v || die 'sudo is needed to install packages' "as root: apt-get install $want"
	as_root=sudo
fi

say INSTALL "$want"
apt()
{
	# shellcheck disable=SC2086 # as_root may be empty
	ticking $as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 "$@"
}

apt update || say NOTE 'apt-get update failed; going on with the lists that are there'
# shellcheck disable=SC2086 # a list of words
apt install --no-install-recommends $want ||
	die "apt could not install: $want" "by hand: apt-get update && apt-get install $want"
want=$(missing "$@")
[ -z "$want" ] || die "still missing after apt-get install: $want"
