#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyd's command line and sealwright.conf: what is wrong is said, with its place, and nothing starts."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402

# text of sealwright.conf -> (line:column or "", words of the complaint)
WRONG_FILES = (
    ("{", "", ""),
    ("", "", ""),
    ("[]", ":1:1", "object"),
    ('{"evaluators":0}', ":1:15", "evaluators"),
    ('{"evaluators":65}', ":1:15", "evaluators"),
    ('{"evaluators":"2"}', ":1:15", "evaluators"),
    ('{"evaluators":1.5}', ":1:15", "evaluators"),
    ('{"durability":"maybe"}', ":1:15", "durability"),
    ('{\n "evaluatorz": 2\n}', ":2:", "evaluatorz"),
    ('{"evaluators":1,"evaluators":2}', ":1:", "evaluators"),
    ('{"limits":{"lines":5}}', ":1:", "lines"),
    ('{"limits":{"in_flight":0}}', ":1:", "in_flight"),
    ('{"limits":[]}', ":1:", "limits"),
    ('{"events":{"min_level":"loud"}}', ":1:", "min_level"),
    ('{"events":{"colour":"red"}}', ":1:", "colour"),
    ('{"events":{"metadata":{"k":5}}}', ":1:", "metadata"),
    ('{"trusted_enforcement_points":"root"}', ":1:", "trusted_enforcement_points"),
    ('{"trusted_enforcement_points":[65534]}', ":1:", "65534"),
    ('{"trusted_enforcement_points":["no-such-user-here"]}', ":1:", "no-such-user-here"),
    ('{"rotate_seconds":-1}', ":1:", "rotate_seconds"),
    ('{"origin":"h\\u00f6st"}', ":1:11", "origin"),
    ('{"succeeds":"old/log 1"}', ":1:13", "succeeds"),
    ('{"rotate_seconds":1e3}', ":1:", "rotate_seconds"),
    ('{"socket":"' + "/x" * 60 + '"}', ":1:", "socket"),
    ('{"audit_dir":null}', ":1:", "audit_dir"),
    ('{"audit_dir":""}', ":1:", "audit_dir"),
    ("{'audit_dir':'x'}", ":1:2", ""),
    ('{"audit_dir":"/x",}', ":1:", ""),
    ('{"audit_dir":"\\ud800"}', ":1:", ""),
    ('{/* open', "", ""),
)

WRONG_OPTIONS = (
    (["--nonsense"], "--nonsense"),
    (["--audit_dir", "/x"], "audit_dir"),
    (["extra"], "extra"),
    (["--evaluators"], "--evaluators"),
    (["--evaluators", "many"], "--evaluators"),
    (["--evaluators", "0"], "--evaluators"),
    (["--evaluators", "-1"], "--evaluators"),
    (["--evaluators", "99999999999999999999"], "--evaluators"),
    (["--durability", "perhaps"], "--durability"),
    (["--landlock", "maybe"], "--landlock"),
    (["--origin", "two words"], "--origin"),
    (["--succeeds", "old/log 1:" + "A" * 64], "--succeeds"),
    (["--rotate-bytes", "1"], "--rotate-bytes"),
    (["--socket", ""], "--socket"),
    (["--socket", "/" + "x" * 120], "--socket"),
    (["--config", "/nonexistent/sealwright.conf"], "/nonexistent/sealwright.conf"),
    (["--help=yes"], "--help"),
)


