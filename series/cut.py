# SPDX-License-Identifier: GPL-2.0
"""A step that takes a block out of a file of the base, NNNN-name.cut.

The text that goes is not in this repository: the block is found in the tree that
the series is put on. The recipe has one word and its argument a line:

    file PATH       where the block is
    from LINE       the #if line that it begins with, there once
    to LINE         the #endif that belongs to it
    defines NAME    a function that the block has to define; there are several

A block that exports anything else is none that we know: somebody would miss it.
"""
import os
import re

from steps import Problem

EXPORT = re.compile(r"^EXPORT_SYMBOL(?:_GPL)?\((\w+)\)")


class Cut:
    """A recipe; whoever reads it in knows that it can be followed."""

    def __init__(self, path):
        self.name = "series/" + os.path.basename(path)
        found = {"file": [], "from": [], "to": [], "defines": []}
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                word, _, rest = line.split("# ", 1)[0].strip().partition(" ")
                if word and (word not in found or not rest.strip()):
                    raise Problem(f"{self.name}:{number}: no line of a recipe: {line.strip()}")
                if word:
                    found[word].append(rest.strip())
        for word in ("file", "from", "to"):
            if len(found[word]) != 1:
                raise Problem(f"{self.name}: wanted one line '{word}', there are {len(found[word])}")
        if not found["defines"]:
            raise Problem(f"{self.name}: says of no function that the block defines it")
        self.file, self.first, self.last = (found[word][0] for word in ("file", "from", "to"))
        self.defines = found["defines"]

    def wrong(self, why):
        return Problem(f"{self.name}: {self.file} has no block that could go: {why}",
                       "this tree is not one that the series was made for")

    def block(self, lines):
        """First and last line of the block, as indices."""
        begins = [i for i, line in enumerate(lines) if line == self.first]
        if len(begins) != 1:
            raise self.wrong(f"'{self.first}' is there {len(begins)} times")
        depth = 0
        for i in range(begins[0], len(lines)):
            if re.match(r"#\s*if", lines[i]):
                depth += 1
            elif re.match(r"#\s*endif", lines[i]):
                depth -= 1
            elif depth == 1 and re.match(r"#\s*el", lines[i]):
                raise self.wrong(f"it has an #else, line {i + 1}")
            if not depth:
                break
        if depth or lines[i] != self.last:
            raise self.wrong(f"it does not end with '{self.last}'")
        return begins[0], i

    def check(self, block):
        text = "\n".join(block)
        for name in self.defines:
            if not re.search(rf"(?m)^[a-z][^;=]*\b{name}\([^;]*?\)\n\{{$", text):
                raise self.wrong(f"it does not define {name}()")
        more = {found.group(1) for found in map(EXPORT.match, block) if found} - set(self.defines)
        if more:
            raise self.wrong("it also exports " + ", ".join(sorted(more)))

    def apply(self, content):
        """The file without the block, and without a second blank line in its place."""
        lines = content.decode("utf-8", "surrogateescape").split("\n")
        first, last = self.block(lines)
        self.check(lines[first:last + 1])
        after = lines[last + 1:]
        if first and not lines[first - 1] and after and not after[0]:
            after = after[1:]
        return "\n".join(lines[:first] + after).encode("utf-8", "surrogateescape")
