#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/GUIDE.md, typed as it stands: the first three steps against a service that runs, the others on a log with records
of yesterday; then the stranger's test, who has only --help."""

import csv
import datetime
import json
import os
import re
import shlex
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import LogBuilder  # noqa: E402

AUDIT, POLICY = "/var/log/sealwright/audit", "/etc/sealwright/policy"
PROGRAMS = {"policyctl": service.POLICYCTL, "auditlog": judges.AUDITLOG}
# As the installed programs find their places by default: what is not named is the directory of the test.
WRAPPERS = {
    "auditlog": """case $1 in --*|verify-proof) exec {program} "$@" ;; esac
for last; do :; done
if [ -d "$last" ]; then exec {program} "$@"; else exec {program} "$@" "$AUDIT"; fi
""",
    "policyctl": """case $1 in
allow) exec {program} "$@" --policy "$POLICY" ;;
enroll) exec {program} "$@" "$AUDIT" ;;
*) exec {program} --socket "$SOCKET" --admin-socket "$ADMIN" "$@" ;;
esac
""",
}


def sections():
    """{number: [command lines]} of the guide."""
    with open(os.path.join(service.TOP, "docs", "GUIDE.md"), encoding="utf-8") as f:
        parts = re.split(r"^## (\d+)\. .*$", f.read(), flags=re.M)
    return {int(n): re.findall(r"^    (\S.*)$", text, re.M) for n, text in zip(parts[1::2], parts[2::2])}


def ours(line):
    """The words of our own commands in a command line, without what the shell makes of it."""
    for part in re.split(r"[|;]", line):
        words = shlex.split(re.sub(r"[<>]\S+", "", part))
        if words and words[0] in PROGRAMS:
            yield words


def us(day, seconds):
    return int(datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc).timestamp() + seconds) * 1_000_000


