# SPDX-License-Identifier: GPL-2.0
#
# make test: everything that must pass. TESTS='x86_64/kunit ...' runs these parts only.

.PHONY: test
test:
	@series/need.sh git $(KERNEL_PACKAGES) $(GUEST_PACKAGES)
	@python3 -B checks/test.py $(TESTS)
