# SPDX-License-Identifier: GPL-2.0
#
# make guest: the root file system of the guests. make shell: a prompt in one.
# make run, the main job, is in demo.mk.

GUEST_PACKAGES := gcc libc6-dev busybox-static e2fsprogs gzip qemu-system-x86 stress-ng

.PHONY: guest shell run
guest: tree
	@series/need.sh $(GUEST_PACKAGES) $(LANE_PACKAGES)
	@guest/initramfs.sh build/linux build/guest $(LANE)

shell: kernel guest
	@guest/boot.sh --lane $(LANE) --job shell

# In the lane debug, if no other one is named.
.PHONY: stress
stress: LANE := $(if $(filter file,$(origin LANE)),debug,$(LANE))
stress: kernel guest
	@SEED='$(SEED)' MINUTES='$(MINUTES)' CPUS='$(CPUS)' ENGINE='$(ENGINE)' guest/stress.sh $(LANE)

-include guest/demo.mk
