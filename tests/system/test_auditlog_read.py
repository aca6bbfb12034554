#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog ls, show, search, count and summary: what they find against a plain reading of the same files in Python,
which files they open, what they make of files that are no log, and what people see of hostile data."""

import collections
import datetime
import fnmatch
import json
import os
import random
import re
import resource
import shlex
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
import test_syscalls  # noqa: E402
from evidence_log import START, STEP, LogBuilder, event_id, time_text  # noqa: E402
from terminal import on_terminal  # noqa: E402

MEMORY = 64 << 20
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  \d+ +(ALLOW|DENY|DONE|FAIL|NOTE|DEBUG|INFO|WARN|ERROR) +\S.*\n")
HUGE = int(os.environ.get("SEALWRIGHT_HUGE", str(400 << 20)))
SEGMENTS = int(os.environ.get("SEALWRIGHT_SEGMENTS", "300"))


def auditlog(*args, **options):
    return service.run([judges.AUDITLOG, *args], **options)


def raw(*args, stdin=b""):
    """(code, stdout as bytes, stderr)"""
    done = subprocess.run([judges.AUDITLOG, *args], input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="r")
        cls.directory = os.path.join(cls.top, "log")
        cls.log = LogBuilder(cls.directory, segments=[40, 1, 59, 100])
        cls.log.add([cls.log.line(client_name="sbx", sandbox_id="box-1", request_id="a b"),
                     cls.log.line(username="root"), cls.log.line(level="error")], state="recovered")
        cls.tail = cls.log.tail(5)
        cls.log.write()
        cls.lines = [line for lines in cls.log.lines for line in lines] + cls.tail
        cls.records = [json.loads(line) for line in cls.lines]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top, True)

    def expect(self, args, wanted):
        """These options find exactly the records for which wanted(record) is true, as they are stored."""
        expected = [line for line, record in zip(self.lines, self.records) if wanted(record)]
        code, out, err = raw("search", "--json", *args, self.directory)
        self.assertEqual((out, err), (b"".join(expected), ""), args)
        self.assertEqual(code, 0 if expected else 1)
        self.assertEqual(raw("search", "--json", "--reverse", *args, self.directory)[1], b"".join(expected[::-1]))
        self.assertEqual(raw("search", "--json", "--limit", "3", *args, self.directory)[1], b"".join(expected[:3]))
        self.assertEqual(auditlog("count", *args, self.directory), (0, f"{len(expected)}\n", ""))
        return len(expected)


class Filters(Case):
    def test_members(self):
        cases = [
            (["--decision", "deny"], lambda r: r.get("decision") == "AUDIT_DECISION_DENY"),
            (["--decision", "AUDIT_DECISION_ALLOW"], lambda r: r.get("decision") == "AUDIT_DECISION_ALLOW"),
            (["--action", "fs:read"], lambda r: r.get("action") == "fs:read"),
            (["--action", "net:*"], lambda r: r.get("action", "").startswith("net:")),
            (["--resource", "*:443"], lambda r: r.get("resource_id", "").endswith(":443")),
            (["--resource", "*\"ü\"\\"], lambda r: r.get("resource_id", "").endswith("\"ü\"\\")),
            (["--resource", "169.*.254*80"], lambda r: fnmatch.fnmatch(r.get("resource_id", ""), "169.*.254*80")),
            (["--user", "jörg"], lambda r: r.get("username") == "jörg"),
            (["--user", "root"], lambda r: r.get("username") == "root"),
            (["--rule", "data"], lambda r: r.get("rule_id") == "data"),
            (["--policy", "net"], lambda r: r.get("policy_id") == "net"),
            (["--client", "sbx"], lambda r: r.get("client_name") == "sbx"),
            (["--sandbox", "box-*"], lambda r: r.get("sandbox_id", "").startswith("box-")),
            (["--category", "management"], lambda r: r["category"] == "AUDIT_CATEGORY_MANAGEMENT"),
            (["--event", "auth.fail"], lambda r: r.get("event") == "auth.fail"),
            (["--level", "info"], lambda r: r.get("level") in ("info", "warning", "error")),
            (["--level", "error"], lambda r: r.get("level") == "error"),
            (["--actor", "sshd"], lambda r: r.get("actor") == "sshd"),
            (["--session", self.log.session], lambda r: r["audit_session_id"] == self.log.session),
            (["--session", "nobody"], lambda r: False),
            (["--decision", "deny", "--rule", "no-metadata"], lambda r: r.get("rule_id") == "no-metadata"),
            (["--decision", "allow", "--rule", "no-metadata"], lambda r: False),
            ([], lambda r: True),
        ]
        for args, wanted in cases:
            with self.subTest(args):
                self.expect(args, wanted)

    def test_where(self):
        cases = [
            (["--where", "peer.uid=0"], lambda r: r.get("peer", {}).get("uid") == 0),
            (["--where", "seq=17"], lambda r: r["seq"] == 17),
            (["--where", "payload.method=GET"], lambda r: r.get("http_request", {}).get("method") == "GET"),
            (["--where", "http_request.scheme=https"], lambda r: "http_request" in r),
            (["--where", "details.n=1"], lambda r: r.get("details", {}).get("n") == 1),
            (["--where", "details.what=*🔑"], lambda r: "details" in r),
            (["--where", "deny_reason=*no-metadata*"], lambda r: "no-metadata" in str(r.get("deny_reason"))),
            (["--where", "username="], lambda r: False),
            (["--where", "username!=jörg"], lambda r: r.get("username") != "jörg"),
            (["--where", "peer.uid!=*"], lambda r: "peer" not in r),
            (["--where", "deny_reason!=*no-metadata*", "--decision", "deny"],
             lambda r: r.get("decision") == "AUDIT_DECISION_DENY" and "no-metadata" not in str(r["deny_reason"])),
            (["--where", "payload.method!=GET", "--where", "category!=*EVENT"],
             lambda r: r.get("http_request", {}).get("method") != "GET" and not r["category"].endswith("EVENT")),
            (["--where", "evaluator=2", "--where", "event=auth*"], lambda r: r.get("evaluator") == 2),
            (["--where", "request_id=a b"], lambda r: r.get("request_id") == "a b"),
        ]
        for args, wanted in cases:
            with self.subTest(args):
                self.expect(args, wanted)

    def test_again(self):
        """Of an option that is given again, one is enough; of --where all must hold; of --level and times the last counts."""
        cases = [
            (["--user", "jörg", "--user", "root"], lambda r: r.get("username") in ("jörg", "root")),
            (["--user", "root", "--user", "jörg", "--decision", "deny"],
             lambda r: r.get("username") in ("jörg", "root") and r.get("decision") == "AUDIT_DECISION_DENY"),
            (["--action", "fs:read", "--action", "http:*", "--action", "no"], lambda r: r.get("action") in ("fs:read", "http:request:GET")),
            (["--decision", "allow", "--decision", "deny"], lambda r: "decision" in r),
            (["--category", "event", "--category", "management"], lambda r: r["category"][15:] in ("EVENT", "MANAGEMENT")),
            (["--rule", "data", "--rule", "no-metadata", "--policy", "net"], lambda r: r.get("rule_id") == "no-metadata"),
            (["--where", "username=jörg", "--where", "username=root"], lambda r: False),
            (["--level", "debug", "--level", "error"], lambda r: r.get("level") == "error"),
            (["--from", "now", "--from", "2020-01-01", "--to", "2020-01-01", "--to", "9999-12-31"], lambda r: True),
        ]
        for args, wanted in cases:
            with self.subTest(args):
                self.expect(args, wanted)

    def test_users(self):
        """By name, by uid, and as somebody without a name is shown."""
        log = LogBuilder(os.path.join(self.top, "users"), segments=[2])
        peers = [("jörg", 1000), (None, 1000), ("1000", 13), (None, 13), ("uid 13", 5), (None, None), ("alice", 13)]
        for name, uid in peers:
            kind = evidence_log.USUAL[0]
            decided = {k: v for k, v in kind[3].items() if k != "username"} | ({"username": name} if name else {})
            behind = {k: v for k, v in kind[6].items() if k != "peer"} | ({"peer": {"uid": uid, "gid": 1, "pid": 2}} if uid else {})
            log.add([log.line((*kind[:3], decided, *kind[4:6], behind))])
        log.write()
        for args, wanted in ((["jörg"], [0]), (["1000"], [0, 1, 2]), (["13"], [2, 3, 6]), (["uid 13"], [3, 4]), (["uid 1*"], [1, 3, 4]),
                             (["*"], [0, 2, 4, 6]), (["1000", "alice"], [0, 1, 2, 6]), (["uid 7"], []), (["100"], []), ([""], [])):
            with self.subTest(args):
                out = auditlog("search", "--json", *(x for a in args for x in ("--user", a)), log.directory)[1]
                self.assertEqual([json.loads(line)["seq"] - 3 for line in out.splitlines()], wanted)
        # What summary says of each is what search finds.
        told = json.loads(auditlog("summary", "--json", "--from", "2026-11-21", log.directory)[1])
        for row in told["user"]["top"]:
            self.assertEqual(auditlog("count", "--user", row["value"], log.directory)[1],
                             "3\n" if row["value"] == "1000" else f"{row['records']}\n", row)

    def test_times(self):
        texts = [r["timestamp"] for r in self.records]
        for low, high in ((0, 0), (3, 3), (39, 41), (40, 150), (199, len(texts) - 1)):
            inside = set(texts[low:high + 1])
            with self.subTest((low, high)):
                n = self.expect(["--from", texts[low], "--to", texts[high]], lambda r, x=inside: r["timestamp"] in x)
                self.assertEqual(n, high - low + 1)
        self.expect(["--from", "2026-11-21"], lambda r: True)
        self.expect(["--to", "2026-11-20"], lambda r: False)
        self.expect(["--from", "2026-11-21T05:00:00+01:00"], lambda r: True)
        self.expect(["--to", texts[5][:-1] + "+00:00"], lambda r: r["seq"] <= 6)

    def test_times_by_now(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        us = int(now.timestamp()) * 1_000_000
        day = 86400_000_000
        with tempfile.TemporaryDirectory(prefix="r") as top:
            for name, start in (("old", us - 3 * day), ("yesterday", us // day * day - day // 2), ("new", us - 30_000_000)):
                LogBuilder(os.path.join(top, name), segments=[2], start=start).write()
            def counts(*args):
                return [int(auditlog("count", *args, os.path.join(top, n))[1]) for n in ("old", "yesterday", "new")]
            self.assertEqual(counts("--from", "-1m"), [0, 0, 2])
            self.assertEqual(counts("--from", "-1w"), [2, 2, 2])
            self.assertEqual(counts("--from", "yesterday", "--to", "yesterday")[1], 2)
            self.assertEqual(counts("--to", "-2d"), [2, 0, 0])
            self.assertEqual(counts("--from", "now"), [0, 0, 0])

    def test_wrong(self):
        for args in (["--decision", "perhaps"], ["--category", "x"], ["--level", "loud"], ["--from", "tomorrowish"],
                     ["--from", "-1y"], ["--from", "2026-02-30"], ["--from", "-1d", "--to", "-2d"], ["--where", "x"],
                     ["--where", "=x"], ["--where", "!=x"], ["--where", "nothing=*"], ["--where", "user=jörg"], ["--where", "peer.name=x"],
                     ["--where", "username.x=1"], ["--user", "a", "--user", b"\xff"], ["--decision", "deny", "--decision", "x"],
                     ["--user", b"\xff"], ["--limit", "0"], ["--nothing"]):
            with self.subTest(args):
                code, out, err = auditlog("search", *args, self.directory)
                self.assertEqual((code, out), (2, ""))
                self.assertIn("Try 'auditlog search --help'.", err)

    def test_files(self):
        """Segments one by one, in the order given; standard input; one without a newline at its end."""
        paths = [os.path.join(self.directory, n) for n in self.log.names[:2]]
        self.assertEqual(raw("search", "--json", *paths)[1], b"".join(self.log.lines[0] + self.log.lines[1]))
        self.assertEqual(raw("search", "--json", *paths[::-1])[1], b"".join(self.log.lines[1] + self.log.lines[0]))
        self.assertEqual(raw("search", "--json", "-", stdin=b"".join(self.lines))[1], b"".join(self.lines))
        self.assertEqual(raw("count", "-", stdin=b"".join(self.lines))[1], b"%d\n" % len(self.lines))
        code, out, err = raw("search", "--json", "-", stdin=self.lines[0] + self.lines[1][:-1])
        self.assertEqual((code, out), (2, self.lines[0]))
        self.assertEqual(err, f"auditlog: -: byte {len(self.lines[0])}: the file ends within a line\n")


class Show(Case):
    def test_record(self):
        for seq in (1, 40, 41, 101, len(self.lines)):
            record = self.records[seq - 1]
            for name in (record["audit_event_id"], record["audit_event_id"].upper(), str(seq)):
                self.assertEqual(raw("show", "--json", name, self.directory)[:2], (0, self.lines[seq - 1]))
            code, out, err = auditlog("show", str(seq), self.directory)
            self.assertEqual((code, err), (0, ""))
            self.assertRegex(out, rf"(?m)^seq +{seq}$")
            self.assertRegex(out, r"(?m)^seal +(\d+, (clean|recovered)|none yet)$")

    def test_none(self):
        for name in ("0", "999999", event_id(self.log.log_id ^ 1, 5), event_id(self.log.log_id, 10**6)):
            self.assertEqual(auditlog("show", name, self.directory), (1, "", ""))
        for name in ("x", "-1", "1.5", "9" * 40, ""):
            self.assertEqual(auditlog("show", "--", name, self.directory)[0], 2)


class Listing(Case):
    def test_ls(self):
        code, out, err = auditlog("ls", "--json", self.directory)
        self.assertEqual((code, err), (0, ""))
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([r["file"] for r in rows[:-1]], self.log.names)
        for row, seal in zip(rows, self.log.seals):
            self.assertEqual([row[k] for k in ("index", "state", "records", "bytes", "first_seq", "last_seq",
                                               "first_time", "last_time")],
                             [seal[k] for k in ("index", "state", "records", "bytes", "first_seq", "last_seq",
                                                "first_time", "last_time")])
        self.assertEqual((rows[-1]["state"], rows[-1]["records"], rows[-1]["last_seq"], rows[-1]["bytes"]),
                         ("open", 5, len(self.lines), sum(map(len, self.tail))))
        shown = auditlog("ls", self.directory)[1].splitlines()
        self.assertEqual(len(shown), len(rows) + 2)
        self.assertRegex(shown[-1], rf"^{len(rows)} segments, {len(rows) - 1} sealed: {len(self.lines)} records, ")

    def test_by_time(self):
        out = auditlog("ls", "--json", "--from", time_text(START + 45 * STEP), "--to", time_text(START + 50 * STEP),
                       self.directory)[1]
        self.assertEqual([json.loads(line)["file"] for line in out.splitlines() if "index" in json.loads(line)],
                         [self.log.names[2]])

    def test_empty(self):
        with tempfile.TemporaryDirectory(prefix="r") as empty:
            for command in ("ls", "search", "summary", "tail"):
                code, _, err = auditlog(command, empty)
                self.assertEqual((code, err), (1, f"auditlog: {empty}: there is no segment of a log\n"), command)
            self.assertEqual(auditlog("count", empty)[:2], (0, "0\n"))

    @unittest.skipIf(service.SANITIZED, "LeakSanitizer does not run under strace")
    @unittest.skipUnless(test_syscalls.STRACE, "strace is not installed")
    def test_opens_what_is_needed(self):
        """A span within three of many segments: three are opened."""
        directory = os.path.join(self.top, "many")
        log = LogBuilder(directory, segments=[2] * SEGMENTS).write()
        middle = SEGMENTS // 2
        span = ["--from", time_text(START + (2 * middle + 1) * STEP), "--to", time_text(START + (2 * middle + 4) * STEP)]
        trace = os.path.join(self.top, "trace")
        for command, wanted in ((["search", *span], 3), (["count", *span], 3), (["summary", *span], 3),
                                (["show", str(2 * middle + 1)], 1), (["tail", "-n", "3"], 2), (["ls"], 0)):
            done = subprocess.run([test_syscalls.STRACE, "-f", "-qq", "-e", "trace=openat", "-o", trace, judges.AUDITLOG,
                                   *command, directory], capture_output=True, check=True)
            self.assertTrue(done.stdout)
            with open(trace, encoding="utf-8") as f:
                text = f.read()
            # Of what cannot be dumped only root's strace sees the names. Seals are opened once each; tail looks twice.
            total = text.count("O_NOFOLLOW")
            self.assertIn(total, (SEGMENTS + wanted, SEGMENTS + 2 * wanted), command)
            if os.geteuid() == 0:
                opened = set(re.findall(r'"(audit-\S+\.jsonl(?:\.tmp)?)"', text))
                self.assertEqual(len(opened), wanted, command)
                self.assertLessEqual(opened, set(log.names))


class Document(Case):
    def test_commands(self):
        """What docs/READING.md tells to type is understood."""
        with open(os.path.join(service.TOP, "docs", "READING.md"), encoding="utf-8") as f:
            commands = re.findall(r"^\| [^|]+ \| `(auditlog [^`]+)`", f.read(), re.M)
        commands = [shlex.split(c)[1:] for c in commands]
        ran = [c for c in commands if c[0] not in ("verify", "report") and "-f" not in c]
        self.assertGreaterEqual(len(ran), 7)
        for command in ran:
            args = [self.records[0]["audit_event_id"] if a == "EVENT_ID" else a for a in command]
            code, _, err = auditlog(*args, self.directory)
            self.assertIn(code, (0, 1), (command, err))
            self.assertEqual(err, "")


class Summary(Case):
    def test_counts(self):
        code, out, err = auditlog("summary", "--json", "--from", "2026-11-21T00:00:00Z", "--to", "2026-11-21T23:59:59Z",
                                  self.directory)
        self.assertEqual((code, err), (0, ""))
        told = json.loads(out)
        self.assertEqual(told["records"], len(self.records))
        def found(of):
            return {row["value"]: row["records"] for row in told[of]["top"]}
        def expected(values):
            return dict(collections.Counter(v for v in values if v is not None))
        self.assertEqual(found("decision"), expected(r["decision"][15:] if "decision" in r else None for r in self.records))
        self.assertEqual(found("category"), expected(r["category"][15:] for r in self.records))
        self.assertEqual(found("rule"), expected(f"{r['policy_id']}/{r['rule_id']}" if "rule_id" in r else None
                                                 for r in self.records))
        self.assertEqual(found("resource"), expected(r.get("resource_id") for r in self.records))
        self.assertEqual(found("level"), expected(r.get("level") for r in self.records))
        self.assertEqual(found("client"), {"sbx": 1})
        self.assertEqual(found("time"), expected(r["timestamp"][:13] for r in self.records))
        self.assertEqual(found("denied"), expected(r["timestamp"][:13] if r.get("decision") == "AUDIT_DECISION_DENY" else None
                                                   for r in self.records))
        self.assertEqual(told["resource"]["distinct"], 4)

    def test_more_than_there_is_room_for(self):
        """Every record another resource, long ones: all are counted, none too many are told apart."""
        line = self.lines[5]
        self.assertIn(b'"resource_id":"', line)
        head, rest = line.split(b'"resource_id":"', 1)
        tail = rest.split(b'"', 1)[1]
        data = b"".join(head + b'"resource_id":"%08d' % i + b"x" * 200 + b'"' + tail for i in range(35000))
        told = json.loads(raw("summary", "--json", "--from", "2026-01-01", "-", stdin=data)[1])
        self.assertEqual(told["records"], 35000)
        self.assertEqual(told["resource"]["distinct"] + told["resource"]["others"], 35000)
        self.assertGreater(told["resource"]["distinct"], 5000)

    def test_for_people(self):
        code, out, err = auditlog("summary", "--from", "2026-11-21", self.directory)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, rf"^{len(self.records)} records from ")
        self.assertRegex(out, r"(?m)^ +\d+ +\d+\.\d % +#+  ALLOW$")
        self.assertRegex(out, r"(?m)^per (hour|day) \(UTC\)")
        self.assertEqual(auditlog("summary", "--to", "2000-01-01", self.directory)[0], 1)


class People(Case):
    """What a person sees: one line for each record, whatever is in it."""

    def test_lines(self):
        code, out, err = auditlog("search", self.directory)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(len(out.splitlines()), len(self.lines))
        for line in out.splitlines(keepends=True):
            self.assertRegex(line, LINE)

    HOSTILE = ["\x1b]0;x\x07", "\x9b2J", "a\nb", "\r", "\u202eabc", "\u2028", "x" * 3000, "\"},{\"", "\t\b", "\x7f", "é🔑"]

    def hostile(self, **changes):
        log = LogBuilder(os.path.join(self.top, "unused"))
        log.line(), log.line()
        return log.line(**changes)

    def test_hostile(self):
        for text in self.HOSTILE:
            for member in ("username", "resource_id", "client_name", "action", "policy_id", "rule_id"):
                line = self.hostile(**{member: text})
                for options in ([], ["--json"]):
                    code, out, err = raw("search", *options, "-", stdin=line)
                    self.assertEqual((code, err), (0, ""), (text, member))
                    self.assertEqual(out.count(b"\n"), 1)
                    if not options:
                        self.assertNotRegex(out.decode(), "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
                found = raw("search", "--json", "--where", f"{member}={text}", "-", stdin=line)[1]
                self.assertEqual(found, line, (text, member))
            shown = raw("show", "3", "-", stdin=self.hostile(resource_id=text))[1].decode()
            self.assertNotRegex(shown, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
            told = raw("summary", "--from", "2026-01-01", "-", stdin=self.hostile(resource_id=text))[1].decode()
            self.assertNotRegex(told, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")

    def test_colours(self):
        args = [judges.AUDITLOG, "search", "--limit", "9"]
        out = on_terminal([*args, self.directory])
        self.assertIn("\x1b[31mDENY", out)
        self.assertIn("\x1b[32mALLOW", out)
        for without in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}):
            self.assertNotIn("\x1b", on_terminal([*args, self.directory], without))
        self.assertNotIn("\x1b", auditlog("search", "--limit", "9", self.directory)[1])

    def test_json_on_a_terminal(self):
        """The lines are as they are stored, but for what would drive the terminal."""
        path = os.path.join(self.top, "hostile.jsonl")
        with open(path, "wb") as f:
            f.write(self.hostile(username="\x9b2Jé"))
        out = on_terminal([judges.AUDITLOG, "search", "--json", path])
        self.assertNotIn("\x9b", out)
        self.assertEqual(json.loads(out)["username"], "\x9b2Jé")
        out = on_terminal([judges.AUDITLOG, "summary", "--json", "--from", "2026-01-01", path])
        self.assertNotIn("\x9b", out)
        self.assertEqual(json.loads(out)["user"]["top"][0]["value"], "\x9b2Jé")


class Damage(Case):
    """Files that are no log, or no longer: said with the place, exit status 2, and the rest is read."""

    COMMANDS = (["search"], ["search", "--reverse"], ["search", "--decision", "deny"], ["count"], ["count", "--user", "x"],
                ["ls"], ["show", "7"], ["summary", "--from", "2000-01-01"], ["tail"], ["tail", "-n", "100000"])

    def file(self, data, name="f.jsonl"):
        path = os.path.join(self.top, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def all_commands(self, *paths, codes=(0, 1, 2)):
        for command in self.COMMANDS:
            done = subprocess.run([judges.AUDITLOG, *command, *paths], capture_output=True, check=False)
            self.assertIn(done.returncode, codes, (command, done.stderr))
            self.assertLess(done.stderr.count(b"\n"), 13)

    def test_one_bad_line(self):
        data = b"".join(self.lines[:20])
        at = sum(map(len, self.lines[:9]))
        bad = data[:at] + b'{"seq":1 }\n' + data[at:]
        code, out, err = raw("search", "--json", self.file(bad))
        self.assertEqual((code, out), (2, data))
        self.assertRegex(err, rf"^auditlog: \S+f\.jsonl: byte {at + 8}: neither a comma nor the end behind a value\n$")
        self.assertEqual(raw("search", "--json", "--reverse", self.file(bad))[1], b"".join(self.lines[:20][::-1]))

    def test_truncated(self):
        data = b"".join(self.lines[:6])
        for cut in [*range(1, 40, 3), *(len(data) - i for i in range(1, 700, 23))]:
            whole = data[:cut].rfind(b"\n") + 1
            code, out, err = raw("search", "--json", self.file(data[:cut]))
            self.assertEqual((code, out), (2, data[:whole]))
            self.assertIn(f": byte {whole}: the file ends within a line\n", err)

    def test_open_segment(self):
        """In a .tmp the rest of a line and NULs are no fault."""
        data = b"".join(self.lines[:6])
        for rest in (b"", b"{\"audit", b"\0" * 100000, b"{\"x\0" + b"\0" * 300000):
            path = self.file(data + rest, "x.jsonl.tmp")
            self.assertEqual(raw("search", "--json", path), (0, data, ""))
            self.assertEqual(raw("tail", "--json", path), (0, data, ""))
            self.assertEqual(raw("count", path), (0, b"6\n", ""))

    def test_foreign(self):
        generator = random.Random(1)
        for data in (b"\x7fELF" + bytes(range(256)) * 1000, b"\n" * 1000, b"{}\n" * 50, b"[1,2]\n", b"\0" * 70000,
                     b"no newline", b"a,b\n1,2\n", b'{"level":"info","msg":"x"}\r\n' * 3, generator.randbytes(300000)):
            self.all_commands(self.file(data))
        code, out, err = auditlog("search", "--decision", "deny", self.file(b"root:x:0:0\n" * 5))
        self.assertEqual((code, out), (2, ""))
        self.assertRegex(err, r"^auditlog: \S+: byte 0: not a JSON object\n$")

    def test_empty_file(self):
        self.assertEqual(raw("search", self.file(b"")), (1, b"", ""))
        self.assertEqual(raw("count", self.file(b"")), (0, b"0\n", ""))

    def test_random_bytes_changed(self):
        seed = random.randrange(2**32)
        print(f"# seed {seed}")
        generator = random.Random(seed)
        data = b"".join(self.lines[:30])
        for _ in range(10):
            changed = bytearray(data)
            for _ in range(generator.randrange(1, 20)):
                changed[generator.randrange(len(changed))] = generator.randrange(256)
            self.all_commands(self.file(changed))

    def test_no_files(self):
        fifo, missing = os.path.join(self.top, "log", "fifo"), os.path.join(self.top, "nothing")
        code, _, err = auditlog("search", missing)
        self.assertEqual((code, err), (2, f"auditlog: {missing}: No such file or directory\n"))
        self.assertEqual(auditlog("search", "/dev/null")[0], 2)
        self.assertEqual(auditlog("search", self.directory, self.directory)[0], 2)
        self.assertFalse(os.path.exists(fifo))

    def test_in_the_place_of_files(self):
        """What is named as a segment and is none is said and passed by."""
        directory = os.path.join(self.top, "traps")
        log = LogBuilder(directory, segments=[3, 3, 3]).write()
        victim = os.path.join(directory, log.names[1])
        rest = b"".join(log.lines[0] + log.lines[2])
        def replace(make):
            if os.path.lexists(victim):
                (os.rmdir if os.path.isdir(victim) and not os.path.islink(victim) else os.unlink)(victim)
            make()
        for make in (lambda: os.mkfifo(victim), lambda: os.mkdir(victim), lambda: os.symlink("/etc/passwd", victim)):
            replace(make)
            code, out, err = raw("search", "--json", directory)
            self.assertEqual((code, out, err), (2, rest, f"auditlog: {log.names[1]}: not a regular file\n"))
        replace(lambda: None)
        self.assertEqual(raw("search", "--json", directory), (0, rest, ""))

    def test_bad_seal(self):
        directory = os.path.join(self.top, "badseal")
        log = LogBuilder(directory, segments=[3, 3, 3]).write()
        with open(os.path.join(directory, log.names[1] + ".seal"), "wb") as f:
            f.write(b"{}")
        self.assertEqual(raw("search", "--json", directory)[:2], (0, b"".join(sum(log.lines, []))))
        self.assertEqual([json.loads(x)["state"] for x in auditlog("ls", "--json", directory)[1].splitlines()],
                         ["clean", "bad seal", "clean"])

    def most_memory(self, *args):
        done = subprocess.Popen([judges.AUDITLOG, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(done.pid, 0)
        done.returncode = 0
        return usage.ru_maxrss * 1024

    @unittest.skipIf(service.SANITIZED, "sanitizers need memory of their own")
    def test_huge(self):
        """A huge line, which no disk holds, and one of megabytes between others."""
        path = self.file(self.lines[0])
        os.truncate(path, HUGE)
        for command in (["search"], ["count"], ["search", "--reverse"], ["tail"]):
            code, _, err = raw(*command, path)
            self.assertEqual(code, 2)
            self.assertRegex(err, r": byte \d+: (a line longer than a record can be|the file ends within a line)\n")
            self.assertLess(self.most_memory(*command, path), MEMORY)
        data = self.lines[0] + b"x" * (5 << 20) + b"\n" + self.lines[1]
        code, out, err = raw("search", "--json", self.file(data))
        self.assertEqual((code, out), (2, self.lines[0] + self.lines[1]))
        self.assertEqual(err.count("a line longer than a record can be"), 1)

    def test_output_that_fails(self):
        for command in (["search"], ["count"], ["ls"], ["summary", "--from", "2026-01-01"], ["show", "3"], ["tail"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([judges.AUDITLOG, *command, self.directory], stdout=full, stderr=subprocess.PIPE,
                                      check=False)
            self.assertEqual((done.returncode, done.stderr), (2, b"auditlog: standard output: No space left on device\n"))
            ours, theirs = os.pipe()
            os.close(ours)
            done = subprocess.run([judges.AUDITLOG, *command, self.directory], stdout=theirs, stderr=subprocess.PIPE,
                                  check=False)
            os.close(theirs)
            self.assertEqual((done.returncode, done.stderr), (2, b"auditlog: standard output: Broken pipe\n"))

    def test_few_resources(self):
        """With no thread to be had it works on its own."""
        def no_threads():
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        done = subprocess.run([judges.AUDITLOG, "search", "--json", self.directory], capture_output=True, check=True,
                              preexec_fn=no_threads)
        self.assertEqual(done.stdout, b"".join(self.lines))


if __name__ == "__main__":
    tap.main()
