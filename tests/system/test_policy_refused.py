#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A wrong policy refuses the start, and says file, line and column."""

import copy
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402

RULE = '{"id":"r%s","actions":["connect:tcp"],"resources":["example.com"],"decision":"allow"}'


def document(rules, more=""):
    """A policy text with one rule per line, the first on line 4."""
    return ('{"schema":"sealwright-policy/1","revision":"1",\n'
            ' "policies":[{"id":"p","source":"host","mode":"enforce",\n'
            '  "rules":[\n' + ",\n".join(rules) + "\n]}]" + more + "}\n")


def with_rule(**changes):
    rule = {"id": "r1", "actions": ["connect:tcp"], "resources": ["example.com"], "decision": "allow", **changes}
    return document([json.dumps({k: v for k, v in rule.items() if v is not None})])


# name -> (policy text, line of the fault or None for any, words of the complaint)
WRONG = {
    "unknown key": (document([RULE % 1, (RULE % 2)[:-1] + ',"colour":1}']), 5, "colour"),
    "unknown key at the top": (document([RULE % 1], ',\n"test":[]'), 6, "test"),
    "bad CIDR": (with_rule(resources=["10.0.0.0/33"]), 4, "10.0.0.0/33"),
    "bad IPv6 CIDR": (with_rule(resources=["2001:db8::/129"]), 4, "2001:db8::/129"),
    "host bits set in a CIDR": (with_rule(resources=["10.0.0.1/8"]), 4, "10.0.0.1/8"),
    "port out of range": (with_rule(resources=["example.com:70000"]), 4, "70000"),
    "port range upside down": (with_rule(resources=["example.com:90-80"]), 4, "90-80"),
    "wildcard in the middle": (with_rule(resources=["a.*.example.com"]), 4, ""),
    "duplicate rule id": (document([RULE % 1, RULE % 2, RULE % 1]), 6, "r1"),
    "duplicate key": (document([(RULE % 1)[:-1] + ',"decision":"deny"}']), 4, "decision"),
    "unknown decision": (with_rule(decision="maybe"), 4, "decision"),
    "unknown action": (with_rule(actions=["connect:sctp"]), 4, "connect:sctp"),
    "no actions": (with_rule(actions=[]), 4, "actions"),
    "no resources": (with_rule(resources=None), 4, "resources"),
    "no id": (with_rule(id=None), 4, "id"),
    "id is a number": (with_rule(id=5), 4, "id"),
    "bad expiry": (with_rule(expires="tomorrow"), 4, "expires"),
    "unknown key in when": (with_rule(when={"moon": "full"}), 4, "moon"),
    "bad time in when": (with_rule(when={"time": {"from": "25:00", "to": "26:00"}}), 4, ""),
    "unknown mode": (document([RULE % 1]).replace("enforce", "strict"), 2, "mode"),
    "unknown source": (document([RULE % 1]).replace('"host"', '"nowhere"'), 2, "source"),
    "unknown schema": (document([RULE % 1]).replace("policy/1", "policy/9"), 1, "schema"),
    "no JSON": ('{"schema":\n  nonsense}', 2, ""),
    "cut short": (document([RULE % 1])[:-5], None, ""),
    "empty file": ("", None, ""),
    "an array": ("[]", 1, ""),
    "trailing comma": (document([RULE % 1 + ","]), 5, ""),
    "relative path": (with_rule(actions=["read"], resources=["data/x"]), 4, "data/x"),
    "failing test": (document([RULE % 1], ''',
"tests":[{"name":"never","op":{"action":"net:connect:tcp","resource":"net:domain:example.com:443"},
 "subject":{},"expect":"deny"}]'''), 6, "never"),
    "test of another rule": (document([RULE % 1], ''',
"tests":[{"name":"other rule","op":{"action":"net:connect:tcp","resource":"net:domain:example.com:443"},
 "subject":{},"expect":"allow","rule":"r2"}]'''), 6, "other rule"),
}


