# SPDX-License-Identifier: GPL-2.0
#
# make bench: this engine beside the one of the base, in one boot. QUICK=1: one short
# boot; BOOTS='icount wall': these boots of bench/scenarios.toml only.
# make bench-readme: the results into README.md and, for the cover letter, into
# series/figures.json.

# Debian's modules are for Debian's own Python, which need not be the first in PATH.
BENCH_PYTHON := $(firstword $(wildcard /usr/bin/python3) python3) -B
BENCH_BOOTS := $(if $(filter-out 0,$(QUICK)),quick,$(BOOTS))

.PHONY: bench bench-readme
bench: guest
	@series/need.sh python3 python3-matplotlib
	@set -e; lanes=$$($(BENCH_PYTHON) bench/run.py --lanes $(BENCH_BOOTS)); \
	for lane in $$lanes; do \
		$(MAKE) --no-print-directory kernel LANE=$$lane; \
	done
	@status=0; $(BENCH_PYTHON) bench/run.py $(BENCH_BOOTS) || status=$$?; \
	$(BENCH_PYTHON) bench/plot.py && exit $$status

bench-readme:
	@series/need.sh python3 python3-matplotlib
	@$(BENCH_PYTHON) bench/readme.py && series/figures.py
