#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""make series: build/series/, the series as patches that can be mailed.

series/cover.md, if it is there, becomes the cover letter: its first line is
the subject, and figures.py knows the figures in it. VERSION=2 numbers the posting
(1). Nobody signs here: Signed-off-by is for the person who posts.
"""
import os
import re
import shutil

from figures import fill
from plumbing import Git
from steps import ROOT, Problem, load, main, say
from tree import LINUX, TIP, ZERO, linux_git, locked, read

OUT = os.path.join(ROOT, "build", "series")
COVER = os.path.join(ROOT, "series", "cover.md")
MAILED = "mailed"               # branch of build/linux that ends with the last step to be mailed
WIDTH = 75
UNFINISHED = re.compile(r"\b(TODO|TBD|FIXME|XXX+)\b|\*\*\*|\b(subject|blurb) here\b", re.I)


def cover():
    """Options for format-patch."""
    if not os.path.exists(COVER):
        return [], []
    with open(COVER, encoding="utf-8") as f:
        lines = f.read().strip().split("\n")
    wrong = [f"series/cover.md:{n}: unfinished: {line.strip()}" for n, line in enumerate(lines, 1)
             if UNFINISHED.search(line)]
    if len(lines) < 3 or lines[1].strip():
        wrong.append("series/cover.md: wanted a title, a blank line, the letter")
    if wrong:
        raise Problem(*wrong)
    filled = list(fill(lines[1:]))
    wrong = [f"series/cover.md: {len(line)} columns, {WIDTH} is the limit: {line}" for line in filled
             if len(line) > WIDTH]
    if wrong:
        raise Problem(*wrong)
    text = "\n".join([lines[0].lstrip("# ")] + filled)
    return (["-c", f"branch.{MAILED}.description={text}"],
            ["--cover-letter", "--cover-from-description=subject"])


def fix_base(paths):
    """Where the base is a git checkout, its own commit is what others know."""
    real = read(LINUX, "contig-base").split()[2:]
    if not real or len(real[0]) != 40:
        return
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(re.sub(r"(?m)^base-commit: .*", f"base-commit: {real[0]}", text))


def verify(git, paths):
    """What was written makes the same tree again and nobody's name is in it."""
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if re.search(r"(?m)^Signed-off-by:|^\*\*\* (SUBJECT|BLURB)", text):
            raise Problem(f"{os.path.basename(path)}: a signature or a placeholder")
    scratch = os.path.join(LINUX, ".git", "contig-index")
    index = git.with_env(GIT_INDEX_FILE=scratch)
    try:
        index.run("read-tree", ZERO)
        index.run("apply", "--cached", *(p for p in paths if "cover-letter" not in p))
        if index.out("write-tree") != git.out("rev-parse", MAILED + "^{tree}"):
            raise Problem("the patches do not make the tree that they came from")
    finally:
        os.unlink(scratch)


def mail(out=OUT, letter=True):
    """Writes the patches, and the letter to go with them, to out."""
    steps = load()
    if not steps:
        raise Problem("series/series has no step yet: nothing to mail")
    git: Git = linux_git()
    git.run("update-ref", f"refs/heads/{MAILED}", f"{TIP}~{sum(not step.mailed for step in steps)}")
    settings, options = cover() if letter else ([], [])
    part = out + ".part"
    for path in (part, out):
        shutil.rmtree(path, ignore_errors=True)
    git.run(*settings, "format-patch", "-q", "-o", part, "--no-signature", "--zero-commit", f"--base={ZERO}",
            "-v", os.environ.get("VERSION") or "1", *options, f"{ZERO}..{MAILED}")
    paths = sorted(os.path.join(part, name) for name in os.listdir(part))
    fix_base(paths)
    verify(git, paths)
    os.rename(part, out)
    return [os.path.join(out, os.path.basename(path)) for path in paths]


def show():
    paths = mail()
    for path in paths:
        say("MAIL", os.path.relpath(path, ROOT))
    if not any("cover-letter" in path for path in paths):
        say("NOTE", "no series/cover.md, so no cover letter")


if __name__ == "__main__":
    main(lambda: locked(show))
