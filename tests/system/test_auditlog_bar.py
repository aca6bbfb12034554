#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bar of auditlog's long work: on a terminal alone, as wide as that is, gone in the end and before anything else is
said. strace makes each read of the log slow, so that what takes milliseconds takes seconds."""

import concurrent.futures
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import unittest
from fcntl import ioctl

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
import test_syscalls  # noqa: E402
from evidence_log import LogBuilder, event_id  # noqa: E402

BAR = re.compile(r"\r(?:([a-z ]+) \[[#.]+\])? *(\d+)%")
WIPE = "\r\x1b[K"
DELAY = 100_000  # us, of each read behind the first few


def one_core():
    """As many threads as there are cores would share the waiting."""
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])


class Terminal:
    """What a program says on stderr, which is a terminal of this width; stdout goes there, too, or to a pipe."""

    def __init__(self, columns, term="xterm", stdout=subprocess.DEVNULL):
        self.columns, self.term, self.stdout = columns, term, stdout

    def run(self, command, calls, slow=True):
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.columns, 0, 0))
        state = termios.tcgetattr(theirs)
        state[1] &= ~termios.OPOST
        termios.tcsetattr(theirs, termios.TCSANOW, state)
        trace = [test_syscalls.STRACE, "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", f"trace={calls}",
                 "-e", f"inject={calls}:delay_enter={DELAY}:when=4+"] if slow else []
        process = subprocess.Popen([*trace, judges.AUDITLOG, *command], stderr=theirs, stdin=subprocess.DEVNULL,
                                   stdout=theirs if self.stdout is None else self.stdout,
                                   env={**os.environ, "TERM": self.term}, preexec_fn=one_core)
        os.close(theirs)
        said = b""
        while select.select([ours], [], [], service.PATIENCE)[0]:
            try:
                more = os.read(ours, 65536)
            except OSError:  # its other side is closed
                break
            said += more
        os.close(ours)
        return process.wait(), said.decode()


@unittest.skipIf(service.SANITIZED, "LeakSanitizer does not run under strace")
@unittest.skipUnless(test_syscalls.STRACE, "strace is not installed")
class Bar(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="b")
        cls.log = LogBuilder(os.path.join(cls.scratch.name, "log"), segments=[4] * 12).write()

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def bars(self, said):
        """The percentages that were shown; nothing else was, and nothing is left."""
        self.assertTrue(said.endswith(WIPE), repr(said))
        self.assertEqual(BAR.sub("", said).replace(WIPE, ""), "", repr(said))
        shown = BAR.findall(said)
        for what in {what for what, _ in shown}:  # it only grows
            grown = [int(n) for w, n in shown if w == what]
            self.assertEqual(grown, sorted(grown), what)
        return shown

    def test_every_command(self):
        directory = self.log.directory
        cases = [("pread64", ["search"]), ("pread64", ["search", "--reverse"]), ("pread64", ["count"]),
                 ("pread64", ["export", "--format", "csv"]), ("pread64", ["summary", "--from", "2026-01-01"]),
                 ("pread64", ["tail", "-n", "1000"]), ("pread64", ["report", "--from", "2026-01-01"]), ("read", ["verify"]),
                 ("read", ["ls"]), ("read", ["show", "--json", event_id(self.log.log_id, 9)])]
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as threads:
            done = threads.map(lambda case: Terminal(100).run([*case[1], directory], case[0]), cases)
            for (_, command), (code, said) in zip(cases, done):
                self.assertIn(code, (0, 3), command)
                self.assertTrue(self.bars(said), command)

    def test_widths(self):
        def run(columns):
            return Terminal(columns).run(["count", self.log.directory], "pread64")
        widths = (200, 61, 40, 27, 20, 10, 5)
        with concurrent.futures.ThreadPoolExecutor(len(widths)) as threads:
            for columns, (_, said) in zip(widths, threads.map(run, widths)):
                self.assertTrue(self.bars(said), columns)
                for row in re.split("\r", said):
                    self.assertLess(len(row.replace("\x1b[K", "")), columns, said)
        self.assertEqual(run(4), (0, ""))

    def test_none(self):
        """Not where a line cannot be wiped, not on what is no terminal, and not for what is quick."""
        command = ["count", self.log.directory]
        self.assertEqual(Terminal(80, term="dumb").run(command, "pread64"), (0, ""))
        # A busy machine is not always quick.
        self.assertIn((0, ""), (Terminal(80).run(command, "pread64", slow=False) for _ in range(10)))
        done = subprocess.run([test_syscalls.STRACE, "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", "trace=pread64", "-e",
                               f"inject=pread64:delay_enter={DELAY}:when=4+", judges.AUDITLOG, *command], capture_output=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"48\n", b""))

    def test_among_output(self):
        """On the terminal that the records and messages go to, too: each of them is a line of its own."""
        directory = os.path.join(self.scratch.name, "damaged")
        log = LogBuilder(directory, segments=[4] * 12).write()
        for name in log.names[5:7]:
            with open(os.path.join(directory, name), "ab") as f:
                f.write(b"{]\n")
        _, said = Terminal(100, stdout=None).run(["search", "--json", directory], "pread64")
        self.assertTrue(BAR.search(said))
        lines = BAR.sub("", said).replace(WIPE, "").split("\n")
        told = [line for line in lines if line.startswith("auditlog: ")]
        records = [line for line in lines if line.startswith("{")]
        self.assertEqual((len(told), len(records), len(lines)), (2, 48, 51))
        for line in said.split("\n"):
            if BAR.search(line):  # what stood there was wiped before
                self.assertRegex(line, r"^(\r[^\r]*%)+\r\x1b\[K(auditlog: [^\r]*|\{[^\r]*)?$")


if __name__ == "__main__":
    tap.main()
