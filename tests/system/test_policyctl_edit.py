#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl allow, deny, rm, ls and lint on a policy directory: what is written, and that nothing else ever changes."""

import fcntl
import json
import os
import pty
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import client  # noqa: E402
import procs  # noqa: E402
import recorded  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

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


class Adding(Case):
    def test_network(self):
        out = self.done("allow", "network", "Example.COM", "*.pypi.org:443", "10.0.0.0/8:80,8000-8100", "[2001:db8::/32]:53")
        self.assertEqual(out, f"""added  allow  example.com              policyctl/allow-example.com
added  allow  *.pypi.org:443           policyctl/allow-+.pypi.org:443
added  allow  10.0.0.0/8:80,8000-8100  policyctl/allow-10.0.0.0_8:80_8000-8100
added  allow  [2001:db8::/32]:53       policyctl/allow-2001:db8::_32:53
written to {self.own}; not in force before: policyctl reload
""")
        for resource_, want in (("net:domain:example.com:9", "allow"), ("net:domain:x.pypi.org:443", "allow"),
                                ("net:domain:x.y.pypi.org:443", "deny"), ("net:ip:10.1.1.1:8050", "allow"), ("net:ip:[2001:db8::1]:53", "allow")):
            self.assertEqual(self.decides("net:connect:tcp", resource_), want)
        self.assertEqual(self.decides("net:connect:udp", "net:domain:example.com:9"), "deny")
        self.assertEqual(service.policyctl("test", self.dir)[0], 0)

    def test_lists_as_one_word(self):
        self.done("allow", "network", "a.example,b.example:80,443,10.0.0.1,c.example:1-2,d.example")
        self.assertEqual([r[1] for r in self.rules()["policyctl"].values()],
                         ["a.example", "b.example:80,443", "10.0.0.1", "c.example:1-2", "d.example"])

    def test_deny_shuts_every_way(self):
        self.done("allow", "network", "x.example")
        out = self.done("deny", "network", "x.example")
        self.assertIn('rule "allow-x.example": "x.example" never allows: it is denied by "x.example" of rule "deny-x.example"', out)
        for action in ("net:connect:tcp", "net:connect:udp", "ssh:connect"):
            self.assertEqual(self.decides(action, "net:domain:x.example:1"), "deny")
        self.assertEqual(self.rules()["policyctl"]["deny-x.example"][0], ["connect:tcp", "connect:udp", "ssh:connect"])

    def test_other_families(self):
        self.done("allow", "fs", "/data/**")
        self.done("allow", "fs", "/out/**", "--actions", "fs:write,read")
        self.done("deny", "fs", "/data/secret")
        self.done("allow", "exec", "python3*", "/usr/bin/git")
        self.done("allow", "http", "https://api.example/v1/**", "--actions", "request:GET")
        self.done("allow", "tool", "github/*")
        for action, target, want in (("fs:read", "fs:path:/data/x", "allow"), ("fs:write", "fs:path:/data/x", "deny"),
                                     ("fs:write", "fs:path:/out/x", "allow"), ("fs:read", "fs:path:/data/secret", "deny"),
                                     ("proc:exec", "proc:path:/opt/python3.11", "allow"), ("tool:invoke", "tool:name:github/x", "allow"),
                                     ("http:request:GET", "http:url:https://api.example/v1/x", "allow"),
                                     ("http:request:PUT", "http:url:https://api.example/v1/x", "deny")):
            self.assertEqual(self.decides(action, target), want, (action, target))

    def test_scopes_have_policies_of_their_own(self):
        self.done("allow", "network", "a.example")
        self.done("allow", "network", "b.example", "--sandbox", "sb-1")
        self.done("allow", "network", "c.example", "--sandbox", "sb-1")
        self.done("allow", "network", "d.example", "--user", "bob", "--sandbox", "sb-1")
        self.done("allow", "network", "e.example", "--sandbox", "sb/1")
        self.done("allow", "network", "f.example", "--sandbox", "sb_1")
        self.assertEqual({p: len(r) for p, r in self.rules().items()}, {
            "policyctl": 1, "policyctl:sandbox:sb-1": 2, "policyctl:user:bob:sandbox:sb-1": 1, "policyctl:sandbox:sb_1": 1,
            "policyctl:sandbox:sb_1-2": 1})
        for args, want in (((), "deny"), (("--sandbox", "sb-1"), "allow"), (("--sandbox", "sb-2"), "deny")):
            self.assertEqual(self.decides("net:connect:tcp", "net:domain:b.example:1", *args), want)
        self.assertEqual(self.decides("net:connect:tcp", "net:domain:d.example:1", "--sandbox", "sb-1", "--user", "eve"), "deny")

    def test_deny_of_a_sandbox(self):
        """It holds where no sandbox is known, too, which is said."""
        doubt = "policyctl: deny: also denies whoever says no sandbox, or is not believed to be in one\n"
        self.done("allow", "network", "a.example")
        self.assertIn(doubt, self.done("deny", "network", "a.example", "--sandbox", "s1"))
        self.assertNotIn(doubt, self.done("deny", "network", "a.example", "--sandbox", "s1"))
        self.assertNotIn(doubt, self.done("deny", "network", "b.example"))
        for args, want in (((), "deny"), (("--sandbox", "s1"), "deny"), (("--sandbox", "s2"), "allow")):
            self.assertEqual(self.decides("net:connect:tcp", "net:domain:a.example:1", *args), want)

    def test_names_and_expiry(self):
        self.done("allow", "network", "a.example", "--name", 'for "Bob" \\ \u202e', "--expires", "2099-12-31T00:00:00+01:00")
        self.assertIn('"name": "for \\"Bob\\" \\\\ \\u202e"', self.read())
        self.assertEqual(json.loads(service.policyctl("ls", "--json", "--policy", self.dir, "--resource", "a.*")[1])["policies"][0]["rule_name"],
                         'for "Bob" \\ \u202e')
        self.assertIn('"expires": "2099-12-30T23:00:00Z"', self.read())
        self.done("allow", "network", "b.example", "--expires", "8h")
        until = json.loads(service.policyctl("ls", "--json", "--policy", self.dir, "--resource", "b.example")[1])["policies"][0]["expires"]
        self.assertLess(abs(time.mktime(time.strptime(until[:19], "%Y-%m-%dT%H:%M:%S")) - time.mktime(time.gmtime()) - 8 * 3600), 120)
        self.assertEqual(self.decides("net:connect:tcp", "net:domain:b.example:1", "--time", until), "deny")

    def test_again(self):
        self.done("allow", "network", "a.example")
        before = os.stat(self.own)
        self.assertIn("there already  allow  a.example  policyctl/allow-a.example", self.done("allow", "network", "A.example"))
        out = self.done("allow", "network", "x.cdn.example:443")
        self.assertIn("said already  allow  x.cdn.example:443", out)
        self.assertIn('covered already by "*.cdn.example:443" of rule "cdn" in policy "hand"', out)
        self.assertIn("nothing to change", out)
        self.assertEqual(os.stat(self.own).st_ino, before.st_ino)
        self.done("allow", "network", "x.cdn.example:443", "new.example")
        self.assertEqual(list(self.rules()["policyctl"]), ["allow-a.example", "allow-new.example"])
        # That of everybody says it already.
        self.done("allow", "network", "a.example", "--sandbox", "s")
        self.assertNotIn("policyctl:sandbox:s", self.rules(), "covered by that of everybody")

    def test_said_at_once(self):
        out = self.done("allow", "network", "www.bad.example")
        self.assertIn('policyctl: allow: rule "allow-www.bad.example": "www.bad.example" never allows: it is denied by "**.bad.example"', out)
        self.write("org.json", {"schema": "sealwright-policy/1", "policies": [{"id": "org", "source": "org", "rules": []}]})
        self.assertIn("inactive: only rules of source \"org\" allow", self.done("allow", "network", "late.example"))

    def test_ids_stay(self):
        self.done("allow", "network", "a.example:1,2", "a.example:1-2")
        self.assertEqual(list(self.rules()["policyctl"]), ["allow-a.example:1_2", "allow-a.example:1-2"])
        self.done("allow", "network", "--actions", "connect:udp", "a.example:1,2")
        self.assertEqual(list(self.rules()["policyctl"])[2], "allow-a.example:1_2-2")
        self.done("rm", "allow-a.example:1_2")
        self.assertEqual(list(self.rules()["policyctl"]), ["allow-a.example:1-2", "allow-a.example:1_2-2"])
        long = ".".join(["l" * 60] * 4)
        self.done("allow", "network", long, long + ":1")
        self.assertEqual(service.policyctl("test", self.dir)[0], 0)

    def test_revision(self):
        """With other files that name one, a change of ours has to show in what records name."""
        def revision():
            return json.loads(service.policyctl("ls", "--json", "--policy", self.dir)[1])["revision"]
        self.done("allow", "network", "a.example")
        first = revision()
        self.assertTrue(first.startswith("sha256:"))
        self.write("z.json", {"schema": "sealwright-policy/1", "revision": "team-7"})
        self.done("allow", "network", "b.example")
        second = revision()
        self.assertRegex(second, r"^policyctl-[0-9a-f]{12}\+team-7$")
        self.done("allow", "network", "c.example")
        self.assertNotEqual(revision(), second)
        self.done("rm", "c.example")
        self.assertEqual(revision(), second)

    def test_json(self):
        out = json.loads(self.ctl("allow", "network", "a.example", "x.cdn.example:443", "www.bad.example", "--json")[1])
        self.assertEqual([(r["what"], r["rule_id"]) for r in out["rules"]], [
            ("added", "allow-a.example"), ("said_already", "allow-x.cdn.example:443"), ("added", "allow-www.bad.example")])
        self.assertEqual((out["file"], out["changed"], out["dry_run"], len(out["doubts"])), (self.own, True, False, 2))

    def test_dry_run(self):
        out = self.done("allow", "network", "a.example", "--dry-run")
        self.assertFalse(os.path.exists(self.own))
        self.assertIn("--- /dev/null\n", out)
        self.assertIn('+        {"id": "allow-a.example", ', out)
        self.done("allow", "network", "a.example", "b.example", "c.example")
        before = self.read()
        out = self.done("rm", "b.example", "--dry-run")
        self.assertEqual([line for line in out.splitlines() if line[0] in "+-"][2:], [
            '-        {"id": "allow-b.example", "actions": ["connect:tcp"], "resources": ["b.example"], "decision": "allow"},'])
        self.assertEqual(self.read(), before)


