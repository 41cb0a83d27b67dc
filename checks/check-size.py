#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""No function of our C over 60 lines, no file over 600.

The files in LONG are older than the limit; what is said there they may not exceed, and
an entry that is not needed any more goes.
"""
import glob
import os
import re
import sys

FUNCTION, FILE = 60, 600
LONG = {"tools/testing/selftests/mm/contig_" + name: lines for name, lines in (
    ("explain.c", 900), ("place.c", 620), ("range.c", 780), ("reasons.c", 620),
    ("stress.c", 740), ("util.c", 790))}
PLACES = ("mm", "include", "samples", "tools", "guest")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def functions(lines):
    """(name, first line, number of lines between the braces)"""
    start = name = None
    for number, line in enumerate(lines, 1):
        called = re.match(r"[A-Za-z_].*?(\w+)\(", line)
        if called:
            name = called.group(1)
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            yield name, start, number - start - 1
            start = None


def main():
    os.chdir(ROOT)
    wrong = found = 0
    for path in sorted(path for place in PLACES
                       for path in glob.glob(place + "/**/*.[ch]", recursive=True)):
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")
        limit = LONG.get(path, FILE)
        if len(lines) - 1 > limit:
            print(f"{path}: {len(lines) - 1} lines, {limit} is the limit")
            wrong += 1
        if limit > FILE >= len(lines) - 1:
            print(f"{path}: short enough, and still in the list of long files")
            wrong += 1
        for name, start, length in functions(lines):
            found += 1
            if length > FUNCTION:
                print(f"{path}:{start}: {name}() has {length} lines, {FUNCTION} is the limit")
                wrong += 1
    print(f"  {'looked':<8} at {found} functions")
    return 1 if wrong or not found else 0


sys.exit(main())
