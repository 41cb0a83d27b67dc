#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""make bisect: does the series hold at every step, and not only at its end?

Each step is built with the configuration of the lane x86_64 and with allnoconfig,
booted, its KUnit suites run, and what it touches is looked at by checkpatch,
kernel-doc, W=1, sparse and get_maintainer.pl. A file of the base is held to what
it was before: it must not complain more. One tree steps forward, with one O=
directory for each configuration, so that a step compiles little.

build/bisect/NNNN-name/ has the logs of a step, and a stamp if all was well: where the
tree after the step is still what it was, and so are compiler, configuration, guest and
what decides here, it is not done again, but for AGAIN=1.
STEPS='0003 0004' does these only; everything before them is taken for granted.
QUICK=1 only looks: no kernel is linked or booted.
"""
import collections
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from figures import OPTIONAL, part_of
from mail import MAILED, mail
from steps import ROOT, Problem, load, main, say
from tree import LINUX, TIP, ZERO, finish_interrupted, linux_git, locked, tree, write

sys.path.insert(0, os.path.join(ROOT, "checks"))
import test as machines             # noqa: E402 (needs the path; says what a guest of the lane is given)
from frames import frames_of        # noqa: E402

BUILD = os.path.join(ROOT, "build")
TOP = os.path.join(BUILD, "bisect")
OBJECTS = {"x86_64": os.path.join(BUILD, "x86_64"),     # the O= directories
           "allnoconfig": os.path.join(BUILD, "allnoconfig"),
           "w1": os.path.join(TOP, "w1")}
MORE = ("numa", "fault")                                 # what else our files are looked at with
ONLY_32_BITS = "mm/contig/tests/highmem_test.c"
SPARSE = "sparse -D__typeof_unqual__=__typeof__"       # 0.6.4 does not know it, and then checks nothing
PLANTED = "static int planted_space(int __user *p)\n{\n\treturn *p;\n}\nstatic void *planted = planted_space;\n"
TELLS = "dereference of noderef"
TICK = 8                # seconds between two signs of life
DECIDES = ("series/stepwise.py", "checks/gate.py", "checks/check-patch.allow", "lanes/x86_64.skips",
           "lanes/lane.sh", "guest/boot.sh", "guest/init.c", "guest/account.h", "guest/jobs/hello",
           "guest/jobs/kunit")
AGAIN = os.environ.get("AGAIN", "0") not in ("", "0")
QUICK = os.environ.get("QUICK", "0") not in ("", "0")
COLUMNS = ("checkpatch", "kernel-doc", "maintainers", "W=1 sparse", "x86_64", "allnoconfig", "boot")


class Failed(Exception):
    """A check of a step is red; the argument says why."""


# --- running things ---------------------------------------------------------------

def environment():
    """Nothing of the machine or the moment goes into a kernel, nor our make's flags."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "GIT_"))}
    return dict(env, LC_ALL="C", CCACHE_DEPEND="1", KBUILD_BUILD_TIMESTAMP="1970-01-01 00:00:00",
                KBUILD_BUILD_VERSION="1", KBUILD_BUILD_USER="contig", KBUILD_BUILD_HOST="lane")


def run(words, log, what):
    """A command whose output goes to log, with a sign of life now and then; its status."""
    began = said = time.monotonic()
    with open(log, "w", encoding="utf-8") as f:
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT,
                              env=environment(), cwd=ROOT) as child:
            while child.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - said >= TICK:
                    said = time.monotonic()
                    say("", f"{what} {said - began:.0f} s: {last_line(log)}")
            return child.returncode


def last_line(log):
    lines = read(log)[-2000:].rstrip().split("\n")
    return re.sub(r"\s+", " ", lines[-1])[:70]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def output(*words, where=LINUX):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, cwd=where, env=environment(),
                          check=False, text=True, errors="replace")
    return done.stdout + done.stderr


def kbuild(where, log, *words):
    """make in one of the O= directories; the log."""
    compiler = "ccache gcc" if shutil.which("ccache") else "gcc"
    words = ["make", "-C", LINUX, "O=" + OBJECTS[where], "CC=" + compiler,
             f"-j{os.cpu_count()}", *words]
    if run(words, log, where):
        raise Failed(f"make failed: {log}\n" + "\n".join(complaints(log) or read(log).split("\n")[-12:]))
    return log


