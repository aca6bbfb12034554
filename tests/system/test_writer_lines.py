#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lines that the writer's own tests make it write conform to the schema too."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import schema  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402


def whole_lines(path):
    """The lines of a segment, up to the space that is allocated ahead."""
    with open(path, "rb") as f:
        content = f.read().split(b"\0", 1)[0]
    return content[:content.rfind(b"\n") + 1].splitlines(keepends=True)


class WriterLines(unittest.TestCase):
    def lines_of(self, program):
        top = tempfile.mkdtemp(prefix="t")
        self.addCleanup(shutil.rmtree, top, ignore_errors=True)
        environment = {**os.environ, "TMPDIR": top, "SEALWRIGHT_KEEP": "1", "SEALWRIGHT_BUILD": service.BUILD}
        environment["SEALWRIGHT_TAKEN_MS"] = "50"
        done = subprocess.run([os.path.join(service.BUILD, "unit", program)], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace")[-4000:])
        lines = [line for path in glob.glob(os.path.join(top, "*", "audit", "audit-*.jsonl*"))
                 if not path.endswith((".torn", ".seal")) for line in whole_lines(path)]
        print(f"# {len(lines)} lines")
        return lines

    def check(self, program):
        lines = self.lines_of(program)
        self.assertGreater(len(lines), 1000)
        self.assertLessEqual(max(map(len, lines)), 8192)
        self.assertEqual(schema.validate("record", lines), [])

    def test_every_line_conforms(self):
        for program in ("test_writer", "test_writer_channels", "test_writer_start"):
            self.check(program)

    def test_lines_that_a_taken_evaluator_asked_for(self):
        self.check("test_taken_evaluator")
        self.check("test_taken_floods")

    def test_lines_that_a_taken_admin_or_supervisor_asked_for(self):
        self.check("test_taken_control")


if __name__ == "__main__":
    tap.main()