class Config(service.Case):
    def refused(self, s):
        s.spawn()
        code = s.wait()
        s.gone()
        said = s.said()
        self.assertEqual(code, 2, said)
        self.assertTrue(said.startswith("policyd: "), said)
        self.assertEqual(os.listdir(s.audit), [], "nothing starts")
        return said

    def test_wrong_file(self):
        for n, (text, place, word) in enumerate(WRONG_FILES):
            with self.subTest(text=text[:60]):
                s = self.make(f"c{n}", conf=text or " ")
                said = self.refused(s)
                self.assertIn(os.path.join(s.top, "sealwright.conf") + place, said)
                self.assertIn(word, said)

    def test_wrong_options(self):
        for n, (options, word) in enumerate(WRONG_OPTIONS):
            with self.subTest(options=options):
                said = self.refused(self.make(f"o{n}", args=options))
                self.assertIn(word, said)
                self.assertEqual(len(said.splitlines()), 1, said)

    def test_control_bytes_in_a_complaint_are_harmless(self):
        said = self.refused(self.make(conf='{"a\\u001b[2Jb":1}'))
        self.assertNotIn("\x1b", said)
        said = self.refused(self.make("o", args=["--\x1b]0;x\x07"]))
        self.assertNotIn("\x1b", said)

    def test_comments_and_all_keys(self):
        """A file may set what the command line sets; the command line wins."""
        s = self.make(listen=False, evaluators=0)
        text = f'''// a comment
        {{ /* and another */
          "audit_dir": "{s.audit}", "key_dir": "{s.keys}", "policy": "/nonexistent", "socket": "{s.socket}",
          "admin_socket": "{s.admin_socket}", "durability": "commit", "evaluators": 3, "rotate_seconds": 60,
          "rotate_records": 10, "rotate_bytes": 1000000, "heartbeat_seconds": 1, "reserve_bytes": 1000000,
          "low_bytes": 0,
          "limits": {{"connections": 10, "connections_per_uid": 10, "in_flight": 10, "line_bytes": 2048,
                     "line_seconds": 5, "idle_seconds": 60, "records_per_second": 1000, "answer_ms": 1000}},
          "trusted_enforcement_points": [{os.getuid()}],
          "events": {{"min_level": "debug", "excluded": ["x.*"], "metadata": {{"a": "b"}}}}
        }}'''
        s.conf = text
        s.spawn().wait_ready()
        self.eventually(lambda: len(s.pids("evaluator")) == 3, "three evaluators")
        with s.client() as c:
            for i in range(25):
                self.assertEqual(c.ask({"id": i, **service.ALLOWED})["decision"], "allow")
            self.assertIn("audit_event_id", c.ask({"op": "emit", "event": "e", "level": "debug"}))
        self.eventually(lambda: s.log().management("heartbeat"), "a heartbeat")
        log = s.stop()
        self.assertGreater(len(log.segments), 2)

    def test_options_with_equals_sign(self):
        s = self.make()
        s.extra = ["--evaluators=1", "--durability=commit"]
        s.evaluators = 0
        s.spawn().wait_ready()
        self.eventually(lambda: len(s.pids("evaluator")) == 1, "one evaluator")
        s.stop()

    def test_help_and_version(self):
        for option in ("--help", "--version"):
            code, out, err = service.run([service.POLICYD, option])
            self.assertEqual((code, err), (0, ""))
            self.assertIn("policyd", out)
        _, out, _ = service.run([service.POLICYD, "--help"])
        for option in ("--audit-dir", "--key-dir", "--policy", "--socket", "--admin-socket", "--durability", "--evaluators",
                       "--rotate-seconds", "--rotate-records", "--rotate-bytes", "--user", "--writer-user", "--config",
                       "--origin", "--succeeds"):
            self.assertIn(option, out)

    def test_help_to_a_full_device(self):
        with open("/dev/full", "wb") as full:
            done = service.subprocess.run([service.POLICYD, "--help"], stdout=full, stderr=service.subprocess.PIPE,
                                          check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"policyd: ", done.stderr)

    def test_socket_that_is_in_the_way(self):
        """A file that is no socket is never removed; a socket that somebody serves is not taken over."""
        s = self.make()
        with open(s.socket, "w", encoding="utf-8") as f:
            f.write("mine")
        s.spawn()
        self.assertNotEqual(s.wait(), 0)
        s.gone()
        self.assertIn(s.socket, s.said())
        with open(s.socket, encoding="utf-8") as f:
            self.assertEqual(f.read(), "mine")
        os.unlink(s.socket)

    def test_socket_of_another_service(self):
        first = self.start("one")
        second = self.make("two")
        second.socket = first.socket
        second.spawn()
        self.assertNotEqual(second.wait(), 0)
        self.assertIn(first.socket, second.said())
        with first.client() as c:
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        first.stop()

    def test_writer_is_not_for_hands(self):
        """auditd-writer started by hand says that, and does nothing."""
        writer = os.path.join(service.BUILD, "libexec", "sealwright", "auditd-writer")
        code, _, err = service.run([writer])
        self.assertNotEqual(code, 0)
        self.assertIn("auditd-writer: ", err)
        code, _, err = service.run([writer, "--audit-dir", self.top, "--key-dir", self.top, "--evaluators", "1"])
        self.assertNotEqual(code, 0)
        self.assertIn("auditd-writer: ", err)
        code, _, err = service.run([service.POLICYD, "--role", "evaluator", "--channel", "1", "--generation", "1"])
        self.assertNotEqual(code, 0)
        self.assertIn("policyd: ", err)


if __name__ == "__main__":
    tap.main()
