#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""plot.py JSON DIRECTORY: what simulate measured, as simulate.svg and simulate.png."""

import json
import pathlib
import sys

try:
    import matplotlib
except ImportError:
    sys.exit("plot.py: no matplotlib; on Debian: apt-get install python3-matplotlib")
matplotlib.use("Agg")
# pylint: disable-next=wrong-import-position
from matplotlib import pyplot, ticker   # noqa: E402 (needs the backend)

matplotlib.rcParams.update({"svg.hashsalt": "contig", "font.family": "DejaVu Sans",
                            "font.size": 9, "axes.spines.top": False,
                            "axes.spines.right": False})

PANELS = (("none_ms", "ms of CPU", "There is no candidate: all of the map is looked at"),
          ("all_ms", "ms of CPU", "The very best candidate: all of the map is looked at"),
          ("first_ms", "ms of CPU", "First candidate, with the stop rule"),
          ("further_us", "µs of CPU", "Further candidate, mean of 256"),
          ("worst_us", "µs of CPU", "Further candidate, the worst of them"),
          ("plan_bytes", "bytes", "Memory of the plan"))


def size(amount):
    """1073741824 as 1 GB"""
    unit = 0
    while amount >= 1024:
        amount //= 1024
        unit += 1
    return "%d %s" % (amount, ("B", "KB", "MB", "GB", "TB")[unit])


def panel(axes, rows, key, unit, title):
    for pages in sorted({row["pages"] for row in rows}):
        line = [row for row in rows if row["pages"] == pages]
        axes.plot([row["memory"] for row in line], [row[key] for row in line],
                  marker="o", markersize=3, linewidth=1.2, label=size(pages * 4096))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    xs = sorted({row["memory"] for row in rows})
    axes.set_xticks(xs, [size(x) for x in xs], rotation=45)
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("memory, in blocks of 2 MB")
    axes.set_ylabel(unit)


def main():
    if len(sys.argv) != 3:
        return __doc__
    rows = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    picture, axes = pyplot.subplots(2, 3, layout="constrained", figsize=(15, 7.5))
    for where, (key, unit, title) in zip(axes.flat, PANELS):
        panel(where, rows, key, unit, title)
    axes.flat[0].legend(title="request", frameon=False)
    nothing = {".svg": {"Date": None, "Creator": None}, ".png": {"Software": None}}
    for suffix, metadata in nothing.items():
        picture.savefig(pathlib.Path(sys.argv[2]) / ("simulate" + suffix), dpi=100,
                        metadata=metadata)
    return 0


if __name__ == "__main__":
    sys.exit(main())
