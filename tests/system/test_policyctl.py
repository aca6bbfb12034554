#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl's command line: usage, the socket that it takes when none is named, and all of it with the real policyd."""

import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fake  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from terminal import HARMLESS, HOSTILE  # noqa: E402

COMMANDS = ("evaluate", "check", "test", "lint", "ls", "status", "reload", "rotate", "ping", "emit", "outcome", "enroll",
            "squid", "allow", "deny", "rm", "diff", "suggest")


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