class Removing(Case):
    def setUp(self):
        super().setUp()
        self.done("allow", "network", "a.example", "b.example:443")
        self.done("deny", "network", "a.example")
        self.done("allow", "network", "a.example", "s.example", "--sandbox", "s")

    def test_by_id_and_resource(self):
        self.assertIn("removed  allow  b.example:443  policyctl/allow-b.example:443", self.done("rm", "allow-b.example:443"))
        self.done("rm", "s.example")
        self.done("rm", "policyctl/deny-a.example")
        self.assertEqual(list(self.rules()["policyctl"]), ["allow-a.example"])

    def test_as_it_was_given(self):
        """allow keeps hosts in lower case."""
        for given in ("PyPI.example:443", "*.PyPI.example", "2001:DB8::/32", "[2001:DB8::1]:53"):
            self.done("allow", "network", given)
            self.assertIn("removed", self.done("rm", given))
        self.done("allow", "fs", "/Data")
        self.assertIn("no such rule", self.refused("rm", "/data"))

    def test_both_decisions_of_a_resource(self):
        self.done("rm", "a.example", "b.example:443")
        self.assertNotIn("policyctl", self.rules(), "a policy without rules goes too")

    def test_all_or_nothing(self):
        self.assertIn("nosuch: no such rule", self.refused("rm", "b.example:443", "nosuch"))
        self.assertIn(f"guard is in {self.hand}, line 5: edit it there", self.refused("rm", "guard"))

    def test_ambiguous(self):
        self.done("allow", "network", "t.example", "--sandbox", "t")
        self.done("allow", "network", "t.example", "--sandbox", "u")
        self.assertIn("say POLICY/RULE, --sandbox or --user", self.refused("rm", "t.example"))
        self.done("rm", "t.example", "--sandbox", "u")
        self.assertIn("policyctl:sandbox:t", self.rules())


