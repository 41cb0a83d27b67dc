#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""test.py [--all] [LANE/PART|LANE...]: run everything that must pass.

A part that fails does not keep the later ones from running. Ends with a table, one
row per part, and the line 'N passed, N failed, N skipped'. Every test case counts
as one; a part that ends badly counts as one failure at least. With arguments only
the named parts run (x86_64/kunit), the kernels being taken as they are; the name of
a lane stands for all of its parts, its kernel and the tree included; --all adds the
parts of make test-all. A name that stands for nothing is an error.
Exit status 0: something ran and nothing failed.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

import gate

TOP = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path("build/results")
LANES = ("x86_64", "uml", "debug", "arm64")
OTHER_LANES = ("arm64-64k", "numa", "i386", "kcsan", "kmsan")
WITH_FRAMES = ("arm64-64k", "numa", "i386")
ONLY_BUILT = ("allnoconfig", "no-compaction", "no-hotplug", "no-hugetlb", "block7", "llvm",
              "context")
GUESTS = 3              # large guests at a time: they wait now and then
SMALL = ("host", "shell", "unplug", "sample", "uml")    # beside them, one at a time
TICK = 8                # seconds between two progress lines while guests run
RED = re.compile(r"^\s*not ok |\bWRONG: |\bFAILED at |^boot: |Kernel panic|\bBUG: ")
MOST_RED = 40           # lines of a part

# What a guest is given for a job: arguments of guest/boot.sh. There is a hole between
# 1 GB and 4 GB, which begins within a pageblock, and one below.
GUEST = ["--mem", "2G", "--qemu", "-machine max-ram-below-4g=1G",
         "--append", "cma=128M movablecore=512M memmap=64M$0x30000000"]
# Where each page costs ten times as much at boot and when leaks are looked for
SLOW_GUEST = ["--mem", "1280M", "--append", "cma=64M movablecore=320M"]
# The same where the kernel clears what it hands out, or what it gets back
CLEAR = GUEST[:-1] + [GUEST[-1] + " init_on_alloc=1"]
ALL_CLEAR = SLOW_GUEST[:-1] + [SLOW_GUEST[-1] + " init_on_free=1 contig_tests.stride=9"]
# Unmapping free pages more than doubles that, as each page then flushes the TLB.
SLOW_CLEAR = ALL_CLEAR[:-1] + [ALL_CLEAR[-1] + " debug_pagealloc=off"]
# Every step of the engine with every kind of range: some minutes
FAULTS = SLOW_GUEST[:-1] + [SLOW_GUEST[-1] + " SUITES=contig_fault"]
FUZZ = SLOW_GUEST[:-1] + [SLOW_GUEST[-1] + " MINUTES=10"]
UML = ["--mem", "1G"]
# Above 4 GB there is nothing but the CMA area and ZONE_MOVABLE: both get full.
SELFTEST = ["--mem", "1664M", "--qemu", "-machine max-ram-below-4g=1G",
            "--append", "cma=128M movablecore=512M REQUESTS=800 PAUSE=20"]
# Memory that the host can take away; ZONE_MOVABLE is nothing else. The monitor is on a
# port of the guest's.
QMP = RESULTS / "x86_64" / "unplug" / "qmp.sock"
UNPLUG = ["--mem", "768M,maxmem=4G", "--qemu",
          "-object memory-backend-ram,id=vmem0,size=1G "
          "-device virtio-mem-pci,id=vm0,memdev=vmem0,block-size=2M,requested-size=256M "
          "-chardev socket,id=qmp0,path=%s,server=on,wait=off "
          "-mon chardev=qmp0,mode=control -chardev socket,id=qmp1,path=%s "
          "-device virtserialport,chardev=qmp1,name=qmp" % (QMP, QMP),
          "--append", "memhp_default_state=online_movable START_MB=256"]
