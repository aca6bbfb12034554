#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl check, test and lint of policies that no policyd has loaded."""

import json
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402
from fake_case import Case  # noqa: E402
from terminal import HOSTILE  # noqa: E402


class Documents(Case):
    POLICY = {**service.POLICY, "tests": [
        {"name": "web", "op": service.ALLOWED, "expect": "allow", "rule": "example"},
        {"name": "metadata", "op": service.DENIED, "expect": "deny", "rule": "no-metadata"}]}

    def check(self, policy, *args):
        return service.policyctl("check", "--policy", policy, *args)

    def test_check(self):
        path = self.file(self.POLICY)
        self.assertEqual(self.check(path, *service.ALLOWED.values()), (0, "allow  rule example in policy net\n", ""))
        self.assertEqual(self.check(path, *service.DENIED.values()), (1, (
            "deny   rule no-metadata in policy net\n       denied by rule no-metadata in policy net for "
            "op(action=net:connect:tcp, resource=net:ip:169.254.169.254:80)\n"), ""))
        self.assertEqual(self.check(path, *service.UNMATCHED.values()), (1, (
            "deny   no rule\n       no applicable policies for op(action=net:connect:tcp, "
            "resource=net:domain:example.org:443)\n"), ""))

    def test_check_json(self):
        path = self.file(self.POLICY)
        code, out, _ = self.check(path, *service.DENIED.values(), "--json")
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out), {
            "decision": "deny", "enforcement_mode": "enforce", "policy_id": "net", "rule_id": "no-metadata",
            "policy_revision": "test.1",
            "reason": ["denied by rule no-metadata in policy net for op(action=net:connect:tcp, "
                       "resource=net:ip:169.254.169.254:80)"],
            "record": {"decision": "deny", "enforcement_mode": "enforce", "policy_id": "net", "rule_id": "no-metadata"}})

    def test_check_explain(self):
        def rule(name, decision, **more):
            return {"id": name, "actions": ["connect:tcp"], "resources": ["**.example"], "decision": decision, **more}
        path = self.file({"schema": "sealwright-policy/1", "policies": [
            {"id": "soon", "mode": "warn", "rules": [rule("w-deny", "deny"), rule("w-allow", "allow")]},
            {"id": "net", "rules": [
                rule("old", "deny", expires="2020-01-01T00:00:00Z"), rule("squid", "allow", when={"client": ["squid"]}),
                rule("web", "allow"), rule("again", "allow"), rule("lab", "deny", when={"context": {"lab": "yes"}}),
                {**rule("other", "deny"), "resources": ["b.example"]}]}]})
        ask = ("net:connect:tcp", "net:domain:a.example:443")
        code, out, err = self.check(path, *ask, "--explain", "--context", "lab=no")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.splitlines(), [
            "allow  rule web in policy net",
            "on record: deny   rule w-deny in policy soon (warn)",
            "rules about this, in load order:",
            "POLICY  RULE     DECISION  MODE",
            "soon    w-deny   deny      warn     decides what is on record",
            "soon    w-allow  allow     warn     its policy only watches",
            "net     old      deny      enforce  expired",
            "net     squid    allow     enforce  scope or when asks for what is missing",
            "net     web      allow     enforce  decides",
            "net     again    allow     enforce  says what an earlier rule says",
            "net     lab      deny      enforce  scope or when is not true"])
        code, out, _ = self.check(path, *ask, "--explain", "--json")
        reply = json.loads(out)
        self.assertEqual((code, out.count("\n"), reply["rule_id"]), (1, 1, "lab"))
        self.assertEqual([(r["rule_id"], r["part"]) for r in reply["rules"]], [
            ("w-deny", "watched"), ("w-allow", "watched"), ("old", "expired"), ("squid", "missing"), ("web", "outvoted"),
            ("again", "outvoted"), ("lab", "answer")])
        self.assertEqual(reply["rules"][0], {"policy_id": "soon", "rule_id": "w-deny", "decision": "deny",
                                             "enforcement_mode": "warn", "part": "watched"})
        self.assertEqual(self.check(path, "fs:read", "fs:path:/x", "--explain")[1].splitlines()[-1], "no rule is about this")
        self.assertEqual(json.loads(self.check(path, "fs:read", "fs:path:/x", "--explain", "--json")[1])["rules"], [])

    def rule(self, **more):
        return self.file({"schema": "sealwright-policy/1", "policies": [{"id": "p", "source": "host", "mode": "enforce", **more.pop(
            "policy", {}), "rules": [{"id": "r", "actions": ["connect:tcp"], "resources": ["a.example"], "decision": "allow",
                                      **more}]}]})

    def test_check_takes_the_subject(self):
        ask = ("net:connect:tcp", "net:domain:a.example:1")
        path = self.rule(policy={"scope": {"users": ["joe"], "groups": ["g2"], "sandboxes": ["s1"], "agents": ["bot"]}},
                         when={"client": ["squid"], "context": {"src": "10.*"}})
        who = ["--user", "joe", "--group", "g1", "--group", "g2", "--sandbox", "s1", "--agent", "bot", "--client", "squid",
               "--context", "src=10.1.2.3"]
        self.assertEqual(self.check(path, *ask, *who)[0], 0)
        self.assertEqual(self.check(path, *ask)[0], 1)
        for flag, other in (("--user", "eve"), ("--sandbox", "s2"), ("--agent", "b"), ("--client", "c"), ("--context", "src=1")):
            args = list(who)
            args[args.index(flag) + 1] = other
            self.assertEqual(self.check(path, *ask, *args)[0], 1, flag)

    def test_check_is_the_caller_by_default(self):
        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            self.skipTest("this uid has no name")
        ask = ("net:connect:tcp", "net:domain:a.example:1")
        path = self.rule(policy={"scope": {"users": [name]}})
        self.assertEqual(self.check(path, *ask)[0], 0)
        self.assertEqual(self.check(path, *ask, "--user", "nobody-at-all")[0], 1)

    def test_check_at_a_time(self):
        ask = ("net:connect:tcp", "net:domain:a.example:1")
        path = self.rule(when={"time": {"from": "09:00", "to": "17:00", "zone": "UTC"}}, expires="2030-01-01T00:00:00Z")
        self.assertEqual(self.check(path, *ask, "--time", "2026-11-21T12:00:00Z")[0], 0)
        self.assertEqual(self.check(path, *ask, "--time", "2026-11-21T12:00:00+09:00")[0], 1)
        self.assertEqual(self.check(path, *ask, "--time", "2030-01-02T12:00:00Z")[0], 1)

    def test_check_says_what_would_be_on_record(self):
        policies = [{"id": "e", "source": "host", "mode": "enforce", "rules": [
            {"id": "yes", "actions": ["connect:tcp"], "resources": ["a.example"], "decision": "allow"}]},
            {"id": "w", "source": "host", "mode": "warn", "rules": [
                {"id": "no", "actions": ["connect:tcp"], "resources": ["a.example"], "decision": "deny"}]}]
        path = self.file({"schema": "sealwright-policy/1", "policies": policies})
        code, out, _ = self.check(path, "net:connect:tcp", "net:domain:a.example:1")
        self.assertEqual((code, out), (0, "allow  rule yes in policy e\non record: deny   rule no in policy w (warn)\n"))

    def test_check_what_cannot_be_asked(self):
        path = self.file(self.POLICY)
        for ask in (("net:connect:tcp", "net:domain:a.example"), ("what", "net:domain:a.example:1"),
                    ("net:connect:tcp", "net:domain:127.1:80")):
            code, out, err = self.check(path, *ask)
            self.assertEqual((code, out), (2, ""))
            self.assertTrue(err.startswith("policyctl: check: "), err)

    def test_policy_that_is_none(self):
        ask = ("net:connect:tcp", "net:domain:a.example:1")
        path = self.file('{"schema":"sealwright-policy/1",\n "policies":[],\n "what":1}')
        code, out, err = self.check(path, *ask)
        self.assertEqual((code, out), (2, ""))
        self.assertIn(f"policyctl: {path}:3:2: ", err)
        code, out, err = service.policyctl("test", path)
        self.assertEqual((code, err), (1, ""))
        self.assertIn(f"{path}:3:2: ", out)
        self.assertTrue(out.endswith("failed\n"), out)
        code, out, err = service.policyctl("lint", path)
        self.assertEqual((code, err), (1, ""))
        self.assertIn(f"{path}:3:2: ", out)

    def test_files_that_cannot_be_read(self):
        missing = os.path.join(self.dir.name, "missing")
        for args in (("test", missing), ("lint", missing), ("check", "--policy", missing, "a", "b")):
            self.assertEqual(service.policyctl(*args), (2, "", f"policyctl: {missing}: No such file or directory\n"))

    def test_test(self):
        path = self.file(self.POLICY)
        self.assertEqual(service.policyctl("test", path), (0, f"{path}: 2 policies, 5 rules, 2 tests: ok\n", ""))
        self.assertEqual(json.loads(service.policyctl("test", "--json", path)[1]), {
            "ok": True, "policies": 2, "rules": 5, "tests": 2, "findings": [], "not_shown": 0})

    def test_test_fails(self):
        policy = json.loads(json.dumps(self.POLICY))
        policy["tests"][0]["expect"] = "deny"
        policy["tests"][1]["rule"] = "lab"
        path = self.file(policy)
        with open(path, encoding="utf-8") as f:
            lines = [i for i, line in enumerate(f, 1) if '"name":' in line][-2:]
        code, out, err = service.policyctl("test", path)
        self.assertEqual((code, err), (1, ""))
        found = out.splitlines()
        self.assertEqual(len(found), 3, out)
        for line, text in zip(lines, found):
            number = int(text.split(":")[1])
            self.assertTrue(line - 1 <= number <= line + 6, f"{text} is not at line {line}")
        self.assertTrue(found[-1].endswith("2 tests: failed"))
        reply = json.loads(service.policyctl("test", "--json", path)[1])
        self.assertFalse(reply["ok"])
        self.assertEqual([f"{x['file']}:{x['line']}:{x['column']}: {x['text']}" for x in reply["findings"]], found[:2])

    def test_lint(self):
        path = self.file(self.POLICY)
        self.assertEqual(service.policyctl("lint", path), (0, "", ""))
        policy = json.loads(json.dumps(self.POLICY))
        policy["policies"][0]["rules"].append({"id": "old", "actions": ["connect:tcp"], "decision": "allow",
                                               "resources": ["old.example:1"], "expires": "2001-01-01T00:00:00Z"})
        path = self.file(policy)
        code, out, err = service.policyctl("lint", path)
        self.assertEqual((code, err), (1, ""))
        self.assertRegex(out, r'^\S+:\d+:\d+: .*old.*\n$')
        self.assertEqual(len(json.loads(service.policyctl("lint", "--json", path)[1])["findings"]), 1)

    def test_hostile_names(self):
        path = self.rule(id=HOSTILE)
        for command in (("test", path), ("lint", path), ("check", "--policy", path, "net:connect:tcp", "net:domain:a.example:1")):
            _, out, err = service.policyctl(*command)
            self.assertFalse([c for c in out + err if c < " " and c != "\n" or c in "\u009b\u202e"], out + err)


if __name__ == "__main__":
    tap.main()
