#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demonstration shows what it claims, and its log stands up to the strict checker."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import log as auditlog  # noqa: E402
import procs  # noqa: E402
import schema  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

DEMO = os.path.join(service.TOP, "demo", "demo.py")
REQUESTS = os.path.join(service.TOP, "demo", "requests.jsonl")


class Demo(service.unittest.TestCase):
    def test_it_holds(self):
        procs.adopt_orphans()
        keep = os.path.join(service.tempfile.mkdtemp(), "d")
        code, out, err = service.run([sys.executable, DEMO, "--build", service.BUILD, "--keep", keep])
        self.assertEqual((code, err), (0, ""), out)
        self.assertEqual(procs.descendants(os.getpid()), [], "left running")
        answered = int(re.search(r"(\d+) answers acknowledged, \1 found in the log, 0 missing", out)[1])
        self.assertGreaterEqual(answered, 203)
        log = auditlog.read(os.path.join(keep, "audit"), closed=True)
        self.assertEqual(schema.validate("record", log.lines), [])
        self.assertGreaterEqual(len(log.where(category="AUDIT_CATEGORY_EVALUATION")), answered)
        self.assertEqual(len({r["audit_session_id"] for r in log.records}), 2)
        self.assertTrue(log.management("recovery"))

    def test_it_fails_when_it_should(self):
        """A build without programs, and a log from which a segment is missing."""
        code, _, err = service.run([sys.executable, DEMO, "--build", "/nonexistent"])
        self.assertEqual(code, 1)
        self.assertIn("demo: ", err)
        sys.path.insert(0, os.path.dirname(DEMO))
        import demo
        replies = [{"id": "1", "audit_event_id": "x"}]
        with self.assertRaises(demo.Failed):
            demo.check([], replies)
        with self.assertRaises(demo.Failed):
            demo.check([{"audit_event_id": "x", "request_id": "2"}], replies)
        demo.check([{"audit_event_id": "x", "request_id": "1"}], replies)

    def test_its_requests(self):
        with open(REQUESTS, "rb") as f:
            lines = f.read().splitlines()
        self.assertGreaterEqual(len(lines), 200)
        self.assertEqual(schema.validate("request", lines), [])
        requests = [strict.loads(line) for line in lines]
        self.assertEqual(len({r["id"] for r in requests}), len(requests))
        self.assertGreater(len({(r["action"], r["resource"]) for r in requests}), 200)


if __name__ == "__main__":
    tap.main()
