#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""picture.py REPORT: the maps of a demo's report, before and after, as one SVG.

A square is a pageblock of 2 MB, for what most of its pages are, a row 64 MB. Squares
that are alike and side by side are one stroke, so that the file stays small.
"""
import re
import sys
from xml.sax.saxutils import escape

SIDE = 8
ROW_PAGES = 0x4000
ROW = re.compile(r"^(0x[0-9a-f]+) \|(.*)\| \|(.*)\|$")
LEFT, TOP, GAP = 84, 26, 24
# letter of guest/demo/map.c, colour, meaning; the colours are those of contigstat
KINDS = (
    (".", "#e8eef2", "free"), ("a", "#4a90d9", "anonymous"), ("T", "#1f5fa8", "huge page"),
    ("f", "#45b0a0", "file cache"), ("c", "#b7dfa8", "CMA, free"), ("C", "#4f9d3a", "CMA, in use"),
    ("k", "#d98e3a", "kernel"), ("r", "#6b6b6b", "reserved"), ("H", "#7e57c2", "1 GB hugetlb"),
    ("#", "#e03131", "handed out"), ("P", "#d6336c", "a pinned page"), ("x", "#b0b0b0", "unplugged"),
)


def read_rows(text):
    """(label, cells before, cells after); a gap in memory is a row without a label."""
    rows = []
    for line in text.split("\n"):
        row = ROW.match(line)
        if row:
            rows.append(row.groups())
        elif rows and "(no memory)" in line:
            rows.append(("", "", ""))
    if not rows:
        raise SystemExit("picture: there is no map in the report")
    return rows


def strokes(rows, side, left, letter):
    """A path through the middle of every square of a kind."""
    words = []
    for at, row in enumerate(rows):
        for run in re.finditer(re.escape(letter) + "+", row[side]):
            words.append("M%d %dh%d" % (left + run.start() * SIDE, TOP + at * SIDE + SIDE // 2,
                                        len(run.group()) * SIDE))
    return "".join(words)


def text(x, y, words):
    return '<text x="%d" y="%d">%s</text>' % (x, y, escape(words))


def main():
    with open(sys.argv[1], encoding="utf-8") as report:
        rows = read_rows(report.read())
    width = max(len(row[1]) for row in rows) * SIDE
    lefts = (LEFT, LEFT + width + GAP)
    bottom = TOP + len(rows) * SIDE
    kinds = [kind for kind in KINDS if any(kind[0] in row[1] + row[2] for row in rows)]
    across = (lefts[1] + width) // 4
    height = bottom + 20 + (len(kinds) + 3) // 4 * 18
    print('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
          'font-family="monospace" font-size="11">' % (lefts[1] + width + 8, height))
    print('<!-- SPDX-License-Identifier: GPL-2.0 -->')
    print('<rect width="100%" height="100%" fill="white"/>')
    print(text(lefts[0], 16, "before, loaded"))
    print(text(lefts[1], 16, "after, the requests still held"))
    for at, row in enumerate(rows):
        if row[0] and int(row[0], 16) // ROW_PAGES % 4 == 0:
            print(text(4, TOP + at * SIDE + SIDE, row[0]))
    for at, (letter, color, name) in enumerate(kinds):
        path = "".join(strokes(rows, side, left, letter) for side, left in ((1, lefts[0]), (2, lefts[1])))
        x, y = 8 + at % 4 * across, bottom + 20 + at // 4 * 18
        print('<path stroke="%s" stroke-width="%d" d="%sM%d %dh12"/>' %
              (color, SIDE - 1, path, x, y - 4))
        print(text(x + 18, y, name))
    print("</svg>")


if __name__ == "__main__":
    main()