def complaints(log):
    told = re.compile(r"\b(warning|error)\b.*:|: (warning|error)\b|\*\*\*")
    return [line for line in read(log).split("\n") if told.search(line)]


def fragments():
    """What the configuration of the lane x86_64 is made of."""
    return tuple(output("lanes/lane.sh", "x86_64", "fragments", where=ROOT).split())


# --- the tree -----------------------------------------------------------------------

class Walk:
    """The tree that goes from step to step, and what each of them touches."""

    def __init__(self, steps, patches):
        self.patches = patches
        self.steps = [step for step in steps if step.mailed]
        self.git = linux_git()
        self.at = self.git.out("rev-parse", TIP)
        self.commits = self.git.out("rev-list", "--reverse", f"{ZERO}..{MAILED}").split()
        self.ours = {name for step in self.steps for name in step.files}
        self.fragments = fragments()

    def go(self, commit):
        """Only what differs is written, so that no more is compiled than has to be."""
        self.git.run("read-tree", "-m", "-u", self.at, commit)
        self.at = commit

    def before(self, number):
        return self.commits[number - 1] if number else self.git.out("rev-parse", ZERO)

    def touched(self, number):
        """The files of a step that are there after it."""
        return self.git.out("diff-tree", "-r", "--name-only", "--no-renames", "--diff-filter=AM",
                            self.before(number), self.commits[number]).split("\n")

    def key(self, number):
        """Changes when the outcome may."""
        words = (*machines.GUEST, output("gcc", "--version"), output("ld", "--version"))
        sha = hashlib.sha256("\0".join(words).encode())
        for name in DECIDES + tuple(f"lanes/{part}.config" for part in self.fragments + MORE):
            sha.update(read(os.path.join(ROOT, name)).encode())
        sha.update(self.git.out("rev-parse", self.commits[number] + "^{tree}").encode())
        sha.update(self.git.out("show", "-s", "--format=%B", self.commits[number]).encode())
        return sha.hexdigest()


# --- what is looked at ----------------------------------------------------------------

def allowed():
    """Pairs of path and type that checks/check-patch.allow has a reason for."""
    for line in read(os.path.join(ROOT, "checks", "check-patch.allow")).split("\n"):
        words = line.split()
        if len(words) > 2 and not line.startswith("#"):
            yield words[0], words[1]


def links():
    """A directory of links to build/linux: without .git, checkpatch calls no other tools, and leaves no cache."""
    where = os.path.join(TOP, "links")
    shutil.rmtree(where, ignore_errors=True)
    os.makedirs(where)
    for name in os.listdir(LINUX):
        if not name.startswith("."):
            os.symlink(os.path.join(LINUX, name), os.path.join(where, name))
    return where


def check_patch(walk, number, logs):
    text = output("./scripts/checkpatch.pl", "--strict", "--no-signoff", "--no-summary", "--quiet", "--terse",
                  "--showfile", "--show-types", "--color=never", "--ignore", "FILE_PATH_CHANGES",
                  walk.patches[number], where=links())
    with open(os.path.join(logs, "checkpatch.log"), "w", encoding="utf-8") as f:
        f.write(text)
    free = set(allowed())
    found = [line for line in text.split("\n") if line.strip() and
             (line.split(":")[0], line.split(":")[3] if line.count(":") > 3 else "") not in free]
    if found:
        raise Failed("\n".join(found[:20]))


def kernel_doc(files):
    """What kernel-doc objects to, without the line numbers."""
    files = [name for name in files if name.endswith((".c", ".h"))]
    text = output("python3", "-B", "scripts/kernel-doc", "-none", "-Wall", *files) if files else ""
    return collections.Counter(re.sub(r":\d+", "", line) for line in text.split("\n") if line)


def check_maintainers(walk, number, _logs):
    """People for each file of ours, which stands in the list where it belongs."""
    lonely = []
    for name in walk.ours.intersection(walk.touched(number)):
        told = output("./scripts/get_maintainer.pl", "--no-git", "--no-git-fallback", "--no-l", "--roles", "-f", name)
        if not re.search(r"\((maintainer|reviewer|supporter)", told):
            lonely.append(f"{name}: nobody looks after it")
    lines = read(os.path.join(LINUX, "MAINTAINERS")).split("\n")
    for i, line in enumerate(lines):
        if line.startswith("F:\t") and is_ours(line[3:], walk.ours):
            near = [other for other in (lines[i - 1], line, lines[i + 1]) if other.startswith("F:\t")]
            if near != sorted(near):
                lonely.append(f"MAINTAINERS:{i + 1}: out of order: {line}")
    if lonely:
        raise Failed("\n".join(lonely))


