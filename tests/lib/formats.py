# SPDX-License-Identifier: Apache-2.0
"""A log for auditlog's output formats, and what its values are as text: every kind of record, hostile strings in every
place, and lines that no writer makes."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import evidence_log
import judges
from evidence_log import LogBuilder

HOSTILE = ["a\nb\r\nc", '"', '"",x', "\\", "\\n", "|", "a=b c=d", "]", "] [x", "x\" y=\"z", "\x1b[31m", "\x07\x7f", "\u0085", "\u2028",
           "\u202e", "=1+1", "+1", "-1", "@x", "\t=1", "'", ",", ";", "-", "", " ", " a b ", "ü🔑", "a\u00a0b\u3000c", "{x}", "%00", "\\x0a",
           "DENIED y -> z [policy:a/b engine:sealwright]", "CEF:0|a|b|c|d|e|1|", "\\]", "\\=", "x\ufeffy"]

# Members of any type, names of any kind.
ODD = [b'{"seq":1}\n', b'{"decision":5,"peer":"x","deny_reason":"y","details":[1,[2]],"payload":1}\n', b'{"action_type":[],"level":{}}\n',
       b'{"timestamp":"x]\\"","hostname":null,"decision":"=cmd","x\xc3\xbc":1,"seq":"\\u001b"}\n', b"{}\n",
       b'{"action_type":"execution","execution":{"success":{"success":true}},"peer":{"pid":{"pid":"] x"},"uid":"a b"}}\n',
       b'{"action_type":"http_request","resource_id":{"a":"\\u001b]"},"http_request":{"method":[1]},"deny_reason":[{},"a",[1]]}\n',
       b'{"action_type":"network_egress","resource_id":["x:1"],"peer":{"uid":1.5,"pid":-1},"timestamp":5,"seq":1e3}\n']

RESOURCES = ["::1:80", "[::1]:443", "[1:2:3:4:5:6:7:8]:1", "http://[::1]/x", "https://u@h/", "http://h:99999/", "http://:80", "h:0",
             "https://1.2.3.4:8443/x?y", "/", "//", "a/", "1.2.3.4:65535", "HTTP://h/", "[1111:2222:3333:4444:5555:6666:255.255.255.255]:1",
             "[::ffff:1.2.3.4]:1", "http://x#y:z", "https://", "http:/h", "https://[::1", "https://[::1]:", "https://h:/"]
EMAILS = ["a@b.c", "a@b", "@b.c", "a@.c", "a@b.", "a@b@c.d", "ü@b.c", "a b@c.d", "a.b+c@d-e.f.g", "a@b..c"]


def raw(*args, stdin=b""):
    """(code, stdout as bytes, stderr)"""
    done = subprocess.run([judges.AUDITLOG, *args], input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def value(record, path):
    """What a dotted path names; None when it is not there."""
    head, *rest = path.split(".")
    at = record.get(record["action_type"]) if head == "payload" else record.get(head)
    for name in rest:
        at = at.get(name) if isinstance(at, dict) else None
    return at


def compact(at):
    return json.dumps(at, ensure_ascii=False, separators=(",", ":")).translate(evidence_log.ESCAPED)


def said(at):
    """A value as text: as formats without structure have it."""
    if isinstance(at, list):
        return "; ".join(said(x) for x in at)
    if isinstance(at, str):
        return at
    return "" if at is None else compact(at)


HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def safe(text):
    """As what a terminal must not act on is shown."""
    return HARMFUL.sub(lambda m: "".join(f"\\x{b:02x}" for b in m[0].encode()), text)


class Case(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="o")
        cls.directory = os.path.join(cls.top, "log")
        cls.log = LogBuilder(cls.directory, segments=[20, 1])
        plain = evidence_log._plain
        lines = []
        for text in HOSTILE:
            for kind in evidence_log.USUAL[:4]:
                lines.append(cls.log.line(kind, resource_id=text, username=text, policy_id=text, rule_id=text, client_name=text,
                                          sandbox_id=text, agent=text, request_id=text, user_email=text, org_id=text, org_name=text))
            lines.append(cls.log.line(evidence_log.USUAL[3], deny_reason=[text, "b", text], client_name=text, action=text))
            lines.append(cls.log.line(evidence_log.USUAL[4], event=text, actor=text, details={"a": text, text or "k": [text, {"x": 1}]}))
            lines.append(cls.log.line(plain("EXECUTION", "execution", {"success": False, "duration_ms": 1.5, "error_class": text},
                                            evaluation_id="0" * 36, client_name=text,
                                            peer={"uid": 1000, "gid": 1000, "pid": 1}, evaluator=1)))
            lines.append(cls.log.line(plain("MANAGEMENT", "storage", {"state": "failed", "cause": text})))
            lines.append(cls.log.line(plain("MANAGEMENT", text or "x", None), hostname=text))
        for kind in ("filesystem_mount", "process_exec", "tool_invocation", "ssh_session", "unknown_action", "clock_step", "process",
                     "channel", "input", "recovery", "segments", "unrecorded", "configuration", "counters", "admin", "origin"):
            category = "EVALUATION" if kind[-4:] in ("ount", "exec", "tion", "sion") and kind != "configuration" else "MANAGEMENT"
            lines.append(cls.log.line(plain(category, kind, {"operation": "read", "n": -1})))
        lines.append(cls.log.line(evidence_log.USUAL[1], enforcement_mode="audit"))
        lines.append(cls.log.line(evidence_log.USUAL[1], username="x" * 7000))
        cls.log.add(lines)
        cls.tail = cls.log.tail(3)
        cls.log.write()
        cls.lines = [line for part in cls.log.lines for line in part] + cls.tail
        cls.records = [json.loads(line) for line in cls.lines]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top, True)

    def export(self, *args):
        code, out, err = raw("export", "--format", *args, self.directory)
        self.assertEqual((code, err), (0, ""))
        return out

    def one_line_each(self, out):
        """The text of each line; nothing in any of them could end it or drive a terminal."""
        lines = out.decode().split("\n")
        self.assertEqual(lines.pop(), "")
        self.assertEqual(len(lines), len(self.records))
        for line in lines:
            self.assertIsNone(HARMFUL.search(line), line)
        return lines

    def _bent(self, source):
        made = dict(source.choice(self.records))
        for name in source.sample(sorted(made), source.randrange(min(6, len(made)))):
            made[name] = source.choice((source.choice(HOSTILE), source.randrange(-5, 1 << 40), 1.5, None, [], {"a": [1]}, True))
            if source.randrange(8) == 0:
                del made[name]
        if source.randrange(3) == 0:
            made["resource_id"] = source.choice(RESOURCES)
        if source.randrange(3) == 0:
            made["user_email"] = source.choice(EMAILS)
        return json.dumps(made, ensure_ascii=False, separators=(",", ":")).translate(evidence_log.ESCAPED).encode() + b"\n"

    def bent(self, source, n):
        """Lines of records with some members gone and some of another type, at random."""
        return [line for line in (self._bent(source) for _ in range(n)) if len(line) <= 8192]
