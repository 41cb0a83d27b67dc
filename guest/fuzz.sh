#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest/fuzz.sh LANE MINUTES SEED: the job fuzz in a guest, judged by the gate.
set -euo pipefail

lane=$1 minutes=$2 seed=$3
here=$(dirname "$0")
out=$here/../build/results/$lane/fuzz

make --no-print-directory -C "$here/.." kernel guest LANE="$lane"
"$here/boot.sh" --lane "$lane" --job fuzz --out "$out" --mem 1280M \
	--timeout $((minutes * 60 + 900)) \
	--append "cma=64M movablecore=320M MINUTES=$minutes SEED=$seed" ||
	echo "fuzz: SEED=$seed" >&2
python3 -B "$here/../checks/gate.py" "$out"
