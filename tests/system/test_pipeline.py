#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pipeline under load: every reply has its record, every record its reply, also when the writer dies."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import client  # noqa: E402
import log as auditlog  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

CONNECTIONS = 64
REQUESTS = 16_000 if service.SANITIZED else 100_000

# (action, resource, decision, rule)
KINDS = (
    ("net:connect:tcp", "net:domain:www.example.com:443", "allow", "example"),
    ("net:connect:tcp", "net:domain:n{}.example.org:443", "deny", None),
    ("net:connect:tcp", "net:ip:169.254.169.254:80", "deny", "no-metadata"),
    ("fs:read", "fs:path:/data/{}/file", "allow", "data"),
    ("fs:write", "fs:path:/data/secret/{}", "deny", "secrets"),
    ("net:connect:udp", "net:ip:10.1.2.3:8001", "allow", "lab"),
)


def work(per_connection, mark=""):
    """Request lines for each connection, ids telling connection and place."""
    def line(connection, i):
        action, resource, _, _ = KINDS[(connection + i) % len(KINDS)]
        return strict.dumps({"id": f"{mark}{connection}-{i}", "action": action, "resource": resource.format(i),
                             "client_name": f"client{connection}", "agent": "tester"}) + b"\n"
    return [[line(c, i) for i in range(per_connection)] for c in range(CONNECTIONS)]


