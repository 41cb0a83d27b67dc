#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""frames.py [LANE...]: how much stack each function of mm/contig takes, 512 at the most.

Compiles each file as the lanes did (x86_64, if none is named), with the compiler's own
account of the frames; a file whose object is the one of last time is not compiled again.
What the checkers of the lane debug add to a frame is not the engine's: there, the limit
is the kernel's for KASAN. Prints KTAP, a test for each lane.
"""
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = {"debug": 2048}
USUAL = 512
OURS = "mm/contig"
OTHERS = ("bench", "baseline")      # for measuring, not mailed


def frames(lane):
    """(bytes, kind, file, function) of each function of the engine"""
    out = ROOT / "build" / lane
    kept = out / "frames.json"
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    now = {}
    for notes in sorted((out / OURS).glob(".*.o.cmd")):
        name = notes.name[1:-len(".o.cmd")]
        if not name.startswith(OTHERS) and (ROOT / OURS / (name + ".c")).exists():
            key = hashlib.sha256(notes.with_name(name + ".o").read_bytes() + notes.read_bytes()).hexdigest()
            old = known.get(name, {})
            now[name] = old if old.get("key") == key else {
                "key": key, "frames": list(frames_of(out, f"{OURS}/{name}.c"))}
            yield from map(tuple, now[name]["frames"])
    fresh = kept.with_suffix(".new")
    fresh.write_text(json.dumps(now), encoding="utf-8")
    fresh.replace(kept)


def frames_of(out, file):
    """The same of one file, compiled as it was in that O= directory."""
    notes = out / pathlib.Path(file).parent / f".{pathlib.Path(file).stem}.o.cmd"
    line = notes.read_text(encoding="utf-8").split("\n", 1)[0]
    command = line.split(":=", 1)[1].split(";")[0].strip().replace("ccache ", "", 1)
    with tempfile.TemporaryDirectory() as scratch:
        command = re.sub(r"-Wp,-MMD,\S+", "", command)
        command = re.sub(r" -o \S+\.o ", f" -fstack-usage -o {scratch}/x.o ", command)
        subprocess.run(command, shell=True, cwd=out, check=True)
        for usage in pathlib.Path(scratch).glob("*.su"):
            for entry in usage.read_text(encoding="utf-8").splitlines():
                place, size, kind = entry.split("\t")
                if file in place:
                    yield int(size), kind, file, place.split(":")[-1]


def look(number, lane):
    """One line of KTAP, and what is wrong as comments."""
    limit = LIMIT.get(lane, USUAL)
    try:
        found = sorted(frames(lane), reverse=True)
    except subprocess.CalledProcessError as error:
        print(f"not ok {number} {lane}: {error.cmd.split()[-1]} does not compile", flush=True)
        return False
    bad = [frame for frame in found if frame[0] > limit or frame[1] == "dynamic"]
    good = bool(found) and not bad
    for size, kind, file, function in bad:
        print(f"# {file}: {function}() has a frame of {size} bytes ({kind})")
    if not found:
        print(f"# no object of {OURS} in build/{lane}: make kernel LANE={lane}")
    print("# the largest:", ", ".join(f"{function}() {size}" for size, _, _, function in found[:3]))
    print(f"{'ok' if good else 'not ok'} {number} {lane}: {len(found)} frames of at most {limit} bytes", flush=True)
    return good


def main():
    lanes = sys.argv[1:] or ["x86_64"]
    print(f"TAP version 13\n1..{len(lanes)}", flush=True)
    return 0 if all([look(number, lane) for number, lane in enumerate(lanes, 1)]) else 1


if __name__ == "__main__":
    sys.exit(main())
