#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lanes/lane.sh [LANE WORD]: what a lane is; nothing else knows.
#
# Sourced, it gives lane_is LANE, which sets these words. Called, it prints one of them.
#
#   arch       ARCH of Kbuild
#   cross      what the names of its compiler and of its tools begin with
#   compiler   gcc or the clang of that name
#   fragments  of its configuration, lanes/*.config; the last one wins
#   target     what Kbuild makes
#   options    more words on its command line
#   image      the kernel that boots, below the lane's O= directory; none: only built
#   foreign    whose programs its guest runs: Debian's name of that architecture; none: ours
#   emulator   how QEMU's command line begins; none: the kernel is a program
#   words      what the kernel's command line has to say
#   packages   Debian's, that only this lane needs
#
# shellcheck disable=SC2034 # whoever sources this reads them

lane_is()
{
	arch=x86_64 cross='' compiler=gcc fragments='' target=bzImage options=''
	image=arch/x86/boot/bzImage foreign='' packages=''
	# The kernel tests its timer interrupt by counting loops, and panics if there
	# was none; on a machine that is busy QEMU comes too late for it.
	# Nor may it watch its TSC: the watchdog waits for the other CPU with interrupts
	# off, and that CPU for this one if it is in stop_machine(); before the first
	# clock source is chosen no time passes meanwhile, and the boot hangs for good.
	words='console=ttyS0 no_timer_check tsc=nowatchdog'
	# No five-level page tables: they make each walk longer, and while the
	# kernel reads its CPU's features anew, KASAN takes an interrupt for a wild
	# access, as it computes its bounds for four levels in that moment.
	emulator='qemu-system-x86_64 -machine q35 -cpu max,la57=off,erms=off,fsrm=off'

	case $1 in
	x86_64)		fragments='common files qemu x86_64 poison tags contig sample' target+=' modules' ;;
	debug)		fragments='common files qemu x86_64 debug poison tags fault contig sample'
			target+=' modules' words+=' page_owner=on' ;;
	gcov)		fragments='common files qemu x86_64 debug poison tags fault gcov contig sample'
			target+=' modules' words+=' page_owner=on' ;;
	bench)		fragments='common files qemu x86_64 contig bench' ;;
	latency)	fragments='common files qemu x86_64 contig bench latency' ;;
	numa)		fragments='common files qemu x86_64 numa tags contig' ;;
	kcsan)		fragments='common qemu x86_64 kcsan contig' ;;
	kmsan)		fragments='common qemu x86_64 kmsan contig'; with_clang 19 ;;
	uml)		uml; fragments='common files uml contig' ;;
	bench-uml)	uml; fragments='common files uml contig bench' ;;
	arm64)		arm64; fragments='common files qemu arm64 arm64-4k contig' ;;
	arm64-64k)	arm64; fragments='common files qemu arm64 arm64-64k contig' ;;
	i386)		i386; fragments='common files qemu x86_64 i386 contig' ;;
	allnoconfig)	only_built ;;
	no-compaction)	only_built small contig no-compaction ;;
	no-hotplug)	only_built small no-hotplug contig ;;
	no-hugetlb)	only_built small no-hugetlb contig ;;
	block7)		only_built small block7 contig ;;
	llvm)		only_built small contig; with_clang 19 ;;
	# Kconfig waits for clang 23, which is in no suite yet; for our files 22 will do.
	context)	only_built small contig; with_clang 22
			target=mm/contig/ options='CONFIG_WARN_CONTEXT_ANALYSIS=y CONTEXT_ANALYSIS=y' ;;
	*)		return 1 ;;
	esac
}

uml()
{
	arch=um target=linux image=linux emulator='' words=''
}

arm64()
{
	arch=arm64 cross=aarch64-linux-gnu- target=Image image=arch/arm64/boot/Image foreign=arm64
	emulator='qemu-system-aarch64 -machine virt -cpu cortex-a57'
	words='console=ttyAMA0'
	packages='gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-system-arm'
}

i386()
{
	arch=i386 cross=i686-linux-gnu- foreign=i386
	# As max, QEMU is of a kind of which the kernel says that two do not go together.
	emulator='qemu-system-i386 -machine q35 -cpu coreduo'
	packages='gcc-i686-linux-gnu libc6-dev-i386-cross'
}

with_clang()	# VERSION
{
	compiler=clang-$1 packages="clang-$1 lld-$1 llvm-$1"
}

only_built()	# FRAGMENT...
{
	fragments=$* target=vmlinux image='' emulator='' words=''
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -eu
	lane_is "$1" || { echo "lanes/lane.sh: no lane '$1'" >&2; exit 1; }
	echo "${!2}"
fi
