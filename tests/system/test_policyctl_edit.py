#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl allow, deny and rm on a policy directory: what is written, what it means, and that policyd takes it."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import client  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from policy_dir import Case  # noqa: E402


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


if __name__ == "__main__":
    tap.main()
