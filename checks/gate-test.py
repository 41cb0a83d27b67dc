#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""gate-test.py: the gate's own tests.

Each case makes the results of one guest run, good or broken in one way, and says
what the gate must answer: None for green, or a word of the reason for red. Red for
another reason than the expected one is a failure too. Prints KTAP.
"""

import importlib.util
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
SPEC = importlib.util.spec_from_file_location("gate", HERE / "gate.py")
gate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gate)

NONCE = "0123456789abcdef"

CONSOLE = """\
[    0.000000] Linux version 7.3.4 (contig@lane)
[    0.000000] Command line: panic=-1 panic_on_warn=1 oops=panic
[    1.500000] contig-init: job kunit
%s[    2.500000] contig-init: job kunit returned 0
[    2.600000] contig-init: end %s: pass %s
[    2.700000] reboot: Power down
"""


def console_with(*lines):
    """The console of a good run with these lines in the middle of the job."""
    return CONSOLE % ("".join("[    2.000000] %s\n" % line for line in lines),
                      NONCE, NONCE)


GOOD = console_with()

FLAT = """\
TAP version 13
1..3
# Starting 3 tests from 1 test cases.
ok 1 global.one
ok 2 global.two
ok 3 global.three
# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:0 error:0
"""

KUNIT = """\
KTAP version 1
1..1
    KTAP version 1
    # Subtest: contig
    # module: contig
    1..3
    ok 1 one
        KTAP version 1
        # Subtest: table
        ok 1 first row
        ok 2 second row
    # table: pass:2 fail:0 skip:0 total:2
    ok 2 table
    ok 3 three # SKIP one node only
