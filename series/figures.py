#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""What the cover letter says in figures.

They are those of the last complete make bench and of the last green make bisect on
this machine, or else of series/figures.json, the copy that is kept of some earlier
ones; run as a program this writes that copy. In series/cover.md stands, alone in
a line:

    {bench}             a table; its rows follow up to an empty line, each the name of
                        a scenario of bench/scenarios.toml and what it is called here.
                        NAME@BOOT is what that boot measured, NAME what the first did
    {slower}            the same table of all that was measured and got slower, if it
                        is more than 1 in 50; what follows only says what it is called
                        here, and without that it has the title of bench/scenarios.toml
    {machine}           where and when that was measured
    {code}              a table: bytes of code before the series and after it
    {bloat}             what scripts/bloat-o-meter says of it
    {stack}             the largest stack frames, before and after
"""
import json
import os
import re
import sys
import tomllib

from steps import ROOT, Problem, load, main, say

RESULTS = os.path.join(ROOT, "build", "bench", "results.json")
BISECT = os.path.join(ROOT, "build", "bisect")
SCENARIOS = os.path.join(ROOT, "bench", "scenarios.toml")
KEPT = os.path.join(ROOT, "series", "figures.json")
OPTIONAL = {"physreq": "DDI calls, off by default", "trigger": "trigger, off by default"}
PARTS = {"physreq": "physreq", "ddi": "physreq", "ddi_get": "physreq", "ddi_wait": "physreq", "place": "physreq",
         "trigger": "trigger", "trigger_calls": "trigger"}
CLOCKS = {"wall": " (QEMU, ns)", "uml": " (native, ns)"}        # boots where something else is counted
WORSE = 0.98
WIDTH = 72


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


# --- where they come from -------------------------------------------------------

def bench(wanted):
    """The results of a run with all that is wanted, as far as a letter needs them."""
    results = read(RESULTS)
    if not results or results["errors"] or any(pick(results, word) is None for word in wanted):
        return None
    rows = [{"boot": row["boot"], "scenario": row["scenario"], "unit": row["unit"], "ratio": row["ratio"],
             **{side: {key: row[side][key] for key in ("min", "median", "max")} for side in ("intree", "contig")}}
            for row in results["rows"] if row["x"] is None]
    boots = {name: {key: boot[key] for key in ("mem", "cpus", "pairs", "clock")}
             for name, boot in results["boots"].items()}
    return {"date": results["date"], "machine": results["machine"], "kernel": results["kernel"],
            "boots": boots, "rows": rows}


def stamp(name):
    """The newest of a step."""
    paths = [os.path.join(BISECT, kind, name, "stamp") for kind in ("", "quick")]
    paths = sorted(filter(os.path.exists, paths), key=os.path.getmtime)
    return read(paths[-1]) if paths else None


def costs():
    """What make bisect, or a quick one, wrote down of the base and of the last step when they were green."""
    mailed = [step.name for step in load() if step.mailed]
    stamps = [stamp(name) for name in (mailed[0], mailed[-1])]
    if not all(stamps) or not stamps[0].get("base") or not stamps[1].get("end") or not stamps[1].get("bloat"):
        return None
    return {"before": stamps[0]["base"], "after": stamps[1]["end"], "bloat": stamps[1]["bloat"]}


def figures(wanted):
    """The newest there are of each kind."""
    kept = read(KEPT) or {}
    return {"bench": bench(wanted) or kept.get("bench"), "costs": costs() or kept.get("costs")}


# --- what is said of them -------------------------------------------------------

def number(value):
    return f"{value:,.0f}"


def percent(side):
    """How far apart the samples of one side are."""
    return "-" if not side["median"] else f"{100 * (side['max'] - side['min']) / side['median']:.0f}%"


def times(ratio):
    return "-" if ratio is None else f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x"


def pick(found, word):
    name, _, boot = word.partition("@")
    for row in found["rows"]:
        if row["scenario"] == name and row.get("x") is None and boot in ("", row["boot"]):
            return row
    return None


def bench_table(found, rows):
    wanted = []
    for line in rows:
        word, _, title = line.partition(" ")
        wanted.append((pick(found, word), title.strip()))
        if not wanted[-1][0]:
            raise Problem(f"series/cover.md: nothing was measured as {word}", "make bench")
    yield from table(wanted)


def slower_table(found, rows):
    """Whatever it is: nobody chooses what stands here."""
    with open(SCENARIOS, "rb") as f:
        titles = {name: scenario["title"] for name, scenario in tomllib.load(f)["scenario"].items()}
    titles.update((name, title.strip()) for name, _, title in (line.partition(" ") for line in rows))
    yield from table([(row, titles[row["scenario"]] + CLOCKS.get(row["boot"], ""))
                      for row in found["rows"]
                      if row.get("x") is None and row["ratio"] is not None and row["ratio"] < WORSE])


def table(wanted):
    yield f"{'':32}{'base':>12}{'+-':>5}{'series':>12}{'+-':>5}{'':>7}"
    for row, title in wanted:
        lines = wrap(title, 32)
        yield from lines[:-1]
        yield (f"{lines[-1]:32}" + "".join(f"{number(row[side]['median']):>12}{percent(row[side]):>5}"
                                           for side in ("intree", "contig")) + f"{times(row['ratio']):>7}")


def wrap(text, width, indent="  "):
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width and lines[-1]:
            lines.append(indent)
        lines[-1] += (" " if lines[-1].strip() else "") + word
    return lines


def machine(found, _words):
    host = found["machine"]
    pairs = sorted({boot["pairs"] for boot in found["boots"].values()})
    repeats = f"{pairs[0]} to {pairs[-1]}" if len(pairs) > 1 else pairs[0]
    text = (f"Linux {found['kernel']}, {found['date']}, both engines in one boot and in turn, {repeats} pairs; "
            f"QEMU {host['qemu']} (TCG) on {host['cores']} cores of an {host['cpu']}, gcc {host['gcc']}. "
            "The figures are medians; +- is the distance of the largest sample from the smallest.")
    return wrap(text.replace("(R)", "").replace(" Processor", ""), WIDTH, "")


def part_of(name):
    """Which part of the engine an object belongs to."""
    return PARTS.get(os.path.basename(name)[:-len(".o")], "engine") if name.startswith("mm/contig/") else "base"


def code_table(found, _words):
    before, after = found["before"]["sizes"], found["after"]["sizes"]
    parts = {"engine": 0, **{part: 0 for part in OPTIONAL}}
    for name, size in after.items():
        if part_of(name) in parts:
            parts[part_of(name)] += size
    rows = [(name, size, after[name]) for name, size in before.items()]
    rows += [("mm/contig", 0, parts["engine"])]
    rows += [("  " + text, 0, parts[part]) for part, text in OPTIONAL.items()]
    for name, old, new in rows:
        yield f"{name:36}{number(old):>10}{number(new):>10}{new - old:>+10,}"


def bloat_line(found, _words):
    """The functions alone, without the optional parts."""
    text = ("scripts/bloat-o-meter on these objects, functions alone and without the optional parts: "
            "add/remove: {add}/{remove} grow/shrink: {grow}/{shrink} up/down: {up:,}/-{down:,} ({net:+,})")
    return wrap(text.format(net=found["bloat"]["up"] - found["bloat"]["down"], **found["bloat"]), WIDTH, "")


def stack_table(found, _words):
    """The largest frames of what is there on one side only."""
    for when, other, text in (("before", "after", "base"), ("after", "before", "series")):
        frames = {name: size for name, size in found[when]["stack"].items() if name not in found[other]["stack"]}
        for name in sorted(frames, key=frames.get, reverse=True)[:4]:
            yield f"{text:8}{name + '()':40}{frames[name]:>6}"
            text = ""


MAKERS = {"bench": ("bench", bench_table), "slower": ("bench", slower_table), "machine": ("bench", machine),
          "code": ("costs", code_table), "bloat": ("costs", bloat_line), "stack": ("costs", stack_table)}


def orders(lines):
    """Text as it is, and what stands in the place of figures: (kind of table, its rows)."""
    rows = None
    for line in lines:
        found = re.fullmatch(r"\{(\w+)\}", line)
        if rows is not None and line:
            rows.append(line)
        elif found and found.group(1) not in MAKERS:
            raise Problem(f"series/cover.md: no such figures: {line}")
        elif found:
            rows = [] if found.group(1) in ("bench", "slower") else None
            yield found.group(1), rows
        else:
            rows = None
            yield line, None


def wanted_of(parts):
    return [row.split()[0] for _, rows in parts if rows for row in rows]


def fill(lines):
    """The letter with its figures."""
    parts = list(orders(lines))
    found = figures(wanted_of(parts))
    for what, rows in parts:
        if what not in MAKERS:
            yield what
            continue
        kind, make = MAKERS[what]
        if not found[kind]:
            raise Problem(f"series/cover.md: there are no figures for {{{what}}}",
                          "make bench" if kind == "bench" else "make bisect")
        for text in make(found[kind], rows):
            yield text if what in ("machine", "bloat") else ("  " + text).rstrip()


def keep():
    with open(os.path.join(ROOT, "series", "cover.md"), encoding="utf-8") as f:
        found = figures(wanted_of(list(orders(f.read().split("\n")))))
    with open(KEPT, "w", encoding="utf-8") as f:
        json.dump(found, f, indent=1, sort_keys=True)
        f.write("\n")
    missing = [kind for kind in found if not found[kind]]
    say("WRITE", "series/figures.json" + (", still without " + " and ".join(missing) if missing else ""))


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit("figures.py takes no argument")
    main(keep)
