#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""contigstat-test.py: what contigstat prints of files that a guest has recorded.

checks/contigstat.txt is the report of guest/jobs/record. Here its files come to life
below a directory, and contigstat reads them with --root. JSON goes through Python's
parser, pictures through one for XML. Expected values are worked out from the record,
not written down, so that a new record is as good. The complaints that a file in the
wrong place or in pieces must raise come last. Prints KTAP.
"""

import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import xml.dom.minidom

TOP = pathlib.Path(__file__).resolve().parent.parent
RECORD = TOP / "checks" / "contigstat.txt"
DIR = "sys/kernel/debug/contig"
PAGES = {}              # PFN as it was asked for: what the file "page" answered


def unpack(root):
    """The recorded files, below root; answers about pages go into PAGES."""
    sections = re.split(r"^=== (.*)\n", RECORD.read_text(), flags=re.M)[1:]
    for head, text in zip(sections[::2], sections[1::2]):
        kind, _, name = head.rpartition(" ")
        if kind == "page":
            PAGES[int(name, 0)] = text
            continue
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "words":
            runs = (line.split() for line in text.splitlines())
            path.write_bytes(b"".join(int(nr) * struct.pack("<Q", int(word, 16))
                                      for nr, word in runs))
        else:
            path.write_text(text)


def build(where):
    """contigstat as the kernel's Makefile would, with all warnings fatal."""
    program = where / "contigstat"
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=all", "-o", program,
                    *sorted((TOP / "tools/mm").glob("contigstat*.c"))], check=True)
    return program


