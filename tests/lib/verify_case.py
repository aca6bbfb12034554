# SPDX-License-Identifier: Apache-2.0
"""A TestCase for logs made to order and what auditlog verify --json says of them."""

import contextlib
import os
import shutil
import tempfile
import unittest

import evidence
import judges
import service
import strict

MEMBERS = ["verdict", "exit", "caveats", "origin", "key", "pinned", "seals", "records", "first_seq", "last_seq",
           "first_time", "last_time", "pin", "range", "tail", "torn_files", "ignored_files", "anchors", "anchored",
           "fault", "reason"]


def verify(*args, **options):
    return service.run([judges.AUDITLOG, "verify", *args], **options)


class Case(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="v")
        self.addCleanup(shutil.rmtree, self.top, True)
        self.directory = os.path.join(self.top, "log")

    def log(self, *segments, **options):
        return evidence.LogBuilder(self.directory, segments=segments, **options)

    def key_file(self, log):
        path = os.path.join(self.top, "key")
        with open(path, "w", encoding="utf-8") as f:
            f.write(log.vkey + "\n")
        return path

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def put(self, name, data):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(name))
        with open(self.path(name), "wb") as f:
            f.write(data)

    def judge(self, *args, code=None):
        """The JSON of verify with these arguments."""
        found, out, err = verify("--json", *args, self.directory)
        self.assertEqual((err, out.count("\n")), ("", 1), err)
        said = strict.loads(out[:-1].encode())
        self.assertEqual(list(said), MEMBERS)
        self.assertEqual(found, said["exit"])
        if code is not None:
            self.assertEqual(found, code, said)
        return said

    def assert_fault(self, file, line, offset, what, expected=None, found=None, args=()):
        said = self.judge(*args, code=1)
        self.assertEqual((said["verdict"], said["caveats"]), ("BROKEN", []))
        self.assertEqual(said["fault"], {"file": file, "line": line, "offset": offset, "what": what,
                                         "expected": expected, "found": found})
        return said
