#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest/initramfs.sh TREE OUT LANE: the root file system of the guests of that lane, in
# OUT or, if they are of another architecture than this machine, in OUT-ARCHITECTURE.
#
# PID 1, busybox, the static programs guest/*.c and contigstat in /bin, the kselftest
# programs contig_* in /tests (contig_util*.c and contig_tool.c are what they share), the
# jobs in /jobs and what they share in /etc. Rewritten only if something changed.
# The archive is made by the kernel's own gen_init_cpio: no root, no device nodes.
#
# stress-ng and the libraries it is linked with are many times as large as all that:
# they are an archive of their own, workloads.cpio.gz, which guest/boot.sh appends for
# the jobs that ask for it. Without stress-ng on this machine there is no such archive.
set -euo pipefail

here=$(dirname "$0")
# shellcheck source=lanes/lane.sh
. "$here/../lanes/lane.sh"
lane_is "$3"
tree=$1
out=$2${foreign:+-$foreign}
busybox=$(command -v busybox)
selftests=$here/../tools/testing/selftests/mm
tools=$here/../tools/mm
base_tests=$tree/tools/testing/selftests

mkdir -p "$out/bin" "$out/tests"
# One at a time: two makes would write the same programs, lists and archives.
exec 9>"$out/.lock"
until flock -w 5 9; do
	echo "  WAIT     another make is busy with $out"
done
if [ -n "$foreign" ]; then
	busybox=$out/busybox
	"$here/busybox.sh" "$foreign" "$busybox"
fi

# compile SOURCE PROGRAM [ARGUMENT...]: a static program, if it is out of date
compile()
{
	local source=$1 program=$2

	shift 2
	if [ -e "$program" ] &&
	   [ -z "$(find "$source" "$0" "${shared[@]}" "$here"/*.h "$here"/*/*.h \
		   "$selftests"/*.h "$tools"/*.h -newer "$program")" ]; then
		return
	fi
	echo "  CC       ${source#"$here/../"}"
	"${cross}gcc" -O2 -Wall -static -pthread -D_GNU_SOURCE= "$@" -o "$program.new" "$source" \
		"${shared[@]}"
	mv "$program.new" "$program"	# what is there is whole
}

shared=()
cross='' compile "$tree/usr/gen_init_cpio.c" "$out/gen_init_cpio"
for source in "$here"/*.c; do
	compile "$source" "$out/bin/$(basename "$source" .c)"
done
shared=("$tools"/contigstat_*.c)
compile "$tools/contigstat.c" "$out/bin/contigstat" -Wextra
shared=("$here"/bench/[!m]*.c)
compile "$here/bench/main.c" "$out/bin/bench"

includes=(-I"$selftests" -I"$base_tests" -I"$base_tests/mm" -I"$tree/tools/include/uapi")
if [ -e "$selftests/contig_util.c" ]; then
	util=("$selftests"/contig_util*.c "$base_tests/mm/vm_util.c")
	mapfile -t shared < <(find "$here/stress" -name '*.c' ! -name main.c | sort)
	shared+=("${util[@]}")
	compile "$here/stress/main.c" "$out/bin/stress" "${includes[@]}"
	shared=("${util[@]}" "$selftests/contig_tool.c")
fi
for source in "$selftests"/contig_*.c; do
	case ${source##*/} in
	contig_util*.c | contig_tool.c | "contig_*.c") continue ;;
	esac
	# the harness of the base prints pointers as 64-bit numbers, also where they are not
	compile "$source" "$out/tests/$(basename "$source" .c)" -Wno-pointer-to-int-cast \
		"${includes[@]}"
done

# One line per entry, as gen_init_cpio reads it
list()
{
	local dir applet file

	for dir in /dev /proc /sys /tmp /bin /etc /mnt /jobs /tests; do
		echo "dir $dir 755 0 0"
	done
	echo "slink /sbin bin 777 0 0"
	echo "nod /dev/console 600 0 0 c 5 1"
	echo "nod /dev/null 666 0 0 c 1 3"
	echo "file /init $out/bin/init 755 0 0"
	echo "file /bin/busybox $busybox 755 0 0"
	for applet in $(busybox --list); do
		case $applet in
		busybox | init) ;;
		*) echo "slink /bin/$applet busybox 777 0 0" ;;
		esac
	done
	for file in "$out"/bin/*; do
		# no leftovers; PID 1 has its own place
		[ -e "$here/${file##*/}.c" ] || [ -e "$here/${file##*/}/main.c" ] ||
			[ -e "$tools/${file##*/}.c" ] || continue
		[ "${file##*/}" != init ] || continue
		echo "file /bin/${file##*/} $file 755 0 0"
	done
	for file in "$out"/tests/*; do
		[ -e "$selftests/${file##*/}.c" ] || continue
		echo "file /tests/${file##*/} $file 755 0 0"
	done
	echo "file /etc/ktap.sh $here/ktap.sh 644 0 0"
	for file in "$here"/jobs/*; do
		echo "file /jobs/${file##*/} $file 755 0 0"
	done
}

# The loader where the program names it, each library where the loader found it here.
list_stress_ng()
{
	local program files file

	[ -z "$foreign" ] && program=$(command -v stress-ng) || return 0
	files=$(ldd "$program" | awk '$1 ~ "^/" { print $1 } $3 ~ "^/" { print $3 }')
	for file in /usr/bin/stress-ng $files; do
		while file=${file%/*} && [ -n "$file" ]; do
			echo "dir $file 755 0 0"
		done
	done | sort -u
	echo "file /usr/bin/stress-ng $program 755 0 0"
	for file in $files; do
		echo "file $file $(realpath "$file") 755 0 0"
	done
}

# archive NAME LIST [DIR...]: NAME.cpio.gz of what the function LIST prints, unless
# neither that has changed nor one of the files, nor something in a DIR
archive()
{
	local name=$1 list=$out/$1.list files

	"$2" >"$list.new"
	shift 2
	mapfile -t files < <(awk '$1 == "file" { print $3 }' "$list.new")
	if [ ! -s "$list.new" ]; then
		rm -f "$list.new" "$list" "$out/$name.cpio.gz"
		return
	fi
	if cmp -s "$list.new" "$list" && [ -e "$out/$name.cpio.gz" ] &&
	   [ -z "$(find "$@" "${files[@]}" -type f -newer "$out/$name.cpio.gz")" ]; then
		rm "$list.new"
		return
	fi
	"$out/gen_init_cpio" -t 0 "$list.new" | gzip -n1 >"$out/$name.new"
	mv "$out/$name.new" "$out/$name.cpio.gz"
	mv "$list.new" "$list"
	echo "  CPIO     $out/$name.cpio.gz"
}

archive initramfs list "$here"
archive workloads list_stress_ng
