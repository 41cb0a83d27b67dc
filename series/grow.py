# SPDX-License-Identifier: GPL-2.0
"""What a file of ours looks like at an earlier step than the last.

The repository holds each file once, as it is in the end. A step brings some of
them; what an older file says about files that come later is left out until they
are there. Only four things are ever left out, so that nobody has to keep versions:

 - of a Makefile, the objects and directories made of files that are not there;
 - of a Kconfig, the entries that the Makefile beside it does not mention yet;
 - of C, what stands under a heading that names a file that is not there, a comment
   such as '/* search.c */' or '/* mm/contig/order.c: ordered now */'. At the margin
   it ends at the next heading or at the #endif of what is around it; where it is
   indented, at the next blank line;
 - of C, calls that are a line of their own, to functions declared there.
"""
import os
import re

HEADING = re.compile(r"^(\s*)/\* ([\w./-]+\.[ch])\b[^*]*\*/$")
LIST = re.compile(r"^([\w-]+-(?:y|objs|\$\(CONFIG_\w+\))\s*[:+]?=)(.*)$")
CALL = re.compile(r"^\t+(\w+)\([^;{}]*\);$")
CONFIG = re.compile(r"CONFIG_(\w+)")


def beside(name, other):
    """The path in the kernel tree of a file that is named relative to another."""
    return os.path.normpath(os.path.join(os.path.dirname(name), other))


def headed(name, other):
    """The same for a heading, where a name with a slash is a path in the kernel tree."""
    return other if "/" in other else beside(name, other)


class Growth:
    """The files of the series at each step; later is the set of those that come after."""

    def __init__(self, root, steps):
        self.root = root
        self.home = {name: number for number, step in enumerate(steps) for name in step.files}
        self.text = {}

    def whole(self, name):
        """The file as it is in the end."""
        if name not in self.text:
            with open(os.path.join(self.root, name), "rb") as f:
                self.text[name] = f.read()
        return self.text[name]

    def is_later(self, name, number):
        return self.home.get(name, -1) > number

    def at(self, name, number):
        """The bytes of a file at the step of that number, counted from 0."""
        whole = self.whole(name)
        base = os.path.basename(name)
        if base != "Makefile" and base != "Kconfig" and not base.endswith((".c", ".h")):
            return whole
        lines = whole.decode("utf-8", "surrogateescape").split("\n")
        if base == "Makefile":
            lines = self.makefile(name, lines, number)
        elif base == "Kconfig":
            lines = self.kconfig(name, lines, number)
        else:
            lines = self.calls(name, self.groups(name, lines, number)[0], number)
        return "\n".join(lines).encode("utf-8", "surrogateescape")

    # --- Makefile and Kconfig ---------------------------------------------------

    def makefile(self, name, lines, number):
        kept = []
        for line in lines:
            found = LIST.match(line)
            if found:
                words = [word for word in found.group(2).split()
                         if not self.is_later(beside(name, self.source(word)), number)]
                if not words:
                    continue
                if len(words) < len(found.group(2).split()):
                    line = found.group(1) + " " + " ".join(words)
            kept.append(line)
        return kept

    @staticmethod
    def source(word):
        if word.endswith("/"):
            return word + "Makefile"
        return re.sub(r"\.o$", ".c", word)

    def kconfig(self, name, lines, number):
        """An entry begins at 'config' and ends where the next one does."""
        make = os.path.join(os.path.dirname(name), "Makefile")
        if make not in self.home:
            return lines
        all_of_it = set(CONFIG.findall(self.whole(make).decode()))
        later = all_of_it - set(CONFIG.findall(self.at(make, number).decode()))
        kept, skip = [], False
        for line in lines:
            if line[:1].strip() and line[0] != "#":
                word = line.split()
                skip = word[0] in ("config", "menuconfig") and word[1] in later
            if not skip:
                kept.append(line)
        return self.tidy(kept)

    # --- C ------------------------------------------------------------------------

    def groups(self, name, lines, number):
        """What stays, and what stands under headings of later files."""
        kept, gone, skip, depth = [], [], None, 0
        for line in lines:
            found = HEADING.match(line)
            if found:
                skip = found.group(1) if self.is_later(headed(name, found.group(2)), number) else None
                depth = 0
            elif skip:
                skip = skip if line else None
            elif skip == "":
                depth += line.startswith("#if") - line.startswith("#endif")
                skip = None if depth < 0 else skip
            (gone if skip is not None else kept).append(line)
        return (self.tidy(kept) if gone else kept), gone

    def calls(self, name, lines, number):
        """A header that tells what is later is one of ours, included by its name in quotes."""
        if not name.endswith(".c"):
            return lines
        gone = []
        for line in lines:
            header = re.match(r'#include "(.*)"', line)
            path = beside(name, header.group(1)) if header else None
            if path in self.home:
                text = self.whole(path).decode().split("\n")
                gone += self.groups(path, text, number)[1]
        names = set(re.findall(r"\b(\w+)\(", "\n".join(gone)))
        return [line for line in lines if not (CALL.match(line) and CALL.match(line).group(1) in names)]

    @staticmethod
    def tidy(lines):
        """Where something was left out: no #if around nothing, no two blank lines in a row."""
        text = "\n".join(lines)
        text = re.sub(r"(?m)^#if.*\n\n*#endif.*\n", "", text)
        text = re.sub(r"\n{3,}", "\n\n", text)
        return re.sub(r"\n{2,}$", "\n", text).split("\n")
