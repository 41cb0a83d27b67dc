# SPDX-License-Identifier: GPL-2.0
"""Commits made of steps, by git's plumbing and in an index of their own.

No working tree is needed, so build/linux and a tree of the user's go the same
way, nothing is touched before every step has fitted, and files that do not
change keep their time stamp.
"""
import os
import stat
import subprocess
import sys

from cut import Cut
from grow import Growth
from steps import ROOT, Problem, place, read_hook

FIRST_DAY = 1767225600      # 2026-01-01; a step is a minute, so that logs stay in order


OUR_CONFIG = {"GIT_CONFIG_GLOBAL": os.path.join(ROOT, "series", "git.config"), "GIT_CONFIG_SYSTEM": os.devnull}


class Git:
    """git on one repository, free of the user's settings and environment.

    With theirs=True the user's settings count: they say how the files of a
    working tree of theirs relate to what is committed (line ends, file modes).
    """

    def __init__(self, gitdir, worktree=None, theirs=False, **more):
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        self.env.update({} if theirs else OUR_CONFIG, GIT_DIR=gitdir, LC_ALL="C", **more)
        if worktree:
            self.env["GIT_WORK_TREE"] = worktree

    def with_env(self, **more):
        """The same with more in its environment."""
        other = Git(self.env["GIT_DIR"])
        other.env = {**self.env, **more}
        return other

    def run(self, *args, data=None, ok=(0,)):
        done = subprocess.run(["git", *args], input=data, env=self.env, capture_output=True, check=False)
        if done.returncode not in ok:
            raise Problem(f"git {' '.join(args[:3])} failed", *done.stderr.decode(errors="replace").splitlines())
        return done

    def out(self, *args, **more):
        return self.run(*args, **more).stdout.decode(errors="surrogateescape").strip()

    def has(self, *args):
        return self.run(*args, ok=(0, 1, 128)).returncode == 0


class Ticker:
    """A dot now and then, for work over many thousand files."""

    def __init__(self, every=4000):
        self.count, self.every = 0, every

    def step(self):
        self.count += 1
        if self.count % self.every == 0:
            print(".", end="", flush=True)

    def done(self):
        if self.count >= self.every:
            print(flush=True)
        return self.count


def version(tree):
    """(7, 3, 4) as the top Makefile of a kernel tree says, or None."""
    found = {}
    try:
        with open(os.path.join(tree, "Makefile"), encoding="utf-8") as f:
            for line in f:
                key, _, value = line.partition("=")
                if key.strip() in ("VERSION", "PATCHLEVEL", "SUBLEVEL"):
                    found.setdefault(key.strip(), int(value))
    except (OSError, ValueError):
        return None
    if len(found) < 3 or not os.path.isfile(os.path.join(tree, "mm", "page_alloc.c")):
        return None
    return found["VERSION"], found["PATCHLEVEL"], found["SUBLEVEL"]


def dated(git, minute):
    date = f"{FIRST_DAY + 60 * minute} +0000"
    return git.with_env(GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)


def mode(path):
    return "100755" if os.stat(path).st_mode & stat.S_IXUSR else "100644"


def put(git, files):
    """Files into the index, all at once as it is large: {name: (content, mode)}."""
    entries = b""
    for name, (content, kind) in files.items():
        blob = git.out("hash-object", "-w", "--no-filters", "--stdin", data=content)
        entries += f"{kind} {blob}\t{name}\0".encode(errors="surrogateescape")
    git.run("update-index", "-z", "--add", "--index-info", data=entries)


def add_files(git, step, files):
    """The files that a step brings, and what it makes of those of earlier steps."""
    there = git.out("ls-files", "--", *step.files) if step.files else ""
    if there:
        raise Problem(f"step {step.name}: the base has a file of that name already", *there.split("\n"))
    put(git, {name: (content, mode(os.path.join(ROOT, name))) for name, content in files.items()})


def grown(steps):
    """For each step {name: content} of the files that it brings or changes."""
    growth, seen, last = Growth(ROOT, steps), {}, []
    for number, step in enumerate(steps):
        last += step.files
        new = {name: growth.at(name, number) for name in last}
        yield {name: content for name, content in new.items() if seen.get(name) != content}
        seen = new


def add_hook(git, step):
    """Returns notes about hunks that stand elsewhere than the hook says."""
    notes, wrong, patch = [], [], os.path.basename(step.hook)
    for target, hunks in read_hook(step.hook).items():
        if not git.has("cat-file", "-e", f":{target}"):
            wrong.append(f"series/{patch}: the base has no {target}")
            continue
        lines = git.run("cat-file", "blob", f":{target}").stdout.decode(errors="surrogateescape").split("\n")
        shift = 0
        for hunk in hunks:
            moved, why = place(hunk, lines, shift)
            if why:
                wrong.append(f"series/{patch}:{hunk.line}: does not fit {target}:{hunk.start}: {why}")
                continue
            if moved != shift:
                notes.append(f"{patch}:{hunk.line} fits {target} {moved:+d} lines away")
            shift = moved
    if wrong:
        raise Problem(*wrong)
    git.run("apply", "--cached", step.hook)
    return notes


def add_cut(git, step):
    """Takes the block out of the file as it is by now."""
    cut = Cut(step.cut)
    if not git.has("cat-file", "-e", f":{cut.file}"):
        raise Problem(f"{cut.name}: the base has no {cut.file}")
    before = git.run("cat-file", "blob", f":{cut.file}").stdout
    kind = git.out("ls-files", "-s", "--", cut.file).split()[0]
    put(git, {cut.file: (cut.apply(before), kind)})


def put_back(git, step, commit):
    """The block that a step has cut out."""
    patch = git.run("diff-tree", "-p", f"{commit}^", commit, "--", Cut(step.cut).file).stdout
    git.run("apply", "--cached", "-R", data=patch)


def commit_steps(git, base, parent, steps, scratch):
    """Commits the steps on top of parent, whose tree is base.

    Writes objects and the index file scratch, nothing else. Returns the commits
    in order and the notes of all hooks.
    """
    commits, notes = [], []
    index = git.with_env(GIT_INDEX_FILE=scratch)
    try:
        index.run("read-tree", base)
        for minute, (step, files) in enumerate(zip(steps, grown(steps)), 1):
            for old, commit in zip(steps, commits):
                if old.name in step.uncut:
                    put_back(index, old, commit)
            add_files(index, step, files)
            if step.hook:
                notes += add_hook(index, step)
            if step.cut:
                add_cut(index, step)
            with open(step.message, "rb") as f:
                text = f.read().rstrip() + b"\n"
            tree = index.out("write-tree")
            parent = dated(index, minute).out("commit-tree", tree, *(("-p", parent) if parent else ()), data=text)
            commits.append(parent)
    finally:
        for name in (scratch, scratch + ".lock"):
            if os.path.exists(name):
                os.unlink(name)
    return commits, notes


def show_notes(notes):
    for note in notes:
        print(f"  NOTE     {note}", file=sys.stderr)
