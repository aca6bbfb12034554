#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to whole segments of a log, and to their names, is found (tests/lib/tamper.py)."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import seals  # noqa: E402
import tap  # noqa: E402
from tamper import ALL, Matrix, each_size  # noqa: E402


class Segments(Matrix):
    """Whole segments, and their names."""

    @each_size
    def test_drop_lines(self, log):
        n = len(log.names)
        for i, name in enumerate(log.names):
            if i > 0:
                self.broken(log, {name: None}, (name, 0))
            elif n > 1:
                self.said(log, {name: None}, "PRUNED")
            else:
                self.said(log, {name: None}, "INCOMPLETE", "PRUNED")

    @each_size
    def test_drop_seal(self, log):
        for name in log.names:
            self.broken(log, {name + ".seal": None}, (name, 0))

    @each_size
    def test_drop_both(self, log):
        for i in range(len(log.names) - 1):
            if i > 0:
                self.broken(log, self.pair(log, i), (log.names[i + 1] + ".seal", 0))
            else:
                self.said(log, self.pair(log, i), "INCOMPLETE")

    def test_drop_many(self):
        """Several at once: the first that is missing is named."""
        log = self.log(20)
        for _ in range(200 if ALL else 40):
            gone = sorted(self.random.sample(range(1, 19), self.random.randrange(1, 6)))
            first = gone[0]
            there = next(i for i in range(first, 20) if i not in gone)
            pairs = {k: v for i in gone for k, v in self.pair(log, i).items()}
            self.broken(log, pairs, (log.names[there] + ".seal", 0))
            self.broken(log, {log.names[i]: None for i in gone}, (log.names[first], 0))
            self.broken(log, {log.names[i] + ".seal": None for i in gone}, (log.names[first], 0))

    @each_size
    def test_swap(self, log):
        """Contents, seals, or both under each other's names."""
        for i in self.some(log):
            for j in [j for j in self.some(log) if j > i]:
                a, b = log.names[i], log.names[j]
                contents = {a: self.segment(log, j), b: self.segment(log, i)}
                notes = {a + ".seal": log.notes[j], b + ".seal": log.notes[i]}
                self.broken(log, contents, (a, 1))
                self.broken(log, notes, (a + ".seal", 0))
                self.broken(log, contents | notes, (a + ".seal", 0))

    @each_size
    def test_replay(self, log):
        """A segment once more, under a name that is free, or in another's place."""
        for i, name in [(i, log.names[i]) for i in self.some(log)]:
            again = name[:-12] + "000099.jsonl"
            copy = {again: self.segment(log, i), again + ".seal": log.notes[i]}
            self.broken(log, copy, (again + ".seal", 0))
            for j in self.some(log):
                if j != i:
                    self.broken(log, {log.names[j]: self.segment(log, i), log.names[j] + ".seal": log.notes[i]},
                                (log.names[j] + ".seal", 0))

    @each_size
    def test_insert_of_another_log(self, log):
        other = self.log(len(log.names), seed=1)
        for i, name in enumerate(other.names):
            self.broken(log, {name: self.segment(other, i), name + ".seal": other.notes[i]}, (name + ".seal", 0))
            self.broken(log, {name: self.segment(other, i)}, (name, 0))

    @each_size
    def test_extra_files_change_nothing(self, log):
        """What is not sealed is not the log: it is counted, and never makes it better or worse."""
        other = self.log(len(log.names), seed=1)
        for name in ("x.jsonl", other.names[0] + ".torn", "recover.copy", other.names[0] + ".tmp"):
            self.said(log, {name: self.segment(other, 0)}, "SEALED")

    def renamed(self, name, n):
        """Names that are nearly this one."""
        for at in range(len(name)) if ALL or n == 1 else self.random.sample(range(len(name)), 12 if n == 2 else 3):
            c = self.random.choice([x for x in "0123456789abcdefZ-." if x != name[at]])
            yield name[:at] + c + name[at + 1:]

    @each_size
    def test_names(self, log):
        n = len(log.names)
        for i, name in enumerate(log.names):
            for other in self.renamed(name, n):
                self.rename(log, n, i, name, other)

    def rename(self, log, n, i, name, other):
        ours = seals.BASE.fullmatch(other) is not None
        data, note = self.segment(log, i), log.notes[i]
        if ours:  # both of the pair are half now; which comes first is a matter of names
            self.broken(log, {name: None, other: data}, (name, 0), (other, 0))
            self.broken(log, {name + ".seal": None, other + ".seal": note}, (name, 0), (other + ".seal", 0))
            both = {name: None, other: data, name + ".seal": None, other + ".seal": note}
            self.broken(log, both, *[(x + ".seal", 0) for x in (other, *log.names[i + 1:i + 2])])
            return
        if i > 0:
            self.broken(log, {name: None, other: data}, (name, 0))
        else:
            self.said(log, {name: None, other: data}, *(["PRUNED"] if n > 1 else ["INCOMPLETE", "PRUNED"]))
        self.broken(log, {name + ".seal": None, other + ".seal": note}, (name, 0))

    def test_not_files(self):
        """A directory or a symbolic link in a file's place, though what it points to be right."""
        log = self.log(2)
        for name in (log.names[1], log.names[1] + ".seal", "origin.vkey"):
            os.rename(log.path(name), log.path("elsewhere"))
            for make in (lambda path: os.symlink("elsewhere", path), os.mkdir, os.mkfifo,
                         lambda path: os.symlink("nowhere", path)):
                make(log.path(name))
                for judge in (judges.auditlog, judges.python, judges.shell):
                    self.assertEqual(judge(log.directory, log.key).short, ("BROKEN", (), 1, name, 0))
                (os.rmdir if make is os.mkdir else os.unlink)(log.path(name))
            os.rename(log.path("elsewhere"), log.path(name))
        self.said(log, {}, "SEALED")


if __name__ == "__main__":
    tap.main()
