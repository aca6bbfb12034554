#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/TRUST.md, what an attacker holds: every cell names a test, and the test is there and is run."""

import glob
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
ROWS = ["client", "evaluator", "admin", "compiler", "supervisor", "writer", "auditlog", "policyctl"]
REFERENCE = re.compile(r"`(test_\w+):(\w+)`")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def table():
    """Cells by row, the first one of each being what is taken."""
    section = read("docs", "TRUST.md").split("## What an attacker holds", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    return rows[0], rows[2:]


def is_run(path, name):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if path.endswith(".py"):
        return re.search(rf"^    def {name}\(self", text, re.M) is not None
    there = re.search(rf"^{name}\(void \*\*state\)$", text, re.M)
    return there is not None and re.search(rf"\b\w*(?:TEST|CASE|cmocka_unit_test\w*)\(\s*{name}\b", text) is not None


class TrustDocument(unittest.TestCase):
    def setUp(self):
        self.files = {os.path.splitext(os.path.basename(p))[0]: p
                      for p in glob.glob(os.path.join(TOP, "tests", "*", "test_*.*")) if p.endswith((".c", ".py"))}

    def test_every_process_is_there(self):
        head, rows = table()
        self.assertEqual([row[0] for row in rows], ROWS)
        self.assertGreaterEqual(len(head), 8)
        for row in rows:
            self.assertEqual(len(row), len(head), row[0])

    def test_each_cell_is_shown(self):
        head, rows = table()
        for row in rows:
            for column, cell in zip(head[1:], row[1:]):
                with self.subTest(f"{row[0]}: {column}"):
                    named = REFERENCE.findall(cell)
                    self.assertTrue(named, "names no test")
                    self.assertNotEqual(REFERENCE.sub("", cell).strip(" ,;"), "", "says nothing")
                    for file, name in named:
                        self.assertIn(file, self.files)
                        self.assertTrue(is_run(self.files[file], name), f"{file}:{name}")


if __name__ == "__main__":
    tap.main()
