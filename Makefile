# SPDX-License-Identifier: GPL-2.0
#
# Contiguous memory for Linux: the verbs of the house.
#
# Each room brings its own rules in a .mk file; this file only gathers them and
# explains them. Everything generated goes to build/, nothing else is touched.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:

# LANE names a lane of lanes/lane.sh; BASE, KDIR, ACCEL, FORCE and V
# come from the command line and are passed on to the scripts.
LANE ?= x86_64
export BASE KDIR ACCEL FORCE V

.PHONY: help run test test-all bench check shell series apply clean distclean base tree kernel

help:
	@echo 'Contiguous memory for Linux: a patch series against Linux 7.3'
	@echo
	@echo '  make run              build all, boot QEMU, show the engine on a loaded machine'
	@echo '  make test             everything that must pass; TESTS=lane/part, LANE=lane'
	@echo '  make test-all         the same on all other machines and configurations, for hours'
	@echo '  make bench            this engine beside the one of the base, in one boot'
	@echo '  make stress           many callers at once, in the lane debug; MINUTES=5 SEED=1'
	@echo '  make coverage         which lines of mm/contig run in the tests'
	@echo '  make fuzz             random input, in the lane debug; MINUTES=10 SEED=1'
	@echo '  make check            checkpatch, sparse, kernel-doc, W=1, shellcheck and so on'
	@echo '  make shell            a guest with a prompt'
	@echo
	@echo '  make series           mailable patches in build/series/'
	@echo '  make bisect           build, boot and check every patch of it'
	@echo '  make apply KDIR=dir   the series onto a Linux 7.3 tree of yours'
	@echo '  make deb              Debian packages of a kernel with it; CONFIG=file'
	@echo '  make clean            drop what was built, keep the fetched base'
	@echo '  make distclean        drop build/ altogether'
	@echo
	@echo 'Steps of the above, each of which does nothing when there is nothing to do:'
	@echo '  make base             fetch and unpack Linux 7.3 into build/base'
	@echo '  make tree             base and series as a git repository, build/linux'
	@echo '  make kernel LANE=x    a kernel in build/x; lanes: lanes/lane.sh'
	@echo
	@echo 'Options: BASE=dir (a 7.3 tree you have, in place of the fetched one),'
	@echo '         ACCEL=kvm (try it), FORCE=1 (drop hand edits in build/linux)'

include series/series.mk
include lanes/lanes.mk
include guest/guest.mk
include checks/check.mk
include checks/test.mk
include bench/bench.mk
