# SPDX-License-Identifier: Apache-2.0
"""A TestCase for policyctl on a policy directory: one file of a person's, one of ours, and nothing else ever changes."""

import json
import os
import re

import service

OWN = "policyctl.json"
HAND = """// Written by hand.
{
  "schema": "sealwright-policy/1",
  "policies": [{"id": "hand", "rules": [
    {"id": "guard", "actions": ["connect:tcp"], "resources": ["**.bad.example"], "decision": "deny"},
    {"id": "cdn", "actions": ["connect:tcp"], "resources": ["*.cdn.example:443"], "decision": "allow"}
  ]}],
  "tests": [{"name": "never", "op": {"action": "net:connect:tcp", "resource": "net:domain:never.example:443"}, "expect": "deny"}]
}
"""


class Case(service.Case):
    def setUp(self):
        super().setUp()
        self.dir = os.path.join(self.top, "policy")
        os.mkdir(self.dir)
        self.hand = self.write("hand.json", HAND)
        self.own = os.path.join(self.dir, OWN)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return path

    def read(self, path=None):
        with open(path or self.own, encoding="utf-8") as f:
            return f.read()

    def ctl(self, *args, **options):
        return service.policyctl(*args, "--policy", self.dir, **options)

    def done(self, *args, code=0):
        """It went well and the file of the person is as it was. What was printed, on both."""
        got, out, err = self.ctl(*args)
        self.assertEqual(got, code, err)
        self.assertEqual(self.read(self.hand), HAND)
        self.assertEqual([n for n in os.listdir(self.dir) if n.startswith(".")], [])
        return out + err

    def refused(self, *args, code=2):
        """Nothing changed, not even a byte."""
        before = {n: os.lstat(os.path.join(self.dir, n)) for n in os.listdir(self.dir)}
        got, out, err = self.ctl(*args)
        self.assertEqual((got, out), (code, ""), err)
        after = {n: os.lstat(os.path.join(self.dir, n)) for n in os.listdir(self.dir)}
        self.assertEqual({n: (s.st_ino, s.st_mtime_ns) for n, s in before.items()}, {n: (s.st_ino, s.st_mtime_ns) for n, s in after.items()})
        return err

    def rules(self):
        """{policy: {rule: [actions, resource, decision, expires]}} of our file."""
        document = json.loads(re.sub(r"^//.*$", "", self.read(), flags=re.M))
        return {p["id"]: {r["id"]: [r["actions"], *r["resources"], r["decision"]] for r in p["rules"]} for p in document["policies"]}

    def decides(self, action, target, *args):
        return service.policyctl("check", "--policy", self.dir, *args, action, target)[1].split()[0]
