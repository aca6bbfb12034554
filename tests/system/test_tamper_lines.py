#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to the bytes and lines of a log is found (tests/lib/tamper.py)."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import seals  # noqa: E402
import tap  # noqa: E402
from evidence_log import STEP  # noqa: E402
from tamper import ALL, SIZES, Matrix, each_size  # noqa: E402

FLIPS = {1: 1000, 2: 400, 20: 10000 if ALL else 200}  # and with ALL every bit of the smaller ones
DROPS = {1: 400, 2: 200, 20: 30} if ALL else {1: 60, 2: 30, 20: 2}  # bytes of each file


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


if __name__ == "__main__":
    tap.main()