# contig: pass:2 fail:0 skip:1 total:3
# Totals: pass:3 fail:0 skip:1 total:4
ok 1 contig
"""

SPLATS = [
    "WARNING: CPU: 0 PID: 1 at mm/contig/take.c:12 contig_take+0x1/0x2",
    "WARNING: possible circular locking dependency detected",
    "WARNING: suspicious RCU usage",
    "BUG: KASAN: use-after-free in contig_free+0x1/0x2",
    "BUG: sleeping function called from invalid context at mm/page_alloc.c:1",
    "BUG: Bad page state in process test  pfn:12345",
    "INFO: task test:12 blocked for more than 120 seconds.",
    "INFO: possible recursive locking detected",
    "Oops: general protection fault, probably for non-canonical address",
    "UBSAN: shift-out-of-bounds in mm/contig/plan.c:3:4",
    "unreferenced object 0xffff888003c5a000 (size 64):",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
    "kernel BUG at mm/contig/take.c:12!",
    "Kernel panic - not syncing: kernel: panic_on_warn set ...",
    "BUG: unable to handle page fault for address: 0000000000000008",
    "INFO: lockdep is turned off.",
]


def run(report=FLAT, console=GOOD, verdict="pass %s\n" % NONCE, nonce=NONCE, skips=""):
    """The reasons that the gate gives for these results; None: the file is missing."""
    with tempfile.TemporaryDirectory() as name:
        where = pathlib.Path(name)
        (where / "skips").write_text(skips)
        for file, text in (("report.txt", report), ("console.log", console),
                           ("verdict", verdict), ("nonce", nonce + "\n")):
            if text is not None:
                (where / file).write_text(text)
        checks, result = gate.judge(where, where / "skips")
    return [reason for _, reason in checks if reason], result


def without(text, line):
    assert line in text
    return text.replace(line, "", 1)


def plan_last(text):
    return without(text, "1..3\n") + "1..3\n"


LISTED = "contig/three # the guest has one node\n"

# name, arguments of run(), expected word of a reason (None: green)
CASES = [
    ("a good flat report", {}, None),
    ("a good nested KUnit report", dict(report=KUNIT, skips=LISTED), None),
    ("console with carriage returns",
     dict(console=GOOD.replace("\n", "\r\n")), None),
    ("a fault that was injected on purpose is no splat",
     dict(console=console_with("FAULT_INJECTION: forcing a failure.")), None),
    ("report cut short", dict(report=FLAT[:FLAT.index("ok 3")]), "3 planned, 2 results"),
    ("nested report cut short",
     dict(report=KUNIT[:KUNIT.index("    ok 3")], skips=LISTED), "no result line"),
    ("report empty", dict(report=""), "no plan"),
    ("report missing", dict(report=None), "no plan"),
    ("plan missing", dict(report=without(FLAT, "1..3\n")), "no plan"),
    ("plan missing in the suite",
     dict(report=without(KUNIT, "    1..3\n"), skips=LISTED), "contig: no plan"),
    ("plan last", dict(report=plan_last(FLAT)), "after results"),
    ("two plans", dict(report=FLAT + "1..3\n"), "second plan"),
    ("fewer results than planned", dict(report=without(FLAT, "ok 2 global.two\n")),
     "3 planned, 2 results"),
    ("more results than planned", dict(report=FLAT + "ok 4 global.four\n"),
     "3 planned, 4 results"),
    ("a number twice", dict(report=FLAT.replace("ok 3", "ok 2")), "not numbered"),
    ("parameters without plan and total",
     dict(report=without(KUNIT, "    # table: pass:2 fail:0 skip:0 total:2\n"),
          skips=LISTED), "contig/table: no plan"),
    ("fewer parameters than their total",
     dict(report=without(KUNIT, "        ok 2 second row\n"), skips=LISTED),
     "contig/table: 2 planned, 1 results"),
    ("one not ok", dict(report=FLAT.replace("ok 2", "not ok 2")), "global.two"),
    ("not ok in a subtest, its suite not ok",
     dict(report=KUNIT.replace("    ok 1 one", "    not ok 1 one")
          .replace("\nok 1 contig", "\nnot ok 1 contig"), skips=LISTED), "contig/one"),
    ("not ok in a subtest whose suite says ok",
     dict(report=KUNIT.replace("    ok 1 one", "    not ok 1 one"), skips=LISTED),
     "something in it is not"),
    ("suite not ok though all in it is",
     dict(report=KUNIT.replace("\nok 1 contig", "\nnot ok 1 contig"), skips=LISTED),
     "contig"),
    ("the tests bail out", dict(report=FLAT + "Bail out! no memory\n"), "gave up"),
    ("a skip that no list names", dict(report=KUNIT), "not in the skip list: contig/three"),
    ("everything skipped",
     dict(report="1..1\nok 1 one # SKIP no device\n", skips="one # no device here\n"),
     "not a single test passed"),
    ("a plan of nothing", dict(report="1..0 # SKIP no device\n"),
     "not a single test passed"),
    ("a subtest with a plan and no results",
     dict(report="1..1\n    # Subtest: one\n    1..2\nok 1 one\n"), "one: 2 planned, 0 results"),
    ("a subtest that says nothing", dict(report="1..1\n    # Subtest: one\nok 1 one\n"),
     "one: no plan"),
    ("a subtest that plans nothing, as for a name that no test has",
     dict(report="1..1\n    # Subtest: one\n    1..0\nok 1 one\n"), "one: a plan of nothing"),
    ("a subtest that skips itself",
     dict(report="1..2\nok 1 zero\n    # Subtest: one\n    1..0 # SKIP no device\n"
          "ok 2 one # SKIP the program skipped itself\n", skips="one # no device here\n"), None),
    ("hang: no verdict, log stops",
     dict(verdict="", console="[    1.5] contig-init: job kunit\n"), "no verdict"),
    ("no verdict file at all", dict(verdict=None), "no verdict"),
    ("panic after the report",
     dict(verdict="", console="[    2.0] Kernel panic - not syncing: Fatal exception\n"),
     "Kernel panic"),
    ("verdict fail", dict(verdict="fail 1 %s the job failed\n" % NONCE), "verdict 'fail 1"),
    ("verdict with another boot's nonce", dict(verdict="pass feedfeedfeedfeed\n"),
     "feedfeed"),
    ("verdict without nonce", dict(verdict="pass \n", nonce=""), "nonce ''"),
    ("console empty", dict(console=""), "is empty"),
    ("console missing", dict(console=None), "is empty"),
    ("console of another boot", dict(nonce="feedfeedfeedfeed",
                                     verdict="pass feedfeedfeedfeed\n"), "end line"),
    ("console cut before the power-off line",
     dict(console=GOOD.replace("reboot: Power down\n", "")),
     "power-off line"),
    ("splat after the verdict",
     dict(console=GOOD + "BUG: scheduling while atomic\n"),
     "scheduling while atomic"),
] + [("splat between two ok: " + line.split(" at ")[0][:48],
      dict(console=console_with(line)), "console.log:4") for line in SPLATS]


def check_counts():
    _, report = run(report=KUNIT)
    return (report.passed, len(report.failures), len(report.skips)) == (3, 0, 1)


def verdict_of(arguments, expected):
    """None if the gate answers as expected, otherwise what it said."""
    reasons, _ = run(**arguments)
    if expected is None:
        return "; ".join(reasons) or None
    if any(expected in reason for reason in reasons):
        return None
    return "expected '%s', the gate says %s" % (expected, reasons or "green")


def main():
    results = [(name, verdict_of(arguments, expected))
               for name, arguments, expected in CASES]
    results.append(("nested tests are counted one by one",
                    None if check_counts() else "wrong counts"))
    print("KTAP version 1\n1..%d" % len(results))
    for number, (name, wrong) in enumerate(results, 1):
        print("%sok %d %s%s" % ("not " if wrong else "", number, name,
                                " # " + wrong if wrong else ""))
    return 1 if any(wrong for _, wrong in results) else 0


if __name__ == "__main__":
    sys.exit(main())
