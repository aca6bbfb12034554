#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl status, ls, rotate and reload with a fake policyd."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from fake_case import Case  # noqa: E402


class Operating(Case):
    STATUS = {"session": "s", "revision": "r\x1b", "writer": {"pid": 7, "storage": "ok"}, "supervisor": {"pid": 1},
              "evaluators": [{"channel": i, "asked": i * 1000} for i in range(1, 11)], "totals": {"asked": 55000},
              "missing": "no answer from evaluator 11"}
    RULES = {"revision": "r1", "policies": [
        {"policy_id": "p", "rule_id": "one", "source": "org", "mode": "enforce", "decision": "allow", "inactive": False,
         "actions": ["connect:tcp", "connect:udp"], "resources": ["a.example:443", "b" * 20, "\x1b[31m"]},
        {"policy_id": "pp", "rule_id": "two", "source": "host", "mode": "warn", "decision": "allow", "inactive": True,
         "scope": {"users": ["a", "b"], "sandboxes": ["\x1b[1m"]}, "expires": "2026-12-31T00:00:00.000000Z", "actions": ["read"], "resources": []}]}

    def test_status(self):
        p = self.policyd(lambda r, _: {"id": r["id"], "status": self.STATUS})
        code, out, err = self.ctl("status")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(p.requests[0], {"id": "1", "op": "status"})
        self.assertEqual(out, """session   s
revision  r\\x1b
missing   no answer from evaluator 11

totals
  asked  55000

writer
  pid      7
  storage  ok

supervisor
  pid  1

evaluators
  channel  1     2     3     4     5     6     7     8
  asked    1000  2000  3000  4000  5000  6000  7000  8000

evaluators
  channel  9     10
  asked    9000  10000
""")
        self.assertEqual(json.loads(self.ctl("status", "--json")[1])["status"], self.STATUS)

    def test_ls(self):
        self.policyd(lambda r, _: {"id": r["id"], **self.RULES})
        code, out, err = self.ctl("ls")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out, """revision r1
DECISION  ACTIONS                  RESOURCES             POLICY  RULE       SOURCE  MODE     SCOPE                     EXPIRES                      NOTE
allow     connect:tcp,connect:udp  a.example:443         p       one        org     enforce  everybody                 never
                                   bbbbbbbbbbbbbbbbbbbb
                                   \\x1b[31m
allow     read                                           pp      two        host    warn     user=a,b sandbox=\\x1b[1m  2026-12-31T00:00:00.000000Z  inactive: org rules alone allow
deny      any                      **                    -       (default)  -       -        everybody                 never                        what nothing allows; allowed where only warn and audit policies are in scope
""")
        self.assertEqual(json.loads(self.ctl("ls", "--json")[1]), {"id": "1", **self.RULES})

    def test_long_listing(self):
        rule = self.RULES["policies"][0]
        rules = {"revision": "r", "policies": [{**rule, "resources": [f"h{i}-{k}.example" for k in range(50)]}
                                               for i in range(1000)]}
        self.policyd(lambda r, _: {"id": r["id"], **rules})
        code, out, _ = self.ctl("ls")
        self.assertEqual((code, len(out.splitlines())), (0, 3 + 50 * 1000))

    def test_rotate(self):
        p = self.policyd(lambda r, _: {"id": r["id"], "rotated": True, "segment": "audit-x.jsonl"})
        self.assertEqual(self.ctl("rotate"), (0, "audit-x.jsonl\n", ""))
        p.answer = lambda r, _: {"id": r["id"], "rotated": False}
        self.assertEqual(self.ctl("rotate"), (0, "nothing to close\n", ""))

    def test_reload(self):
        p = self.policyd(lambda r, _: {"id": r["id"], "reloaded": True, "revision": "r2", "policies": 1, "rules": 5, "tests": 3})
        self.assertEqual(self.ctl("reload"), (0, "revision r2, 5 rules, 3 tests run\n", ""))
        p.answer = lambda r, _: {"id": r["id"], "error": "policy refused: p.json:1:2: what", "errors": 40,
                                 "complaints": ["p.json:1:2: what", "p.json:3:4: \x1b that"]}
        self.assertEqual(self.ctl("reload"), (1, "", "policyctl: reload: policy refused: p.json:1:2: what\n"
                                              "policyctl: p.json:3:4: \\x1b that\npolicyctl: errors in the policy: 40\n"))
        p.answer = lambda r, _: {"id": r["id"], "error": "policy refused: p.json:1:2: what"}
        self.assertEqual(self.ctl("reload"), (1, "", "policyctl: reload: policy refused: p.json:1:2: what\n"))

    def test_refused(self):
        self.policyd(lambda r, _: {"id": r["id"], "error": "at most once a second"})
        for name in ("status", "rotate", "reload", "ls"):
            self.assertEqual(self.ctl(name), (1, "", f"policyctl: {name}: at most once a second\n"))
            self.assertEqual(self.ctl(name, "--json")[1], '{"id":"1","error":"at most once a second"}\n')

    def test_nonsense(self):
        """Whatever answers: nothing worse than an odd picture."""
        p = self.policyd()
        for reply in ({}, {"status": 1, "policies": 1}, {"status": {"evaluators": [1, [], {}]}, "policies": [1, [], {}]},
                      {"status": {"totals": [], "evaluators": {}}, "policies": {}, "segment": 1, "revision": None}):
            p.answer = lambda r, _, reply=reply: reply
            for name in ("status", "rotate", "reload", "ls"):
                self.assertIn(self.ctl(name)[0], (0, 1, 2), (name, reply))


if __name__ == "__main__":
    tap.main()