# All that the device reaches is a quarter of it.
SAMPLE = ["--mem", "1G"]
# The checkers make each page some ten times as dear; KASAN's share is at the end.
# What flushes TLBs is left to the KUnit suite, and so are the stacks that page_owner
# saves.
ALL_SLOW = ["--mem", "1536M", "--qemu", "-machine max-ram-below-4g=1G",
            "--append", "cma=32M movablecore=384M LOAD_PERCENT=10 ROUNDS=8 REQUESTS=60 PLACE=cma "
            "debug_pagealloc=off page_owner=off"]
# Requests at random are the part stress, KFENCE has no pool here. What is lost shows in
# the lane x86_64, where each request is made often enough for that; contigstat's tests
# run there, too.
SLOW = ALL_SLOW[:-1] + [ALL_SLOW[-1] + " CHURN=1 PAUSE=500 CONTIG_REPEAT=3 PROGRAMS="
                        "contig_explain,contig_wait,contig_range,contig_move,contig_reasons,"
                        "contig_words,contig_look:"
                        "map_adds_up:why_of_ours:why_of_hugetlb:why_not_of_memory"]
# A minute of it, with one of each of the others: `make stress` has them all.
STRESS = ["--mem", "640M", "--append",
          "cma=32M movablecore=192M GROUP=load ALONE=vmsplice "
          "debug_pagealloc=off page_owner=off"]
SLOW_SAMPLE = ["--mem", "1G", "--append",
               "LOAD_PERCENT=20 debug_pagealloc=off page_owner=off"]

# The machine virt has its memory from 1 GB on. Pages of CMA that the kernel keeps for DMA
# would be nobody's in ZONE_MOVABLE, which is the end of it.
ARM64 = ["--mem", "1G", "--cpus", "4", "--append", "cma=64M@1G-1536M movablecore=256M"]
ARM64_SELFTEST = [*ARM64[:-1], ARM64[-1] + " REQUESTS=400 ROUNDS=40"]
ARM64_64K = ["--mem", "10G", "--cpus", "4", "--append", "cma=512M movablecore=2G"]
# For a while each zone keeps a block more free than usual.
ARM64_64K_SELFTEST = ["--mem", "12G", *ARM64_64K[2:-1], "cma=512M movablecore=4G"
                      " REQUESTS=400 ROUNDS=40 LOAD_PERCENT=35"]
# 1 GB below 4 GB and 512 MB above are node 0; 1536 MB above them node 1, with a hole.
NUMA = ["--mem", "3G", "--cpus", "4", "--qemu", "-machine max-ram-below-4g=1G "
        "-smp sockets=2,cores=2,threads=1 "
        "-object memory-backend-ram,id=m0,size=1536M -object memory-backend-ram,id=m1,size=1536M "
        "-numa node,nodeid=0,memdev=m0,cpus=0-1 -numa node,nodeid=1,memdev=m1,cpus=2-3",
        "--append", "memmap=256M$0x130000000 cma=64M@0-1G movablecore=768M"]
# What a program gets is on the node of its CPU: of the programs, all are on node 0.
NUMA_SELFTEST = [word.replace("cpus=0-1", "cpus=0-3").replace(",cpus=2-3", "") for word in NUMA]
SMP8 = ["--cpus", "8"] + GUEST
# The kernel has addresses for 896 MB; behind them, HIGHMEM comes first. Memory ends with a section.
I386 = ["--mem", "2G", "--append", "mem=1920M cma=64M movablecore=512M"]
# What programs get comes from HIGHMEM first: the CMA area has to be there to get full.
I386_SELFTEST = [*I386[:-1], I386[-1].replace("64M", "64M@1G-1280M") + " REQUESTS=400 ROUNDS=40"]
KCSAN = ["--mem", "2G", "--cpus", "4", "--append", "cma=128M movablecore=512M"]
# Short: all programs but those that look at one thing after the other
KCSAN_SELFTEST = KCSAN[:-1] + [KCSAN[-1] + " JOB=selftest PROGRAMS=contig_range,contig_move,"
                               "contig_stress,contig_place ROUNDS=20 REQUESTS=100"]
