#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever checks a log comes to the same end: auditlog verify, the same rules in Python (tests/lib/evidence.py),
and docs/verify.sh, which needs nothing of ours. On logs of all kinds, and on what the service writes."""

import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import unittest
import unittest.mock as mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import judges  # noqa: E402
import schema  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import STEP  # noqa: E402

DAY = 86400_000000


class Judges:
    """For test cases: ask all who judge."""

    def agree(self, log, verdict, *caveats, fault=None, pinned=True, key=None, pins=(), max_age=None):
        """All judges say so. fault: (file, line). log: a builder, or a directory."""
        directory = log if isinstance(log, str) else log.directory
        key = key or (judges.Key(log.vkey) if pinned and not isinstance(log, str) else None)
        code = {"SEALED": 0, "BROKEN": 1, "INCOMPLETE": 4}.get(verdict, 3)
        expected = (verdict, caveats, code, *(fault or (None, None)))
        found = {judge.__name__: judge(directory, key, pins, max_age)
                 for judge in (judges.python, judges.auditlog, judges.shell)}
        for name, judgement in found.items():
            self.assertEqual(judgement.short, expected, f"{name}: {judgement}")
        if not fault:
            self.assertEqual(len({(j.pin, j.records) for j in found.values()}), 1, found)
            self.assertEqual(found["python"].tail, found["auditlog"].tail)
        return found


class Case(Judges, unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="e")
        self.addCleanup(shutil.rmtree, self.top, True)
        self.made = 0

    def log(self, *segments, **options):
        self.made += 1
        return evidence.LogBuilder(os.path.join(self.top, f"log{self.made}"), segments=segments, **options)


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


class Pinned(Case):
    def test_pins(self):
        log = self.log(3, 3, 3).write()
        for i in range(3):
            self.agree(log, "SEALED", pins=[log.pin(i)])
        self.agree(log, "SEALED", pins=[log.pin(2), log.pin(0)])
        self.agree(log, "UNPINNED", pinned=False, pins=[log.pin(2)])
        self.agree(log, "BROKEN", pins=[(1, log.pin(2)[1])], fault=(log.names[1] + ".seal", 0))
        self.agree(log, "BROKEN", pins=[log.pin(0), (3, log.pin(2)[1])], fault=("", 0))

    def test_keys(self):
        log, other = self.log(3, 3).write(), self.log(2, seed=1, origin="other")
        self.agree(log, "BROKEN", key=judges.Key(other.vkey), fault=("origin.vkey", 0))
        os.unlink(log.path("origin.vkey"))
        self.agree(log, "BROKEN", key=judges.Key(other.vkey), fault=(log.names[0] + ".seal", 0))
        with open(log.path("origin.vkey"), "w", encoding="ascii") as f:
            f.write(other.vkey + "\n")
        self.agree(log, "BROKEN", pinned=False, fault=(log.names[0] + ".seal", 0))
        self.agree(log, "BROKEN", fault=("origin.vkey", 0))

    def test_origin_vkey_must_be_one(self):
        log = self.log(3).write()
        good = log.vkey.encode()
        for data in (b"", b"\n", good, good + b"\n\n", b" " + good + b"\n", good[:-4] + b"\n", b"x\n",
                     good.replace(b"+", b"+0", 1) + b"\n", good + b"\0\n", good[:-1] + b"-\n"):
            with open(log.path("origin.vkey"), "wb") as f:
                f.write(data)
            self.agree(log, "BROKEN", fault=("origin.vkey", 0))
            self.agree(log, "BROKEN", pinned=False, fault=("origin.vkey", 0))

    def test_max_age(self):
        log = self.log(3, 3, start=int(time.time() * 1e6) - 600 * 1000000).write()
        self.agree(log, "SEALED", max_age=3600)
        self.agree(log, "INCOMPLETE", max_age=60)
        self.agree(log.prune(1).write(), "INCOMPLETE", "PRUNED", max_age=60)
        log = self.log(3, start=int(time.time() * 1e6) + 600 * 1000000).write()
        self.agree(log, "SEALED", max_age=3600)
        self.agree(log, "INCOMPLETE", max_age=60)


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


class Script(Case):
    """docs/verify.sh as a program, and the steps that docs/EVIDENCE.md shows."""

    def test_usage(self):
        log = self.log(2).write()
        for args in ([], ["--key"], [log.directory, "x"], ["--what", "x", log.directory], [self.top + "/nowhere"],
                     ["--pin", "1", log.directory], ["--pin", "x:" + seals.ZERO, log.directory],
                     ["--max-age", "1h", log.directory], ["--key", self.top + "/nowhere", log.directory],
                     ["--key", log.path(log.names[0]), log.directory]):
            code, out, err = judges.run(["sh", judges.SCRIPT, *args])
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn("verify.sh: ", err)

    def test_check_that_fails(self):
        """A tool that fails is no verdict, and above all not that of exit status 1."""
        log = self.log(2).write()
        for tool in ("jq", "split", "sort", "mktemp", "openssl", "sed"):
            bin_ = os.path.join(self.top, tool)
            os.mkdir(bin_)
            with open(os.path.join(bin_, tool), "w", encoding="ascii") as f:
                f.write("#!/bin/sh\nexit 1\n")
            os.chmod(os.path.join(bin_, tool), 0o755)
            code, out, err = judges.run(["env", f"PATH={bin_}:{os.environ['PATH']}", "sh", judges.SCRIPT, log.directory])
            self.assertEqual((code, out), (2, ""), f"{tool}: {err}")
            self.assertIn("verify.sh: ", err)

    def test_nothing_left_behind(self):
        log = self.log(2).write()
        for judge in (lambda: judges.shell(log.directory), lambda: judges.shell(log.directory, pins=[(9, seals.ZERO)])):
            with mock.patch.dict(os.environ, {"TMPDIR": self.top}):
                before = sorted(os.listdir(self.top))
                judge()
                self.assertEqual(sorted(os.listdir(self.top)), before)

    def test_steps_of_the_document(self):
        with open(os.path.join(service.TOP, "docs", "EVIDENCE.md"), encoding="utf-8") as f:
            blocks = re.findall(r"```sh\n(.*?)```", f.read(), re.S)
        self.assertEqual(len(blocks), 2)
        log = self.log(5, 7).write()
        program = f"set -e; P={log.names[0]}; S={log.names[1]}\n" + "\n".join(blocks)
        self.assertEqual(self.steps(log, program)[0], 0)
        first = f"set -e; S={log.names[0]}\n" + blocks[0] + f'test "$(jq -r .key text)" = "{log.vkey}"\n'
        self.assertEqual(self.steps(log, first)[0], 0)
        for at in (b'"linux"', b"\n"):
            log.write()
            with open(log.path(log.names[1]), "r+b") as f:
                f.seek(f.read().index(at) + len(at) - 1)
                f.write(b"#")
            self.assertNotEqual(self.steps(log, program)[0], 0)
        log.notes[1] = log.resign(1, by=log.keys[0])
        self.assertNotEqual(self.steps(log.write(), program)[0], 0)

    def steps(self, log, program):
        return judges.run(["sh", "-c", f"cd {log.directory}; {program}"])


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


class Strange(Case):
    """A writer that seals well what it should not have written: seals hold, the rules of records do not."""

    def refused(self, old, new, **options):
        log = self.log(2)
        log.add([log.line(), log.bent(old, new), log.line()])
        with self.subTest(new[:40]):
            self.agree(log.write(), "BROKEN", fault=(log.names[1], 2), **options)

    def test_json(self):
        for new in (b'"os":"linux","os":"linux"', b'"os":"linux","\\u006fs":"linux"', b'"os":{"a":1,"a":2}',
                    b'"os":9007199254740992', b'"os":-9007199254740993', b'"os":1e400', b'"os":nan', b'"os":NaN',
                    b'"os":01', b'"os":1.', b'"os":.5', b'"os":+1', b'"os":"\\ud800"', b'"os":"\\udc00\\ud800"',
                    b'"os":"\\u0000"', b'"os":"a\tb"', b'"os":"\x01"', b'"os":"\xff"', b'"os":"\xed\xa0\x80"',
                    b'"os":"\xc0\xaf"', b'"os":"\\x"', b"'os':1", b'"os":tru', b'"os":[1,]', b'"os":"\\u12"',
                    b'"os":[1 2]', b'"os":1,,"x":1', b'"os":"x"} {"y":"z"', b'"os":\x00', b'"os":\x0b1'):
            self.refused(b'"os":"linux"', new)

    def test_json_that_is_fine(self):
        log = self.log(2)
        for new in (b'"os":9007199254740991', b'"os":-9007199254740991', b'"os":[1, 2.5e3,-0,\t{}]',
                    b'"os":"\\ud83d\\ude00 \\\\ud800 \\\\u0000 \x7f \xf0\x9f\x94\x91"', b'"os":"{\\"os\\":1,\\"os\\":2}"',
                    b'"os":{"os":{"os":[]}}', b'"os" : null', b'"os":[true,false]\r'):
            log.add([log.bent(b'"os":"linux"', new)])
        for old, new in ((b'{"audit', b' \t{ "audit'), (b'"seq":', b'"seq" : '),
                         (b'"prev_hash":', b'"prev_hash" :\t'), (b'","schema', b'" ,\r"schema'), (b'"}\n', b'" } \r\n')):
            log.add([log.bent(old, new)])
        self.agree(log.write(), "SEALED")

    def test_seals(self):
        """What a seal says that nothing else would show to be impossible."""
        for members in ({"torn_bytes": 1 << 53}, {"torn_bytes": 9999999999999999}):
            log = self.log(2)
            self.agree(log.add(2, **members).write(), "BROKEN", fault=(log.names[1] + ".seal", 0))
        for name in ("first_time", "last_time"):
            for text in ("2026-02-29T04:00:00.000000Z", "2026-11-21T24:00:00.000000Z", "2026-13-01T00:00:00.000000Z"):
                log = self.log()
                log.add(2, **{name: text}).add(2).prune(1)
                self.agree(log.write(), "BROKEN", fault=(log.names[0] + ".seal", 0))

    def test_members(self):
        one = b'{"audit_event_id":"'
        self.refused(one, b'{"os2":1,"audit_event_id":"')
        self.refused(b'"prev_hash"', b'"prev_has"')
        self.refused(b'"seq":4,', b'"seq":5,')
        self.refused(b'"seq":4,', b'"seq":4.0,')
        self.refused(b'"seq":4,', b'"seq":"4",')
        self.refused(b'-8000-000000000004"', b'-8000-000000000005"')
        self.refused(b'-8000-000000000004"', b'-c000-000000000004"')
        self.refused(b'"timestamp":"2026-11-21T', b'"timestamp":"2026-11-21 ')
        self.refused(b'"timestamp":"2026', b'"timestamp":"2025')

    def test_places(self):
        """Evidence stands where every reader looks, as it is: not elsewhere, not in escapes."""
        for key in (b"audit_event_id", b"timestamp", b"seq", b"prev_hash"):
            self.refused(b'"%s"' % key, b'"\\u%04x%s"' % (key[0], key[1:]))
            self.refused(b'"%s"' % key, b'"x":0,"%s":0,"y' % key)
        self.refused(b'"timestamp":"2', b'"timestamp":"\\u0032')
        for moved, to in ((rb'"timestamp":"[^"]*",', b'"seq"'), (rb'"seq":\d+,', b'"os"')):
            log = self.log(2)
            line = log.line()
            member = re.search(moved, line)[0]
            line = line.replace(member, b"").replace(to, member + to)
            log.head = seals.leaf(line).hex()
            log.add([line])
            self.agree(log.write(), "BROKEN", fault=(log.names[1], 1))

    def test_times(self):
        """Every day that there is, and none that there is not."""
        def between(text):
            log = self.log(start=0)
            log.add([log.line(), log.bent(b"1970-01-01T00:00:01.250003Z", text.encode()),
                     log.line(timestamp="9999-12-31T23:59:59.999999Z")])
            return log.write()

        log = self.log(start=0)
        log.add([log.line(timestamp=text) for text in (
            "1970-01-01T00:00:00.000000Z", "1999-02-28T10:00:00.000000Z", "2000-02-29T10:00:00.000000Z",
            "2024-02-29T23:59:59.999999Z", "2026-01-31T00:00:00.000000Z", "2026-03-31T00:00:00.000000Z",
            "2026-04-30T00:00:00.000000Z", "2026-05-31T00:00:00.000000Z", "2026-06-30T00:00:00.000000Z",
            "2026-07-31T00:00:00.000000Z", "2026-08-31T00:00:00.000000Z", "2026-09-30T00:00:00.000000Z",
            "2026-10-31T00:00:00.000000Z", "2026-11-30T00:00:00.000000Z", "2026-12-31T00:00:00.000000Z",
            "9999-12-31T23:59:59.999999Z")])
        self.agree(log.write(), "SEALED")
        for text in ("2026-02-29T00:00:00.000000Z", "1900-02-29T00:00:00.000000Z", "2026-09-31T00:00:00.000000Z",
                     "2026-13-01T00:00:00.000000Z", "2026-00-01T00:00:00.000000Z", "2026-01-00T00:00:00.000000Z",
                     "2026-01-32T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z", "2026-01-01T00:60:00.000000Z",
                     "2026-12-31T23:59:60.000000Z", "2026-01-01T00:00:00.00000Z", "2026-01-01T00:00:00.0000000Z",
                     "2026-01-01T00:00:00.000000+00:00", "2026-01-01t00:00:00.000000z", "1969-12-31T23:59:59.999999Z"):
            with self.subTest(text):
                log = between(text)
                self.agree(log, "BROKEN", fault=(log.names[0], 2))

    def test_line_length(self):
        log = self.log(2)
        line = log.bent(b'"os":"linux"', b'"os":"' + b"x" * 4000 + b'"')
        log.seq -= 1
        for n, verdict in ((8192, "SEALED"), (8193, "BROKEN")):
            log = self.log(2)
            log.add([log.bent(b'"os":"linux"', b'"os":"' + b"x" * (4000 + n - len(line)) + b'"')])
            self.assertEqual(len(log.lines[1][0]), n)
            self.agree(log.write(), verdict, fault=(log.names[1], 1) if n > 8192 else None)

    def test_another_log_id(self):
        log = self.log(2)
        log.log_id ^= 1
        self.agree(log.add(2).write(), "BROKEN", fault=(log.names[1], 1))

    def test_depth(self):
        for levels, sealed in ((63, True), (64, False), (2000, False)):
            log = self.log(2)
            log.add([log.bent(b'"os":"linux"', b'"os":' + b"[" * levels + b"]" * levels)])
            self.agree(log.write(), "SEALED" if sealed else "BROKEN", fault=None if sealed else (log.names[1], 1))


class Real(Judges, service.Case):
    """What the service itself has written."""

    def ask(self, s, n):
        with s.client() as c:
            for i in range(n):
                c.ask({"id": i, **(service.ALLOWED if i % 3 else service.DENIED)})

    def enrolled(self, s):
        """The key, as an operator takes it off the host."""
        code, out, err = service.policyctl("enroll", "--json", s.audit)
        self.assertEqual((code, err), (0, ""))
        return judges.Key(json.loads(out)["key"])

    def newest(self, s, key):
        """A pin of the newest seal, as auditlog verify says it."""
        index, text = judges.auditlog(s.audit, key).pin.split(":")
        return int(index), text

    def test_sealed(self):
        s = self.start(args=["--rotate-records", "20"])
        key = self.enrolled(s)
        self.ask(s, 90)
        s.stop()
        found = self.agree(s.audit, "SEALED", key=key)
        self.assertGreater(found["auditlog"].records, 90)
        self.agree(s.audit, "UNPINNED")
        pin = self.newest(s, key)
        s = self.start(args=["--rotate-records", "20"])
        self.ask(s, 30)
        s.stop()
        self.agree(s.audit, "SEALED", key=key, pins=[pin], max_age=600)
        self.assertGreater(self.newest(s, key)[0], pin[0])

    def test_while_it_writes(self):
        """Looked at over and over in place: never a word of anything wrong."""
        s = self.start(args=["--rotate-records", "10"])
        key = self.enrolled(s)
        writing = service.Neighbour(s.socket)
        looks, tails, words = 0, 0, ("INCOMPLETE", "SEALED")
        while looks < 15 or not tails and looks < 100:
            for judge in (judges.auditlog, judges.python):
                found = judge(s.audit, key)
                self.assertIn(found.verdict, words, found)
                words = words[words.index(found.verdict):]  # never back to nothing sealed
                tails += found.tail[0] > 0
            looks += 1
        writing.finish()
        self.assertIsNone(writing.problem)
        self.assertGreater(tails, 0)
        s.stop()
        self.assertEqual(judges.auditlog(s.audit, key).short, judges.python(s.audit, key).short)

    def test_recovered(self):
        s = self.start()
        key = self.enrolled(s)
        self.ask(s, 10)
        s.kill("writer")
        s.wait()
        s.gone()
        self.agree(s.audit, "INCOMPLETE", key=key)
        again = self.start()
        self.ask(again, 5)
        again.stop()
        self.agree(s.audit, "RECOVERED", key=key)

    def test_pruned(self):
        s = self.start(args=["--rotate-records", "10"])
        key = self.enrolled(s)
        self.ask(s, 40)
        log = s.stop()
        for segment in log.segments[:2]:
            os.rename(segment.path, os.path.join(s.top, segment.name))
        self.agree(s.audit, "PRUNED", key=key)
        for segment in log.segments[:2]:
            os.rename(os.path.join(s.top, segment.name), segment.path)

    def snapshot(self, s, name):
        for part in (s.audit, s.keys):
            shutil.copytree(part, os.path.join(s.top, name, os.path.basename(part)))

    def turn_back(self, s, name, *parts):
        for part in parts:
            shutil.rmtree(part)
            shutil.copytree(os.path.join(s.top, name, os.path.basename(part)), part)

    def test_the_key_state_turned_back(self):
        """Beside a log that has gone on: it does not start, and the log stays what it was."""
        s = self.start()
        key = self.enrolled(s)
        self.ask(s, 5)
        s.stop()
        self.snapshot(s, "then")
        self.start()
        self.ask(s, 5)
        self.services[-1].stop()
        self.turn_back(s, "then", s.keys)
        again = self.make().spawn()
        self.assertNotEqual(again.wait(), 0)
        self.agree(s.audit, "SEALED", key=key)

    def test_the_whole_host_turned_back(self):
        """docs/EVIDENCE.md, U1: log and keys as of a snapshot go on as if nothing had been. A pin finds it."""
        s = self.start()
        key = self.enrolled(s)
        self.ask(s, 5)
        s.stop()
        old = self.newest(s, key)
        self.snapshot(s, "then")
        s = self.start()
        self.ask(s, 5)
        s.stop()
        pin = self.newest(s, key)
        self.turn_back(s, "then", s.audit, s.keys)
        self.agree(s.audit, "SEALED", key=key, pins=[old])
        self.agree(s.audit, "BROKEN", key=key, pins=[pin], fault=("", 0))
        s = self.start()
        self.ask(s, 5)
        log = s.stop()
        self.agree(s.audit, "SEALED", key=key, pins=[old])
        self.agree(s.audit, "BROKEN", key=key, pins=[pin], fault=(log.segments[-1].name + ".seal", 0))


if __name__ == "__main__":
    tap.main()
