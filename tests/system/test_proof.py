#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog prove and verify-proof: a record shown to somebody who has no log. What they say is compared with the
same rules in Python (tests/lib/evidence.py)."""

import json
import os
import random
import re
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import judges  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402
from evidence_case import Logs  # noqa: E402
from evidence_log import event_id  # noqa: E402

CODES = {"PROVEN": 0, "BROKEN": 1, "UNPINNED": 3}
PROOF_MAX = 256 << 20


def auditlog(*args, data=None, **options):
    """(exit status, stdout, stderr) of auditlog; bytes, text."""
    done = subprocess.run([judges.AUDITLOG, *args], input=data, capture_output=True, check=False,
                          timeout=service.PATIENCE * 4, **options)
    err = done.stderr.decode(errors="replace")
    if service.UNSOUND.search(err):
        raise AssertionError(err)
    return done.returncode, done.stdout, err


def record_id(line):
    return strict.loads(line.rstrip(b"\n"))["audit_event_id"]


class Case(Logs):
    def prove(self, log, segment, record, *options):
        """The proof of a record, as bytes."""
        code, out, err = auditlog("prove", *options, record_id(log.lines[segment][record]), log.directory)
        self.assertEqual((code, err), (0, ""))
        return out

    def refused(self, log, event, *options, why):
        """prove writes nothing and says why."""
        code, out, err = auditlog("prove", *options, event, log.directory)
        self.assertEqual((code, out), (1, b""), err)
        self.assertIn(why, err)
        self.assertTrue(err.startswith("auditlog: prove: "), err)

    def judge(self, proof, verdict, key=None, pins=(), why=""):
        """auditlog and Python come to this verdict. Returns what auditlog says."""
        options = judges.options(judges.Key(key) if key else None, pins, None)
        code, out, err = auditlog("verify-proof", "--json", *options, "-", data=proof)
        self.assertEqual(err, "")
        said = strict.loads(out.rstrip(b"\n"))
        self.assertEqual((said["verdict"], code), (verdict, CODES[verdict]), said)
        python = evidence.verify_proof(proof, key, pins)
        self.assertEqual({"SEALED": "PROVEN"}.get(python.verdict, python.verdict), verdict, python)
        if why:
            self.assertIn(why, said["fault"]["what"])
        return said


class Honest(Case):
    def test_every_record(self):
        """Byte by byte what the rules in Python make of it."""
        for segments in ((1,), (1, 1, 1), (2, 3, 4, 5), (17,), (33, 8)):
            log = self.log(*segments).write()
            for i, lines in enumerate(log.lines):
                for k in range(len(lines)):
                    proof = self.prove(log, i, k)
                    self.assertEqual(proof, evidence.make_proof(lines, log.notes, k, i))
                    said = self.judge(proof, "PROVEN", log.vkey)
                    self.assertEqual(said["record"], strict.loads(lines[k].rstrip(b"\n")))
                    self.assertEqual((said["seq"], said["leaf_index"], said["seal_index"]),
                                     (said["record"]["seq"], k, i))

    def test_what_is_said(self):
        log = self.log(3, 4).write()
        proof = self.prove(log, 1, 2)
        said = self.judge(proof, "PROVEN", log.vkey)
        line = log.lines[1][2]
        record = strict.loads(line.rstrip(b"\n"))
        self.assertEqual(said, {
            "verdict": "PROVEN", "file": "-", "origin": log.origin, "event_id": record["audit_event_id"], "seq": 6,
            "time": record["timestamp"], "leaf_index": 2, "seal_index": 1, "state": "clean",
            "seals": {"first": 0, "last": 1, "pin": "%d:%s" % log.pin(1)}, "record": record})
        key = judges.Key(log.vkey)
        code, out, err = auditlog("verify-proof", "--key", key.path, self.path("p", proof))
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith(b"PROVEN: the record below, seq 6 of "), out)
        self.assertTrue(out.endswith(b"\n" + line), out)
        code, out, _ = auditlog("verify-proof", self.path("p"))
        self.assertEqual(code, 3)
        self.assertTrue(out.startswith(b"UNPINNED: "), out)
        self.assertIn(b"--key, or --pin", out)

    def test_pins_and_where_the_chain_begins(self):
        log = self.log(2, 2, 2, 2).write()
        for start in range(4):
            proof = self.prove(log, 1, 0, "--from", str(start))
            first, last = min(start, 1), max(start, 1)
            self.assertEqual(proof, evidence.make_proof(log.lines[1], log.notes, 0, 1, first, last))
            self.assertEqual(len(strict.loads(proof[:-1])["seals"]), last - first + 1)
            self.judge(proof, "PROVEN", pins=[log.pin(start)])
            self.judge(proof, "PROVEN", pins=[log.pin(start), log.pin(1)])
            self.judge(proof, "UNPINNED")
            self.judge(proof, "UNPINNED" if first else "PROVEN", log.vkey)
            if first:
                self.judge(proof, "BROKEN", log.vkey, pins=[log.pin(0)], why="seal 0 is not among them")
            self.judge(proof, "BROKEN", pins=[(start, "0" * 64)], why="not the pinned seal")
        self.refused(log, record_id(log.lines[1][0]), "--from", "4", why="seal 4 is not there")

    def test_nothing_else_is_disclosed(self):
        """Of other records there are hashes, and what the seals say of first and last ones."""
        log = self.log(9, 9, 9)
        log.write()
        proof = self.prove(log, 1, 4)
        for i, lines in enumerate(log.lines):
            for k, line in enumerate(lines):
                record = strict.loads(line.rstrip(b"\n"))
                if (i, k) == (1, 4):
                    continue
                self.assertNotIn(record["audit_event_id"].encode(), proof)
                if 0 < k < 8:
                    self.assertNotIn(record["timestamp"].encode(), proof)
        self.assertEqual(proof.count(b'\\"audit_event_id\\"'), 1)

    def test_recovered_and_publishing(self):
        log = self.log(3).run().add(3, state="recovered", torn_bytes=17).add(2).publish_only(1)
        log.tail(2)
        log.write()
        said = self.judge(self.prove(log, 1, 1), "PROVEN", log.vkey)
        self.assertEqual(said["state"], "recovered")
        self.judge(self.prove(log, 2, 1), "PROVEN", log.vkey)
        code, out, _ = auditlog("verify-proof", self.path("p", self.prove(log, 1, 1)))
        self.assertIn(b"sealed after a crash or a fault: recovered", out)

    def test_pruned(self):
        """The seals of what is gone still lead to what is there."""
        log = self.log(3, 3, 3).prune(2).write()
        self.judge(self.prove(log, 2, 1), "PROVEN", log.vkey)
        self.refused(log, record_id(log.lines[1][1]), why=f"its segment {log.names[1]} is gone")

    def test_seals_missing_at_the_front(self):
        log = self.log(3, 3, 3).write()
        for name in (log.names[0], log.names[0] + ".seal"):
            os.unlink(log.path(name))
        self.refused(log, record_id(log.lines[2][1]), why="seal 0 is not there; --from names one")
        self.refused(log, record_id(log.lines[0][1]), why="are missing")
        self.judge(self.prove(log, 2, 1, "--from", "1"), "PROVEN", pins=[log.pin(1)])

    def test_not_there(self):
        log = self.log(3, 3)
        tail = log.tail(2)
        log.write()
        self.refused(log, record_id(tail[1]), why="seq 8 is not sealed (yet)")
        self.refused(log, event_id(log.log_id, 4711), why="seq 4711 is not sealed (yet)")
        self.refused(log, event_id(log.log_id ^ 1, 2), why="the id is of another log; seq 2 is "
                     + record_id(log.lines[0][1]))
        self.refused(log, event_id(log.log_id, 0), why="are missing")
        empty = self.log()
        os.makedirs(empty.directory)
        self.refused(empty, record_id(tail[1]), why="is not sealed (yet)")

    def test_reader_may_write_it_otherwise(self):
        """White space and escapes do not count."""
        log = self.log(3, 4).write()
        proof = strict.loads(self.prove(log, 1, 2)[:-1])
        for text in (json.dumps(proof, indent=3), json.dumps(proof, ensure_ascii=True), json.dumps(proof) + "\n"):
            self.judge(text.encode(), "PROVEN", log.vkey)

    def test_by_hand(self):
        """The commands of docs/FORMAT.md, as they stand there, on good proofs and on others."""
        with open(os.path.join(service.TOP, "docs", "FORMAT.md"), encoding="utf-8") as f:
            script = f.read().partition("## Proofs")[2].partition("```bash\n")[2].partition("```")[0]
        self.assertIn("sha256sum", script)
        log = self.log(1, 2, 7).write()
        for i, lines in enumerate(log.lines):
            for k in range(len(lines)):
                for verdict in ("PROVEN", "BROKEN"):
                    proof = strict.loads(self.prove(log, i, k)[:-1])
                    if verdict == "BROKEN":
                        proof["record"] = proof["record"].replace("AUDIT", "AUDlT", 1)
                    path = self.path("p", strict.dumps(proof))
                    done = subprocess.run(["bash", "-eu", "-c", script], env={**os.environ, "P": path}, cwd=self.top,
                                          capture_output=True, check=False)
                    self.assertEqual((done.returncode, done.stderr), (verdict == "BROKEN", b""))

    def test_upper_case_id(self):
        log = self.log(3).write()
        code, out, _ = auditlog("prove", record_id(log.lines[0][1]).upper(), log.directory)
        self.assertEqual((code, out), (0, self.prove(log, 0, 1)))

    def test_size(self):
        """A proof in a segment of 1,000 records takes ten hashes more than its line and seals."""
        log = self.log(1000).write()
        proof = self.prove(log, 0, 500)
        self.assertEqual(len(strict.loads(proof[:-1])["path"]), 10)
        self.assertLess(len(proof), 4096)


class LiveService(service.Case):
    """From the answer that a client gets to a proof of it, while the service runs on."""

    def prove(self, running, event):
        """(exit status, what verify-proof says, stderr)"""
        code, proof, err = auditlog("prove", event, running.audit)
        if code:
            return code, None, err
        key = os.path.join(running.audit, "origin.vkey")
        code, out, _ = auditlog("verify-proof", "--json", "--key", key, "-", data=proof)
        with open(key, encoding="ascii") as f:
            self.assertEqual(evidence.verify_proof(proof, f.read().strip()).verdict, "SEALED")
        return code, strict.loads(out.rstrip(b"\n")), err

    def test_every_answer(self):
        s = self.start(args=["--rotate-records", "20"])
        with s.client() as c:
            events = [c.ask(service.ALLOWED if n % 3 else service.DENIED)["audit_event_id"] for n in range(100)]
            code, _, err = self.prove(s, events[99])
            if code:  # or its segment was full just now
                self.assertIn("is not sealed (yet)", err)
            s.admin("rotate")
            code = 1
            end = time.monotonic() + service.PATIENCE
            while code and time.monotonic() < end:
                code, _, err = self.prove(s, events[99])
            for n in range(0, 100, 7):
                code, said, err = self.prove(s, events[n])
                self.assertEqual((code, err), (0, ""))
                self.assertEqual(said["event_id"], events[n])
                self.assertEqual(said["record"]["decision"], "AUDIT_DECISION_" + ("ALLOW" if n % 3 else "DENY"))
        s.stop()
        self.assertEqual(self.prove(s, events[50])[0], 0)

    def test_while_it_seals(self):
        """A segment may get its name and its seal at any moment of the look."""
        s = self.start(args=["--rotate-records", "2"])
        with s.client() as c:
            events = [c.ask(service.ALLOWED)["audit_event_id"] for _ in range(20)]
            for n in range(60):
                events.append(c.ask(service.ALLOWED)["audit_event_id"])
                code, said, err = self.prove(s, events[n])
                self.assertEqual((code, err), (0, ""))
                self.assertEqual(said["event_id"], events[n])
        s.stop()


class DamagedLog(Case):
    """What cannot be verified is not proven."""

    def test_line(self):
        log = self.log(3, 3).write()
        event = record_id(log.lines[1][1])
        with open(log.path(log.names[1]), "r+b") as f:
            f.seek(len(log.lines[1][0]) + len(log.lines[1][1]) + 200)
            f.write(b"X")
        self.refused(log, event, why=f"{log.names[1]}: line 3, byte ")
        self.judge(self.prove(log, 0, 1), "PROVEN", log.vkey)  # of another segment

    def test_seal(self):
        log = self.log(3, 3, 3).write()
        event = record_id(log.lines[2][1])
        good = log.notes[1]
        for bad in (good[:-20] + b"AAAA" + good[-16:], good[:50], b"", log.resign(1, prev_seal="1" * 64),
                    log.notes[0]):
            with self.subTest(bad[:80]):
                log.notes[1] = bad
                log.write()
                self.refused(log, event, why=log.names[1] + ".seal: ")
        log.notes[1] = good
        self.judge(self.prove(log.write(), 2, 1), "PROVEN", log.vkey)

    def test_seal_behind(self):
        """What comes later does not matter, unless the chain goes through it."""
        log = self.log(3, 3, 3).write()
        with open(log.path(log.names[2] + ".seal"), "wb") as f:
            f.write(b"damaged")
        self.judge(self.prove(log, 1, 1), "PROVEN", log.vkey)
        self.refused(log, record_id(log.lines[1][1]), "--from", "2", why=log.names[2] + ".seal: ")
        self.refused(log, record_id(log.lines[2][1]), why=log.names[2] + ".seal: ")

    def test_lines_gone_and_others(self):
        log = self.log(3, 3)
        event = record_id(log.lines[1][1])
        files = log.files()
        name = log.names[1]
        for data, why in ((b"", "ends before the last sealed line"), (files[name][:-1], "line 3"),
                          (files[name] + log.lines[0][0], "more lines than are sealed"),
                          (b"".join(reversed(log.lines[1])), "line 1")):
            log.write()
            with open(log.path(name), "wb") as f:
                f.write(data)
            self.refused(log, event, why=why)


class Tampered(Case):
    """Proofs that somebody has been at."""

    def setUp(self):
        super().setUp()
        self.a = self.log(4, 4, 4).write()
        self.proof = strict.loads(self.prove(self.a, 1, 2)[:-1])

    def changed(self, why, pins=(), **members):
        proof = strict.dumps({**self.proof, **members}) + b"\n"
        self.judge(proof, "BROKEN", self.a.vkey, pins, why)

    def test_members(self):
        a, p = self.a, self.proof
        other = [line.decode() for line in a.lines[1]]
        self.changed("type: not ", type="sealwright-proof/v2")
        self.changed("of another origin", origin="build8/sealwright/0")
        self.changed("its id is not event_id", event_id=record_id(a.lines[1][1]))
        self.changed("its id is not event_id", event_id=p["event_id"].upper())
        self.changed("seq: does not follow", record=other[1])
        self.changed("does not lead from the record", record=p["record"].replace("AUDIT", "AUDlT", 1))
        self.changed("does not end with a newline", record=p["record"][:-1])
        self.changed("more than one line", record=p["record"] + p["record"])
        self.changed("not strict JSON", record=p["record"].replace('"seq"', '"seq":1,"seq"'))
        self.changed("seq: does not follow", leaf_index=1)
        self.changed("leaf_index: beyond", leaf_index=4)
        self.changed("path: not as long", path=p["path"][:-1])
        self.changed("path: not as long", path=p["path"] + ["0" * 64])
        self.changed("does not lead", path=p["path"][::-1])
        self.changed("lower-case hex", path=[x.upper() for x in p["path"]])
        self.changed("seq: does not follow", seal_index=0)
        self.changed("not among the seals", seal_index=2)
        self.changed("not among the seals", seals=p["seals"][:1])
        self.changed("index: does not follow", seals=[p["seals"][0], a.notes[2].decode()])
        self.changed("index: does not follow", seals=p["seals"][::-1])
        self.changed("index: does not follow", seals=[p["seals"][0], *p["seals"]])
        self.changed("none", seals=[])

    def test_more_than_a_line(self):
        """Sealed with the real key, and no line: such a log is broken, and such a proof, too."""
        log = self.log(2)
        lines = [log.line(), log.bent(b'"os":', b'\n"os":'), log.line()]
        log.add(lines).write()
        proof = {**strict.loads(evidence.make_proof([lines[0]] * 3, log.notes, 1, 1)[:-1]), "record": lines[1].decode(),
                 "event_id": event_id(log.log_id, 4),
                 "path": [x.hex() for x in seals.merkle_path([seals.leaf(x) for x in lines], 1)]}
        self.judge(strict.dumps(proof) + b"\n", "BROKEN", log.vkey, why="more than one line")

    def test_another_log(self):
        """One of the same origin and ids, by other keys: valid by itself, not the pinned one."""
        b = self.log(4, 4, 4, origin=self.a.origin, seed=7).write()
        self.assertNotEqual(self.a.vkey, b.vkey)
        proof = self.prove(b, 1, 2)
        self.judge(proof, "PROVEN", b.vkey)
        self.judge(proof, "UNPINNED")
        self.judge(proof, "BROKEN", self.a.vkey, why="seal 0 is not signed by the pinned key")
        self.judge(proof, "BROKEN", pins=[self.a.pin(1)], why="not the pinned seal")
        stranger = self.log(1, seed=8, hostname="build8")
        self.judge(proof, "BROKEN", stranger.vkey, why="not of the origin that the pinned key is for")
        late = self.prove(b, 1, 2, "--from", "1")
        self.judge(late, "UNPINNED", self.a.vkey)  # it says nothing about seal 0
        self.judge(late, "BROKEN", stranger.vkey, why="not of the origin that the pinned key is for")
        self.judge(late, "BROKEN", stranger.vkey, pins=[b.pin(1)], why="not of the origin that the pinned key is for")
        mixed = strict.loads(proof[:-1])
        self.changed("key: not the one", seals=[self.proof["seals"][0], mixed["seals"][1]])

    def test_signed_by_another_key(self):
        """Without the key of seal 1, which is erased, nobody makes another seal 1."""
        forged = self.a.resign(1, by=bytes(32), root="0" * 64).decode()
        self.changed("not by the seal's key", seals=[self.proof["seals"][0], forged])
        named = {**self.a.seals[1], "key": seals.vkey(self.a.origin, seals.public_of(bytes(32)))}
        forged = seals.sign_note(seals.seal_text(named), self.a.origin, bytes(32)).decode()
        self.changed("key: not the one", seals=[self.proof["seals"][0], forged])

    def test_bits_and_cuts(self):
        """The unit test flips every bit; here a few go all the way through the program."""
        seed = random.randrange(1 << 32)
        print(f"# seed {seed}")
        rng = random.Random(seed)
        data = strict.dumps(self.proof) + b"\n"
        for _ in range(60):
            bad = bytearray(data)
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
            self.judge(bytes(bad), "BROKEN", self.a.vkey)
        for _ in range(20):
            self.judge(data[:rng.randrange(len(data) - 1)], "BROKEN", self.a.vkey)

    def test_form(self):
        p = self.proof
        data = strict.dumps(p)
        for bad, why in ((b"", ""), (b"{}", "type"), (b"[]", "not a JSON object"), (data + b"{}", "expected the end"),
                         (data.replace(b"{", b"{\"a\":1,", 1), "type"), (data[:-1] + b",\"a\":1}", "no proof has"),
                         (strict.dumps(dict(reversed(p.items()))), "type"), (b"\xff" + data, ""), (b"\xef\xbb\xbf" + data, "")):
            self.judge(bad, "BROKEN", self.a.vkey, why=why)


class Commands(Case):
    def test_out(self):
        log = self.log(3, 3).write()
        event = record_id(log.lines[1][1])
        out = self.path("proof.json")
        self.assertEqual(auditlog("prove", "--out", out, event, log.directory), (0, b"", ""))
        with open(out, "rb") as f:
            self.assertEqual(f.read(), self.prove(log, 1, 1))
        self.assertEqual(os.stat(out).st_mode & 0o133, 0)
        code, said, err = auditlog("prove", "--out", out, event, log.directory)
        self.assertEqual((code, said), (2, b""))
        self.assertIn("File exists", err)
        missing = self.path("other.json")
        code, said, err = auditlog("prove", "--out", missing, event_id(log.log_id, 99), log.directory)
        self.assertEqual((code, said), (1, b""))
        self.assertFalse(os.path.exists(missing))
        code, _, err = auditlog("prove", "--out", "/dev/full/x", event, log.directory)
        self.assertEqual(code, 2)

    def test_no_room_for_it(self):
        """Neither a half-written file nor silence."""
        log = self.log(3, 3).write()
        event = record_id(log.lines[1][1])
        with open("/dev/full", "wb") as full:
            done = subprocess.run([judges.AUDITLOG, "prove", event, log.directory], stdout=full, stderr=subprocess.PIPE,
                                  check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"No space left", done.stderr)
        out = self.path("proof.json")
        code, _, err = auditlog("prove", "--out", out, event, log.directory,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
        self.assertIn(code, (2,), err)
        self.assertFalse(os.path.exists(out))

    def test_as_another_account(self):
        """Root, which reads the log as its owner, writes where only root may."""
        if os.geteuid() != 0:
            self.skipTest("needs root")
        log = self.log(3, 3).write()
        os.chmod(self.top, 0o711)
        for name in os.listdir(log.directory):
            os.chown(log.path(name), 12345, 12345)
            os.chmod(log.path(name), 0o400)
        os.chown(log.directory, 12345, 12345)
        os.chmod(log.directory, 0o700)
        private = self.path("private")
        os.mkdir(private, 0o700)
        out = os.path.join(private, "proof.json")
        self.assertEqual(auditlog("prove", "--out", out, record_id(log.lines[1][1]), log.directory), (0, b"", ""))
        with open(out, "rb") as f:
            self.judge(f.read(), "PROVEN", log.vkey)
        gone = os.path.join(private, "gone.json")
        code, _, _ = auditlog("prove", "--out", gone, event_id(log.log_id, 99), log.directory)
        self.assertEqual((code, os.path.exists(gone)), (1, False))

    def test_wrong_usage(self):
        log = self.log(2).write()
        event = record_id(log.lines[0][0])
        key = judges.Key(log.vkey).path
        proof = self.path("p", self.prove(log, 0, 0))
        for args, why in ((("prove",), "operand missing"), (("prove", "x", log.directory), "not an audit_event_id: x"),
                          (("prove", "--from", "-1", event, log.directory), "--from"),
                          (("prove", "--from", "x", event, log.directory), "--from"),
                          (("prove", event, log.directory, "x"), "too many operands"),
                          (("prove", event, self.path("nowhere")), "No such file"),
                          (("prove", event, proof), "Not a directory"),
                          (("verify-proof",), "operand missing"), (("verify-proof", self.path("nowhere")), "No such file"),
                          (("verify-proof", self.top), "Is a directory"),
                          (("verify-proof", "--key", self.path("nowhere"), proof), "No such file"),
                          (("verify-proof", "--key", proof, proof), "larger than"),
                          (("verify-proof", "--key", self.path("k", b"x\n"), proof), "not a verifier key"),
                          (("verify-proof", "--pin", "1", proof), "--pin"),
                          (("verify-proof", "--pin", "1:" + "0" * 63, proof), "--pin"),
                          (("verify-proof", "--key", key, proof, proof), "too many operands")):
            with self.subTest(args):
                code, out, err = auditlog(*args)
                self.assertEqual((code, out), (2, b""), err)
                self.assertIn(why, err)
                self.assertTrue(err.startswith("auditlog: "), err)

    def test_too_large(self):
        path = self.path("large")
        with open(path, "wb") as f:
            f.truncate(PROOF_MAX + 1)
        code, out, err = auditlog("verify-proof", path)
        self.assertEqual((code, out), (2, b""))
        self.assertIn("larger than", err)
        os.truncate(path, PROOF_MAX)
        code, out, err = auditlog("verify-proof", path)
        self.assertEqual((code, err), (1, ""))

    def test_hostile_text(self):
        """Neither a name nor a fault can drive the terminal."""
        name = self.path("a\x1b[31m\nb", b'{"\x1b[31m')
        code, out, err = auditlog("verify-proof", name)
        self.assertEqual((code, err), (1, ""))
        self.assertNotIn(b"\x1b", out)
        self.assertEqual(out.count(b"\n"), 1, out)
        code, out, err = auditlog("verify-proof", name + "x")
        self.assertNotIn("\x1b", err)

    def test_help(self):
        with open(os.path.join(service.TOP, "docs", "man", "auditlog.1"), encoding="utf-8") as f:
            manual = f.read().replace("\\-", "-")
        for command in ("prove", "verify-proof", "anchor"):
            code, out, err = auditlog(command, "--help")
            self.assertEqual((code, err), (0, ""))
            self.assertTrue(out.startswith(f"usage: auditlog {command} [options]".encode()), out)
            self.assertIn(b"exit status: ", out)
            part = manual.partition(f".Ss {command}\n")[2].partition(".Ss")[0]
            for option in set(re.findall(r"^  --([a-z-]+)", out.decode(), re.M)) - {"help"}:
                self.assertIn(f".It Fl -{option}", part, command)

    def test_many_seals(self):
        """A chain of 2,000 seals: how large and how long is printed."""
        log = self.log(*[1] * 2000).write()
        began = time.monotonic()
        proof = self.prove(log, 1999, 0)
        proved = time.monotonic()
        self.judge(proof, "PROVEN", log.vkey)
        print(f"# {len(proof)} bytes, {proved - began:.2f} s to prove, {time.monotonic() - proved:.2f} s to verify twice")
        short = self.prove(log, 1999, 0, "--from", "1999")
        self.judge(short, "PROVEN", pins=[log.pin(1999)])
        self.assertLess(len(short), 4096)


if __name__ == "__main__":
    tap.main()
