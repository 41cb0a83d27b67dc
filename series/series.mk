# SPDX-License-Identifier: GPL-2.0
#
# The series: base -> build/base, base and steps -> build/linux, mails, apply.

base:
	@series/base.sh

tree: base
	@series/need.sh git python3
	@series/tree.py

series: tree
	@series/mail.py

apply:
	@series/need.sh git python3
	@series/apply.py

# The fetched base stays: it is the one thing that costs a download.
clean:
	@series/clean.sh

distclean:
	@series/clean.sh all