# Two thirds of the memory are what KMSAN knows of the rest.
KMSAN = ["--mem", "4G", "--append", "cma=64M movablecore=320M contig_tests.stride=9"]
MEGABYTE = ["--mem", "2G", "--append", "cma=1G"]
# Of fewer blocks than kinds of them the kernel would not keep any for what can move.
MEGABYTE_64K = ["--mem", "4G", "--append", "cma=1G"]
# Lane, part, seconds, arguments; what is before a dash in the part is the job.
OTHER_GUESTS = (
    ("arm64", "selftest", 1800, ARM64_SELFTEST),
    ("arm64", "megabyte", 600, MEGABYTE),
    ("arm64-64k", "megabyte", 600, MEGABYTE_64K),
    ("arm64-64k", "kunit", 1200, ARM64_64K),
    ("numa", "kunit", 900, NUMA),
    ("numa", "selftest", 1800, NUMA_SELFTEST),
    ("x86_64", "kunit-smp8", 900, SMP8),
    ("i386", "kunit", 900, I386),
    ("i386", "selftest", 1800, I386_SELFTEST),
    ("kcsan", "races", 1200, KCSAN),
    ("kcsan", "races-selftest", 1800, KCSAN_SELFTEST),
    ("kmsan", "kunit", 1800, KMSAN),
    ("arm64-64k", "selftest", 1800, ARM64_64K_SELFTEST),    # not beside the other of 10 GB
)


class Part:
    """One row of the table."""

    def __init__(self, lane, name, run, parallel=False, asked=False):
        self.lane, self.name, self.run, self.parallel = lane, name, run, parallel
        self.asked = asked      # runs only if it is named, or with --all
        self.text = []
        self.passed = self.failed = self.skipped = 0
        self.seconds = 0.0

    def __str__(self):
        return "%s/%s" % (self.lane, self.name)

    def is_small(self):
        return self.lane in SMALL or self.name in SMALL

    def execute(self, red):
        """Run, unless the tree or the kernel that it needs could not be made."""
        start = time.monotonic()
        broken = red & {"host/tree", self.lane + "/build"}
        try:
            if broken and self.lane != "host":
                raise OSError("not run, there is no " + broken.pop())
            self.passed, self.failed, self.skipped = self.run(self)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.say("%s: %s\n" % (self, error))
            self.failed = 1
        if not self.passed + self.failed + self.skipped:
            self.failed = 1
        self.seconds = time.monotonic() - start
        self.say("=== %s: %d passed, %d failed, %d skipped, %.0f s\n" %
                 (self, self.passed, self.failed, self.skipped, self.seconds))

    def say(self, text):
        """Shown at once, or when the part is over if it shares the terminal."""
        if self.parallel:
            self.text.append(text)
        else:
            print(text, end="", flush=True)

    def command(self, *words):
        """Run a command whose output belongs to this part."""
        if not self.parallel:
            return subprocess.run(words, stdin=subprocess.DEVNULL, check=False)
        done = subprocess.run(words, stdin=subprocess.DEVNULL, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              errors="replace")
        self.say(done.stdout)
        return done


def command(*words):
    """A part that is one test: the command's exit status."""
    def run(part):
        good = part.command(*words).returncode == 0
        return int(good), int(not good), 0
    return run


def made(lane):
    """A part that makes a lane's kernel and what its guests run; the packages as well."""
    return command("make", "--no-print-directory", "kernel", "guest", "LANE=" + lane)


def only_built(lane):
    """The same for a kernel that nothing boots: its objects are of no more use."""
    def run(part):
        counts = command("make", "--no-print-directory", "kernel", "LANE=" + lane)(part)
        if counts[0] and not lane == "context":     # which has objects only
            absent = command("checks/absent.sh", "build/" + lane)(part)
            counts = tuple(map(sum, zip(counts, absent)))
        shutil.rmtree(pathlib.Path("build") / lane, ignore_errors=True)
        return counts
    return run


