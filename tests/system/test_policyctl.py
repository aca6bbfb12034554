#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl's command line: what it prints, where, and how it ends. Without policyd, with a fake, with the real."""

import json
import os
import pty
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fake  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

COMMANDS = ("evaluate", "check", "test", "lint", "ls", "status", "reload", "rotate", "ping", "emit", "outcome", "enroll",
            "squid", "allow", "deny", "rm", "diff", "suggest")
HOSTILE = 'a\x1b[31m\n"\u202e\u009b'
HARMLESS = 'a\\x1b[31m\\x0a"\\xe2\\x80\\xae\\xc2\\x9b'


def on_terminal(args, env=None):
    """What a program writes when its stdout is a terminal."""
    master, slave = pty.openpty()
    try:
        with fake.subprocess.Popen(args, stdout=slave, stdin=fake.subprocess.DEVNULL, stderr=fake.subprocess.DEVNULL,
                                   env={**os.environ, "TERM": "xterm", **(env or {})}) as p:
            os.close(slave)
            out = b""
            while True:
                try:
                    more = os.read(master, 1 << 16)
                except OSError:  # the other side has closed
                    break
                if not more:
                    break
                out += more
            p.wait(15)
        return out.replace(b"\r\n", b"\n").decode()
    finally:
        os.close(master)


class Usage(unittest.TestCase):
    def test_help_of_every_command(self):
        code, out, err = service.policyctl("--help")
        self.assertEqual((code, err), (0, ""))
        for name in COMMANDS:
            self.assertIn(f"  {name} ", out)
            code, text, err = service.policyctl(name, "--help")
            self.assertEqual((code, err), (0, ""), name)
            self.assertTrue(text.startswith(f"usage: policyctl {name} [options]"), text)
            self.assertIn("\nexit status: ", text)

    def test_every_option_is_in_the_manual(self):
        with open(os.path.join(service.TOP, "docs", "man", "policyctl.1"), encoding="utf-8") as f:
            manual = f.read()
        for name in COMMANDS:
            self.assertIn(f".It Ic {name}", manual)
            for line in service.policyctl(name, "--help")[1].splitlines():
                if line.startswith("  --"):
                    self.assertIn(line.split()[0][2:].replace("-", "\\-"), manual.replace("-", "\\-"), f"{name}: {line}")

    def test_wrong_usage(self):
        cases = {
            (): "command missing", ("what",): "unknown command: what", ("--what",): "unknown option: --what",
            ("evaluate",): "evaluate: operand missing", ("evaluate", "a"): "evaluate: operand missing",
            ("evaluate", "a", "b", "c"): "too many operands: c", ("evaluate", "--jsonl", "a"): "takes no operands",
            ("evaluate", "--context", "x", "a", "b"): "--context: not KEY=VALUE: x",
            ("evaluate", "--context", "=x", "a", "b"): "--context: not KEY=VALUE: =x",
            ("evaluate", "--in-flight", "0", "--jsonl"): "--in-flight", ("check", "a", "b"): "--policy is missing",
            ("check", "--policy", "p", "--time", "now", "a", "b"): "--time: not RFC 3339: now", ("test",): "POLICY",
            ("lint",): "POLICY", ("emit",): "EVENT", ("emit", "a.b", "--detail", "x"): "--detail: not KEY=VALUE: x",
            ("emit", "a.b", "--details", "[]"): "not a JSON object", ("emit", "a.b", "--details", '{"a":1,"a":2}'):
            "not a JSON object", ("outcome",): "EVALUATION_ID", ("outcome", "x", "--error-class", "y"): "--failure",
            ("outcome", "x", "--duration-ms", "-1"): "--duration-ms", ("ping", "x"): "too many operands",
            ("squid", "x"): "too many operands", ("status", "--socket", "x"): "unknown option", ("ls", "x"): "operands",
            (HOSTILE,): "unknown command: " + HARMLESS,
        }
        for args, why in cases.items():
            with self.subTest(args):
                code, out, err = service.policyctl(*args)
                self.assertEqual((code, out), (2, ""))
                self.assertTrue(err.startswith("policyctl: "), err)
                self.assertIn(why, err)
                self.assertRegex(err, r"\nTry 'policyctl [a-z ]*--help'\.\n$")

    def test_version(self):
        with open(os.path.join(service.TOP, "VERSION"), encoding="utf-8") as f:
            self.assertEqual(service.policyctl("--version"), (0, f"policyctl {f.read().strip()}\n", ""))

    def test_output_lost(self):
        for args in (["--help"], ["--version"], ["evaluate", "--help"]):
            with open("/dev/full", "wb") as full:
                done = fake.subprocess.run([service.POLICYCTL, *args], stdout=full, stderr=fake.subprocess.PIPE, check=False)
            self.assertEqual((done.returncode, done.stderr),
                             (2, b"policyctl: standard output: No space left on device\n"))
            read, write = os.pipe()
            os.close(read)
            done = fake.subprocess.run([service.POLICYCTL, *args], stdout=write, stderr=fake.subprocess.PIPE, check=False)
            os.close(write)
            self.assertEqual((done.returncode, done.stderr), (2, b"policyctl: standard output: Broken pipe\n"))


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.path = os.path.join(self.dir.name, "p.sock")

    def policyd(self, answer=None):
        made = fake.Policyd(self.path, answer)
        self.addCleanup(made.close)
        return made

    def ctl(self, *args):
        return service.policyctl("--socket", self.path, "--admin-socket", self.path, *args)

    def file(self, text, name="policy.json"):
        path = os.path.join(self.dir.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text, indent=1))
        return path