def is_ours(pattern, ours):
    return pattern in ours or (pattern.endswith("/") and any(name.startswith(pattern) for name in ours))


def objects(files):
    """What make has to be told to compile the files."""
    return [name[:-2] + ".o" for name in files if name.endswith(".c") and not name.startswith("tools/")
            and name != ONLY_32_BITS and os.path.exists(os.path.join(LINUX, name))]


def forget(where, name):
    """An object that was compiled before, so that the compiler warns again."""
    path = os.path.join(OBJECTS[where], name)
    if os.path.exists(path):
        os.unlink(path)


def is_module(name):
    """sparse 0.6.4 takes what MODULE_INFO() is made of for an error, and then is silent about the rest."""
    return "MODULE_LICENSE(" in read(os.path.join(LINUX, name))


def look_closely(files, log):
    """W=1, and sparse where it can, on these; what they say, without line numbers."""
    sources = [name[:-2] + ".c" for name in objects(files)]
    told = ""
    for name in objects(files):
        forget("w1", name)
    for modules, words in ((False, ["C=1", "V=1", "CHECK=" + SPARSE]), (True, [])):
        some = [name for name in sources if is_module(name) == modules]
        if some:
            kbuild("w1", log, "W=1", *words, *objects(some))
            told += read(log)
        if some and not modules:
            prove_sparse(some, log)
    found = [re.sub(r":\d+(:\d+)?:", ":", line.replace("../", "")) for line in told.split("\n")
             if re.search(r": (warning|error):", line)]
    return collections.Counter(line for line in found if any(name.split("/")[-1] in line for name in files))


def prove_sparse(files, log):
    """sparse ran on each file, and on the first one sees an error that is planted in it."""
    text = read(log)
    for name in (name[:-2] + ".c" for name in objects(files)):
        if not re.search(rf"(?m)^\s*{re.escape(SPARSE)} .*/{re.escape(name)}$", text):
            raise Failed(f"{name}: sparse was not run")
    first = objects(files)[0][:-2] + ".c"
    call = re.search(rf"(?m)^\s*({re.escape(SPARSE)} .*/{re.escape(first)})$", text).group(1)
    planted = os.path.join(TOP, "planted.c")
    with open(planted, "w", encoding="utf-8") as f:
        f.write(read(os.path.join(LINUX, first)) + PLANTED)
    done = subprocess.run(call.rsplit(" ", 1)[0] + " " + planted, shell=True, cwd=OBJECTS["w1"],
                          capture_output=True, check=False, text=True, errors="replace")
    if TELLS not in done.stdout + done.stderr:
        raise Failed(f"{first}: sparse does not see a planted error")


# --- building and booting ---------------------------------------------------------------

def kconfig_state(walk, wanted):
    """All that a configuration is made of."""
    files = [line for line in walk.git.out("ls-tree", "-r", walk.at).split("\n") if "Kconfig" in line]
    return hashlib.sha256("\n".join(files + [wanted]).encode()).hexdigest()


def configure(walk, where, parts, logs):
    """allnoconfig and what the fragments ask for and this step has, unless it is that already."""
    os.makedirs(OBJECTS[where], exist_ok=True)
    wanted = "".join(read(os.path.join(ROOT, "lanes", part + ".config")) for part in parts)
    config, note = (os.path.join(OBJECTS[where], name) for name in (".config", ".bisect"))
    state = kconfig_state(walk, wanted)
    if os.path.exists(config) and os.path.exists(note) and read(note) == state + read(config):
        return
    with open(os.path.join(TOP, "wanted.config"), "w", encoding="utf-8") as f:
        f.write(wanted)
    kbuild(where, os.path.join(logs, where + "-config.log"),
           "KCONFIG_ALLCONFIG=" + os.path.join(TOP, "wanted.config"), "allnoconfig")
    with open(note, "w", encoding="utf-8") as f:
        f.write(state + read(config))


