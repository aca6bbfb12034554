#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command of auditlog over files that are no log, or not any more: truncated, foreign, of another version, hostile,
huge, and things that are no files. Each is told with its place, the exit status is a documented one, nothing hangs, and
the records of other segments still come out. SEALWRIGHT_HUGE is the size of a file without a newline."""

import gzip
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import LogBuilder  # noqa: E402

HUGE = int(os.environ.get("SEALWRIGHT_HUGE", str(64 << 20)))
SPARSE = 8 << 30
READING = ["search", "search --reverse", "search --json", "count", "count --user x", "summary --from 2000-01-01", "tail",
           "tail -n 100000 --json", "show 7", "ls", "ls --json", "export --format csv", "export --format json", "export --format ecs"]
VERIFY = ["verify", "verify --json"]
REPORT = ["report --format html", "report --format text"]
EXITS = {"verify": (0, 1, 2, 3, 4), "report": (0, 1, 2, 3, 4)}
UNSHOWN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")


def run(command, *paths):
    return subprocess.run([judges.AUDITLOG, *command.split(), *paths], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=service.PATIENCE * 4)


def contents(log):
    """{what: bytes} of files that are not what they should be, made from good lines."""
    lines = [line for part in log.lines for line in part]
    good, one = b"".join(lines[:9]), lines[8]
    record = json.loads(one)
    generator = random.Random(7)

    def other(**changes):
        return json.dumps({**record, **changes}, separators=(",", ":")).encode() + b"\n"

    deep = b'{"audit_event_id":"x","details":' + b"[" * 4000 + b"]" * 4000 + b"}\n"
    with open(sys.executable, "rb") as f:
        program = f.read(300_000)
    return {
        "empty": b"", "cut in a line": good[:-40], "no newline": good[:-1], "one byte": b"{",
        "gzip": gzip.compress(good), "a program": program, "utf-16": good.decode().encode("utf-16"),
        "utf-32": good.decode().encode("utf-32"), "with a mark": b"\xef\xbb\xbf" + good, "crlf": good.replace(b"\n", b"\r\n"),
        "cr": good.replace(b"\n", b"\r"), "nuls": b"\0" * 70_000, "nuls between": good.replace(b"\n", b"\n\0\0"),
        "nuls inside": good.replace(b'"seq"', b'"s\0q"'), "empty lines": b"\n" * 1000, "text": b"root:x:0:0::/:/bin/sh\n" * 9,
        "csv": b"a,b\n1,2\n" * 5, "objects": b"{}\n" * 50, "arrays": b"[]\n[1]\n", "json array": b"[" + one[:-1] + b"]\n",
        "pretty json": json.dumps(record, indent=1).encode() + b"\n", "another program's": b'{"level":"info","msg":"x"}\n' * 5,
        "version 2": other(schema_version="2.0.0"), "version none": other(schema_version=None), "version as a list": other(schema_version=[1]),
        "unknown members": other(new_member={"a": 1}), "every member twice": one[:-2] + b"," + one[1:],
        "a number too large": other(seq=2**63), "a number below": other(seq=-1), "seq 0": other(seq=0), "1e999": one.replace(b'"evaluator":1', b'"evaluator":1e999'),
        "bad utf-8": one.replace(b"uid", b"u\xff\xfed"), "half a character": one.replace(b'"peer"', b'"\\ud800"'),
        "raw controls": one.replace(b'"os"', b'"\x1b]0;x\x07"'), "escaped controls": other(username="\x1b]0;x\x07\x9b2J\u202e"),
        "deep": deep, "deeper": b"[" * 2_000_000 + b"\n" + one, "deep objects": b'{"a":' * 1500 + b"1" + b"}" * 1500 + b"\n",
        "a line of megabytes": lines[0] + b"x" * (5 << 20) + b"\n" + lines[1],
        "a record of megabytes": other(username="x" * (3 << 20)), "just too long": other(username="x" * 8192),
        "random": generator.randbytes(200_000), "random lines": b"\n".join(generator.randbytes(50) for _ in range(2000)),
        "wrong types": other(decision=7, username=["x"], deny_reason="x", timestamp=5, peer="root", resource_id={}),
        "wrong time": other(timestamp="2026-13-41T99:99:99.999999Z"), "wrong id": other(audit_event_id="../../etc/passwd"),
    }


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="h")
        cls.good = LogBuilder(os.path.join(cls.top, "good"), segments=[20, 20, 20]).write()
        cls.other = [cls.good.lines[0], cls.good.lines[2]]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top, True)

    def check(self, what, command, *paths):
        """It ends, with a documented status, and says of a fault what, where and in words of its own."""
        try:
            done = run(command, *paths)
        except subprocess.TimeoutExpired:
            self.fail(f"{what}: {command}: hangs")
        err = done.stderr.decode()
        self.assertIn(done.returncode, EXITS.get(command.split()[0], (0, 1, 2)), (what, command, err))
        self.assertIsNone(service.UNSOUND.search(err), (what, command, err))
        for line in err.splitlines():
            self.assertRegex(line, r"^auditlog: \S", (what, command))
            self.assertNotRegex(line, UNSHOWN, (what, command))
        self.assertLess(err.count("\n"), 13, (what, command))
        if done.returncode == 2:
            self.assertNotEqual(err, "", (what, command))
        if not re.search("json|html|csv|ecs", command):
            self.assertNotRegex(done.stdout.decode(), UNSHOWN, (what, command))
        return done

    def segment(self, what, path):
        """The middle one of a good log in another directory becomes what `make` makes."""
        directory = os.path.join(self.top, re.sub(r"\W", "_", what))
        shutil.copytree(self.good.directory, directory)
        victim = os.path.join(directory, self.good.names[1])
        os.unlink(victim)
        path(victim)
        return directory, self.good.names[1]


class Contents(Case):
    def test_as_a_file(self):
        """Named on the command line, and on standard input."""
        for what, data in contents(self.good).items():
            path = os.path.join(self.top, "file.jsonl")
            with open(path, "wb") as f:
                f.write(data)
            for command in READING:
                if command == "search --json":  # what is passed on is lines of the file, whole
                    for line in self.check(what, command, path).stdout.splitlines(keepends=True):
                        self.assertIn(line, data.splitlines(keepends=True))
                else:
                    self.check(what, command, path)
            os.rename(path, path + ".tmp")
            for command in ("search", "tail"):
                self.check(what, command, path + ".tmp")

    def test_as_a_segment(self):
        """In the place of a sealed segment: the others' records come out, and verify finds the place."""
        rest = [line for lines in self.other for line in lines]
        for i, (what, data) in enumerate(contents(self.good).items()):
            def make(path, data=data):
                with open(path, "wb") as f:
                    f.write(data)
            directory, name = self.segment(what, make)
            # Each reads files alike: of the others, some for each content.
            for command in ["search --json", *(READING + REPORT)[i % 3::3]]:
                done = self.check(what, command, directory)
                if command == "search --json":
                    found = [line for line in done.stdout.splitlines(keepends=True) if line not in data.splitlines(keepends=True)]
                    self.assertEqual([x for x in found if x in rest], [x for x in rest if x not in data.splitlines(keepends=True)])
                if done.returncode == 2:
                    self.assertIn(name, done.stderr.decode())
            verdict = json.loads(self.check(what, "verify --json", directory).stdout)
            self.assertEqual((verdict["verdict"], verdict["fault"]["file"]), ("BROKEN", name), what)
            ours, theirs = (json.loads(self.good.lines[i][3])["audit_event_id"] for i in (0, 1))
            self.assertEqual(self.check(what, f"prove {ours}", directory).returncode, 0, what)
            self.assertIn(self.check(what, f"prove {theirs}", directory).returncode, (1, 2), what)
            shutil.rmtree(directory)

    def test_as_a_stranger(self):
        """Named as a segment, without a seal, behind the others; and as their only company."""
        name = self.good.names[2].replace("000003.jsonl", "000004.jsonl")
        rest = {line for lines in self.good.lines for line in lines}
        directory = os.path.join(self.top, "stranger")
        shutil.copytree(self.good.directory, directory)
        for what, data in contents(self.good).items():
            for ending in ("", ".tmp"):
                path = os.path.join(directory, name + ending)
                with open(path, "wb") as f:
                    f.write(data)
                found = self.check(what, "search --json", directory).stdout.splitlines(keepends=True)
                self.assertLessEqual(rest, set(found), what)
                self.check(what, "verify" if ending else "ls", directory)
                os.unlink(path)

    def test_seals(self):
        directory = os.path.join(self.top, "seals")
        shutil.copytree(self.good.directory, directory)
        for what, data in contents(self.good).items():
            with open(os.path.join(directory, self.good.names[1] + ".seal"), "wb") as f:
                f.write(data)
            out = self.check(what, "search --json", directory).stdout
            self.assertEqual(out, b"".join(line for lines in self.good.lines for line in lines), what)
            self.check(what, "ls", directory)
            self.assertEqual(self.check(what, "verify", directory).returncode, 1, what)