class Asking(Case):
    def test_allow(self):
        p = self.policyd()
        self.assertEqual(self.ctl("evaluate", "net:connect:tcp", "net:domain:a:1"), (0, "allow  rule r in policy p\n", ""))
        self.assertEqual(p.requests[0], {"id": "1", "action": "net:connect:tcp", "resource": "net:domain:a:1"})

    def test_deny(self):
        self.policyd(lambda r, _: fake.deny(r, "because " + HOSTILE))
        self.assertEqual(self.ctl("evaluate", "x", "y"), (1, f"deny   no rule\n       because {HARMLESS}\n", ""))

    def test_several_reasons(self):
        self.policyd(lambda r, _: {**fake.deny(r), "reason": ["one", "t\two", 'th"ree']})
        self.assertEqual(self.ctl("evaluate", "x", "y")[1], 'deny   no rule\n       one\n       t\\x09wo\n       th"ree\n')

    def test_everything_that_can_be_said(self):
        p = self.policyd()
        self.ctl("evaluate", "--user", "joe\n", "--group=a", "--group", "b", "--client", "c", "--sandbox", "s", "--agent", "g",
                 "--context", "k=v=w", "--context", "l=", "act", "res\"")
        self.assertEqual(p.requests[0], {
            "id": "1", "action": "act", "resource": 'res"', "subject": {"user": "joe\n", "groups": ["a", "b"]},
            "client_name": "c", "sandbox_id": "s", "agent": "g", "context": {"k": "v=w", "l": ""}})

    def test_json_is_the_reply_as_it_came(self):
        reply = b'{"id":"1", "decision":"deny","audit_event_id":"x","reason":["\\u001b"]}'
        self.policyd(lambda r, _: reply + b"\n")
        self.assertEqual(self.ctl("evaluate", "--json", "x", "y"), (1, reply.decode() + "\n", ""))

    def test_terminal(self):
        self.policyd(lambda r, _: {**fake.deny(r, "because " + HOSTILE), "x": "\u009b\u202e"})
        args = [service.POLICYCTL, "--socket", self.path, "evaluate", "x", "y"]
        self.assertEqual(on_terminal(args), f"\x1b[31mdeny\x1b[0m   no rule\n       because {HARMLESS}\n")
        self.assertEqual(on_terminal(args, {"NO_COLOR": "1"}), f"deny   no rule\n       because {HARMLESS}\n")
        out = on_terminal(args + ["--json"])
        self.assertFalse([c for c in out if c < " " and c != "\n" or c in "\u009b\u202e"], out)
        self.assertEqual(json.loads(out)["x"], "\u009b\u202e")

    def test_wrong_replies(self):
        replies = {
            b"hello\n": "not a JSON object", b"[1]\n": "not a JSON object", b'{"a":1,"a":2}\n': "not a JSON object",
            b"{}\n": "no decision", b'{"decision":"perhaps"}\n': "no decision", b"x" * 300000: "too long",
            b'{"id":"1","error":"what is \\u001b that","at":3}\n': "evaluate: what is \\x1b that",
            b'{"id":"1","decision":"deny","audit_event_id":"x","reason":["r"],"error":"what"}\n': "evaluate: what",
            b'{"id":"1","decision":"allow","reason":[]}\n': "without a record",
        }
        p = self.policyd()
        for reply, why in replies.items():
            with self.subTest(reply[:40]):
                p.answer = lambda r, _, reply=reply: reply
                code, _, err = self.ctl("evaluate", "x", "y")
                self.assertEqual(code, 2)
                self.assertIn(why, err)

    def test_unavailable_is_a_denial(self):
        self.policyd(lambda r, _: {"id": "1", "decision": "deny", "reason": ["audit log unavailable: no space"]})
        self.assertEqual(self.ctl("evaluate", "x", "y"), (1, "deny   no rule\n       audit log unavailable: no space\n", ""))

    def test_nobody_there(self):
        for args in (("evaluate", "x", "y"), ("ping",), ("emit", "a.b"), ("outcome", "x"), ("status",), ("rotate",),
                     ("reload",), ("ls",)):
            code, out, err = self.ctl(*args)
            self.assertEqual((code, out), (2, ""))
            self.assertEqual(err, f"policyctl: {self.path}: no such socket: is policyd running?\n")
        listener = fake.socket.socket(fake.socket.AF_UNIX)
        listener.bind(self.path)
        listener.close()
        self.assertIn("nobody listens there", self.ctl("ping")[2])
        self.assertIn("too long for a socket", service.policyctl("ping", "--socket", "/x" * 60)[2])

    def test_silence(self):
        self.policyd(lambda r, _: None)
        began = time.monotonic()
        code, _, err = self.ctl("evaluate", "x", "y", "--timeout", "1")
        self.assertEqual((code, err), (2, f"policyctl: {self.path}: no answer in time\n"))
        self.assertLess(time.monotonic() - began, 5)

    def test_closed(self):
        p = self.policyd(lambda r, p: p.CLOSE)
        self.assertIn("closed the connection without an answer", self.ctl("evaluate", "x", "y")[2])
        p.answer = lambda r, p: (p.sockets[-1].sendall(b'{"decision":"allow"'), p.CLOSE)[1]
        self.assertEqual(self.ctl("evaluate", "x", "y")[0], 2)

    def test_too_long_to_ask(self):
        self.policyd()
        code, _, err = self.ctl("evaluate", "x", "y" * 70000)
        self.assertEqual((code, err), (2, "policyctl: evaluate: the request is longer than 65536 bytes\n"))

    def test_ping(self):
        p = self.policyd(lambda r, _: {"id": r["id"], "pong": True})
        code, out, err = self.ctl("ping")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^pong after \d+ us\n$")
        self.assertEqual(p.requests[0]["op"], "ping")
        self.assertEqual(self.ctl("ping", "--json")[1], '{"id":"1","pong":true}\n')
        p.answer = lambda r, _: {"id": r["id"], "pong": False}
        self.assertEqual(self.ctl("ping")[0], 2)

    def test_emit(self):
        p = self.policyd(lambda r, _: {"id": r["id"], "audit_event_id": fake.EVENT_ID})
        self.assertEqual(self.ctl("emit", "auth.fail"), (0, fake.EVENT_ID + "\n", ""))
        self.assertEqual(p.requests[-1], {"id": "1", "op": "emit", "event": "auth.fail", "level": "info"})
        self.ctl("emit", "auth.fail", "--level", "warning", "--actor", "ci\"", "--detail", "a=b=c", "--detail", "n=\n",
                 "--details", ' {"x":\n[1,\r\n{"y":null}], "z":"\\n"} ')
        self.assertEqual(p.requests[-1], {
            "id": "1", "op": "emit", "event": "auth.fail", "level": "warning", "actor": 'ci"',
            "details": {"x": [1, {"y": None}], "z": "\n", "a": "b=c", "n": "\n"}})
        self.ctl("emit", "x", "--details", "{ }", "--detail", "a=b")
        self.assertEqual(p.requests[-1]["details"], {"a": "b"})
        self.ctl("emit", "x", "--details", "{}")
        self.assertEqual(p.requests[-1]["details"], {})

    def test_emit_not_recorded(self):
        p = self.policyd(lambda r, _: {"id": r["id"], "recorded": False})
        code, out, err = self.ctl("emit", "task.debug")
        self.assertEqual((code, out), (0, ""))
        self.assertIn("configured not to record", err)
        for reply, why in (({"id": "1", "error": "level?"}, "level?"), ({"id": "1"}, "not on record")):
            p.answer = lambda r, _, reply=reply: reply
            code, out, err = self.ctl("emit", "x")
            self.assertEqual((code, out, err), (2, "", f"policyctl: emit: {why}\n"))

    def test_outcome(self):
        p = self.policyd(lambda r, _: {"id": r["id"], "audit_event_id": fake.EVENT_ID})
        self.assertEqual(self.ctl("outcome", "abc"), (0, fake.EVENT_ID + "\n", ""))
        self.assertEqual(p.requests[-1], {"id": "1", "op": "outcome", "evaluation_id": "abc", "success": True})
        self.ctl("outcome", "abc", "--failure", "--duration-ms", "0", "--error-class", "timeout")
        self.assertEqual(p.requests[-1], {"id": "1", "op": "outcome", "evaluation_id": "abc", "success": False,
                                          "duration_ms": 0, "error_class": "timeout"})


