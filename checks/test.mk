# SPDX-License-Identifier: GPL-2.0
#
# make test: everything that must pass. TESTS='x86_64/kunit ...' runs these parts only.
# make test-all: the same and all other lanes, one built after the other.

.PHONY: test test-all
test:
	@series/need.sh git $(KERNEL_PACKAGES) $(GUEST_PACKAGES)
	@python3 -B checks/test.py $(TESTS)

test-all:
	@$(MAKE) --no-print-directory test TESTS=--all
