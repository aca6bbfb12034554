#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All who judge come to the same end on logs of the real service: while it writes, killed, pruned, turned back."""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_case import Judges  # noqa: E402


class Real(Judges, service.Case):
    """What the service itself has written."""

    def ask(self, s, n):
        with s.client() as c:
            for i in range(n):
                c.ask({"id": i, **(service.ALLOWED if i % 3 else service.DENIED)})

    def enrolled(self, s):
        """The key, as an operator takes it off the host."""
        code, out, err = service.policyctl("enroll", "--json", s.audit)
        self.assertEqual((code, err), (0, ""))
        return judges.Key(json.loads(out)["key"])

    def newest(self, s, key):
        """A pin of the newest seal, as auditlog verify says it."""
        index, text = judges.auditlog(s.audit, key).pin.split(":")
        return int(index), text

    def test_sealed(self):
        s = self.start(args=["--rotate-records", "20"])
        key = self.enrolled(s)
        self.ask(s, 90)
        s.stop()
        found = self.agree(s.audit, "SEALED", key=key)
        self.assertGreater(found["auditlog"].records, 90)
        self.agree(s.audit, "UNPINNED")
        pin = self.newest(s, key)
        s = self.start(args=["--rotate-records", "20"])
        self.ask(s, 30)
        s.stop()
        self.agree(s.audit, "SEALED", key=key, pins=[pin], max_age=600)
        self.assertGreater(self.newest(s, key)[0], pin[0])

    def test_while_it_writes(self):
        """Looked at over and over in place: never a word of anything wrong."""
        s = self.start(args=["--rotate-records", "10"])
        key = self.enrolled(s)
        writing = service.Neighbour(s.socket)
        looks, tails, words = 0, 0, ("INCOMPLETE", "SEALED")
        while looks < 15 or not tails and looks < 100:
            for judge in (judges.auditlog, judges.python):
                found = judge(s.audit, key)
                self.assertIn(found.verdict, words, found)
                words = words[words.index(found.verdict):]  # never back to nothing sealed
                tails += found.tail[0] > 0
            looks += 1
        writing.finish()
        self.assertIsNone(writing.problem)
        self.assertGreater(tails, 0)
        s.stop()
        self.assertEqual(judges.auditlog(s.audit, key).short, judges.python(s.audit, key).short)

    def test_recovered(self):
        s = self.start()
        key = self.enrolled(s)
        self.ask(s, 10)
        s.kill("writer")
        s.wait()
        s.gone()
        self.agree(s.audit, "INCOMPLETE", key=key)
        again = self.start()
        self.ask(again, 5)
        again.stop()
        self.agree(s.audit, "RECOVERED", key=key)

    def test_pruned(self):
        s = self.start(args=["--rotate-records", "10"])
        key = self.enrolled(s)
        self.ask(s, 40)
        log = s.stop()
        for segment in log.segments[:2]:
            os.rename(segment.path, os.path.join(s.top, segment.name))
        self.agree(s.audit, "PRUNED", key=key)
        for segment in log.segments[:2]:
            os.rename(os.path.join(s.top, segment.name), segment.path)

    def snapshot(self, s, name):
        for part in (s.audit, s.keys):
            shutil.copytree(part, os.path.join(s.top, name, os.path.basename(part)))

    def turn_back(self, s, name, *parts):
        for part in parts:
            shutil.rmtree(part)
            shutil.copytree(os.path.join(s.top, name, os.path.basename(part)), part)

    def test_the_key_state_turned_back(self):
        """Beside a log that has gone on: it does not start, and the log stays what it was."""
        s = self.start()
        key = self.enrolled(s)
        self.ask(s, 5)
        s.stop()
        self.snapshot(s, "then")
        self.start()
        self.ask(s, 5)
        self.services[-1].stop()
        self.turn_back(s, "then", s.keys)
        again = self.make().spawn()
        self.assertNotEqual(again.wait(), 0)
        self.agree(s.audit, "SEALED", key=key)

    def test_the_whole_host_turned_back(self):
        """docs/EVIDENCE.md, U1: log and keys as of a snapshot go on as if nothing had been. A pin finds it."""
        s = self.start()
        key = self.enrolled(s)
        self.ask(s, 5)
        s.stop()
        old = self.newest(s, key)
        self.snapshot(s, "then")
        s = self.start()
        self.ask(s, 5)
        s.stop()
        pin = self.newest(s, key)
        self.turn_back(s, "then", s.audit, s.keys)
        self.agree(s.audit, "SEALED", key=key, pins=[old])
        self.agree(s.audit, "BROKEN", key=key, pins=[pin], fault=("", 0))
        s = self.start()
        self.ask(s, 5)
        log = s.stop()
        self.agree(s.audit, "SEALED", key=key, pins=[old])
        self.agree(s.audit, "BROKEN", key=key, pins=[pin], fault=(log.segments[-1].name + ".seal", 0))


if __name__ == "__main__":
    tap.main()