class DefaultSocket(unittest.TestCase):
    """A user's own service comes first, where it is; root always means the system's."""

    def setUp(self):
        # Reachable for another user, program and all.
        self.dir = tempfile.mkdtemp(dir="/tmp")
        self.addCleanup(shutil.rmtree, self.dir)
        os.chmod(self.dir, 0o755)
        self.program = shutil.copy(service.POLICYCTL, self.dir)

    def ping(self, as_root=False, **env):
        user = {} if as_root or os.geteuid() != 0 else {"user": 65534, "group": 65534, "extra_groups": []}
        return service.run([self.program, "ping", "--timeout", "2"], env=env, cwd="/", **user)

    def listen(self, *below):
        path = os.path.join(self.dir, *below, "sealwright", "policyd.sock")
        os.makedirs(os.path.dirname(path))
        made = fake.Policyd(path, lambda r, _: {"id": r["id"], "pong": True})
        self.addCleanup(made.close)
        os.chmod(path, 0o666)

    def test_places(self):
        system = "/run/sealwright/policyd.sock"
        for env in ({}, {"XDG_RUNTIME_DIR": self.dir}, {"XDG_RUNTIME_DIR": "tmp", "HOME": "tmp"}):
            code, _, err = self.ping(**env)
            self.assertTrue(code == 0 or err.startswith(f"policyctl: {system}: "), err)
        self.listen("home", ".local", "state")
        self.assertEqual(self.ping(HOME=self.dir + "/home")[0], 0)
        self.listen("state")
        self.assertEqual(self.ping(XDG_STATE_HOME=self.dir + "/state", HOME="/nowhere")[0], 0)
        self.listen("run")
        self.assertEqual(self.ping(XDG_RUNTIME_DIR=self.dir + "/run", XDG_STATE_HOME="/nowhere")[0], 0)
        if os.geteuid() == 0:
            code, _, err = self.ping(as_root=True, XDG_RUNTIME_DIR=self.dir + "/run")
            self.assertTrue(code == 0 or err.startswith(f"policyctl: {system}: "), err)


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
        import pwd
        name = pwd.getpwuid(os.getuid()).pw_name
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


