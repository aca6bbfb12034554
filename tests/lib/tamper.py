# SPDX-License-Identifier: Apache-2.0
"""Logs that somebody has changed, and that it is found: with the right verdict and the first fault where it is, by auditlog
verify, by the rules in Python, and (a sample) by docs/verify.sh.

Changes are generated, for logs of 1, 2 and 20 segments. SEALWRIGHT_ALL_TAMPER=1 leaves none out (every bit of the
two small logs, and many more of all else); SEALWRIGHT_SEED=n makes other ones."""

import collections
import concurrent.futures
import os
import queue
import random
import shutil
import tempfile
import unittest

import evidence
import judges

ALL = os.environ.get("SEALWRIGHT_ALL_TAMPER") == "1"
SEED = int(os.environ.get("SEALWRIGHT_SEED") or random.SystemRandom().getrandbits(32))
SIZES = {1: [3], 2: [3, 4], 20: [2] * 20}
WORKERS = 12        # auditlog waits and looks again before it says that something is missing
SHELL_SAMPLES = 12  # changed logs of each class below that verify.sh sees too


def each_size(test):
    """test(self, log) for a log of each size."""
    def all_sizes(self):
        for n in SIZES:
            with self.subTest(n):
                self.sampled = 0
                test(self, self.log(n))
                self.settle()
    all_sizes.__name__ = test.__name__
    return all_sizes


class Bench:
    """A directory that takes the shape of one log after the other, by writing only what differs."""

    def __init__(self, path):
        self.path, self.have = path, {}
        os.mkdir(path)

    def shape(self, files):
        for name in self.have.keys() - files.keys():
            os.unlink(os.path.join(self.path, name))
        for name, data in files.items():
            if self.have.get(name) != data:
                with open(os.path.join(self.path, name), "wb") as f:
                    f.write(data)
        self.have = files
        return self.path


class Matrix(unittest.TestCase):
    judged, shells, samples_left = 0, 0, 0

    @classmethod
    def setUpClass(cls):
        Matrix.samples_left = SHELL_SAMPLES

    @classmethod
    def tearDownClass(cls):
        print(f"# seed {SEED}: {Matrix.judged} changed logs up to here, {Matrix.shells} of them also by verify.sh",
              flush=True)

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="e")
        self.addCleanup(shutil.rmtree, self.top, True)
        self.random = random.Random(f"{SEED} {self.id()}")
        self.sampled = 0
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS)
        self.addCleanup(self.pool.shutdown, True, cancel_futures=True)
        self.asked = collections.deque()
        self.benches = queue.SimpleQueue()
        for i in range(WORKERS):
            self.benches.put(Bench(os.path.join(self.top, f"bench{i}")))

    def tearDown(self):
        self.settle()

    def log(self, n, seed=0, **options):
        made = evidence.LogBuilder(os.path.join(self.top, f"{n}-{seed}"), segments=SIZES[n], seed=seed, **options)
        made.key = judges.Key(made.vkey)
        return made.write()

    # --- one changed log ---

    def ask(self, expect, log, changes, pinned=True, **options):
        """Have a log with other files judged, beside what is under way. expect(judgement, files) then looks at it.
        changes: {name: bytes, or None for gone}. options: pins, max_age."""
        files = {name: data for name, data in {**log.files(), **changes}.items() if data is not None}
        options["key"] = log.key if pinned else None
        Matrix.judged += 1
        asked = self.pool.submit(self.judge, expect, files, changes, options, self.wants_shell(len(log.names)))
        asked.context = (files, changes)
        self.asked.append(asked)
        while len(self.asked) > 8 * WORKERS:
            self.asked.popleft().result()
        return asked

    def judge(self, expect, files, changes, options, shell):
        bench = self.benches.get()
        try:
            directory = bench.shape(files)
            found = judges.auditlog(directory, **options)
            others = [judges.python(directory, **options)] + ([judges.shell(directory, **options)] if shell else [])
        finally:
            self.benches.put(bench)
        for other in others:
            self.assertEqual(found.short, other.short, f"{self.shown(files, changes)}\n{found}\n{other}")
        expect(found, files)
        return found

    def settle(self):
        """Until all that was asked is answered."""
        while self.asked:
            self.asked.popleft().result()

    @staticmethod
    def shown(files, changes):
        return {name: None if data is None else (len(data), data[:4000]) for name, data in changes.items()}

    def wants_shell(self, n):
        """The first of each kind, and some."""
        self.sampled += 1
        if ALL:
            wanted = self.random.random() < 0.005
        else:
            wanted = Matrix.samples_left > 0 and self.random.random() < (0.6 if self.sampled == 1 else 0.01) / n
        Matrix.shells += wanted
        Matrix.samples_left -= wanted
        return wanted

    def broken(self, log, changes, *places, **options):
        """BROKEN, and the first fault is at one of places: (file, line)."""
        def expect(found, files):
            self.assertEqual((found.verdict, found.caveats, found.code), ("BROKEN", [], 1),
                             f"{self.shown(files, changes)}\n{found}")
            self.assertIn((found.file, found.line), places, f"{self.shown(files, changes)}\n{found}")
            self.check_offset(files, found)
        self.ask(expect, log, changes, **options)

    def check_offset(self, files, found):
        """The byte lies in the line that is named, or at its end."""
        data = files.get(found.file)
        if data is None:
            return
        lines = data.split(b"\n")
        start = sum(len(x) + 1 for x in lines[:max(found.line - 1, 0)])
        size = len(lines[found.line - 1]) + 1 if 0 < found.line <= len(lines) else len(data)
        self.assertTrue(start <= found.offset <= start + size, f"{found}: line begins at {start}, {size} bytes")

    def said(self, log, changes, verdict, *caveats, **options):
        """Not BROKEN, but this."""
        def expect(found, files):
            self.assertEqual((found.verdict, tuple(found.caveats)), (verdict, caveats),
                             f"{self.shown(files, changes)}\n{found}")
        self.ask(expect, log, changes, **options)

    # --- pieces of logs ---

    def some(self, log):
        """Places of segments: all, or the ends and some others of a long log."""
        n = len(log.names)
        return range(n) if ALL or n < 20 else sorted({0, 1, n - 1, *self.random.sample(range(n), 2)})

    @staticmethod
    def segment(log, i, lines=None):
        return b"".join(log.lines[i] if lines is None else lines)

    @staticmethod
    def pair(log, i):
        """A segment and its seal, both gone."""
        return {log.names[i]: None, log.names[i] + ".seal": None}
