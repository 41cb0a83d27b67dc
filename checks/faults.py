#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""faults.py [RESULTDIR]: which test makes which step of the engine fail, and what then.

Reads the report of a kunit job in a lane with CONFIG_CONTIG_FAULT (by default
build/results/debug/faults), in which the suite contig_fault says for each request at
which step what happened. Prints a table; exit status 1 if a point named in
mm/contig/fault.c never failed, nothing ever happened at a step, or no point is found.
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAULT = re.compile(r"# (\w+): fault (\w+)(?: in (\w+) (once|always))?: failed (\d+), "
                   r"got (-?\d+) (\w+)")
STEP = re.compile(r"# (\w+): step (\w+) in (\w+): (reached|not reached), got (-?\d+) (\w+)")


def names():
    """The points of the engine, and those of them that are steps only."""
    text = (ROOT / "mm/contig/fault.c").read_text(encoding="utf-8")
    return re.findall(r"\[CONTIG_(FAULT|STEP)_\w+\]\s*= \"(\w+)\"", text)


def collect(text):
    """(point, test, how, outcome) -> the kinds of ranges"""
    rows = collections.defaultdict(list)
    for test, point, scene, how, failed, err, reason in FAULT.findall(text):
        if int(failed):
            rows[point, test, how or "-", f"{err} {reason}"].append(scene or "-")
    for test, point, scene, reached, err, reason in STEP.findall(text):
        if reached == "reached":
            scenes = rows[point, test, "-", f"{err} {reason}"]
            if scene not in scenes:
                scenes.append(scene)
    return rows


def main():
    where = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                         ROOT / "build/results/debug/faults")
    rows = collect((where / "report.txt").read_text(encoding="utf-8", errors="replace"))
    points, missing = names(), 0
    print(f"{'point':14} {'test':26} {'fails':7} {'outcome':19} ranges")
    for kind, point in points:
        mine = [(key, scenes) for key, scenes in rows.items() if key[0] == point]
        for (_, test, how, outcome), scenes in mine:
            print(f"{point:14} {test:26} {how:7} {outcome:19} {' '.join(scenes)}")
        tests = {key[1] for key, _ in mine}
        if not tests or (kind == "FAULT" and not any("fault" in test for test in tests)):
            print(f"{point:14} NO TEST MAKES IT FAIL")
            missing += 1
    print(f"{len(points)} points, {missing} without a test")
    return 1 if missing or not points else 0


sys.exit(main())
