#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Every file of the series is in MAINTAINERS.

checkpatch can only ask whether new files were thought of; here the F: lines
are held against the files, and each of them has to match one.
"""
import fnmatch
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "series"))
from steps import overlay_files     # noqa: E402 (needs the path)


def matches(pattern, name):
    """As get_maintainer.pl has it: dir/ is all under it, * stops at a slash."""
    if pattern.endswith("/"):
        return name.startswith(pattern)
    return name.count("/") == pattern.count("/") and fnmatch.fnmatch(name, pattern)


def main():
    try:
        with open(os.path.join(ROOT, "MAINTAINERS"), encoding="utf-8") as f:
            patterns = [line.split(None, 1)[1].strip() for line in f if line.startswith("F:")]
    except FileNotFoundError:
        print("there is no MAINTAINERS")
        return 1
    files = sorted(overlay_files(ROOT))
    alone = [n for n in files if not any(matches(p, n) for p in patterns)]
    empty = [p for p in patterns if not any(matches(p, n) for n in files)]
    for name in alone:
        print(f"{name}: no F: line in MAINTAINERS")
    for pattern in empty:
        print(f"MAINTAINERS: F: {pattern} matches no file of the series")
    return 1 if alone or empty or not files or not patterns else 0


sys.exit(main())