def ktap(*words):
    """A part that prints KTAP on the host, shown while it runs."""
    def run(part):
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT if part.parallel else None,
                              text=True, errors="replace") as process:
            text = []
            for line in process.stdout:
                part.say(line)
                text.append(line)
        report = gate.Report("".join(text))
        for problem in report.problems:
            part.say("# %s\n" % problem)
        bad = report.problems or report.skips or process.returncode
        return report.passed, len(report.failures) or int(bool(bad)), len(report.skips)
    return run


def guest(job, limit, *arguments):
    """A part that runs a job in a guest and asks the gate."""
    def run(part):
        where = RESULTS / part.lane / part.name
        part.command("guest/boot.sh", "--lane", part.lane, "--job", job,
                     "--timeout", str(limit), "--out", str(where), *arguments)
        counts = where / "counts"
        counts.unlink(missing_ok=True)
        part.command(sys.executable, "-B", "checks/gate.py", str(where), "--counts",
                     str(counts), "--skips", "lanes/%s.skips" % part.lane)
        return tuple(int(word) for word in counts.read_text().split())
    return run


def with_faults(run):
    """The same, and one more: the table of faults has a test for each point."""
    def both(part):
        passed, failed, skipped = run(part)
        where = RESULTS / part.lane / part.name
        good = part.command("checks/faults.py", str(where)).returncode == 0
        return passed + good, failed + (not good), skipped
    return both


def parts():
    """All parts, in order; tests that the tree does not have yet leave no row."""
    yield Part("host", "gate", ktap(sys.executable, "checks/gate-test.py"))
    if os.path.exists("checks/series-test.sh"):
        yield Part("host", "series", ktap("checks/series-test.sh"), True)
    if os.path.exists("bench/tests.py"):
        yield Part("host", "bench", ktap(sys.executable, "bench/tests.py"))
    yield Part("host", "contigstat", ktap(sys.executable, "checks/contigstat-test.py"))
    yield Part("host", "tree", command("make", "--no-print-directory", "tree", "guest"))
    for lane in LANES:
        yield Part(lane, "build", made(lane))
    yield from parts_of_others()
    yield Part("x86_64", "symbols", ktap("checks/symbols.sh"))
    for lane in LANES:
        yield Part(lane, "frames", ktap(sys.executable, "-B", "checks/frames.py", lane))
    # The slowest first: the others run beside it.
    yield Part("debug", "stress", guest("stress", 900, *STRESS), True)
    yield Part("debug", "selftest", guest("selftest", 900, *SLOW), True)
    yield Part("debug", "selftest-all", guest("selftest", 1800, *ALL_SLOW), True, True)
    yield Part("debug", "kunit", guest("kunit", 600, *SLOW_CLEAR), True)
    yield Part("debug", "kunit-all", guest("kunit", 1200, *ALL_CLEAR), True, True)
    yield Part("debug", "faults", with_faults(guest("kunit", 1800, *FAULTS)), True, True)
    yield Part("debug", "fuzz", guest("fuzz", 1500, *FUZZ), True, True)
    yield Part("x86_64", "selftest", guest("selftest", 900, *SELFTEST), True)
    if os.path.exists("tools/testing/contig/Makefile"):
        yield Part("host", "plan", ktap("make", "-s", "-C", "tools/testing/contig", "test"),
                   True)
    yield Part("arm64", "kunit", guest("kunit", 600, *ARM64), True)
    yield Part("x86_64", "shell", ktap(sys.executable, "-B", "checks/shell-test.py"), True)
    yield Part("x86_64", "kunit", guest("kunit", 600, *CLEAR), True)
    yield Part("x86_64", "unplug", guest("unplug", 300, *UNPLUG), True)
    yield Part("debug", "sample", guest("sample", 600, *SLOW_SAMPLE), True, True)
    yield Part("x86_64", "sample", guest("sample", 300, *SAMPLE), True)
    yield Part("uml", "kunit", guest("kunit", 300, *UML), True)


