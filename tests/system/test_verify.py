#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog verify: its command line, its report, the place of the first fault, directories full of traps, logs that
are written to meanwhile. Which logs deserve which verdict is test_evidence.py's and test_tamper.py's business."""

import contextlib
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import judges  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402
from evidence_log import START, STEP, time_text  # noqa: E402

MEMBERS = ["verdict", "exit", "caveats", "origin", "key", "pinned", "seals", "records", "first_seq", "last_seq",
           "first_time", "last_time", "pin", "range", "tail", "torn_files", "ignored_files", "anchors", "anchored",
           "fault", "reason"]
ZEROS = "0" * 64


def verify(*args, **options):
    return service.run([judges.AUDITLOG, "verify", *args], **options)


class Case(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="v")
        self.addCleanup(shutil.rmtree, self.top, True)
        self.directory = os.path.join(self.top, "log")

    def log(self, *segments, **options):
        return evidence.LogBuilder(self.directory, segments=segments, **options)

    def key_file(self, log):
        path = os.path.join(self.top, "key")
        with open(path, "w", encoding="utf-8") as f:
            f.write(log.vkey + "\n")
        return path

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def put(self, name, data):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(name))
        with open(self.path(name), "wb") as f:
            f.write(data)

    def judge(self, *args, code=None):
        """The JSON of verify with these arguments."""
        found, out, err = verify("--json", *args, self.directory)
        self.assertEqual((err, out.count("\n")), ("", 1), err)
        said = strict.loads(out[:-1].encode())
        self.assertEqual(list(said), MEMBERS)
        self.assertEqual(found, said["exit"])
        if code is not None:
            self.assertEqual(found, code, said)
        return said

    def assert_fault(self, file, line, offset, what, expected=None, found=None, args=()):
        said = self.judge(*args, code=1)
        self.assertEqual((said["verdict"], said["caveats"]), ("BROKEN", []))
        self.assertEqual(said["fault"], {"file": file, "line": line, "offset": offset, "what": what,
                                         "expected": expected, "found": found})
        return said


class Usage(Case):
    def test_help_and_version(self):
        code, out, err = service.run([judges.AUDITLOG, "--help"])
        self.assertEqual((code, err), (0, ""))
        self.assertIn("\n  verify ", out)
        self.assertRegex(service.run([judges.AUDITLOG, "--version"])[1], r"\Aauditlog \d+\.\d+\.\d+\n\Z")
        code, out, err = verify("--help")
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("usage: auditlog verify [options] [DIR]\n"))
        self.assertIn("exit status: 0 sealed or anchored, 1 broken, 2 error, 3 sealed with a caveat, 4 incomplete\n", out)
        with open(os.path.join(service.TOP, "docs", "man", "auditlog.1"), encoding="utf-8") as f:
            manual = f.read().replace("\\-", "-")
        for option in re.findall(r"^  --([a-z-]+)", out, re.M):
            self.assertTrue(option == "help" or f".It Fl -{option}" in manual, option)

    def test_wrong_command_lines(self):
        self.log(1).write()
        pin = "0:" + ZEROS
        for args in (["--frob"], ["--pin", "0"], ["--pin", pin[:-1]], ["--pin", pin + "0"], ["--pin", pin.replace("0", "G", 9)],
                     ["--pin", ":" + ZEROS], ["--pin", "-1:" + ZEROS], ["--pin", "9007199254740992:" + ZEROS],
                     ["--pin", "0:" + "A" * 64], ["--max-age", "1"], ["--max-age", "1w"], ["--max-age", "d"],
                     ["--max-age", "-1d"], ["--max-age", "99999999d"], ["--max-age", ""], ["--since", "yesterday"],
                     ["--since", "2026-11-21"], ["--until", ""], ["--until", "9007199254740992"],
                     [self.directory], ["--pin", pin] * 65):
            code, out, err = verify(*args, self.directory)
            self.assertEqual((code, out), (2, ""), args)
            self.assertRegex(err, r"\Aauditlog: verify: .+\nTry 'auditlog verify --help'\.\n\Z")
        self.assertEqual(service.run([judges.AUDITLOG])[0], 2)
        self.assertEqual(service.run([judges.AUDITLOG, "frob"])[0], 2)

    def test_what_cannot_be_read(self):
        log = self.log(1).write()
        missing = os.path.join(self.top, "none")
        long = os.path.join(self.top, "long")
        with open(long, "w", encoding="utf-8") as f:
            f.write(log.vkey + "\n" * 200)
        for args, why in (([missing], f"{missing}: No such file or directory"),
                          ([self.path("origin.vkey")], f"{self.path('origin.vkey')}: Not a directory"),
                          (["--key", missing, self.directory], f"{missing}: No such file or directory"),
                          (["--key", self.top, self.directory], f"{self.top}: Is a directory"),
                          (["--key", long, self.directory], f"{long}: larger than"),
                          (["--key", "/dev/null", self.directory], "/dev/null: not a verifier key"),
                          (["--key", self.path(log.names[0] + ".seal"), self.directory], "larger than")):
            code, out, err = verify(*args)
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn(why, err)

    def test_key_from_standard_input(self):
        log = self.log(1).write()
        code, out, _ = verify("--key", "-", self.directory, input=log.vkey.encode())
        self.assertEqual(code, 0, out)

    def test_default_directory(self):
        code, out, err = verify()
        if os.path.isdir("/var/log/sealwright/audit"):
            self.assertIn(code, (0, 1, 2, 3, 4))
        else:
            self.assertEqual((code, out, err),
                             (2, "", "auditlog: /var/log/sealwright/audit: No such file or directory\n"))


class Report(Case):
    def test_sealed(self):
        log = self.log(5, 7).write()
        pin = "{}:{}".format(*log.pin(1))
        last = time_text(START + 11 * STEP)
        code, out, err = verify("--key", self.key_file(log), self.directory)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out, f"""SEALED: 12 records in 2 segments verified from the pinned key
