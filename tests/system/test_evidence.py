#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever checks a log comes to the same end: auditlog verify, the same rules in Python (tests/lib/evidence.py),
and docs/verify.sh, which needs nothing of ours. On logs as the writer leaves them, and on proofs."""

import json
import os
import resource
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import judges  # noqa: E402
import schema  # noqa: E402
import seals  # noqa: E402
import tap  # noqa: E402
from evidence_case import Case  # noqa: E402
from evidence_log import STEP  # noqa: E402

DAY = 86400_000000


class Rules(unittest.TestCase):
    """The rules in Python against what others have published."""

    def test_note(self):
        """The example of golang.org/x/mod/sumdb/note."""
        text = b"If you think cryptography is the answer to your problem,\n" \
               b"then you don't know what your problem is.\n"
        line = "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6R" \
               "yyBwJnAM=\n"
        seed = seals.unb64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
        key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        self.assertEqual(seals.vkey("PeterNeumann", seals.public_of(seed)), key)
        note = text + b"\n" + line.encode()
        self.assertEqual(seals.sign_note(text, "PeterNeumann", seed), note)
        found, signatures = seals.parse_note(note)
        self.assertEqual(found, text)
        seals.check_signature(found, signatures, *seals.parse_vkey(key))
        for bad in (note[:-1], note.replace(b"you", b"You", 1), note.replace(b"\n\n", b"\n"), note + b"\n",
                    note.replace(b"nAM=", b"nAN="), note.replace(b"x08", b"X08"), b"\n" + line.encode(),
                    note.replace(b"If", b"I\t"), note.replace(b"If", b"I\xff")):
            with self.assertRaises(seals.Bad):
                found, signatures = seals.parse_note(bad)
                seals.check_signature(found, signatures, *seals.parse_vkey(key))

    def test_tree(self):
        """The trees of the Certificate Transparency project's tests."""
        leaves = [seals.leaf(bytes.fromhex(x)) for x in
                  ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
        roots = ("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                 "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                 "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                 "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                 "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                 "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                 "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                 "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
        for n, root in enumerate(roots, 1):
            self.assertEqual(seals.merkle_root(leaves[:n]).hex(), root)
            for i in range(n):
                path = seals.merkle_path(leaves[:n], i)
                self.assertEqual(seals.merkle_climb(leaves[i], n, i, path).hex(), root)
                self.assertNotEqual(seals.merkle_climb(leaves[i - 1], n, i, path).hex(), root if n > 1 else "")


class Honest(Case):
    """Logs as the writer leaves them."""

    def test_sealed(self):
        for segments in ((1,), (3, 4), (2,) * 20, (1, 2, 3, 5, 8, 13, 64, 65)):
            with self.subTest(segments):
                self.agree(self.log(*segments).write(), "SEALED")

    def test_records_conform_to_the_schema(self):
        log = self.log(12)
        self.assertEqual(schema.validate("record", [x for x in log.lines[0] if b'"heartbeat"' not in x]), [])

    def test_unpinned(self):
        log = self.log(3, 4).write()
        self.agree(log, "UNPINNED", pinned=False)
        os.unlink(log.path("origin.vkey"))
        self.agree(log, "UNPINNED", pinned=False)
        self.agree(log, "SEALED")

    def test_recovered_and_poisoned(self):
        for state in ("recovered", "poisoned"):
            log = self.log(3).run().add(2, state=state, torn_bytes=17).add(2).write()
            self.agree(log, "RECOVERED")
            self.agree(log, "UNPINNED", "RECOVERED", pinned=False)

    def test_pruned(self):
        log = self.log(3, 3, 3).prune(1).write()
        self.agree(log, "PRUNED")
        self.agree(log.prune(2).write(), "PRUNED")
        self.agree(log.prune(3).write(), "INCOMPLETE", "PRUNED")
        log.add(2, state="recovered").prune(2).write()
        self.agree(log, "PRUNED", "RECOVERED")
        self.agree(log, "UNPINNED", "PRUNED", "RECOVERED", pinned=False)

    def test_publishing(self):
        log = self.log(3, 3, 3)
        for n in (1, 2, 3):
            self.agree(log.publish_only(n).write(), "SEALED")

    def test_unsealed_tail(self):
        log = self.log(3)
        log.tail(2)
        self.agree(log.write(), "SEALED")
        log.tail(2, after=b'{"audit_event_id"')  # the next in line
        log.tail(1, after=b"\0\0x")
        log.tail(0)                              # standby
        found = self.agree(log.write(), "SEALED")
        self.assertEqual(found["auditlog"].tail, (5, 8, 17 + 3))
        only = self.log()
        only.tail(3)
        self.agree(only.write(), "INCOMPLETE")

    def test_nothing(self):
        log = self.log().write()
        self.agree(log, "INCOMPLETE")
        os.unlink(log.path("origin.vkey"))
        self.agree(log, "INCOMPLETE", "UNPINNED", pinned=False)

    def test_files_that_are_none_of_the_log(self):
        log = self.log(3, 3).write()
        for name in ("README", "recover.scratch", "recover.copy", log.names[0] + ".torn", log.names[1] + ".torn.2",
                     "audit-x.jsonl", log.names[0][:-12] + "000000.jsonl",
                     log.names[0] + ".bak", log.names[0].upper(), "audit-\n" + log.names[0]):
            with open(log.path(name), "wb") as f:
                f.write(b"{}\n")
        self.agree(log, "SEALED")

    def test_clock_steps(self):
        log = self.log(3)
        log.add([log.line(), log.step_clock(-DAY), log.line()])    # back within a segment
        log.add([log.step_clock(-DAY)])                            # at its first line
        log.add([log.line(), log.step_clock(DAY * 40), log.line()])
        self.agree(log.write(), "SEALED")
        self.assertNotEqual(sorted(log.names), log.names, "names in another order than segments")

    def test_time_that_runs_back_without_a_clock_step(self):
        log = self.log(3)
        log.time -= STEP * 2
        name = log._name()
        log.number -= 1
        self.agree(log.add(2).write(), "BROKEN", fault=(name, 1))

    def test_seals_missing_at_the_front(self):
        log = self.log(3, 3, 3, 3).prune(2).write()
        for name in log.names[:2]:
            os.unlink(log.path(name + ".seal"))
        self.agree(log, "INCOMPLETE")
        self.agree(log, "INCOMPLETE", "UNPINNED", pinned=False)
        self.agree(log, "INCOMPLETE", pins=[log.pin(2)])
        self.agree(log, "BROKEN", pins=[log.pin(1)], fault=("", 0))
        log.prune(1).write()
        for name in log.names[:2]:
            os.unlink(log.path(name + ".seal"))
        self.agree(log, "BROKEN", fault=(log.names[1], 0))

    def test_origins(self):
        for origin in ("x", "example.com:8443/a@b/_-.", "o" * 128):
            self.agree(self.log(2, origin=origin).write(), "SEALED")

    def test_many_records(self):
        log = self.log(1000).write()
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual(judges.shell(log.directory, judges.Key(log.vkey)).short[0], "SEALED")
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
        print(f"# verify.sh on a segment of 1,000 records: {spent:.1f} s of processor")
        self.agree(log, "SEALED")


class Proofs(Case):
    def prove(self, log, *args):
        return judges.run([judges.AUDITLOG, "prove", *args, log.directory])

    def both(self, proof, code, key=None, pins=()):
        """auditlog verify-proof and the rules in Python come to the same end."""
        path = os.path.join(self.top, "proof")
        with open(path, "wb") as f:
            f.write(proof)
        options = judges.options(key, pins, None)
        found, out, err = judges.run([judges.AUDITLOG, "verify-proof", *options, path])
        result = evidence.verify_proof(proof, key.text if key else None, pins)
        self.assertEqual((found, result.code), (code, code), f"{out}{err}{result.fault}")
        return out, result

    def test_every_record(self):
        log = self.log(1, 2, 7).add(3, state="recovered").write()
        key = judges.Key(log.vkey)
        for i, lines in enumerate(log.lines):
            for k, line in enumerate(lines):
                event = seals.parse_record(line)["audit_event_id"]
                code, out, err = self.prove(log, event)
                self.assertEqual((code, err), (0, ""))
                self.assertEqual(out.encode(), evidence.make_proof(lines, log.notes, k, i))
                said, result = self.both(out.encode(), 0, key)
                self.assertEqual(result.record["audit_event_id"], event)
                self.assertIn(event, said)
                self.both(out.encode(), 3)
                self.both(out.encode(), 0, None, [log.pin(0)])
                for other in log.lines[i - 1]:
                    self.assertNotIn(json.dumps(other.decode()), out, "another record")

    def test_from_a_pinned_seal(self):
        log = self.log(3, 3, 3, 3).write()
        key, event = judges.Key(log.vkey), seals.parse_record(log.lines[2][1])["audit_event_id"]
        for first in range(4):
            code, out, err = self.prove(log, "--from", str(first), event)
            self.assertEqual((code, err), (0, ""))
            low, high = min(first, 2), max(first, 2)
            self.assertEqual(out.encode(), evidence.make_proof(log.lines[2], log.notes, 1, 2, low, high))
            self.both(out.encode(), 0, None, [log.pin(first)])
            self.both(out.encode(), 0 if first == 0 else 3, key)
            self.both(out.encode(), 1, key, [(first, log.pin((first + 1) % 4)[1])])
            self.both(out.encode(), 1, None, [(7, log.pin(first)[1])])

    def test_tampered(self):
        log, other = self.log(3, 6).write(), self.log(3, 6, seed=1, origin="other")
        key = judges.Key(log.vkey)
        good = evidence.make_proof(log.lines[1], log.notes, 2, 1)
        theirs = evidence.make_proof(other.lines[1], other.notes, 2, 1)
        proof = json.loads(good)

        def changed(**members):
            return json.dumps({**proof, **members}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

        self.assertEqual(changed(), good)
        self.both(json.dumps(proof, indent=1).encode(), 0, key)
        self.both(theirs, 1, key)
        self.both(theirs, 3)
        path, notes = proof["path"], proof["seals"]
        for members in ({"record": log.lines[1][3].decode()}, {"record": proof["record"][:-1]},
                        {"record": proof["record"].replace('"linux"', '"minix"')}, {"leaf_index": 3}, {"leaf_index": 6},
                        {"seal_index": 0}, {"seal_index": 2}, {"origin": "other"}, {"path": path[:-1]},
                        {"path": path + path[:1]}, {"path": path[::-1]}, {"path": []}, {"seals": notes[1:] + notes[:1]},
                        {"seals": []}, {"seals": notes[:1]}, {"seals": [notes[0], other.notes[1].decode()]},
                        {"seals": [notes[0], log.resign(1, root=seals.ZERO).decode()]},
                        {"seals": [notes[0], log.resign(1, by=log.keys[0]).decode()]}, {"type": "x"}, {"more": 1},
                        {"event_id": seals.parse_record(log.lines[1][3])["audit_event_id"]}, {"leaf_index": "2"}):
            with self.subTest(members):
                self.both(changed(**members), 1, key)
                self.both(changed(**members), 1, None, [log.pin(1)])


if __name__ == "__main__":
    tap.main()
