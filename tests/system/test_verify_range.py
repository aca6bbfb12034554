#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog verify of a part of a log, and of how old it may be: --since, --until, --max-age."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from evidence_log import START, STEP, time_text  # noqa: E402
from verify_case import Case, verify  # noqa: E402

SECOND = 1_000_000  # us; the most that a record may be earlier than one before it in the same segment


class Part(Case):
    """--since, --until, --max-age."""

    def setUp(self):
        super().setUp()
        self.made = self.log(3, 3, 3, 3).write()
        self.args = ("--key", self.key_file(self.made))

    def covered(self, *args):
        said = self.judge(*self.args, *args)
        return said["exit"], said["range"] and (said["range"]["first"], said["range"]["last"]), said["records"]

    def test_by_index(self):
        self.assertEqual(self.covered(), (0, None, 12))
        self.assertEqual(self.covered("--since", "1", "--until", "2"), (0, (1, 2), 6))
        self.assertEqual(self.covered("--since", "3"), (0, (3, 3), 3))
        self.assertEqual(self.covered("--until", "0"), (0, (0, 0), 3))
        self.assertEqual(self.covered("--since", "4"), (4, (None, None), 0))
        self.assertEqual(self.covered("--since", "2", "--until", "1"), (4, (None, None), 0))
        code, out, _ = verify(*self.args, "--since", "1", "--until", "2", self.directory)
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("SEALED: 6 records in 2 segments verified from the pinned key\n"))
        self.assertIn("\nrange       seals 1 to 2\n", out)
        self.assertIn("\nseals       4, index 0 to 3\n", out)

    def test_by_time(self):
        last, first = time_text(START + 5 * STEP), time_text(START + 6 * STEP)  # of segment 1, of segment 2
        between = time_text(START + 5 * STEP + SECOND + 1)  # behind all that segment 1 can hold
        before = time_text(START + 6 * STEP - SECOND - 1)  # and before all that segment 2 can
        self.assertEqual(self.covered("--since", last), (0, (1, 3), 9))
        self.assertEqual(self.covered("--since", between), (0, (2, 3), 6))
        self.assertEqual(self.covered("--until", before), (0, (0, 1), 6))
        self.assertEqual(self.covered("--until", first), (0, (0, 2), 9))
        self.assertEqual(self.covered("--since", between, "--until", first), (0, (2, 2), 3))
        self.assertEqual(self.covered("--since", "2026-11-21T06:00:00+02:00"), (0, (0, 3), 12))
        self.assertEqual(self.covered("--since", "2036-01-01T00:00:00Z"), (4, (None, None), 0))

    def test_by_time_as_people_say_it(self):
        """As every other command takes times; until a day, a minute or a second is to its end."""
        self.assertEqual(self.covered("--since", "2026-11-21", "--until", "2026-11-21"), (0, (0, 3), 12))
        self.assertEqual(self.covered("--until", "2026-11-20"), (4, (None, None), 0))
        self.assertEqual(self.covered("--since", "2026-11-21 04:00", "--until", "2026-11-21 04:00"), (0, (0, 3), 12))
        self.assertEqual(self.covered("--since", "2026-11-21 04:01"), (4, (None, None), 0))
        self.assertEqual(self.covered("--until", time_text(START + 3 * STEP)[:19]), (0, (0, 1), 6))
        self.assertEqual(self.covered("--until", "-36500d"), (4, (None, None), 0))
        log = self.log(2, start=int((time.time() - 100) * 1e6)).write()
        self.args = ("--key", self.key_file(log))
        self.assertEqual(self.covered("--since", "-10m", "--until", "now"), (0, (0, 0), 2))

    def test_out_of_order(self):
        """Where the clock went back by up to a second the same segment goes on: records before its first, behind its last."""
        def turned(lines):
            """These, and the clock went back by a second at once."""
            log.time -= STEP
            return [*lines, log.step_clock(-SECOND)]

        log = self.log(2)
        log.time += 10 * SECOND
        early = turned([log.line()])
        lowest = log.time - STEP
        log.add([*early, log.line()])
        log.time += 10 * SECOND
        late = [log.line(), log.line()]
        highest = log.time - STEP
        log.add(turned(late)).add(2).write()
        given = ("--key", self.key_file(log))
        for args, expected in ((("--until", time_text(lowest)), (0, 1)), (("--since", time_text(highest)), (2, 3))):
            found = self.judge(*given, *args)
            self.assertEqual((found["verdict"], found["range"]["first"], found["range"]["last"]), ("SEALED", *expected))

    def test_faults_outside(self):
        """The chain of seals is checked whole, lines only where asked."""
        self.put(self.made.names[3], b"{}\n")
        self.assertEqual(self.covered("--until", "2"), (0, (0, 2), 9))
        self.assertEqual(self.covered("--since", "3")[0], 1)
        os.unlink(self.path(self.made.names[3]))
        self.assertEqual(self.covered("--until", "2")[0], 1, "that there is a segment for each seal is always asked")

    def test_pruned(self):
        self.made.prune(2).write()
        self.assertEqual(self.covered("--since", "1"), (3, (2, 3), 6))
        said = self.judge(*self.args, "--until", "1", code=4)
        self.assertEqual((said["verdict"], said["caveats"]), ("INCOMPLETE", ["PRUNED"]))

    def test_max_age(self):
        log = self.log(2, start=int((time.time() - 100) * 1e6)).write()
        for age, code in (("90s", 4), ("110s", 0), ("1m", 4), ("2m", 0), ("1h", 0), ("1d", 0), ("0s", 4)):
            said = self.judge("--key", self.key_file(log), "--max-age", age, code=code)
        self.assertEqual(said["reason"], "the newest sealed record is older than --max-age allows")

    def test_time_to_come(self):
        """By a clock that is a little ahead a record is young; one of tomorrow would be so until tomorrow."""
        log = self.log(2, start=int((time.time() + 100) * 1e6)).write()
        for age, code in (("50s", 4), ("1m", 4), ("3m", 0), ("1d", 0)):
            said = self.judge("--key", self.key_file(log), "--max-age", age, code=code)
            if code:
                self.assertEqual(said["reason"], "the newest sealed record is of a time to come, so it has no age")


if __name__ == "__main__":
    tap.main()
