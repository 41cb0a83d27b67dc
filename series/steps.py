#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The series as data: reads series/series and holds it to its rules.

A step is a message, the files it brings and at most one hook, a patch to files
of the base. It may also take a block out of a file of the base (cut.py), or, if
it is not mailed, put such blocks back. Run as a program it checks all that can be
known without a base and prints what is wrong, one line each; see series/series for
the format.
"""
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Directories of the repository that land in the kernel tree as they stand.
OVERLAY = ("Documentation", "arch", "drivers", "include", "kernel", "lib", "mm", "samples", "tools")
NAME = re.compile(r"^\d{4}-[a-z0-9][a-z0-9-]*$")
SUBJECT = re.compile(r"^[A-Za-z][\w/.,-]*(: [\w/.,-]+)?: \S")
HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
SUBJECT_WIDTH = 72
BODY_WIDTH = 75


class Problem(Exception):
    """Something the user has to put right; every argument is one line."""

    def show(self):
        for number, line in enumerate(self.args):
            print(f"error: {line}" if not number else f"       {line}", file=sys.stderr)


@dataclass
class Hunk:
    line: int           # of its header in the hook file
    start: int          # first old line, counted from 1
    old: list = field(default_factory=list)
    kinds: str = ""     # one of ' -+' for each line


@dataclass
class Step:
    name: str
    files: list
    hook: str = None    # path of the patch, None: the step changes no file of the base
    cut: str = None     # path of the recipe, None: the step takes no block out of the base
    uncut: list = field(default_factory=list)   # names of steps whose block comes back
    message: str = None
    mailed: bool = True

    def subject(self):
        with open(self.message, encoding="utf-8") as f:
            return f.readline().strip()


def say(what, text):
    print(f"  {what:<8} {text}", flush=True)


# --- the manifest ---------------------------------------------------------------

def overlay_files(root):
    """Every file of the repository that belongs in a kernel tree."""
    dirs = [d for d in OVERLAY if os.path.isdir(os.path.join(root, d))]
    git = subprocess.run(["git", "-c", f"safe.directory={root}", "ls-files", "-z", "-co", "--exclude-standard",
                          "--", *dirs], cwd=root, capture_output=True, check=False) if dirs else None
    if git and git.returncode == 0:
        names = git.stdout.decode().split("\0")[:-1]
        return {n for n in names if os.path.lexists(os.path.join(root, n))}
    return {os.path.relpath(os.path.join(at, n), root)      # an unpacked archive, no repository
            for d in dirs for at, _, names in os.walk(os.path.join(root, d)) for n in names}


def parse(root):
    """The steps in order; complains about what cannot be a manifest at all."""
    steps, wrong = [], []
    with open(os.path.join(root, "series", "series"), encoding="utf-8") as f:
        for number, raw in enumerate(f, 1):
            line = raw.split("#", 1)[0].rstrip()
            where = f"series/series:{number}"
            if not line:
                continue
            if not line[0].isspace():
                name, _, word = line.partition(" ")
                if not NAME.match(name) or word not in ("", "unmailed"):
                    wrong.append(f"{where}: a step is named NNNN-slug, not '{line}'")
                elif steps and name <= steps[-1].name:
                    wrong.append(f"{where}: step {name} comes after {steps[-1].name}")
                if not word and steps and not steps[-1].mailed:
                    wrong.append(f"{where}: what is mailed comes before what is not")
                steps.append(Step(name, [], mailed=not word))
            elif not steps:
                wrong.append(f"{where}: a file before the first step")
            else:
                steps[-1].files.append(line.strip())
    return steps, wrong


def check_files(root, steps):
    wrong, home = [], {}
    for step in steps:
        for name in step.files:
            if name in home:
                wrong.append(f"{name} is in two steps, {home[name]} and {step.name}"
                             if home[name] != step.name else f"{name} is twice in {step.name}")
            home[name] = step.name
            if name.split("/")[0] not in OVERLAY or os.path.normpath(name) != name:
                wrong.append(f"{name} in {step.name} is no path that lands in a kernel tree")
            elif not os.path.isfile(os.path.join(root, name)):
                wrong.append(f"{name}, listed in {step.name}, does not exist")
    wrong += [f"{name} is in no step of series/series" for name in sorted(overlay_files(root) - set(home))]
    return wrong


def attach(root, steps):
    """Finds message and hook of each step by name; nothing may be left over."""
    wrong, known = [], {s.name for s in steps}
    cuts = set()
    for step in steps:
        stem = os.path.join(root, "series", step.name)
        step.message, step.hook, step.cut = (stem + ext if os.path.isfile(stem + ext) else None
                                             for ext in (".msg", ".patch", ".cut"))
        if not step.message:
            wrong.append(f"step {step.name} has no message, series/{step.name}.msg")
        if not step.files and not step.hook and not step.cut:
            wrong.append(f"step {step.name} brings neither a file nor a hook")
        if os.path.isfile(stem + ".uncut"):
            wrong += attach_uncut(step, stem + ".uncut", cuts)
        if step.cut:
            cuts.add(step.name)
    for name in sorted(os.listdir(os.path.join(root, "series"))):
        stem, ext = os.path.splitext(name)
        if ext in (".msg", ".patch", ".cut", ".uncut") and stem not in known:
            wrong.append(f"series/{name} belongs to no step")
    return wrong


def attach_uncut(step, path, cuts):
    """The name of an earlier step with a cut a line; only for what is not mailed."""
    with open(path, encoding="utf-8") as f:
        step.uncut = [line.strip() for line in f if line.strip()]
    where = "series/" + os.path.basename(path)
    if step.mailed:
        return [f"{where}: the step is mailed, so the others should not cut what it puts back"]
    return [f"{where}: {name} is no earlier step with a cut" for name in step.uncut if name not in cuts]


# --- messages -------------------------------------------------------------------

def check_message(path):
    name = "series/" + os.path.basename(path)
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    wrong = []
    subject = lines[0]
    if not SUBJECT.match(subject):
        wrong.append(f"{name}:1: no subject of the form 'mm/contig: say what it does'")
    if len(subject) > SUBJECT_WIDTH:
        wrong.append(f"{name}:1: subject has {len(subject)} columns, {SUBJECT_WIDTH} is the limit")
    if subject.endswith("."):
        wrong.append(f"{name}:1: subject ends in a full stop")
    if len(lines) < 3 or lines[1] or not "".join(lines[2:]).strip():
        wrong.append(f"{name}: a blank line and then the reason should follow the subject")
    for number, line in enumerate(lines[1:], 2):
        if len(line.expandtabs()) > BODY_WIDTH:
            wrong.append(f"{name}:{number}: {len(line.expandtabs())} columns, {BODY_WIDTH} is the limit")
        if re.match(r"(?i)^[a-z-]+-by:|^(from|author|cc):", line) or re.search(r"\S+@\S+\.\w", line):
            wrong.append(f"{name}:{number}: whoever posts the patch adds names, not the series")
        if line.startswith(("---", "diff ", "#")):
            wrong.append(f"{name}:{number}: git would cut the message here: '{line[:12]}'")
        if line != line.rstrip():
            wrong.append(f"{name}:{number}: blanks at the end of the line")
    return wrong


# --- hooks ----------------------------------------------------------------------

def read_hook(path):
    """{file of the base: [Hunk]}; raises Problem where it is more than a hook."""
    name, files, hunk, left = "series/" + os.path.basename(path), {}, None, 0
    with open(path, encoding="utf-8", newline="\n") as f:
        lines = f.read().split("\n")
    for number, line in enumerate(lines, 1):
        where = f"{name}:{number}"
        if left:
            if not line and number < len(lines):
                line = " "      # an editor took the blank off
            hunk.kinds += line[:1]
            if line[:1] not in (" ", "-", "+"):
                raise Problem(f"{where}: cut short, the header of the hunk promises more")
            if line[0] != "+":
                hunk.old.append(line[1:])
            left -= 2 if line[0] == " " else 1
        elif re.match(r"(new|deleted) file|old mode|rename |copy |Binary |GIT binary|(---|\+\+\+) /dev/null", line):
            raise Problem(f"{where}: a hook only changes files of the base: {line}",
                          "new files come as files of the step")
        elif line.startswith("--- a/"):
            old = line[6:].split("\t")[0]
        elif line.startswith("+++ "):
            if line[6:].split("\t")[0] != old or old in files:
                raise Problem(f"{where}: expected +++ b/{old}, once")
            files[old] = []
        elif HUNK.match(line):
            start, a, _, b = HUNK.match(line).groups()
            hunk = Hunk(number, int(start))
            left = int(a or 1) + int(b or 1)
            if not files:
                raise Problem(f"{where}: hunk without a file")
            files[old].append(hunk)
        elif files and line[:1] in ("+", "-", " ") and line != "-- ":
            raise Problem(f"{where}: line outside of any hunk")
    if left or not files or not all(files.values()):
        raise Problem(f"{name}: cut short, or no patch at all")
    return files


def check_hook(path, ours):
    name, wrong = "series/" + os.path.basename(path), []
    try:
        files = read_hook(path)
    except Problem as e:
        return [e.args[0]]
    for target, hunks in files.items():
        if target in ours:
            wrong.append(f"{name}: {target} is our own file, change it there")
        for hunk in hunks:
            before = len(hunk.kinds) - len(hunk.kinds.lstrip(" "))
            after = len(hunk.kinds) - len(hunk.kinds.rstrip(" "))
            between = max((len(gap) for gap in re.findall(r" +", hunk.kinds.strip())), default=0)
            if before > 1 or after > 1 or between > 2:
                wrong.append(f"{name}:{hunk.line}: more than one line of context, make it with diff -U1")
            if not before and not after:
                wrong.append(f"{name}:{hunk.line}: no context, so nothing holds it in place")
            if not hunk.kinds.strip():
                wrong.append(f"{name}:{hunk.line}: changes nothing")
    return wrong


def place(hunk, lines, shift):
    """Where in lines the hunk's old side stands: the shift against its header.

    Only a whole match counts. Away from the place in the header (a later
    7.3.y) it must be the only one: a single line of context finds many homes.
    """
    size = len(hunk.old)
    at = hunk.start - 1 + shift
    if lines[at:at + size] == hunk.old:
        return shift, None
    homes = [i for i in range(len(lines) - size + 1) if lines[i:i + size] == hunk.old]
    if len(homes) == 1:
        return homes[0] - hunk.start + 1, None
    if homes:
        return None, f"fits at {len(homes)} places, line " + ", ".join(str(i + 1) for i in homes[:5])
    return None, "its context is not there"


# --------------------------------------------------------------------------------

def load(root=ROOT):
    """The checked steps; one Problem that lists everything wrong.

    A step that is not mailed may hook our own files too: they must not carry what
    is only for measuring.
    """
    steps, wrong = parse(root)
    wrong += check_files(root, steps) + attach(root, steps)
    ours = {name for step in steps for name in step.files}
    for step in steps:
        if step.message:
            wrong += check_message(step.message)
        if step.hook:
            wrong += check_hook(step.hook, ours if step.mailed else set())
    if wrong:
        raise Problem(*wrong)
    return steps


def main(work):
    """Runs work() for a script of this folder; a Problem becomes its message."""
    try:
        sys.exit(work())
    except Problem as e:
        e.show()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    def manifest():
        steps = load()
        say("SERIES", f"{len(steps)} steps, {sum(len(s.files) for s in steps)} files, "
                      f"{sum(1 for s in steps if s.hook)} hooks")
    main(manifest)
