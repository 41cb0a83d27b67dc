#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tests.py: the bench's own tests, on logs that no guest has written.

Each case makes the results of one boot, good or broken in one way, and says what
the judge must answer: None for sound, or a word of the reason. Another reason than
the expected one is a failure too. Prints KTAP.
"""

import dataclasses
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True

import plan         # noqa: E402 (no byte code before the line above)
import readme       # noqa: E402
import run          # noqa: E402
import samples      # noqa: E402
import table        # noqa: E402

NONCE = "0123456789abcdef"
CONSOLE = """\
[    0.000000] Linux version 7.3.4 (contig@lane)
[    2.600000] contig-init: end %s: pass %s
[    2.700000] reboot: Power down
""" % (NONCE, NONCE)

BOOT = plan.Boot(name="icount", family="icount", lane="bench", mem="1500M", cpus=2,
                 timeout=9, set="main", pairs=2, clock="instructions", qemu="",
                 targets="icount", append="cma=256M")
POINT = dataclasses.replace(BOOT, name="memory-4", family="memory", targets="memory", x=4,
                            only_expected=True)
SCENARIOS = {each.name: each for each in (
    plan.Scenario("take", "Take", "scalar", "less", ("icount",), "take",
                  target={"icount": 4}),
    plan.Scenario("moved", "Moved", "scalar", "less", ("icount",), "take", "pages",
                  limit={"icount": 0}),
    plan.Scenario("faults", "Faults", "scalar", "more", ("icount",), "faults",
                  "faults/s", ("icount",), {"icount": 1}),
    plan.Scenario("fill", "Fill", "curve", "less", ("icount",), "fill", x="%", first=0,
                  last=100, points=3),
    plan.Scenario("memory", "Memory", "curve", "less", ("memory",), "memory", x="GiB",
                  first=1, last=16, points=3))}


def pairs(name, x, *values):
    """Sample lines, the engines in turn."""
    return "".join("sample %s %s %s %d\n" % (name, x, samples.ENGINES[i % 2], value)
                   for i, value in enumerate(values))


TAKE = pairs("take", "-", 900, 200, 1000, 220)
FAULTS = pairs("faults", "-", 50, 60, 50, 70)
FILL = "".join(pairs("fill", x, 10 + x, 5 + x, 12 + x, 7 + x) for x in (0, 50, 100))
MOVED = pairs("moved", "-", 16383, 0, 16383, 0)
GOOD = ("KTAP version 1\n1..3\n# A word in between\n" + TAKE + MOVED + "ok 1 - take\n" +
        FAULTS + "ok 2 - faults\n" + FILL + "ok 3 - fill\n")
POINT_LOG = ("KTAP version 1\n1..1\n" + pairs("memory", 4, 9, 3, 9, 3) + TAKE +
             "sample nobody - intree 1\nok 1 - memory\n")


def swap(old, new, text=GOOD):
    assert old in text
    return text.replace(old, new, 1)


def judged(report=GOOD, verdict="pass %s\n" % NONCE, console=CONSOLE, status=0, boot=BOOT):
    """The log of a boot that left these files, and the reasons against it."""
    with tempfile.TemporaryDirectory() as name:
        where = pathlib.Path(name)
        for file, text in (("report.txt", report), ("verdict", verdict),
                           ("console.log", console), ("nonce", NONCE + "\n")):
            if text is not None:
                (where / file).write_text(text)
        return samples.judge(boot, SCENARIOS, where, status)


SKIPPED = swap(FAULTS + "ok 2 - faults", "ok 2 - faults # SKIP one CPU")
HALF = pairs("take", "-", 900, 200)
ONE = "sample take - intree 900\n"

# name, arguments of judged(), expected word of a reason (None: sound)
CASES = [
    ("a good log", {}, None),
    ("a skip with a reason, where it is allowed", dict(report=SKIPPED), None),
    ("more pairs than asked for", dict(report=swap(TAKE, TAKE + HALF)), None),
    ("carriage returns", dict(report=GOOD.replace("\n", "\r\n")), None),
    ("the two engines of a pair the other way round",
     dict(report=swap(TAKE, HALF + "sample take - contig 5\n" + ONE)), None),
    ("a point of a curve; other samples mean nothing", dict(report=POINT_LOG, boot=POINT), None),
    ("report empty", dict(report=""), "no samples of take, moved, faults, fill"),
    ("report missing", dict(report=None), "no plan"),
    ("report cut in a line", dict(report=GOOD[:GOOD.index("g 200")]), "is no sample"),
    ("report cut between samples", dict(report=GOOD[:GOOD.index("sample faults")]),
     "3 planned, 1 results"),
    ("report cut before the last result", dict(report=swap("ok 3 - fill\n", "")),
     "fill: samples, but no 'ok'"),
    ("no plan", dict(report=swap("1..3\n", "")), "no plan"),
    ("not ok", dict(report=swap("ok 2", "not ok 2")), "not ok: faults"),
    ("the job gives up", dict(report=GOOD + "Bail out! no CMA area\n"), "gave up"),
    ("a scenario missing, with its result",
     dict(report=swap(FAULTS + "ok 2 - faults\n", "",
                      GOOD.replace("1..3", "1..2").replace("ok 3", "ok 2"))),
     "no samples of faults"),
    ("ok without samples", dict(report=swap(TAKE, "")), "no samples of take"),
    ("ok without the samples of a second scenario", dict(report=swap(MOVED, "")),
     "no samples of moved"),
    ("an engine missing", dict(report=swap(TAKE, ONE + ONE)), "2 samples of intree, 0 of contig"),
    ("unequal counts", dict(report=swap(TAKE, TAKE + ONE)), "3 samples of intree, 2 of contig"),
    ("unequal counts in a curve",
     dict(report=swap("sample fill 50 contig 55\n", "")), "fill at x = 50: 2 samples"),
    ("fewer pairs than asked for", dict(report=swap(TAKE, HALF)), "1 pairs, 2 were asked for"),
    ("engines not in turn",
     dict(report=swap(TAKE, ONE + ONE + "sample take - contig 2\n" * 2)), "take turns"),
    ("a value that is no number", dict(report=swap("intree 900", "intree 9e2")), "is no sample"),
    ("a negative value", dict(report=swap("intree 900", "intree -900")), "is no sample"),
    ("no value", dict(report=swap("intree 900", "intree")), "is no sample"),
    ("a third engine", dict(report=swap("intree 900", "other 900")), "is no sample"),
    ("a word too many", dict(report=swap("intree 900", "intree 900 ns")), "is no sample"),
    ("an x that is no number", dict(report=swap("fill 50 ", "fill half ")), "is no sample"),
    ("a scenario that nobody knows",
     dict(report=swap(TAKE, TAKE + pairs("new", "-", 1, 2, 3, 4))), "no such scenario"),
    ("two results for a scenario", dict(report=swap("ok 2 - faults", "ok 2 - take")),
     "take: 2 results"),
    ("a skip where it has to be measured",
     dict(report=swap(TAKE + MOVED + "ok 1 - take", "ok 1 - take # SKIP no CMA")),
     "moved: skipped, but has to be measured here: no CMA"),
    ("a skip without a reason", dict(report=swap("one CPU", "", SKIPPED)), "without a reason"),
    ("samples and a skip", dict(report=swap("- faults", "- faults # SKIP one CPU")),
     "samples and a skip"),
    ("a scalar with x", dict(report=GOOD.replace("take -", "take 4")), "a scalar with x"),
    ("a curve without x", dict(report=GOOD.replace("fill 50 ", "fill - ")), "a curve without x"),
    ("a curve that ends early", dict(report=GOOD.replace("fill 100 ", "fill 90 ")),
     "not from 0 to 100"),
    ("a curve of too few points",
     dict(report=swap(FILL, pairs("fill", 0, 1, 1, 1, 1) + pairs("fill", 100, 1, 1, 1, 1))),
     "2 points, not 3"),
    ("a point at another x", dict(report=POINT_LOG.replace(" 4 ", " 1 "),
                                    boot=POINT), "x is not 4"),
    ("boot.sh failed", dict(status=1), "ended with 1"),
    ("no verdict", dict(verdict=""), "no verdict"),
    ("no verdict file", dict(verdict=None), "no verdict"),
    ("verdict fail", dict(verdict="fail 1 %s the job failed\n" % NONCE), "verdict 'fail 1"),
    ("verdict of another boot", dict(verdict="pass feedfeedfeedfeed\n"), "feedfeed"),
    ("verdict twice", dict(verdict=("pass %s\n" % NONCE) * 2), "verdict 'pass"),
    ("console empty", dict(console=""), "is empty"),
    ("console cut", dict(console=swap("reboot: Power down", "", CONSOLE)), "power-off line"),
    ("a splat", dict(console=CONSOLE + "BUG: Bad page state in process x\n"), "Bad page"),
]


def verdict_of(arguments, expected):
    """None if the judge answers as expected, otherwise what it said."""
    _, reasons = judged(**arguments)
    if expected is None:
        return "; ".join(reasons) or None
    if any(expected in reason for reason in reasons):
        return None
    return "expected '%s', the judge says %s" % (expected, reasons or "sound")


def good_rows():
    log, _ = judged()
    return {(row["scenario"], row["x"]): row for row in log.rows()}


def statistics_of_a_scalar():
    row = good_rows()["take", None]
    assert row["intree"] == {"samples": [900, 1000], "min": 900, "median": 950, "max": 1000}
    assert row["contig"]["samples"] == [200, 220] and row["contig"]["median"] == 210
    assert row["ratio"] == 950 / 210 and row["target"] == 4 and row["met"] is True
    assert row["unit"] == "instructions"


def odd_median():
    assert samples.summary([7, 1, 4])["median"] == 4


def nothing_by_zero():
    row = good_rows()["moved", None]
    assert row["ratio"] is None and row["limit"] == 0 and row["met"] is True
    assert row["unit"] == "pages"


def more_is_better():
    row = good_rows()["faults", None]
    assert row["ratio"] == 65 / 50 and row["met"] is True


def targets_missed():
    take, moved, faults = (SCENARIOS[name] for name in ("take", "moved", "faults"))
    assert samples.met(take, 399, 100, 4, None) is False
    assert samples.met(moved, 5, 1, None, 0) is False
    assert samples.met(faults, 50, 49, 1, None) is False
    assert samples.met(take, 1, 1, None, None) is None


def curve_in_order():
    assert [x for name, x in good_rows() if name == "fill"] == [0, 50, 100]


def unsound_rows_left_out():
    log, _ = judged(report=swap(TAKE, TAKE + ONE))
    assert "take" not in {row["scenario"] for row in log.rows()}


def results():
    """What run.py makes of the good log with a skip, in place of a boot."""
    log, errors = judged(report=SKIPPED)
    boot = {"family": "icount", "lane": "bench", "mem": "1500M", "cpus": 2, "pairs": 2,
            "clock": "instructions"}
    return {"boots": {"icount": boot}, "rows": list(log.rows()), "errors": errors,
            "skipped": [{"boot": "icount", "scenario": name, "reason": reason}
                        for name, reason in log.skips.items()],
            "kernel": "7.3.4", "date": "2000-01-01",
            "machine": {"cpu": "a CPU", "cores": 2, "qemu": "7.2", "gcc": "12.2"}}


def table_says_all():
    text = "\n".join(table.lines(results(), SCENARIOS))
    for part in ("950 (900..1,000)", "210 (200..220)", "4.52x", "4x met", "0 met",
                 "Moved [pages]", "fill, 50 %", "Faults", "skipped: one CPU"):
        assert part in text, part
    assert table.totals(results()) == (
        "5 figures, 2 targets met, 0 missed, 1 scenarios skipped, 0 errors")


def table_of_nothing():
    found = {**results(), "rows": [], "errors": ["icount: no verdict"]}
    assert "icount" in "\n".join(table.lines(found, SCENARIOS))
    assert "1 errors" in table.totals(found)


def readme_between_markers():
    text = "before\n" + readme.BEGIN + "old\n" + readme.END + "after\n"
    new = readme.between(text, "new\n")
    assert new == "before\n%s\nnew\n\n%safter\n" % (readme.BEGIN, readme.END)
    assert readme.between(new, "new\n") == new
    try:
        readme.between("no markers\n", "new\n")
    except ValueError:
        return
    raise AssertionError("a README without markers was taken")


def readme_table():
    text = "\n".join(readme.section(results(), SCENARIOS))
    assert "| Take | 950 | 210 | 4.52x | 4x met | - | - |" in text, text
    assert "7.3.4" in text and "2000-01-01" in text


def readme_refuses():
    assert "make bench" in readme.complaint(None)
    assert "no verdict" in readme.complaint({**results(), "errors": ["icount: no verdict"]})
    assert "big kill irq" in readme.complaint(results())


def plan_is_sound():
    scenarios, boots = plan.load()
    names = [boot.name for boot in plan.choose(boots, [])]
    assert names[:2] == ["icount", "wall"] and "memory-16" in names and "quick" not in names
    for boot in boots:
        assert any(boot.family in each.boots for each in scenarios.values()), boot.name
        assert ("-icount" in boot.qemu) == (boot.clock == "instructions"), boot.name
    assert [boot.name for boot in plan.choose(boots, ["vcpus-2", "quick"])] == [
        "quick", "vcpus-2"]


def command_of_a_boot():
    words = run.command(POINT)
    assert words[words.index("--append") + 1] == "cma=256M SET=main PAIRS=2 X=4"
    assert "--qemu" not in words and words[words.index("--mem") + 1] == "1500M"


CHECKS = (statistics_of_a_scalar, odd_median, nothing_by_zero, more_is_better,
          targets_missed, curve_in_order, unsound_rows_left_out, table_says_all,
          table_of_nothing, readme_between_markers, readme_table, readme_refuses,
          plan_is_sound, command_of_a_boot)


def failure_of(check):
    try:
        check()
    except AssertionError as error:
        return "line %d: %s" % (error.__traceback__.tb_next.tb_lineno, error)
    return None


def main():
    done = [(name, verdict_of(arguments, expected)) for name, arguments, expected in CASES]
    done += [(check.__name__.replace("_", " "), failure_of(check)) for check in CHECKS]
    print("KTAP version 1\n1..%d" % len(done))
    for number, (name, wrong) in enumerate(done, 1):
        print("%sok %d %s%s" % ("not " if wrong else "", number, name,
                                " # " + wrong if wrong else ""))
    return 1 if any(wrong for _, wrong in done) else 0


if __name__ == "__main__":
    sys.exit(main())
