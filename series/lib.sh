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

# watching NAME LOG PID: says every few seconds how far a kernel build is that writes
# its log there; ends as the build does
watching()
{
	local name=$1 log=$2 pid=$3 next=$((SECONDS + 5))

	# shellcheck disable=SC2064 # this process, not one of a later call
	trap "kill $pid 2>/dev/null; exit 130" INT TERM
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if [ $SECONDS -ge $next ]; then
			printf '  [%s %3ds] %5d steps, last:%s\n' "$name" $SECONDS \
				"$(grep -c '^  [A-Z]' "$log")" "$(last_step "$log")"
			next=$((SECONDS + 5))
		fi
	done
	trap - INT TERM
	wait "$pid"
}

# last_step LOG: what the build did last
last_step()
{
	grep -s '^  [A-Z]' "$1" | tail -n 1 | sed 's/^  [A-Z0-9_]*  */ /'
}
