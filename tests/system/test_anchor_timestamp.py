#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Timestamps by a real service (openssl ts): taken in by auditlog anchor, judged by auditlog verify."""

import hashlib
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import anchor  # noqa: E402
import judges  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402
from anchor_case import Case, auditlog  # noqa: E402


class Timestamps(Case):
    def setUp(self):
        super().setUp()
        self.a = self.log(2, 3, 4).write()
        self.text = anchor.checkpoint_text(self.a)
        self.cp = self.checkpoint(self.a)

    def test_taken_in(self):
        tsa = self.tsa()
        reply = tsa.stamp(self.request(self.cp))
        self.assertIsNone(tsa.verify(self.text, reply))
        before = time.time() - 2
        out = self.add(self.a, self.cp, reply, "--tsa-ca", tsa.ca)
        self.assertRegex(out, r"\Atimestamp of seal 2, seq 9, at \S+Z\nstored: ")
        names = sorted(os.listdir(self.anchors))
        stem = f"seal-000000002-{hashlib.sha256(reply).hexdigest()[:12]}"
        self.assertEqual(names, [stem + ".checkpoint", stem + ".tsr"])
        # What is kept is enough for openssl alone.
        self.assertIsNone(tsa.verify(self.read(os.path.join(self.anchors, names[0])),
                                     self.read(os.path.join(self.anchors, names[1]))))
        again = self.add(self.a, self.cp, reply, "--tsa-ca", tsa.ca)
        self.assertIn("already there: ", again)
        self.assertEqual(sorted(os.listdir(self.anchors)), names)
        said = self.verify(self.a, "ANCHORED", "--tsa-ca", tsa.ca)
        entry = {"file": stem + ".tsr", "kind": "timestamp", "seals": 3, "seq": 9, "time": anchor.time_of(out),
                 "status": "good", "why": None}
        self.assertEqual(said["anchors"], [entry])
        self.assertEqual(said["anchored"], {x: entry[x] for x in ("file", "seals", "seq", "time")})
        self.assertGreater(time.mktime(time.strptime(entry["time"], "%Y-%m-%dT%H:%M:%S.000000Z")) - time.timezone, before)
        code, out, _ = auditlog("verify", "--key", judges.Key(self.a.vkey).path, "--anchors", self.anchors, "--tsa-ca",
                                tsa.ca, self.a.directory)
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("ANCHORED: 9 records in 3 segments verified from the pinned key; anchored up to "
                                       f"seal 2, seq 9, at {entry['time']}\n"), out)

    def test_of_a_signed_checkpoint(self):
        signed = self.path("signed")
        auditlog("anchor", "--out", signed, "--sign", anchor.operator_key(self.path("key.pem")), self.a.directory)
        tsa = self.tsa()
        self.add(self.a, signed, tsa.stamp(self.request(signed)), "--tsa-ca", tsa.ca)
        kept = [x for x in os.listdir(self.anchors) if x.endswith(".checkpoint")]
        self.assertEqual(self.read(os.path.join(self.anchors, kept[0])), self.text)
        self.verify(self.a, "ANCHORED", "--tsa-ca", tsa.ca)

    def test_fractions_of_a_second(self):
        tsa = self.tsa(precision=3)
        out = self.add(self.a, self.cp, tsa.stamp(self.request(self.cp)), "--tsa-ca", tsa.ca)
        self.assertRegex(anchor.time_of(out), r"\.\d{3}000Z")

    def test_whom_to_trust(self):
        tsa, other = self.tsa(), self.tsa()
        reply = tsa.stamp(self.request(self.cp))
        self.add(self.a, self.cp, reply, "--tsa-ca", other.ca, code=1, why="certificate verify error")
        self.assertEqual(os.listdir(self.anchors), [])
        both = self.path("both.pem", self.read(other.ca) + self.read(tsa.ca))
        self.add(self.a, self.cp, reply, "--tsa-ca", both)
        self.add(self.a, self.cp, reply, "--tsa-ca", tsa.certificate)  # the service's own is named: trusted
        self.verify(self.a, "ANCHORED", "--tsa-ca", both)
        said = self.verify(self.a, "SEALED", "--tsa-ca", other.ca)
        self.assertEqual([x["status"] for x in said["anchors"]], ["unjudged"])
        self.assertIsNone(said["anchored"])

    def test_kept_without_judging(self):
        tsa = self.tsa()
        self.add(self.a, self.cp, tsa.stamp(self.request(self.cp)), why="whose it is was not judged")
        said = self.verify(self.a, "SEALED")
        self.assertEqual(said["anchors"][0]["status"], "unjudged")
        self.assertEqual(said["anchors"][0]["why"], "no certificate to judge it by was given")
        self.verify(self.a, "ANCHORED", "--tsa-ca", tsa.ca)

    def test_time_of_the_stamp_counts(self):
        """A certificate that expires afterwards is none that was bad when it was used."""
        for seconds in (3, 6, 12, 24):  # until we were quick enough
            began = time.monotonic()
            soon = self.tsa(valid=(-3600, seconds))
            made = time.monotonic()
            reply = soon.stamp(self.request(self.cp))
            if time.monotonic() < began + seconds - 1:
                break
        time.sleep(max(0, made + seconds + 1 - time.monotonic()))
        self.assertIsNotNone(soon.verify(self.text, reply))  # openssl judges by today
        self.add(self.a, self.cp, reply, "--tsa-ca", soon.ca)
        self.verify(self.a, "ANCHORED", "--tsa-ca", soon.ca)

    def test_certificates_that_were_bad_then(self):
        for options, why in (({"valid": (-7200, -3600)}, "certificate has expired"),
                             ({"valid": (3600, 7200)}, "not yet valid"),
                             ({"key": anchor.weak_key()}, "too weak")):
            tsa = self.tsa(**options)
            reply = tsa.stamp(self.request(self.cp))
            self.add(self.a, self.cp, reply, "--tsa-ca", tsa.ca, code=1, why=why)
        self.assertEqual(os.listdir(self.anchors), [])

    def test_of_something_else(self):
        tsa = self.tsa()
        ca = ("--tsa-ca", tsa.ca)
        for text in (anchor.checkpoint_text(self.a, 2), self.text + b"\n", b""):
            reply = tsa.stamp(anchor.request(text, "-sha256", "-cert"))
            self.add(self.a, self.cp, reply, *ca, code=1, why="a timestamp of something else")
            self.add(self.a, self.cp, reply, code=1, why="a timestamp of something else")  # seen without a CA, too
        self.add(self.a, self.cp, tsa.stamp(anchor.request(self.text, "-sha512", "-cert")), *ca, code=1,
                 why="a timestamp of something else")
        self.add(self.a, self.cp, tsa.stamp(anchor.request(self.text, "-sha1", "-cert")), *ca, code=1,
                 why="the service refused to stamp")
        self.add(self.a, self.cp, tsa.stamp(anchor.request(self.text, "-sha256")), *ca, code=1, why="certificate")
        # The same text asked for elsewhere is as good.
        self.add(self.a, self.cp, tsa.stamp(anchor.request(self.text, "-sha256", "-cert")), *ca)

    def test_weak_hash_of_the_signature(self):
        tsa = self.tsa(digest="sha1")
        self.add(self.a, self.cp, tsa.stamp(self.request(self.cp)), "--tsa-ca", tsa.ca, code=1,
                 why="not signed once, with SHA-256 or longer")

    def test_no_reply_at_all(self):
        tsa = self.tsa()
        reply = tsa.stamp(self.request(self.cp))
        for data, why in ((reply[:-1], "not an RFC 3161 reply"), (reply + b"\0", "bytes behind the reply"),
                          (b"\x30\x80", "not an RFC 3161 reply"), (b"<html>", "not an RFC 3161 reply"),
                          (self.request(self.checkpoint(self.a)), "not an RFC 3161 reply")):
            self.add(self.a, self.cp, data, "--tsa-ca", tsa.ca, code=1, why=why)
        self.add(self.a, self.cp, b"", code=2, why="empty")
        self.add(self.a, self.cp, reply + bytes(65536), code=2, why="larger than 65536 bytes")
        self.assertEqual(os.listdir(self.anchors), [])

    def test_every_bit_of_a_reply(self):
        """Each with one bit changed, judged as stored anchors. What is still good says the same: its fault is in what
        the signature does not cover and nothing depends on."""
        tsa = self.tsa()
        reply = tsa.stamp(self.request(self.cp))
        stamped = anchor.time_of(self.add(self.a, self.cp, reply, "--tsa-ca", tsa.ca))
        good = []
        for begin in range(0, 8 * len(reply), 4000):
            here = self.path(f"bits{begin}")
            os.mkdir(here)
            for i in range(begin, min(begin + 4000, 8 * len(reply))):
                bad = bytearray(reply)
                bad[i // 8] ^= 1 << i % 8
                for end, data in ((".tsr", bad), (".checkpoint", self.text)):
                    with open(os.path.join(here, f"{i:06}{end}"), "wb") as f:
                        f.write(data)
            code, out, err = auditlog("verify", "--json", "--anchors", here, "--tsa-ca", tsa.ca, self.a.directory)
            self.assertEqual((code, err), (4, ""))
            for said in strict.loads(out.rstrip("\n").encode())["anchors"]:
                self.assertIn(said["status"], ("good", "damaged", "unjudged"))
                if said["status"] == "good":
                    self.assertEqual((said["time"], said["seals"], said["seq"]), (stamped, 3, 9))
                    good.append(int(said["file"][:-4]) // 8)
            shutil.rmtree(here)
        print(f"# {len(good)} of {8 * len(reply)} bits do not matter, in {len(set(good))} of {len(reply)} bytes")
        self.assertLess(len(good), len(reply) // 4)


if __name__ == "__main__":
    tap.main()
