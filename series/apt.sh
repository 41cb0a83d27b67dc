# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after series/lib.sh: packages of Debian's that this machine's own apt does not
# offer, of a newer suite or for another architecture.
#
# apt gets a private root, $root, with the mirror that this machine uses already and a
# suite; the machine's own configuration is read, never changed. What it fetches goes to
# $dl. $architecture may name another one than the machine's.
# shellcheck disable=SC2154 # both are set by whoever sources this

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Mirrors of the main archive, as this machine's sources name them, in any
# format that its apt can read. Security archives hold no backports.
mirrors()
{
	apt-get "${own_lists[@]}" update --print-uris 2>/dev/null |
		sed -n "s,^'\(.*\)/dists/[^ ']*'.*,\1,p" | grep -v -e '-security$' | sort -u |
		awk '/\/debian$/ { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }'
}

signed_by()
{
	local key

	for key in "$keyring" $(grep -rhoE '(Signed-By: *|signed-by=)/[^], ]+' \
		/etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | sed 's,^[^/]*,,'); do
		if [ -f "$key" ]; then
			echo "[signed-by=$key]"
			return
		fi
	done
}

# The machine's apt settings (proxies and the like) hold here too, but not its
# hooks: those tidy up system places.
private_root()
{
	mkdir -p "$root"/{etc/conf.d,lists/partial,cache/archives/partial} "$dl"
	rm -f "$root"/etc/conf.d/*
	[ ! -d /etc/apt/apt.conf.d ] || cp -r /etc/apt/apt.conf.d/. "$root/etc/conf.d/"
	cat > "$root/etc/conf.d/zz-private" <<-EOF
		#clear APT::Update;
		#clear DPkg::Pre-Invoke;
		#clear DPkg::Post-Invoke;
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::sourcelist "$root/etc/sources.list";
		Dir::State::lists "$root/lists";
		Dir::Cache "$root/cache";
		APT::Sandbox::User "";
		APT::Get::List-Cleanup "true";
		Acquire::Languages "none";
	EOF
	printf 'Dir::Etc::parts "%s";\n' "$root/etc/conf.d" > "$root/etc/apt.conf"
	if [ -n "${architecture:-}" ]; then
		printf 'APT::Architecture "%s";\nAPT::Architectures { "%s"; };\n' \
			"$architecture" "$architecture" >> "$root/etc/conf.d/zz-private"
	fi
	own_lists=(-o "Dir::State::lists=$root/lists" -o "Dir::Cache=$root/cache")
}

private_apt()
{
	APT_CONFIG=$root/etc/apt.conf ticking apt-get -q "$@"
}

# Into partial/ first, so that a .deb in $dl is a whole one; apt has compared it with the
# signed list by then.
download()	# PACKAGE [VERSION]
{
	local part=$dl/partial

	rm -rf "$part"
	mkdir -p "$part"
	(cd "$part" && private_apt download "$1${2:+=$2}") 2>/dev/null ||
		(cd "$part" && private_apt download "$1") || return 1
	mv "$part"/*.deb "$dl/"
	rmdir "$part"
}

# The package in the first suite of the first mirror that has it, if possible that version
fetch_deb()	# PACKAGE VERSION SUITE...
{
	local package=$1 version=$2 uri suite key

	shift 2
	private_root
	key=$(signed_by)
	for uri in $(mirrors); do
		for suite; do
			say FETCH "$package, looking in $suite of $uri"
			echo "deb $key $uri $suite main" > "$root/etc/sources.list"
			private_apt update -o APT::Update::Error-Mode=any 2> "$root/update.log" || {
				grep -m 1 '^E: ' "$root/update.log" || true
				continue
			}
			APT_CONFIG=$root/etc/apt.conf apt-cache show "$package" > /dev/null 2>&1 || continue
			! download "$package" "$version" || return 0
		done
	done
	return 1
}

# The file of a fetched package, if there is a whole one
a_deb()	# PACKAGE [ARCHITECTURE]
{
	local deb

	for deb in "$dl/$1"_*"${2:+_$2}".deb; do
		if [ -f "$deb" ] && dpkg-deb -f "$deb" Version > /dev/null 2>&1; then
			echo "$deb"
			return
		fi
	done
}
