#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""coverage.py [JOB...]: which lines of mm/contig run in the tests, and which do not.

Boots the lane gcov once for each job (kunit, selftest, stress), adds up what the guests
counted and, of plan.c and scan.c, their test in user space. Prints a line for each
file and each line that did not run. Of those, checks/coverage.allow has to name each,
with the reason:

	mm/contig/file.c function() the line as it stands there # why it does not run

A line there that fits none, as it runs by now or is gone, is an error as well, unless
the reason begins with "by chance: "; and so is less than 95 % in all. --look leaves
out the boots and looks at the last results.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build/gcov"
RESULTS = ROOT / "build/results/gcov"
WORK = RESULTS / "data"
ALLOW = ROOT / "checks/coverage.allow"
OURS = "mm/contig"
TARGET = 95.0
CASES = "50000"            # of the test in user space
JOBS = {
    "kunit": ["--timeout", "2400", "--mem", "1280M",
              "--append", "cma=64M movablecore=320M"],
    "selftest": ["--timeout", "2400", "--mem", "1536M",
                 "--qemu", "-machine max-ram-below-4g=1G",
                 "--append", "cma=32M movablecore=384M LOAD_PERCENT=10 ROUNDS=8 "
                 "REQUESTS=200 PLACE=cma debug_pagealloc=off page_owner=off"],
    "stress": [],       # as make stress boots it
}


def boot(job):
    if job == "stress":
        return not subprocess.run(["guest/stress.sh", "gcov"], check=False,
                                  env=dict(os.environ, MINUTES="5")).returncode
    where = RESULTS / job
    subprocess.run(["guest/boot.sh", "--lane", "gcov", "--job", job, "--out", str(where),
                    *JOBS[job]], check=False, stdin=subprocess.DEVNULL)
    gate = subprocess.run([sys.executable, "-B", "checks/gate.py", str(where), "--skips",
                           "lanes/debug.skips"], check=False)
    return gate.returncode == 0


def unpack(job):
    """The counters of one boot, each file under the name of its object."""
    to = WORK / job
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    with tarfile.open(RESULTS / job / "gcov.tar") as archive:
        for member in archive:
            place = member.name.find(f"{OURS}/")
            if member.isfile() and place >= 0:
                name = member.name[place + len(OURS) + 1:]
                (to / name).write_bytes(archive.extractfile(member).read())
    return to


def merge(parts):
    """The sum of all boots, beside the notes of the compiler."""
    total = WORK / "all"
    shutil.rmtree(total, ignore_errors=True)
    shutil.copytree(parts[0], total)
    for part in parts[1:]:
        both = WORK / "both"
        shutil.rmtree(both, ignore_errors=True)
        subprocess.run(["gcov-tool", "merge", "-o", both, total, part], check=True)
        shutil.rmtree(total)
        both.rename(total)
    for note in (OUT / OURS).glob("*.gcno"):
        shutil.copy(note, total)
    return total


def user_space():
    """The counters of the arithmetic in user space, in the directory of its objects."""
    out = WORK / "user"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    subprocess.run(["make", "-s", "-C", "tools/testing/contig", f"OUT={out}",
                    "CC=gcc --coverage", f"{out}/plain-test"], check=True)
    subprocess.run([out / "plain-test", CASES], check=True, stdout=subprocess.DEVNULL)
    return out


def read(places):
    """file -> line number -> how often it ran; an inline function is in many objects"""
    lines = collections.defaultdict(collections.Counter)
    for data in sorted(data for place in places for data in place.glob("*.gcda")):
        told = subprocess.run(["gcov", "--json-format", "--stdout", data.name],
                              cwd=data.parent, check=True, capture_output=True, text=True)
        for text in told.stdout.splitlines():
            for file in json.loads(text)["files"]:
                name = file["file"][file["file"].find(OURS):]
                if name.startswith(OURS):
                    for line in file["lines"]:
                        lines[name][line["line_number"]] += line["count"]
    return lines


def allowed():
    """(file, function, text) -> reason"""
    entries = {}
    for line in ALLOW.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            place, reason = line.rsplit(" # ", 1)
            file, function, text = place.split(" ", 2)
            entries[file, function, text.strip()] = reason
    return entries


def stands(name, function, text):
    """Is there such a line, whether it runs or not?"""
    return function in (ROOT / name).read_text(encoding="utf-8").replace("(", "()") and \
        text in (ROOT / name).read_text(encoding="utf-8")


def uncovered(lines):
    for name in sorted(lines):
        text = (ROOT / name).read_text(encoding="utf-8").split("\n")
        function = ""
        for number, line in enumerate(text, 1):
            called = re.match(r"[A-Za-z_].*?(\w+)\(", line)
            function = called.group(1) + "()" if called else function
            if lines[name].get(number) == 0:
                yield name, number, function, line.strip()


def table(lines):
    ran = known = 0
    print(f"\n{'file':32} {'lines':>6} {'ran':>6} {'%':>7}")
    for name in sorted(lines):
        counts = lines[name].values()
        hit = sum(1 for count in counts if count)
        print(f"{name:32} {len(counts):6} {hit:6} {100 * hit / len(counts):7.1f}")
        ran, known = ran + hit, known + len(counts)
    share = 100 * ran / known if known else 0
    print(f"{'all':32} {known:6} {ran:6} {share:7.1f}\n")
    return share


def judge(lines, share):
    reasons, used, bad = allowed(), set(), 0
    for name, number, function, text in uncovered(lines):
        key = name, function, text
        used.add(key)
        bad += key not in reasons
        print(f"{name}:{number}: {function} {text} # {reasons.get(key, 'NOT EXPLAINED')}")
    for key, reason in reasons.items():
        if key not in used and not (reason.startswith("by chance: ") and stands(*key)):
            print(f"{ALLOW.name}: runs by now, or is gone:", *key)
            bad += 1
    if share < TARGET:
        print(f"coverage: {share:.1f} % is less than {TARGET} %")
        bad += 1
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--look", action="store_true")
    parser.add_argument("jobs", nargs="*", default=list(JOBS))
    args = parser.parse_args()
    os.chdir(ROOT)
    red = [job for job in args.jobs if not (args.look or boot(job))]
    lines = read([merge([unpack(job) for job in args.jobs]), user_space()])
    bad = judge(lines, table(lines))
    for job in red:
        print(f"coverage: the job {job} has failed")
    print(f"coverage: {'bad' if bad or red else 'good'}")
    return 1 if bad or red else 0


sys.exit(main())
