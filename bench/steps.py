#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Instructions per kernel function, exactly: bench/steps.py COMMAND [ENGINE]

Boots the lane bench, lets the guest repeat COMMAND (of mm/contig/bench.c, e.g.
'pair 1 1000000') and, in the middle of that, has QEMU log each instruction for a
moment. Prints the functions with their share; where ONCE is given, the name of a
function that runs once a round, also the instructions per round.

  bench/steps.py 'pair 1 1000000' contig --once cma_alloc
"""
import argparse
import bisect
import collections
import os
import re
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PC = re.compile(rb"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/", re.M)


def symbols(path):
    """Sorted addresses of functions, and their names."""
    table = []
    with open(path, encoding="ascii") as f:
        for line in f:
            address, kind, name = line.split()[:3]
            if kind in "tTwW":
                table.append((int(address, 16), name))
    table.sort()
    return [a for a, _ in table], [n for _, n in table]


def tell(monitor, command):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(monitor)
        time.sleep(0.2)
        s.sendall(command.encode() + b"\n")
        time.sleep(0.3)


def trace(command, engine, work, moment):
    """The log of QEMU, taken while the command repeats itself."""
    monitor, log = os.path.join(work, "mon"), os.path.join(work, "log")
    words = f"cma=256M ENGINE={engine} COMMAND={command.replace(' ', ',')}"
    qemu = ("-accel tcg,thread=single -icount shift=0,sleep=off -singlestep "
            f"-monitor unix:{monitor},server,nowait -D {log}")
    guest = subprocess.Popen([os.path.join(ROOT, "guest", "boot.sh"), "--lane", "bench", "--job", "repeat",
                              "--mem", "1500M", "--append", words, "--qemu", qemu, "--out", work],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    console = os.path.join(work, "console.log")
    while guest.poll() is None:
        time.sleep(0.5)
        if os.path.exists(console) and b"job repeat" in open(console, "rb").read():
            break
    time.sleep(moment)
    tell(monitor, "log exec,nochain")
    tell(monitor, "log none")
    tell(monitor, "quit")
    guest.wait()
    with open(log, "rb") as f:
        return [int(pc, 16) for pc in PC.findall(f.read())]


def count(pcs, starts, names, once):
    """Instructions per function, and how often each was entered."""
    spent, entered = collections.Counter(), collections.Counter()
    for pc in pcs:
        at = bisect.bisect_right(starts, pc) - 1
        spent[names[at]] += 1
        entered[names[at]] += starts[at] == pc
    return spent, entered, entered[once] if once else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command")
    parser.add_argument("engine", nargs="?", default="contig")
    parser.add_argument("--once")
    parser.add_argument("--moment", type=float, default=2, help="seconds to wait before the log begins")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        pcs = trace(args.command, args.engine, work, args.moment)
    starts, names = symbols(os.path.join(ROOT, "build", "bench", "System.map"))
    spent, entered, rounds = count(pcs, starts, names, args.once)
    for name, number in spent.most_common(40):
        per = f"{number / rounds:10.1f} a round {entered[name] / rounds:8.2f} calls" if rounds else ""
        print(f"{number:9} {100 * number / len(pcs):5.1f} % {per}  {name}")
    if rounds:
        print(f"{len(pcs) / rounds:.0f} instructions a round, {rounds} rounds")


if __name__ == "__main__":
    main()
