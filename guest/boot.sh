#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest/boot.sh: boot a lane's kernel, run one job in it, keep the results.
#
#   --lane L        of lanes/lane.sh, which says how it boots (x86_64)
#   --job NAME      guest/jobs/NAME (hello)
#   --mem SIZE      memory; for QEMU also 2G,slots=2,maxmem=4G and the like (2G)
#   --cpus N        CPUs; uml has one (2)
#   --timeout S     the guest is killed and the run is red after S seconds (600)
#   --append "..."  more for the kernel command line. NAME=VALUE without a dot in
#                   NAME becomes an environment variable of the job
#   --qemu "..."    more arguments for QEMU (split at blanks)
#   --out DIR       results (build/results/LANE/JOB)
#   --kernel FILE   boot this image and not the lane's own
#   --tty           the job talks to this terminal (always so for the job shell)
#
# A job may ask for more of its guest in a line of its own, '# guest: WORD...':
#
#   workloads       the archive of that name (guest/initramfs.sh) beside the usual one
#   disk=MB         QEMU only: a virtio disk of that size, empty ext4, new for each boot
#   device=NAME     QEMU only: a device of that name
#   modules         the lane's modules of samples/contig, in /modules
#
# ACCEL=kvm in the environment: use KVM if a probe boot of 10 s proves that it
# works here; otherwise, and by default, TCG.
#
# Results: console.log (kernel and stderr of the job), report.txt (stdout of the
# job, also copied to stdout while it runs), verdict (written by PID 1 through a
# channel of its own), nonce, cmdline, config, seconds, of the lane gcov gcov.tar as
# well; where, once its time is almost over: what its CPUs are doing. Exit status 0
# means only that the verdict is 'pass' with the nonce of this boot; checks/gate.py
# looks at the rest.
set -euo pipefail

here=$(dirname "$0")
build=$here/../build
lane=x86_64 job=hello mem=2G cpus=2 limit=600 append='' extra=''
out='' kernel='' tty=0 socket=''

usage()
{
	sed -n 's/^#   \(--.*\)/  \1/p; s/^#    \(  *[^ ].*\)/   \1/p' "$0" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--tty)		tty=1; shift; continue ;;
	-h | --help)	usage ;;
	esac
	[ $# -ge 2 ] || usage
	case $1 in
	--lane)		lane=$2 ;;
	--job)		job=$2 ;;
	--mem)		mem=$2 ;;
	--cpus)		cpus=$2 ;;
	--timeout)	limit=$2 ;;
	--append)	append=$2 ;;
	--qemu)		extra=$2 ;;
	--out)		out=$2 ;;
	--kernel)	kernel=$2 ;;
	*)		usage ;;
	esac
	shift 2
done

out=${out:-$build/results/$lane/$job}
console=$out/console.log report=$out/report.txt verdict=$out/verdict
heartbeat=8		# seconds without a word from the job
splat='WARNING:|BUG:|Oops|Kernel panic|KASAN:|INFO: (possible|task|rcu)|unreferenced object|general protection'
[ "$job" != shell ] || tty=1

die()
{
	echo "boot: $*" >&2
	exit 1
}

# Old results must not be taken for new ones, also if it does not come to a boot.
rm -f "$out"/{console.log,report.txt,verdict,nonce,cmdline,config,seconds,gcov.tar,initrd,disk,where}

# shellcheck source=lanes/lane.sh
. "$here/../lanes/lane.sh"
lane_is "$lane" || die "no such lane, see lanes/lane.sh"
[ -n "$image" ] || die "lane $lane is only built"
: "${kernel:=$build/$lane/$image}"
initramfs=$build/guest${foreign:+-$foreign}/initramfs.cpio.gz
[ -e "$kernel" ] || die "no $kernel: run 'make kernel LANE=$lane' first"
[ -e "$initramfs" ] || die "no $initramfs: run 'make guest LANE=$lane' first"
[ -e "$here/jobs/$job" ] || die "no job '$job' in guest/jobs/"
wishes=$(sed -n 's/^# guest: //p' "$here/jobs/$job")