class Tool:
    """contigstat and the directory that it reads."""

    def __init__(self, program, root):
        self.program, self.root = program, root

    def run(self, *words, status=0):
        done = subprocess.run([self.program, "--root", self.root, *words], check=False,
                              capture_output=True, text=True, env={"NO_COLOR": "1"})
        want(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def json(self, *words):
        return json.loads(self.run("--json", *words))

    def lines(self, name):
        return (self.root / DIR / name).read_text().splitlines()

    def ask(self, pfn):
        (self.root / DIR / "page").write_text(PAGES[pfn])


class Wrong(Exception):
    """What was found is not what was wanted."""


def want(found, wanted, what=""):
    if found != wanted:
        raise Wrong("found %r, wanted %r %s" % (found, wanted, what))


def pairs(line):
    return dict(re.findall(r"([a-z_]+)=(.*?)(?= [a-z_]+=|$)", line))


def number(word):
    """As JSON has it: none is null."""
    try:
        return None if word == "none" else int(word, 0)
    except ValueError:
        return word


# --- the cases -----------------------------------------------------------------

def counters(tool):
    told = dict(line.split() for line in tool.lines("stats"))
    found = tool.json("stats")
    want({k: str(v) for part in found.values() for k, v in part.items()}, told)
    want(all(name.isupper() for name in found["reasons"]), True)
    text = tool.run()
    for name, value in told.items():
        line = re.search(r"^ *%s +(\d+)" % name, text, re.M)
        if name.islower() or value != "0":
            want(line and line.group(1), value, name)
    failed = sum(int(v) for k, v in told.items() if k.isupper())
    want(re.search(r"^failures +(\d+)$", text, re.M).group(1), str(failed))


def failures(tool):
    told = [pairs(line) for line in tool.lines("failures")]
    found = tool.json("failures")
    want(len(found), len(told))
    for one, words in zip(found, told):
        want({k: v for k, v in one.items() if k != "time"},
             {k: number(v) for k, v in words.items() if k != "time"})
        want("%.6f" % one["time"], words["time"])
    rows = tool.run("failures").splitlines()
    want(len(rows), len(told) + 1)
    for row, words in zip(rows[1:], told):
        want(row.split(), [words[k] for k in ("time", "nr", "start", "reason", "pfn",
                                              "kind", "moved", "usecs", "caller")])


def latency(tool):
    told = [line.rsplit(" ", 3) for line in tool.lines("latency")]
    found = tool.json("latency")
    rows = [[h["caller"], h["outcome"], str(b["below_ns"]), str(b["count"])]
            for h in found for b in h["buckets"]]
    want(rows, told)
    for histogram in found:
        want(histogram["count"], sum(b["count"] for b in histogram["buckets"]))
        want(re.search(r"^%s: %d %s, " % (re.escape(histogram["caller"]), histogram["count"],
                                         histogram["outcome"]), tool.run("latency"), re.M)
             is not None, True)


def quantiles(tool):
    (tool.root / DIR / "latency").write_text(
        "probe+0x1/0x2 [some_module] met 1024 50\nprobe+0x1/0x2 [some_module] met 4096 48\n"
        "probe+0x1/0x2 [some_module] met 1048576 2\nothers failed 68719476736 1\n")
    text = tool.run("latency").splitlines()
    want(text[0], "probe+0x1/0x2 [some_module]: 100 met, half of them in less than 1.02 us, "
         "99 % in less than 1.05 ms")
    want([line.count("#") for line in text], [0, 40, 39, 2, 0, 40])
    want(tool.json("latency")[0]["caller"], "probe+0x1/0x2 [some_module]")


def live(tool):
    found = tool.json("live", "0.01", "1")
    want(set(found["counters"].values()) | set(found["reasons"].values()), {0})
    free = sum(map(int, re.findall(r"pages free +(\d+)",
                                   (tool.root / "proc/zoneinfo").read_text())))
    want(found["free_mb"], free * 4 // 1024)
    text = tool.run("live", "0.01", "21").splitlines()
    want([line.split()[0] for line in text].count("ranges"), 2)
    want(len(text), 23)


def blocks(tool):
    told = [pairs(line) for line in tool.lines("blocks")]
    found = tool.json("map")
    want([{k: number(v) for k, v in one.items()} for one in told],
         [{k: v for k, v in block.items() if k != "cell"}
          for zone in found["zones"] for block in zone["blocks"]])
    for block in told:
        want(int(block["free"]) + int(block["movable"]) + int(block["stuck"]),
             int(block["nr"]), block["pfn"])
    types = [block["type"] for block in told]
    want(found["zones"][0]["types"], {t: types.count(t) for t in types})
    want(sum(found["cells"].values()), len(told))


def cells_of(tool, *words):
    rows = re.findall(r"^0x[0-9a-f]+ \|(.*)\|$", tool.run("map", *words), re.M)
    return "".join(rows).rstrip()


def letters(tool):
    """Each block has the letter that JSON says, however wide a row is."""
    wanted = "".join(b["cell"] for z in tool.json("map")["zones"] for b in z["blocks"])
    want(cells_of(tool), wanted)
    for width in ("1", "7", "4096"):
        rows = re.findall(r"\|(.*)\|", tool.run("--width", width, "map"))
        want({len(row) for row in rows}, {int(width)})
        want("".join(rows).rstrip(), wanted)


def what_is_shown(tool):
    """A block of each kind, made up; flags are words of /proc/kpageflags."""
    kinds = (("c", "CMA", 512, 0, "none", 1 << 10), ("C", "CMA", 0, 0, "none", 1 << 12),
             (".", "Movable", 512, 0, "none", 1 << 10), ("a", "Movable", 0, 0, "none", 1 << 12),
             ("T", "Movable", 0, 0, "none", 1 << 22 | 1 << 12), ("f", "Movable", 0, 0, "none", 1 << 5),
             ("H", "Movable", 0, 0, "none", 1 << 17), ("k", "Unmovable", 0, 512, "slab", 1 << 7),
             ("r", "Movable", 0, 512, "reserved", 1 << 32), ("x", "Movable", 0, 512, "offline", 1 << 23),
             ("P", "Movable", 0, 1, "dma-pinned", 1 << 12), ("u", "Movable", 0, 1, "slab", 1 << 12),
             ("i", "Isolate", 512, 0, "none", 1 << 10))
    text, flags = "", b""
    for at, (_, of_type, free, stuck, kind, word) in enumerate(kinds):
        text += ("pfn=0x%x nr=512 node=1 zone=DMA type=%s free=%d movable=%d stuck=%d first=none "
                 "kind=%s\n" % (at * 512, of_type, free, 512 - free - stuck, stuck, kind))
        flags += struct.pack("<Q", word) * 512
    text += text.splitlines()[0].replace("pfn=0x0 ", "pfn=0x4000 ").replace("DMA", "Normal") + "\n"
    (tool.root / DIR / "blocks").write_text(text)
    (tool.root / "proc/kpageflags").write_bytes(flags)
    (tool.root / "proc/kpagecount").write_bytes(b"")
    want(cells_of(tool, "1/DMA"), "".join(kind[0] for kind in kinds))
    want(len(tool.json("map")["zones"]), 2)
    want("\033[38;5;199mP\033[0m" in tool.run("--color=always", "map"), True)
    want("\033" in tool.run("map"), False)
    tool.run("map", "0/DMA", status=1)


def picture(tool):
    """As many squares as blocks, and well-formed."""
    svg = xml.dom.minidom.parseString(tool.run("--svg", "map"))
    rects = [r for r in svg.getElementsByTagName("rect") if r.getAttribute("height") == "9"]
    want(sum(int(r.getAttribute("width")) for r in rects) // 10, len(tool.lines("blocks")))
    bottom = max(int(r.getAttribute("y")) + 10 for r in svg.getElementsByTagName("rect")[1:])
    want(bottom <= int(svg.documentElement.getAttribute("height")), True, "the picture is cut")


def why(tool):
    for pfn, answer in PAGES.items():
        tool.ask(pfn)
        words = pairs(answer.strip())
        found, text = tool.json("why", hex(pfn)), tool.run("why", str(pfn))
        want({k: found[k] for k in words}, {k: number(v) for k, v in words.items()})
        met = words["reason"] == "NONE"
        want("would be met" in text, met, text)
        want("would be refused: %s" % words["reason"] in text, not met, text)
        want(" ".join(found["what"].split()) in " ".join(text.split()), True)
    want({a.split("reason=")[1].split()[0] for a in PAGES.values()},
         {"NONE", "UNMOVABLE", "NOT_PRESENT"})


def every_kind(tool):
    """There is advice for each kind that the kernel knows, and it is not the same."""
    header = (TOP / "include/trace/events/contig.h").read_text()
    kinds = re.findall(r"EMe?\(KIND_\w+,\s*\"([a-z-]+)\"\)", header)
    advice = set()
    for kind in set(kinds) - {"none", "other-block"}:
        (tool.root / DIR / "page").write_text(
            "pfn=0x1 node=0 zone=DMA block=0x0 type=CMA refs=1 free=0 kind=%s reason=PINNED "
            "stays=a-while\n" % kind)
        advice.add(tool.json("why", "1")["what"])
        want("The block is for CMA" in tool.run("why", "1"), True)
    want(len(advice), len(set(kinds)) - 2)
    want(any("does not know" in text for text in advice), False)


def page_owner(tool):
    pfn = next(pfn for pfn, answer in PAGES.items() if "reason=UNMOVABLE" in answer)
    tool.ask(pfn)
    owner = tool.root / "sys/kernel/debug/page_owner"
    owner.write_text("x" * pfn + "Page by task \"a\\b\"\nPFN 0x%x type Movable\n\tstack\n\nother" % pfn)
    want(tool.json("why", hex(pfn))["owner"],
         "Page by task \"a\\b\"\nPFN 0x%x type Movable\n\tstack" % pfn)
    owner.write_text("x" * pfn + "Page\nPFN 0x%x type Movable\n\n" % (pfn + 1))
    want("owner" in tool.json("why", hex(pfn)), False)


def usage(tool):
    for words, text in ((["bogus"], "no command 'bogus'"), (["why"], "contigstat why PFN"),
                        (["why", "0x"], "not '0x'"), (["why", "12x"], "not '12x'"), (["why", "-1"], "not '-1'"),
                        (["live", "1e9"], "3600"), (["live", "nan"], "3600"),
                        (["live", "1", "0"], "above 0"), (["--width", "0"], "1 to 4096"),
                        (["--svg", "stats"], "only the map"), (["--nonsense"], "--nonsense"),
                        (["stats", "more"], "contigstat stats")):
        want(text in tool.run(*words, status=2), True, text)
    text = tool.run("--help")
    manual = (TOP / "tools/mm/contigstat.8").read_text().replace("\\-", "-")
    for word in re.findall(r"^  (\w+) |(--\w+)", text, re.M):
        want("".join(word) in manual, True, "in the manual: " + "".join(word))


def broken_files(tool):
    for name, words in (("stats", ["stats"]), ("failures", ["failures"]),
                        ("latency", ["latency"]), ("blocks", ["map"]), ("page", ["why", "1"])):
        path = tool.root / DIR / name
        path.write_text("neither fish nor fowl\n")
        want(bool(tool.run(*words, status=1)), True)
    for name, words in (("blocks", ["map"]), ("latency", ["latency"]), ("stats", ["stats"])):
        (tool.root / DIR / name).unlink()
        wanted = "without the contiguous" if name == "stats" else "does not have"
        want(wanted in tool.run(*words, status=1), True, name)


def no_page_flags(tool):
    (tool.root / "proc/kpageflags").unlink()
    want("CONFIG_PROC_PAGE_MONITOR" in tool.run("map", status=1), True)


def nothing_at_all(tool):
    for path in sorted(tool.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    want("without the contiguous" in tool.run(status=1), True)
    want("kernel/tracing" in tool.run("events", status=1), True)


CASES = (counters, failures, latency, quantiles, live, blocks, letters, what_is_shown, picture,
         why, every_kind, page_owner, usage, broken_files, no_page_flags, nothing_at_all)


def outcome(case, program):
    """None, or what is wrong; each case has files of its own."""
    with tempfile.TemporaryDirectory() as root:
        unpack(pathlib.Path(root))
        try:
            case(Tool(program, pathlib.Path(root)))
        except Wrong as wrong:
            return " ".join(str(wrong).split())
        except (ValueError, LookupError, AttributeError) as error:
            return repr(error)
    return None


def main():
    os.chdir(TOP)
    with tempfile.TemporaryDirectory() as where:
        program = build(pathlib.Path(where))
        print("KTAP version 1\n1..%d" % len(CASES))
        failed = 0
        for at, case in enumerate(CASES, 1):
            wrong = outcome(case, program)
            failed += bool(wrong)
            print("%sok %d %s%s" % ("not " if wrong else "", at, case.__name__,
                                    " # " + wrong.replace("#", "") if wrong else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
