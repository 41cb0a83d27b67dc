#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""readme.py: the figures of build/bench/results.json into README.md.

Rewrites what stands between the two marker comments, and bench/size.svg. Only the
results of a complete run go in; without one it says so and changes nothing.
"""

import os
import pathlib
import sys

import plan
import table

TOP = pathlib.Path(__file__).resolve().parent.parent
README = pathlib.Path("README.md")
PICTURE = pathlib.Path("bench/size.svg")
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"
COUNTED = ("icount", "hard", "search", "big", "kill", "irq")      # boots that have a column in common
NATIVE = (("wall", "time, 2 CPUs"), ("uml", "time, UML"))


def complaint(results):
    """Why these results are not for the README, or None."""
    if results is None:
        return "no %s: run make bench" % table.RESULTS
    if results["errors"]:
        return "the run was not complete: " + results["errors"][0]
    lost = [name for name in COUNTED if name not in results["boots"]]
    if lost:
        return "these boots are not in the results: %s; run make bench" % " ".join(lost)
    if not any(row["scenario"] == "size" for row in results["rows"]):
        return "there is no size curve"
    return None


def native(results, scenario, boot):
    """The ratio of a scenario in a boot that measures time."""
    for row in results["rows"]:
        if row["boot"] == boot and row["scenario"] == scenario:
            return table.times(row["ratio"])
    return "-"


def table_lines(results, scenarios):
    columns = ["scenario", "base", "this engine", "ratio", "target"]
    columns += [title for _, title in NATIVE]
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    for name, scenario in scenarios.items():
        for row in results["rows"]:
            if row["scenario"] != name or row["boot"] not in COUNTED or row["x"] is not None:
                continue
            cells = [table.label(row, scenarios, "instructions")]
            cells += [table.figure(row[side]["median"]) for side in ("intree", "contig")]
            cells += [table.times(row["ratio"]), table.held_to(row)]
            cells += [native(results, scenario.name, boot) for boot, _ in NATIVE]
            yield "| " + " | ".join(cells) + " |"


def wrapped(text, width=112):
    """Lines of a paragraph, as long as those around it."""
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = ""
        line += (" " if line else "") + word
    yield line


def pairs(results):
    """How many pairs, and which boots had others."""
    usual = results["boots"]["icount"]["pairs"]
    odd = ["%d in %s" % (results["boots"][name]["pairs"], name) for name in COUNTED
           if name in results["boots"] and results["boots"][name]["pairs"] != usual]
    return "%d pairs" % usual + (" (%s)" % ", ".join(odd) if odd else "")


def section(results, scenarios):
    """What goes between the markers."""
    machine = results["machine"]
    yield from wrapped(
        "Both engines in one boot, in turn; medians of %s, in instructions where nothing "
        "else is said. The last columns are the same ratio in time, translated by QEMU and as "
        "native code. Linux %s, QEMU %s, gcc %s, %s, %d cores; %s. `make bench` measures, "
        "`make bench-readme` puts it here." %
        (pairs(results), results["kernel"], machine["qemu"],
         machine["gcc"], machine["cpu"], machine["cores"], results["date"]))
    yield ""
    yield from table_lines(results, scenarios)
    yield ""
    yield "![Cost of a call against its size, both engines](%s)" % PICTURE


def between(text, new):
    """The text with the part between the markers replaced."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError("%s has not got the two markers" % README)
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + "\n" + new + "\n" + END + tail


def draw(results, scenarios):
    """The size curve, for the README's picture."""
    import plot     # here, as all else does without matplotlib
    plot.save(plot.draw(plot.PLOTS[0], results, scenarios), PICTURE)
    lines = PICTURE.read_text().splitlines()        # matplotlib ends some in a blank
    PICTURE.write_text("".join(line.rstrip() + "\n" for line in lines))


def main():
    os.chdir(TOP)
    results = table.read()
    scenarios, _ = plan.load()
    wrong = complaint(results)
    if wrong:
        return "readme.py: README.md is as it was: " + wrong
    new = "\n".join(section(results, scenarios)) + "\n"
    text = between(README.read_text(), new)
    draw(results, scenarios)
    README.write_text(text)
    print("  %-8s %s, %s (%d kB)" % ("WRITE", README, PICTURE,
                                     PICTURE.stat().st_size // 1024 + 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
