#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog verify in directories full of traps: it neither hangs nor crashes, nor says what is not so."""

import os
import re
import shutil
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402
from verify_case import Case  # noqa: E402


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


if __name__ == "__main__":
    tap.main()
