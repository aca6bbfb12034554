#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog anchor, and auditlog verify with anchors: timestamps by a real service (openssl ts) and cosignatures by a
witness in Python. All of it offline, through files."""

import base64
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import anchor  # noqa: E402
import evidence  # noqa: E402
import judges  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

TIME = 1795240000  # of the witness


def auditlog(*args, data=None, **options):
    """(exit status, stdout, stderr) of auditlog."""
    done = subprocess.run([judges.AUDITLOG, *args], input=data, capture_output=True, check=False,
                          timeout=service.PATIENCE * 4, **options)
    out, err = done.stdout.decode(), done.stderr.decode(errors="replace")
    if service.UNSOUND.search(err):
        raise AssertionError(err)
    return done.returncode, out, err


class Case(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="anchor-")
        self.addCleanup(shutil.rmtree, self.top, True)
        self.made = 0
        self.anchors = self.path("anchors")
        os.mkdir(self.anchors)

    def path(self, name, data=None):
        path = os.path.join(self.top, name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        return path

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def log(self, *segments, **options):
        self.made += 1
        return evidence.LogBuilder(os.path.join(self.top, f"log{self.made}"), segments=segments, **options)

    def tsa(self, **options):
        self.made += 1
        return anchor.TimestampService(self.path(f"tsa{self.made}"), **options)

    def checkpoint(self, log, *options):
        """The path of a new checkpoint of the log."""
        self.made += 1
        path = self.path(f"checkpoint{self.made}")
        code, out, err = auditlog("anchor", "--out", path, *options, log.directory)
        self.assertEqual((code, out), (0, ""), err)
        return path

    def request(self, checkpoint):
        """A request for its timestamp, as bytes."""
        self.made += 1
        path = self.path(f"request{self.made}")
        code, _, err = auditlog("anchor", "--tsq", path, "--checkpoint", checkpoint)
        self.assertEqual((code, err), (0, ""))
        return self.read(path)

    def add(self, log, checkpoint, data, *options, code=0, why="", anchors=None):
        """Take in an anchor. Returns what is printed."""
        self.made += 1
        found, out, err = auditlog("anchor", "--add", self.path(f"given{self.made}", data), "--checkpoint", checkpoint,
                                   "--anchors", anchors or self.anchors, *options, log.directory)
        self.assertEqual(found, code, out + err)
        self.assertIn(why, err)
        if code:
            self.assertEqual(out, "")
        elif not why:
            self.assertEqual(err, "")
        return out

    def stamped(self, log, tsa):
        """One more timestamp of the log as it is; its time."""
        checkpoint = self.checkpoint(log)
        return anchor.time_of(self.add(log, checkpoint, tsa.stamp(self.request(checkpoint)), "--tsa-ca", tsa.ca))

    def verify(self, log, verdict, *options, pinned=True, anchors=None, code=None):
        """auditlog verify with the anchors; what it says, as JSON."""
        key = ["--key", judges.Key(log.vkey).path] if pinned else []
        found, out, err = auditlog("verify", "--json", *key, "--anchors", anchors or self.anchors, *options, log.directory)
        self.assertEqual(err, "")
        said = strict.loads(out.rstrip("\n").encode())
        self.assertEqual(said["verdict"], verdict, out)
        codes = {"ANCHORED": 0, "SEALED": 0, "BROKEN": 1, "INCOMPLETE": 4}
        self.assertEqual(found, codes.get(verdict, 3))
        return said


class Checkpoints(Case):
    def test_text(self):
        for segments in ((1,), (2, 3), (1, 2, 3), *((1,) * n for n in (4, 5, 7, 8, 9, 20))):
            log = self.log(*segments)
            log.tail(2)
            log.write()
            self.assertEqual(auditlog("anchor", log.directory), (0, anchor.checkpoint_text(log).decode(), ""))
            self.assertEqual(self.read(self.checkpoint(log)), anchor.checkpoint_text(log))

    def test_signed(self):
        log = self.log(2, 3).write()
        pem = anchor.operator_key(self.path("key.pem"))
        public = seals.public_of(b"o" * 32)
        for name in (None, "operator.example/2026"):
            code, out, err = auditlog("anchor", "--sign", pem, *(["--name", name] if name else []), log.directory)
            self.assertEqual(code, 0)
            text, signatures = seals.parse_note(out.encode())
            self.assertEqual(text, anchor.checkpoint_text(log))
            self.assertEqual(len(signatures), 1)
            seals.check_signature(text, signatures, name or log.origin, public)
            self.assertEqual(err, f"auditlog: signed with {seals.vkey(name or log.origin, public)}\n")

    def test_keys_that_are_none(self):
        log = self.log(2).write()
        good = anchor.operator_key(self.path("key.pem"))
        locked, other = self.path("locked.pem"), self.path("other.pem")
        subprocess.run(["openssl", "pkey", "-in", good, "-aes256", "-passout", "pass:x", "-out", locked], check=True)
        subprocess.run(["openssl", "genpkey", "-algorithm", "X25519", "-out", other], check=True)
        for path in (locked, other, self.path("no.pem", b"no key\n"), self.path("empty.pem", b""), self.tsa().ca):
            code, out, err = auditlog("anchor", "--sign", path, log.directory)
            self.assertEqual((code, out), (2, ""))
            self.assertIn("not an Ed25519 private key in PEM without a password", err)
        code, out, err = auditlog("anchor", "--sign", self.path("large.pem", self.read(good) + b"\n" * 16384), log.directory)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("larger than 16384 bytes", err)
        code, out, err = auditlog("anchor", "--sign", good, "--name", "a b", log.directory)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("not a name", err)

    def refused(self, log, *options, why):
        path = self.path("refused")
        code, out, err = auditlog("anchor", "--out", path, *options, log.directory)
        self.assertEqual((code, out), (1, ""), err)
        self.assertIn(why, err)
        self.assertFalse(os.path.exists(path))

    def test_no_checkpoint_of_a_broken_log(self):
        log = self.log(2, 2, 2).write()
        other = self.log(1, seed=9)
        self.refused(log, "--key", judges.Key(other.vkey).path, why="is not the pinned key")
        os.unlink(log.path(log.names[1] + ".seal"))
        self.refused(log, why=f"{log.names[1]}: a closed segment without its seal")
        log.write()
        log.notes[1] = log.resign(1, root="1" * 64)
        log.write()
        self.refused(log, why=log.names[2] + ".seal: prev_seal")
        empty = self.log()
        os.makedirs(empty.directory)
        self.refused(empty, why="there is no seal")
        front = self.log(2, 2, 2).write()
        for name in (front.names[0], front.names[0] + ".seal"):
            os.unlink(front.path(name))
        self.refused(front, why="the first 1 seals are missing")

    def test_out(self):
        log = self.log(2).write()
        path = self.checkpoint(log)
        code, out, err = auditlog("anchor", "--out", path, log.directory)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("File exists", err)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([judges.AUDITLOG, "anchor", log.directory], stdout=full, stderr=subprocess.PIPE,
                                  check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"No space left", done.stderr)


class Requests(Case):
    def test_what_it_asks_for(self):
        log = self.log(2, 3).write()
        plain = self.checkpoint(log)
        signed = self.checkpoint_signed(log)
        digest = hashlib.sha256(anchor.checkpoint_text(log)).hexdigest()
        asked = [self.request(path) for path in (plain, signed)]
        self.assertNotEqual(*asked)  # the nonce
        for data in asked:
            shown = subprocess.run(["openssl", "ts", "-query", "-in", "/dev/stdin", "-text"], input=data, check=True,
                                   capture_output=True).stdout.decode()
            self.assertIn("Hash Algorithm: sha256", shown)
            self.assertIn("Certificate required: yes", shown)
            self.assertRegex(shown, r"Nonce: 0x[0-9A-F]+")
            found = "".join(x.split(" - ")[1][:49].replace("-", " ").replace(" ", "") for x in shown.splitlines()
                            if x.startswith("    00"))
            self.assertEqual(found, digest)

    def checkpoint_signed(self, log):
        path = self.path("signed")
        code, _, _ = auditlog("anchor", "--out", path, "--sign", anchor.operator_key(self.path("key.pem")), log.directory)
        self.assertEqual(code, 0)
        return path

    def test_printed_commands_work(self):
        """As they stand, with names that a shell takes apart."""
        log = self.log(2).write()
        checkpoint, request = self.path("a 'check' $point"), self.path("my; request.tsq")
        os.rename(self.checkpoint(log), checkpoint)
        code, out, err = auditlog("anchor", "--tsq", request, "--checkpoint", checkpoint)
        self.assertEqual((code, err), (0, ""))
        tsa = self.tsa()
        reply = self.path("REPLY.tsr", tsa.stamp(self.read(request)))
        shutil.copy(tsa.ca, self.path("CA.pem"))
        commands = [x.strip() for x in out.splitlines() if x.startswith("  ")]
        self.assertEqual([shlex.split(x)[0] for x in commands], ["curl", "openssl", "openssl", "auditlog"])
        self.assertIn("@" + request, shlex.split(commands[0]))
        for command in commands[1:3]:
            subprocess.run(command, shell=True, cwd=self.top, check=True, capture_output=True)
        words = [{"auditlog": judges.AUDITLOG, "ADIR": self.anchors, "DIR": log.directory}.get(x, x)
                 for x in shlex.split(commands[3])]
        subprocess.run(words, cwd=self.top, check=True, capture_output=True)
        self.assertTrue(os.path.exists(reply))
        self.assertEqual(len(os.listdir(self.anchors)), 2)

    def test_refused(self):
        log = self.log(2).write()
        text = anchor.checkpoint_text(log)
        for data, why in ((b"", "ends before"), (text + b"x\n", "not written as"), (text[:-1], "ends before"),
                          (b"a" * 5000, "larger than 4096"), (text.replace(b"\n1\n", b"\n2\n"), "fourth line")):
            code, out, err = auditlog("anchor", "--tsq", self.path("t.tsq"), "--checkpoint", self.path("c", data))
            self.assertEqual((code, out), (2, ""))
            self.assertIn(why, err)
            self.assertFalse(os.path.exists(self.path("t.tsq")))
        code, out, err = auditlog("anchor", "--tsq", self.path("there", b"x"), "--checkpoint", self.path("c", text))
        self.assertEqual((code, out), (2, ""))
        self.assertIn("File exists", err)
        self.assertEqual(self.read(self.path("there")), b"x")


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
        soon = self.tsa(valid=(-3600, 3))
        reply = soon.stamp(self.request(self.cp))
        time.sleep(4)
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


class AgainstTheLog(Case):
    """Anchors of a log, and what became of it."""

    def setUp(self):
        super().setUp()
        self.service = self.tsa()
        self.ca = ("--tsa-ca", self.service.ca)

    def test_grows_on(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        log.add(4).add(1).write()
        said = self.verify(log, "ANCHORED", *self.ca)
        self.assertEqual((said["anchored"]["seals"], said["anchored"]["seq"], said["last_seq"]), (2, 5, 10))
        self.stamped(log, self.service)
        said = self.verify(log, "ANCHORED", *self.ca)
        self.assertEqual((said["anchored"]["seals"], said["anchored"]["seq"]), (4, 10))
        self.assertEqual([x["status"] for x in said["anchors"]], ["good", "good"])

    def test_the_newest_and_of_those_the_earliest(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        log.add(4).write()
        first = self.stamped(log, self.service)
        time.sleep(1.1)
        self.assertGreater(self.stamped(log, self.service), first)
        said = self.verify(log, "ANCHORED", *self.ca)
        self.assertEqual((len(said["anchors"]), said["anchored"]["seq"], said["anchored"]["time"]), (3, 9, first))

    def broken(self, log, why, expected=None, found=None):
        for options in (self.ca, ()):  # also when whose the anchor is cannot be said: it is the reviewer's own
            fault = self.verify(log, "BROKEN", *options)["fault"]
            self.assertIn(why, fault["what"])
            self.assertRegex(fault["file"], r"seal-\d{9}-[0-9a-f]{12}\.tsr")
            self.assertEqual((fault["expected"], fault["found"]), (expected or fault["expected"], found or fault["found"]))

    def test_cut_back(self):
        """Whole newest segments and their seals are gone: without the anchor nobody could tell."""
        log = self.log(2, 3, 4).write()
        self.stamped(log, self.service)
        short = self.log(2, 3).write()
        self.assertEqual(evidence.verify(short.directory, log.vkey).verdict, "SEALED")
        self.assertEqual((short.vkey, short.notes), (log.vkey, log.notes[:2]))
        self.broken(short, "the log has fewer seals than were anchored", "3", "2")
        os.unlink(short.path("origin.vkey"))
        for name in short.names:
            os.unlink(short.path(name))
            os.unlink(short.path(name + ".seal"))
        self.broken(short, "the log has fewer seals than were anchored", "3", "0")

    def test_rewritten_from_a_stolen_key_on(self):
        """Who takes the host at seal 1 can go on from there, not back behind the anchor."""
        log = self.log(2, 3, 4).write()
        self.stamped(log, self.service)
        forged = log.forge(self.path("forged"), 1).add(3).add(4).write()
        self.assertEqual(evidence.verify(forged.directory, log.vkey).verdict, "SEALED")
        self.broken(forged, "seal 2 is not the one that was anchored", seals.seal_hash(log.texts[2]))
        later = log.forge(self.path("later"), 3).add(3).write()
        self.verify(later, "ANCHORED", *self.ca)

    def test_another_log(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        other = self.log(2, 3, seed=5).write()
        self.broken(other, "an anchor of another log", log.origin, other.origin)
        namesake = self.log(2, 3, seed=5, origin=log.origin).write()
        self.broken(namesake, "seal 1 is not the one that was anchored")
        checkpoint = self.checkpoint(log)
        reply = self.service.stamp(self.request(checkpoint))
        self.add(other, checkpoint, reply, *self.ca, code=1, why="an anchor of another log")

    def test_beside_caveats(self):
        log = self.log(2).run().add(3, state="recovered").add(2).write()
        self.stamped(log, self.service)
        said = self.verify(log, "RECOVERED", *self.ca)
        self.assertEqual(said["anchored"]["seq"], 7)
        said = self.verify(log, "UNPINNED", *self.ca, pinned=False)
        self.assertEqual(said["anchored"]["seq"], 7)
        log.prune(1).write()
        self.assertEqual(self.verify(log, "PRUNED", *self.ca)["anchored"]["seq"], 7)
        code, out, _ = auditlog("verify", "--anchors", self.anchors, *self.ca, log.directory)
        self.assertEqual(code, 3)
        self.assertTrue(out.startswith("UNPINNED, PRUNED, RECOVERED, ANCHORED: "), out)
        self.assertRegex(out, r"\nANCHORED +anchored up to seal 2, seq 7, at ")

    def test_seals_missing_at_the_front(self):
        """There is no tree then, but the newest anchored seal's hash speaks for those before it."""
        log = self.log(2, 3, 4).write()
        self.stamped(log, self.service)
        for name in (log.names[0], log.names[0] + ".seal"):
            os.unlink(log.path(name))
        self.assertEqual(self.verify(log, "INCOMPLETE", *self.ca)["anchored"]["seq"], 9)
        log.write()
        os.rename(self.anchors, self.anchors + "2")
        os.mkdir(self.anchors)
        early = self.log(2)
        early.write()
        self.stamped(early, self.service)
        for name in (log.names[0], log.names[0] + ".seal"):
            os.unlink(log.path(name))
        said = self.verify(log, "INCOMPLETE", *self.ca)
        self.assertEqual(said["anchors"][0]["status"], "unjudged")
        self.assertIn("missing", said["anchors"][0]["why"])

    def test_broken_log(self):
        """The log's own fault is the fault; an anchor in front of it still says something."""
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        log.add(4).add(2).write()
        self.stamped(log, self.service)
        os.unlink(log.path(log.names[2] + ".seal"))
        said = self.verify(log, "BROKEN", *self.ca)
        self.assertEqual(said["fault"]["file"], log.names[2])
        self.assertEqual([x["status"] for x in said["anchors"]], ["good", "unjudged"])

    def test_damaged_anchors(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        name = next(x for x in os.listdir(self.anchors) if x.endswith(".tsr"))
        stem = os.path.join(self.anchors, name[:-4])
        reply, text = self.read(stem + ".tsr"), self.read(stem + ".checkpoint")
        os.rename(stem + ".tsr", self.path("kept"))
        cases = [(reply[:-1], text), (reply, text[:-1]), (reply, text.replace(b"seq 5", b"seq 6")), (reply, None),
                 (b"", text), (reply, b""), (bytes(65537), text), (reply, b"x" * 5000)]
        for data, checkpoint in cases:
            here = self.path("here")
            os.mkdir(here)
            for end, content in ((".tsr", data), (".checkpoint", checkpoint)):
                if content is not None:
                    with open(os.path.join(here, "a" + end), "wb") as f:
                        f.write(content)
            said = self.verify(log, "INCOMPLETE", *self.ca, anchors=here)
            self.assertEqual(said["anchors"][0]["status"], "damaged")
            self.assertIn("1 anchor damaged", said["reason"])
            shutil.rmtree(here)

    def test_files_that_are_no_anchors(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        for name in ("README", "ca.pem", ".hidden.tsr", "x.tsq", "lone.checkpoint"):
            with open(os.path.join(self.anchors, name), "wb") as f:
                f.write(b"x")
        self.assertEqual(len(self.verify(log, "ANCHORED", *self.ca)["anchors"]), 1)
        os.symlink("README", os.path.join(self.anchors, "link.note"))
        code, out, err = auditlog("verify", "--anchors", self.anchors, log.directory)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("link.note", err)

    def test_none_and_many(self):
        log = self.log(2).write()
        self.assertEqual(self.verify(log, "SEALED")["anchors"], [])
        for i in range(4097):
            os.symlink("nowhere", os.path.join(self.anchors, f"{i}.note"))
        code, out, err = auditlog("verify", "--anchors", self.anchors, log.directory)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("more than 4096 anchors", err)


class Commands(Case):
    def test_wrong_usage(self):
        log = self.log(2).write()
        d = log.directory
        cp = self.checkpoint(log)
        tsr = self.path("x.tsr", b"0\3\2\1\2")
        for args, why in ((("--tsq", "x"), "--tsq needs --checkpoint"), (("--add", tsr), "--add needs --checkpoint"),
                          (("--add", tsr, "--checkpoint", cp), "--add needs --anchors"),
                          (("--checkpoint", cp, d), "--checkpoint has no use with a new checkpoint"),
                          (("--anchors", "x", d), "--anchors has no use"), (("--tsa-ca", "x", d), "--tsa-ca has no use"),
                          (("--witness", "x", d), "--witness has no use"), (("--name", "x", d), "--name has no use without --sign"),
                          (("--tsq", "x", "--checkpoint", cp, "--sign", "x"), "--sign has no use with --tsq"),
                          (("--add", tsr, "--checkpoint", cp, "--anchors", self.anchors, "--out", "x"), "--out has no use"),
                          (("--add", tsr, "--tsq", "y", "--checkpoint", cp, "--anchors", self.anchors), "--tsq has no use with --add"),
                          ((d, "x"), "too many operands"), ((self.path("nowhere"),), "No such file"),
                          (("--add", tsr, "--checkpoint", cp, "--anchors", self.path("nowhere"), d), "No such file"),
                          (("--add", tsr, "--checkpoint", cp, "--anchors", self.anchors, "--tsa-ca", cp, d), "not certificates in PEM"),
                          (("--add", tsr, "--checkpoint", cp, "--anchors", self.anchors, "--witness", tsr, d), "not a verifier key"),
                          (("--add", tsr, "--checkpoint", tsr, "--anchors", self.anchors, d), "ends before its fifth line")):
            with self.subTest(args):
                code, out, err = auditlog("anchor", *args)
                self.assertEqual((code, out), (2, ""), err)
                self.assertIn(why, err)
        code, out, err = auditlog("verify", "--tsa-ca", "x", d)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("need --anchors", err)
        code, out, err = auditlog("anchor", "--help")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("exit status: ", out)

    def test_as_another_account(self):
        """Root reads the log as its owner, and keeps keys and anchors where only root may."""
        if os.geteuid() != 0:
            self.skipTest("needs root")
        log = self.log(2, 3).write()
        os.chmod(self.top, 0o711)
        for name in os.listdir(log.directory):
            os.chown(log.path(name), 12345, 12345)
            os.chmod(log.path(name), 0o400)
        os.chown(log.directory, 12345, 12345)
        os.chmod(log.directory, 0o700)
        os.chmod(self.anchors, 0o700)
        tsa = self.tsa()
        os.chmod(tsa.ca, 0o600)
        pem = anchor.operator_key(self.path("key.pem"))
        os.chmod(pem, 0o600)
        code, out, err = auditlog("anchor", "--sign", pem, log.directory)
        self.assertEqual(code, 0, err)
        self.assertTrue(out.startswith(log.origin + "\n2\n"))
        self.stamped(log, tsa)
        self.verify(log, "ANCHORED", "--tsa-ca", tsa.ca)


if __name__ == "__main__":
    tap.main()
