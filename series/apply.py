#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""make apply KDIR=dir: the series onto a Linux 7.3 tree of the user's.

Everything is tried outside of the tree first: version, files in the way, each
hook. A tree that does not fit is refused as it was, to the byte. In a git
repository every step becomes a commit; in a plain directory the files change.
"""
import os
import shutil
import stat
import sys
import tempfile

from cut import Cut
from plumbing import OUR_CONFIG, Git, commit_steps, show_notes, version
from steps import ROOT, Problem, load, main, read_hook, say


def look_at(kdir, steps):
    """Refuses what no later step would find out."""
    found = version(kdir)
    if not found:
        raise Problem(f"{kdir} is no kernel tree")
    if found[:2] != (7, 3):
        raise Problem(f"{kdir} is Linux {'.'.join(map(str, found))}, the series is for 7.3")
    for name in ("base", "linux"):
        if os.path.realpath(os.path.join(ROOT, "build", name)) == kdir:
            raise Problem(f"{kdir} is build/{name} of this project, not a tree of yours")
    if not steps:
        raise Problem("series/series has no step yet: nothing to apply")
    there = [name for step in steps for name in step.files if os.path.lexists(os.path.join(kdir, name))]
    if there:
        raise Problem(f"{kdir} has files of the series already:", *there[:20])
    return ".".join(map(str, found))


def refuse(kdir, problem):
    raise Problem(f"the series does not fit {kdir}, which is as it was:", *problem.args)


# --- a git repository -------------------------------------------------------------

def repository(kdir):
    """git for kdir, as its user has set it up; None if it is no repository's top."""
    if not os.path.exists(os.path.join(kdir, ".git")):
        return None
    git = Git(os.path.join(kdir, ".git"), kdir, theirs=True, GIT_OPTIONAL_LOCKS="0")
    return git.with_env(GIT_DIR=git.out("rev-parse", "--absolute-git-dir"))


def apply_git(git, kdir, steps, scratch):
    ours = git.with_env(**OUR_CONFIG)
    changed = git.out("status", "--porcelain", "--untracked-files=no")
    if changed:
        raise Problem(f"{kdir} has changes that are not committed:", *changed.split("\n")[:20])
    objects = os.path.join(kdir, git.out("rev-parse", "--git-path", "objects"))
    head = git.out("rev-parse", "HEAD")
    index = os.path.join(scratch, "index")
    aside = os.path.join(scratch, "objects")
    os.mkdir(aside)
    trial = ours.with_env(GIT_OBJECT_DIRECTORY=aside, GIT_ALTERNATE_OBJECT_DIRECTORIES=os.path.realpath(objects))
    try:
        commit_steps(trial, head, head, steps, index)
    except Problem as problem:
        refuse(kdir, problem)
    # it fits: the same once more, for good
    commits, notes = commit_steps(ours, head, head, steps, index)
    try:
        git.run("read-tree", "-m", "-u", head, commits[-1])
    except BaseException:
        for name in (name for step in steps for name in step.files):
            if os.path.exists(os.path.join(kdir, name)):
                os.unlink(os.path.join(kdir, name))
        git.run("reset", "-q", "--hard", head)
        raise
    git.run("update-ref", "-m", "make apply: the contig series", "HEAD", commits[-1], head)
    show_notes(notes)
    for step, commit in zip(steps, commits):
        say(commit[:8], step.subject())
    say("APPLIED", f"{len(steps)} commits; to take them back: git -C {kdir} reset --hard {head[:12]}")


# --- a plain directory ------------------------------------------------------------

def trial_repository(kdir, steps, scratch):
    """A repository that holds no more of kdir than the files that the steps change."""
    git = Git(os.path.join(scratch, "git"), scratch)
    git.run("init", "-q")
    git = git.with_env(GIT_INDEX_FILE=os.path.join(scratch, "index"))
    names = {n for step in steps if step.hook for n in read_hook(step.hook)}
    for name in sorted(names | {Cut(step.cut).file for step in steps if step.cut}):
        path = os.path.join(kdir, name)
        if os.path.isfile(path):
            blob = git.out("hash-object", "-w", "--no-filters", path)
            git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    return git, git.out("write-tree")


class Replacing:
    """New contents for many files of a tree: all of them, or none."""

    def __init__(self, top):
        self.top, self.waiting, self.before, self.dirs = top, [], [], []

    def prepare(self, name, content, executable):
        path = os.path.join(self.top, name)
        missing, parent = [], os.path.dirname(path)
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        for parent in reversed(missing):
            os.mkdir(parent)
            self.dirs.append(parent)
        new = os.path.join(os.path.dirname(path), ".contig-new-" + os.path.basename(path))
        self.waiting.append((new, path))
        with open(new, "wb") as f:
            f.write(content)
        if os.path.exists(path):
            shutil.copymode(path, new)
        elif executable:
            os.chmod(new, os.stat(new).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)

    def finish(self):
        for new, path in self.waiting:
            old = None
            if os.path.exists(path):
                old = new + ".old"
                os.link(path, old)
            self.before.append((path, old))
            os.replace(new, path)
        for _, old in self.before:
            if old:
                os.unlink(old)

    def undo(self):
        for path, old in self.before:
            if old:
                os.replace(old, path)
            elif os.path.exists(path):
                os.unlink(path)
        for new, _ in self.waiting:
            if os.path.exists(new):
                os.unlink(new)
        for parent in reversed(self.dirs):
            os.rmdir(parent)


def apply_plain(kdir, steps, scratch):
    git, base = trial_repository(kdir, steps, scratch)
    try:
        commits, notes = commit_steps(git, base, None, steps, os.path.join(scratch, "steps"))
    except Problem as problem:
        refuse(kdir, problem)
    work = Replacing(kdir)
    try:
        count = 0
        for line in git.out("diff-tree", "-r", base, commits[-1]).split("\n"):
            info, name = line.split("\t")
            _, mode, _, blob, _ = info.split()
            work.prepare(name, git.run("cat-file", "blob", blob).stdout, mode == "100755")
            count += 1
        work.finish()
    except BaseException:
        work.undo()
        raise
    show_notes(notes)
    for step in steps:
        say("STEP", step.subject())
    say("APPLIED", f"{len(steps)} steps, {count} files new or changed")


# ----------------------------------------------------------------------------------

def apply():
    kdir = os.environ.get("KDIR")
    if not kdir:
        raise Problem("say which tree: make apply KDIR=/path/to/linux-7.3")
    if not os.path.isdir(kdir):
        raise Problem(f"KDIR={kdir}: no such directory")
    kdir = os.path.realpath(kdir)
    steps = [step for step in load() if step.mailed]
    number = look_at(kdir, steps)
    git = repository(kdir)
    say("APPLY", f"{len(steps)} steps to Linux {number} in {kdir} ({'git' if git else 'plain directory'})")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            if git:
                apply_git(git, kdir, steps, scratch)
            else:
                apply_plain(kdir, steps, scratch)
        except OSError as e:
            raise Problem(f"{kdir}, which is as it was: {e}") from e


if __name__ == "__main__":
    if sys.argv[1:]:
        os.environ["KDIR"] = sys.argv[1]
    main(apply)