def parts_of_others():
    """What make test-all runs besides: other machines, other configurations."""
    for lane in OTHER_LANES:
        yield Part(lane, "build", made(lane), asked=True)
    for lane in ONLY_BUILT:
        yield Part(lane, "build", only_built(lane), asked=True)
    for lane in WITH_FRAMES:
        yield Part(lane, "frames", ktap(sys.executable, "-B", "checks/frames.py", lane),
                   asked=True)
    for lane, name, limit, arguments in OTHER_GUESTS:
        job = name.partition("-")[0]
        yield Part(lane, name, guest(job, limit, *arguments), True, True)


def run_alone(chosen):
    """The parts on the host; what failed."""
    red = set()
    for part in chosen:
        print("\n=== %s" % part, flush=True)
        part.execute(red)
        if part.failed:
            red.add(str(part))
    return red


def run_beside(chosen, red):
    """
    The guests, a few at a time, and a small part beside them: a guest does not always
    have something to do. Each one's output comes in one piece at its end.
    """
    terminal = threading.Lock()
    running = {}

    def one(part):
        running[part] = time.monotonic()
        part.execute(red)
        del running[part]
        with terminal:
            print("\n=== %s\n%s" % (part, "".join(part.text)), end="", flush=True)

    with concurrent.futures.ThreadPoolExecutor(GUESTS) as guests, \
            concurrent.futures.ThreadPoolExecutor(1) as beside:
        waiting = [(beside if part.is_small() else guests).submit(one, part)
                   for part in chosen]
        while waiting:
            done, waiting = concurrent.futures.wait(waiting, TICK)
            for job in done:
                job.result()
            with terminal:
                print("  running:", ", ".join(
                    "%s %.0f s" % (part, time.monotonic() - start)
                    for part, start in list(running.items())) or "-", flush=True)


def show_red(done):
    """Once more at the end, where it is looked for: what the red parts said of it."""
    for part in done:
        lines = [line for line in "".join(part.text).splitlines() if RED.search(line)]
        if part.failed and lines:
            print("\n=== %s failed" % part, *lines[:MOST_RED], sep="\n", flush=True)


def table(done):
    form = "%-13s %-10s %7s %7s %7s %8s"
    print("\n" + form % ("lane", "part", "passed", "failed", "skipped", "seconds"))
    for part in done:
        print(form % (part.lane, part.name, part.passed, part.failed, part.skipped,
                      "%.0f" % part.seconds))
    sums = [sum(getattr(part, what) for part in done)
            for what in ("passed", "failed", "skipped")]
    print("\n%d passed, %d failed, %d skipped" % tuple(sums), flush=True)
    return sums


def is_wanted(part, words):
    """By its name, by its lane, or as all others if nothing is named."""
    if not words or part.lane in words:
        return not part.asked or part.lane in words and part.lane not in LANES
    needed = str(part) == "host/tree" and any(lane in words for lane in LANES)
    return needed or str(part) in words


def choose(words):
    """The parts to run; each word has to stand for one."""
    known = list(parts())
    if words == ["--all"]:
        return known
    lost = [word for word in words
            if not any(word in (part.lane, str(part)) for part in known)]
    if lost:
        sys.exit("test.py: no such lane or part: " + " ".join(lost))
    return [part for part in known if is_wanted(part, words)]


def main():
    os.chdir(TOP)
    chosen = choose(sys.argv[1:])
    red = run_alone([part for part in chosen if not part.parallel])
    run_beside([part for part in chosen if part.parallel], red)
    show_red(chosen)
    passed, failed, _ = table(chosen)
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
