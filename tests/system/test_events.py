#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Application events and outcomes, recorded beside decisions."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import client  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

EVENT = {"op": "emit", "event": "auth.fail", "level": "warning", "actor": "ci-bot", "details": {"tries": 3, "from": "::1"}}
NOWHERE = "00000000-0000-8000-8000-000000000001"


class Events(service.Case):
    def schemas_hold(self, c):
        self.assertEqual(c.faults(), [])

    def test_event(self):
        s = self.start()
        with s.client() as c:
            reply = c.ask({"id": 7, **EVENT, "sandbox_id": "sb", "agent": "ag", "client_name": "cl"})
            self.assertEqual(set(reply), {"id", "audit_event_id"})
            self.schemas_hold(c)
        record = s.stop().by_id()[reply["audit_event_id"]]
        self.assertEqual(record["category"], "AUDIT_CATEGORY_EVENT")
        self.assertEqual(record["action_type"], "application_event")
        for name in ("event", "level", "actor", "details"):
            self.assertEqual(record[name], EVENT[name])
        self.assertEqual((record["sandbox_id"], record["agent"], record["client_name"]), ("sb", "ag", "cl"))
        self.assertEqual((record["request_id"], record["peer"]["pid"]), ("7", os.getpid()))

    def test_details_of_every_shape(self):
        details = {"null": None, "yes": True, "no": False, "int": -17, "real": 1.5, "text": "\u00fc\n\"", "list": [1, [2, []]],
                   "object": {"a": {"b": {}}}, "": "empty key", "big": 9007199254740991}
        s = self.start()
        with s.client() as c:
            reply = c.ask({**EVENT, "details": details})
            self.schemas_hold(c)
        self.assertEqual(s.stop().by_id()[reply["audit_event_id"]]["details"], details)

    def test_minimum_level_exclusions_and_metadata(self):
        s = self.start(conf={"events": {"min_level": "warning", "excluded": ["task.*", "noise"],
                                        "metadata": {"site": "lab", "rack": "7"}}})
        cases = (("auth.fail", "warning", True), ("auth.fail", "info", False), ("auth.fail", "debug", False),
                 ("auth.fail", "error", True), ("task.start", "error", False), ("task", "error", True),
                 ("tasks.start", "error", True), ("noise", "error", False), ("noise.more", "error", True))
        kept = []
        with s.client() as c:
            for event, level, recorded in cases:
                reply = c.ask({**EVENT, "event": event, "level": level})
                self.assertEqual("audit_event_id" in reply, recorded, (event, level, reply))
                self.assertNotIn("error", reply)
                if recorded:
                    kept.append((event, level))
            self.schemas_hold(c)
            decision = c.ask({"id": "d", **service.ALLOWED})
        log = s.stop()
        events = log.where(category="AUDIT_CATEGORY_EVENT")
        self.assertEqual([(r["event"], r["level"]) for r in events], kept)
        for record in events:
            self.assertEqual(record["details"], {**EVENT["details"], "site": "lab", "rack": "7"})
        self.assertIn(decision["audit_event_id"], log.by_id(), "decisions are never excluded")
        configuration = log.management("configuration")
        self.assertTrue(configuration, "what is recorded is itself on record")
        self.assertEqual(configuration[0]["configuration"]["landlock"], "required")

    def test_metadata_wins_over_a_client_that_uses_its_name(self):
        s = self.start(conf={"events": {"metadata": {"site": "lab"}}})
        with s.client() as c:
            reply = c.ask({**EVENT, "details": {"site": "forged", "x": 1}})
        log = s.stop()
        if "audit_event_id" in reply:
            details = log.by_id()[reply["audit_event_id"]]["details"]
            self.assertEqual(details["site"], "lab")
            self.assertEqual(details["x"], 1)
        else:
            self.assertIn("site", reply["error"])

    def test_default_level_is_info(self):
        s = self.start()
        with s.client() as c:
            self.assertIn("audit_event_id", c.ask({**EVENT, "level": "info"}))
            self.assertNotIn("audit_event_id", c.ask({**EVENT, "level": "debug"}))
        s.stop()

    def test_event_too_large(self):
        s = self.start()
        with s.client() as c:
            reply = c.ask({"id": 1, **EVENT, "details": {"text": "x" * 9000}})
            self.assertIn("error", reply)
            self.assertNotIn("audit_event_id", reply)
            self.assertIn("audit_event_id", c.ask({"id": 2, **EVENT}))
        s.stop()

    def test_outcome(self):
        s = self.start()
        with s.client() as c:
            asked = c.ask({"id": 1, **service.ALLOWED})["audit_event_id"]
            good = c.ask({"id": 2, "op": "outcome", "evaluation_id": asked, "success": True, "duration_ms": 12})
            bad = c.ask({"id": 3, "op": "outcome", "evaluation_id": asked, "success": False, "error_class": "timeout"})
            self.schemas_hold(c)
        log = s.stop()
        first, second = (log.by_id()[r["audit_event_id"]] for r in (good, bad))
        self.assertEqual(first["category"], "AUDIT_CATEGORY_EXECUTION")
        self.assertEqual((first["evaluation_id"], first["action_type"]), (asked, "execution"))
        self.assertEqual(first["execution"], {"success": True, "duration_ms": 12, "evaluation_peer": "same"})
        self.assertEqual(second["execution"], {"success": False, "error_class": "timeout", "evaluation_peer": "same"})

    def other_process(self, path, evaluation):
        """An outcome sent by another process."""
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with client.Client(path) as c:
                    status = "audit_event_id" not in c.ask(
                        {"id": "other", "op": "outcome", "evaluation_id": evaluation, "success": True})
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_outcome_of_another_process_is_flagged(self):
        s = self.start()
        with s.client() as c:
            asked = c.ask({"id": 1, **service.ALLOWED})["audit_event_id"]
            self.other_process(s.socket, asked)
            unknown = c.ask({"id": 3, "op": "outcome", "evaluation_id": NOWHERE, "success": True})
        log = s.stop()
        self.assertEqual(log.where(request_id="other")[0]["execution"]["evaluation_peer"], "different")
        self.assertEqual(log.by_id()[unknown["audit_event_id"]]["execution"]["evaluation_peer"], "unknown")

    def test_outcome_through_another_evaluator(self):
        """Evaluation and outcome may come in by different evaluators: the writer still knows the peer."""
        s = self.start(evaluators=2)
        clients = [s.client() for _ in range(8)]
        ids = [c.ask(service.ALLOWED)["audit_event_id"] for c in clients]
        replies = [c.ask({"op": "outcome", "evaluation_id": ids[i - 1], "success": True}) for i, c in enumerate(clients)]
        log = s.stop()
        records = [log.by_id()[r["audit_event_id"]] for r in replies]
        self.assertEqual({r["execution"]["evaluation_peer"] for r in records}, {"same"})

    def test_ping_leaves_no_record(self):
        s = self.start()
        with s.client() as c:
            self.assertEqual(c.ask({"id": "p", "op": "ping"}), {"id": "p", "pong": True})
            self.assertEqual(c.ask({"op": "ping"}), {"id": None, "pong": True})
            self.schemas_hold(c)
        log = s.stop()
        self.assertEqual(log.where(request_id="p"), [])


if __name__ == "__main__":
    tap.main()
