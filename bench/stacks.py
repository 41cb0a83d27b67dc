#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Where a scenario spends its instructions, by engine: bench/stacks.py SCENARIO [SAMPLES]

Boots the lane bench under -icount with one scenario of guest/bench/ again and again,
stops the guest SAMPLES times and walks the stack of the CPU that runs. Samples with a
frame of one of the engines are kept; for each engine the functions are listed with the
share that they and all they call have, and with their own.
"""
import bisect
import collections
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

from steps import ROOT, symbols

ENGINES = {"intree_": "intree", "contig_alloc_range_noprof": "contig", "contig_alloc_contig_": "contig",
           "contig_free_contig_": "contig"}
DEPTH = 24
CPUS = 2


class Monitor:
    """QEMU's, for a person at a terminal, spoken to by a program."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.read()

    def read(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            text += more
        return text.decode(errors="replace")

    def ask(self, command):
        self.socket.sendall(command.encode() + b"\n")
        return self.read()


def words(text):
    return [int(w, 16) for line in re.findall(r"^[0-9a-f]{16}:(.*)$", text, re.M) for w in line.split()]


def stack(monitor):
    """Return addresses, innermost first, by frame pointers."""
    text = monitor.ask("info registers")
    rip, rbp = (int(re.search(name + r"=([0-9a-f]{16})", text).group(1), 16) for name in ("RIP", "RBP"))
    found = [rip]
    while len(found) < DEPTH and rbp >> 47 == 0x1ffff:
        frame = words(monitor.ask(f"x /2gx 0x{rbp:x}"))
        if len(frame) < 2 or frame[0] <= rbp:
            break
        rbp = frame[0]
        found.append(frame[1])
    return found


def engine_of(names):
    for name in names:
        for prefix, engine in ENGINES.items():
            if name.startswith(prefix):
                return engine
    return None


def sample(monitor, table, number):
    starts, names = table
    found = collections.defaultdict(list)
    for _ in range(number):
        time.sleep(0.003)
        monitor.ask("stop")
        for cpu in range(CPUS):
            monitor.ask(f"cpu {cpu}")
            frames = [names[bisect.bisect_right(starts, pc) - 1] for pc in stack(monitor)]
            if engine_of(frames):
                found[engine_of(frames)].append(frames)
        monitor.ask("cont")
    return found


def boot(scenario, work):
    qemu = ("-accel tcg,thread=single -icount shift=0,sleep=off "
            f"-monitor unix:{os.path.join(work, 'mon')},server,nowait")
    return subprocess.Popen([os.path.join(ROOT, "guest", "boot.sh"), "--lane", "bench", "--job", "bench",
                             "--mem", "1500M", "--append", f"cma=256M SET={scenario} PAIRS=1000", "--qemu", qemu,
                             "--out", work], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def show(engine, stacks):
    own, total = collections.Counter(), collections.Counter()
    for frames in stacks:
        own[frames[0]] += 1
        total.update(set(frames))
    print(f"{engine}: {len(stacks)} samples; with what it calls, own, function")
    for name, number in total.most_common(70):
        print(f"  {100 * number / len(stacks):5.1f} % {100 * own[name] / len(stacks):5.1f} %  {name}")


def main():
    scenario, number = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    table = symbols(os.path.join(ROOT, "build", "bench", "System.map"))
    with tempfile.TemporaryDirectory() as work:
        guest = boot(scenario, work)
        report = os.path.join(work, "report.txt")
        while guest.poll() is None and not (os.path.exists(report) and b"sample" in open(report, "rb").read()):
            time.sleep(0.2)
        monitor = Monitor(os.path.join(work, "mon"))
        found = sample(monitor, table, number)
        monitor.socket.sendall(b"quit\n")
        guest.wait()
    for engine in sorted(found):
        show(engine, found[engine])


if __name__ == "__main__":
    main()
