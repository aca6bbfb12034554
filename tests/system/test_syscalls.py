#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each process's syscalls.def against what it does, seen by strace: whatever it calls once it is in jail stands
there (the filter sees to that), and whatever stands there as SYSCALL is called. The lists stay short, and the
texts that name their length are right."""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import procs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

ENTRY = re.compile(r'^(SYSCALL|SELDOM|INHERITED)\((\w+), (.*), "([^"]+)"\)$', re.M)
LIMIT = {"evaluator": 30}
COLUMNS = {0: "supervisor", 1: "compiler", 2: "evaluator", 3: "admin"}  # of the table in docs/TRUST.md
STRACE = shutil.which("strace")
# Where a process's jail begins in its trace: the filter's live test, which only asks what clone3 answers.
JAILED = re.compile(r"clone3(\(NULL, 0| resumed).*\) += -1 ENOSYS")


def table(role, folder="policyd"):
    """{name: SYSCALL or SELDOM} of a process."""
    with open(os.path.join(service.TOP, folder, role, "syscalls.def"), encoding="utf-8") as f:
        text = f.read()
    entries = ENTRY.findall(text)
    assert len(entries) == len(re.findall(r"^(?:SYSCALL|SELDOM|INHERITED)\(", text, re.M)), f"{role}: an entry of another form"
    names = [name for _, name, _, _ in entries]
    assert len(names) == len(set(names)), f"{role}: two rules for one call"
    return {name: kind for kind, name, _, _ in entries}


def calls_of(path, role_of):
    """{role: {names of calls made in jail}} of a trace that strace -f wrote. role_of: pid -> role of those that are
    known; of the others only compilers go to jail."""
    jailed, made = set(), {}
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            match = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)", line)
            if not match:
                continue
            pid, name = int(match[1]), match[2]
            if pid in jailed:
                made.setdefault(role_of.get(pid, "compiler"), set()).add(name)
            elif JAILED.search(line):
                jailed.add(pid)
    return made


@service.unittest.skipIf(service.SANITIZED, "built without filters")
class Tables(service.Case):
    def test_short(self):
        for role, limit in LIMIT.items():
            self.assertLessEqual(len(table(role)), limit, role)

    def test_told(self):
        """docs/TRUST.md and make tcb say how many."""
        with open(os.path.join(service.TOP, "docs", "TRUST.md"), encoding="utf-8") as f:
            row = re.search(r"^\| system calls left \|(.*)\|$", f.read(), re.M)[1].split("|")
        _, told, _ = service.run([os.path.join(service.TOP, "tools", "tcb.sh"), service.BUILD, "policyd", service.POLICYD,
                                  "policyd/main.o"], cwd=service.TOP)
        for column, role in COLUMNS.items():
            self.assertEqual(row[column].strip(), str(len(table(role))), role)
            self.assertIn(f"policyd/{role}/syscalls.def: {len(table(role))} system calls allowed\n", told)

    def busy_life(self, s):
        """What a service meets on most days."""
        crowd = [s.client() for _ in range(120)]
        for c in crowd:
            c.send(b'{"id": "' + b"x" * 20000)
        for c in crowd:
            c.send(b'"}\n')
            c.line()
            c.close()
        with s.client() as c:
            c.ask(service.ALLOWED)
            c.ask(service.DENIED)
        operators = [s.client(s.admin_socket) for _ in range(4)]
        for c in operators:
            for op in ("ping", "ls", "status", "rotate"):
                c.send({"op": op, "padding": "x" * 30000})
                c.line()
            c.close()
        s.write_policy(dict(service.POLICY, revision="test.2"))
        self.assertEqual(s.admin("reload").get("revision"), "test.2")

    @service.unittest.skipUnless(STRACE, "strace is not installed")
    def test_used(self):
        trace = os.path.join(self.top, "trace")
        s = self.start(wrap=[STRACE, "-f", "-qq", "-o", trace])
        self.busy_life(s)
        # The writer dies: the others see the end of its channels, say so, and go.
        role_of = {p: procs.role(p) for p in procs.descendants(os.getpid())}
        os.kill(next(p for p, role in role_of.items() if role == "writer"), 9)
        s.wait()
        made = calls_of(trace, role_of)
        for role in COLUMNS.values():
            with self.subTest(role):
                allowed = table(role)
                print(f"# {role}: {len(allowed)} calls allowed, {len(made[role])} seen: {' '.join(sorted(made[role]))}")
                self.assertEqual(made[role] - set(allowed), set(), "not in the table")
                unused = {n for n, kind in allowed.items() if kind == "SYSCALL"} - made[role]
                self.assertEqual(unused, set(), "in the table, and never called")


if __name__ == "__main__":
    tap.main()
