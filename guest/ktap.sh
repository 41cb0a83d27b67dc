# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced by jobs that print KTAP themselves, in the guest as /etc/ktap.sh: the results,
# numbered. Such a job ends with 'exit $failed'.

# shellcheck disable=SC2034 # whoever sources this reads it
failed=0
number=0

result()	# STATUS NAME [REASON]
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2 # ${3:-exit status $1}"
		failed=1
	fi
}
