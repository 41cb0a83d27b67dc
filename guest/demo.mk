# SPDX-License-Identifier: GPL-2.0
#
# make run: the main job. Contiguous memory through every real client, on a machine
# that is full of other people's pages. What it shows and checks: guest/demo/demo.c.
# make picture: the maps of its last run into the README's picture.

DEMO_PACKAGES := e2fsprogs

.PHONY: picture

run: kernel guest
	@series/need.sh $(DEMO_PACKAGES)
	@guest/demo.sh --lane $(LANE)

picture:
	@guest/picture.py build/results/$(LANE)/demo/report.txt > guest/demo/map.svg.new
	@mv guest/demo/map.svg.new guest/demo/map.svg