class Modes(Case):
    """Where only warn and audit policies are in scope everything is allowed; editing must not change that unasked."""

    def setUp(self):
        super().setUp()
        os.unlink(self.hand)
        self.write("watch.json", {"schema": "sealwright-policy/1", "policies": [{"id": "w", "mode": "audit", "rules": []}]})

    def test_first_enforced_rule(self):
        self.assertIn("only warn and audit, everything is allowed", self.refused("allow", "network", "a.example"))
        self.assertEqual(self.ctl("allow", "network", "a.example", "--mode", "audit")[0], 0)
        self.assertEqual(self.decides("net:connect:tcp", "net:domain:other.example:1"), "allow")
        self.assertEqual(self.ctl("deny", "network", "b.example", "--mode", "enforce")[0], 0)
        self.assertEqual(self.decides("net:connect:tcp", "net:domain:other.example:1"), "deny")
        self.assertEqual(self.ctl("allow", "network", "c.example")[0], 0)

    def test_enforced_for_everybody_already(self):
        """Then nothing ends: no --mode has to be said."""
        self.write("more.json", {"schema": "sealwright-policy/1", "policies": [{"id": "enforcing", "rules": []}]})
        self.assertEqual(self.ctl("allow", "network", "a.example")[0], 0)

    def test_our_own_policies_watch_too(self):
        os.unlink(os.path.join(self.dir, "watch.json"))
        self.assertEqual(self.ctl("allow", "network", "a.example", "--mode", "audit")[0], 0)
        self.assertIn("everything is allowed", self.refused("allow", "network", "b.example"))
        self.assertEqual(self.ctl("allow", "network", "b.example", "--mode", "enforce")[0], 0)
        self.assertEqual(self.ctl("rm", "b.example")[0], 0)
        self.assertEqual(self.decides("net:connect:tcp", "net:domain:other.example:1"), "deny")

    def test_each_scope_is_asked_for(self):
        self.assertEqual(self.ctl("allow", "network", "a.example", "--mode", "enforce", "--sandbox", "s")[0], 0)
        self.assertEqual(self.ctl("allow", "network", "b.example", "--sandbox", "s")[0], 0)
        self.assertIn("everything is allowed", self.refused("allow", "network", "c.example"))
        self.assertEqual(self.decides("net:connect:tcp", "net:domain:other.example:1", "--sandbox", "t"), "allow")
        self.assertEqual(self.decides("net:connect:tcp", "net:domain:other.example:1", "--sandbox", "s"), "deny")

    def test_last_enforced_rule(self):
        self.assertEqual(self.ctl("allow", "network", "a.example", "--mode", "enforce")[0], 0)
        self.assertEqual(self.ctl("rm", "a.example")[0], 0)
        self.assertEqual(self.rules(), {"policyctl": {}})
        self.assertEqual(self.decides("net:connect:tcp", "net:domain:other.example:1"), "deny")


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


