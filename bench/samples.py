# SPDX-License-Identifier: GPL-2.0
"""What a guest of the bench leaves: its samples, and whether they can be believed.

The job prints KTAP, a result for each thing it runs, and between the results

    sample SCENARIO X ENGINE VALUE

with X = '-' for a scalar, ENGINE = intree (the base) or contig (ours) and VALUE an
integer. Samples come in pairs, one of each engine. A run can give samples of several
scenarios; scenarios.toml knows which. Other lines mean nothing here.
"""

import pathlib
import re
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "checks"))
import gate     # noqa: E402 (needs the path)

ENGINES = ("intree", "contig")
SAMPLE = re.compile(r"sample (\S+) (-|\d+) (intree|contig) (\d+)$", re.ASCII)


def parse(text):
    """{(scenario, x): [(engine, value), ...]} with x None for scalars; problems."""
    found, problems = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if line.split()[:1] != ["sample"]:
            continue
        match = SAMPLE.match(line.strip())
        if not match:
            problems.append("report.txt:%d is no sample: '%s'" % (number, line.strip()))
            continue
        name, x, engine, value = match.groups()
        key = name, None if x == "-" else int(x)
        found.setdefault(key, []).append((engine, int(value)))
    return found, problems


def results(text):
    """[(name, reason)] of the 'ok' lines; the reason is None where nothing is skipped."""
    found = []
    for line in text.splitlines():
        match = gate.RESULT.match(line)
        if not match or match.group(1) != "ok":
            continue
        name = match.group(3).strip()
        skip = gate.SKIP.match(match.group(4) or "")
        found.append((name, skip.group(2).strip() if skip else None))
    return found


def split(pairs):
    """The values of each engine, in the order of the log."""
    return {engine: [value for who, value in pairs if who == engine] for engine in ENGINES}


def pairs_problem(pairs, wanted):
    """Why these samples are not what was asked for, or None."""
    values = split(pairs)
    base, ours = (len(values[engine]) for engine in ENGINES)
    if base != ours:
        return "%d samples of intree, %d of contig" % (base, ours)
    if base < wanted:
        return "%d pairs, %d were asked for" % (base, wanted)
    if any(pairs[i][0] == pairs[i + 1][0] for i in range(0, len(pairs), 2)):
        return "the engines do not take turns"
    return None


def curve_problem(scenario, boot, points):
    """Why the x of a curve (or the '-' of a scalar) are not the expected ones."""
    if scenario.kind == "scalar":
        return None if points == [None] else "a scalar with x"
    if None in points:
        return "a curve without x"
    if boot.x is not None:
        return None if points == [boot.x] else "x is not %d" % boot.x
    if min(points) > scenario.first or max(points) < scenario.last:
        return "x reaches from %d to %d, not from %d to %d" % (
            min(points), max(points), scenario.first, scenario.last)
    if len(points) < scenario.points:
        return "%d points, not %d" % (len(points), scenario.points)
    return None


class Log:
    """The report of one boot, read and judged: samples, skips, problems."""

    def __init__(self, boot, scenarios, text):
        self.boot, self.scenarios = boot, scenarios
        self.samples, self.problems = parse(text)
        if boot.only_expected:
            self.samples = {key: pairs for key, pairs in self.samples.items()
                            if self._expected(key[0])}
        self.skips = {}
        report = gate.Report(text)
        self.problems += report.problems + ["not ok: " + name for name in report.failures]
        self._read_results(results(text))
        self._judge()

    def _expected(self, name):
        return name in self.scenarios and self.boot.family in self.scenarios[name].boots

    def _read_results(self, lines):
        names = [name for name, _ in lines]
        self.done = set(names)
        for name in sorted(self.done):
            if names.count(name) > 1:
                self.problems.append("%s: %d results" % (name, names.count(name)))
        for name, reason in lines:
            for scenario in self.scenarios.values():
                if reason is not None and scenario.run == name:
                    self._skip(scenario, reason)

    def _skip(self, scenario, reason):
        self.skips[scenario.name] = reason
        if not reason:
            self.problems.append("%s: skipped without a reason" % scenario.name)
        elif self.boot.family not in scenario.may_skip:
            self.problems.append("%s: skipped, but has to be measured here: %s" %
                                 (scenario.name, reason))

    def _judge(self):
        measured = {name for name, _ in self.samples}
        for name in sorted(measured - set(self.scenarios)):
            self.problems.append("%s: scenarios.toml has no such scenario" % name)
        for name in sorted(measured & set(self.scenarios)):
            self._judge_samples(self.scenarios[name])
        missing = [name for name, scenario in self.scenarios.items()
                   if name not in measured and name not in self.skips and
                   (scenario.run in self.done or self._expected(name))]
        if missing:
            self.problems.append("no samples of " + ", ".join(missing))

    def _judge_samples(self, scenario):
        name = scenario.name
        if name in self.skips:
            self.problems.append("%s: samples and a skip" % name)
        elif scenario.run not in self.done:
            self.problems.append("%s: samples, but no 'ok'" % name)
        points = self.points(name)
        wrong = curve_problem(scenario, self.boot, points)
        if wrong:
            self.problems.append("%s: %s" % (name, wrong))
        for x in points:
            wrong = pairs_problem(self.samples[name, x], self.boot.pairs)
            if wrong:
                at = "" if x is None else " at x = %d" % x
                self.problems.append("%s%s: %s" % (name, at, wrong))

    def points(self, name):
        """The x of a scenario, in order."""
        return sorted((x for known, x in self.samples if known == name),
                      key=lambda x: -1 if x is None else x)

    def rows(self):
        """A row for each scenario and x whose samples are sound."""
        for scenario in self.scenarios.values():
            for x in self.points(scenario.name):
                pairs = self.samples[scenario.name, x]
                if not pairs_problem(pairs, self.boot.pairs):
                    yield row(self.boot, scenario, x, pairs)


def judge(boot, scenarios, where, status):
    """The Log of a result directory and why the boot is not to be believed, if so."""
    log = Log(boot, scenarios, gate.read(where / "report.txt"))
    reasons = [gate.check_verdict(where), gate.check_console(where), gate.check_splats(where)]
    if status:
        reasons.insert(0, "guest/boot.sh ended with %d" % status)
    return log, [reason for reason in reasons if reason] + log.problems


def summary(values):
    return {"samples": values, "min": min(values), "median": statistics.median(values),
            "max": max(values)}


def ratio(better, base, ours):
    """How many times better ours is; None where one would have to divide by 0."""
    above, below = (base, ours) if better == "less" else (ours, base)
    return above / below if below else None


def met(scenario, base, ours, target, limit):
    """Whether ours meets what it is held to; None if it is held to nothing."""
    less = scenario.better == "less"
    answers = []
    if target is not None:
        answers.append(base >= target * ours if less else ours >= target * base)
    if limit is not None:
        answers.append(ours <= limit if less else ours >= limit)
    return all(answers) if answers else None


def row(boot, scenario, x, pairs):
    """One row of results.json, as bench/run.py documents it."""
    sides = {engine: summary(values) for engine, values in split(pairs).items()}
    base, ours = (sides[engine]["median"] for engine in ENGINES)
    target, limit = scenario.target.get(boot.targets), scenario.limit.get(boot.targets)
    return {"boot": boot.name, "scenario": scenario.name, "x": x,
            "unit": scenario.unit or boot.clock, **sides,
            "ratio": ratio(scenario.better, base, ours), "target": target, "limit": limit,
            "met": met(scenario, base, ours, target, limit)}
