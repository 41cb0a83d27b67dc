# SPDX-License-Identifier: GPL-2.0
#
# The series: base -> build/base, base and steps -> build/linux, mails, apply.

.PHONY: bisect deb

base:
	@series/base.sh

tree: base
	@series/need.sh git python3
	@series/tree.py

series: tree
	@series/mail.py

# Every step on its own: built, booted, checked. STEPS='0003 0004' does these only,
# AGAIN=1 those as well that were green and have not changed.
bisect: guest
	@series/need.sh $(CHECK_PACKAGES) $(GUEST_PACKAGES)
	@series/stepwise.py

# What dpkg-buildpackage wants for a kernel, beside what a kernel itself needs.
DEB_PACKAGES := debhelper dpkg-dev fakeroot rsync kmod cpio xz-utils libssl-dev libdw-dev openssl

deb: tree
	@series/need.sh $(KERNEL_PACKAGES) $(DEB_PACKAGES)
	@series/deb.sh

apply:
	@series/need.sh git python3
	@series/apply.py

# The fetched base stays: it is the one thing that costs a download.
clean:
	@series/clean.sh

distclean:
	@series/clean.sh all