class NoFiles(Case):
    """What is no file, under the name of a segment."""

    def test_in_a_directory(self):
        def make_socket(path):
            with socket.socket(socket.AF_UNIX) as s:
                here = os.getcwd()
                os.chdir(os.path.dirname(path))
                s.bind(os.path.basename(path)[:100])
                os.rename(os.path.basename(path)[:100], os.path.basename(path))
                os.chdir(here)
        kinds = {"directory": os.mkdir, "fifo": os.mkfifo, "socket": make_socket,
                 "symlink": lambda p: os.symlink(os.path.join(self.good.directory, self.good.names[1]), p),
                 "dangling": lambda p: os.symlink("nowhere", p), "loop": lambda p: os.symlink(os.path.basename(p), p),
                 "device": lambda p: os.symlink("/dev/zero", p)}
        if os.geteuid() == 0:
            kinds["device node"] = lambda p: os.mknod(p, 0o600 | 0o020000, os.makedev(1, 5))  # zero
        rest = b"".join(line for lines in self.other for line in lines)
        for what, make in kinds.items():
            try:
                directory, name = self.segment(what, make)
            except PermissionError:
                print(f"# {what}: not to be made here")
                continue
            for command in READING + REPORT:
                done = self.check(what, command, directory)
                if command == "search --json":
                    self.assertEqual(done.stdout, rest, what)
                if not command.startswith(("ls", "show", "tail", "report")):
                    self.assertEqual(done.returncode, 2, (what, command))
                    self.assertIn(name, done.stderr.decode(), (what, command))
            for command in VERIFY:
                self.assertEqual(self.check(what, command, directory).returncode, 1, (what, command))
            shutil.rmtree(directory)

    def test_as_an_operand(self):
        for path in ("/dev/zero", "/dev/tty", self.top + "/nothing", "/proc/self/mem", "", "/proc/self/fd"):
            for command in READING + VERIFY + REPORT:
                self.check(path, command, path)

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_not_readable(self):
        directory, name = self.segment("unreadable", lambda p: os.close(os.open(p, os.O_CREAT, 0)))
        for command in READING:
            done = self.check("unreadable", command, directory)
            if command.startswith(("search", "count", "export")):
                self.assertEqual(done.returncode, 2)
                self.assertIn(name, done.stderr.decode())


class Huge(Case):
    def sparse(self, path, size, head=b""):
        with open(path, "wb") as f:
            f.write(head)
            f.truncate(size)

    def test_without_a_newline(self):
        for name in ("huge.jsonl", "huge.jsonl.tmp"):
            path = os.path.join(self.top, name)
            self.sparse(path, HUGE, self.good.lines[0][0])
            for command in READING:
                done = self.check(name, command, path)
                self.assertEqual(done.returncode == 2, name.endswith("l"), (command, done.stderr))

    def test_open_segment(self):
        """8 GiB that was allocated ahead is not read."""
        directory = os.path.join(self.top, "ahead")
        shutil.copytree(self.good.directory, directory)
        self.sparse(os.path.join(directory, self.good.names[2].replace("000003.jsonl", "000004.jsonl.tmp")), SPARSE)
        for command in READING + VERIFY + REPORT:
            self.assertNotEqual(self.check("ahead", command, directory).returncode, 2)


if __name__ == "__main__":
    tap.main()
