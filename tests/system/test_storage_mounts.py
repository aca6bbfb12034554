#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The disk under the log goes read-only, is shut down, becomes slow or does not answer at all: every client has an
answer or a closed connection within the bound, every answer is on record, and service is back when the disk is."""

import fcntl
import os
import signal
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import procs  # noqa: E402
import service  # noqa: E402
import storage  # noqa: E402
import tap  # noqa: E402
import test_durability  # noqa: E402

SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32): of ext4 and of xfs
NOT_EVEN_THE_LOG = struct.pack("I", 2)
BOUND = 0.5  # answer_ms, in seconds
HANGS = 4  # seconds
LATEST = HANGS - 0.5  # of a client that is let go before the disk is: deadlines are looked at now and then
REFUSALS = ("the log cannot be written", "the writer does not answer", "input/output error", "read-only file system")


class Asker(threading.Thread):
    """Asks, one question on one connection at a time, until told to stop: replies, and the longest wait."""

    def __init__(self, s):
        super().__init__(daemon=True)
        self.path, self.replies, self.longest, self.enough = s.socket, [], 0.0, threading.Event()
        self.start()

    def run(self):
        while not self.enough.is_set():
            began = time.monotonic()
            try:
                with service.client.Client(self.path) as c:
                    self.replies.append(c.ask(service.ALLOWED))
            except (OSError, EOFError, ValueError):
                self.replies.append(None)
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.02)


class Mounting(storage.Case):
    CONF = {**storage.Case.CONF, "limits": {"answer_ms": int(BOUND * 1000)}}

    def crowd(self, s, n=10):
        """So many clients while the test does something: with self.crowd(s) as askers."""
        return Crowd(self, s, n)

    def of(self, askers):
        """(those on record, refused, closed) of all their replies; each refusal names a cause."""
        replies = [r for a in askers for r in a.replies]
        for reply in replies:
            if reply and not self.good([reply]):
                self.refused(reply, *REFUSALS)
        good, closed = self.good(replies), replies.count(None)
        return good, len(replies) - len(good) - closed, closed


class Crowd:
    def __init__(self, case, s, n):
        self.case, self.askers = case, [Asker(s) for _ in range(n)]

    def __enter__(self):
        return self.askers

    def __exit__(self, *_):
        for a in self.askers:
            a.enough.set()
        for a in self.askers:
            a.join(60)
            self.case.assertFalse(a.is_alive(), "a client hangs")


class Mounts(Mounting):
    def remounted(self, s, askers):
        """It cannot be written until it is mounted anew: service says so, ends, and goes on with all that was said."""
        good, refused, closed = self.of(askers)
        print(f"# {len(good)} on record, {refused} refused, {closed} closed, the longest wait {max(a.longest for a in askers):.2f} s")
        self.assertGreater(refused, 0)
        self.assertNotEqual(s.terminate(), 0)
        s.gone()
        storage.call("umount", s.audit)
        storage.call("mount", "-o", "loop", os.path.join(self.top, "image.0"), s.audit)
        s.spawn().wait_ready()
        self.assertTrue(self.served(s))
        log = s.stop()
        self.recorded(log, good)
        self.assertIn(service.run([os.path.join(service.BUILD, "bin", "auditlog"), "verify", s.audit])[0], (0, 3))

    def between_syncs(self, s, change):
        """A sync that is under way would succeed for nothing: what a kernel does, not a disk."""
        writer = s.kill("writer", signal.SIGSTOP)
        try:
            self.eventually(lambda: procs.stopped(writer), "the writer is stopped, each thread")
            change()
        finally:
            os.kill(writer, signal.SIGCONT)

    def break_it(self, kind, how, cause):
        s = self.on_image(kind, 320 << 20 if kind == "xfs" else 48 << 20)
        s.spawn().wait_ready()
        with self.crowd(s) as askers:
            time.sleep(0.3)
            self.between_syncs(s, lambda: how(s))
            s.wait_said("the audit log cannot be written: " + cause)
            self.eventually(lambda: self.of(askers)[1] >= 20, "refusals")
        self.remounted(s, askers)

    def shut_down(self, s):
        fd = os.open(s.audit, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, NOT_EVEN_THE_LOG)
        except OSError as problem:
            self.skipTest(f"no shutdown ioctl here: {problem}")
        finally:
            os.close(fd)

    def test_read_only(self):
        """As errors=remount-ro leaves it."""
        self.break_it("ext4", lambda s: storage.call("mount", "-o", "remount,abort", s.audit), "Read-only file system")

    def test_shut_down_ext4(self):
        self.break_it("ext4", self.shut_down, "Input/output error")

    def test_shut_down_xfs(self):
        self.break_it("xfs", self.shut_down, "Input/output error")

    def test_read_only_at_start(self):
        s = self.on_image("ext4")
        s.spawn().wait_ready()
        good = self.good(self.ask(s, 3))
        self.assertEqual(s.terminate(), 0)
        storage.call("mount", "-o", "remount,ro", s.audit)
        s.spawn()
        self.assertNotEqual(s.wait(), 0)
        self.assertIn("Read-only file system", s.said())
        storage.call("mount", "-o", "remount,rw", s.audit)
        s.spawn().wait_ready()
        self.recorded(s.stop(), good)

    def test_cannot_be_made_read_only_in_use(self):
        """mount -o remount,ro is refused by the kernel while a file is open for writing, and does no harm."""
        s = self.on_image("ext4")
        s.spawn().wait_ready()
        self.assertFalse(storage.works("mount", "-o", "remount,ro", s.audit))
        good = self.good(self.ask(s, 3))
        self.assertEqual(len(good), 3)
        self.recorded(s.stop(), good)


class Slow(Mounting):
    def traced(self, injection, **conf):
        if test_durability.why_no_strace():
            self.skipTest(test_durability.why_no_strace())
        return self.start(evaluators=1, conf={**self.CONF, **conf}, wrap=[
            "strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", "trace=fdatasync",
            "-e", f"inject=fdatasync:{injection}"])

    def test_a_second_for_each_sync(self):
        """All who ask during one sync share the next: many answers a second, not one."""
        s = self.traced("delay_enter=1000000:when=6+", limits={"answer_ms": 5000})
        began = time.monotonic()
        with self.crowd(s, 40) as askers:
            self.eventually(lambda: len(self.of(askers)[0]) >= 80, "answers to many")
            print(f"# 80 answers in {time.monotonic() - began:.1f} s of syncs of 1 s")
        good, refused, closed = self.of(askers)
        print(f"# the longest wait {max(a.longest for a in askers):.2f} s")
        self.assertEqual((refused, closed), (0, 0))
        self.recorded(s.stop(), good)

    def hung(self, askers):
        good, refused, closed = self.of(askers)
        longest = max(a.longest for a in askers)
        print(f"# nothing for {HANGS} s: {len(good)} on record, {refused} refused, {closed} closed, "
              f"the longest wait {longest:.2f} s")
        self.assertGreater(closed, 0)
        self.assertGreater(refused, 0)
        self.assertLess(longest, LATEST)
        return good

    def test_one_sync_that_hangs(self):
        s = self.traced(f"delay_enter={HANGS}000000:when=30")
        with self.crowd(s) as askers:
            self.eventually(lambda: min(self.of(askers)[1:]) > 0, "some closed, some refused")
            began = time.monotonic()
            said = s.admin("status")
            print(f"# status after {time.monotonic() - began:.2f} s: {str(said)[:200]}")
            self.eventually(lambda: self.served(s), "served again")
        good = self.hung(askers)
        self.recorded(s.stop(), good)

    def frozen(self):
        s = self.on_image("ext4")
        s.spawn().wait_ready()
        self.addCleanup(lambda: storage.works("fsfreeze", "-u", s.audit))
        return s

    def test_frozen(self):
        """A disk that does not answer: nobody is told what is not so, and all goes on when it does."""
        s = self.frozen()
        with self.crowd(s) as askers:
            time.sleep(0.3)
            storage.call("fsfreeze", "-f", s.audit)
            time.sleep(HANGS)
            self.assertTrue(s.running())
            storage.call("fsfreeze", "-u", s.audit)
            self.eventually(lambda: self.served(s), "served again")
            time.sleep(0.2)
        good = self.hung(askers)
        log = s.stop()
        self.recorded(log, good)
        self.assertTrue(log.management("unrecorded"), "how many were refused is on record")

    def test_told_to_end_while_frozen(self):
        """It does not wait for a dead disk; the next one has all that was said."""
        s = self.frozen()
        good = self.good(self.ask(s, 5))
        storage.call("fsfreeze", "-f", s.audit)
        self.assertEqual(self.good(self.ask(s, 2)), [])
        began = time.monotonic()
        self.assertNotEqual(s.terminate(60), 0)
        print(f"# ended after {time.monotonic() - began:.1f} s: {s.said().splitlines()[-1]}")
        storage.call("fsfreeze", "-u", s.audit)
        s.gone()
        s.spawn().wait_ready()
        self.recorded(s.stop(), good)


if __name__ == "__main__":
    tap.main()
