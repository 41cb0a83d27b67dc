#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest/demo.sh [--lane L] [--tree DIR] [--built DIR] [BOOT OPTION...]: build what only
# the demo needs, then run it in a guest. DIR: the kernel's source and where it was built.
# Exit status 0 only if the demo says PASS.
#
# The guest and why it is as it is:
#
#   4 GB, q35       half of the memory is below 4 GB and half above
#   movablecore=2G  the upper half becomes ZONE_MOVABLE. The kernel's own memory then
#                   stays in the lower half, but for what it took before zones existed:
#                   at most 512 MB at the very end. So the GB at 4 GB is movable to its
#                   last page, which is what a 1 GB page needs on a loaded machine.
#   cma=256M@0-4G   the area of dma_alloc_coherent() and of the dma-buf heap; left alone,
#                   the kernel would put it into the GB that is meant for the 1 GB page
#   -cpu max        has 1 GB pages
#   virtio-mem      1 GB, 512 MB of it plugged at boot; comes up in ZONE_MOVABLE, as
#                   memory that may have to go again should
#   qmp             QEMU's monitor on a virtio-serial port: the demo itself says when
#                   the host wants memory back
#   edu             a PCI device that can do DMA to any address
#   two disks       files for the page cache (never written: snapshot), and the tools
set -euo pipefail

here=$(dirname "$0")
build=$here/../build
lane=x86_64 tree=$build/linux kernel_out='' files_mb=384
boot=()

while [ $# -gt 0 ]; do
	case $1 in
	--lane)	lane=$2 ;;
	--tree)	tree=$2 ;;
	--built) kernel_out=$2 ;;
	*)	boot+=("$1" "$2") ;;
	esac
	shift 2
done
kernel_out=$(realpath "${kernel_out:-$build/$lane}")
tree=$(realpath "$tree")
work=$build/guest/demo
mkdir -p "$work/edu" "$work/tools"
work=$(realpath "$work")
# This script's caller is a make too; its flags are not meant for Kbuild.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

# newer FILE SOURCE...: FILE is there and no SOURCE has changed since
newer()
{
	local file=$1 source

	shift
	[ -e "$file" ] || return 1
	for source; do
		[ "$file" -nt "$source" ] || return 1
	done
}

# loud NAME LOG COMMAND...: run it with its words in LOG, show a life sign meanwhile
loud()
{
	local name=$1 log=$2 pid start=$SECONDS

	shift 2
	echo "  DEMO     $name"
	"$@" >"$log" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sleep 0.2
		if [ $((SECONDS - start)) -ge 5 ]; then
			echo "           $name: $(tail -n 1 "$log" | cut -c 1-60)"
			start=$SECONDS
		fi
	done
	if ! wait $pid; then
		tail -n 30 "$log" >&2
		echo "demo: $name failed, all of it in $log" >&2
		exit 1
	fi
}

kbuild()
{
	local cc=gcc

	if command -v ccache >/dev/null; then
		cc="ccache gcc"
	fi
	make -C "$tree" O="$kernel_out" ARCH=x86_64 CC="$cc" "$@" </dev/null
}

# The driver fits one build of one kernel.
edu_module()
{
	kbuild modules &&
	kbuild M="$(realpath "$here/edu")" MO="$work/edu" modules &&
	cp "$work/edu/edu_dma.ko" "$work/tools/"
}

# image FILE MB DIR: an ext4 file system with what is in DIR; needs no root
image()
{
	rm -f "$1.new"
	PATH=$PATH:/sbin:/usr/sbin mke2fs -q -t ext4 -E root_owner=0:0 -d "$3" \
		"$1.new" "$2M" >/dev/null
	mv "$1.new" "$1"
}

files_image()
{
	rm -rf "$work/files"
	mkdir "$work/files"
	"$build/guest/bin/load" --make $files_mb --file "$work/files"
	image "$work/files.ext4" $((files_mb + files_mb / 4 + 32)) "$work/files"
	rm -rf "$work/files"
}

if ! newer "$work/tools/edu_dma.ko" "$kernel_out/vmlinux" "$here"/edu/*; then
	loud "driver of the edu device" "$work/edu.log" edu_module
fi
if ! newer "$work/tools/demo" "$here"/demo/*.[ch] "$here"/*.h; then
	loud "program" "$work/cc.log" \
		gcc -O2 -Wall -Wextra -static -o "$work/tools/demo" "$here"/demo/*.c
fi
if ! newer "$work/tools.ext4" "$work/tools/demo" "$work/tools/edu_dma.ko"; then
	image "$work/tools.ext4" 16 "$work/tools"
fi
if ! newer "$work/files.ext4" "$here/pattern.h" "$0"; then
	loud "file system of $files_mb MB" "$work/files.log" files_image
fi

# Relative, because a socket's path has to be short and boot.sh splits at blanks.
disks=$(realpath --relative-to=. "$work")
qmp=$disks/qmp.sock
rm -f "$qmp"
exec "$here/boot.sh" --lane "$lane" --job demo --cpus 2 --mem 4G,maxmem=8G \
	--timeout "${DEMO_TIMEOUT:-600}" \
	--append "cma=256M@0-4G movablecore=2G memhp_default_state=online_movable" \
	--qemu "-object memory-backend-ram,id=vmem0,size=1G
		-device virtio-mem-pci,id=vm0,memdev=vmem0,block-size=2M,requested-size=512M
		-chardev socket,id=qmp0,path=$qmp,server=on,wait=off
		-mon chardev=qmp0,mode=control
		-chardev socket,id=qmp1,path=$qmp
		-device virtserialport,chardev=qmp1,name=qmp
		-device edu,dma_mask=0xffffffffffffffff
		-drive if=virtio,file=$disks/files.ext4,format=raw,snapshot=on
		-drive if=virtio,file=$disks/tools.ext4,format=raw,snapshot=on" \
	"${boot[@]}"
