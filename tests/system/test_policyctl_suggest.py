#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl suggest: the rules that would allow recorded denials, no more than it says, and never against a deny."""

import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import recorded  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from recorded import connect, record  # noqa: E402

HOSTILE = 'x\x1b[31m\u202e\u009b"*/ // \u2028'
CONTEXT = ("--user", "nobody")


class Suggest(service.Case):
    def log(self, *lines):
        self.logs = getattr(self, "logs", 0) + 1
        return recorded.write(os.path.join(self.top, f"log{self.logs}"), lines)

    def suggest(self, log, *args, code=0):
        got, out, err = service.policyctl("suggest", "--from", log, *args)
        self.assertEqual((got, err), (code, ""), out)
        return out

    def rules(self, log, *args):
        """{resource: (actions, requests, more)}, and the document, which must be a policy."""
        out = json.loads(self.suggest(log, "--json", *args))
        path = os.path.join(self.top, "suggested.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(out["document"])
        self.assertEqual(service.policyctl("test", path)[0], 0)
        self.assertEqual(out["document"], self.suggest(log, *args))
        self.path = path
        return {r["resource"]: (r["actions"], r["requests"], r.get("more")) for r in out["rules"]}

    def allowed(self, action, resource, *args):
        return service.policyctl("check", "--policy", self.path, *args, action, resource)[0] == 0

    def test_exact(self):
        log = self.log(connect("a.example"), connect("a.example", 80), connect("a.example"), connect("b.example", at=60),
                       record("net:connect:udp", "b.example:443"), connect("ok.example", decision="ALLOW"),
                       connect("10.0.0.1", 8000), connect("[2001:db8::1]", 53), record("ssh:connect", "git.example:22"),
                       record("fs:read", "/data/x"), record("fs:mount:write", "/data/x"), record("proc:exec", "/usr/bin/curl"),
                       record("http:request:GET", "https://api.example/v1/users?q=1"),
                       record("http:request:POST", "https://api.example/v1/users"),
                       record("http:request:GET", "http://api.example:8080/"), record("tool:invoke", "github/create_issue"))
        self.assertEqual(self.rules(log), {
            "a.example:80,443": ("connect:tcp", 2, None), "b.example:443": ("connect:tcp,connect:udp", 2, None),
            "10.0.0.1:8000": ("connect:tcp", 1, None), "[2001:db8::1]:53": ("connect:tcp", 1, None),
            "git.example:22": ("ssh:connect", 1, None), "/data/x": ("fs:mount:write,fs:read", 2, None),
            "/usr/bin/curl": ("exec", 1, None), "https://api.example/v1/users": ("request:GET,request:POST", 2, None),
            "http://api.example:8080/": ("request:GET", 1, None), "github/create_issue": ("invoke", 1, None)})
        self.assertFalse(self.allowed("net:connect:tcp", "net:domain:ok.example:443"))
        self.assertFalse(self.allowed("net:connect:tcp", "net:domain:a.example:81"))
        self.assertFalse(self.allowed("fs:write", "fs:path:/data/x"))
        self.assertFalse(self.allowed("http:request:PUT", "http:url:https://api.example/v1/users"))

    def test_evidence(self):
        out = self.suggest(self.log(*[connect("a.example", at=i, username="alice", sandbox_id="s1") for i in range(7)]))
        self.assertIn("        // 7 denials of 1 request, 2026-11-21T10:00:00Z to 2026-11-21T10:00:06Z; net:connect:tcp "
                      "net:domain:a.example:443 user=alice sandbox=s1\n        // exactly what was seen\n", out)
        self.assertIn("// 1 request would be allowed by 1 rule.\n", out)

    def test_names_below_a_parent(self):
        def hosts(parent, n):
            return self.log(*[connect(f"h{i}.{parent}") for i in range(n)])
        more = "any other name directly below cdn.example"
        self.assertEqual(self.rules(hosts("cdn.example", 4)), {"*.cdn.example:443": ("connect:tcp", 4, more)})
        self.assertFalse(self.allowed("net:connect:tcp", "net:domain:cdn.example:443"))
        self.assertFalse(self.allowed("net:connect:tcp", "net:domain:a.b.cdn.example:443"))
        self.assertEqual(len(self.rules(hosts("cdn.example", 3))), 3)
        self.assertEqual(len(self.rules(hosts("cdn.example", 3), "--merge", "3")), 1)
        self.assertEqual(len(self.rules(hosts("cdn.example", 9), "--merge", "0")), 9)
        for parent in ("example", "co.uk", "com.au", "github.io", "s3.amazonaws.com", "workers.dev"):
            self.assertEqual(len(self.rules(hosts(parent, 6))), 6, parent)

    def test_only_what_is_alike_is_merged(self):
        log = self.log(*[connect(f"h{i}.cdn.example", port) for i in range(4) for port in (80, 443)], connect("h9.cdn.example", 22))
        self.assertEqual(set(self.rules(log)), {"*.cdn.example:80,443", "h9.cdn.example:22"})

    def test_ports(self):
        log = self.log(*[connect("h.example", p) for p in (1, 2, 3, 5, 7, 8, 65535)])
        self.assertEqual(list(self.rules(log)), ["h.example:1-3,5,7-8,65535"])
        log = self.log(*[connect("h.example", p) for p in range(1, 200, 2)])
        self.assertEqual(len(self.rules(log)), 100, "more ranges than a pattern may have")

    def test_networks(self):
        def addresses(*last):
            return self.log(*[connect(f"192.0.2.{n}") for n in last])
        self.assertEqual(self.rules(addresses(4, 5, 6, 7)), {"192.0.2.4/30:443": ("connect:tcp", 4, None)})
        self.assertEqual(self.rules(addresses(0, 2, 5, 7)), {"192.0.2.0/29:443": ("connect:tcp", 4, "4 more addresses of the network")})
        self.assertEqual(len(self.rules(addresses(1, 60, 100, 200))), 4, "far too much for four of them")
        self.assertEqual(len(self.rules(addresses(0, 2, 5, 8))), 4, "a quarter is not half")
        self.assertEqual(len(self.rules(self.log(*[connect(f"10.{n}.0.1") for n in range(20)]))), 20)

    def test_files(self):
        def files(*paths):
            return self.log(*[record("fs:read", p) for p in paths])
        self.assertEqual(self.rules(files(*[f"/data/in/{n}" for n in "abcd"])),
                         {"/data/in/*": ("fs:read", 4, "anything else directly below /data/in")})
        self.assertEqual(len(self.rules(files(*[f"/data/{n}" for n in "abcdef"]))), 6, "a directory that near the root")
        tree = [f"/srv/app/data/{d}/{n}" for d in "pqrs" for n in "abcd"]
        self.assertEqual(self.rules(files(*tree)), {"/srv/app/data/**": ("fs:read", 16, "everything else below /srv/app/data")})
        tree = [f"/srv/app/{d}/{n}" for d in "pqrs" for n in "abcd"]
        self.assertEqual(set(self.rules(files(*tree))), {f"/srv/app/{d}/*" for d in "pqrs"}, "a tree that near the root")
        self.assertEqual(len(self.rules(self.log(*[record("proc:exec", f"/usr/local/bin/{n}") for n in "abcdef"]))), 6)

    def test_urls_and_tools(self):
        log = self.log(*[record("http:request:GET", f"https://h.example/v1/{n}") for n in range(5)],
                       *[record("tool:invoke", f"github/{n}") for n in "abcd"], record("http:request:GET", "https://h.example/v1/x*y,z"),
                       record("http:request:GET", "https://h.example/a/"))
        self.assertEqual({k: v[:2] for k, v in self.rules(log).items()}, {
            "https://h.example/v1/*": ("request:GET", 6), "github/*": ("invoke", 4), "https://h.example/a": ("request:GET", 1)})

    def test_denied_by_a_rule(self):
        log = self.log(connect("a.example"), connect("bad.example", rule=("guard", "r1")), connect("bad.example", rule=("guard", "r1")))
        out = json.loads(self.suggest(log, "--json"))
        self.assertEqual([r["resource"] for r in out["rules"]], ["a.example:443"])
        self.assertEqual(out["forbidden"], [{"request": {"action": "net:connect:tcp", "resource": "net:domain:bad.example:443"},
                                             "denials": 2, "policy_id": "guard", "rule_id": "r1"}])
        self.assertIn("// Not suggested, because a rule denies it:\n//   net:connect:tcp net:domain:bad.example:443, by rule r1 in policy "
                      "guard\n", self.suggest(log))

    def test_nothing_is_merged_over_what_a_rule_denies(self):
        hosts = [connect(f"h{i}.cdn.example") for i in range(6)]
        self.assertEqual(len(self.rules(self.log(*hosts, connect("bad.cdn.example", rule=("g", "r"))))), 6)
        # Not alike, so it is found only by asking the result.
        both = [connect(f"h{i}.cdn.example", p) for i in range(6) for p in (80, 443)]
        rules = self.rules(self.log(*both, connect("bad.cdn.example", rule=("g", "r"))))
        self.assertEqual(len(rules), 6)
        self.assertFalse(self.allowed("net:connect:tcp", "net:domain:bad.cdn.example:443"))

    def test_policy_of_now(self):
        path = os.path.join(self.top, "now.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(recorded.policy(("a", "allow", "connect:tcp", "ok.example"), ("d", "deny", "connect:tcp", "no.example")), f)
        log = self.log(connect("ok.example"), connect("no.example"), connect("new.example"),
                       connect("was.example", rule=("gone", "r")))
        out = json.loads(self.suggest(log, "--json", "--policy", path))
        self.assertEqual(([r["resource"] for r in out["rules"]], out["allowed_now"]), (["new.example:443", "was.example:443"], 1))
        self.assertEqual(len(out["forbidden"]), 1)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(recorded.policy(("a", "allow", "connect:tcp", "ok.example"), head={"source": "org"}), f)
        self.assertIn('only rules of "source": "org" allow', self.suggest(log, "--policy", path))

    def test_audit_mode(self):
        log = self.log(connect("enforced.example"), connect("watched.example", mode="audit"), connect("warned.example", mode="warn"))
        self.assertEqual(set(self.rules(log)), {"enforced.example:443", "watched.example:443", "warned.example:443"})
        self.assertEqual(set(self.rules(log, "--audit-mode")), {"watched.example:443", "warned.example:443"})

    def test_since(self):
        log = self.log(connect("old.example"), connect("new.example", at=7200))
        for since in ("2026-11-21T11:00:00Z", "2026-11-21T12:00:00Z"):
            self.assertEqual(set(self.rules(log, "--since", since)), {"new.example:443"})
        self.suggest(log, "--since", "2026-11-21T12:00:00.000001Z", code=1)
        self.suggest(log, "--since", "2100-01-01T00:00:00Z", code=1)

    def test_scopes(self):
        log = self.log(*[connect(h, username=u, sandbox_id=s) for h, u, s in (("a.example", "alice", "s1"), ("a.example", "bob", "s1"),
                                                                             ("b.example", "alice", "s2"))], connect("c.example"))
        self.assertEqual(len(self.rules(log)), 3)
        self.assertEqual(len(self.rules(log, "--per-user", "--per-sandbox")), 3)
        out = self.suggest(log, "--per-user", "--per-sandbox")
        self.assertEqual(out.count('"scope": {"users": ["alice"], "sandboxes": ["s1"]}'), 1)
        for args, want in ((("--user", "alice", "--sandbox", "s1"), True), (("--user", "carol", "--sandbox", "s1"), False),
                           (("--user", "alice", "--sandbox", "s2"), False)):
            self.assertEqual(self.allowed("net:connect:tcp", "net:domain:a.example:443", *args), want, args)
        self.assertTrue(self.allowed("net:connect:tcp", "net:domain:c.example:443"))

    def test_claimed_scopes(self):
        """Who is on record may be a claim: a star stands for nobody else, and no bytes make that there is no suggestion."""
        for who in ("*", "prod-*", "", "x" * 257, "\n"):
            log = self.log(connect("a.example", username=who, sandbox_id=who), connect("b.example", username="bob", sandbox_id="s1"))
            for args in (("--per-user",), ("--per-sandbox",), ("--per-user", "--per-sandbox")):
                self.assertEqual(set(self.rules(log, *args)), {"b.example:443"}, (who[:9], args))
                self.assertIn("// 1 request left out that no rule can name.", self.suggest(log, *args))
            self.assertEqual(len(self.rules(log)), 2)

    def test_denied_to_some(self):
        """What a rule denies to one sandbox would be allowed to all: no rule but that for each sandbox avoids it."""
        log = self.log(connect("a.example", sandbox_id="s1", rule=("p", "r")), connect("a.example", sandbox_id="s2"))
        remark = "Some of what a rule denies would be allowed"
        self.assertIn(remark, self.suggest(log))
        self.assertNotIn(remark, self.suggest(log, "--per-sandbox"))

    def test_nobody_on_record(self):
        log = self.log(connect("a.example"), connect("b.example", username="bob"))
        self.assertEqual(self.suggest(log, "--per-user").count("// For every user: none is on record."), 1)
        self.assertEqual(self.suggest(log, "--per-sandbox").count("// For every sandbox: none is on record."), 1)
        self.assertNotIn("none is on record", self.suggest(log))

    def test_long(self):
        """A suggestion is never longer than a policy may be."""
        log = self.log(*[record("fs:read", f"/{n}/" + "\u0085" * 2000) for n in range(3000)])
        out = self.suggest(log)
        self.assertLess(len(out), 64 << 20)
        self.assertIn("// Rules left out, beyond 5000 or 48 MiB: ", out)

    def test_hostile(self):
        """Names from the log end neither a comment nor a string, nor drive a terminal."""
        log = self.log(record("fs:read", "/" + HOSTILE, username=HOSTILE + "\n", sandbox_id="\n{", agent="a\r//"),
                       record("fs:read", "/a\nb"), record("fs:read", "/a**b/c"), record("fs:read", "/one*two"),
                       record("tool:invoke", HOSTILE.replace("\x1b", "")), connect("x.example", rule=("\n}p", "\x1b[r")))
        out = json.loads(self.suggest(log, "--json"))
        self.assertEqual(out["no_rule"], 3, "control characters, and stars that mean something else")
        text = self.suggest(log)
        for bad in ("\x1b", "\u202e", "\u009b", "\u2028", "\r"):
            self.assertNotIn(bad, text)
        self.assertIn('"resources": ["x[31m\\u202e\\u009b\\"*/ // \\u2028"]', text)
        self.rules(log)
        self.rules(log, "--per-user")
        self.assertIn("all that its '*' stands for", text)

    def test_random(self):
        """Applied, it allows each denial that it claims and none that a rule denied; the seed is printed."""
        seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"# seed {seed}")
        r = random.Random(seed)
        for _ in range(int(os.environ.get("SUGGEST_ROUNDS", "15"))):
            asked, lines = set(), []
            for _ in range(r.randrange(1, 120)):
                kind = r.randrange(5)
                if kind == 0:
                    host = ".".join(r.choice("abcde") for _ in range(r.randrange(1, 4))) + r.choice([".example", ".x.example", ".co.uk"])
                    one = ("net:connect:tcp", f"{host}:{r.choice([80, 443])}", "net:domain:")
                elif kind == 1:
                    one = ("net:connect:tcp", f"192.0.2.{r.randrange(16)}:443", "net:domain:")
                elif kind == 2:
                    path = "/" + "/".join(r.choice(["a", "b", "c", "d", "e*", "f"]) for _ in range(r.randrange(1, 6)))
                    one = (r.choice(["fs:read", "fs:write"]), path, "fs:path:")
                elif kind == 3:
                    path = "/".join(r.choice(["a", "b%3Ac", "d;e", "f*g", ""]) for _ in range(r.randrange(1, 5)))
                    one = (f"http:request:{r.choice(['GET', 'PUT'])}", f"https://h.example/{path}", "http:url:")
                else:
                    one = ("tool:invoke", r.choice("pq") + "/" + r.choice("abcdef"), "tool:name:")
                asked.add(one)
            bad = {one for one in asked if r.randrange(12) == 0}
            for action, target, _ in asked:
                lines.append(record(action, target, rule=("g", "r") if (action, target, _) in bad else None))
            log, merge = self.log(*lines), str(r.choice([0, 2, 3, 4]))
            if bad == asked:
                continue
            rules = self.rules(log, "--merge", merge)
            wide = [k for k, v in rules.items() if v[2]]
            old = os.path.join(self.top, "none.json")
            with open(old, "w", encoding="utf-8") as f:
                json.dump(recorded.policy(), f)
            out = service.policyctl("diff", old, self.path, "--from", log, "--json")[1]
            changed = {(line["action"], line["resource"]) for line in map(json.loads, out.splitlines())}
            # diff shows canonical resources: compare those of requests that are spelled that way.
            for action, target, kind in asked:
                resource = (kind if not target.startswith("192.") else "net:ip:") + target
                if resource.startswith("http:"):
                    continue
                if (action, target, kind) in bad and not any("'*' stands for" in (rules[k][2] or "") for k in wide):
                    self.assertNotIn((action, resource), changed)
                elif (action, target, kind) not in bad:
                    self.assertIn((action, resource), changed)

    def test_real_service(self):
        """What it suggests for a real log is allowed once it is in force."""
        s = self.start(policy=recorded.policy(("m", "deny", "connect:tcp", "m.example")))
        asked = [{"action": "net:connect:tcp", "resource": f"net:domain:{h}.example:443"} for h in ("a", "b", "m")]
        with s.client() as c:
            for one in asked:
                self.assertEqual(c.ask(one)["decision"], "deny")
        out = self.suggest(s.audit)
        s.write_policy(out)
        self.assertEqual(service.policyctl("--admin-socket", s.admin_socket, "reload")[0], 0)
        with s.client() as c:
            self.assertEqual([c.ask(one)["decision"] for one in asked], ["allow", "allow", "deny"])
        s.stop()

    def test_errors(self):
        empty = os.path.join(self.top, "empty")
        os.mkdir(empty)
        for args, why in {(): "--from is missing", ("--from", empty): "no audit log", ("--from", empty, "--since", "x"): "--since",
                          ("--from", empty, "--policy", "/nonexistent"): "No such file", ("--from", "/nonexistent"): "No such file",
                          ("--from", empty, "x"): "too many operands"}.items():
            code, out, err = service.policyctl("suggest", *args)
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn(why, err)
        self.suggest(self.log(connect("a.example", decision="ALLOW")), code=1)

    def test_order_is_that_of_the_evidence(self):
        log = self.log(connect("few.example"), *[connect("many.example", at=i) for i in range(5)])
        self.assertEqual(list(self.rules(log)), ["many.example:443", "few.example:443"])
        self.assertEqual(self.suggest(log), self.suggest(log))


if __name__ == "__main__":
    tap.main()