mkdir -p "$out"
: >"$console"
: >"$report"
: >"$verdict"
nonce=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
echo "$nonce" >"$out/nonce"
cp "$build/$lane/.config" "$out/config" 2>/dev/null || :

cmdline="$words panic=-1 panic_on_warn=1 oops=panic"
cmdline+=" contig.job=$job contig.nonce=$nonce"
[ "$lane" != gcov ] || cmdline+=" contig.coverage=1"
[ $tty = 0 ] || cmdline+=" contig.tty=1"
cmdline+=" $append"

# The initramfs may be several archives in a row.
use_archive()
{
	[ -e "${initramfs%/*}/$1.cpio.gz" ] ||
		die "no ${initramfs%/*}/$1.cpio.gz: needs stress-ng, then 'make guest'"
	cat "$initramfs" "${initramfs%/*}/$1.cpio.gz" >"$out/initrd"
	initramfs=$out/initrd
}

# What fits only this build of this lane's kernel is packed for each boot.
use_modules()
{
	local module

	{
		echo "dir /modules 755 0 0"
		for module in "$build/$lane"/samples/contig/*.ko; do
			[ -e "$module" ] || die "no module: run 'make kernel LANE=$lane'"
			echo "file /modules/${module##*/} $module 644 0 0"
		done
	} >"$out/modules.list"
	"$build/guest/gen_init_cpio" "$out/modules.list" | gzip -n1 |
		cat "$initramfs" - >"$out/initrd"
	rm "$out/modules.list"
	initramfs=$out/initrd
}

# There is no need to keep what the guest writes to it.
use_disk()
{
	PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F -t ext4 -E root_owner=0:0 "$out/disk" "$1M" \
		>/dev/null || die "no disk for the guest: needs mke2fs"
	disk=(-drive "if=virtio,file=$out/disk,format=raw,cache=unsafe")
}

disk=()
for wish in $wishes; do
	case $wish in
	workloads)	use_archive "$wish" ;;
	disk=*)		use_disk "${wish#*=}" ;;
	device=*)	extra+=" -device ${wish#*=}" ;;
	modules)	use_modules ;;
	*)		die "guest/jobs/$job asks for '$wish'" ;;
	esac
done

# The accelerator: KVM only where a boot has shown that it works.
accelerator()
{
	case ${ACCEL:-tcg}:$extra in
	kvm-unchecked:*)
		echo kvm
		return ;;
	kvm:*)
		if [ -w /dev/kvm ] && ACCEL=kvm-unchecked "$0" --lane "$lane" \
			--kernel "$kernel" --job hello --timeout 10 \
			--out "$out/kvm-probe" >/dev/null 2>&1; then
			echo kvm
			return
		fi
		echo "boot: KVM does not work here, going on with TCG" >&2 ;;
	esac
	case $extra in
	*-icount*)	echo tcg,thread=single ;;
	*)		echo tcg,thread=multi ;;
	esac
}

# Sets the array $guest to the command that runs the guest.
qemu_command()
{
	# shellcheck disable=SC2054,SC2206 # the commas are QEMU's; one argument for each word
	guest=($emulator -accel "$(accelerator)" -smp "$cpus" -m "$mem" -nodefaults -no-user-config -no-reboot
		-display none -kernel "$kernel" -initrd "$initramfs"
		-append "$cmdline"
		-device virtio-serial-pci,max_ports=5
		-chardev "file,id=verdict,path=$verdict"
		-device virtserialport,chardev=verdict,name=verdict
		-chardev "file,id=report,path=$report"
		-device virtserialport,chardev=report,name=report)
	if [ $tty = 1 ]; then
		guest+=(-chardev "stdio,id=con,mux=on,signal=off,logfile=$console"
			-serial chardev:con -mon chardev=con)
	else
		# where the name is short enough, whatever the results are called
		socket=$(mktemp -d)/monitor
		# shellcheck disable=SC2054 # the commas are QEMU's
		guest+=(-serial "file:$console" -chardev "socket,id=where,path=$socket,server=on,wait=off"
			-mon chardev=where)
	fi
	if [ "$lane" = gcov ]; then
		# shellcheck disable=SC2054 # the commas are QEMU's
		guest+=(-chardev "file,id=gcov,path=$out/gcov.tar"
			-device virtserialport,chardev=gcov,name=gcov)
	fi
	# shellcheck disable=SC2206 # split at blanks, as documented
	guest+=("${disk[@]}" $extra)
}