class Real(service.Case):
    def ctl(self, s, *args):
        return service.policyctl("--socket", s.socket, "--admin-socket", s.admin_socket, *args)

    def test_evaluate(self):
        s = self.start()
        self.assertEqual(self.ctl(s, "evaluate", *service.ALLOWED.values()), (0, "allow  rule example in policy net\n", ""))
        self.assertEqual(self.ctl(s, "evaluate", *service.DENIED.values()), (1, (
            "deny   rule no-metadata in policy net\n       denied by rule no-metadata in policy net for "
            "op(action=net:connect:tcp, resource=net:ip:169.254.169.254:80)\n"), ""))
        code, out, _ = self.ctl(s, "evaluate", "--json", "--user", "joe", *service.UNMATCHED.values())
        reply = json.loads(out)
        self.assertEqual((code, reply["decision"]), (1, "deny"))
        code, out, err = self.ctl(s, "evaluate", "net:connect:tcp", "nonsense")
        self.assertEqual(code, 2)
        self.assertIn("policyctl: evaluate: ", err)
        records = s.stop().by_id()
        self.assertEqual(records[reply["audit_event_id"]]["deny_reason"], reply["reason"])

    def test_check_says_the_same(self):
        s = self.start()
        for ask in (service.ALLOWED, service.DENIED, service.UNMATCHED):
            self.assertEqual(self.ctl(s, "evaluate", *ask.values()),
                             service.policyctl("check", "--policy", s.policy, *ask.values()))
        s.stop()

    def test_events_and_outcomes(self):
        s = self.start()
        code, event, err = self.ctl(s, "emit", "auth.fail", "--level", "warning", "--actor", "ci", "--detail", "why=" + HOSTILE,
                                    "--details", '{"n":[1,2]}')
        self.assertEqual((code, err), (0, ""))
        allowed = json.loads(self.ctl(s, "evaluate", "--json", *service.ALLOWED.values())[1])["audit_event_id"]
        code, outcome, err = self.ctl(s, "outcome", allowed, "--failure", "--duration-ms", "12", "--error-class", "timeout")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(self.ctl(s, "outcome", "nonsense")[0], 2)
        self.assertEqual(self.ctl(s, "emit", "x", "--level", "loud")[0], 2)
        records = s.stop().by_id()
        record = records[event.strip()]
        self.assertEqual((record["event"], record["level"], record["actor"]), ("auth.fail", "warning", "ci"))
        self.assertEqual(record["details"]["why"], HOSTILE)
        record = records[outcome.strip()]
        self.assertEqual(record["evaluation_id"], allowed)
        self.assertEqual(record["execution"]["error_class"], "timeout")
        self.assertIs(record["execution"]["success"], False)

    def test_ping(self):
        s = self.start()
        self.assertEqual(self.ctl(s, "ping")[0], 0)
        s.stop()
        self.assertEqual(self.ctl(s, "ping")[0], 2)

    def test_operating(self):
        s = self.start()
        self.ctl(s, "evaluate", *service.ALLOWED.values())
        code, out, err = self.ctl(s, "status")
        self.assertEqual((code, err), (0, ""))
        for word in ("session", "totals", "writer", "supervisor", "evaluators", "asked"):
            self.assertIn(word, out)
        code, out, err = self.ctl(s, "ls")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("revision test.1\n", out)
        for word in ("no-metadata", "169.254.169.254", "**.example.com:443", "connect:tcp,connect:udp", "enforce"):
            self.assertIn(word, out)
        code, out, err = self.ctl(s, "rotate")
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(os.path.exists(os.path.join(s.audit, out.strip())), out)
        code, _, err = self.ctl(s, "rotate")
        self.assertEqual((code, err), (1, "policyctl: rotate: at most once a second\n"))
        s.stop()


if __name__ == "__main__":
    tap.main()
