# SPDX-License-Identifier: GPL-2.0
#
# make guest: the root file system of the guests. make shell: a prompt in one.
# make run, the main job, is in demo.mk.

GUEST_PACKAGES := gcc libc6-dev busybox-static e2fsprogs gzip qemu-system-x86 stress-ng

.PHONY: guest shell run stress fuzz
guest: tree
	@series/need.sh $(GUEST_PACKAGES) $(LANE_PACKAGES)
	@guest/initramfs.sh build/linux build/guest $(LANE)

shell: kernel guest
	@guest/boot.sh --lane $(LANE) --job shell

# Many callers at once: MINUTES=5 SEED=1 CPUS=2. In the lane debug, if no other is named.
stress: LANE := $(if $(filter file,$(origin LANE)),debug,$(LANE))
stress: kernel guest
	@SEED='$(SEED)' MINUTES='$(MINUTES)' CPUS='$(CPUS)' ENGINE='$(ENGINE)' guest/stress.sh $(LANE)

# Random input, in the same lane: MINUTES=10 SEED=1
fuzz: MINUTES ?= 10
fuzz: SEED ?= 1
fuzz:
	@guest/fuzz.sh $(if $(filter file,$(origin LANE)),debug,$(LANE)) $(MINUTES) $(SEED)

include guest/demo.mk
