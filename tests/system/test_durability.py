#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`sync` answers only after fdatasync has returned; `commit` answers before."""

import functools
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

DELAY = 0.4  # seconds


@functools.lru_cache
def why_no_strace():
    if service.SANITIZED:
        return "LeakSanitizer does not run under strace"
    try:
        done = subprocess.run(["strace", "-f", "--seccomp-bpf", "-qq", "-e", "inject=fdatasync:delay_exit=1", "true"],
                              capture_output=True, check=False, timeout=30)
    except FileNotFoundError:
        return "strace is not installed (tools/deps.sh check names the package)"
    return None if done.returncode == 0 else "strace may not trace here: " + done.stderr.decode(errors="replace").strip()


class Durability(service.Case):
    def setUp(self):
        super().setUp()
        if why_no_strace():
            self.skipTest(why_no_strace())
        self.trace = os.path.join(self.top, "trace")

    def traced(self, durability, injection):
        return self.start(evaluators=1, args=["--durability", durability], wrap=[
            "strace", "-f", "--seccomp-bpf", "-qq", "-ttt", "-o", self.trace, "-e", "signal=none", "-e", "trace=fdatasync",
            "-e", f"inject=fdatasync:{injection}"])

    @staticmethod
    def ask_timed(c, i):
        began = time.monotonic()
        reply = c.ask({"id": i, **service.ALLOWED})
        return reply, time.monotonic() - began

    def delays(self, s, n, pause=0.0):
        found = []
        with s.client() as c:
            for i in range(n):
                reply, spent = self.ask_timed(c, i)
                self.assertEqual(reply["decision"], "allow")
                found.append(spent)
                time.sleep(pause)
        print("# answers after " + " ".join(f"{x * 1000:.0f}" for x in found) + " ms")
        return found

    def test_sync_waits_until_fdatasync_has_returned(self):
        s = self.traced("sync", f"delay_exit={int(DELAY * 1e6)}")
        self.assertGreaterEqual(min(self.delays(s, 5)), DELAY * 0.95)
        s.stop()

    def test_sync_does_not_answer_before_fdatasync_has_begun(self):
        s = self.traced("sync", f"delay_enter={int(DELAY * 1e6)}")
        self.assertGreaterEqual(min(self.delays(s, 5)), DELAY * 0.95)
        s.stop()

    def test_commit_does_not_wait(self):
        s = self.traced("commit", f"delay_exit={int(DELAY * 1e6)}")
        found = sorted(self.delays(s, 40, 0.02))
        self.assertLess(found[len(found) // 4], DELAY * 0.75, "each would take DELAY if it waited")
        s.stop()

    def test_commit_syncs_within_a_second(self):
        s = self.traced("commit", "delay_exit=1")
        had = self.syncs()
        with s.client() as c:
            c.ask(service.ALLOWED)
        self.eventually(lambda: self.syncs() > had, "an fdatasync after the answer")
        s.stop()

    def syncs(self):
        with open(self.trace, encoding="utf-8") as f:
            return sum(1 for line in f if re.search(r"fdatasync(\(| resumed)", line))

    def test_record_is_in_the_file_when_the_answer_comes(self):
        for durability in ("sync", "commit"):
            with self.subTest(durability):
                s = self.start(durability, args=["--durability", durability])
                with s.client() as c:
                    for i in range(20):
                        reply = c.ask({"id": i, **service.ALLOWED})
                        found = subprocess.run(["grep", "-r", "-l", "-a", reply["audit_event_id"], s.audit],
                                               capture_output=True, check=False)
                        # Not by its status: a file may get another name while it looks.
                        self.assertTrue(found.stdout, "answered and not yet in a file")
                s.stop()

    def test_group_commit(self):
        """What arrives during one flush shares the next: many requests, few syncs."""
        s = self.traced("sync", f"delay_exit={int(DELAY / 4 * 1e6)}")
        had = self.syncs()
        began = time.monotonic()
        with s.client() as c:
            for i in range(200):
                c.send({"id": i, **service.ALLOWED})
            for i in range(200):
                self.assertEqual(c.receive()["id"], i)
        print(f"# 200 requests, {self.syncs() - had} syncs, {time.monotonic() - began:.2f} s")
        self.assertLess(self.syncs() - had, 20)
        s.stop()

    def test_failing_fdatasync_denies_and_recovers(self):
        """An error of fdatasync: nothing is answered as recorded that is not; the chain goes on."""
        s = self.traced("sync", "error=EIO:when=8..9")
        replies = []
        with s.client() as c:
            def again():
                replies.append(c.ask({"id": len(replies), **service.ALLOWED}))
                return len(replies) >= 30 and "audit_event_id" in replies[-1]
            self.eventually(again, "it works again")
        for reply in replies:
            if "audit_event_id" not in reply:
                self.assertEqual(reply["decision"], "deny")
                self.assertTrue(reply["reason"][0].startswith("audit log unavailable: "), reply)
        log = s.stop()
        for reply in replies:
            if "audit_event_id" in reply:
                self.assert_recorded(log, {"id": reply["id"]}, reply)
        print(f"# {sum('audit_event_id' not in r for r in replies)} denied; storage: "
              f"{[r['storage'] for r in log.management('storage')]}")

    def test_storage_that_stays_broken_denies_at_once(self):
        """One request waits for the log and may go unanswered; the next ones are told, and do not wait."""
        s = self.traced("sync", "error=EIO:when=8+")
        stuck = []
        while "the audit log cannot be written" not in s.said() and len(stuck) < 60:
            stuck.append(s.client())
            stuck[-1].send(strict.dumps({"id": "stuck", **service.ALLOWED}) + b"\n")
            time.sleep(0.05)
        s.wait_said("the audit log cannot be written")
        for _ in range(8):
            began = time.monotonic()
            reply = s.client().ask({"id": "next", **service.ALLOWED})
            self.assertEqual(reply["decision"], "deny")
            self.assertTrue(reply["reason"][0].startswith("audit log unavailable: "), reply)
            self.assertLess(time.monotonic() - began, 2, "the deadline of an answer is 5 s")
        for c in stuck:
            c.close()
        self.assertNotEqual(s.terminate(), 0, "not everything could be brought to disk")
        log = self.start().stop()
        self.assertEqual([r["session"]["event"] for r in log.management("session")][-2:], ["start", "stop"])


if __name__ == "__main__":
    tap.main()
