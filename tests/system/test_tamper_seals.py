#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to the seals of a log and to its key is found (tests/lib/tamper.py)."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import seals  # noqa: E402
import tap  # noqa: E402
from tamper import ALL, Matrix, each_size  # noqa: E402


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


if __name__ == "__main__":
    tap.main()
