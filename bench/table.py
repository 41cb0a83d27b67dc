# SPDX-License-Identifier: GPL-2.0
"""The results of make bench, which bench/run.py documents, and their table."""

import json
import pathlib

RESULTS = pathlib.Path("build/bench/results.json")


def read(path=RESULTS):
    """The results, or None if there are none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def figure(value):
    """15700 as 15,700; halves, which a median can have, are rounded."""
    return "{:,.0f}".format(value)


def spread(side):
    return "%s (%s..%s)" % tuple(figure(side[key]) for key in ("median", "min", "max"))


def times(ratio):
    return "-" if ratio is None else "%.2fx" % ratio if ratio < 10 else "%.0fx" % ratio


def held_to(row):
    """The target or limit of a row and whether it was met."""
    if row["met"] is None:
        return ""
    bounds = [] if row["target"] is None else ["%gx" % row["target"]]
    if row["limit"] is not None:
        bounds.append(figure(row["limit"]))
    return "%s %s" % (" and ".join(bounds), "met" if row["met"] else "MISSED")


def label(row, scenarios, clock):
    scenario = scenarios[row["scenario"]]
    text = scenario.title
    if row["x"] is not None:
        text = "%s, %d %s" % (scenario.name, row["x"], scenario.x)
    return text if row["unit"] == clock else "%s [%s]" % (text, row["unit"])


def families(results):
    """{family: its boots' names}, in order."""
    found = {}
    for name, boot in results["boots"].items():
        found.setdefault(boot["family"], []).append(name)
    return found


def cells(results, scenarios, names):
    """The rows of these boots as text: scenario by scenario, x by x."""
    order = list(scenarios)
    rows = [row for row in results["rows"] if row["boot"] in names]
    rows.sort(key=lambda row: (order.index(row["scenario"]), row["x"] or 0))
    for row in rows:
        clock = results["boots"][row["boot"]]["clock"]
        yield (label(row, scenarios, clock), spread(row["intree"]), spread(row["contig"]),
               times(row["ratio"]), held_to(row))
    for skip in results["skipped"]:
        if skip["boot"] in names:
            yield (scenarios[skip["scenario"]].title, "skipped: " + skip["reason"])


def heading(results, names):
    boots = [results["boots"][name] for name in names]
    cpus = "/".join(dict.fromkeys(str(boot["cpus"]) for boot in boots))
    mem = "/".join(dict.fromkeys(boot["mem"] for boot in boots))
    return "lane %s, %s, %s CPU%s, %d pairs; medians (least..most) in %s" % (
        boots[0]["lane"], mem, cpus, "" if cpus == "1" else "s", boots[0]["pairs"],
        boots[0]["clock"])


def aligned(lines):
    """Cells as columns: the first to the left, figures to the right."""
    full = [line for line in lines if len(line) > 2]
    width = [max(len(line[i]) for line in full) for i in range(5)]
    for line in lines:
        if len(line) == 2:
            yield "%-*s  %s" % (width[0], *line)
            continue
        sized = [text.rjust(width[i]) for i, text in enumerate(line)]
        yield "  ".join([line[0].ljust(width[0]), *sized[1:4], line[4]]).rstrip()


def flatness(results, names):
    """How far the medians of boots that differ in x only lie apart."""
    rows = [row for row in results["rows"] if row["boot"] in names]
    if len(names) > 1 and len(rows) > 1:
        apart = [max(medians) / max(1, min(medians)) for medians in
                 ([row[engine]["median"] for row in rows] for engine in ("intree", "contig"))]
        yield "dearest x by cheapest: base %.2f, this engine %.2f" % tuple(apart)


def lines(results, scenarios):
    """The whole table, family by family."""
    for family, names in families(results).items():
        yield "\n%s: %s" % (family, heading(results, names))
        head = ("scenario", "base", "this engine", "ratio", "target")
        yield from aligned([head, *cells(results, scenarios, names)])
        yield from flatness(results, names)


def totals(results):
    """The last line."""
    answers = [row["met"] for row in results["rows"]]
    return "%d figures, %d targets met, %d missed, %d scenarios skipped, %d errors" % (
        len(answers), answers.count(True), answers.count(False), len(results["skipped"]),
        len(results["errors"]))
