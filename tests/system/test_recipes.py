#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/RECIPES.md, run as they stand there over a log with every kind of record, their answers compared
with auditlog's own; and the format file for lnav, judged by lnav."""

import collections
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence_log  # noqa: E402
import judges  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import LogBuilder  # noqa: E402

FORMAT = os.path.join(service.TOP, "share", "lnav", "sealwright.json")
LNAV = shutil.which("lnav")


def recipes():
    """{title: command line} of the document."""
    with open(os.path.join(service.TOP, "docs", "RECIPES.md"), encoding="utf-8") as f:
        return dict(re.findall(r"^### (.*)\n(?:(?!    |###).*\n)*    (.*)", f.read(), re.M))


def every_kind(log):
    """Lines of every action_type that docs/FORMAT.md has, most of them twice."""
    with open(os.path.join(service.TOP, "docs", "FORMAT.md"), encoding="utf-8") as f:
        rows = re.findall(r"^\| (evaluation|management) \| ([a-z_, ]+) \|", f.read(), re.M)
    kinds = [(category.upper(), kind) for category, names in rows for kind in names.split(", ")]
    assert len(kinds) > 15
    for category, kind in kinds:
        if category == "EVALUATION":
            yield log.line(evidence_log._evaluation(True, kind, {"n": 1}, "x:y", "x:z", "/srv/z", ("p", "r")), sandbox_id="box-1")
            yield log.line(evidence_log._evaluation(False, kind, {"n": 1}, "x:y", "x:z", "/srv/z", None), sandbox_id="box-1")
        else:
            yield log.line(evidence_log._plain(category, kind, {"state": "failed" if kind == "storage" else "x", "result": "loaded"}))


def outcome(log, success, evaluation):
    return log.line(evidence_log._plain("EXECUTION", "execution", {"success": success, "duration_ms": 2},
                                        evaluation_id=evidence_log.event_id(log.log_id, evaluation),
                                        peer={"uid": 1000, "gid": 1000, "pid": 1}, evaluator=1))


class Case(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="j")
        cls.directory = os.path.join(cls.top, "log")
        cls.log = LogBuilder(cls.directory, segments=[60, 1, 59])
        cls.log.add(list(every_kind(cls.log)))
        cls.log.add([outcome(cls.log, False, 8), outcome(cls.log, True, 12), outcome(cls.log, False, 6)])
        cls.log.add([cls.log.line(evidence_log.USUAL[4], level=level, event=event)
                     for level in ("debug", "info", "warning", "error") for event in ("task.start", "auth.fail")])
        cls.log.write()
        cls.records = [json.loads(line) for lines in cls.log.lines for line in lines]
        cls.denied = [r for r in cls.records if r.get("decision") == "AUDIT_DECISION_DENY"]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top, True)

    def run_recipe(self, title, **env):
        path = os.path.dirname(judges.AUDITLOG) + ":" + os.environ["PATH"]
        done = subprocess.run(["sh", "-c", recipes()[title]], capture_output=True, text=True, check=False,
                              env={**os.environ, "LOG": self.directory, "PATH": path, **env})
        self.assertEqual((done.returncode, done.stderr), (0, ""), title)
        return done.stdout

    def auditlog(self, *args):
        done = subprocess.run([judges.AUDITLOG, *args, self.directory], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode in (0, 1), done.stderr), (True, ""), args)
        return done.stdout

    def tally(self, of, *args):
        told = json.loads(self.auditlog("summary", "--json", "--top", "1000", "--from", "2000-01-01", *args))
        return {row["value"]: row["records"] for row in told[of]["top"]}


def counted(out):
    """{value: number} of what uniq -c says."""
    rows = re.findall(r"^ *(\d+) (.*)$", out, re.M)
    return {value: int(n) for n, value in rows}


