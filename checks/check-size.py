#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""No function of our C over 60 lines, no file over 600."""
import glob
import os
import re
import sys

FUNCTION, FILE = 60, 600
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
        if len(lines) - 1 > FILE:
            print(f"{path}: {len(lines) - 1} lines, {FILE} is the limit")
            wrong += 1
        for name, start, length in functions(lines):
            found += 1
            if length > FUNCTION:
                print(f"{path}:{start}: {name}() has {length} lines, {FUNCTION} is the limit")
                wrong += 1
    print(f"  {'looked':<8} at {found} functions")
    return 1 if wrong or not found else 0


sys.exit(main())
