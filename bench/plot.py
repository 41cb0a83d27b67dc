#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""plot.py: the curves of build/bench/results.json as build/bench/*.svg and *.png.

Both engines' medians, and a band from the least to the most. The same results give
the same bytes. A curve that was not measured gets no plot, and that is said.
"""

import dataclasses
import os
import pathlib
import sys

import plan
import table

try:
    import matplotlib
except ImportError:
    sys.exit("plot.py: no matplotlib; on Debian: apt-get install python3-matplotlib")
matplotlib.use("Agg")
# pylint: disable-next=wrong-import-position
from matplotlib import pyplot, ticker   # noqa: E402 (needs the backend)

TOP = pathlib.Path(__file__).resolve().parent.parent
ENGINES = (("intree", "base", "#b2182b", "o"), ("contig", "this engine", "#2166ac", "s"))

matplotlib.rcParams.update({"svg.hashsalt": "contig", "font.family": "DejaVu Sans",
                            "font.size": 9, "axes.spines.top": False,
                            "axes.spines.right": False})


@dataclasses.dataclass(frozen=True)
class Plot:
    """One picture: its panels (scenarios) and how they are scaled."""
    name: str
    curves: tuple
    x_scale: str = "linear"
    y_scale: str = "log"


PLOTS = (Plot("size", ("size",), "log"),
         Plot("fill", ("fill",)),
         Plot("threads", ("threads",)),
         Plot("scale", ("memory", "vcpus"), "log"))
X_LABELS = {"size": "size of the request (pages of 4 KiB)",
            "fill": "part of the range that is in use (%)",
            "threads": "threads that allocate at the same time",
            "memory": "memory of the guest (GiB)",
            "vcpus": "CPUs of the guest"}


def points(results, name):
    """The rows of a curve, by x, from the first family of boots that measured it."""
    rows = [row for row in results["rows"] if row["scenario"] == name]
    family = {boot: results["boots"][boot]["family"] for boot in results["boots"]}
    rows = [row for row in rows if family[row["boot"]] == family[rows[0]["boot"]]]
    return sorted(rows, key=lambda row: row["x"])


def apart(xs):
    """The x whose numbers do not run into the one before, on a linear axis."""
    kept = xs[:1]
    for x in xs[1:]:
        if x - kept[-1] >= (xs[-1] - xs[0]) / 25:
            kept.append(x)
    return kept


def ticks(axes, plot, xs):
    """Plain numbers, as many as there is room for."""
    axes.set_yscale(plot.y_scale)
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda y, _: "{:,.0f}".format(y)))
    if plot.x_scale == "log":
        axes.set_xscale("log", base=2)
        xs = xs[::1 + len(xs) // 10]
        axes.xaxis.set_minor_locator(ticker.NullLocator())
    else:
        xs = apart(xs)
    axes.set_xticks(xs, ["%d" % x for x in xs])
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)


def panel(axes, plot, name, rows, title):
    xs = [row["x"] for row in rows]
    for engine, label, colour, marker in ENGINES:
        low, mid, high = ([row[engine][key] for row in rows]
                          for key in ("min", "median", "max"))
        axes.fill_between(xs, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(xs, mid, color=colour, marker=marker, markersize=4, linewidth=1.4,
                  label=label)
    ticks(axes, plot, xs)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(X_LABELS[name])
    axes.set_ylabel(rows[0]["unit"])
    axes.legend(frameon=False)


def draw(plot, results, scenarios):
    """The picture, or None if not one of its curves was measured."""
    measured = {name: points(results, name) for name in plot.curves
                if any(row["scenario"] == name for row in results["rows"])}
    if not measured:
        return None
    picture, panels = pyplot.subplots(1, len(measured), squeeze=False, layout="constrained",
                                      figsize=(6 * len(measured), 3.6))
    for axes, (name, rows) in zip(panels[0], measured.items()):
        panel(axes, plot, name, rows, scenarios[name].title)
    return picture


def save(picture, path):
    """As path's suffix says, without a date or a version in it."""
    nothing = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
    picture.savefig(path, metadata=nothing, dpi=120)


def main():
    os.chdir(TOP)
    results = table.read()
    if results is None:
        return "plot.py: no %s: make bench writes it" % table.RESULTS
    scenarios, _ = plan.load()
    for plot in PLOTS:
        picture = draw(plot, results, scenarios)
        for suffix in (".svg", ".png"):
            path = table.RESULTS.parent / (plot.name + suffix)
            path.unlink(missing_ok=True)
            if picture:
                save(picture, path)
        print("  %-8s %s" % (("PLOT", path.with_suffix(".svg")) if picture else
                             ("NOTE", "%s was not measured: no plot" % plot.name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
