#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A test that is told to end puts away what it has made: mounts and processes would be there for ever."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402

LIB = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib")
TEST = """
import os, sys, time, unittest
import tap
class Case(unittest.TestCase):
    def test_1(self):
        os.mkdir("made")
        self.addCleanup(os.rmdir, "made")
        print("waits", flush=True)
        time.sleep(60)
    def test_2(self):
        os.mkdir("another")
tap.main()
"""


class ToldToEnd(unittest.TestCase):
    def told(self, number):
        with tempfile.TemporaryDirectory() as top:
            with subprocess.Popen([sys.executable, "-c", TEST], cwd=top, stdout=subprocess.PIPE, text=True,
                                  env={**os.environ, "PYTHONPATH": LIB}) as test:
                self.assertEqual(test.stdout.readline(), "waits\n")
                test.send_signal(number)
                said = test.stdout.read()
            self.assertIn("not ok 1 - Case.test_1", said)
            self.assertNotIn("test_2", said)
            self.assertEqual((test.returncode, os.listdir(top)), (1, []))

    def test_by_sigterm(self):
        self.told(signal.SIGTERM)

    def test_by_sigint(self):
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            self.skipTest("SIGINT is ignored here")
        self.told(signal.SIGINT)


if __name__ == "__main__":
    tap.main()