def build(walk, where, parts, files, logs):
    """All of a kernel; what this step touches is compiled anew."""
    configure(walk, where, parts, logs)
    for name in objects(files):
        forget(where, name)
    log = kbuild(where, os.path.join(logs, where + ".log"), "bzImage", *(["modules"] if parts else []))
    if complaints(log):
        raise Failed("\n".join(complaints(log)[:20]))


def boot(logs):
    """The KUnit suites, or, before there are any, just a boot; how many cases passed."""
    has_tests = "CONFIG_CONTIG_KUNIT_TEST=y" in read(os.path.join(OBJECTS["x86_64"], ".config"))
    job = "kunit" if has_tests else "hello"
    where = os.path.join(logs, job)
    run(["guest/boot.sh", "--lane", "x86_64", "--job", job, "--timeout", "900", "--out", where,
         "--kernel", os.path.join(OBJECTS["x86_64"], "arch/x86/boot/bzImage"), *machines.GUEST],
        os.path.join(logs, "boot.log"), job)
    counts = os.path.join(logs, "counts")
    log = os.path.join(logs, "gate.log")
    if run([sys.executable, "-B", "checks/gate.py", where, "--counts", counts, "--skips", "lanes/x86_64.skips"],
           log, "gate"):
        raise Failed("\n".join(line for line in read(log).split("\n") if line.startswith("not ok")))
    return read(counts).split()[0] if has_tests else "ok"


def costs(walk, log):
    """Bytes of code, and stack frames, of what the engine is made of and what it replaces."""
    configure(walk, "x86_64", walk.fragments, os.path.dirname(log))
    top = OBJECTS["x86_64"]
    names = ["mm/page_alloc.o", "mm/cma.o", "drivers/virtio/virtio_mem.o"]
    engine = os.path.join(LINUX, "mm", "contig")
    kbuild("x86_64", log, *names, *(["mm/contig/"] if os.path.isdir(engine) else []))
    if os.path.isdir(engine):
        names += ["mm/contig/" + name[:-1] + "o" for name in sorted(os.listdir(engine))
                  if name.endswith(".c") and os.path.exists(os.path.join(top, "mm", "contig", name[:-1] + "o"))]
    paths = [os.path.join(top, name) for name in names]
    told = output("size", *paths).split("\n")[1:]
    stack = {function: size for name in names if not name.startswith("drivers/")
             for size, _, _, function in frames_of(pathlib.Path(top), name[:-1] + "c") if size >= 64}
    link([path for name, path in zip(names, paths) if part_of(name) not in OPTIONAL], log)
    return {"sizes": {name: int(line.split()[0]) for name, line in zip(names, told)},
            "stack": stack}


def link(paths, log):
    """The objects as one, beside the log, for scripts/bloat-o-meter."""
    told = output("ld", "-r", "-o", log[:-len("log")] + "o", *paths)
    if told:
        raise Failed(told)


def bloat(before, after):
    """What scripts/bloat-o-meter counts in the functions: added, gone, grown, shrunk; bytes up and down."""
    if not os.path.exists(before):
        return None             # the first step was not asked for yet
    told = output("scripts/bloat-o-meter", "-t", before, after)
    head = re.match(r"add/remove: (\d+)/(\d+) grow/shrink: (\d+)/(\d+) up/down: (\d+)/-(\d+) ", told)
    if not head:
        raise Failed("bloat-o-meter says: " + told[:200])
    words = ("add", "remove", "grow", "shrink", "up", "down")
    return dict(zip(words, map(int, head.groups())))


# --- a step -------------------------------------------------------------------------------

def more(now, before, ours):
    """What is said now and was not said before; of our own files nothing may be said at all."""
    new = now - collections.Counter({line: n for line, n in before.items()
                                     if not any(name in line for name in ours)})
    if new:
        raise Failed("\n".join(sorted(new)[:20]))


