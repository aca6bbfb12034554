#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What happens when a process of ours dies, hangs or is asked to end."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import client  # noqa: E402
import procs  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402


class Signals(service.Case):
    def served(self, s):
        try:
            with client.Client(s.socket) as c:
                return c.ask(service.ALLOWED)["decision"] == "allow"
        except OSError:
            return False

    def replaced(self, s, role, old, n):
        self.eventually(lambda: len(s.pids(role)) == n and old not in s.pids(role), f"a new {role}")

    def test_evaluator_killed(self):
        s = self.start(evaluators=2)
        for c in [s.client() for _ in range(16)]:  # some with each
            c.ask(service.ALLOWED)
        victim = s.kill("evaluator")
        self.replaced(s, "evaluator", victim, 2)
        self.eventually(lambda: self.served(s), "served")
        for _ in range(20):  # whoever accepts, old or new
            self.assertTrue(self.served(s))
        log = s.stop()
        lost = log.management("process")
        self.assertTrue(any(r["process"].get("pid") == victim for r in lost), lost)
        print(f"# {[r['process'] for r in lost]}")
        self.assertEqual({r["evaluator"] for r in log.where(category="AUDIT_CATEGORY_EVALUATION")}, {1, 2})

    def test_other_evaluators_go_on(self):
        """Some connections end with their evaluator, the others do not notice."""
        s = self.start(evaluators=2)
        for _ in range(20):
            clients = [s.client() for _ in range(32)]
            for c in clients:
                c.send(service.ALLOWED)
            for c in clients:
                c.receive()
            victim = s.kill("evaluator")
            alive = sum(self.still(c) for c in clients)
            self.replaced(s, "evaluator", victim, 2)
            print(f"# {alive} of {len(clients)} connections were with the other evaluator")
            if 0 < alive < len(clients):
                break
        else:
            self.fail("all connections were with one evaluator, again and again")
        s.stop()

    @staticmethod
    def still(c):
        try:
            return c.ask(service.ALLOWED)["decision"] == "allow"
        except OSError:
            return False

    def test_evaluator_killed_again_and_again(self):
        s = self.start(evaluators=2)
        for _ in range(5):
            victim = s.kill("evaluator")
            self.replaced(s, "evaluator", victim, 2)
        self.eventually(lambda: self.served(s), "served")
        s.stop()

    def test_every_signal_that_ends_an_evaluator_is_named(self):
        s = self.start(evaluators=1)
        for sig in (signal.SIGXCPU, signal.SIGSYS):  # AddressSanitizer would catch SIGSEGV
            victim = s.kill("evaluator", sig)
            self.replaced(s, "evaluator", victim, 1)
        log = s.stop()
        texts = [strict.dumps(r["process"]).decode() for r in log.management("process")]
        print(f"# {texts}")
        self.assertTrue(any("SIGXCPU" in t for t in texts))
        self.assertTrue(any("sandbox" in t and "SIGSYS" in t for t in texts), "a sandbox violation is called that")

    def test_replies_survive_the_death_of_an_evaluator(self):
        """What an evaluator had answered stays on record; what it had not answered is no loss of an answer."""
        s = self.start(evaluators=1)
        lines = [[strict.dumps({"id": f"{c}-{i}", **service.DENIED}) + b"\n" for i in range(2000)] for c in range(8)]
        killed = []

        def kill_once(talks):
            if not killed and sum(len(t.replies) for t in talks) > 3000:
                killed.append(s.kill("evaluator"))
            return False

        talks = client.crowd(s.socket, lines, stop=kill_once)
        self.assertTrue(killed)
        self.replaced(s, "evaluator", killed[0], 1)
        log = s.stop()
        records = log.by_id()
        for line in (x for t in talks for x in t.replies):
            self.assertIn(strict.loads(line)["audit_event_id"], records)

    def test_admin_killed(self):
        s = self.start()
        victim = s.kill("admin")
        self.replaced(s, "admin", victim, 1)
        self.eventually(lambda: self.status(s), "an answer on the admin socket")
        self.assertTrue(self.served(s))
        s.stop()

    @staticmethod
    def status(s):
        try:
            return s.admin("status")
        except OSError:
            return None

    def test_writer_killed_fails_closed(self):
        s = self.start()
        with s.client() as c:
            c.ask(service.ALLOWED)
            s.kill("writer")
            for _ in range(1000):
                try:
                    reply = c.ask(service.ALLOWED)
                except (client.Closed, OSError):
                    break
                self.assertEqual(reply["decision"], "deny", reply)
            else:
                self.fail("the connection stays open without a writer")
        self.assertNotEqual(s.wait(), 0)
        s.gone()
        self.assertIn("auditd-writer", s.said())
        self.start()

    def test_writer_that_breaks_its_sandbox(self):
        """The service ends and says so; the log shows that the session was cut short, the next start goes on."""
        s = self.start()
        self.assertIn("auditd-writer: in jail: ", s.said())
        with s.client() as c:
            c.ask(service.ALLOWED)
        s.kill("writer", signal.SIGSYS)
        self.assertEqual(s.wait(), 1)
        s.gone()
        self.assertIn("auditd-writer broke its sandbox", s.said())
        log = self.start().stop()
        self.assertEqual([r["session"]["event"] for r in log.management("session")], ["start", "start", "stop"])
        self.assertEqual(len(log.management("recovery")), 1)

    def test_supervisor_killed_ends_all(self):
        s = self.start()
        with s.client() as c:
            replies = [c.ask({"id": i, **service.ALLOWED}) for i in range(10)]
            began = time.monotonic()
            s.kill("supervisor")
            s.wait()
            c.closed_by_service()
        s.gone()
        print(f"# all gone after {time.monotonic() - began:.2f} s")
        # The writer saw its control channel end, and closed the log in order.
        log = s.log(closed=True)
        for reply in replies:
            self.assert_recorded(log, {"id": reply["id"]}, reply)
        s = self.start()  # the stale sockets are no obstacle
        self.assertTrue(self.served(s))
        s.stop()

    def test_hanging_writer_is_a_closed_connection_not_a_wrong_answer(self):
        s = self.start(evaluators=1, conf={"limits": {"answer_ms": 500}})
        writer = s.one("writer")
        with s.client() as c:
            c.ask(service.ALLOWED)
            os.kill(writer, signal.SIGSTOP)
            try:
                began = time.monotonic()
                c.send({"id": "late", **service.ALLOWED})
                rest = c.closed_by_service()
                spent = time.monotonic() - began
            finally:
                os.kill(writer, signal.SIGCONT)
        self.assertEqual(rest, b"")
        self.assertTrue(0.3 < spent < 5, spent)
        self.eventually(lambda: self.served(s), "served again")
        log = s.stop()
        self.assertEqual(len(log.where(request_id="late")), 1, "it was sent, so it is on record")

    def test_hanging_evaluator_hurts_nobody_else(self):
        s = self.start(evaluators=2)
        victim = s.one("evaluator")
        clients = [s.client() for _ in range(8)]
        for c in clients:
            c.ask(service.ALLOWED)
        os.kill(victim, signal.SIGSTOP)
        try:
            answered = 0
            for c in clients:
                c.sock.settimeout(0.5)
                try:
                    answered += c.ask(service.ALLOWED)["decision"] == "allow"
                except OSError:
                    pass
            print(f"# {answered} of 8 connections are with the other evaluator")
        finally:
            os.kill(victim, signal.SIGCONT)
        s.stop()

    def test_sigterm_finishes_what_is_in_flight(self):
        s = self.start(args=["--durability", "sync"])
        lines = [[strict.dumps({"id": f"{c}-{i}", **service.ALLOWED}) + b"\n" for i in range(3000)] for c in range(8)]
        ended = []

        def end_once(talks):
            if not ended and sum(len(t.replies) for t in talks) > 2000:
                ended.append(os.kill(s.pid, signal.SIGTERM))
            return False

        talks = client.crowd(s.socket, lines, window=100, stop=end_once)
        self.assertEqual(s.wait(), 0)
        s.gone()
        log = s.log(closed=True)
        replies = [strict.loads(x) for t in talks for x in t.replies]
        told = {r["audit_event_id"] for r in replies if "audit_event_id" in r}
        recorded = {r["audit_event_id"] for r in log.where(category="AUDIT_CATEGORY_EVALUATION")}
        self.assertEqual(told - recorded, set(), "answered and not recorded")
        self.assertEqual(recorded - told, set(), "recorded and not answered, at a clean end")

    def test_sigterm_with_idle_connections(self):
        s = self.start()
        for _ in range(10):
            s.client()
        began = time.monotonic()
        self.assertEqual(s.terminate(), 0)
        self.assertLess(time.monotonic() - began, 5)

    def test_sigterm_twice_and_sigint(self):
        s = self.start()
        for _ in range(3):
            os.kill(s.pid, signal.SIGTERM)
        self.assertEqual(s.wait(), 0)
        s = self.start()
        os.kill(s.pid, signal.SIGINT)
        self.assertEqual(s.wait(), 0)
        s.gone()
        s.log(closed=True)

    def test_sigterm_right_at_the_start(self):
        for delay in (0, 0.005, 0.01, 0.02, 0.04, 0.08):
            s = self.make(f"d{delay}")
            s.spawn()
            time.sleep(delay)
            os.kill(s.pid, signal.SIGTERM)
            self.assertIn(s.wait(), (0, -signal.SIGTERM), s.said())
            s.gone()

    def test_other_signals_do_no_harm(self):
        s, told = self.start(evaluators=1), []
        self.assertTrue(self.served(s) and s.admin("ping"))  # each has begun
        for sig in (signal.SIGHUP, signal.SIGPIPE):
            for role in ("supervisor", "evaluator", "admin", "writer"):
                pid = s.pid if role == "supervisor" else s.one(role)
                os.kill(pid, sig)
                told.append(pid)
        # SIGHUP was for a reload: its compiler comes and goes.
        self.eventually(lambda: s.said().count("policy loaded: ") == 2, "loaded again")
        self.assertTrue(self.served(s))
        self.assertTrue(all(procs.alive(p) for p in told))
        s.stop()


if __name__ == "__main__":
    tap.main()
