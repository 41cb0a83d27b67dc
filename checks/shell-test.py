#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""shell-test.py [LANE]: make shell, as somebody would use it.

Types at the prompt of a guest, reads what it answers, and leaves. KTAP.
"""

import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BOOT, ANSWER = 120, 60      # seconds until the prompt, and for one command
PROMPT = re.compile(r"contig:\S*# ")       # a message of the kernel may follow
PLAIN = re.compile(r"\r|\x1b\[[0-9;?]*[A-Za-z]")     # what a terminal would swallow
DEBUGFS = "/sys/kernel/debug/contig"


class Guest:
    """A guest with its terminal on two pipes."""

    def __init__(self, lane, where):
        self.text = ""
        self.child = subprocess.Popen(
            ["guest/boot.sh", "--lane", lane, "--job", "shell", "--out", str(where)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)

    def read_until(self, pattern, seconds):
        """What came up to the pattern's match, and the match; TimeoutError."""
        end = time.monotonic() + seconds
        while True:
            found = pattern.search(self.text)
            if found:
                before, self.text = self.text[:found.start()], self.text[found.end():]
                return before, found
            ready, _, _ = select.select([self.child.stdout], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.child.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise TimeoutError("wanted %s, came: %s" % (pattern.pattern, self.text[-400:]))
            self.text = PLAIN.sub("", self.text + piece.decode(errors="replace"))

    def type(self, line):
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

    def command(self, line):
        """Output and exit status of a command; the mark as typed is not the one printed."""
        self.type(line + "; echo mark:$?:")
        before, found = self.read_until(re.compile(r"mark:(\d+):"), ANSWER)
        self.read_until(PROMPT, ANSWER)
        return before, int(found.group(1))

    def kill(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


def prompt(guest):
    """A prompt comes, and before it what there is to try."""
    before, _ = guest.read_until(PROMPT, BOOT)
    return "/tests" in before and DEBUGFS in before


def answers(guest):
    """A command is done, and its status is its own."""
    text, status = guest.command("echo $((6 * 7)); (exit 3)")
    return "\n42\n" in text and status == 3


def takes_pages(guest):
    """The engine's file gives pages to a shell and takes them back."""
    guest.command("exec 3<>%s/trigger" % DEBUGFS)
    taken, status = guest.command("echo pages 512 >&3 && cat <&3")
    guest.command("exec 3>&-")
    counted, _ = guest.command("grep -x 'success [1-9][0-9]*' %s/stats" % DEBUGFS)
    return status == 0 and "512" in taken and "\nsuccess " in counted


def says_no(guest):
    """What cannot be is refused with an error that the shell shows, and has a reason."""
    _, status = guest.command("echo range 0 1 > %s/trigger" % DEBUGFS)
    listed, _ = guest.command("tail -n 1 %s/failures" % DEBUGFS)
    return status != 0 and "reason=" in listed


def has_tools(guest):
    """The programs of the tests are commands."""
    text, status = guest.command("contig_words")
    return status == 0 and "\nok 1 " in text


def interrupts(guest):
    """Control-C ends what runs in front."""
    guest.type("sleep 1000")
    time.sleep(1)
    guest.child.stdin.write(b"\x03")
    guest.child.stdin.flush()
    guest.read_until(PROMPT, ANSWER)
    return guest.command("true")[1] == 0


def leaves(guest):
    """'exit' powers the guest off, and the run is a good one."""
    guest.type("exit")
    guest.read_until(re.compile("Power down"), ANSWER)
    return guest.child.wait(ANSWER) == 0


def says_where(_):
    """Of a guest whose time is over it is told where its CPUs were."""
    killed = subprocess.run(["guest/boot.sh", "--lane", "x86_64", "--job", "kunit", "--timeout", "8",
                             "--out", "build/results/x86_64/killed"], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, errors="replace", check=False)
    return killed.returncode != 0 and re.search(r"^boot: CPU 0: \w+", killed.stderr, re.M) is not None


def main():
    os.chdir(TOP)
    lane = sys.argv[1] if sys.argv[1:] else "x86_64"
    cases = (prompt, answers, takes_pages, says_no, has_tools, interrupts, leaves, says_where)
    guest = Guest(lane, pathlib.Path("build/results") / lane / "shell")
    print("KTAP version 1\n1..%d" % len(cases), flush=True)
    failed = False
    try:
        for number, case in enumerate(cases, 1):
            try:
                good, why = case(guest), ""
            except (TimeoutError, OSError, subprocess.TimeoutExpired) as error:
                good, why = False, " # %r" % error
            failed |= not good
            print("%sok %d %s%s" % ("" if good else "not ", number, case.__doc__.strip("."), why), flush=True)
    finally:
        guest.kill()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