class PolicyRefused(service.Case):
    def refused(self, s):
        """Start, and return what was said when it ended."""
        s.spawn()
        self.assertNotEqual(s.wait(), 0)
        s.gone()
        self.assertNotIn("policyd: ready", s.said())
        self.assertFalse(os.path.exists(s.socket) and self.listens(s), "it listens although it has ended")
        return s.said()

    @staticmethod
    def listens(s):
        try:
            s.client()
            return True
        except OSError:
            return False

    def complaint(self, s, said):
        found = re.search(r"policyd: " + re.escape(s.policy) + r":(\d+):(\d+): (.+)", said)
        self.assertIsNotNone(found, said)
        return int(found[1]), int(found[2]), found[3]

    def test_refused_with_place(self):
        for name, (text, line, word) in WRONG.items():
            with self.subTest(name):
                s = self.make(name.replace(" ", "-"), policy=text or " ")
                said = self.refused(s)
                at_line, at_column, complaint = self.complaint(s, said)
                print(f"# {name}: {at_line}:{at_column}: {complaint}")
                if line is not None:
                    self.assertEqual(at_line, line, said)
                    self.assertLessEqual(at_column, len(text.split("\n")[line - 1]) + 1)
                self.assertGreaterEqual(at_column, 1)
                self.assertIn(word, complaint)

    def test_refusal_is_on_record(self):
        s = self.make(policy=WRONG["bad CIDR"][0])
        said = self.refused(s)
        log = s.log(closed=True)
        records = log.management("policy")
        self.assertEqual(len(records), 1)
        payload = records[0]["policy"]
        self.assertEqual(payload["result"], "refused")
        self.assertEqual(payload["errors"], 1)
        line, column, complaint = self.complaint(s, said)
        self.assertEqual(payload["first"], f"{s.policy}:{line}:{column}: {complaint}")

    def test_every_complaint_is_shown(self):
        s = self.make(policy=document([RULE % 1, RULE % 1, (RULE % 3).replace("example.com", "10.0.0.0/99")]))
        said = self.refused(s)
        self.assertEqual(len(re.findall(r"(?m)^policyd: " + re.escape(s.policy) + r":\d+:\d+: ", said)), 2, said)

    def test_no_such_policy(self):
        s = self.make()
        os.unlink(s.policy)
        self.assertIn(s.policy, self.refused(s))

    def test_mended_policy_starts(self):
        s = self.make(policy=WRONG["bad CIDR"][0])
        self.refused(s)
        s = self.start(policy=service.POLICY)
        with s.client() as c:
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        log = s.stop()
        self.assertEqual([r["policy"]["result"] for r in log.management("policy")], ["refused", "loaded"])

    def test_loaded_policy_is_on_record(self):
        policy = copy.deepcopy(service.POLICY)
        policy["org"] = {"id": "acme", "name": "Acme Inc"}
        policy["tests"] = [{"name": "t", "op": service.ALLOWED, "subject": {}, "expect": "allow", "rule": "example"}]
        s = self.start(policy=policy)
        with s.client() as c:
            c.ask(service.ALLOWED)
        log = s.stop()
        loaded = log.management("policy")[0]["policy"]
        self.assertEqual((loaded["result"], loaded["revision"]), ("loaded", "test.1"))
        self.assertEqual((loaded["policies"], loaded["rules"], loaded["tests"]), (2, 5, 1))
        asked = log.where(category="AUDIT_CATEGORY_EVALUATION")[0]
        self.assertEqual((asked["org_id"], asked["org_name"]), ("acme", "Acme Inc"))

    def test_directory_of_policies(self):
        s = self.make()
        os.unlink(s.policy)
        os.mkdir(s.policy)
        first, second = copy.deepcopy(service.POLICY), copy.deepcopy(service.POLICY)
        first["policies"], second["policies"] = first["policies"][:1], second["policies"][1:]
        for name, text in (("10-net.json", first), ("20-files.json", second), ("README", None)):
            with open(os.path.join(s.policy, name), "w", encoding="utf-8") as f:
                f.write("no policy" if text is None else json.dumps(text))
        s.spawn()
        s.wait_ready()
        with s.client() as c:
            self.assertEqual(c.ask(service.ALLOWED)["rule_id"], "example")
            self.assertEqual(c.ask({"action": "fs:read", "resource": "fs:path:/data/a"})["rule_id"], "data")
        s.stop()


if __name__ == "__main__":
    tap.main()
