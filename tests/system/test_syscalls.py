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
LIMIT = {"evaluator": 30, "writer": 30}
COLUMNS = {0: "supervisor", 1: "compiler", 2: "evaluator", 3: "admin", 4: "writer"}  # of the table in docs/TRUST.md
FOLDER = {"writer": "auditd-writer"}  # else below policyd
WRITER = os.path.join(service.BUILD, "libexec", "sealwright", "auditd-writer")
STRACE = shutil.which("strace")
# Where a process's jail begins in its trace: the filter's live test, which only asks what clone3 answers.
JAILED = re.compile(r"clone3(\(NULL, 0| resumed).*\) += -1 ENOSYS")


def path_of(role, folder="policyd"):
    return os.path.join(FOLDER.get(role, os.path.join(folder, role)), "syscalls.def")


def table(role, folder="policyd"):
    """{name: SYSCALL, SELDOM or INHERITED} of a process."""
    with open(os.path.join(service.TOP, path_of(role, folder)), encoding="utf-8") as f:
        text = f.read()
    entries = ENTRY.findall(text)
    assert len(entries) == len(re.findall(r"^(?:SYSCALL|SELDOM|INHERITED)\(", text, re.M)), f"{role}: an entry of another form"
    names = [name for _, name, _, _ in entries]
    assert len(names) == len(set(names)), f"{role}: two rules for one call"
    return {name: kind for kind, name, _, _ in entries}


def roles():
    """{pid or thread: role} of what runs below this test."""
    found = {}
    for pid in procs.descendants(os.getpid()):
        for thread in os.listdir(f"/proc/{pid}/task"):
            found[int(thread)] = procs.role(pid)
    return found


def calls_of(path, role_of):
    """({role: {names of calls made in jail}}, {names that were made before it by those who inherit the supervisor's}) of a
    trace that strace -f wrote. role_of those that are known; of the others only compilers go to jail."""
    jailed, made, before = set(), {}, set()
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            match = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)", line)
            if not match:
                continue
            pid, name = int(match[1]), match[2]
            role = role_of.get(pid, "compiler")
            if pid in jailed:
                made.setdefault(role, set()).add(name)
            elif JAILED.search(line):
                jailed.add(pid)
            elif role not in ("supervisor", "writer"):
                before.add(name)
    return made, before


@service.unittest.skipIf(service.SANITIZED, "built without filters")
class Tables(service.Case):
    def test_short(self):
        for role, limit in LIMIT.items():
            self.assertLessEqual(len(table(role)), limit, role)

    def test_told(self):
        """docs/TRUST.md and make tcb say how many."""
        with open(os.path.join(service.TOP, "docs", "TRUST.md"), encoding="utf-8") as f:
            row = re.search(r"^\| system calls left \|(.*)\|$", f.read(), re.M)[1].split("|")
        told = ""
        for program, binary in (("policyd", service.POLICYD), ("auditd-writer", WRITER)):
            told += service.run([os.path.join(service.TOP, "tools", "tcb.sh"), service.BUILD, program, binary,
                                 f"{program}/main.o"], cwd=service.TOP)[1]
        for column, role in COLUMNS.items():
            self.assertEqual(row[column].strip(), str(len(table(role))), role)
            self.assertIn(f"{path_of(role)}: {len(table(role))} system calls allowed\n", told)

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

    def two_lives(self):
        """One that ends with the writer's death, and one that takes over what that has left, and ends well."""
        s = self.make("s")
        for n in range(2):
            trace = os.path.join(self.top, f"trace{n}")
            s.wrap = [STRACE, "-f", "-qq", "-o", trace]
            s.spawn()
            s.wait_ready()
            if n == 0:
                self.busy_life(s)
            # Each has begun: else it would be taken for what its parent is.
            self.eventually(lambda: len(s.pids("evaluator")) == s.evaluators and s.pids("admin"), "all processes")
            role_of = roles()
            if n == 0:
                # The others see the end of its channels, say so, and go.
                os.kill(next(p for p, role in role_of.items() if role == "writer"), 9)
                s.wait()
            else:
                s.stop()
            yield trace, role_of

    @service.unittest.skipUnless(STRACE, "strace is not installed")
    def test_used(self):
        made, before = {role: set() for role in COLUMNS.values()}, set()
        for trace, role_of in self.two_lives():
            jailed, unjailed = calls_of(trace, role_of)
            before |= unjailed
            for role, names in jailed.items():
                made[role] |= names
        for role in COLUMNS.values():
            with self.subTest(role):
                allowed = table(role)
                print(f"# {role}: {len(allowed)} calls allowed, {len(made[role])} seen: {' '.join(sorted(made[role]))}")
                self.assertEqual(made[role] - set(allowed), set(), "not in the table")
                unused = {n for n, kind in allowed.items() if kind == "SYSCALL"} - made[role]
                self.assertEqual(unused, set(), "in the table, and never called")
        inherited = {n for n, kind in table("supervisor").items() if kind == "INHERITED"}
        theirs = before.union(*(table(role) for role in ("compiler", "evaluator", "admin")))
        self.assertEqual(inherited - theirs, set(), "inherited by nobody")


if __name__ == "__main__":
    tap.main()
