# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the shell scripts of series/ and checks/: messages, and progress
# for a command that would be silent for long.

say()
{
	printf '  %-8s %s\n' "$1" "$2"
}

# die LINE...: the error, then what to do about it
die()
{
	printf 'error: %s\n' "$1" >&2
	shift
	[ $# -eq 0 ] || printf '       %s\n' "$@" >&2
	exit 1
}

# have_apt: a Debian, or one of its children?
have_apt()
{
	type apt-get dpkg-query dpkg-deb > /dev/null 2>&1
}

# ticking COMMAND...: a dot every two seconds while COMMAND runs in silence;
# what it printed is shown only if it fails
ticking()
{
	local log pid rc=0

	log=$(mktemp)
	# a process group of its own, so that who interrupts us stops all of it
	set -m
	"$@" > "$log" 2>&1 < /dev/null &
	pid=$!
	set +m
	trap 'kill -- "-$pid" 2>/dev/null; rm -f "$log"; exit 130' INT TERM
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if [ $((SECONDS % 2)) -eq 0 ] && [ "$SECONDS" != "${ticked:-}" ]; then
			printf '.'
			ticked=$SECONDS
		fi
	done
	wait "$pid" || rc=$?
	trap - INT TERM
	[ -z "${ticked:-}" ] || printf '\n'
	ticked=
	[ "$rc" -eq 0 ] || cat "$log" >&2
	rm -f "$log"
	return "$rc"
}
