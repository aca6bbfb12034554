#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cosignatures by a witness in Python: taken in by auditlog anchor, judged by auditlog verify."""

import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import anchor  # noqa: E402
import judges  # noqa: E402
import seals  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402
from anchor_case import Case, auditlog  # noqa: E402

TIME = 1795240000  # of the witness


class Witnesses(Case):
    def setUp(self):
        super().setUp()
        self.a = self.log(2, 3, 4).write()
        self.text = anchor.checkpoint_text(self.a)
        self.cp = self.checkpoint(self.a)
        self.witness = anchor.Witness(now=TIME)
        self.vkey = judges.Key(self.witness.vkey).path

    def signed(self, log=None):
        """A checkpoint signed by the operator: (path, note, the operator's verifier key)."""
        log = log or self.a
        self.made += 1
        path = self.path(f"signed{self.made}")
        code, _, err = auditlog("anchor", "--out", path, "--sign", anchor.operator_key(self.path("key.pem")), log.directory)
        self.assertEqual(code, 0)
        return path, self.read(path), err.split()[-1]

    def test_cosigned(self):
        """As witnesses do: they get a signed checkpoint and give back their own line."""
        path, note, operator = self.signed()
        line = self.witness.cosign(note, operator)
        out = self.add(self.a, path, line, "--witness", self.vkey)
        self.assertIn("cosignature of seal 2, seq 9, at 2026-11-21T05:46:40.000000Z\nstored: ", out)
        self.assertEqual([self.read(os.path.join(self.anchors, x)) for x in os.listdir(self.anchors)], [note + line])
        said = self.verify(self.a, "ANCHORED", "--witness", self.vkey)
        self.assertEqual(said["anchors"][0] | {"file": ""}, {
            "file": "", "kind": "cosignature", "seals": 3, "seq": 9, "time": "2026-11-21T05:46:40.000000Z", "status": "good",
            "why": None})
        # The operator's own signature is one, too, by a key off the host; it states no time.
        said = self.verify(self.a, "ANCHORED", "--witness", judges.Key(operator).path)
        self.assertIsNone(said["anchored"]["time"])

    def test_whole_note_and_line_alone(self):
        line = self.witness.line(self.text)
        self.add(self.a, self.cp, self.text + b"\n" + line, "--witness", self.vkey)
        self.add(self.a, self.cp, line, "--witness", self.vkey)
        self.assertEqual(len(os.listdir(self.anchors)), 1)  # the same note
        other = anchor.Witness("w2.example", b"2" * 32, TIME + 60)
        self.add(self.a, self.cp, line + other.line(self.text), "--witness", self.vkey, "--witness",
                 judges.Key(other.vkey).path)
        said = self.verify(self.a, "ANCHORED", "--witness", judges.Key(other.vkey).path, "--witness", self.vkey)
        self.assertEqual([x["time"] for x in said["anchors"]], ["2026-11-21T05:46:40.000000Z"] * 2)
        said = self.verify(self.a, "ANCHORED", "--witness", judges.Key(other.vkey).path)
        self.assertEqual(sorted((x["status"], x["time"] or "") for x in said["anchors"]),
                         [("good", "2026-11-21T05:47:40.000000Z"), ("unjudged", "")])

    def test_other_keys(self):
        line = self.witness.line(self.text)
        stranger = anchor.Witness("stranger.example", b"s" * 32, TIME)
        namesake = anchor.Witness(self.witness.name, b"n" * 32, TIME)
        self.add(self.a, self.cp, line, "--witness", judges.Key(stranger.vkey).path, code=1,
                 why="not signed by a witness whose key was given")
        self.add(self.a, self.cp, namesake.line(self.text), "--witness", self.vkey, code=1, why="not signed by a witness")
        # Under the true key's id, by another key.
        forged = namesake.line(self.text)
        blob = self.witness_id() + base64.b64decode(forged.split()[-1])[4:]
        forged = f"\u2014 {self.witness.name} {base64.b64encode(blob).decode()}\n".encode()
        self.add(self.a, self.cp, forged, "--witness", self.vkey, code=1, why="the signature by witness.example/w1 is wrong")
        self.assertEqual(os.listdir(self.anchors), [])
        self.add(self.a, self.cp, line, why="whose it is was not judged")
        self.verify(self.a, "SEALED")
        self.verify(self.a, "SEALED", "--witness", judges.Key(stranger.vkey).path)
        self.verify(self.a, "ANCHORED", "--witness", self.vkey)

    def witness_id(self):
        return seals.key_id(self.witness.name, self.witness.public, 4)

    def test_changed(self):
        """Another time, another text, another bit: the signature does not cover it."""
        name = os.path.join(self.anchors, "x.note")
        note = self.text + b"\n" + self.witness.line(self.text)
        line = base64.b64decode(note.split()[-1])
        cases = [note.replace(base64.b64encode(line), base64.b64encode(line[:11] + b"\0" + line[12:])),
                 note.replace(b"seq 9 ", b"seq 8 "), self.text + b"\n" + self.witness.line(self.text + b"x"),
                 self.text, note[:-1], note + b"x", b"", b"\n", note + b"\0", note * 20]
        cases += [note[:i] + bytes([note[i] ^ 1 << i % 8]) + note[i + 1:] for i in range(0, len(note) - 1)]
        for data in cases:
            with open(name, "wb") as f:
                f.write(data)
            code, out, _ = auditlog("verify", "--json", "--anchors", self.anchors, "--witness", self.vkey, self.a.directory)
            said = strict.loads(out.rstrip("\n").encode())
            self.assertIn(said["anchors"][0]["status"], ("damaged", "broken", "unjudged"), data)
            self.assertIn(said["verdict"], ("INCOMPLETE", "BROKEN", "UNPINNED"))
            self.assertIsNone(said["anchored"])

    def test_of_another_checkpoint(self):
        older = self.path("older", anchor.checkpoint_text(self.a, 2))
        note = self.text + b"\n" + self.witness.line(self.text)
        self.add(self.a, older, note, "--witness", self.vkey, code=2, why="signed is another checkpoint than")
        self.add(self.a, older, self.witness.line(self.text), "--witness", self.vkey, code=1, why="is wrong")

    def test_a_witness_that_signs_anything(self):
        """What it says must be of this log, to the last hash."""
        for old, new, why in ((b"\n3\n", b"\n2\n", None), (self.text.split(b"\n")[2], b"A" * 43 + b"=", "root: not that of"),
                              (self.text.split()[5], b"0" * 64, "seal 2 is not the one"), (b"seq 9 ", b"seq 8 ", "seq: not"),
                              (b".000", b".001", "time: not that"), (b"build7", b"build8", "an anchor of another log")):
            text = self.text.replace(old, new, 1)
            path = self.path("lie", text)
            if why is None:
                self.add(self.a, path, self.witness.line(text), "--witness", self.vkey, code=2, why="fourth line")
                continue
            self.add(self.a, path, self.witness.line(text), "--witness", self.vkey, code=1, why=why)
            with open(os.path.join(self.anchors, "lie.note"), "wb") as f:
                f.write(text + b"\n" + self.witness.line(text))
            said = self.verify(self.a, "BROKEN", "--witness", self.vkey)
            self.assertEqual(said["fault"]["file"], "lie.note")
            self.assertIn(why, said["fault"]["what"])

    def test_log_that_is_cut_back(self):
        """The witness sees it as well, once it is shown the shorter log."""
        _, note, operator = self.signed()
        self.witness.cosign(note, operator)
        short = self.log(2, 3).write()
        self.assertEqual(short.vkey, self.a.vkey)
        _, note, operator = self.signed(short)
        with self.assertRaisesRegex(AssertionError, "cut back"):
            self.witness.cosign(note, operator)


if __name__ == "__main__":
    tap.main()
