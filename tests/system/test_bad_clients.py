#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that misbehave as clients: the service stays up, others are served, memory stays bounded."""

import os
import resource
import select
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import client  # noqa: E402
import procs  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

MIB = 1024  # KiB, as /proc says it
LINE = strict.dumps({"id": "flood", **service.UNMATCHED}) + b"\n"


def raise_descriptor_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return False
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True


def push(sock, data, seconds):
    """Send without ever reading, for so many seconds or until it stalled for one; bytes that were taken."""
    sock.setblocking(False)
    sent, end = 0, time.monotonic() + seconds
    view = memoryview(data)
    while sent < len(data) and time.monotonic() < end:
        _, writable, _ = select.select([], [sock], [], min(1, seconds))
        if not writable:
            break
        try:
            sent += sock.send(view[sent:sent + (1 << 16)])
        except (BrokenPipeError, ConnectionResetError):
            break
    return sent


class BadClients(service.Case):
    def memory(self, s):
        return {role: max(procs.rss_kib(p) for p in [s.one(role), *s.pids(role)])
                for role in ("writer", "evaluator", "admin")}

    def bounded(self, s, before, mib):
        if service.SANITIZED:
            return
        after = self.memory(s)
        print(f"# resident KiB before {before}, after {after}")
        for role, kib in after.items():
            self.assertLess(kib - before[role], mib * MIB, role)

    def good(self, neighbour, answers=50):
        """The neighbour is being served right now."""
        had = neighbour.answers
        self.eventually(lambda: neighbour.problem or neighbour.answers >= had + answers, "the neighbour is served")
        self.assertIsNone(neighbour.problem)

    def end(self, s, neighbour):
        neighbour.finish()
        self.assertIsNone(neighbour.problem)
        self.assertLess(neighbour.longest, 5)
        print(f"# neighbour: {neighbour.answers} answers, longest wait {neighbour.longest * 1000:.1f} ms")
        return s.stop()

    def test_one_that_never_reads(self):
        s = self.start(evaluators=1)
        neighbour = service.Neighbour(s.socket)
        self.good(neighbour)
        before = self.memory(s)
        with s.client() as c:
            data = LINE * (64 * 1024 * 1024 // len(LINE))
            sent = push(c.sock, data, 30)
            print(f"# {sent >> 10} KiB taken before the service stopped reading")
            self.assertLess(sent, len(data) // 2, "the service reads on although nobody takes its answers")
            self.good(neighbour)
            self.bounded(s, before, 32)
            # Whoever reads at last finds each answer, in order, as far as the connection lasted.
            c.sock.settimeout(10)
            c.finish_sending()
            lines = c.closed_by_service().splitlines()
            self.assertTrue(lines)
            for line in lines[:100]:
                self.assertEqual(strict.loads(line)["id"], "flood")
        self.end(s, neighbour)

    def test_many_that_never_read(self):
        s = self.start(evaluators=1)
        neighbour = service.Neighbour(s.socket)
        self.good(neighbour)
        before = self.memory(s)
        clients = [s.client() for _ in range(30)]
        for c in clients:
            push(c.sock, LINE * 3000, 0.2)
        self.good(neighbour)
        self.bounded(s, before, 64)
        for c in clients:
            c.close()
        self.good(neighbour)
        self.end(s, neighbour)

    def slow_and_served(self, s):
        """None where we were slower than we wanted, and than is allowed."""
        began = time.monotonic()
        try:
            with s.client() as c:
                for byte in strict.dumps({"id": "slow", **service.ALLOWED}) + b"\n":
                    c.send(bytes([byte]))
                    time.sleep(0.005)
                return c.receive()["decision"] == "allow"
        except (OSError, KeyError):
            self.assertGreater(time.monotonic() - began, 1.5)
            return None

    def test_a_byte_at_a_time(self):
        """Slow is no crime; taking longer than the limit for one line is."""
        s = self.start(evaluators=1, conf={"limits": {"line_seconds": 2}})
        neighbour = service.Neighbour(s.socket)
        self.eventually(lambda: self.slow_and_served(s), "served although it is slow")
        with s.client() as c:
            c.ask(service.ALLOWED)
            began = time.monotonic()
            ended = None
            for byte in LINE[:20]:
                try:
                    c.send(bytes([byte]))
                except (BrokenPipeError, ConnectionResetError):
                    ended = time.monotonic()
                    break
                if select.select([c.sock], [], [], 0.5)[0]:
                    ended = time.monotonic()
                    break
            self.assertIsNotNone(ended, "a line may take for ever")
            self.assertGreater(ended - began, 1.5)
            last = [strict.loads(x) for x in c.closed_by_service().splitlines()]
            self.assertEqual(len(last), 1)
            self.assertIn("error", last[0])
            print(f"# {last[0]}")
        self.good(neighbour)
        self.end(s, neighbour)

    def test_a_thousand_idle_connections(self):
        if not raise_descriptor_limit(4096):
            self.skipTest("at most 4096 descriptors are needed and may not be had")
        s = self.start()
        neighbour = service.Neighbour(s.socket)
        before = self.memory(s)
        clients = [s.client() for _ in range(1000)]
        self.good(neighbour)
        self.bounded(s, before, 64)
        for c in clients[::100]:
            self.assertEqual(c.ask({"id": 1, **service.ALLOWED})["decision"], "allow")
        for c in clients:
            c.close()
        self.good(neighbour)
        self.end(s, neighbour)

    def test_idle_connections_end_when_that_is_configured(self):
        s = self.start(evaluators=1, conf={"limits": {"idle_seconds": 1}})
        with s.client() as c:
            c.ask(service.ALLOWED)
            began = time.monotonic()
            c.closed_by_service()
            self.assertGreater(time.monotonic() - began, 0.5)
        s.stop()

    def test_connections_per_uid(self):
        s = self.start(evaluators=1, conf={"limits": {"connections_per_uid": 5}})
        kept = [s.client() for _ in range(5)]
        for c in kept:
            c.ask(service.ALLOWED)
        with s.client() as c:
            said = [strict.loads(x) for x in c.closed_by_service().splitlines()]
        self.assertEqual(len(said), 1)
        self.assertIn("error", said[0])
        print(f"# {said[0]}")
        kept.pop().close()
        self.eventually(lambda: self.served(s), "room again after one has gone")
        for c in kept:
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        s.stop()

    def served(self, s):
        with client.Client(s.socket) as c:
            try:
                return "decision" in c.ask(service.ALLOWED)
            except (client.Closed, BrokenPipeError):
                return False

    def test_records_per_second(self):
        """A uid over its rate is slowed by not reading from it; nothing is refused or lost."""
        s = self.start(evaluators=1, conf={"limits": {"records_per_second": 200}})
        began = time.monotonic()
        talks = client.crowd(s.socket, [[LINE] * 300, [LINE] * 300], window=300)
        spent = time.monotonic() - began
        print(f"# 600 records in {spent:.2f} s at 200 a second")
        self.assertEqual([len(t.replies) for t in talks], [300, 300])
        self.assertGreater(spent, 1.0)
        self.assertTrue(all(strict.loads(x)["decision"] == "deny" for t in talks for x in t.replies))
        log = s.stop()
        self.assertEqual(len(log.where(category="AUDIT_CATEGORY_EVALUATION")), 600)

    def test_in_flight(self):
        """More requests at once than may be in flight: read later, answered all."""
        s = self.start(evaluators=1, conf={"limits": {"in_flight": 4}})
        with s.client() as c:
            c.send(LINE * 1000)
            self.assertEqual([c.receive()["id"] for _ in range(1000)], ["flood"] * 1000)
        s.stop()

    def test_gone_before_the_answer(self):
        s = self.start(evaluators=1)
        neighbour = service.Neighbour(s.socket)
        for _ in range(200):
            c = s.client()
            c.send(LINE * 20)
            c.close()
        self.good(neighbour)
        log = self.end(s, neighbour)
        self.assertGreater(len(log.where(request_id="flood")), 0)

    def test_half_closed(self):
        """A client may shut down its side and still read every answer (as nc and socat do)."""
        s = self.start(evaluators=1)
        with s.client() as c:
            c.send(LINE * 500)
            c.finish_sending()
            lines = c.closed_by_service().splitlines()
        self.assertEqual(len(lines), 500)
        s.stop()

    def test_last_line_without_newline(self):
        s = self.start(evaluators=1)
        with s.client() as c:
            c.send(LINE + LINE[:-10])
            c.finish_sending()
            replies = [strict.loads(x) for x in c.closed_by_service().splitlines()]
        self.assertEqual(replies[0]["decision"], "deny")
        self.assertNotIn("allow", [r.get("decision") for r in replies])
        s.stop()

    @service.unittest.skipUnless(os.geteuid() == 0, "others cannot look into processes that are not dumpable")
    def test_unread_socket_options(self):
        """Descriptors passed along with a request are not kept."""
        s = self.start(evaluators=1)
        evaluator = s.one("evaluator")
        with s.client() as c:
            c.ask(service.ALLOWED)
            had = len(procs.open_fds(evaluator))
            with open("/dev/null", "rb") as null:
                for _ in range(20):
                    socket.send_fds(c.sock, [LINE], [null.fileno()])
                    c.receive()
            self.assertEqual(len(procs.open_fds(evaluator)), had)
        s.stop()


if __name__ == "__main__":
    tap.main()
