# SPDX-License-Identifier: Apache-2.0
"""A TestCase for clients of policyd with one that says what the test wants."""

import json
import os
import tempfile
import unittest

import fake
import service


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.path = os.path.join(self.dir.name, "p.sock")

    def policyd(self, answer=None):
        made = fake.Policyd(self.path, answer)
        self.addCleanup(made.close)
        return made

    def ctl(self, *args):
        return service.policyctl("--socket", self.path, "--admin-socket", self.path, *args)

    def file(self, text, name="policy.json"):
        path = os.path.join(self.dir.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text, indent=1))
        return path
