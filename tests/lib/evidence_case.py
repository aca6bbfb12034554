# SPDX-License-Identifier: Apache-2.0
"""For test cases on logs made to order, and such in which all who judge a log must come to the same end."""

import os
import shutil
import tempfile
import unittest

import evidence
import judges


class Logs(unittest.TestCase):
    """With a directory for logs made to order and whatever else a test needs."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="e")
        self.addCleanup(shutil.rmtree, self.top, True)
        self.made = 0

    def log(self, *segments, **options):
        self.made += 1
        return evidence.LogBuilder(os.path.join(self.top, f"log{self.made}"), segments=segments, **options)

    def path(self, name, data=None):
        path = os.path.join(self.top, name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        return path


class Judges:
    """For test cases: ask all who judge."""

    def agree(self, log, verdict, *caveats, fault=None, pinned=True, key=None, pins=(), max_age=None):
        """All judges say so. fault: (file, line). log: a builder, or a directory."""
        directory = log if isinstance(log, str) else log.directory
        key = key or (judges.Key(log.vkey) if pinned and not isinstance(log, str) else None)
        code = {"SEALED": 0, "BROKEN": 1, "INCOMPLETE": 4}.get(verdict, 3)
        expected = (verdict, caveats, code, *(fault or (None, None)))
        found = {judge.__name__: judge(directory, key, pins, max_age)
                 for judge in (judges.python, judges.auditlog, judges.shell)}
        for name, judgement in found.items():
            self.assertEqual(judgement.short, expected, f"{name}: {judgement}")
        if not fault:
            self.assertEqual(len({(j.pin, j.records) for j in found.values()}), 1, found)
            self.assertEqual(found["python"].tail, found["auditlog"].tail)
        return found


class Case(Judges, Logs):
    """Logs made to order, judged."""