# The same for UML: its serial lines take the place of the two ports.
uml_command()
{
	local terminal=null,fd:1

	[ $tty = 0 ] || terminal=fd:0,fd:1
	cmdline="mem=$mem con=null con0=$terminal ssl=null ssl0=null,fd:3 ssl1=null,fd:4
		 contig.verdict=/dev/ttyS0 contig.report=/dev/ttyS1 $cmdline"
	# shellcheck disable=SC2206 # one argument for each word
	guest=("$kernel" "initrd=$initramfs" "uml_dir=$out/" $cmdline)
}

if [ -n "$emulator" ]; then
	qemu_command
else
	uml_command
fi
echo "$cmdline" >"$out/cmdline"

# Copy the report to stdout while the guest lives; speak up if it says nothing.
follow()
{
	local shown=0 size said=$SECONDS alive=1 late=$((SECONDS + limit - limit / 20 - 1))

	while [ $alive = 1 ]; do
		sleep 0.2
		kill -0 "$1" 2>/dev/null || alive=0
		size=$(stat -c %s "$report")
		if [ "$size" -gt "$shown" ]; then
			# tail dies of a pipe that is closed when there is more by now
			tail -c +$((shown + 1)) "$report" | head -c $((size - shown)) || :
			shown=$size said=$SECONDS
		elif [ $((SECONDS - said)) -ge $heartbeat ]; then
			printf '  [%s %s %ds] %s\n' "$lane" "$job" $SECONDS \
				"$(tail -n 1 "$console" | tr -d '\r' | cut -c 1-70)" >&2
			said=$SECONDS
		fi
		if [ -n "$socket" ] && [ $SECONDS -ge $late ]; then
			echo "$limit s are almost over" >"$out/where"
			python3 -B "$here/where.py" "$socket" "$build/$lane/System.map" >>"$out/where" 2>&1 || :
			late=$((late + limit))
		fi
	done
}

started=$(date +%s%N)
status=0
if [ $tty = 1 ]; then
	case $emulator in
	'')	"${guest[@]}" 3>"$verdict" 4>"$report" | tee "$console" ;;
	*)	"${guest[@]}" ;;
	esac || status=$?
else
	case $emulator in
	'')	timeout -k 5 "$limit" "${guest[@]}" </dev/null >"$console" 2>&1 \
			3>"$verdict" 4>"$report" & ;;
	*)	timeout -k 5 "$limit" "${guest[@]}" </dev/null 2>"$out/qemu.log" & ;;
	esac
	pid=$!
	trap 'kill $pid 2>/dev/null || :' EXIT
	follow $pid
	wait $pid || status=$?
	trap - EXIT
fi
rm -f "$out/initrd" "$out/disk" ${socket:+"$socket"}
[ -z "$socket" ] || rmdir "${socket%/*}"
awk -v from="$started" -v to="$(date +%s%N)" \
	'BEGIN { printf "%.1f\n", (to - from) / 1e9 }' >"$out/seconds"

if [ "$(cat "$verdict")" = "pass $nonce" ]; then
	exit 0
fi

{
	case $status in
	124 | 137)	echo "boot: killed after $limit s"
			[ ! -e "$out/where" ] || sed 's/^/boot: /' "$out/where" ;;
	esac
	[ ! -s "$out/qemu.log" ] || cat "$out/qemu.log"
	echo "boot: lane $lane, job $job: verdict '$(cat "$verdict")'; the end of $console:"
	tail -n 25 "$console"
	if grep -qE "$splat" "$console"; then
		echo "boot: the first sign of trouble in it:"
		grep -m 1 -nE -A 30 "$splat" "$console"
	fi
} >&2
exit 1