class Jq(Case):
    def test_each_has_a_test(self):
        with open(__file__, encoding="utf-8") as f:
            here = f.read()
        self.assertGreater(len(recipes()), 10)
        for title in recipes():
            self.assertIn(f'"{title}"', here)

    def test_denied_users(self):
        self.assertEqual(counted(self.run_recipe("Who was denied, and how often")), self.tally("user", "--decision", "deny"))

    def test_denying_rules(self):
        found = counted(self.run_recipe("Which rules denied"))
        none = found.pop("no rule")
        self.assertEqual(found, self.tally("rule", "--decision", "deny"))
        self.assertEqual(none + sum(found.values()), int(self.auditlog("count", "--decision", "deny")))

    def test_table(self):
        ours = self.auditlog("export", "--format", "csv", "--fields", "timestamp,username,action,resource_id,deny_reason",
                             "--decision", "deny")
        found = list(csv.reader(io.StringIO(self.run_recipe("A table for a spreadsheet"))))
        self.assertEqual(found, list(csv.reader(io.StringIO(ours)))[1:])
        self.assertEqual(len(found), len(self.denied))

    def test_per_minute(self):
        found = counted(self.run_recipe("Records per minute"))
        self.assertGreater(len(found), 2)
        for minute, n in found.items():
            span = ["--from", minute + ":00Z", "--to", minute + ":59.999999Z"]
            self.assertEqual(int(self.auditlog("count", *span)), n)

    def test_one_sandbox(self):
        found = counted(self.run_recipe("What one sandbox asked for"))
        self.assertEqual(sum(found.values()), int(self.auditlog("count", "--sandbox", "box-1")))
        for row, n in found.items():
            decision, action, resource = row.split("\t")
            self.assertEqual(int(self.auditlog("count", "--sandbox", "box-1", "--decision", decision.lower(), "--action", action,
                                               "--resource", resource)), n)

    def test_failed(self):
        found = self.run_recipe("What was allowed and then failed").splitlines()
        expected = [self.records[8 - 1], self.records[6 - 1]]
        self.assertEqual(found, [f"{r['timestamp']} {r['username']} {r['resource_id']}" for r in expected])

    def test_policies(self):
        found = self.run_recipe("Policies that came into force, and those that were refused")
        ours = self.auditlog("search", "--where", "action_type=policy", "--format", "{timestamp}|{policy.result}|{policy.revision}")
        self.assertEqual([line.split("\t") for line in found.splitlines()],
                         [[x or "-" for x in line.split("|")] for line in ours.splitlines()])
        self.assertGreater(found.count("\n"), 1)

    def test_missing(self):
        self.assertEqual(self.run_recipe("Numbers that are missing"), "")
        os.rename(os.path.join(self.directory, self.log.names[1]), os.path.join(self.top, "away"))
        try:
            self.assertEqual(json.loads(self.run_recipe("Numbers that are missing")), {"last": 60, "now": 62})
        finally:
            os.rename(os.path.join(self.top, "away"), os.path.join(self.directory, self.log.names[1]))

    def test_events(self):
        rows = [row.split("\t") for row in self.run_recipe("Events of applications, by name and level").splitlines()]
        self.assertGreater(len(rows), 7)
        for n, event, level in rows:
            self.assertEqual(int(self.auditlog("count", "--event", event, "--where", f"level={level}")), int(n))


class Format(Case):
    def test_members(self):
        """It has every member of a record, and each one only once."""
        with open(FORMAT, encoding="utf-8") as f:
            values = json.load(f)["sealwright_log"]["value"]
        with open(os.path.join(service.TOP, "docs", "FORMAT.md"), encoding="utf-8") as f:
            table = re.search(r"^\| audit_event_id \|.*?^\| prev_hash \|", f.read(), re.M | re.S)[0]
        members = {name for names in re.findall(r"^\| ([a-z_, ]+) \|", table, re.M) for name in names.split(", ")}
        self.assertEqual(set(values), members - {"timestamp"})


@unittest.skipUnless(LNAV, "lnav is not installed")
class Lnav(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = os.path.join(cls.top, "home")
        cls.formats = os.path.join(cls.home, ".config", "lnav", "formats", "sealwright")
        os.makedirs(cls.formats)
        shutil.copy(FORMAT, cls.formats)

    def lnav(self, *args):
        done = subprocess.run([LNAV, *args], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                              env={**os.environ, "HOME": self.home, "TERM": "xterm"})
        self.assertEqual((done.returncode, done.stderr), (0, ""), args)
        return done.stdout

    def sql(self, query):
        files = [os.path.join(self.directory, name) for name in self.log.names]
        return json.loads(self.lnav("-n", "-c", ";" + query, "-c", ":write-json-to -", *files))

    def recipe(self, title):
        return json.loads(self.run_recipe(title, HOME=self.home, TERM="xterm"))

    def test_is_valid(self):
        self.assertEqual(self.lnav("-C"), "")

    def test_every_record(self):
        """Each is read as what it is: number, time, members, operation, level."""
        rows = self.sql("SELECT seq, log_level, log_time, log_opid, audit_event_id, category, decision, username, sandbox_id, "
                        "resource_id, action_type, action, policy_id, rule_id, event, level, evaluation_id, prev_hash, "
                        "peer, deny_reason, details FROM sealwright_log ORDER BY seq")
        self.assertEqual(len(rows), len(self.records))
        for row, record in zip(rows, self.records):
            self.assertEqual(row.pop("log_time"), record["timestamp"].replace("T", " ")[:23])
            self.assertEqual(row.pop("log_opid"), record.get("sandbox_id"))
            self.assertEqual(row.pop("log_level"), level_of(record), record)
            for name in ("peer", "deny_reason", "details"):
                row[name] = row[name] and json.loads(row[name])
            self.assertEqual(row, {name: record.get(name) for name in row})

    def test_denials(self):
        rows = self.recipe("Denials by user, in SQL")
        self.assertEqual({r["username"]: r["n"] for r in rows}, self.tally("user", "--decision", "deny"))

    def test_denials_by_hour(self):
        rows = self.recipe("Denials by hour and resource, in SQL")
        expected = collections.Counter((r["timestamp"][:13], r["resource_id"]) for r in self.denied)
        self.assertEqual({(r["hour"], r["resource_id"]): r["n"] for r in rows}, dict(expected))

    def test_warnings(self):
        rows = self.recipe("Records that lnav marks as warnings and worse, in SQL")
        self.assertEqual([(r["seq"], r["log_level"]) for r in rows],
                         [(r["seq"], level_of(r)) for r in self.records if level_of(r) not in ("debug", "info")])


def level_of(record):
    if record["action_type"] == "storage":
        return "critical"
    if record.get("decision") == "AUDIT_DECISION_DENY":
        return "warning"
    return record.get("level", "info")


if __name__ == "__main__":
    tap.main()
