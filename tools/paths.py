#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documents name is there: files and tests between backticks, and what links point to. And what is there is
named: each folder with programs or tests in docs/ARCHITECTURE.md, each page of docs/ in README.md."""

import fnmatch
import glob
import os
import re
import sys

DOCUMENTS = ("README.md", "docs/*.md", "proto/*.md", "tests/*/README.md")
ROOMS = "docs/ARCHITECTURE.md"

# A file by its path or by its name alone, * standing for several; a test, and behind a : one of its points.
NAME = re.compile(r"`([\w*][\w./*-]*)`")
OURS = (".c", ".h", ".def", ".py", ".md", ".mk", ".sh", ".schema.json")  # else it may be somebody else's
FOLDER = re.compile(r"`((?:[a-z-]+/)+)`")
TEST = re.compile(r"`(test_\w+)(?::\w+)?`")
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
HEADING = re.compile(r"^#+ +(.*)$", re.M)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def folders():
    """Folders of the tree, without what was built: (path, names of the files in it)."""
    for path, below, files in os.walk("."):
        below[:] = sorted(d for d in below if not d.startswith((".", "__")) and not (path == "." and d.startswith("build")))
        yield os.path.relpath(path), files


def anchor(heading):
    """The fragment under which readers of Markdown find a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def named(text, tree, names):
    """Files and tests that the text names and that are not there. names: those of all files."""
    tops = {path.split("/")[0] for path, _ in tree}
    for name in NAME.findall(text):
        if "/" in name and (name.split("/")[0] in tops or name.endswith(OURS)):
            if not glob.glob(name):
                yield f"no {name}"
        elif name.endswith(OURS) and not fnmatch.filter(names, name):
            yield f"no file {name}"
    tests = {os.path.splitext(n)[0] for n in names}
    for test in TEST.findall(text):
        if test not in tests:
            yield f"no test {test}"


def linked(document, text):
    for target, fragment in LINK.findall(text):
        if "://" in target:
            continue
        path = os.path.join(os.path.dirname(document), target) if target else document
        if not os.path.exists(path):
            yield f"a link to {target}, which is not there"
        elif fragment and fragment not in map(anchor, HEADING.findall(FENCED.sub("", read(path)))):
            yield f"a link to {target}#{fragment}: there is no such heading"


def rooms(tree):
    said = set(FOLDER.findall(read(ROOMS)))
    there = {path + "/" for path, files in tree if path.count("/") < 2 and any(f.endswith((".c", ".py")) for f in files)}
    for path in sorted(there - said):
        yield f"{ROOMS}: no line for {path}"
    for path in sorted(said):
        if not os.path.isdir(path):
            yield f"{ROOMS}: no folder {path}"


def pages():
    links = {target for target, _ in LINK.findall(read("README.md"))}
    return [f"README.md: no link to {path}" for path in sorted(glob.glob("docs/*.md")) if path not in links]


def main():
    tree = list(folders())
    names = {name for _, files in tree for name in files}
    faults = [*rooms(tree), *pages()]
    for document in sorted(path for pattern in DOCUMENTS for path in glob.glob(pattern)):
        text = read(document)
        faults += [f"{document}: {fault}" for fault in (*named(text, tree, names), *linked(document, text))]
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
