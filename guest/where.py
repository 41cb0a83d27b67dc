#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""where.py MONITOR SYSTEM.MAP: where the CPUs of a guest are, for one that hangs.

Asks QEMU's monitor, a Unix socket, a few times, and prints a line for each CPU each
time: the function it is in. A CPU in the midst of a loop shows as such.
"""

import bisect
import re
import socket
import sys
import time

LOOKS, APART = 3, 0.3       # seconds
PROMPT = b"(qemu) "
CPU = re.compile(r"CPU#(\d+)(.*?)(?=CPU#|\Z)", re.S)
PC = re.compile(r"\b(?:RIP|EIP|PC)=([0-9a-f]+)")


def symbols(path):
    """Addresses of functions in order, and their names."""
    with open(path, encoding="ascii") as lines:
        found = sorted((int(address, 16), name) for address, kind, name in map(str.split, lines)
                       if kind in "tT")
    return [address for address, _ in found], [name for _, name in found]


def read_answer(monitor):
    text = b""
    while not text.endswith(PROMPT):
        piece = monitor.recv(65536)
        if not piece:
            raise EOFError("the monitor is gone")
        text += piece
    return text.decode(errors="replace")


def look(monitor, addresses, names):
    monitor.sendall(b"info registers -a\n")
    for number, registers in CPU.findall(read_answer(monitor)):
        found = PC.search(registers)
        pc = int(found.group(1), 16) if found else 0
        at = bisect.bisect(addresses, pc) - 1
        name = "%s+0x%x" % (names[at], pc - addresses[at]) if at >= 0 else "0x%x" % pc
        print("CPU %s: %s%s" % (number, name, ", halted" if "HLT=1" in registers else ""))


def main():
    addresses, names = symbols(sys.argv[2])
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(5)
        monitor.connect(sys.argv[1])
        read_answer(monitor)
        for number in range(LOOKS):
            time.sleep(APART if number else 0)
            look(monitor, addresses, names)


if __name__ == "__main__":
    try:
        main()
    except (OSError, EOFError) as error:
        sys.exit("where: %s" % error)
