#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl evaluate, ping, emit and outcome with a fake policyd: what is asked, what is printed, and how it ends."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fake  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from fake_case import Case  # noqa: E402
from terminal import HARMLESS, HOSTILE, on_terminal  # noqa: E402


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


if __name__ == "__main__":
    tap.main()
