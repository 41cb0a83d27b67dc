#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""frames.py [LANE...]: how much stack each function of mm/contig takes, 512 at the most.

Compiles each file as the lane did (x86_64, by default, and uml and debug if they were
built), with the compiler's own account of the frames. What the checkers of the lane
debug add to a frame is not the engine's: there, the limit is the kernel's for KASAN.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LANES = ("x86_64", "uml", "debug")
LIMIT = {"debug": 2048}
USUAL = 512
OURS = "mm/contig"
OTHERS = ("bench", "baseline")      # for measuring, not mailed


def frames(lane):
    """(bytes, kind, file, function) of each function"""
    out = ROOT / "build" / lane
    for notes in sorted((out / OURS).glob(".*.o.cmd")):
        name = notes.name[1:-len(".o.cmd")]
        if name.startswith(OTHERS):
            continue
        line = notes.read_text(encoding="utf-8").split("\n", 1)[0]
        command = line.split(":=", 1)[1].split(";")[0].strip().replace("ccache ", "", 1)
        with tempfile.TemporaryDirectory() as scratch:
            command = re.sub(r"-Wp,-MMD,\S+", "", command)
            command = re.sub(r" -o \S+\.o ", f" -fstack-usage -o {scratch}/x.o ", command)
            subprocess.run(command, shell=True, cwd=out, check=True, capture_output=True)
            for usage in pathlib.Path(scratch).glob("*.su"):
                for entry in usage.read_text(encoding="utf-8").splitlines():
                    place, size, kind = entry.split("\t")
                    if OURS in place:
                        yield int(size), kind, f"{OURS}/{name}.c", place.split(":")[-1]


def main():
    asked = sys.argv[1:]
    bad = looked = 0
    for lane in asked or LANES:
        limit = LIMIT.get(lane, USUAL)
        if not asked and not (ROOT / "build" / lane / OURS / ".take.o.cmd").exists():
            continue
        found = sorted(frames(lane), reverse=True)
        looked += len(found)
        for size, kind, file, function in found:
            if size > limit or "bounded" not in kind and "dynamic" in kind:
                print(f"{lane}: {file}: {function}() has a frame of {size} bytes ({kind})")
                bad += 1
        print(f"  {'looked':<8} at {len(found)} frames of lane {lane}, largest:",
              ", ".join(f"{function} {size}" for size, _, _, function in found[:3]))
    return 1 if bad or not looked else 0


sys.exit(main())
