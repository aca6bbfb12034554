#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole logs by somebody who may sign (tests/lib/tamper.py). What is not found stands in docs/EVIDENCE.md, and here is
shown not to be found, and what finds it."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import STEP  # noqa: E402
from tamper import ALL, SIZES, Matrix, each_size  # noqa: E402

ROWS = re.compile(r"^\| (U\d+) \|", re.M)


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