def one_step(walk, number, logs, outcome):
    """All checks of a step; outcome gets a word for each, in the order of COLUMNS."""
    files = walk.touched(number)
    old = [name for name in files if name not in walk.ours]
    walk.go(walk.before(number))
    configure(walk, "w1", walk.fragments + MORE, logs)
    if number == 0:             # for the cover letter
        outcome["base"] = costs(walk, os.path.join(logs, "base.log"))
    doc_before = kernel_doc(old)
    close_before = look_closely(old, os.path.join(logs, "w1-before.log"))
    walk.go(walk.commits[number])

    def attempt(what, work):
        began = time.monotonic()
        try:
            outcome[what] = work() or "ok"
        except Failed as why:
            outcome[what] = "FAILED"
            print(f"error: {walk.steps[number].name}: {what}:\n{why}", file=sys.stderr, flush=True)
        say(what, f"{outcome[what]}, {time.monotonic() - began:.0f} s")

    def closely():
        configure(walk, "w1", walk.fragments + MORE, logs)
        more(look_closely(files, os.path.join(logs, "w1.log")), close_before, walk.ours)

    attempt("checkpatch", lambda: check_patch(walk, number, logs))
    attempt("kernel-doc", lambda: more(kernel_doc(files), doc_before, walk.ours))
    attempt("maintainers", lambda: check_maintainers(walk, number, logs))
    attempt("W=1 sparse", closely)
    if number == len(walk.steps) - 1:
        outcome["end"] = costs(walk, os.path.join(logs, "end.log"))
        outcome["bloat"] = bloat(os.path.join(logs_of(walk.steps[0]), "base.o"), os.path.join(logs, "end.o"))
    if QUICK:
        return
    attempt("x86_64", lambda: build(walk, "x86_64", walk.fragments, files, logs))
    attempt("allnoconfig", lambda: build(walk, "allnoconfig", (), files, logs))
    if outcome["x86_64"] == "ok":
        attempt("boot", lambda: boot(logs))


def logs_of(step):
    return os.path.join(TOP, "quick" if QUICK else "", step.name)


def do_step(walk, number):
    """The outcome of a step, taken from its stamp if that is still true."""
    step = walk.steps[number]
    logs = logs_of(step)
    stamp = os.path.join(logs, "stamp")
    key = walk.key(number)
    if os.path.exists(stamp):
        known = json.loads(read(stamp))
        if known["key"] == key and not AGAIN:
            say("STEP", f"{step.name}: green already")
            return known
    say("STEP", f"{step.name} ({number + 1} of {len(walk.steps)}): {step.subject()}")
    shutil.rmtree(logs, ignore_errors=True)
    os.makedirs(logs)
    outcome, began = {"key": key}, time.monotonic()
    try:
        one_step(walk, number, logs, outcome)
    except Failed as why:       # before there was anything to attempt
        outcome["W=1 sparse"] = "FAILED"
        print(f"error: {step.name}: the files as they were:\n{why}", file=sys.stderr, flush=True)
    outcome["seconds"] = round(time.monotonic() - began)
    outcome["green"] = "FAILED" not in outcome.values()
    if outcome["green"]:
        with open(stamp, "w", encoding="utf-8") as f:
            json.dump(outcome, f)
    return outcome


def table(walk, outcomes):
    print("\n" + f"{'step':34}" + "".join(f"{what:>13}" for what in COLUMNS) + f"{'seconds':>9}")
    for number, outcome in outcomes.items():
        print(f"{walk.steps[number].name:34}" + "".join(f"{outcome.get(what, '-'):>13}" for what in COLUMNS)
              + f"{outcome['seconds']:>9}")
    green = sum(outcome["green"] for outcome in outcomes.values())
    print(f"\n{green} passed, {len(outcomes) - green} failed, {len(walk.steps) - len(outcomes)} skipped", flush=True)
    return 0 if green == len(outcomes) else 1


def bisect():
    tree()
    os.makedirs(TOP, exist_ok=True)
    walk = Walk(load(), mail(os.path.join(TOP, "mails"), letter=False))
    if len(walk.patches) != len(walk.steps) or len(walk.commits) != len(walk.steps):
        raise Problem("the mails and build/linux do not have the steps of series/series")
    only = os.environ.get("STEPS", "").split()
    outcomes = {}
    write(LINUX, "contig-busy", walk.at)
    try:
        for number, step in enumerate(walk.steps):
            if not only or step.name[:4] in only:
                outcomes[number] = do_step(walk, number)
    finally:
        finish_interrupted(walk.git)
    return table(walk, outcomes)


if __name__ == "__main__":
    main(lambda: locked(bisect))
