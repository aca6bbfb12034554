#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog's jail, seen from outside: what its commands call once they are in it is what auditlog/syscalls.def
says, no more and no less."""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence_log  # noqa: E402
import procs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
import test_syscalls  # noqa: E402

AUDITLOG = os.path.join(service.BUILD, "bin", "auditlog")
THREAD = re.compile(r"clone(?:\(.*CLONE_THREAD.*| resumed.*)\) += (\d+)")


def jailed_calls(path):
    """Names of what a process and its threads call from the filter's live test on."""
    jailed, made = set(), set()
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            match = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)", line)
            if not match:
                continue
            if match[1] in jailed:
                made.add(match[2])
                thread = THREAD.search(line)
                if thread:
                    jailed.add(thread[1])
            elif test_syscalls.JAILED.search(line):
                jailed.add(match[1])
    return made - {"clone3"}  # answered with ENOSYS: a clone() follows


@service.unittest.skipIf(service.SANITIZED, "built without filters")
class Jail(service.unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.TemporaryDirectory(prefix="sealwright-jail-")
        cls.log = os.path.join(cls.top.name, "log")
        cls.builder = evidence_log.LogBuilder(cls.log, segments=[3] * 40).write()
        cls.builder.tail(2)
        cls.builder.write()

    @classmethod
    def tearDownClass(cls):
        cls.top.cleanup()

    def path(self, name):
        return os.path.join(self.top.name, name)

    def traced(self, *args, codes=(0,)):
        trace = self.path("trace")
        done = subprocess.run([test_syscalls.STRACE, "-f", "-qq", "-o", trace, AUDITLOG, *args], capture_output=True,
                              text=True, check=False)
        self.assertIn(done.returncode, codes, done.stderr)
        return jailed_calls(trace)

    def followed(self, log):
        """tail -f until it waits for more."""
        trace = self.path("trace-of-tail")
        done = subprocess.Popen([test_syscalls.STRACE, "-f", "-qq", "-o", trace, AUDITLOG, "tail", "-f", "-n", "122", log],
                                stdout=subprocess.PIPE)
        for _ in range(122):
            done.stdout.readline()

        def waits():
            with open(trace, encoding="utf-8", errors="replace") as f:
                return "ppoll(" in f.read()
        procs.wait_until(waits, service.PATIENCE, "it waits for more")
        done.stdout.close()
        done.wait()
        return jailed_calls(trace)

    @service.unittest.skipUnless(test_syscalls.STRACE, "strace is not installed")
    def test_used(self):
        proof, event = self.path("proof"), evidence_log.event_id(self.builder.log_id, 5)
        made = {
            "search": self.traced("search", "--decision", "deny", self.log),
            "count": self.traced("count", self.log),
            "ls": self.traced("ls", self.log),
            "show": self.traced("show", event, self.log),
            "summary": self.traced("summary", "--from", "2026-01-01", self.log, codes=(0, 1)),
            "tail": self.followed(self.log),
            "report": self.traced("report", "--from", "2026-01-01", self.log, codes=(3,)),
            "verify": self.traced("verify", self.log, codes=(3,)),
            "prove": self.traced("prove", "--out", proof, event, self.log),
            "verify-proof": self.traced("verify-proof", proof, codes=(3,)),
            "anchor": self.traced("anchor", self.log, codes=(0, 1)),
        }
        allowed = test_syscalls.table("", "auditlog")
        for command, calls in made.items():
            print(f"# {command}: {len(calls)} calls seen: {' '.join(sorted(calls))}")
            self.assertTrue(calls, f"{command}: entered no jail")
            self.assertEqual(calls - set(allowed), set(), f"{command}: not in the table")
        unused = {n for n, kind in allowed.items() if kind == "SYSCALL"} - set().union(*made.values())
        self.assertEqual(unused, set(), "in the table, and never called")

    def test_said(self):
        code, out, err = service.run([AUDITLOG, "--jail"])
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^system calls: filtered; files: (Landlock ABI \d+: files.*|no Landlock)$")

    def test_told(self):
        """docs/TRUST.md and make tcb say how many."""
        n = len(test_syscalls.table("", "auditlog"))
        with open(os.path.join(service.TOP, "docs", "TRUST.md"), encoding="utf-8") as f:
            self.assertIn(f"{n} system calls (`auditlog/syscalls.def`)", f.read())
        _, told, _ = service.run([os.path.join(service.TOP, "tools", "tcb.sh"), service.BUILD, "auditlog", AUDITLOG,
                                  "auditlog/main.o"], cwd=service.TOP)
        self.assertIn(f"auditlog/syscalls.def: {n} system calls allowed\n", told)


if __name__ == "__main__":
    tap.main()