origin      {log.origin}
seals       2, index 0 to 1
newest pin  {pin}
records     12, seq 1 to 12
time        {time_text(START)} to {last}
""")
        said = self.judge("--key", self.key_file(log), "--pin", pin, code=0)
        self.assertEqual(said, {
            "verdict": "SEALED", "exit": 0, "caveats": [], "origin": log.origin, "key": log.vkey, "pinned": True,
            "seals": {"count": 2, "first": 0, "last": 1}, "records": 12, "first_seq": 1, "last_seq": 12,
            "first_time": time_text(START), "last_time": last, "pin": pin, "range": None,
            "tail": {"records": 0, "first_seq": None, "last_seq": None, "bytes_not_checked": 0, "files": 0},
            "torn_files": 0, "ignored_files": 0, "anchors": [], "anchored": None, "fault": None,
            "reason": "12 records in 2 segments verified from the pinned key"})

    def test_all_caveats_and_what_lies_beside(self):
        log = self.log(5, 7, 3)
        log.add(2, state="recovered", torn_bytes=9).prune(1).tail(2, after=b'{"audit')
        log.write()
        for name in (log.names[3] + ".torn", log.names[3] + ".torn.2", "README", ".x"):
            self.put(name, b"x")
        code, out, _ = verify(self.directory)
        self.assertEqual(code, 3)
        self.assertIn("UNPINNED, PRUNED, RECOVERED: checked only against the key found beside the log\n", out)
        for row in (r"records     12, seq 6 to 17", r"PRUNED      the first 1 segment gone, with all seals kept",
                    r"RECOVERED   1 segment sealed after a crash or a storage error, the first with seal 3",
                    r"tail        2 records not sealed yet, seq 18 to 19; 7 bytes not checked",
                    r"torn files  2", r"other files  2"):
            self.assertRegex(out, "(?m)^" + row.replace("  ", " +") + "$")
        said = self.judge(code=3)
        self.assertEqual((said["verdict"], said["caveats"], said["pinned"]), ("UNPINNED", ["PRUNED", "RECOVERED"], False))
        self.assertEqual((said["torn_files"], said["ignored_files"]), (2, 2))
        self.assertEqual(said["tail"], {"records": 2, "first_seq": 18, "last_seq": 19, "bytes_not_checked": 7, "files": 1})
        self.assertEqual((said["records"], said["first_seq"], said["last_seq"]), (12, 6, 17))

    def test_broken_and_incomplete(self):
        log = self.log(3, 3).write()
        pin = "{}:{}".format(*log.pin(0))
        lines = log.lines[1]
        self.put(log.names[1], lines[0] + lines[1].replace(b'"os":"linux"', b'"os":"linuX"') + lines[2])
        code, out, _ = verify("--key", self.key_file(log), self.directory)
        offset = len(lines[0]) + len(lines[1]) + len(lines[2]) - 67
        self.assertEqual(code, 1)
        self.assertEqual(out.splitlines()[:5], [
            f"BROKEN: {log.names[1]}: line 3, byte {offset}: prev_hash: does not match line 2",
            f"file          {log.names[1]}", "line          3", f"byte          {offset}",
            "fault         prev_hash: does not match line 2"])
        self.assertIn(f"\ngood up to    {pin}\n", out)
        self.assertIn("\ngood records  3, seq 1 to 3\n", out)
        os.unlink(self.path(log.names[0] + ".seal"))
        os.unlink(self.path(log.names[0]))
        self.put(log.names[1], b"".join(lines))
        code, out, _ = verify("--key", self.key_file(log), self.directory)
        self.assertEqual(code, 4)
        self.assertIn("INCOMPLETE: the first 1 seal missing; seal 1 is taken at its word\n", out)
        shutil.rmtree(self.directory)
        os.mkdir(self.directory)
        said = self.judge(code=4)
        self.assertEqual((said["verdict"], said["caveats"], said["reason"], said["pin"], said["origin"], said["key"]),
                         ("INCOMPLETE", ["UNPINNED"], "there is no sealed record to check", None, None, None))

    def test_nothing_reaches_the_terminal(self):
        """The one place where whoever writes there may put any byte that is shown."""
        self.log(1).write()
        hostile = "\x1b[31m\n\"\u202e\x9b".encode("latin-1", "replace") + b"\xff\x00\x07"
        self.put("origin.vkey", hostile)
        for args in ((), ("--json",)):
            out = on_terminal(("stdout",), [judges.AUDITLOG, "verify", *args, self.directory])
            self.assertIn("BROKEN", out)
            self.assertNotIn("\x1b[31m\n", out)
            for bad in ("\x07", "\x9b", "\u202e", "\x00"):
                self.assertNotIn(bad, out)
        code, out, _ = verify(self.directory)
        self.assertEqual(code, 1)
        self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.assertEqual(self.judge()["fault"]["what"], "not a verifier key")

    def test_output_that_fails(self):
        log = self.log(1).write()
        for args in ((), ("--json",)):
            full = [judges.AUDITLOG, "verify", *args, "--key", self.key_file(log), self.directory]
            with open("/dev/full", "w", encoding="ascii") as out:
                done = subprocess.run(full, stdout=out, stderr=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, b"auditlog: standard output: No space left on device\n")
            read, write = os.pipe()
            os.close(read)
            done = subprocess.run(full, stdout=write, stderr=subprocess.PIPE, check=False)
            os.close(write)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"Broken pipe", done.stderr)


def on_terminal(streams, args, during=None):
    """What a program writes to a terminal that is some of its streams."""
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(args, stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"},
                              **{s: slave if s in streams else subprocess.DEVNULL for s in ("stdout", "stderr")}) as p:
            os.close(slave)
            if during:
                during(p)
            out = b""
            with contextlib.suppress(OSError):  # the other side has closed
                while more := os.read(master, 1 << 16):
                    out += more
            p.wait(service.PATIENCE)
        return out.replace(b"\r\n", b"\n").decode("utf-8", "replace")
    finally:
        os.close(master)


class Bar(Case):
    @staticmethod
    def delay(process):
        """Work that takes over a second."""
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        process.send_signal(signal.SIGCONT)

    def test_bar(self):
        log = self.log(15000, 15000).write()
        args = [judges.AUDITLOG, "verify", "--key", self.key_file(log), self.directory]
        bar = re.compile(r"\rverifying \[#*\.*\] +\d+%")
        self.assertEqual(on_terminal(("stderr",), args), "", "not for a moment's work")
        for ms in range(2, 100, 3):  # until the moment was right
            shown = on_terminal(("stderr",), args, lambda p, ms=ms: (time.sleep(ms / 1000), self.delay(p)))
            if bar.search(shown):
                break
        self.assertRegex(shown, bar)
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)
        self.assertEqual(on_terminal((), args, self.delay), "")


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


class Part(Case):
    """--since, --until, --max-age."""

    def setUp(self):
        super().setUp()
        self.made = self.log(3, 3, 3, 3).write()
        self.args = ("--key", self.key_file(self.made))

    def covered(self, *args):
        said = self.judge(*self.args, *args)
        return said["exit"], said["range"] and (said["range"]["first"], said["range"]["last"]), said["records"]

    def test_by_index(self):
        self.assertEqual(self.covered(), (0, None, 12))
        self.assertEqual(self.covered("--since", "1", "--until", "2"), (0, (1, 2), 6))
        self.assertEqual(self.covered("--since", "3"), (0, (3, 3), 3))
        self.assertEqual(self.covered("--until", "0"), (0, (0, 0), 3))
        self.assertEqual(self.covered("--since", "4"), (4, (None, None), 0))
        self.assertEqual(self.covered("--since", "2", "--until", "1"), (4, (None, None), 0))
        code, out, _ = verify(*self.args, "--since", "1", "--until", "2", self.directory)
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("SEALED: 6 records in 2 segments verified from the pinned key\n"))
        self.assertIn("\nrange       seals 1 to 2\n", out)
        self.assertIn("\nseals       4, index 0 to 3\n", out)

    def test_by_time(self):
        last, first = time_text(START + 5 * STEP), time_text(START + 6 * STEP)  # of segment 1, of segment 2
        between = time_text(START + 5 * STEP + 1)
        self.assertEqual(self.covered("--since", last), (0, (1, 3), 9))
        self.assertEqual(self.covered("--since", between), (0, (2, 3), 6))
        self.assertEqual(self.covered("--until", between), (0, (0, 1), 6))
        self.assertEqual(self.covered("--until", first), (0, (0, 2), 9))
        self.assertEqual(self.covered("--since", between, "--until", first), (0, (2, 2), 3))
        self.assertEqual(self.covered("--since", "2026-11-21T06:00:00+02:00"), (0, (0, 3), 12))
        self.assertEqual(self.covered("--since", "2036-01-01T00:00:00Z"), (4, (None, None), 0))

    def test_faults_outside(self):
        """The chain of seals is checked whole, lines only where asked."""
        self.put(self.made.names[3], b"{}\n")
        self.assertEqual(self.covered("--until", "2"), (0, (0, 2), 9))
        self.assertEqual(self.covered("--since", "3")[0], 1)
        os.unlink(self.path(self.made.names[3]))
        self.assertEqual(self.covered("--until", "2")[0], 1, "that there is a segment for each seal is always asked")

    def test_pruned(self):
        self.made.prune(2).write()
        self.assertEqual(self.covered("--since", "1"), (3, (2, 3), 6))
        said = self.judge(*self.args, "--until", "1", code=4)
        self.assertEqual((said["verdict"], said["caveats"]), ("INCOMPLETE", ["PRUNED"]))

    def test_max_age(self):
        log = self.log(2, start=int((time.time() - 100) * 1e6)).write()
        for age, code in (("90s", 4), ("110s", 0), ("1m", 4), ("2m", 0), ("1h", 0), ("1d", 0), ("0s", 4)):
            said = self.judge("--key", self.key_file(log), "--max-age", age, code=code)
        self.assertEqual(said["reason"], "the newest sealed record is older than --max-age allows")

    def test_time_to_come(self):
        """By a clock that is a little ahead a record is young; one of tomorrow would be so until tomorrow."""
        log = self.log(2, start=int((time.time() + 100) * 1e6)).write()
        for age, code in (("50s", 4), ("1m", 4), ("3m", 0), ("1d", 0)):
            said = self.judge("--key", self.key_file(log), "--max-age", age, code=code)
            if code:
                self.assertEqual(said["reason"], "the newest sealed record is of a time to come, so it has no age")


class Traps(Case):
    """Nothing that lies in the directory makes verify hang, crash, or say what is not so."""

    def setUp(self):
        super().setUp()
        self.made = self.log(3, 3, 3).write()
        self.name = self.made.names[1]
        self.aside = os.path.join(self.top, "aside")

    def not_a_file(self, name, make):
        shutil.move(self.path(name), self.aside)
        make(self.path(name))

    def makers(self):
        def sock(path):
            s = socket.socket(socket.AF_UNIX)
            self.addCleanup(s.close)
            here = os.getcwd()
            os.chdir(os.path.dirname(path))
            try:
                s.bind(os.path.basename(path))
            finally:
                os.chdir(here)
        return (os.mkfifo, os.mkdir, sock, lambda p: os.symlink(self.aside, p), lambda p: os.symlink("/dev/zero", p),
                lambda p: os.symlink("nowhere", p))

    def test_in_the_place_of_files(self):
        for name in (self.name, self.name + ".seal", "origin.vkey"):
            for make in self.makers():
                self.not_a_file(name, make)
                said = self.judge(code=1)
                self.assertEqual(said["fault"]["file"], name)
                self.assertEqual(said["fault"]["what"], "not a verifier key" if name == "origin.vkey" else "not a regular file")
                shutil.rmtree(self.directory)
                self.made.write()

    def test_as_tail(self):
        name = self.made._name() + ".tmp"
        for make in self.makers():
            make(self.path(name))
            said = self.judge(code=3)
            self.assertEqual(said["tail"]["records"], 0)
            shutil.rmtree(self.directory)
            self.made.write()

    def test_any_bytes_as_tail(self):
        """A crash leaves what it likes there, and the verdict is the same."""
        following = b"".join(self.made.tail(3, nuls=0))
        name, = self.made.unsealed
        lines = following.splitlines(True)
        for data, records, rest in (
                (following, 3, 0), (following + b"\0" * 100000, 3, 0), (following[:-1], 2, len(lines[2]) - 1),
                (following + b"\0" * 5 + b"x" + b"\0" * 5, 3, 6), (b"", 0, 0), (b"\0" * 1000, 0, 0), (b"x" * 100000, 0, 100000),
                (lines[0] + lines[2], 1, len(lines[2])), (lines[1], 0, len(lines[1])), (b"\n", 0, 1),
                (b"\0" + following, 0, len(following) + 1), (lines[0] + b"\0" + lines[1], 1, len(lines[1]) + 1)):
            self.made.unsealed[name] = data
            self.made.write()
            said = self.judge(code=3)
            self.assertEqual((said["tail"]["records"], said["tail"]["bytes_not_checked"], said["tail"]["files"]),
                             (records, rest, int(records + rest > 0)), data[:100])
            self.assertEqual(said["records"], 9)

    def test_tail_in_several_files(self):
        self.made.tail(2, nuls=100)
        self.made.tail(3, nuls=0)
        self.made.tail(1)
        self.made.write()
        tail = self.judge(code=3)["tail"]
        self.assertEqual(tail, {"records": 6, "first_seq": 10, "last_seq": 15, "bytes_not_checked": 0, "files": 3})
        os.unlink(self.path(list(self.made.unsealed)[1]))
        tail = self.judge(code=3)["tail"]
        self.assertEqual((tail["records"], tail["files"]), (2, 2))

    def test_sparse_giants(self):
        name = self.made._name() + ".tmp"
        with open(self.path(name), "wb") as f:
            f.truncate(1 << 40)
        before = time.monotonic()
        self.judge(code=3)
        with open(self.path(self.name), "r+b") as f:
            f.truncate(1 << 40)
        self.assertEqual(self.judge(code=1)["fault"]["line"], 4)
        self.assertLess(time.monotonic() - before, service.PATIENCE)

    def test_many_names(self):
        for i in range(3000):
            open(self.path(f"audit-{i}.jsonl"), "wb").close()
            open(self.path(f"{self.name}.torn.{i}"), "wb").close()
            open(self.path(re.sub(r"\d{6}\.jsonl", f"{i + 1000:06d}.jsonl.tmp", self.name)), "wb").close()
        said = self.judge(code=3)
        self.assertEqual((said["ignored_files"], said["torn_files"], said["tail"]["files"]), (3000, 3000, 0))

    def test_both_closed_and_open(self):
        """A name has two files: the closed one is judged, the other is not part of the log."""
        self.put(self.name + ".tmp", b"x")
        self.assertEqual(self.judge()["verdict"], "UNPINNED")

    def test_publishing(self):
        """Seals are there, the last rename is not: as good as sealed."""
        self.made.publish_only(2).write()
        self.assertEqual(self.judge(code=3)["records"], 9)
        self.put(self.name + ".tmp", b"")
        self.assertEqual(self.judge(code=1)["fault"]["file"], self.name + ".tmp")


class Rights(Case):
    @unittest.skipUnless(os.geteuid() == 0, "only root can give files to others")
    def test_root_reads_what_is_anothers(self):
        """Without its capabilities root could not: it becomes the owner of the log."""
        log = self.log(3, 3).write()
        os.chmod(self.top, 0o755)
        for name in os.listdir(self.directory):
            os.chown(self.path(name), 4242, 4243)
            os.chmod(self.path(name), 0o400)
        os.chown(self.directory, 4242, 4243)
        os.chmod(self.directory, 0o500)
        key = self.key_file(log)
        os.chmod(key, 0o400)
        self.assertEqual(verify("--key", key, self.directory)[0], 0)

    def test_nothing_is_written(self):
        self.log(3, 3).write()
        before = {name: (os.stat(self.path(name)).st_mtime_ns, os.stat(self.path(name)).st_ino)
                  for name in os.listdir(self.directory)}
        self.judge()
        self.assertEqual(before, {name: (os.stat(self.path(name)).st_mtime_ns, os.stat(self.path(name)).st_ino)
                                  for name in os.listdir(self.directory)})


class Live(Case):
    """Logs that are written to meanwhile: never a false alarm."""

    def publish(self, log, i, pause):
        """As the writer does it, name by name."""
        base = log.names[i]
        self.put(base + ".tmp", b"".join(log.lines[i]) + b"\0" * 4096)
        pause()
        with open(self.path(base + ".tmp"), "r+b") as f:
            f.truncate(log.seals[i]["bytes"])
        self.put("recover.scratch", log.notes[i])
        os.rename(self.path("recover.scratch"), self.path(base + ".seal"))
        pause()
        os.rename(self.path(base + ".tmp"), self.path(base))

    def test_published_and_pruned(self):
        """Segments are sealed all the time, and old ones taken away."""
        log = self.log(*[2] * 1500)
        os.mkdir(self.directory)
        self.put("origin.vkey", log.vkey.encode() + b"\n")
        key, stop, written = self.key_file(log), threading.Event(), []

        def write():
            for i in range(1500):
                if stop.is_set():
                    return
                self.publish(log, i, lambda: time.sleep(0.0005))
                if i >= 1000:
                    os.unlink(self.path(log.names[i - 1000]))
                written.append(i)

        writer = threading.Thread(target=write)
        writer.start()
        seen, words = 0, set()
        try:
            while writer.is_alive():
                said = self.judge("--key", key)
                words.add(said["verdict"])
                self.assertIsNone(said["fault"], said)
                self.assertGreaterEqual(said["seals"]["count"], seen)
                seen = said["seals"]["count"]
        finally:
            stop.set()
            writer.join()
        self.assertEqual(len(written), 1500)
        self.assertLessEqual(words, {"INCOMPLETE", "SEALED", "PRUNED"})
        self.assertEqual(self.judge("--key", key)["seals"]["count"], 1500)


class LiveService(service.Case):
    """The same with the real writer, under load, rotating all the time, killed and started again."""

    ARGS = ("--rotate-records", "7", "--rotate-seconds", "1")

    def load(self, s, seconds):
        """Questions without a pause, until the time is over or the service ends."""
        requests = os.path.join(self.top, "requests")
        with open(requests, "wb") as f:
            for i in range(1000):
                f.write(strict.dumps({"id": i, **service.ALLOWED}) + b"\n")
        end = time.monotonic() + seconds

        def run():
            while time.monotonic() < end and s.running():
                with open(requests, "rb") as f:
                    service.policyctl("--socket", s.socket, "evaluate", "--jsonl", stdin=f)
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def watch(self, s, thread, key, pin, allowed):
        """Verify over and over. The newest pin is kept each time and given the next time."""
        rounds = 0
        while thread.is_alive():
            args = ["--key", key, *(["--pin", pin] if pin else []), "--json", s.audit]
            code, out, err = verify(*args)
            self.assertEqual(err, "")
            said = strict.loads(out[:-1].encode())
            self.assertIsNone(said["fault"], out)
            self.assertIn(said["verdict"], allowed if said["records"] else ["INCOMPLETE"])
            self.assertEqual(code, said["exit"])
            pin = said["pin"] or pin
            rounds += 1
        self.assertGreater(rounds, 5)
        return pin

    def test_under_load(self):
        s = self.start(args=self.ARGS)
        key = os.path.join(self.top, "key")
        shutil.copy(os.path.join(s.audit, "origin.vkey"), key)
        pin = self.watch(s, self.load(s, 3), key, None, ["SEALED"])
        thread = self.load(s, 2)
        time.sleep(0.5)
        s.kill("writer")
        s.wait()
        pin = self.watch_once(s, key, pin)
        thread.join()
        s = self.start(args=self.ARGS)
        pin = self.watch(s, self.load(s, 3), key, pin, ["SEALED", "RECOVERED"])
        s.stop()
        code, out, err = verify("--key", key, "--pin", pin, s.audit)
        self.assertIn(code, (0, 3), out + err)

    def watch_once(self, s, key, pin):
        """What a dead writer has left: sealed up to somewhere, and a tail."""
        code, out, err = verify("--key", key, "--pin", pin, "--json", s.audit)
        said = strict.loads(out[:-1].encode())
        self.assertEqual((code, said["verdict"], err), (0, "SEALED", ""), out)
        return said["pin"]


if __name__ == "__main__":
    tap.main()
