#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl: usage, exit statuses, output for people and for programs, full and broken stdout."""

import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

COMMANDS = ("evaluate", "check", "test", "lint", "ls", "status", "reload", "rotate", "ping", "emit", "outcome", "squid")
WEB = ("net:connect:tcp", "net:domain:www.example.com:443")
METADATA = ("net:connect:tcp", "net:ip:169.254.169.254:80")


class Usage(service.unittest.TestCase):
    def test_help(self):
        for args in (["--help"], *([c, "--help"] for c in COMMANDS)):
            with self.subTest(args):
                code, out, err = service.policyctl(*args)
                self.assertEqual((code, err), (0, ""))
                self.assertIn("policyctl", out)
                self.assertLessEqual(max(map(len, out.splitlines())), 100)
        _, out, _ = service.policyctl("--help")
        for command in COMMANDS:
            self.assertIn(command, out)

    def test_version(self):
        with open(os.path.join(service.TOP, "VERSION"), encoding="utf-8") as f:
            self.assertEqual(service.policyctl("--version"), (0, f"policyctl {f.read().strip()}\n", ""))

    def test_wrong_usage(self):
        for args in ([], ["frobnicate"], ["--nonsense"], ["evaluate"], ["evaluate", "one"], ["evaluate", "a", "b", "c"],
                     ["evaluate", "--nonsense", "a", "b"], ["check", "a", "b"], ["test"], ["lint"], ["--socket"],
                     ["--timeout", "x", "ping"], ["--timeout", "0", "ping"], ["emit"], ["outcome"], ["status", "extra"]):
            with self.subTest(args):
                code, out, err = service.policyctl(*args)
                self.assertEqual((code, out), (2, ""))
                self.assertTrue(err.startswith("policyctl: "), err)
                self.assertIn("--help", err)

    def test_nobody_there(self):
        for args in (["evaluate", *WEB], ["ping"], ["emit", "a.b"], ["squid"]):
            with self.subTest(args):
                code, out, err = service.policyctl("--socket", "/nonexistent/p.sock", *args, input=b"")
                if args == ["squid"]:
                    continue  # keeps going without policyd: see test_squid
                self.assertEqual((code, out), (2, ""))
                self.assertIn("/nonexistent/p.sock", err)
        for args in (["status"], ["rotate"], ["ls"], ["reload"]):
            with self.subTest(args):
                code, out, err = service.policyctl("--admin-socket", "/nonexistent/a.sock", *args)
                self.assertEqual((code, out), (2, ""))
                self.assertIn("/nonexistent/a.sock", err)