class Files(Case):
    def test_mode_is_kept(self):
        self.done("allow", "network", "a.example")
        self.assertEqual(stat.S_IMODE(os.stat(self.own).st_mode), 0o600 | os.stat(self.dir).st_mode & 0o044)
        os.chmod(self.own, 0o640)
        self.done("allow", "network", "b.example")
        self.assertEqual(stat.S_IMODE(os.stat(self.own).st_mode), 0o640)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_owner_is_kept(self):
        self.done("allow", "network", "a.example")
        os.chown(self.own, 1234, 2345)
        self.done("allow", "network", "b.example")
        self.assertEqual((os.stat(self.own).st_uid, os.stat(self.own).st_gid), (1234, 2345))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_readable_by_the_directory(self):
        """Whoever may read the directory may read the file, whatever the umask of root; 0700 is its owner's."""
        for mode, want in ((0o755, 0o644), (0o750, 0o640), (0o700, 0o600)):
            os.chown(self.dir, 1234, 2345)
            os.chmod(self.dir, mode)
            code, _, err = self.ctl("allow", "network", "a.example", umask=0o077)
            self.assertEqual(code, 0, err)
            st = os.stat(self.own)
            self.assertEqual((stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid), (want, 1234, 2345))
            os.unlink(self.own)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_other_owner(self):
        self.done("allow", "network", "a.example")
        # Where somebody else can reach it, and the program: neither the tests' directory nor the tree need be such a place.
        with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
            program = shutil.copy(service.POLICYCTL, place)
            policy = shutil.copytree(self.dir, os.path.join(place, "policy"))
            os.chmod(place, 0o755)
            os.chmod(policy, 0o777)
            os.chmod(os.path.join(policy, OWN), 0o666)
            code, _, err = service.run([program, "allow", "network", "b.example", "--policy", policy], cwd=place,
                                       user=65534, group=65534, extra_groups=[])
            self.assertEqual(code, 2)
            self.assertIn("belongs to another user", err)
            self.assertEqual(self.read(os.path.join(policy, OWN)), self.read())

    def test_read_only_directory(self):
        if os.geteuid() == 0:
            self.skipTest("root may write where nobody may")
        os.chmod(self.dir, 0o555)
        self.addCleanup(os.chmod, self.dir, 0o755)
        self.assertIn("(nothing was changed): Permission denied", self.refused("allow", "network", "x.example"))
        self.assertEqual(self.ctl("allow", "network", "x.example", "--dry-run")[0], 0)

    def test_full_disk(self):
        """A file that cannot be written leaves the old one (RLIMIT_FSIZE stands for the full disk)."""
        self.done("allow", "network", "a.example")
        before = self.read()

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        done = subprocess.run([service.POLICYCTL, "allow", "network", "b.example", "--policy", self.dir], preexec_fn=limit,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(b"write (nothing was changed): File too large", done.stderr)
        self.assertEqual((self.read(), sorted(os.listdir(self.dir))), (before, ["hand.json", OWN]))

    def test_many_at_once(self):
        """Each of many programs at once finds its rule in the end."""
        codes = []

        def one(i):
            codes.append(self.ctl("allow", "network", f"h{i}.example")[0])
        threads = [threading.Thread(target=one, args=(i,)) for i in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(codes, [0] * 12)
        self.assertEqual(set(self.rules()["policyctl"]), {f"allow-h{i}.example" for i in range(12)})

    def test_locked(self):
        fd = os.open(self.dir, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self.assertIn("locked: another policyctl is changing it", self.refused("allow", "network", "x.example", "--timeout", "1"))

    def test_killed(self):
        """Killed at each system call: the old file or the new one, whole, and the next run goes through."""
        if not service.shutil.which("strace") or service.SANITIZED:
            self.skipTest("needs strace and no sanitizer")
        self.done("allow", "network", "a.example")
        before, seen = self.read(), set()
        for call in ("openat", "write", "fchmod", "fsync", "renameat2"):
            for when in (range(1, 3) if call in ("fsync", "write") else (1,)) if call != "openat" else range(1, 40, 3):
                done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                       f"inject={call}:signal=KILL:when={when}", service.POLICYCTL, "allow", "network",
                                       "b.example", "--policy", self.dir], capture_output=True, check=False)
                text = self.read()
                seen.add((done.returncode == 0, text == before))
                if text != before:
                    self.assertEqual(list(self.rules()["policyctl"]), ["allow-a.example", "allow-b.example"])
                    self.done("rm", "b.example")
                self.done("allow", "network", "c.example")
                self.done("rm", "c.example")
                self.assertEqual(self.read(), before)
        self.assertIn((False, True), seen)

    def test_synced(self):
        """The file before it gets its name, the directory after that: a power cut leaves the old one or the new one."""
        if not service.shutil.which("strace") or service.SANITIZED:
            self.skipTest("needs strace and no sanitizer")
        trace = os.path.join(self.top, "trace")
        subprocess.run(["strace", "-o", trace, "-e", "trace=renameat2,fsync", service.POLICYCTL, "allow", "network", "b.example",
                        "--policy", self.dir], capture_output=True, check=True)
        self.assertEqual([line.split("(")[0] for line in self.read(trace).splitlines() if "(" in line], ["fsync", "renameat2", "fsync"])

    def test_changed_meanwhile(self):
        """An editor does not know of the lock: what it wrote stays."""
        if not service.shutil.which("strace") or service.SANITIZED:
            self.skipTest("needs strace and no sanitizer")
        self.done("allow", "network", "a.example")
        with subprocess.Popen(["strace", "-o", "/dev/null", "-e", "trace=fchmod", "-e", "inject=fchmod:delay_enter=1500000", service.POLICYCTL,
                               "allow", "network", "b.example", "--policy", self.dir], stderr=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            procs.wait_until(lambda: os.path.exists(os.path.join(self.dir, ".policyctl.tmp")), 20, "the temporary file")
            with open(self.own, "a", encoding="utf-8") as f:
                f.write("// meanwhile\n")
            _, err = p.communicate()
        self.assertEqual(p.returncode, 2)
        self.assertIn(b"was changed meanwhile: nothing was changed", err)
        self.assertTrue(self.read().endswith("// meanwhile\n"))


class Reloading(Case):
    def test_reload(self):
        s = self.make()
        s.policy = self.dir
        s.spawn()
        s.wait_ready()
        ask = {"action": "net:connect:tcp", "resource": "net:domain:a.example:443"}
        with s.client() as c:
            self.assertEqual(c.ask(ask)["decision"], "deny")
            self.done("allow", "network", "a.example")
            self.assertEqual(c.ask(ask)["decision"], "deny")
            out = self.done("allow", "network", "b.example", "--reload", "--admin-socket", s.admin_socket)
            self.assertRegex(out, r"\nrevision sha256:[0-9a-f]{16}[^\n]*\n$")
            reply = c.ask(ask)
            self.assertEqual((reply["decision"], reply["policy_id"], reply["rule_id"]), ("allow", "policyctl", "allow-a.example"))
        self.assertIn("\nrevision sha256:", self.done("deny", "network", "b.example", "--reload", "--admin-socket", s.admin_socket),
                      "within a second")
        other = os.path.join(self.top, "other")
        os.mkdir(other)
        code, _, err = service.policyctl("allow", "network", "d.example", "--policy", other, "--reload", "--admin-socket", s.admin_socket)
        self.assertEqual(code, 0)
        self.assertRegex(err, f"^policyctl: {other} has revision sha256:[0-9a-f]*, but policyd loaded sha256:[0-9a-f]*: is that its directory\\?\n$")
        self.write("bad.json", "{")
        code, _, err = service.policyctl("allow", "network", "e.example", "--policy", other, "--reload", "--admin-socket", s.admin_socket)
        self.assertEqual(code, 1)
        self.assertIn(f"policyctl: {other}: what was written is not in force\n", err)
        os.unlink(os.path.join(self.dir, "bad.json"))
        with client.Client(s.admin_socket) as admin:
            listed = admin.ask({"op": "ls", "id": "1"})
        code, out, _ = service.policyctl("ls", "--policy", self.dir, "--json")
        self.assertEqual((code, json.loads(out)), (0, listed))
        code, _, err = self.ctl("allow", "network", "c.example", "--reload", "--admin-socket", os.path.join(self.top, "none"))
        self.assertEqual(code, 2)
        self.assertIn("is policyd running?", err)
        self.assertIn("allow-c.example", self.rules()["policyctl"], "written all the same, and that was said")
        s.stop()


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
        def on_terminal(**env):
            master, slave = pty.openpty()
            with subprocess.Popen([service.POLICYCTL, "ls", "--policy", self.dir], stdout=slave, env={**os.environ, "TERM": "xterm", **env}) as p:
                os.close(slave)
                out = b""
                try:
                    while True:
                        out += os.read(master, 65536)
                except OSError:
                    pass
                p.wait()
            os.close(master)
            return out
        self.assertIn(b"\x1b[32mallow\x1b[0m", on_terminal(NO_COLOR=""))
        self.assertIn(b"\x1b[31mdeny\x1b[0m", on_terminal(NO_COLOR=""))
        self.assertNotIn(b"\x1b", on_terminal(NO_COLOR="1"))
        self.assertNotIn(b"\x1b", on_terminal(TERM="dumb", NO_COLOR=""))

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
