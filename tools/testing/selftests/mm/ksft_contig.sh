#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0
#
# Exact physical ranges: best booted with movablecore= and cma=.

./run_vmtests.sh -t contig
