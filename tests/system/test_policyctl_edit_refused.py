#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What policyctl allow, deny and rm do not do to a policy directory: then nothing has changed, and it was said why."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402
from policy_dir import HAND, OWN, Case  # noqa: E402


class Refusing(Case):
    def test_wrong_usage(self):
        for args, why in {("allow",): "operand missing", ("allow", "network"): "operand missing", ("allow", "hosts", "x"): "not one of network",
                          ("allow", "network", "a b"): "a character that no name may have", ("allow", "network", "*"): "'*' may stand only",
                          ("allow", "network", "https://a.example/x"): "a URL: give its host", ("allow", "fs", "data"): "path must be absolute",
                          ("allow", "network", "10.0.0.1/8"): "did you mean 10.0.0.0/8", ("allow", "network", "a.example,"): "empty pattern",
                          ("allow", "network", "x", "--actions", "read"): "no action of network: read",
                          ("allow", "network", "x", "--actions", "connect:tcp,"): "no action of network",
                          ("allow", "network", "x", "--expires", "soon"): "--expires", ("allow", "network", "x", "--mode", "off"): "--mode",
                          ("allow", "network", "x", "--expires", "2020-01-01T00:00:00Z"): "not in the future", ("rm",): "operand missing",
                          ("rm", "x"): "no such rule"}.items():
            with self.subTest(args):
                self.assertIn(why, self.refused(*args))

    def test_single_file(self):
        code, out, err = service.policyctl("allow", "network", "x.example", "--policy", self.hand)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("is a single file, which a person keeps", err)
        self.assertEqual(self.read(self.hand), HAND)

    def test_no_directory(self):
        code, _, err = service.policyctl("allow", "network", "x.example", "--policy", self.dir + "/none")
        self.assertEqual(code, 2)
        self.assertIn("No such file or directory", err)

    def test_a_policy_that_does_not_compile(self):
        self.write("broken.json", '{"schema":"sealwright-policy/1","what":1}')
        err = self.refused("allow", "network", "x.example", code=1)
        self.assertRegex(err, r"broken\.json:1:\d+: .*what")
        self.assertIn("policyd would refuse that: nothing was changed", err)

    def test_a_test_that_fails(self):
        err = self.refused("allow", "network", "never.example", code=1)
        self.assertRegex(err, r'hand\.json:\d+:\d+: .*never')

    def test_changed_by_hand(self):
        self.done("allow", "network", "a.example")
        good = self.read()
        for changed in (good + "// mine\n", good.replace('"connect:tcp"', '"connect:tcp" '), good.replace("{\n", "{\n  // mine\n", 1),
                        good.replace('"resources": ["a.example"]', '"resources": ["a.example", "b.example"]'),
                        good.replace('"decision": "allow"}', '"decision": "allow", "when": {"client": ["c"]}}'),
                        good.replace('"policies"', '"tests": [],\n  "policies"')):
            self.write(OWN, changed)
            self.assertIn("was changed by hand, and is left alone", self.refused("allow", "network", "z.example"))
            self.assertIn("was changed by hand", self.refused("rm", "a.example"))
        self.write(OWN, good)
        self.done("rm", "a.example")

    def test_renamed(self):
        """What was renamed, as that message advises, stays in force, and does not stand in the way."""
        for name in ("team.json", "another.json"):
            self.done("allow", "network", f"{name}.example", "--sandbox", "s1")
            self.done("allow", "network", f"{name}.example")
            os.rename(self.own, os.path.join(self.dir, name))
        self.done("allow", "network", "c.example")
        self.assertEqual(list(self.rules()), ["policyctl-3"])
        self.done("allow", "network", "d.example")
        self.assertEqual(list(self.rules()), ["policyctl-3"])
        for name in ("team.json.example", "another.json.example", "c.example"):
            self.assertEqual(self.decides("net:connect:tcp", f"net:domain:{name}:1"), "allow")
        self.done("rm", "c.example", "d.example")

    def test_broken_by_hand(self):
        self.write(OWN, '{"schema":"sealwright-policy/1","policies":[')
        self.assertIn("not a policy file: nothing was changed", self.refused("allow", "network", "z.example"))

    def test_what_stands_in_its_place(self):
        os.symlink(self.hand, self.own)
        self.assertIn("is a symbolic link", self.refused("allow", "network", "x.example"))
        os.unlink(self.own)
        os.symlink("nowhere", self.own)
        self.assertIn("is a symbolic link", self.refused("allow", "network", "x.example"))
        os.unlink(self.own)
        os.mkdir(self.own)
        self.assertIn("is no regular file", self.refused("allow", "network", "x.example"))
        os.rmdir(self.own)
        os.mkfifo(self.own)
        self.assertIn("is no regular file", self.refused("allow", "network", "x.example"))
        os.unlink(self.own)
        self.done("allow", "network", "x.example")
        os.link(self.own, os.path.join(self.top, "other"))
        self.assertIn("hard link", self.refused("allow", "network", "y.example"))

    def test_a_temporary_name_that_is_taken(self):
        """What a killed run left is removed; a trap in its place is not followed."""
        victim = os.path.join(self.top, "victim")
        with open(victim, "w", encoding="utf-8") as f:
            f.write("precious")
        os.symlink(victim, os.path.join(self.dir, ".policyctl.tmp"))
        self.done("allow", "network", "x.example")
        self.assertEqual(self.read(victim), "precious")
        os.mkdir(os.path.join(self.dir, ".policyctl.tmp"))
        self.assertIn("nothing was changed", self.refused("allow", "network", "y.example"))
        os.rmdir(os.path.join(self.dir, ".policyctl.tmp"))


if __name__ == "__main__":
    tap.main()
