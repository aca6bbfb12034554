#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog anchor: checkpoints, requests for timestamps, and its command line. What becomes of them is test_anchor_*.py's
business."""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import anchor  # noqa: E402
import judges  # noqa: E402
import seals  # noqa: E402
import tap  # noqa: E402
from anchor_case import Case, auditlog  # noqa: E402


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
