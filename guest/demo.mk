# SPDX-License-Identifier: GPL-2.0
#
# make run: the main job. Contiguous memory through every real client, on a machine
# that is full of other people's pages. What it shows and checks: guest/demo/demo.c.

DEMO_PACKAGES := e2fsprogs

run: kernel guest
	@series/need.sh $(DEMO_PACKAGES)
	@guest/demo.sh --lane $(LANE)
