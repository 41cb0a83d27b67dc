# SPDX-License-Identifier: GPL-2.0
#
# make test: everything that must pass. TESTS='x86_64/kunit ...' runs these parts only,
# LANE=uml all that belongs to a lane, its kernel and the tree included.
# make test-all: the same, the long form of what is cut short in it, and all other lanes,
# one built after the other.

TEST_LANE := $(if $(filter command environment,$(firstword $(origin LANE))),$(LANE))

.PHONY: test test-all
test:
	@series/need.sh git $(KERNEL_PACKAGES) $(GUEST_PACKAGES)
	@python3 -B checks/test.py $(or $(TESTS),$(TEST_LANE))

test-all:
	@$(MAKE) --no-print-directory test TESTS=--all

# Which lines of mm/contig run in KUnit and selftests. JOBS='kunit' boots these only.
.PHONY: coverage
coverage:
	@series/need.sh git $(KERNEL_PACKAGES) $(GUEST_PACKAGES)
	@$(MAKE) --no-print-directory kernel guest LANE=gcov
	@checks/coverage.py $(JOBS)
