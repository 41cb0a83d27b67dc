#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""gate.py RESULTDIR [--skips FILE] [--counts FILE]: is this guest's run green?

RESULTDIR is what guest/boot.sh leaves: verdict, nonce, console.log, report.txt.
Green is only what is proven: the verdict of PID 1 with the nonce of this boot, a
console that goes on to the power-off line and shows no splat, and a KTAP report
whose plan comes first and is fulfilled, without a failure and without a skip that
the skip list does not name. Whatever is missing is red.

The skip list has one line per test, 'suite/test # reason'. Prints KTAP; --counts
writes 'passed failed skipped' of the report's single tests. Exit status 0 = green.
"""

import argparse
import pathlib
import re
import sys

# What a healthy kernel never prints. Case matters.
SPLATS = re.compile(r"""
      \bWARNING:                        | \bBUG:
    | \bKASAN:                          | \bUBSAN:
    | \bKFENCE:                         | \bOops\b
    | Kernel\ panic                     | kernel\ BUG
    | cut\ here\ \]                     | general\ protection
    | unable\ to\ handle                | double\ fault
    | INFO:\ task\ .*\ blocked          | INFO:\ trying\ to\ register
    | INFO:\ lockdep\ is\ turned\ off   | possible\ (recursive|circular|irq)
    | inconsistent\ lock\ state         | suspicious\ RCU\ usage
    | Invalid\ wait\ context            | held\ lock\ freed
    | sleeping\ function\ called        | scheduling\ while\ atomic
    | unreferenced\ object              | kmemleak:.*\bdisabled
    | Bad\ (page|rss|swap)              | bad\ page
    | detected\ stall                   | self-detected\ stall
    | soft\ lockup                      | hard\ LOCKUP
    | workqueue\ lockup                 | refcount_t:
    | list_(add|del)\ corruption        | stack-protector:
    """, re.VERBOSE)

PLAN = re.compile(r"1\.\.(\d+)(\s+#.*)?$")
RESULT = re.compile(r"(ok|not ok)\s+(\d+)\b\s*(?:-\s+)?([^#]*?)\s*(?:#\s*(.*))?$")
SUBTEST = re.compile(r"# Subtest:\s*(.+)$")
STATS = re.compile(r"# (\S+): pass:\d+ fail:\d+ skip:\d+ total:(\d+)$")
SKIP = re.compile(r"(SKIP|XFAIL)\b:?\s*(.*)$", re.IGNORECASE)
INDENT = 4


class Block:
    """The plan and the results of one level of a KTAP document."""

    def __init__(self):
        self.plan = None
        self.results = []
        self.orphan = None      # a finished subtest that waits for its result line

    def is_empty(self):
        """Nothing came of it, whatever it planned."""
        return not self.results and not self.orphan


class Result:
    """One 'ok' or 'not ok' line and the subtest above it, if there was one."""

    def __init__(self, match, block):
        verdict, number, name, directive = match.groups()
        skip = SKIP.match(directive or "")
        self.ok = verdict == "ok"
        self.number = int(number)
        self.skipped = self.ok and bool(skip)
        self.name = name or (skip.group(2) if skip else "") or number
        self.block = block


class Report:
    """A parsed KTAP document: counts of single tests, names of skips, problems."""

    def __init__(self, text):
        self.problems = []
        self.failures = []
        self.skips = []
        self.passed = 0
        self.stats = {}         # KUnit's own totals, by the name of the test
        self.top = self._parse(text)
        self._judge(self.top, "")

    def _parse(self, text):
        stack = [Block()]
        for line in text.splitlines():
            body = line.strip()
            depth = (len(line) - len(line.lstrip(" "))) // INDENT
            if body.startswith("Bail out!"):
                self.problems.append("the tests gave up: " + body)
            stats = STATS.match(body)
            if stats:
                self.stats[stats.group(1)] = int(stats.group(2))
            plan, result = PLAN.match(body), RESULT.match(body)
            if not plan and not result and not SUBTEST.match(body):
                continue
            self._close(stack, depth)
            while len(stack) <= depth:
                stack.append(Block())
            if plan:
                self._plan(stack[-1], int(plan.group(1)))
            elif result:
                stack[-1].results.append(Result(result, stack[-1].orphan))
                stack[-1].orphan = None
        self._close(stack, 0)
        return stack[0]

    def _plan(self, block, count):
        if block.plan is not None:
            self.problems.append("a second plan, 1..%d" % count)
        if block.results:
            self.problems.append("the plan 1..%d comes after results" % count)
        block.plan = count

    def _close(self, stack, depth):
        """Finish the blocks that are deeper than depth."""
        while len(stack) > depth + 1:
            done = stack.pop()
            if done.orphan or stack[-1].orphan:
                self.problems.append("a subtest has no result line")
            stack[-1].orphan = done

    def _judge(self, block, path):
        where = path.rstrip("/") or "the report"
        if block.orphan:
            self.problems.append("%s: its last subtest has no result line" % where)
            self._judge(block.orphan, path + "?/")
        self._judge_plan(block, where)
        for result in block.results:
            self._judge_result(result, path + result.name)

    def _judge_plan(self, block, where):
        numbers = [result.number for result in block.results]
        planned = block.plan
        if planned is None and "/" in where:
            # KUnit gives parameters no plan, but a total if there are several.
            planned = self.stats.get(where.rpartition("/")[2],
                                     1 if len(numbers) == 1 else None)
        if planned is None:
            self.problems.append("%s: no plan" % where)
            return
        if not planned:
            self.problems.append("%s: a plan of nothing" % where)
        if len(numbers) != planned:
            self.problems.append("%s: %d planned, %d results" %
                                 (where, planned, len(numbers)))
        if numbers != list(range(1, len(numbers) + 1)):
            self.problems.append("%s: results are not numbered 1, 2, 3..." % where)

    def _judge_result(self, result, path):
        failed_before = len(self.failures)
        if result.block and not (result.skipped and result.block.is_empty()):
            self._judge(result.block, path + "/")
            inner = len(self.failures) > failed_before
            if inner and result.ok:
                self.problems.append("%s is ok, but something in it is not" % path)
            if not inner and not result.ok:
                self.failures.append(path)
        elif not result.ok:
            self.failures.append(path)
        elif result.skipped:
            self.skips.append(path)
        else:
            self.passed += 1


def read(path):
    """The text of a file; '' if it is not there."""
    try:
        return path.read_text(errors="replace").replace("\r", "")
    except FileNotFoundError:
        return ""


def read_skips(path):
    """The allowed skips; a line without a reason is an error of the list."""
    allowed = {}
    for line in read(path).splitlines() if path else []:
        name, _, reason = line.partition("#")
        if not name.strip():
            continue
        if not reason.strip():
            sys.exit("%s: '%s' has no reason" % (path, name.strip()))
        allowed[name.strip()] = reason.strip()
    return allowed


def check_verdict(where):
    nonce = read(where / "nonce").strip()
    verdict = read(where / "verdict").strip()
    if not verdict:
        return "PID 1 gave no verdict: hang, panic or kill"
    if verdict != "pass " + nonce or not nonce:
        return "verdict '%s', nonce '%s'" % (verdict, nonce)
    return None


def check_console(where):
    nonce = read(where / "nonce").strip()
    console = read(where / "console.log")
    end = console.find("contig-init: end %s: " % nonce)
    if not console.strip():
        return "console.log is empty"
    if not nonce or end < 0:
        return "console.log does not reach PID 1's end line"
    if "reboot: Power down" not in console[end:]:
        return "console.log does not reach the power-off line"
    return None


def check_splats(where):
    for number, line in enumerate(read(where / "console.log").splitlines(), 1):
        if SPLATS.search(line):
            return "console.log:%d: %s" % (number, line.strip())
    return None


def check_plan(report):
    return "; ".join(report.problems) or None


def check_failures(report):
    return ", ".join(report.failures) or None


def check_passes(report):
    return None if report.passed else "not a single test passed"


def check_skips(report, allowed):
    unlisted = [name for name in report.skips if name not in allowed]
    return "not in the skip list: " + ", ".join(unlisted) if unlisted else None


def judge(where, skips=None):
    """All checks of one result directory: [(name, None or reason)], Report."""
    report = Report(read(where / "report.txt"))
    return [
        ("verdict is pass, from this boot", check_verdict(where)),
        ("console is complete", check_console(where)),
        ("console shows no splat", check_splats(where)),
        ("plan comes first and is fulfilled", check_plan(report)),
        ("no test failed", check_failures(report)),
        ("a test passed", check_passes(report)),
        ("every skip is listed", check_skips(report, read_skips(skips))),
    ], report


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[2])
    parser.add_argument("where", type=pathlib.Path)
    parser.add_argument("--skips", type=pathlib.Path)
    parser.add_argument("--counts", type=pathlib.Path)
    args = parser.parse_args()

    checks, report = judge(args.where, args.skips)
    print("KTAP version 1\n1..%d" % len(checks))
    for number, (name, reason) in enumerate(checks, 1):
        print("%sok %d %s%s" % ("not " if reason else "", number, name,
                                " # " + reason if reason else ""))
    red = any(reason for _, reason in checks)
    failed = len(report.failures) or int(red)
    print("# %d passed, %d failed, %d skipped" %
          (report.passed, failed, len(report.skips)))
    if args.counts:
        args.counts.write_text("%d %d %d\n" %
                               (report.passed, failed, len(report.skips)))
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