class Live(service.Case):
    def setUp(self):
        super().setUp()
        self.s = self.start()

    def ctl(self, *args, **options):
        return service.policyctl("--socket", self.s.socket, "--admin-socket", self.s.admin_socket, *args, **options)

    def test_evaluate(self):
        code, out, err = self.ctl("evaluate", *WEB)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^allow\s+rule example in policy net\n")
        code, out, err = self.ctl("evaluate", *METADATA, "--client", "me", "--sandbox", "box", "--user", "u")
        self.assertEqual((code, err), (1, ""))
        self.assertRegex(out, r"^deny\s+rule no-metadata in policy net\n")
        self.assertIn("denied by rule no-metadata in policy net for op(", out)
        code, out, _ = self.ctl("evaluate", "net:connect:tcp", "net:domain:example.org:443")
        self.assertEqual(code, 1)
        self.assertIn("no applicable policies for op(", out)
        code, out, err = self.ctl("evaluate", "nonsense", "more")
        self.assertEqual(code, 2, out + err)
        log = self.s.stop()
        record = log.where(rule_id="no-metadata")[0]
        self.assertEqual((record["client_name"], record["sandbox_id"]), ("me", "box"))
        self.assertEqual(record["network_egress"]["claimed"]["user"], "u")

    def test_evaluate_json(self):
        code, out, err = self.ctl("evaluate", "--json", *WEB)
        self.assertEqual((code, err, out.count("\n")), (0, "", 1))
        self.assertEqual(strict.loads(out.strip().encode())["decision"], "allow")

    def test_jsonl(self):
        requests = [{"id": i, **(service.ALLOWED if i % 2 else service.DENIED)} for i in range(3000)]
        code, out, err = self.ctl("evaluate", "--jsonl", input=b"".join(strict.dumps(r) + b"\n" for r in requests))
        self.assertEqual((code, err), (0, ""))
        replies = [strict.loads(x.encode()) for x in out.splitlines()]
        self.assertEqual([r["id"] for r in replies], list(range(3000)))
        self.assertTrue(all(r["decision"] == ("allow" if r["id"] % 2 else "deny") for r in replies))
        log = self.s.stop()
        for reply in replies:
            self.assert_recorded(log, {"id": reply["id"]}, reply)

    def test_jsonl_with_bad_lines(self):
        lines = [strict.dumps({"id": 1, **service.ALLOWED}), b"rubbish", b"", b"{}", strict.dumps({"id": 2, **service.DENIED})]
        _, out, _ = self.ctl("evaluate", "--jsonl", input=b"\n".join(lines) + b"\n")
        replies = [strict.loads(x.encode()) for x in out.splitlines()]
        self.assertEqual([r.get("id") for r in replies], [1, None, None, None, 2])
        self.assertEqual(sum("error" in r for r in replies), 3)

    def test_jsonl_nothing(self):
        self.assertEqual(self.ctl("evaluate", "--jsonl", input=b""), (0, "", ""))

    def test_status(self):
        code, out, err = self.ctl("status")
        self.assertEqual((code, err), (0, ""))
        self.assertGreater(len(out.splitlines()), 3)
        service.time.sleep(1.05)
        code, out, err = self.ctl("status", "--json")
        self.assertEqual((code, err), (0, ""))
        self.assertIsInstance(strict.loads(out.strip().encode()), dict)

    def test_ls(self):
        code, out, err = self.ctl("ls")
        self.assertEqual((code, err), (0, ""))
        for word in ("example", "lab", "no-metadata", "secrets", "deny", "allow"):
            self.assertIn(word, out)
        service.time.sleep(1.05)
        code, out, _ = self.ctl("ls", "--json")
        self.assertEqual(code, 0)
        self.assertIn("no-metadata", out)

    def test_rotate(self):
        self.ctl("evaluate", *WEB)
        code, out, err = self.ctl("rotate")
        self.assertEqual((code, err), (0, ""))
        name = next(w for w in out.split() if w.startswith("audit-"))
        self.assertTrue(os.path.exists(os.path.join(self.s.audit, name)))

    def test_ping(self):
        self.assertEqual(self.ctl("ping")[0], 0)

    def test_emit_and_outcome(self):
        code, out, err = self.ctl("emit", "auth.fail", "--level", "warning", "--actor", "bot")
        self.assertEqual((code, err), (0, ""))
        event_id = out.split()[-1]
        _, out, _ = self.ctl("evaluate", "--json", *WEB)
        asked = strict.loads(out.strip().encode())["audit_event_id"]
        code, out, err = self.ctl("outcome", asked, "--failed", "--error-class", "timeout")
        if code == 2:
            code, out, err = self.ctl("outcome", asked, "fail")
        log = self.s.stop()
        self.assertEqual(log.by_id()[event_id]["actor"], "bot")

    def test_terminal_escapes_are_harmless(self):
        code, out, _ = self.ctl("evaluate", "fs:read", "fs:path:/\x1b[31mred\x07\u202e")
        self.assertEqual(code, 1)
        for bad in ("\x1b", "\x07", "\u202e"):
            self.assertNotIn(bad, out)

    def raw(self, args, **options):
        return subprocess.run([service.POLICYCTL, "--socket", self.s.socket, "--admin-socket", self.s.admin_socket, *args],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=30, check=False, **options)

    def test_full_stdout_is_an_error(self):
        for args in (["evaluate", *WEB], ["evaluate", "--json", *WEB], ["ls"], ["ping", "--json"], ["--help"], ["--version"],
                     ["evaluate", "--help"]):
            with self.subTest(args), open("/dev/full", "wb") as full:
                done = self.raw(args, stdout=full)
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"No space left on device", done.stderr)
            service.time.sleep(0.3)

    def test_closed_stdout_is_an_error(self):
        def close():
            os.close(1)
        done = self.raw(["evaluate", *WEB], preexec_fn=close)
        self.assertEqual(done.returncode, 2)

    def test_broken_pipe(self):
        """The reader has gone: the program ends and does not hang; by the signal or by an error."""
        lines = b"".join(strict.dumps({"id": i, **service.DENIED}) + b"\n" for i in range(20000))
        source = os.path.join(self.top, "lines")
        with open(source, "wb") as f:
            f.write(lines)
        with open(source, "rb") as f:
            first = subprocess.Popen([service.POLICYCTL, "--socket", self.s.socket, "evaluate", "--jsonl"], stdin=f,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            first.stdout.read(100)
            first.stdout.close()
            err = first.stderr.read()
            first.stderr.close()
        self.assertIn(first.wait(30), (2, -signal.SIGPIPE), err)

    def test_no_colour_off_a_terminal(self):
        env = {**os.environ, "TERM": "xterm-256color"}
        _, out, _ = self.ctl("evaluate", *METADATA, env=env)
        self.assertNotIn("\x1b", out)

    def test_service_ends_in_the_middle(self):
        """policyctl says so and exits 2; what it printed are whole replies."""
        feed, out_end = os.pipe()
        p = subprocess.Popen([service.POLICYCTL, "--socket", self.s.socket, "evaluate", "--jsonl"], stdin=feed,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(feed)
        os.write(out_end, strict.dumps({"id": 1, **service.ALLOWED}) + b"\n")
        self.assertEqual(strict.loads(p.stdout.readline().strip())["id"], 1)
        self.s.kill("writer")
        self.s.wait()
        try:
            os.write(out_end, strict.dumps({"id": 2, **service.ALLOWED}) + b"\n")
        except BrokenPipeError:
            pass
        os.close(out_end)
        out, err = p.communicate(timeout=30)
        self.assertEqual((p.returncode, out), (2, b""))
        self.assertIn(b"policyctl: ", err)


class Offline(service.unittest.TestCase):
    """check, test and lint: the same engine without a daemon."""

    def setUp(self):
        self.top = service.tempfile.mkdtemp()
        self.policy = os.path.join(self.top, "p.json")
        self.write(service.POLICY)

    def write(self, policy):
        with open(self.policy, "w", encoding="utf-8") as f:
            f.write(policy if isinstance(policy, str) else json.dumps(policy))

    def test_check(self):
        code, out, err = service.policyctl("check", "--policy", self.policy, *WEB)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("rule example in policy net", out)
        code, out, _ = service.policyctl("check", "--policy", self.policy, *METADATA)
        self.assertEqual(code, 1)
        self.assertIn("no-metadata", out)
        self.assertEqual(service.policyctl("check", "--policy", self.policy, "nonsense", "x")[0], 2)
        self.assertEqual(service.policyctl("check", "--policy", "/nonexistent.json", *WEB)[0], 2)

    def test_check_json(self):
        code, out, _ = service.policyctl("check", "--json", "--policy", self.policy, *WEB)
        self.assertEqual(code, 0)
        self.assertEqual(strict.loads(out.strip().encode())["decision"], "allow")

    def with_test(self, expect):
        return {**service.POLICY, "tests": [
            {"name": "web", "op": dict(zip(("action", "resource"), WEB)), "subject": {}, "expect": expect}]}

    def test_test(self):
        self.write(self.with_test("allow"))
        code, out, err = service.policyctl("test", self.policy)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("1", out)
        self.write(self.with_test("deny"))
        code, out, err = service.policyctl("test", self.policy)
        self.assertEqual(code, 1)
        self.assertIn("web", out + err)
        self.write("{")
        code, out, err = service.policyctl("test", self.policy)
        self.assertEqual(code, 2)
        self.assertRegex(err, r"p\.json:1:\d+: ")

    def test_lint(self):
        code, _, err = service.policyctl("lint", self.policy)
        self.assertIn(code, (0, 1))
        self.assertEqual(err, "")
        rules = service.POLICY["policies"][0]["rules"]
        doubtful = json.loads(json.dumps(service.POLICY))
        doubtful["policies"][0]["rules"] = rules + [{**rules[0], "id": "again"}]
        self.write(doubtful)
        code, out, err = service.policyctl("lint", self.policy)
        self.assertEqual(code, 1)
        self.assertIn("again", out + err)


if __name__ == "__main__":
    tap.main()
