#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""run.py [--lanes] [BOOT...]: measure both engines side by side, print the table.

Boots what bench/scenarios.toml lists, or the named boots only (icount, memory,
memory-4, quick...), one after the other, and writes build/bench/results.json.
--lanes prints the kernels that these boots need and does nothing else. Exit status
0: everything was measured, whether or not it meets its target. What is missing or
not to be believed is an error, and is named.

results.json:

    version     1: of this format
    date        of the run, UTC, YYYY-MM-DD
    machine     of the host: cpu (model), cores, qemu and gcc (versions)
    kernel      version of the guests' kernel, null if no guest came that far
    boots       by name, in order: family (the boots that differ in x only), lane,
                mem, cpus, append, qemu (as guest/boot.sh was given them), pairs,
                clock ('instructions' or 'ns': what the guest's time counts),
                seconds (of the host), errors
    rows        one for each boot, scenario and x:
                  boot, scenario  names; bench/scenarios.toml has the titles
                  x               null, or where on the curve (its unit: same file)
                  unit            of the samples: instructions, ns, pages, faults/s
                  intree, contig  the base's engine and this one: samples (integers,
                                  in the order they were taken, in turn with the
                                  other engine's), min, median, max
                  ratio           of the medians, how many times better contig is;
                                  null where that would be a division by 0
                  target, limit   least ratio, and bound for contig's median, or null
                  met             true, false; null: it is held to nothing
    skipped     boot, scenario, reason
    errors      all that went wrong; with one, the run was not complete
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import plan
import samples
import table

TOP = pathlib.Path(__file__).resolve().parent.parent
TICK = 5                # seconds between two signs of life while samples come in


def where(boot):
    return pathlib.Path("build/results") / boot.lane / ("bench-" + boot.name)


def command(boot):
    words = ["guest/boot.sh", "--lane", boot.lane, "--job", "bench", "--mem", boot.mem,
             "--cpus", str(boot.cpus), "--timeout", str(boot.timeout),
             "--append", boot.words(), "--out", str(where(boot))]
    return words + (["--qemu", boot.qemu] if boot.qemu else [])


def follow(boot, lines):
    """Show the results as they come, and a sample now and then."""
    shown = time.monotonic()
    for line in lines:
        now = time.monotonic()
        if re.match("(not )?ok ", line) or now - shown > TICK:
            print("  [%s] %s" % (boot.name, line.rstrip()), flush=True)
            shown = now


def run(boot):
    """Boot; boot.sh's exit status and the seconds it took."""
    print("  %-8s %s" % ("BENCH", boot.name), flush=True)
    start = time.monotonic()
    # boot.sh may stop before it drops old results: they are not this boot's.
    shutil.rmtree(where(boot), ignore_errors=True)
    # Counting instructions is for QEMU's translator only, so no ACCEL=kvm here.
    with subprocess.Popen(command(boot), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, errors="replace",
                          env=dict(os.environ, ACCEL="tcg")) as process:
        follow(boot, process.stdout)
    return process.returncode, time.monotonic() - start


def first_match(pattern, text):
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1) if match else None


def output(*words):
    """What a program says; '' if it is not there."""
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False).stdout
    except OSError:
        return ""


def machine():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text(errors="replace")
    return {"cpu": first_match(r"^model name\s*:\s*(.+)$", cpuinfo),
            "cores": len(os.sched_getaffinity(0)),
            "qemu": first_match(r"version (\S+)", output("qemu-system-x86_64", "--version")),
            "gcc": output("gcc", "-dumpfullversion").strip() or None}


def empty():
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return {"version": 1, "date": today, "machine": machine(), "kernel": None,
            "boots": {}, "rows": [], "skipped": [], "errors": []}


def add(found, boot, scenarios, status, seconds):
    """Put what a boot left into the results."""
    log, errors = samples.judge(boot, scenarios, where(boot), status)
    console = samples.gate.read(where(boot) / "console.log")
    found["kernel"] = found["kernel"] or first_match(r"Linux version (\S+)", console)
    found["boots"][boot.name] = {
        "family": boot.family, "lane": boot.lane, "mem": boot.mem, "cpus": boot.cpus,
        "append": boot.words(), "qemu": boot.qemu, "pairs": boot.pairs,
        "clock": boot.clock, "seconds": round(seconds, 1), "errors": errors}
    found["rows"] += log.rows()
    found["skipped"] += [{"boot": boot.name, "scenario": name, "reason": reason}
                         for name, reason in log.skips.items()]
    found["errors"] += ["%s: %s" % (boot.name, error) for error in errors]


def write(found):
    """results.json is the whole run or the one before, never a part."""
    table.RESULTS.parent.mkdir(parents=True, exist_ok=True)
    new = table.RESULTS.with_suffix(".new")
    new.write_text(json.dumps(found, indent=1) + "\n")
    new.replace(table.RESULTS)


def show(found, scenarios):
    for line in table.lines(found, scenarios):
        print(line)
    print()
    for error in found["errors"]:
        print("ERROR %s" % error)
    print(table.totals(found), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--lanes", action="store_true")
    parser.add_argument("boots", nargs="*", metavar="BOOT")
    args = parser.parse_args()
    os.chdir(TOP)
    scenarios, boots = plan.load()
    try:
        chosen = plan.choose(boots, args.boots)
    except ValueError as error:
        return str(error)
    if args.lanes:
        print(*dict.fromkeys(boot.lane for boot in chosen))
        return 0
    found = empty()
    for boot in chosen:
        add(found, boot, scenarios, *run(boot))
    write(found)
    show(found, scenarios)
    return 1 if found["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
