# SPDX-License-Identifier: GPL-2.0
"""The boots and scenarios of bench/scenarios.toml, which explains their keys."""

import dataclasses
import pathlib
import tomllib

FILE = pathlib.Path(__file__).resolve().parent / "scenarios.toml"


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What is measured, and what it is held to."""
    name: str
    title: str
    kind: str
    better: str
    boots: tuple
    run: str
    unit: str = ""
    may_skip: tuple = ()
    target: dict = dataclasses.field(default_factory=dict)
    limit: dict = dataclasses.field(default_factory=dict)
    x: str = ""
    first: int = 0
    last: int = 0
    points: int = 1


@dataclasses.dataclass(frozen=True)
class Boot:
    """One guest. The family is the table of the toml that it comes from."""
    name: str
    family: str
    lane: str
    mem: str
    cpus: int
    timeout: int
    set: str
    pairs: int
    clock: str
    qemu: str
    targets: str
    append: str = ""
    default: bool = True
    x: int | None = None
    only_expected: bool = False

    def words(self):
        """What goes to the kernel's command line."""
        words = [self.append, "SET=%s" % self.set, "PAIRS=%d" % self.pairs]
        if self.x is not None:
            words.append("X=%d" % self.x)
        return " ".join(word for word in words if word)


def scenario(name, table):
    table = dict(table)
    if table["kind"] not in ("scalar", "curve") or table["better"] not in ("less", "more"):
        raise ValueError("scenario.%s: kind or better" % name)
    if table["kind"] == "curve":
        table["first"], table["last"] = table.pop("from"), table.pop("to")
    return Scenario(name=name, **{"run": name, **table})


def family(name, table, clocks):
    """The boots of one table: one, or one for each of its points."""
    table = {"targets": name, **table, "qemu": clocks[table["clock"]]["qemu"]}
    points = table.pop("points", None)
    if not points:
        return [Boot(name=name, family=name, **table)]
    return [Boot(name="%s-%d" % (name, point["x"]), family=name, **{**table, **point})
            for point in points]


def load(path=FILE):
    """({name: Scenario}, [Boot]), both in the order of the file."""
    with open(path, "rb") as file:
        data = tomllib.load(file)
    scenarios = {name: scenario(name, table) for name, table in data["scenario"].items()}
    boots = [boot for name, table in data["boot"].items()
             for boot in family(name, table, data["clock"])]
    known = {boot.family for boot in boots}
    for each in scenarios.values():
        lost = {*each.boots, *each.may_skip, *each.target, *each.limit} - known
        if lost:
            raise ValueError("scenario.%s: no such boot: %s" % (each.name, min(lost)))
    return scenarios, boots


def choose(boots, names):
    """The boots of these names or families; without names, the default ones."""
    if not names:
        return [boot for boot in boots if boot.default]
    lost = set(names) - {word for boot in boots for word in (boot.name, boot.family)}
    if lost:
        raise ValueError("no such boot: %s" % min(lost))
    return [boot for boot in boots if boot.name in names or boot.family in names]
