#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest/stress.sh LANE: the job stress in a guest that has all that it can take away,
# judged by checks/gate.py. From the environment: SEED (1), MINUTES (5), CPUS (2),
# ENGINE (lane bench), MEM (3584; debug, whose checkers have a share, 4608), megabytes
# beside the 256 of virtio-mem. A page of 1 GB can be had from an area of its own only,
# which begins at 4 GB.
set -euo pipefail

lane=$1
minutes=${MINUTES:-5}
mem=3584
[ "$lane" != debug ] || mem=4608
out=build/results/$lane/stress
append="cma=64M@0-1G hugetlb_cma=1G movablecore=384M memhp_default_state=online_movable"
append+=" debug_pagealloc=off page_owner=off"
append+=" SEED=${SEED:-1} MINUTES=$minutes ${ENGINE:+ENGINE=$ENGINE}"
device="-machine max-ram-below-4g=1G -object memory-backend-ram,id=vmem0,size=256M"
device+=" -device virtio-mem-pci,id=vm0,memdev=vmem0,block-size=2M,requested-size=256M"
device+=" -chardev socket,id=qmp0,path=$out/qmp.sock,server=on,wait=off"
device+=" -mon chardev=qmp0,mode=control -chardev socket,id=qmp1,path=$out/qmp.sock"
device+=" -device virtserialport,chardev=qmp1,name=qmp"

cd "$(dirname "$0")/.."
status=0
guest/boot.sh --lane "$lane" --job stress --cpus "${CPUS:-2}" --mem "${MEM:-$mem}M,maxmem=6G" \
	--timeout $((minutes * 90 + 900)) --out "$out" --append "$append" --qemu "$device" ||
	status=$?
skips=lanes/$lane.skips
[ -e "$skips" ] || skips=/dev/null
python3 -B checks/gate.py "$out" --skips "$skips"
exit $status
