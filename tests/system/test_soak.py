#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sample of `make soak`: a round of all faults mixed, on a directory or, as root, on a file system of its own.
SEALWRIGHT_SOAK_SECONDS says for how long (6), SEALWRIGHT_SEED which."""

import os
import subprocess
import sys
import unittest

import service
import tap

SOAK = os.path.join(service.TOP, "tests", "soak", "soak.py")
SECONDS = float(os.environ.get("SEALWRIGHT_SOAK_SECONDS", "6"))


class Soak(unittest.TestCase):
    @unittest.skipIf(service.SANITIZED, "the writer with faulty.so in it is not for sanitizers")
    def test_sample(self):
        done = subprocess.run([sys.executable, SOAK, "--minutes", str(SECONDS / 60)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            print("# " + line)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    tap.main()
