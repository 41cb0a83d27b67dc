#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""make tree: build/linux, a git repository of the base and one commit per step.

Commit 0 is the base and is kept as long as the base is the same; the steps are
made anew when one of them changed. Only files that differ are written, so a
kernel build in an O= directory goes on where it was. What somebody changed in
build/linux by hand is not thrown away, unless FORCE=1.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time

from plumbing import Git, Ticker, commit_steps, dated, mode, show_notes, version
from steps import ROOT, Problem, load, main, say

BUILD = os.path.join(ROOT, "build")
BASE = os.path.join(BUILD, "base")
LINUX = os.path.join(BUILD, "linux")
BRANCH = "refs/heads/contig"
TIP = "refs/contig/tip"         # what we made, wherever the branch is now
ZERO = "refs/tags/base"


def read(tree, name):
    """A note of ours in the .git of a tree; empty if it is not there."""
    try:
        with open(os.path.join(tree, ".git", name), encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def write(tree, name, text):
    with open(os.path.join(tree, ".git", name), "w", encoding="utf-8") as f:
        f.write(text)


# --- the base -------------------------------------------------------------------

def git_list(tree):
    """The tracked files of a git checkout; None for a plain directory."""
    if not os.path.exists(os.path.join(tree, ".git")):
        return None, ""
    git = Git(os.path.join(tree, ".git"), tree, theirs=True, GIT_OPTIONAL_LOCKS="0")
    changed = git.out("status", "--porcelain", "--untracked-files=no")
    if changed:
        raise Problem("the base has uncommitted changes:", *changed.split("\n")[:20])
    return git.run("ls-files", "-z").stdout.decode().split("\0")[:-1], git.out("rev-parse", "HEAD")


def walk(tree):
    for at, dirs, names in os.walk(tree):
        dirs[:] = [d for d in dirs if d != ".git"]
        for name in names + [d for d in dirs if os.path.islink(os.path.join(at, d))]:
            yield os.path.relpath(os.path.join(at, name), tree)


def copy(names, to):
    """With new time stamps: objects built from another base must not look fresh."""
    ticker, made = Ticker(), set()
    say("COPY", f"{os.path.relpath(BASE, ROOT)} to build/linux")
    for name in names:
        target = os.path.join(to, name)
        parent = os.path.dirname(target)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        shutil.copy(os.path.join(BASE, name), target, follow_symlinks=False)
        ticker.step()
    return ticker.done()


def add_all(git, tree):
    """git add of everything; straight into one pack, not into 96,000 files."""
    ticker = Ticker()
    with subprocess.Popen(["git", "-c", "core.bigFileThreshold=1", "add", "-v", "-f", "-A", "."],
                          cwd=tree, env=git.env, stdout=subprocess.PIPE) as add:
        for _ in add.stdout:
            ticker.step()
    ticker.done()
    if add.returncode:
        raise Problem("git add of the base failed")


def make_zero(names, number, stamp):
    part = LINUX + ".part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    git = Git(os.path.join(part, ".git"), part)
    git.run("init", "-q")
    for key, value in (("gc.auto", "0"), ("core.autocrlf", "false"), ("core.hooksPath", os.devnull)):
        git.run("config", key, value)
    count = copy(names, part)
    say("COMMIT", f"Linux {number} as commit 0, {count} files")
    add_all(git, part)
    text = f"Linux {number}\n\nThe tree that the series starts from, as it was fetched.\n"
    zero = dated(git, 0).out("commit-tree", git.out("write-tree"), data=text.encode())
    for ref in (ZERO, BRANCH, TIP):
        git.run("update-ref", ref, zero)
    git.run("symbolic-ref", "HEAD", BRANCH)
    write(part, "contig-base", stamp)
    old = LINUX + ".old"
    shutil.rmtree(old, ignore_errors=True)
    if os.path.exists(LINUX):
        os.rename(LINUX, old)
    os.rename(part, LINUX)
    shutil.rmtree(old, ignore_errors=True)


def base_tree(force):
    """Sees to it that build/linux has the present base as its commit 0."""
    number = version(BASE)
    if not number or number[:2] != (7, 3):
        raise Problem("build/base is no Linux 7.3", "make base")
    names, head = git_list(BASE)
    number = ".".join(map(str, number))
    stamp = f"{os.path.realpath(BASE)} {number} {head or os.stat(os.path.join(BASE, 'Makefile')).st_mtime_ns}\n"
    if os.path.isdir(LINUX):
        if read(LINUX, "contig-base") == stamp:
            return
        say("BASE", "build/base is another one than before, so build/linux is made anew")
        refuse_edits(force)
    make_zero(names if names is not None else sorted(walk(BASE)), number, stamp)


# --- the steps ------------------------------------------------------------------

def digest(steps, zero):
    """One number for all that the commits are made of."""
    sha = hashlib.sha256(zero.encode())
    for name in ("cut.py", "grow.py", "plumbing.py"):
        with open(os.path.join(ROOT, "series", name), "rb") as f:
            sha.update(f.read())
    for step in steps:
        parts = [os.path.join(ROOT, name) for name in step.files] + [step.message, step.hook, step.cut]
        sha.update(" ".join(step.uncut).encode())
        for path in filter(None, parts):
            with open(path, "rb") as f:
                content = f.read()
            sha.update(f"\0{step.name}\0{os.path.relpath(path, ROOT)}\0{mode(path)}\0{len(content)}\0".encode())
            sha.update(content)
    return sha.hexdigest()


def edits(git):
    git.run("update-index", "-q", "--refresh", ok=(0, 1))
    found = [f"changed: {name}" for name in git.out("diff-index", "--name-only", "HEAD").split("\n") if name]
    if not git.has("rev-parse", "--verify", "-q", TIP):
        return found
    mine = git.out("rev-list", "--abbrev-commit", "--format=%h %s", f"{TIP}..HEAD").split("\n")
    found += [f"commit of yours: {line}" for line in mine if line and not line.startswith("commit ")]
    if not found and git.out("rev-parse", "HEAD") != git.out("rev-parse", TIP):
        found.append("HEAD is not where make tree left it")
    return found


def refuse_edits(force):
    found = edits(linux_git())
    if found and not force:
        raise Problem("build/linux was changed by hand, and that would be lost:", *found[:20],
                      *(["..."] if len(found) > 20 else []),
                      "carry it over to the files of this repository, then say it again with FORCE=1")


def linux_git():
    return Git(os.path.join(LINUX, ".git"), LINUX)


def finish_interrupted(git):
    """A checkout that was killed half way is no edit of the user's."""
    busy = os.path.join(LINUX, ".git", "contig-busy")
    if os.path.exists(busy):
        lock = os.path.join(LINUX, ".git", "index.lock")
        if os.path.exists(lock):
            os.unlink(lock)
        git.run("symbolic-ref", "HEAD", BRANCH)
        git.run("reset", "-q", "--hard", TIP)
        os.unlink(busy)


def check_out(git, tip, force):
    """Moves the files and the branch from what they are to tip."""
    head = git.out("rev-parse", "HEAD")
    new = git.out("diff-tree", "-r", "--name-only", "--diff-filter=A", head, tip).split("\n")
    stray = [name for name in new if name and os.path.lexists(os.path.join(LINUX, name))]
    if stray and not force:
        raise Problem("files in build/linux that the series would overwrite:", *stray, "remove them, or FORCE=1")
    busy = os.path.join(LINUX, ".git", "contig-busy")
    write(LINUX, "contig-busy", tip)
    git.run("update-ref", TIP, tip)
    git.run("symbolic-ref", "HEAD", BRANCH)
    if force:
        git.run("reset", "-q", "--hard", tip)
    else:
        git.run("read-tree", "-m", "-u", head, tip)
        git.run("update-ref", BRANCH, tip)
    os.unlink(busy)


def tree():
    started = time.monotonic()
    force = bool(os.environ.get("FORCE"))
    steps = load()
    base_tree(force)
    git = linux_git()
    finish_interrupted(git)
    refuse_edits(force)
    zero = git.out("rev-parse", ZERO)
    want = digest(steps, zero)
    fresh = read(LINUX, "contig-input") == f"{want} {git.out('rev-parse', TIP)}\n"
    if not fresh or (force and edits(git)):
        commits, notes = commit_steps(git, zero, zero, steps, os.path.join(LINUX, ".git", "contig-index"))
        show_notes(notes)
        check_out(git, commits[-1] if commits else zero, force)
        write(LINUX, "contig-input", f"{want} {git.out('rev-parse', TIP)}\n")
    if not steps:
        say("NOTE", "series/series has no step yet: build/linux is the base alone")
    say("TREE", f"build/linux: base and {len(steps)} steps"
                + (f", unchanged ({time.monotonic() - started:.1f} s)" if fresh else ""))


def locked(work=None):
    """Nobody builds from build/linux, or changes it, while work() does."""
    os.makedirs(BUILD, exist_ok=True)
    with open(LINUX + ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("WAIT", "another make is busy with build/linux")
            fcntl.flock(lock, fcntl.LOCK_EX)
        return (work or tree)()


if __name__ == "__main__":
    # --edits: only the question whether there are any
    main((lambda: refuse_edits(False)) if sys.argv[1:] == ["--edits"] else locked)
