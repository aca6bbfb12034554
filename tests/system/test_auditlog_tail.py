#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog tail: the newest records, and with -f all that come, each once and in order, while segments are begun,
sealed and renamed, and while the service is killed and started again. SEALWRIGHT_TAIL_RECORDS says how many (the
default is small)."""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import LogBuilder  # noqa: E402

RECORDS = int(os.environ.get("SEALWRIGHT_TAIL_RECORDS", "5000"))
ALL = str(2**32 - 1)


class Follower:
    """auditlog tail -f, and what it has said."""

    def __init__(self, *args):
        self.process = subprocess.Popen([judges.AUDITLOG, "tail", "-f", *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.out = bytearray()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            more = os.read(self.process.stdout.fileno(), 1 << 20)
            if not more:
                return
            self.out += more

    def has(self, n, seconds=service.PATIENCE):
        """Wait until it has said so many bytes, for as long as there come more."""
        until, had = time.monotonic() + seconds, 0
        while len(self.out) < n and time.monotonic() < until and self.process.poll() is None:
            if len(self.out) > had:
                until, had = time.monotonic() + seconds, len(self.out)
            time.sleep(0.01)
        return len(self.out) >= n

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.thread.join()
        err = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return err.decode()


class Newest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="t")
        cls.directory = os.path.join(cls.top, "log")
        log = LogBuilder(cls.directory, segments=[7, 1, 1, 30])
        tail = log.tail(4)
        log.write()
        cls.lines = [line for lines in log.lines for line in lines] + tail

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top, True)

    def tail(self, *args):
        done = subprocess.run([judges.AUDITLOG, "tail", "--json", *args, self.directory], capture_output=True, check=False)
        self.assertEqual(done.stderr, b"")
        return done.returncode, done.stdout.splitlines(keepends=True)

    def test_lines(self):
        self.assertEqual(self.tail(), (0, self.lines[-10:]))
        for n in (1, 3, 4, 5, 34, 35, 36, 37, 42, 43, 44, 1000):
            self.assertEqual(self.tail("-n", str(n)), (0, self.lines[-n:]), n)
        self.assertEqual(self.tail("--lines=2"), (0, self.lines[-2:]))
        self.assertEqual(self.tail("-n2"), (0, self.lines[-2:]))
        self.assertEqual(self.tail("-n", "0"), (1, []))

    def test_filtered(self):
        denied = [line for line in self.lines if b'"decision":"AUDIT_DECISION_DENY"' in line]
        for n in (1, 2, 5, len(denied), len(denied) + 1):
            self.assertEqual(self.tail("--decision", "deny", "-n", str(n)), (0, denied[-n:]), n)
        self.assertEqual(self.tail("--user", "nobody"), (1, []))


class Pipe(Newest):
    """What nobody can look back in: standard input that is a pipe, FIFOs."""

    def tail(self, *args, lines=None, before=()):
        data = b"".join(self.lines if lines is None else lines)
        done = subprocess.run([judges.AUDITLOG, "tail", "--json", *args, *before, "-"], input=data, capture_output=True, check=False)
        self.assertEqual(done.stderr, b"")
        return done.returncode, done.stdout.splitlines(keepends=True)

    def test_behind_a_file(self):
        path = os.path.join(self.top, "before")
        with open(path, "wb") as f:
            f.write(b"".join(self.lines[:20]))
        self.assertEqual(self.tail("-n", "4", lines=self.lines[20:22], before=[path]), (0, self.lines[18:22]))
        fifo = os.path.join(self.top, "fifo")
        os.mkfifo(fifo)
        done = subprocess.Popen([judges.AUDITLOG, "tail", "--json", "-n", "4", fifo, path], stdout=subprocess.PIPE)
        with open(fifo, "wb") as f:
            f.write(b"".join(self.lines[20:]))
        self.assertEqual(done.communicate(), (b"".join(self.lines[16:20]), None))
        self.assertEqual(done.returncode, 0)

    def test_array(self):
        done = subprocess.run([judges.AUDITLOG, "tail", "--format", "json", "-n", "2", "-"], input=b"".join(self.lines),
                              capture_output=True, check=False)
        self.assertEqual(json.loads(done.stdout), [json.loads(line) for line in self.lines[-2:]])

    def test_too_many(self):
        """Memory is bounded: rather than fewer records than were asked for it says so."""
        log = LogBuilder(os.path.join(self.top, "much"))
        lines = [log.line(client_name="x" * 7000) for _ in range(50)] * 110
        done = subprocess.run([judges.AUDITLOG, "tail", "--json", "-n", "6000", "-"], input=b"".join(lines), capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr.decode()),
                         (2, b"", "auditlog: tail: the last 6000 records are more than the 32 MiB that are kept of a pipe\n"))
        self.assertEqual(self.tail("-n", "3", lines=lines), (0, lines[-3:]))

    def test_follow(self):
        """All that comes is new, until nobody can write any more."""
        for n in ("0", "1", "10"):
            with self.subTest(n):
                read, write = os.pipe()
                process = subprocess.Popen([judges.AUDITLOG, "tail", "-f", "-n", n, "--json", "-"], stdin=read, stdout=subprocess.PIPE)
                os.close(read)
                for line in self.lines[:5]:
                    os.write(write, line)
                    self.assertEqual(process.stdout.readline(), line)
                os.write(write, b"".join(self.lines[5:]))
                os.close(write)
                self.assertEqual(process.communicate(timeout=60), (b"".join(self.lines[5:]), None))
                self.assertEqual(process.returncode, 0)

    def test_backwards(self):
        done = subprocess.run([judges.AUDITLOG, "search", "--reverse", "-"], input=b"".join(self.lines), capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr.decode()), (2, b"", "auditlog: -: byte 0: a pipe cannot be read backwards\n"))


class Follow(service.Case):
    def load(self, s, n):
        """n decisions, over one connection."""
        request = json.dumps(service.ALLOWED).encode() + b"\n"
        with s.client() as c:
            for at in range(0, n, 500):
                c.send(request * min(500, n - at))
                for _ in range(min(500, n - at)):
                    c.line()

    def log_bytes(self, s):
        """The sealed segments one behind the other, in the order of their first records."""
        files = []
        for path in glob.glob(os.path.join(s.audit, "*.jsonl")):
            with open(path, "rb") as f:
                files.append((json.loads(f.readline())["seq"], path))
        print(f"# {len(files)} segments")
        expected = bytearray()
        for _, path in sorted(files):
            with open(path, "rb") as f:
                expected += f.read()
        return expected

    def test_byte_for_byte(self):
        """From before the first record to the last, through many segments."""
        s = self.make(args=["--rotate-records", "100", "--durability", "commit"])
        follower = Follower("--json", "-n", ALL, s.audit)
        s.spawn()
        s.wait_ready()
        self.load(s, RECORDS)
        later = Follower("--json", "-n", ALL, s.audit)
        newest = Follower("--json", "-n", "0", "--decision", "deny", s.audit)
        with s.client() as c:
            while not newest.out and newest.process.poll() is None:  # only what comes when it is there
                c.ask(service.DENIED)
                time.sleep(0.1)
        s.terminate()
        expected = self.log_bytes(s)
        self.assertGreater(expected.count(b"\n"), RECORDS)
        for f in (follower, later):
            self.assertTrue(f.has(len(expected)), f"ends at byte {len(f.out)} of {len(expected)}: {f.process.poll()}")
        denied = re.findall(rb".*AUDIT_DECISION_DENY.*\n", expected[-(1 << 20):])
        self.eventually(lambda: newest.out.endswith(denied[-1]), "the newest denial")
        self.assertEqual([f.end() for f in (follower, later, newest)], ["", "", ""])
        self.assertTrue(follower.out == expected, "not the log")
        self.assertTrue(later.out == expected, "not the log, begun in the midst of it")
        self.assertEqual(newest.out, b"".join(denied[-newest.out.count(b"\n"):]))

    def test_killed_and_started_again(self):
        s = self.make(args=["--rotate-records", "50"])
        s.spawn()
        s.wait_ready()
        follower = Follower("--json", "-n", ALL, s.audit)
        for _ in range(3):
            self.load(s, 300)
            s.end_hard()
            s = service.Service(s.top, args=["--rotate-records", "50"])
            s.spawn()
            s.wait_ready()
        self.load(s, 10)
        s.terminate()
        expected = self.log_bytes(s)
        self.assertTrue(follower.has(len(expected)), "it does not come to the end")
        self.assertEqual(follower.end(), "")
        self.assertTrue(follower.out == expected, "not the log")

    def test_reader_goes_away(self):
        s = self.start()
        follower = subprocess.Popen([judges.AUDITLOG, "tail", "-f", s.audit], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
        follower.stdout.readline()
        follower.stdout.close()
        with s.client() as c:
            c.ask(service.ALLOWED)
        self.assertEqual(follower.wait(service.PATIENCE), 2 if follower.stderr.read() else 0)
        follower.stderr.close()


if __name__ == "__main__":
    tap.main()
