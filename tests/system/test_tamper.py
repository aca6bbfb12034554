#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to a log is found, with the right verdict and the first fault where it is: by auditlog verify, by
the rules in Python, and (a sample) by docs/verify.sh. What is not found stands in docs/EVIDENCE.md, and here is shown
not to be found, and what finds it.

Changes are generated, for logs of 1, 2 and 20 segments. SEALWRIGHT_ALL_TAMPER=1 leaves none out (every bit of the
two small logs, and many more of all else); SEALWRIGHT_SEED=n makes other ones."""

import collections
import concurrent.futures
import os
import queue
import random
import re
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import judges  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import STEP  # noqa: E402

ALL = os.environ.get("SEALWRIGHT_ALL_TAMPER") == "1"
SEED = int(os.environ.get("SEALWRIGHT_SEED") or random.SystemRandom().getrandbits(32))
SIZES = {1: [3], 2: [3, 4], 20: [2] * 20}
FLIPS = {1: 1000, 2: 400, 20: 10000 if ALL else 200}  # and with ALL every bit of the smaller ones
DROPS = {1: 400, 2: 200, 20: 30} if ALL else {1: 60, 2: 30, 20: 2}  # bytes of each file
WORKERS = 12        # auditlog waits and looks again before it says that something is missing
SHELL_SAMPLES = 12  # changed logs of each class below that verify.sh sees too
ROWS = re.compile(r"^\| (U\d+) \|", re.M)


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


class Bytes(Matrix):
    """Any byte of any file."""

    def places(self, log, name, data, at):
        """Where the first fault must be when this byte is another one."""
        if name.endswith((".seal", ".vkey")):
            return [(name, 0)]
        k = data[:at].count(b"\n") + 1
        # It shows in the line, or in the next one's prev_hash.
        return [(name, k), (name, min(k + 1, data.count(b"\n")))]

    def flips(self, log, n):
        """(name, data, offset, new byte)."""
        files = log.files()
        everywhere = [(name, at) for name in sorted(files) for at in range(len(files[name]))]
        if ALL and n < 20:
            return [(name, files[name], at, files[name][at] ^ 1 << bit) for name, at in everywhere for bit in range(8)]
        if len(everywhere) > FLIPS[n]:
            everywhere = self.random.sample(everywhere, FLIPS[n])
        return [(name, files[name], at, files[name][at] ^ self.random.choice((1 << self.random.randrange(8),
                                                                             self.random.randrange(1, 256))))
                for name, at in everywhere]

    @each_size
    def test_flip_each_byte(self, log):
        flips = self.flips(log, len(log.names))
        for name, data, at, byte in flips:
            changed = data[:at] + bytes([byte]) + data[at + 1:]
            self.broken(log, {name: changed}, *self.places(log, name, data, at))
        print(f"# {len(log.names)} segments: {len(flips)} bytes changed, one at a time", flush=True)

    @each_size
    def test_drop_and_insert_bytes(self, log):
        for name, data in log.files().items():
            for at in self.random.sample(range(len(data)), min(len(data), DROPS[len(log.names)])):
                places = self.places(log, name, data, at)
                self.broken(log, {name: data[:at] + data[at + 1:]}, *places)
                more = bytes([self.random.randrange(256)])
                if more != data[at:at + 1]:
                    self.broken(log, {name: data[:at] + more + data[at:]}, *places)


class Lines(Matrix):
    def each(self, log):
        """(i, segment's name, its lines, k) for every line, k from 1."""
        for i, name in enumerate(log.names):
            for k in range(1, len(log.lines[i]) + 1):
                yield i, name, list(log.lines[i]), k

    @each_size
    def test_drop(self, log):
        for i, name, lines, k in self.each(log):
            del lines[k - 1]
            self.broken(log, {name: self.segment(log, i, lines)}, (name, k))

    @each_size
    def test_duplicate(self, log):
        for i, name, lines, k in self.each(log):
            lines.insert(k, lines[k - 1])
            self.broken(log, {name: self.segment(log, i, lines)}, (name, k + 1))

    @each_size
    def test_swap(self, log):
        for i, name, lines, k in self.each(log):
            for m in range(k + 1, len(lines) + 1):
                swapped = list(lines)
                swapped[k - 1], swapped[m - 1] = lines[m - 1], lines[k - 1]
                self.broken(log, {name: self.segment(log, i, swapped)}, (name, k))

    @each_size
    def test_swap_between_segments(self, log):
        for i, name, lines, k in self.each(log):
            if i == 0:
                continue
            before = list(log.lines[i - 1])
            before[-1], lines[k - 1] = lines[k - 1], before[-1]
            self.broken(log, {name: self.segment(log, i, lines), log.names[i - 1]: self.segment(log, i, before)},
                        (log.names[i - 1], len(before)))

    @each_size
    def test_insert(self, log):
        """An empty line, no JSON, a line of this log from elsewhere, one that fits."""
        for i, name, lines, k in self.each(log):
            before = log.lines[i][k - 2] if k > 1 else log.lines[i - 1][-1] if i else None
            forged = evidence.LogBuilder("", origin=log.origin)
            forged.log_id, forged.session = log.log_id, log.session
            forged.seq = log.seals[i]["first_seq"] + k - 1
            forged.head = seals.leaf(before).hex() if before else seals.ZERO
            forged.time = log._time_at(i) + (k - 1) * STEP
            for line in (b"\n", b"x\n", b"{}\n", log.lines[0][0] if i or k > 1 else log.lines[0][1]):
                more = lines[:k - 1] + [line] + lines[k - 1:]
                self.broken(log, {name: self.segment(log, i, more)}, (name, k))
            more = lines[:k - 1] + [forged.line()] + lines[k - 1:]
            self.broken(log, {name: self.segment(log, i, more)}, (name, k + 1))

    @each_size
    def test_replace_by_one_that_fits(self, log):
        """Same seq, same place in the chain; every later line is left, or is made to fit as well."""
        for i, name, lines, k in self.each(log):
            changed = lines[k - 1].replace(b'"linux"', b'"minix"')
            lines[k - 1] = changed
            self.broken(log, {name: self.segment(log, i, lines)}, (name, min(k + 1, len(lines))))
            for m in range(k, len(lines)):
                head = seals.leaf(lines[m - 1]).hex().encode()
                lines[m] = re.sub(rb'"prev_hash":"[0-9a-f]*"', b'"prev_hash":"%s"' % head, lines[m])
            self.broken(log, {name: self.segment(log, i, lines)}, (name, len(lines)))

    @each_size
    def test_cut_the_tail(self, log):
        """After each line, and within it."""
        for i, name, lines, k in self.each(log):
            kept = self.segment(log, i, lines[:k - 1])
            self.broken(log, {name: kept}, (name, k))
            for n in (1, len(lines[k - 1]) // 2, len(lines[k - 1]) - 1):
                self.broken(log, {name: kept + lines[k - 1][:n]}, (name, k))

    @each_size
    def test_append(self, log):
        """Behind the last line: also one that goes on as the writer would."""
        last = len(log.names) - 1
        for i, name in enumerate(log.names):
            data, k = self.segment(log, i), len(log.lines[i]) + 1
            for more in (b"\n", b"\0", b"\0" * 4096, b"x", b"{}\n", log.lines[i][-1]):
                self.broken(log, {name: data + more}, (name, k))
        fits = evidence.LogBuilder("", segments=SIZES[len(log.names)])
        self.broken(log, {log.names[last]: self.segment(log, last) + fits.line()},
                    (log.names[last], len(log.lines[last]) + 1))


class Segments(Matrix):
    """Whole segments, and their names."""

    @each_size
    def test_drop_lines(self, log):
        n = len(log.names)
        for i, name in enumerate(log.names):
            if i > 0:
                self.broken(log, {name: None}, (name, 0))
            elif n > 1:
                self.said(log, {name: None}, "PRUNED")
            else:
                self.said(log, {name: None}, "INCOMPLETE", "PRUNED")

    @each_size
    def test_drop_seal(self, log):
        for name in log.names:
            self.broken(log, {name + ".seal": None}, (name, 0))

    @each_size
    def test_drop_both(self, log):
        for i in range(len(log.names) - 1):
            if i > 0:
                self.broken(log, self.pair(log, i), (log.names[i + 1] + ".seal", 0))
            else:
                self.said(log, self.pair(log, i), "INCOMPLETE")

    def test_drop_many(self):
        """Several at once: the first that is missing is named."""
        log = self.log(20)
        for _ in range(200 if ALL else 40):
            gone = sorted(self.random.sample(range(1, 19), self.random.randrange(1, 6)))
            first = gone[0]
            there = next(i for i in range(first, 20) if i not in gone)
            pairs = {k: v for i in gone for k, v in self.pair(log, i).items()}
            self.broken(log, pairs, (log.names[there] + ".seal", 0))
            self.broken(log, {log.names[i]: None for i in gone}, (log.names[first], 0))
            self.broken(log, {log.names[i] + ".seal": None for i in gone}, (log.names[first], 0))

    @each_size
    def test_swap(self, log):
        """Contents, seals, or both under each other's names."""
        for i in self.some(log):
            for j in [j for j in self.some(log) if j > i]:
                a, b = log.names[i], log.names[j]
                contents = {a: self.segment(log, j), b: self.segment(log, i)}
                notes = {a + ".seal": log.notes[j], b + ".seal": log.notes[i]}
                self.broken(log, contents, (a, 1))
                self.broken(log, notes, (a + ".seal", 0))
                self.broken(log, contents | notes, (a + ".seal", 0))

    @each_size
    def test_replay(self, log):
        """A segment once more, under a name that is free, or in another's place."""
        for i, name in [(i, log.names[i]) for i in self.some(log)]:
            again = name[:-12] + "000099.jsonl"
            copy = {again: self.segment(log, i), again + ".seal": log.notes[i]}
            self.broken(log, copy, (again + ".seal", 0))
            for j in self.some(log):
                if j != i:
                    self.broken(log, {log.names[j]: self.segment(log, i), log.names[j] + ".seal": log.notes[i]},
                                (log.names[j] + ".seal", 0))

    @each_size
    def test_insert_of_another_log(self, log):
        other = self.log(len(log.names), seed=1)
        for i, name in enumerate(other.names):
            self.broken(log, {name: self.segment(other, i), name + ".seal": other.notes[i]}, (name + ".seal", 0))
            self.broken(log, {name: self.segment(other, i)}, (name, 0))

    @each_size
    def test_extra_files_change_nothing(self, log):
        """What is not sealed is not the log: it is counted, and never makes it better or worse."""
        other = self.log(len(log.names), seed=1)
        for name in ("x.jsonl", other.names[0] + ".torn", "recover.copy", other.names[0] + ".tmp"):
            self.said(log, {name: self.segment(other, 0)}, "SEALED")

    def renamed(self, name, n):
        """Names that are nearly this one."""
        for at in range(len(name)) if ALL or n == 1 else self.random.sample(range(len(name)), 12 if n == 2 else 3):
            c = self.random.choice([x for x in "0123456789abcdefZ-." if x != name[at]])
            yield name[:at] + c + name[at + 1:]

    @each_size
    def test_names(self, log):
        n = len(log.names)
        for i, name in enumerate(log.names):
            for other in self.renamed(name, n):
                self.rename(log, n, i, name, other)

    def rename(self, log, n, i, name, other):
        ours = seals.BASE.fullmatch(other) is not None
        data, note = self.segment(log, i), log.notes[i]
        if ours:  # both of the pair are half now; which comes first is a matter of names
            self.broken(log, {name: None, other: data}, (name, 0), (other, 0))
            self.broken(log, {name + ".seal": None, other + ".seal": note}, (name, 0), (other + ".seal", 0))
            both = {name: None, other: data, name + ".seal": None, other + ".seal": note}
            self.broken(log, both, *[(x + ".seal", 0) for x in (other, *log.names[i + 1:i + 2])])
            return
        if i > 0:
            self.broken(log, {name: None, other: data}, (name, 0))
        else:
            self.said(log, {name: None, other: data}, *(["PRUNED"] if n > 1 else ["INCOMPLETE", "PRUNED"]))
        self.broken(log, {name + ".seal": None, other + ".seal": note}, (name, 0))

    def test_not_files(self):
        """A directory or a symbolic link in a file's place, though what it points to be right."""
        log = self.log(2)
        for name in (log.names[1], log.names[1] + ".seal", "origin.vkey"):
            os.rename(log.path(name), log.path("elsewhere"))
            for make in (lambda path: os.symlink("elsewhere", path), os.mkdir, os.mkfifo,
                         lambda path: os.symlink("nowhere", path)):
                make(log.path(name))
                for judge in (judges.auditlog, judges.python, judges.shell):
                    self.assertEqual(judge(log.directory, log.key).short, ("BROKEN", (), 1, name, 0))
                (os.rmdir if make is os.mkdir else os.unlink)(log.path(name))
            os.rename(log.path("elsewhere"), log.path(name))
        self.said(log, {}, "SEALED")


class Seals(Matrix):
    def each(self, log):
        """(i, its seal's name, its note)"""
        for i in self.some(log):
            yield i, log.names[i] + ".seal", log.notes[i]

    @each_size
    def test_forms(self, log):
        """Stripped, cut, doubled, written another way."""
        for i, name, note in self.each(log):
            text, line = note.split(b"\n\n")
            cosigned = seals.sign_line(text + b"\n", "witness", bytes(32))
            for bad in (b"", b"\n", text + b"\n", text + b"\n\n", text + b"\n" + line, note[:-1], note + b"\n",
                        b"\n" + note, note + line, note + cosigned, text + b"\n\n" + cosigned + line, note.replace(b"\n", b"\r\n"),
                        note.replace(b"\xe2\x80\x94", b"-"), note.replace(b",", b", ", 1), b" " + note,
                        text + b" \n\n" + line, note.replace(b'"index":', b'"index":0'), note * 3, b"\0" + note,
                        note.replace(b'{"type"', b'{"index":0,"type"'), note.replace(b"-seal/v1", b"-seal/v2"),
                        text + b"\n\n" + line.replace(b"=\n", b"\n"), b"x" * 5000, b"\xff" + note):
                if bad != note:
                    self.broken(log, {name: bad}, (name, 0))

    @each_size
    def test_every_cut(self, log):
        for i, name, note in self.each(log):
            for at in range(len(note)) if ALL else self.random.sample(range(len(note)), 60 // len(log.names) + 1):
                self.broken(log, {name: note[:at]}, (name, 0))

    @each_size
    def test_signatures_of_others(self, log):
        """The signature of another seal, by another key, of another origin, of the next key; pad bits set."""
        other = self.log(len(log.names), seed=1)
        for i, name, note in self.each(log):
            text = log.texts[i]
            lines = [other.notes[i].split(b"\n\n")[1], seals.sign_line(text, log.origin, other.keys[i]),
                     seals.sign_line(text, log.origin, log.keys[i + 1]), seals.sign_line(text, "other", log.keys[i]),
                     seals.sign_line(text, log.origin, other.keys[i], seals.public_of(log.keys[i])),
                     seals.sign_line(text[:-1], log.origin, log.keys[i])]
            if i > 0:
                lines.append(log.notes[i - 1].split(b"\n\n")[1])
            for line in lines:
                self.broken(log, {name: text + b"\n" + line}, (name, 0))
            padded = note[:-3] + bytes([note[-3] + 1]) + note[-2:]
            if note.endswith(b"=\n") and not note.endswith(b"==\n"):
                self.broken(log, {name: padded}, (name, 0))

    def changes(self, log, i):
        """Each member, as something else that would be well-formed."""
        seal = log.seals[i]
        for member in seals.SEAL_MEMBERS:
            value = seal[member]
            if member == "state":
                yield {"state": "recovered", "torn_bytes": 1}
            elif member == "records":
                yield {"records": value + 1, "last_seq": seal["last_seq"] + 1}
            elif member in ("first_seq", "last_seq"):
                yield {"first_seq": seal["first_seq"] + 1, "last_seq": seal["last_seq"] + 1}
            elif isinstance(value, int):
                yield {member: value + 1}
            elif member in ("first_time", "last_time"):
                yield {member: value[:-2] + ("1" if value[-2] == "0" else "0") + "Z"}
            elif member == "file":
                yield {member: log.names[i][:-12] + "000077.jsonl"}
            elif member == "next_key":
                yield {member: seals.b64(seals.public_of(bytes(32)))}
            elif member in ("head", "root", "prev_seal", "sha256"):
                yield {member: seals.sha256(value.encode()).hex()}
            elif member in ("session", "boot_id"):
                yield {member: "01234567-89ab-4def-8123-456789abcdef"}

    @each_size
    def test_members_signed_with_a_wrong_key(self, log):
        """As of now, or with that key put in its place: whoever has no erased key gets nowhere."""
        wrong = log.keys[-1]
        key = seals.vkey(log.origin, seals.public_of(wrong))
        for i, name, _ in self.each(log):
            for members in [{}, *self.changes(log, i)]:
                self.broken(log, {name: log.resign(i, wrong, **members)}, (name, 0))
                if i == 0 and "index" in members:
                    continue  # see test_index
                self.broken(log, {name: log.resign(i, wrong, **{**members, "key": key})}, (name, 0))

    @each_size
    def test_members_signed_with_the_right_key(self, log):
        """Whoever kept an erased key: the next seal still names the old text. For the newest there is none (U6)."""
        last = len(log.names) - 1
        for i, name, _ in self.each(log):
            segment, k = log.names[i], len(log.lines[i])
            for members in self.changes(log, i):
                after = [(log.names[i + 1] + ".seal", 0)] if i < last else []
                at = {"head": (segment, k), "records": (segment, k + 1),
                      **dict.fromkeys(("bytes", "sha256", "first_time", "last_time", "root"), (segment, 0))}
                told = next((at[m] for m in at if m in members), None)
                if set(members) & {"index", "file", "prev_seal", "first_seq"}:
                    told = (name, 0)
                if i == 0 and "index" in members:
                    continue  # see test_index
                if told or after:
                    self.broken(log, {name: log.resign(i, **members)}, *([told] if told else after))
                else:
                    self.said(log, {name: log.resign(i, **members)}, "RECOVERED" if "state" in members else "SEALED")
                    self.broken(log, {name: log.resign(i, **members)}, (name, 0), pins=[log.pin(i)])

    @each_size
    def test_index(self, log):
        """Seals that claim another place, well signed by their own keys: a gap, a repetition, a start elsewhere. A log
        whose first seal claims to be a later one says that seals are missing: nothing of it is trusted."""
        for i, name, _ in self.each(log):
            for index in {0, i + 1, i - 1, 1000, 2 ** 53 - 1} - {i, -1}:
                changes = {name: log.resign(i, index=index)}
                if len(log.names) == 1:  # it says that there were others before it
                    self.said(log, changes, "INCOMPLETE")
                else:
                    self.broken(log, changes, *[(other + ".seal", 0) for other in log.names])

    @each_size
    def test_key_file(self, log):
        other = self.log(len(log.names), seed=1)
        for data in (other.vkey.encode() + b"\n", b"", log.vkey.encode(), log.vkey.encode() + b"\n\n"):
            self.broken(log, {"origin.vkey": data}, ("origin.vkey", 0))
        self.said(log, {"origin.vkey": None}, "SEALED")
        self.said(log, {"origin.vkey": None}, "UNPINNED", pinned=False)
        renamed = seals.vkey("other", seals.public_of(log.keys[0])).encode() + b"\n"
        self.broken(log, {"origin.vkey": renamed}, (log.names[0] + ".seal", 0), pinned=False)


class Forgers(Matrix):
    """Whole logs by somebody who may sign: what that gets them, and what it does not."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(service.TOP, "docs", "EVIDENCE.md"), encoding="utf-8") as f:
            cls.rows = set(ROWS.findall(f.read()))

    def undetectable(self, row):
        """What follows is not found, and stands in docs/EVIDENCE.md as that."""
        self.assertIn(row, self.rows, "docs/EVIDENCE.md, \"What nobody can detect\"")

    def forged(self, log, at, key=None, segments=2):
        """The log with other segments from `at` on. key: what they have; else that of seal `at`."""
        made = log.forge(os.path.join(self.top, f"forged-{at}"), at)
        made.key = log.key
        made.keys[at] = key or made.keys[at]
        made.run()
        for _ in range(segments):
            made.add(2)
        return made.write()

    @each_size
    def test_another_log_in_its_place(self, log):
        for options in ({"seed": 1}, {"seed": 2, "origin": log.origin}):
            other = self.log(len(log.names), **options)
            other_key, other.key = other.key, log.key
            self.broken(other, {}, ("origin.vkey", 0))
            self.broken(other, {"origin.vkey": None}, (other.names[0] + ".seal", 0))
            self.broken(other, {"origin.vkey": log.vkey.encode() + b"\n"}, (other.names[0] + ".seal", 0))
            self.broken(other, {"origin.vkey": log.vkey.encode() + b"\n"}, (other.names[0] + ".seal", 0), pinned=False)
            self.undetectable("U4")
            self.said(other, {}, "UNPINNED", pinned=False)
            self.undetectable("U5")  # its key is what was pinned
            other.key = other_key
            self.said(other, {}, "SEALED")

    @each_size
    def test_yesterday_rewritten_with_todays_key(self, log):
        """Who takes the host has the key of the next seal and no older one: nothing sealed can be changed."""
        today = log.keys[-1]
        for at in range(len(log.names)) if ALL or len(log.names) < 20 else (0, 1, 10, 19):
            for segments in (1, 3):
                forged = self.forged(log, at, today, segments)
                self.broken(forged, {}, (forged.names[at] + ".seal", 0))

    @each_size
    def test_yesterday_rewritten_and_old_seals_kept(self, log):
        """The segment is another, its seal the old one."""
        for at in range(len(log.names)):
            forged = log.forge(os.path.join(self.top, "f"), at)
            lines = [forged.line() for _ in log.lines[at]]
            lines[-1] = lines[-1].replace(b'"minix"', b'"linux"')
            if lines == log.lines[at]:
                lines[-1] = lines[-1].replace(b'"linux"', b'"minix"')
            self.broken(log, {log.names[at]: self.segment(log, at, lines)},
                        *[(log.names[at], k) for k in range(1, len(lines) + 1)])

    @each_size
    def test_today_rewritten_from_now_on(self, log):
        n = len(log.names)
        honest = self.forged(log, n)       # how it would have gone on
        pin = honest.pin(n)
        self.said(honest, {}, "SEALED", pins=[pin])
        self.undetectable("U2")
        forged = self.forged(log, n)       # the same place, other records
        self.assertNotEqual(forged.pin(n), pin)
        self.said(forged, {}, "SEALED", pins=[log.pin(n - 1)])
        self.broken(forged, {}, (forged.names[n] + ".seal", 0), pins=[pin])

    @each_size
    def test_from_an_old_key_that_survived(self, log):
        n = len(log.names)
        for at in range(n) if ALL or n < 20 else (0, 7, 19):
            self.undetectable("U6")
            forged = self.forged(log, at, segments=n - at)
            self.said(forged, {}, "SEALED", pins=[log.pin(i) for i in range(at)])
            for i in {at, n - 1}:
                self.broken(forged, {}, (forged.names[i] + ".seal", 0), pins=[log.pin(i)])

    @each_size
    def test_the_end_cut_off(self, log):
        n = len(log.names)
        now = int(time.time() * 1e6)
        log = self.log(n, start=now - 3600_000000 - sum(SIZES[n]) * STEP)
        for kept in range(1, n) if ALL or n < 20 else (1, 10, 19):
            gone = {k: v for i in range(kept, n) for k, v in self.pair(log, i).items()}
            self.undetectable("U1")
            self.said(log, gone, "SEALED")
            self.said(log, gone, "SEALED", pins=[log.pin(kept - 1)])
            self.broken(log, gone, ("", 0), pins=[log.pin(kept)])
            self.broken(log, gone, ("", 0), pins=[log.pin(n - 1)])
            age = (n - kept) * SIZES[n][0] * STEP // 1000000
            self.said(log, gone, "INCOMPLETE", max_age=3600 + age // 2)
            self.said(log, {}, "SEALED", max_age=3600 + 60)
        gone = {k: v for i in range(n) for k, v in self.pair(log, i).items()}
        self.said(log, gone, "INCOMPLETE")
        self.broken(log, gone, ("", 0), pins=[log.pin(0)])

    @each_size
    def test_the_log_goes_on_after_the_key_state_was_turned_back(self, log):
        """The end cut off, and the service started on a snapshot: the same keys sign other seals."""
        n = len(log.names)
        if n == 1:
            return
        self.undetectable("U1")
        forged = self.forged(log, n - 1, segments=3)
        self.said(forged, {}, "SEALED", pins=[log.pin(n - 2)])
        self.broken(forged, {}, (forged.names[n - 1] + ".seal", 0), pins=[log.pin(n - 1)])
        # Both ends in one directory are found without any pin.
        extra = {log.names[n - 1]: self.segment(log, n - 1), log.names[n - 1] + ".seal": log.notes[n - 1]}
        self.broken(forged, extra, (log.names[n - 1] + ".seal", 0), (forged.names[n - 1] + ".seal", 0),
                    (forged.names[n] + ".seal", 0))

    @each_size
    def test_the_unsealed_tail(self, log):
        more = evidence.LogBuilder(log.directory, segments=SIZES[len(log.names)])
        lines = more.tail(4)
        name = next(iter(more.unsealed))
        self.undetectable("U3")
        whole = b"".join(lines)
        for data in (whole, b"".join(lines[:2]), lines[1] + lines[0], b"", whole[:-7], b"x" + whole, b"\0" * 4096,
                     whole.replace(b'"linux"', b'"minix"'), b"\xff" * 100):
            self.said(log, {name: data}, "SEALED")
        log.write()

    def test_times_are_the_hosts(self):
        self.undetectable("U7")
        for start in (0, 1795233600_000000 + 100 * 365 * 86400_000000):
            self.said(self.log(2, start=start), {}, "SEALED")

    def test_lies_are_sealed_like_the_truth(self):
        self.undetectable("U8")
        self.undetectable("U9")
        log = self.log(1)
        lie = log.bent(b"AUDIT_CATEGORY", b"AUDIT_CATEGORY").replace(b"www.example.com", b"www.example.org")
        log.head = seals.leaf(lie).hex()
        self.said(log.add([lie, log.line()]).write(), {}, "SEALED")

    def test_pruned_by_anybody(self):
        self.undetectable("U10")
        log = self.log(20)
        for k in (1, 10, 19):
            self.said(log.prune(k).write(), {}, "PRUNED")
            self.broken(log, {log.names[0] + ".seal": log.notes[1]}, (log.names[0] + ".seal", 0))
        torn = log.names[19] + ".torn"
        for data in (b"evidence", b"no evidence"):
            self.said(log, {torn: data}, "PRUNED")

    def test_a_staged_crash(self):
        """The host is taken, the open segment's last lines go, and a crash is claimed."""
        self.undetectable("U11")
        log = self.log(2)
        lines = [log.line() for _ in range(4)]
        log.seq, log.head, log.time = log.seq - 2, seals.leaf(lines[1]).hex(), log.time - 2 * STEP
        log.run().add(lines[:2], state="recovered", torn_bytes=0).add(3)
        self.said(log.write(), {}, "RECOVERED")

    def test_every_row_is_shown(self):
        with open(__file__, encoding="utf-8") as f:
            shown = set(re.findall(r'undetectable\("(U\d+)"\)', f.read()))
        self.assertEqual(shown, self.rows)


if __name__ == "__main__":
    tap.main()
