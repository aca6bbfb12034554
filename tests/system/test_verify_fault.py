#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first fault of a log: auditlog verify names the file, the line and the byte, and what should be there."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import seals  # noqa: E402
import tap  # noqa: E402
from evidence_log import START, time_text  # noqa: E402
from verify_case import Case, verify  # noqa: E402

ZEROS = "0" * 64


class Places(Case):
    """The first fault, to the byte."""

    def setUp(self):
        super().setUp()
        self.made = self.log(4, 5, 3).write()
        self.name = self.made.names[1]
        self.lines = self.made.lines[1]
        self.starts = [sum(map(len, self.lines[:i])) for i in range(6)]

    def lines_are(self, lines):
        self.put(self.name, b"".join(lines))

    def test_line_altered(self):
        for k in range(4):
            lines = list(self.lines)
            lines[k] = lines[k].replace(b'"os":"linux"', b'"os":"linuX"')
            self.lines_are(lines)
            after = self.starts[k + 1] + self.lines[k + 1].index(b'"prev_hash":"') + len(b'"prev_hash":"')
            self.assert_fault(self.name, k + 2, after, f"prev_hash: does not match line {k + 1}",
                              seals.leaf(lines[k]).hex(), seals.leaf(self.lines[k]).hex())

    def test_last_line_altered(self):
        last = self.lines[4].replace(b'"os":"linux"', b'"os":"linuX"')
        self.lines_are(self.lines[:4] + [last])
        self.assert_fault(self.name, 5, self.starts[4], "head: the seal's is not the hash of the last line",
                          self.made.seals[1]["head"], seals.leaf(last).hex())

    def test_first_line_from_elsewhere(self):
        first = self.lines[0].replace(self.made.seals[0]["head"].encode(), ZEROS.encode())
        self.lines_are([first] + self.lines[1:])
        self.assert_fault(self.name, 1, first.index(ZEROS.encode()), "prev_hash: does not match the last line before it",
                          self.made.seals[0]["head"], ZEROS)

    def test_lines_swapped_dropped_doubled(self):
        a, b, c, d, e = self.lines
        for lines, number, seq, found in (((a, c, b, d, e), 2, 6, 7), ((a, c, d, e), 2, 6, 7),
                                          ((a, b, b, c, d, e), 3, 7, 6)):
            self.lines_are(lines)
            offset = sum(map(len, lines[:number - 1])) + lines[number - 1].rindex(b'"seq":') + 6
            self.assert_fault(self.name, number, offset, "seq: does not follow the record before it", str(seq), str(found))

    def test_more_and_fewer(self):
        self.lines_are(self.lines + [self.made.lines[2][0]])
        self.assert_fault(self.name, 6, self.starts[5], "more lines than are sealed", "5", "6")
        self.lines_are(self.lines + [b"x"])
        self.assert_fault(self.name, 6, self.starts[5], "more lines than are sealed", "5", "6")
        self.lines_are(self.lines[:3])
        self.assert_fault(self.name, 4, self.starts[3], "ends before the last sealed line", "5", "3")
        self.lines_are(self.lines[:3] + [self.lines[3][:-1]])
        self.assert_fault(self.name, 4, self.starts[4] - 1, "does not end with a newline")
        self.put(self.name, b"")
        self.assert_fault(self.name, 1, 0, "ends before the last sealed line", "5", "0")

    def test_not_json(self):
        self.lines_are([self.lines[0], b'{"audit_event_id":\xff}\n'] + self.lines[2:])
        self.assert_fault(self.name, 2, self.starts[1] + 18, "not strict JSON: expected a value, found '\\xff'")
        self.lines_are([self.lines[0], b"\0" * 100 + b"\n"])
        said = self.judge(code=1)
        self.assertEqual((said["fault"]["line"], said["fault"]["offset"]), (2, self.starts[1]))
        for long in (8193, 600_000, 3_000_000):
            self.lines_are([self.lines[0], b"x" * long + b"\n"])
            self.assert_fault(self.name, 2, self.starts[1] + 8192, "longer than a record can be")

    def test_what_the_seal_says_of_the_whole(self):
        """Signed with the right key, and still not so."""
        seal = self.made.seals[1]
        for member, value, what in (
                ("bytes", seal["bytes"] + 1, "bytes: not as many as are sealed"),
                ("sha256", ZEROS, "sha256: not the file's"), ("root", ZEROS, "root: not the lines'"),
                ("first_time", time_text(START), "first_time: not the first record's"),
                ("last_time", time_text(START), "last_time: not the last record's")):
            self.put(self.name + ".seal", self.made.resign(1, **{member: value}))
            self.assert_fault(self.name, None, 0, what, str(value), str(seal[member]))
        self.put(self.name + ".seal", self.made.resign(1, records=6, last_seq=seal["last_seq"] + 1))
        self.assert_fault(self.name, 6, self.starts[5], "ends before the last sealed line", "6", "5")

    def test_seals(self):
        name = self.name + ".seal"
        note = self.made.notes[1]
        self.put(name, note.replace(b'"clean"', b'"cleam"'))
        self.assertEqual(self.judge(code=1)["fault"]["file"], name)
        self.put(name, note.replace(b'"bytes":1', b'"bytes":9').replace(b'"bytes":2', b'"bytes":9')
                 .replace(b'"bytes":3', b'"bytes":9'))
        self.assert_fault(name, None, note.index("\n\u2014".encode()) + 1, "the signature is wrong")
        self.put(name, note + b"x" * 3000)
        self.assert_fault(name, None, 0, "longer than 2560 bytes")
        self.put(name, self.made.notes[2])
        at = self.made.notes[2].index(b'"file":"') + 8
        self.assert_fault(name, None, at, "file: names another segment")
        self.put(name, self.made.resign(1, prev_seal=ZEROS))
        self.assert_fault(name, None, 0, "prev_seal: not the hash of the seal before it",
                          seals.seal_hash(self.made.texts[0]), ZEROS)
        self.put(name, self.made.resign(1, index=2))
        self.assert_fault(name, None, 0, "index: does not follow the seal before it", "1", "2")
        other = seals.vkey(self.made.origin, seals.public_of(self.made.keys[0]))
        self.put(name, self.made.resign(1, self.made.keys[0], key=other))
        self.assert_fault(name, None, 0, "key: not the one that the seal before it names",
                          self.made.seals[1]["key"], other)

    def test_pairs_and_holes(self):
        os.unlink(self.path(self.name))
        self.assert_fault(self.name, None, 0, "a sealed segment is missing")
        self.made.write()
        os.unlink(self.path(self.name + ".seal"))
        self.assert_fault(self.name, None, 0, "a closed segment without its seal", self.name + ".seal", "no such file")
        os.unlink(self.path(self.name))
        self.assert_fault(self.made.names[2] + ".seal", None, 0, "index: does not follow the seal before it", "1", "2")

    def test_trust(self):
        other = evidence.LogBuilder(os.path.join(self.top, "other"), segments=[1], seed=1, origin=self.made.origin).write()
        key = os.path.join(self.top, "otherkey")
        shutil.copy(os.path.join(other.directory, "origin.vkey"), key)
        self.assert_fault("origin.vkey", None, 0, "is not the pinned key", other.vkey, self.made.vkey, args=("--key", key))
        os.unlink(self.path("origin.vkey"))
        self.assert_fault(self.made.names[0] + ".seal", None, 0, "key: not the pinned key", other.vkey, self.made.vkey,
                          args=("--key", key))
        self.put("origin.vkey", other.vkey.encode() + b"\n")
        self.assert_fault(self.made.names[0] + ".seal", None, 0, "key: not the key in origin.vkey", other.vkey, self.made.vkey)
        self.made.write()
        pin = "1:" + ZEROS
        self.assert_fault(self.made.names[1] + ".seal", None, 0, "not the seal that is pinned", ZEROS,
                          self.made.pin(1)[1], args=("--pin", pin))
        self.assert_fault(None, None, None, "seal 3, which is pinned, is missing", args=("--pin", "3:" + ZEROS))

    def test_another_log(self):
        """A segment sealed with the right key whose ids are of another log."""
        log = self.log(2)
        log.log_id ^= 1 << 59
        log.add(2).add(1).write()
        said = self.judge(code=1)
        self.assertEqual((said["fault"]["file"], said["fault"]["line"], said["fault"]["what"]),
                         (log.names[1], 1, "audit_event_id: of another log"))

    def test_the_first_of_many(self):
        """The same on every run, though segments are checked side by side and the later ones are shorter."""
        log = self.log(300, *[1] * 40).write()
        lines = list(log.lines[0])
        lines[200] = lines[200].replace(b'"os":"linux"', b'"os":"linuX"')
        self.put(log.names[0], b"".join(lines))
        for i in range(1, 41):
            self.put(log.names[i], b"{}\n")
        self.put(log.names[20] + ".seal", b"x")
        os.unlink(self.path(log.names[30]))
        for _ in range(20):
            fault = self.judge(code=1)["fault"]
            self.assertEqual((fault["file"], fault["line"]), (log.names[0], 202))
        self.put(log.names[0], b"".join(log.lines[0]))
        for _ in range(20):
            fault = self.judge(code=1)["fault"]
            self.assertEqual((fault["file"], fault["line"], fault["what"]), (log.names[1], 1, "not a JSON object with members"))

    def test_unreadable(self):
        """What cannot be read is no verdict; what stands before it is."""
        os.chmod(self.path(self.name), 0)
        code, out, err = verify(self.directory)
        self.assertEqual((code, out), (2, ""))
        self.assertEqual(err, f"auditlog: {self.directory}: {self.name}: cannot be opened: Permission denied\n")
        self.put(self.made.names[0], b"")
        self.assertEqual(self.judge(code=1)["fault"]["file"], self.made.names[0])
        os.chmod(self.path(self.name), 0o600)
        self.made.write()
        for name, what in ((self.name + ".seal", "cannot be read"), ("origin.vkey", "cannot be read")):
            os.chmod(self.path(name), 0)
            code, _, err = verify(self.directory)
            self.assertEqual((code, err), (2, f"auditlog: {self.directory}: {name}: {what}: Permission denied\n"))
            os.chmod(self.path(name), 0o600)
        os.chmod(self.directory, 0)
        code, _, err = verify(self.directory)
        os.chmod(self.directory, 0o700)
        self.assertEqual((code, err), (2, f"auditlog: {self.directory}: Permission denied\n"))


if __name__ == "__main__":
    tap.main()
