# SPDX-License-Identifier: GPL-2.0
#
# make kernel LANE=x: a kernel for that lane in build/x.

KERNEL_PACKAGES := gcc make flex bison bc libc6-dev libelf-dev perl python3 ccache gzip
# of that lane only
LANE_PACKAGES = $(shell lanes/lane.sh $(LANE) packages)

.PHONY: kernel
kernel: tree
	@series/need.sh $(KERNEL_PACKAGES) $(LANE_PACKAGES)
	@lanes/build.sh $(LANE) build/linux build/$(LANE)
