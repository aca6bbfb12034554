#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The audit directory's file system fills up, runs out of inodes, is remounted read-only, is frozen, or the directory is
renamed or its mode changed under the service: whoever is answered is on record, whoever cannot be is denied with the
cause or finds a closed connection, and all is well when the cause is gone."""

import os
import subprocess
import threading
import time

import service
import tap

ROOT = os.geteuid() == 0
NEEDS_ROOT = "mounting a file system needs root"
BIG = "x" * 3000  # of a request that leaves a large record


def call(*args):
    subprocess.run(args, check=True, capture_output=True)


class Storage(service.Case):
    def setUp(self):
        super().setUp()
        self.mounted = []
        self.addCleanup(self.unmount)

    def unmount(self):
        for path in self.mounted:
            subprocess.run(["umount", "-l", path], check=False, capture_output=True)

    def on(self, options):
        """A service, not started, whose audit directory is a tmpfs of its own."""
        s = self.make(conf={"low_bytes": 0, "reserve_bytes": 262144}, evaluators=1)
        call("mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "tmpfs", s.audit)
        self.mounted.append(s.audit)
        return s

    def ask(self, s, n=1, resource="net:domain:www.example.com:443"):
        """Replies, None for a connection that was closed."""
        replies = []
        for i in range(n):
            try:
                with s.client() as c:
                    replies.append(c.ask({"id": i, "action": "net:connect:tcp", "resource": resource}))
            except (OSError, EOFError, ValueError, AssertionError):
                replies.append(None)
        return replies

    def until_denied(self, s, cause):
        """Large records until one is refused; the replies of those that were not."""
        good = []
        for _ in range(6000):
            with s.client() as c:
                for i in range(20):
                    c.send({"id": i, **service.ALLOWED, "context": {"note": BIG}})
                for reply in (c.receive() for _ in range(20)):
                    if "audit_event_id" in reply:
                        good.append(reply)
                    else:
                        self.assertEqual(reply["decision"], "deny")
                        self.assertIn(cause, reply["reason"][0])
                        return good
        raise AssertionError("never refused")

    def served(self, s):
        reply = self.ask(s)[0]
        return reply is not None and "audit_event_id" in reply

    def recovered(self, s, good):
        self.eventually(lambda: self.served(s), "served again")
        log = s.stop()
        ids = log.by_id()
        for reply in good:
            self.assertIn(reply["audit_event_id"], ids)
        self.assertTrue([r for r in log.management("storage") if r["storage"]["state"] == "recovered"])
        return log

    def test_full(self):
        if not ROOT:
            self.skipTest(NEEDS_ROOT)
        s = self.on("size=3m").spawn().wait_ready()
        filler = os.path.join(s.audit, "filler")
        with open(filler, "wb") as f:
            f.write(b"\0" * (1 << 20))
        good = self.until_denied(s, "audit log unavailable: ")
        os.unlink(filler)
        self.recovered(s, good)

    def test_no_inodes(self):
        """Without a new file nothing can be rotated: the open segment goes on; all is sealed later."""
        if not ROOT:
            self.skipTest(NEEDS_ROOT)
        s = self.on("size=64m,nr_inodes=40")
        s.extra += ["--rotate-records", "10"]
        s.spawn().wait_ready()
        fillers = []
        try:
            for i in range(100):
                fillers.append(os.path.join(s.audit, f"filler{i}"))
                with open(fillers[-1], "wb"):
                    pass
        except OSError:
            fillers.pop()
        replies = self.ask(s, 60)
        for path in fillers:
            os.unlink(path)
        good = [r for r in replies if r and "audit_event_id" in r]
        self.assertTrue(good)
        self.eventually(lambda: self.served(s), "served again")
        log = s.stop()
        self.assertLessEqual({r["audit_event_id"] for r in good}, set(log.by_id()))

    def test_frozen(self):
        """A disk that does not answer: connections end within the bound, and nobody is told what is not so."""
        if not ROOT:
            self.skipTest(NEEDS_ROOT)
        image = os.path.join(self.top, "image")
        with open(image, "wb") as f:
            f.truncate(48 << 20)
        if subprocess.run(["mkfs.ext4", "-q", "-F", image], check=False, capture_output=True).returncode:
            self.skipTest("no mkfs.ext4")
        s = self.make(conf={"low_bytes": 0, "limits": {"answer_ms": 500}}, evaluators=1)
        if subprocess.run(["mount", "-o", "loop", image, s.audit], check=False, capture_output=True).returncode:
            self.skipTest("cannot mount an image here")
        self.mounted.append(s.audit)
        os.chmod(s.audit, 0o700)
        s.spawn().wait_ready()
        good = self.ask(s, 5)
        call("fsfreeze", "-f", s.audit)
        thaw = threading.Timer(4, call, ("fsfreeze", "-u", s.audit))
        thaw.start()
        try:
            began = time.monotonic()
            late = self.ask(s)[0]
            print(f"# an answer, or none, after {time.monotonic() - began:.1f} s: {late}")
            self.assertTrue(late is None or "audit_event_id" not in late)
        finally:
            thaw.join()
        self.eventually(lambda: self.served(s), "served again")
        ids = s.stop().by_id()
        for reply in good:
            self.assertIn(reply["audit_event_id"], ids)

    def test_directory_moved_and_closed(self):
        """The writer holds its directory, not its path: renamed, or its mode changed, it goes on there."""
        s = self.start(args=["--rotate-records", "5"])
        good = self.ask(s, 12)
        moved = s.audit + ".moved"
        os.rename(s.audit, moved)
        os.mkdir(s.audit, 0o700)
        good += self.ask(s, 12)
        os.rmdir(s.audit)
        os.rename(moved, s.audit)
        os.chmod(s.audit, 0o500)
        closed = self.ask(s, 12)
        os.chmod(s.audit, 0o700)
        self.eventually(lambda: self.served(s), "served again")
        log = s.stop()
        good += [r for r in closed if r and "audit_event_id" in r]
        self.assertLessEqual({r["audit_event_id"] for r in good}, set(log.by_id()))


if __name__ == "__main__":
    tap.main()
