#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl ls of a policy directory: the rules in it; and lint --from a log: those that decided nothing."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import recorded  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from policy_dir import Case  # noqa: E402
from terminal import on_terminal  # noqa: E402


class Listing(Case):
    def ls(self, *args):
        code, out, err = service.policyctl("ls", "--policy", self.dir, *args)
        self.assertEqual((code, err), (0, ""))
        return [re.split(r"  +", line) for line in out.splitlines()[2:]]

    def test_rows(self):
        self.write("a.json", {"schema": "sealwright-policy/1", "policies": [{"id": "x", "mode": "warn", "scope": {
            "users": ["u*"], "groups": ["g"], "agents": ["\x9b"]}, "rules": [
                {"id": "old", "actions": ["read", "write"], "resources": ["/a", "/b"], "decision": "deny", "expires": "2020-01-01T00:00:00Z"},
                {"id": "when", "actions": ["exec"], "resources": ["/c"], "decision": "allow", "when": {"client": ["c"]}}]}]})
        self.assertEqual(self.ls(), [
            ["deny", "read,write", "/a", "x", "old", "host", "warn", "user=u* group=g agent=\\xc2\\x9b", "2020-01-01T00:00:00.000000Z", "expired"],
            ["", "/b"], ["allow", "exec", "/c", "x", "when", "host", "warn", "user=u* group=g agent=\\xc2\\x9b", "never", "under conditions (when)"],
            ["deny", "connect:tcp", "**.bad.example", "hand", "guard", "host", "enforce", "everybody", "never"],
            ["allow", "connect:tcp", "*.cdn.example:443", "hand", "cdn", "host", "enforce", "everybody", "never"],
            ["deny", "any", "**", "-", "(default)", "-", "-", "everybody", "never",
             "what nothing allows; allowed where only warn and audit policies are in scope"]])
        self.write("org.json", {"schema": "sealwright-policy/1", "policies": [{"id": "org", "source": "org", "rules": []}]})
        self.assertEqual([r[-1] for r in self.ls() if "cdn" in r], ["inactive: org rules alone allow"])

    def test_filters(self):
        for sandbox in ("s1", "s2"):
            self.done("allow", "network", f"{sandbox}.example", "--sandbox", sandbox)
        self.done("allow", "network", "u.example", "--user", "u*")
        def names(*args):
            return [r[4] for r in self.ls(*args)][:-1]
        self.assertEqual(names("--sandbox", "s1"), ["guard", "cdn", "allow-s1.example", "allow-u.example"])
        self.assertEqual(names("--user", "bob"), ["guard", "cdn", "allow-s1.example", "allow-s2.example"])
        self.assertEqual(names("--resource", "*.example"), ["guard", "allow-s1.example", "allow-s2.example", "allow-u.example"])
        some = json.loads(service.policyctl("ls", "--policy", self.dir, "--json", "--sandbox", "s1", "--resource", "s*")[1])
        self.assertEqual([r["rule_id"] for r in some["policies"]], ["allow-s1.example"])
        self.assertEqual(some["policies"][0]["scope"], {"sandboxes": ["s1"]})

    def test_schema(self):
        self.done("allow", "network", "a.example", "--sandbox", "s", "--user", "u", "--expires", "1h")
        line = service.policyctl("ls", "--policy", self.dir, "--json")[1].encode()
        self.assertEqual(service.schema.validate("admin", [line]), [])

    def test_colours(self):
        def shown(**env):
            return on_terminal([service.POLICYCTL, "ls", "--policy", self.dir], env)
        self.assertIn("\x1b[32mallow\x1b[0m", shown(NO_COLOR=""))
        self.assertIn("\x1b[31mdeny\x1b[0m", shown(NO_COLOR=""))
        self.assertNotIn("\x1b", shown(NO_COLOR="1"))
        self.assertNotIn("\x1b", shown(TERM="dumb", NO_COLOR=""))

    def test_not_a_policy(self):
        self.write("broken.json", "{}")
        code, out, err = service.policyctl("ls", "--policy", self.dir)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("not a policy to evaluate", err)


class Unused(Case):
    def test_rules_that_decided_nothing(self):
        log = recorded.write(os.path.join(self.top, "log"), [
            recorded.connect("x.cdn.example", decision="ALLOW", rule=("hand", "cdn")), recorded.connect("other.example"),
            recorded.connect("y.example", rule=("gone", "guard"))])
        code, out, err = service.policyctl("lint", "--from", log, self.dir)
        self.assertEqual((code, err), (1, ""))
        self.assertEqual(out, f'{self.hand}:5:5: rule "guard": decided nothing on record\n')
        self.assertEqual(service.policyctl("lint", self.dir)[0], 0)
        out = service.policyctl("lint", "--from", log, "--since", "2026-11-22T00:00:00Z", self.dir)[1]
        self.assertEqual(len(out.splitlines()), 2)
        self.assertIn("--since belongs to --from", service.policyctl("lint", "--since", "1h", self.dir)[2])


if __name__ == "__main__":
    tap.main()