class Pipeline(service.Case):
    def check_replies(self, talks, mark=""):
        """Replies of each connection are in order and say what the policy says. Returns {event id: reply};
        what was denied because nothing could be recorded has no event id and is left out."""
        found = {}
        for c, talk in enumerate(talks):
            for i, line in enumerate(talk.replies):
                reply = strict.loads(line)
                self.assertEqual(reply["id"], f"{mark}{c}-{i}")
                if "audit_event_id" not in reply:
                    self.assertEqual(reply["decision"], "deny")
                    self.assertTrue(reply["reason"][0].startswith("audit log unavailable: "), reply)
                    continue
                _, _, decision, rule = KINDS[(c + i) % len(KINDS)]
                self.assertEqual((reply["decision"], reply.get("rule_id")), (decision, rule))
                self.assertNotIn(reply["audit_event_id"], found)
                found[reply["audit_event_id"]] = reply
        return found

    def check_records(self, log, replies):
        """Each reply's record is there and says the same."""
        records = log.by_id()
        for event_id, reply in replies.items():
            record = records.get(event_id)
            self.assertIsNotNone(record, f"acknowledged and lost: {reply}")
            self.assertEqual(record["request_id"], reply["id"])
            self.assertEqual(record["decision"], "AUDIT_DECISION_" + reply["decision"].upper())
            self.assertEqual(record.get("rule_id"), reply.get("rule_id"))
            self.assertEqual(record.get("deny_reason"), reply.get("reason"))

    def test_every_reply_has_its_record_and_every_record_its_reply(self):
        s = self.start(args=["--durability", "sync", "--rotate-records", "9973"])
        lines = work(REQUESTS // CONNECTIONS)
        talks = client.crowd(s.socket, lines, window=64)
        replies = self.check_replies(talks)
        self.assertEqual(len(replies), REQUESTS // CONNECTIONS * CONNECTIONS)
        log = s.stop()
        self.check_records(log, replies)
        recorded = {r["audit_event_id"] for r in log.where(category="AUDIT_CATEGORY_EVALUATION")}
        self.assertEqual(recorded - set(replies), set(), "records that nobody was told of")
        self.assertGreater(len(log.segments), len(log.records) // 9973 - 1)
        self.assertEqual({r["evaluator"] for r in log.where(category="AUDIT_CATEGORY_EVALUATION")}, {1, 2})

    def test_schema_of_requests_and_replies(self):
        s = self.start()
        talks = client.crowd(s.socket, work(20))
        asked = [x for t in talks for x in t.lines]
        answered = [x for t in talks for x in t.replies]
        self.assertEqual(service.schema.validate("request", asked), [])
        self.assertEqual(service.schema.validate("reply", answered), [])

    def kill_in_the_middle(self, seed, durability):
        """Kill the writer after a random number of replies; what was answered must be on record."""
        print(f"# seed {seed}, {durability}")
        dice = random.Random(seed)
        per_connection = REQUESTS // CONNECTIONS // 4
        after = dice.randrange(1, per_connection * CONNECTIONS * 3 // 4)
        name = f"kill{seed}{durability}"
        s = self.start(name, args=["--durability", durability, "--rotate-records", str(dice.choice((200, 1000, 5000)))])
        killed = []

        def kill_once(talks):
            if not killed and sum(len(t.replies) for t in talks) >= after:
                killed.append(s.kill("writer"))
            return False

        talks = client.crowd(s.socket, work(per_connection), window=dice.choice((1, 16, 64, 200)), stop=kill_once)
        self.assertTrue(killed, "the writer was not killed")
        self.assertTrue(any(t.broken for t in talks), "connections end with the writer")
        self.assertNotEqual(s.wait(), 0)
        s.gone()
        replies = self.check_replies(talks)
        self.assertGreaterEqual(len(replies), 1)
        before = s.log()
        self.check_records(before, replies)
        self.go_on(name, before, replies)

    def go_on(self, name, before, replies):
        """A restart continues the chain and loses nothing."""
        s = self.start(name)
        talks = client.crowd(s.socket, work(5, "again-"))
        more = self.check_replies(talks, "again-")
        self.assertEqual(len(more), 5 * CONNECTIONS)
        log = s.stop()
        self.check_records(log, {**replies, **more})
        self.assertEqual(log.lines[:len(before.lines)], before.lines)
        # What nobody had closed is recovered, but for what was sealed already and only not in its place.
        recovered = {r["recovery"]["file"] for r in log.management("recovery")}
        for segment in before.segments:
            base = segment.name.removesuffix(".tmp")
            state = log.seals[base]["state"]
            self.assertEqual(state, "recovered" if base in recovered else "clean")
            self.assertTrue(not segment.closed or state == "clean")

    def test_writer_killed_sync(self):
        for _ in range(3):
            self.kill_in_the_middle(random.randrange(1 << 32), "sync")

    def test_writer_killed_commit(self):
        # Only the process dies, not the machine: what was written is in the page cache.
        self.kill_in_the_middle(random.randrange(1 << 32), "commit")

    def test_everything_killed(self):
        seed = random.randrange(1 << 32)
        print(f"# seed {seed}")
        per_connection = REQUESTS // CONNECTIONS // 8
        after = random.Random(seed).randrange(1, per_connection * CONNECTIONS // 2)
        s = self.start("all")
        killed = []

        def kill_all(talks):
            if not killed and sum(len(t.replies) for t in talks) >= after:
                killed.extend(service.procs.descendants(s.process.pid) + [s.process.pid])
                service.procs.end_all(killed)
            return False

        talks = client.crowd(s.socket, work(per_connection), stop=kill_all)
        s.wait()
        s.gone()
        replies = self.check_replies(talks)
        before = s.log()
        self.check_records(before, replies)
        self.go_on("all", before, replies)


class Checker(service.Case):
    """The checker of these tests sees what it must see: each fault put into a good log is found."""

    def setUp(self):
        super().setUp()
        s = self.start(args=["--rotate-records", "20"])
        with s.client() as c:
            for i in range(50):
                c.ask({"id": i, **service.DENIED})
        log = s.stop()
        self.audit = s.audit
        self.segment = next(x for x in log.segments if len(x.lines) > 10)

    def broken_by(self, change, says):
        with open(self.segment.path, "rb") as f:
            good = f.read()
        os.chmod(self.segment.path, 0o640)
        try:
            with open(self.segment.path, "wb") as f:
                f.write(change(good))
            with self.assertRaisesRegex(auditlog.Bad, says):
                auditlog.read(self.audit, closed=True)
        finally:
            with open(self.segment.path, "wb") as f:
                f.write(good)

    def test_finds_what_is_wrong(self):
        lines = self.segment.lines
        changes = (
            (lambda d: d.replace(lines[3], b""), "seq"),
            (lambda d: d.replace(lines[3], lines[4] + lines[3]), "seq"),
            (lambda d: d.replace(lines[3], lines[3] * 2), "seq"),
            (lambda d: d.replace(b"169.254.169.254", b"169.254.169.253", 1), "prev_hash"),
            (lambda d: d[:-1], "does not end"),
            (lambda d: d[:-40], "does not end"),
            (lambda d: d.replace(b'"os":"linux",', b'"os":"linux","os":"linux",', 1), "duplicate"),
            (lambda d: d.replace(b'"os":"linux",', b'"os":"linux","more":1,', 1), "contract"),
            (lambda d: d.replace(b'"os":"linux",', b"", 1), "missing"),
            (lambda d: d.replace(b'"os":"linux",', b'"os":"linux",\r', 1), "control"),
            (lambda d: d.replace(b'{"audit_event_id"', b'{"timestamp":"x","audit_event_id"', 1), "duplicate|order"),
            (lambda d: d.replace(b'"os":"linux"', b'"os":"' + b"x" * 8192 + b'"', 1), "bytes"),
        )
        for number, (change, says) in enumerate(changes):
            with self.subTest(change=number):
                self.broken_by(change, says)
        auditlog.read(self.audit, closed=True)


if __name__ == "__main__":
    tap.main()
