#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/verify.sh as a program, and the steps that docs/EVIDENCE.md shows."""

import os
import re
import sys
import unittest.mock as mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_case import Case  # noqa: E402


class Script(Case):
    """docs/verify.sh as a program, and the steps that docs/EVIDENCE.md shows."""

    def test_usage(self):
        log = self.log(2).write()
        for args in ([], ["--key"], [log.directory, "x"], ["--what", "x", log.directory], [self.top + "/nowhere"],
                     ["--pin", "1", log.directory], ["--pin", "x:" + seals.ZERO, log.directory],
                     ["--max-age", "1h", log.directory], ["--key", self.top + "/nowhere", log.directory],
                     ["--key", log.path(log.names[0]), log.directory]):
            code, out, err = judges.run(["sh", judges.SCRIPT, *args])
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn("verify.sh: ", err)

    def test_check_that_fails(self):
        """A tool that fails is no verdict, and above all not that of exit status 1."""
        log = self.log(2).write()
        for tool in ("jq", "split", "sort", "mktemp", "openssl", "sed"):
            bin_ = os.path.join(self.top, tool)
            os.mkdir(bin_)
            with open(os.path.join(bin_, tool), "w", encoding="ascii") as f:
                f.write("#!/bin/sh\nexit 1\n")
            os.chmod(os.path.join(bin_, tool), 0o755)
            code, out, err = judges.run(["env", f"PATH={bin_}:{os.environ['PATH']}", "sh", judges.SCRIPT, log.directory])
            self.assertEqual((code, out), (2, ""), f"{tool}: {err}")
            self.assertIn("verify.sh: ", err)

    def test_nothing_left_behind(self):
        log = self.log(2).write()
        for judge in (lambda: judges.shell(log.directory), lambda: judges.shell(log.directory, pins=[(9, seals.ZERO)])):
            with mock.patch.dict(os.environ, {"TMPDIR": self.top}):
                before = sorted(os.listdir(self.top))
                judge()
                self.assertEqual(sorted(os.listdir(self.top)), before)

    def test_steps_of_the_document(self):
        with open(os.path.join(service.TOP, "docs", "EVIDENCE.md"), encoding="utf-8") as f:
            blocks = re.findall(r"```sh\n(.*?)```", f.read(), re.S)
        self.assertEqual(len(blocks), 2)
        log = self.log(5, 7).write()
        program = f"set -e; P={log.names[0]}; S={log.names[1]}\n" + "\n".join(blocks)
        self.assertEqual(self.steps(log, program)[0], 0)
        first = f"set -e; S={log.names[0]}\n" + blocks[0] + f'test "$(jq -r .key text)" = "{log.vkey}"\n'
        self.assertEqual(self.steps(log, first)[0], 0)
        for at in (b'"linux"', b"\n"):
            log.write()
            with open(log.path(log.names[1]), "r+b") as f:
                f.seek(f.read().index(at) + len(at) - 1)
                f.write(b"#")
            self.assertNotEqual(self.steps(log, program)[0], 0)
        log.notes[1] = log.resign(1, by=log.keys[0])
        self.assertNotEqual(self.steps(log.write(), program)[0], 0)

    def steps(self, log, program):
        return judges.run(["sh", "-c", f"cd {log.directory}; {program}"])


if __name__ == "__main__":
    tap.main()
