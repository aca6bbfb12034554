# SPDX-License-Identifier: Apache-2.0
"""Tests of `auditlog report`: it is run on logs that are built to order, and what it says is read."""

import os
import shutil
import subprocess
import tempfile
import unittest

import judges
import service
from evidence_log import LogBuilder
from report_page import Page

ALL = ("--from", "2026-01-01", "--to", "2027-12-31")


def report(*args, code=None, **options):
    """(exit status, stdout as bytes, stderr)"""
    done = subprocess.run([judges.AUDITLOG, "report", *args], capture_output=True, check=False, **options)
    err = done.stderr.decode()
    if service.UNSOUND.search(err) or done.returncode < 0 or (code is not None and done.returncode != code):
        raise AssertionError(f"{done.returncode}: {err}")
    return done.returncode, done.stdout, err


class Case(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="r")
        self.addCleanup(shutil.rmtree, self.top, True)

    def path(self, name="log"):
        return os.path.join(self.top, name)

    def build(self, name="log", **options):
        return LogBuilder(self.path(name), **options)

    def page(self, log, *args, code=0, key=True):
        """The page on all of a log that was built, and with its key pinned."""
        given = ["--key", judges.Key(log.vkey).path] if key else []
        _, out, _ = report("--format", "html", *given, *args, log.directory, code=code)
        return Page(out)
