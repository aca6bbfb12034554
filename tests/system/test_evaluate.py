#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Questions and answers: what is told, what is on record, and who is believed."""

import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402


def policy(rules, mode="enforce", source="host", **more):
    return {"id": more.pop("id", "p"), "source": source, "mode": mode, "rules": rules, **more}


def document(*policies, **more):
    return {"schema": "sealwright-policy/1", "revision": "r9", "policies": list(policies), **more}


def rule(name, decision, *resources, actions=("connect:tcp",), **more):
    return {"id": name, "actions": list(actions), "resources": list(resources), "decision": decision, **more}


def connect(host, port=443, kind="domain"):
    return {"action": "net:connect:tcp", "resource": f"net:{kind}:{host}:{port}"}


def me():
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None


class Evaluate(service.Case):
    def ask(self, s, *requests):
        with s.client() as c:
            replies = [c.ask({"id": i, **r}) for i, r in enumerate(requests)]
            self.assertEqual(c.faults(), [])
        return replies

    def recorded(self, s, *requests):
        """[(reply, record)] of a whole life of the service."""
        replies = self.ask(s, *requests)
        log = s.stop()
        return [(r, log.by_id()[r["audit_event_id"]]) for r in replies]

    def test_allow(self):
        (reply, record), = self.recorded(self.start(), {**service.ALLOWED, "client_name": "sbx", "sandbox_id": "s1",
                                                        "agent": "claude", "context": {"task": 5}})
        self.assertEqual(reply, {"id": 0, "decision": "allow", "audit_event_id": reply["audit_event_id"],
                                 "policy_id": "net", "rule_id": "example", "policy_revision": "test.1"})
        self.assertEqual(record["category"], "AUDIT_CATEGORY_EVALUATION")
        self.assertEqual(record["decision"], "AUDIT_DECISION_ALLOW")
        self.assertEqual(record["enforcement_mode"], "enforce")
        self.assertEqual(record["resource_id"], "www.example.com:443")
        self.assertEqual(record["action"], "net:connect:tcp")
        self.assertEqual(record["network_egress"], {"protocol": "tcp", "context": {"task": 5}})
        self.assertEqual((record["client_name"], record["sandbox_id"], record["agent"]), ("sbx", "s1", "claude"))
        self.assertEqual(record["peer"], {"uid": os.getuid(), "gid": os.getgid(), "pid": os.getpid()})
        self.assertEqual(record.get("username"), me())

    def test_deny_with_rule(self):
        (reply, record), = self.recorded(self.start(), service.DENIED)
        reason = ("denied by rule no-metadata in policy net for "
                  "op(action=net:connect:tcp, resource=net:ip:169.254.169.254:80)")
        self.assertEqual((reply["decision"], reply["reason"], reply["rule_id"]), ("deny", [reason], "no-metadata"))
        self.assertEqual(record["deny_reason"], [reason])

    def test_default_deny(self):
        (reply, record), = self.recorded(self.start(), connect("Example.ORG."))
        reason = "no applicable policies for op(action=net:connect:tcp, resource=net:domain:example.org:443)"
        self.assertEqual((reply["decision"], reply["reason"]), ("deny", [reason]))
        self.assertNotIn("rule_id", reply)
        self.assertNotIn("policy_id", record)
        self.assertEqual(record["deny_reason"], [reason])

    def test_canonical_forms(self):
        same = ("www.example.com", "WWW.Example.COM", "www.example.com.")
        pairs = self.recorded(self.start(), *[connect(h) for h in same],
                              connect("[::ffff:169.254.169.254]", 80, "ip"),
                              {"action": "fs:read", "resource": "fs:path:/data/secret/x"},
                              {"action": "fs:mount:read", "resource": "fs:path:/data/x"})
        for _, record in pairs[:3]:
            self.assertEqual(record["resource_id"], "www.example.com:443")
        self.assertEqual(pairs[3][0]["rule_id"], "no-metadata")
        self.assertEqual(pairs[4][0]["rule_id"], "secrets")
        self.assertEqual((pairs[5][0]["decision"], pairs[5][1]["action_type"]), ("allow", "filesystem_mount"))

    def test_every_kind_of_action(self):
        rules = [rule("fs", "allow", "/w/**", actions=["read", "write"]),
                 rule("exec", "allow", "/usr/bin/*", actions=["exec"]),
                 rule("tool", "allow", "shell", actions=["invoke"]),
                 rule("ssh", "allow", "git.example.com:22", actions=["ssh:connect"])]
        asked = (("net:connect:udp", "net:domain:a.b:53", "network_egress"),
                 ("fs:read", "fs:path:/w/a", "filesystem_access"), ("fs:write", "fs:path:/w/a", "filesystem_access"),
                 ("fs:mount:read", "fs:path:/w/a", "filesystem_mount"),
                 ("fs:mount:write", "fs:path:/w/a", "filesystem_mount"),
                 ("proc:exec", "proc:path:/usr/bin/env", "process_exec"),
                 ("http:request:GET", "http:url:https://example.com/x?y", "http_request"),
                 ("tool:invoke", "tool:name:shell", "tool_invocation"),
                 ("ssh:connect", "net:domain:git.example.com:22", "ssh_session"))
        pairs = self.recorded(self.start(policy=document(policy(rules))),
                              *[{"action": a, "resource": r} for a, r, _ in asked])
        for (reply, record), (action, _, kind) in zip(pairs, asked):
            self.assertEqual(record["action_type"], kind, (action, reply))
            self.assertEqual(record["action"], action)
            self.assertIn(kind, record)
        http = pairs[6][1]["http_request"]
        self.assertEqual((http["method"], http["scheme"]), ("GET", "https"))
        decided = {a: r.get("rule_id") for (r, _), (a, _, _) in zip(pairs, asked)}
        self.assertEqual(decided, {
            "net:connect:udp": None, "fs:read": "fs", "fs:write": "fs", "fs:mount:read": "fs", "fs:mount:write": "fs",
            "proc:exec": "exec", "http:request:GET": None, "tool:invoke": "tool", "ssh:connect": "ssh"})

    def test_deny_wins_and_order_does_not_matter(self):
        rules = [rule("a", "allow", "**.example.com"), rule("d", "deny", "bad.example.com")]
        for name, order in (("one", rules), ("two", rules[::-1])):
            (reply, _), (other, _) = self.recorded(self.start(name, policy=document(policy(order))),
                                                   connect("bad.example.com"), connect("good.example.com"))
            self.assertEqual((reply["rule_id"], other["rule_id"]), ("d", "a"))

    def test_org_source(self):
        """With an org source only that grants; every source's denies count."""
        s = self.start(policy=document(
            policy([rule("o", "allow", "**.example.com")], source="org", id="org"),
            policy([rule("h", "allow", "example.net"), rule("hd", "deny", "x.example.com")], id="host")))
        pairs = self.recorded(s, connect("a.example.com"), connect("example.net"), connect("x.example.com"))
        self.assertEqual([r["decision"] for r, _ in pairs], ["allow", "deny", "deny"])
        self.assertEqual(pairs[2][0]["rule_id"], "hd")

    def test_modes(self):
        """What warn and audit policies deny is on record as denied, and allowed nevertheless."""
        enforce = policy([rule("all", "allow", "**.example.com")], id="e")
        for mode in ("warn", "audit"):
            s = self.start(mode, policy=document(enforce, policy([rule("w", "deny", "w.example.com")], mode, id="m")))
            (reply, record), (plain, plain_record) = self.recorded(s, connect("w.example.com"), connect("v.example.com"))
            self.assertEqual(reply["decision"], "allow")
            self.assertEqual(record["decision"], "AUDIT_DECISION_DENY")
            self.assertEqual((record["enforcement_mode"], record["rule_id"]), (mode, "w"))
            self.assertEqual((plain["decision"], plain_record["enforcement_mode"]), ("allow", "enforce"))

    def test_expired_rule_does_not_match(self):
        s = self.start(policy=document(policy([
            rule("old", "allow", "old.example.com", expires="2001-01-01T00:00:00Z"),
            rule("new", "allow", "new.example.com", expires="2101-01-01T00:00:00Z")])))
        pairs = self.recorded(s, connect("old.example.com"), connect("new.example.com"))
        self.assertEqual([r["decision"] for r, _ in pairs], ["deny", "allow"])

    CLAIM = {"subject": {"user": "mallory", "groups": ["wheel"], "email": "m@example.com"}, "sandbox_id": "trusted-box",
             "agent": "builder", "context": {"task": "release"}}

    def scoped(self):
        return document(
            policy([rule("u", "allow", "user.example.com")], id="users", scope={"users": ["mallory"]}),
            policy([rule("g", "allow", "group.example.com")], id="groups", scope={"groups": ["wheel"]}),
            policy([rule("s", "allow", "box.example.com")], id="boxes", scope={"sandboxes": ["trusted-box"]}),
            policy([rule("a", "allow", "agent.example.com")], id="agents", scope={"agents": ["builder"]}),
            policy([rule("c", "allow", "context.example.com", when={"context": {"task": "release"}}),
                    rule("n", "deny", "never.example.com", when={"context": {"task": "release"}}),
                    rule("all", "allow", "never.example.com")], id="when"))

    HOSTS = ("user", "group", "box", "agent", "context", "never")

    def test_claims_of_untrusted_clients_grant_nothing(self):
        pairs = self.recorded(self.start(policy=self.scoped()),
                              *[{**connect(h + ".example.com"), **self.CLAIM} for h in self.HOSTS])
        # A deny whose condition cannot be judged holds: "never" as well.
        self.assertEqual([r["decision"] for r, _ in pairs], ["deny"] * 6)
        self.assertEqual(pairs[5][0]["rule_id"], "n")
        for _, record in pairs:
            self.assertEqual(record.get("username"), me())
            self.assertEqual(record["network_egress"]["claimed"]["user"], "mallory")
            self.assertEqual(record["network_egress"]["claimed"]["groups"], ["wheel"])
            self.assertEqual(record["network_egress"]["context"], {"task": "release"})
            self.assertEqual((record["sandbox_id"], record["agent"]), ("trusted-box", "builder"))

    def test_claims_of_trusted_enforcement_points_are_taken(self):
        s = self.start(policy=self.scoped(), conf={"trusted_enforcement_points": [os.getuid()]})
        pairs = self.recorded(s, *[{**connect(h + ".example.com"), **self.CLAIM} for h in self.HOSTS],
                              connect("user.example.com"))
        self.assertEqual([r["decision"] for r, _ in pairs], ["allow"] * 5 + ["deny"] * 2)
        for _, record in pairs[:6]:
            self.assertEqual((record["username"], record["user_email"]), ("mallory", "m@example.com"))
            self.assertNotIn("claimed", record["network_egress"])

    def test_ids_are_echoed_as_they_were(self):
        s = self.start()
        with s.client() as c:
            for text in ('"a"', "5", "-7", '"\\u00fc\\n"', '""', "0", '"' + "i" * 128 + '"', "9007199254740991"):
                c.send(b'{"id":' + text.encode() + b',"action":"fs:read","resource":"fs:path:/data/a"}\n')
                self.assertTrue(c.line().startswith(b'{"id":' + text.encode() + b","), text)
            c.send(b'{"action":"fs:read","resource":"fs:path:/data/a"}\n')
            c.receive()
        log = s.stop()
        self.assertEqual([r.get("request_id") for r in log.where(category="AUDIT_CATEGORY_EVALUATION")],
                         ["a", "5", "-7", "\u00fc\n", "", "0", "i" * 128, "9007199254740991", None])

    def test_pipelining_keeps_the_order(self):
        s = self.start()
        with s.client() as c:
            for i in range(500):
                c.send({"id": i, **(service.ALLOWED if i % 3 else {"op": "ping"})})
                if i % 50 == 0:
                    c.send(b"rubbish\n")
            got = [c.receive()["id"] for _ in range(510)]
        self.assertEqual([x for x in got if x is not None], list(range(500)))
        s.stop()

    def test_unknown_keys_in_requests_are_ignored(self):
        (reply, _), = self.recorded(self.start(), {**service.ALLOWED, "future": {"x": [1]}, "op": "evaluate"})
        self.assertEqual(reply["decision"], "allow")


if __name__ == "__main__":
    tap.main()