class Guide(service.Case):
    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.top, "bin")
        self.desk = os.path.join(self.top, "desk")  # where the operator types
        self.policies = os.path.join(self.top, "policies")
        for directory in (self.bin, self.desk, self.policies):
            os.mkdir(directory)
        for name, text in WRAPPERS.items():
            path = os.path.join(self.bin, name)
            with open(path, "w", encoding="utf-8") as f:
                f.write("#!/bin/sh\n" + text.format(program=shlex.quote(PROGRAMS[name])))
            os.chmod(path, 0o755)
        self.env = {**os.environ, "PATH": self.bin + ":" + os.environ["PATH"], "POLICY": self.policies}

    def type(self, line, status=0):
        line = line.replace(AUDIT, self.env["AUDIT"]).replace(POLICY, self.policies)
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, cwd=self.desk, env=self.env,
                              timeout=service.PATIENCE * 2)
        self.assertEqual(done.returncode, status, (line, done.stdout, done.stderr))
        self.assertEqual(done.stderr, "", line)
        return done.stdout

    def desk_file(self, name):
        with open(os.path.join(self.desk, name), encoding="utf-8", newline="") as f:
            return f.read()

    # --- 1 to 3: a service ------------------------------------------------------------------------

    def start_service(self):
        s = self.make()
        s.policy = self.policies
        s.spawn()
        s.wait_ready()
        return s

    def test_first_steps(self):
        steps = sections()
        s = self.make()
        self.env.update(AUDIT=s.audit, SOCKET=s.socket, ADMIN=s.admin_socket)
        said = {}
        for line in steps[1]:
            if line.startswith("systemctl enable --now "):
                self.assertTrue(os.path.exists(os.path.join(service.TOP, "systemd", line.split()[-1])))
                s = self.start_service()
            elif not line.startswith("apt-get install ./sealwright_"):
                said[line] = self.type(line)
        self.assertEqual(len(said), 4)
        for line in steps[2]:
            said[line] = self.type(line)
        vkey = self.desk_file("host.vkey").rstrip("\n")
        self.assertIn(vkey, said["policyctl enroll"])
        allowed, denied, tail, rotate = steps[3]
        self.assertIn("allow", self.type(allowed))
        self.assertIn("no applicable policies", self.type(denied, 1))
        self.assertRegex(self.type(tail), r"ALLOW .* www\.example\.com:443 .*\n.* DENY .* www\.example\.org:443 ")
        self.type(rotate)
        self.assertRegex(self.type("auditlog verify --key host.vkey"), r"^SEALED: ")

    # --- 4 to 9: a log with a yesterday -----------------------------------------------------------

    def yesterday(self):
        """A log of two days, the newest record some minutes old; its key is on the desk."""
        if time.time() % 86400 > 86400 - 120:
            time.sleep(121)  # no midnight in the middle
        self.today = datetime.datetime.now(datetime.timezone.utc).date()
        log = LogBuilder(os.path.join(self.top, "log"), segments=[20, 20], start=us(self.today - datetime.timedelta(2), 50_000))
        log.time = us(self.today - datetime.timedelta(1), 30_000)
        log.add(30).add(30, state="clean")
        log.time = max(us(self.today, 0), int(time.time() - 600) * 1_000_000)
        log.add(10).tail(3)
        log.write()
        with open(os.path.join(self.desk, "host.vkey"), "w", encoding="utf-8") as f:
            f.write(log.vkey + "\n")
        self.env["AUDIT"] = log.directory
        records = [json.loads(line) for lines in log.lines for line in lines]
        day = str(self.today - datetime.timedelta(1))
        self.denied = [r for r in records if r["timestamp"][:10] == day and r.get("decision") == "AUDIT_DECISION_DENY"]
        self.assertGreater(len(self.denied), 10)
        return log

    def test_the_rest(self):
        steps, log = sections(), self.yesterday()
        one = self.denied[3]
        said = {}
        for number in (4, 5, 6, 7, 8, 9):
            for line in steps[number]:
                if line.startswith("find "):  # it is time for the first two
                    for name in log.names[:2]:
                        os.utime(log.path(name), (0, 0))
                pruned = number > 7
                status = 3 if pruned and line.startswith("auditlog verify") else 0
                said[number, line] = self.type(line.replace("EVENT_ID", one["audit_event_id"]), status)
        self.check_yesterday(said, one)
        self.check_verdicts(said, log)

    def check_yesterday(self, said, one):
        search, summary, show, _, _ = (out for (n, _), out in said.items() if n == 4)
        rows = search.splitlines()
        self.assertEqual([int(row.split()[2]) for row in rows], [r["seq"] for r in self.denied])
        for row, record in zip(rows, self.denied):
            self.assertIn(record["username"], row)
            self.assertIn(record["resource_id"], row)
        self.assertRegex(summary, rf"^{len(self.denied)} records from ")
        self.assertIn(one["resource_id"], show)
        table = list(csv.DictReader(self.desk_file("denied.csv").splitlines(keepends=True)))
        self.assertEqual([row["audit_event_id"] for row in table], [r["audit_event_id"] for r in self.denied])
        self.assertIn("</html>", self.desk_file("report.html"))
        copied = next(out for (n, line), out in said.items() if n == 9 and "search" in line)
        self.assertEqual(copied, search)

    def check_verdicts(self, said, log):
        verified = [out for (n, line), out in said.items() if line.startswith("auditlog verify ") and n < 8]
        self.assertGreaterEqual(len(verified), 3)
        for out in verified:
            self.assertRegex(out, r"^SEALED: |^\{\"verdict\":\"SEALED\"|^$")
        self.assertEqual(self.desk_file("host.pin"), f"{log.pin(4)[0]}:{log.pin(4)[1]}\n")
        self.assertRegex(said[6, "auditlog verify-proof --key host.vkey proof.json"], self.denied[3]["audit_event_id"])
        self.assertRegex(said[8, "auditlog verify --key host.vkey"], r"^PRUNED: the first 2 segments gone")
        self.assertEqual(sorted(n for n in os.listdir(log.directory) if n.endswith(".jsonl")), sorted(log.names[2:]))

    def test_every_day(self):
        """What is to be typed every day finds that the end was cut off since, and keeps the pin that says so."""
        log = self.yesterday()
        lines = [line for line in sections()[5] if "host.pin" in line]
        daily = lines[1:]  # the first line makes the first pin
        for line in lines + daily:
            self.type(line)
        kept = self.desk_file("host.pin")
        for name in (log.names[-1], log.names[-1] + ".seal", *log.unsealed):
            os.unlink(log.path(name))
        codes = [subprocess.run(["sh", "-c", line], cwd=self.desk, env=self.env, capture_output=True, check=False).returncode
                 for line in daily]
        self.assertEqual((codes[0], self.desk_file("host.pin")), (1, kept))
        self.assertEqual(json.loads(self.desk_file("today.json"))["verdict"], "BROKEN")

    # --- 7: when verify complains -----------------------------------------------------------------

    def verdict(self, name, change=None, args=("--key", "host.vkey"), **segment):
        log = LogBuilder(os.path.join(self.top, name), segments=[5])
        log.add(5, **segment).add(5).write()
        with open(os.path.join(self.desk, "host.vkey"), "w", encoding="utf-8") as f:
            f.write(log.vkey + "\n")
        if change:
            change(log)
        done = subprocess.run([judges.AUDITLOG, "verify", *args, log.directory], capture_output=True, text=True, check=False,
                              cwd=self.desk)
        return done.stdout, done.returncode

    def test_verdicts(self):
        """The table of section 7 names every verdict, with its exit status, and --help has them, too."""
        with open(os.path.join(service.TOP, "docs", "GUIDE.md"), encoding="utf-8") as f:
            told = {word: int(n) for word, n in re.findall(r"^\| `([A-Z]+)` \| (\d) \|", f.read(), re.M)}
        def bend(log):
            with open(log.path(log.names[2]), "r+b") as f:
                f.write(b"[")
        cases = {
            "SEALED": {}, "RECOVERED": {"state": "recovered"}, "UNPINNED": {"args": ()},
            "PRUNED": {"change": lambda log: os.unlink(log.path(log.names[0]))},
            "INCOMPLETE": {"change": lambda log: [os.unlink(log.path(n + e)) for n in log.names for e in ("", ".seal")]},
            "BROKEN": {"change": bend},
        }
        self.assertEqual(set(told), set(cases))
        text = subprocess.run([judges.AUDITLOG, "verify", "--help"], capture_output=True, text=True, check=True).stdout
        for word, case in cases.items():
            out, code = self.verdict(word, **case)
            self.assertRegex(out, f"^{word}: ")
            self.assertEqual(code, told[word], word)
            self.assertRegex(text, rf"(?m)^  {word} ")
        out, _ = self.verdict("again", change=bend)
        self.assertRegex(out, r"(?m)^good up to +1:[0-9a-f]{64}$")
        self.assertRegex(self.verdict("part", change=bend, args=("--key", "host.vkey", "--until", "1"))[0], r"^SEALED: ")


class Stranger(unittest.TestCase):
    """Who has only --help."""

    def told(self, *command):
        done = subprocess.run([PROGRAMS[command[0]], *command[1:], "--help"], capture_output=True, text=True, check=True)
        return done.stdout

    def test_each_step_is_found(self):
        """The program lists the command, and that the options which the guide uses."""
        lines = [words for part in sections().values() for line in part for words in ours(line)]
        self.assertGreater(len(lines), 20)
        for program, command, *words in lines:
            self.assertRegex(self.told(program), rf"(?m)^  {command} ", (program, command))
            text = self.told(program, command)
            for word in words:
                if word.startswith("-"):
                    self.assertRegex(text, rf"(?m)^  (?:-\w, )?{re.escape(word)}\b|^  {re.escape(word)}, ", (command, word))

    def test_the_examples(self):
        """The three questions of a reviewer stand in the first --help, and what it says there works."""
        text = self.told("auditlog")
        examples = dict(re.findall(r"^  (\S.*?) {2,}(auditlog .*)$", text.partition("\nexamples:\n")[2], re.M))
        self.assertEqual(len(examples), 4)
        guide = [line for part in sections().values() for line in part]
        for command in examples.values():
            if "-f" not in command.split():
                self.assertTrue(any(line.startswith(command.replace("KEPT", "host")) for line in guide), command)

    def test_every_help(self):
        """Short enough to be read, every option explained, words spelled out, exit status told."""
        for program in PROGRAMS:
            names = re.findall(r"^  (\S+) ", self.told(program).partition("\ncommands")[2].partition("\n\n")[0], re.M)
            self.assertGreater(len(names), 10)
            for name in names:
                text = self.told(program, name)
                self.assertRegex(text, rf"\Ausage: {program} {name} \[options\]")
                self.assertIn("\nexit status: ", text)
                for line in text.splitlines():
                    self.assertLessEqual(len(line), 110, (name, line))
                for row in re.findall(r"^  (?:-\w, )?--.*$", text, re.M):
                    self.assertRegex(row, r"^  (?:-\w, )?--[\w-]+( \S+)? {1,}\S.{5,}", (name, row))


if __name__ == "__main__":
    tap.main()
