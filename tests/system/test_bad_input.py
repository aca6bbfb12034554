#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody should send: each gets a clear error, and nobody else notices."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

OP = b'"action":"net:connect:tcp","resource":"net:domain:www.example.com:443"'

# What is not JSON, or not by our rules: name -> line without its newline.
NOT_JSON = {
    "empty line": b"",
    "blank line": b"   \t ",
    "carriage return alone": b"\r",
    "not JSON": b"hello",
    "cut short": b'{"id":"1",' + OP,
    "cut in a string": b'{"id":"1',
    "two values": b'{"id":1} {"id":2}',
    "rubbish behind it": b'{"id":1,' + OP + b'}x',
    "byte order mark": b"\xef\xbb\xbf{" + OP + b"}",
    "comment": b"{/* hello */" + OP + b"}",
    "single quotes": b"{'id':1}",
    "key without quotes": b"{id:1}",
    "trailing comma": b'{"id":1,}',
    "NaN": b'{"id":NaN}',
    "Infinity": b'{"id":-Infinity}',
    "leading zero": b'{"id":01}',
    "plus sign": b'{"id":+1}',
    "hexadecimal": b'{"id":0x10}',
    "invalid UTF-8": b'{"id":"\xff\xfe",' + OP + b"}",
    "overlong UTF-8": b'{"id":"\xc0\xaf",' + OP + b"}",
    "UTF-8 above U+10FFFF": b'{"id":"\xf5\x80\x80\x80",' + OP + b"}",
    "surrogate as UTF-8": b'{"id":"\xed\xa0\x80",' + OP + b"}",
    "lone high surrogate": b'{"id":"\\ud800",' + OP + b"}",
    "lone low surrogate": b'{"id":"\\udc00",' + OP + b"}",
    "surrogates the wrong way round": b'{"id":"\\udc00\\ud800",' + OP + b"}",
    "bad escape": b'{"id":"\\x41",' + OP + b"}",
    "short escape": b'{"id":"\\u12",' + OP + b"}",
    "NUL byte": b'{"id":"a\0b",' + OP + b"}",
    "NUL alone": b"\0",
    "NUL escaped": b'{"id":"a\\u0000b",' + OP + b"}",
    "control byte in a string": b'{"id":"a\x01b",' + OP + b"}",
    "tab in a string": b'{"id":"a\tb",' + OP + b"}",
    "duplicate key": b'{"id":"1","id":"2",' + OP + b"}",
    "duplicate key, escaped": b'{"id":"1","\\u0069d":"2",' + OP + b"}",
    "duplicate key below": b'{"id":"1",' + OP + b',"context":{"a":1,"a":2}}',
    "deep nesting of arrays": b'{"id":"1","x":' + b"[" * 2000 + b"]" * 2000 + b"}",
    "deep nesting of objects": b'{"x":' * 2000 + b"1" + b"}" * 2000,
    "deep nesting, not closed": b"[" * 60000,
    "integer out of range": b'{"id":9007199254740992,' + OP + b"}",
    "negative integer out of range": b'{"id":-9007199254740992,' + OP + b"}",
    "number of many digits": b'{"id":' + b"9" * 400 + b"," + OP + b"}",
    "exponent out of range": b'{"id":1,"x":1e999,' + OP + b"}",
    "number out of range below": b'{"id":1,"context":{"n":1e300},' + OP + b"}",
}

# JSON, but no request.
NO_REQUEST = {
    "array": b"[]",
    "string": b'"evaluate"',
    "number": b"17",
    "null": b"null",
    "true": b"true",
    "empty object": b"{}",
    "only an id": b'{"id":"1"}',
    "unknown op": b'{"id":"1","op":"shutdown"}',
    "op of the admin socket": b'{"id":"1","op":"rotate"}',
    "op is a number": b'{"id":"1","op":5}',
    "no resource": b'{"id":"1","action":"net:connect:tcp"}',
    "no action": b'{"id":"1","resource":"net:domain:example.com:443"}',
    "action is a number": b'{"id":"1","action":5,"resource":"net:domain:example.com:443"}',
    "resource is an array": b'{"id":"1","action":"net:connect:tcp","resource":["a"]}',
    "id is an object": b'{"id":{},' + OP + b"}",
    "id is a fraction": b'{"id":1.5,' + OP + b"}",
    "id too long": b'{"id":"' + b"i" * 129 + b'",' + OP + b"}",
    "subject is a string": b'{"id":"1",' + OP + b',"subject":"root"}',
    "context is an array": b'{"id":"1",' + OP + b',"context":[]}',
    "agent is a number": b'{"id":"1",' + OP + b',"agent":1}',
    "emit without event": b'{"id":"1","op":"emit","level":"info"}',
    "emit with a level that is none": b'{"id":"1","op":"emit","event":"a.b","level":"loud"}',
    "emit with details that are none": b'{"id":"1","op":"emit","event":"a.b","level":"error","details":[]}',
    "outcome of nothing": b'{"id":"1","op":"outcome","success":true}',
    "outcome of no id": b'{"id":"1","op":"outcome","evaluation_id":"x","success":true}',
    "outcome that neither succeeded nor failed":
        b'{"id":"1","op":"outcome","evaluation_id":"00000000-0000-8000-8000-000000000001"}',
}

# Names an action and a resource, and cannot be understood: (action, resource).
UNKNOWN_OPERATIONS = (
    ("net:connect:sctp", "net:domain:example.com:443"),
    ("delete:everything", "fs:path:/"),
    ("", "net:domain:example.com:443"),
    ("net:connect:tcp", ""),
    ("net:connect:tcp", "net:domain:example.com"),
    ("net:connect:tcp", "net:domain:example.com:0"),
    ("net:connect:tcp", "net:domain:example.com:65536"),
    ("net:connect:tcp", "net:domain:example.com:-1"),
    ("net:connect:tcp", "net:domain:example.com:0443"),
    ("net:connect:tcp", "net:domain:exa mple.com:443"),
    ("net:connect:tcp", "net:domain:" + "a" * 64 + ".com:443"),
    ("net:connect:tcp", "net:domain:a..b:443"),
    ("net:connect:tcp", "net:ip:1.2.3:80"),
    ("net:connect:tcp", "net:ip:0x7f.0.0.1:80"),
    ("net:connect:tcp", "net:ip:0177.0.0.1:80"),
    ("net:connect:tcp", "net:ip:2130706433:80"),
    ("net:connect:tcp", "net:ip:256.0.0.1:80"),
    ("net:connect:tcp", "net:ip:[::g]:80"),
    ("net:connect:tcp", "fs:path:/data/x"),
    ("fs:read", "fs:path:relative"),
    ("fs:read", "net:domain:example.com:443"),
    ("proc:exec", "proc:path:bin/sh"),
)


class BadInput(service.Case):
    def still_good(self, c):
        self.assertEqual(c.ask({"id": "good", **service.ALLOWED})["decision"], "allow")

    def error_of(self, c, line):
        """Send a bad line; its reply is an error that says what and where."""
        c.send(line + b"\n")
        reply = c.receive()
        self.assertIsInstance(reply.get("error"), str, reply)
        self.assertTrue(3 <= len(reply["error"]) <= 500 and reply["error"].isprintable(), reply)
        self.assertIn("id", reply)
        self.assertTrue(0 <= reply["at"] <= len(line), reply)
        return reply

    def finish(self, s, neighbour):
        self.eventually(lambda: neighbour.problem or neighbour.answers > 20, "the neighbour is served")
        neighbour.finish()
        self.assertIsNone(neighbour.problem)
        self.assertLess(neighbour.longest, 5)
        print(f"# neighbour: {neighbour.answers} answers, longest wait {neighbour.longest * 1000:.1f} ms")
        return s.stop()

    def test_not_json(self):
        s = self.start()
        neighbour = service.Neighbour(s.socket)
        with s.client() as c:
            for name, line in NOT_JSON.items():
                with self.subTest(name):
                    reply = self.error_of(c, line)
                    self.assertNotEqual(reply.get("decision"), "allow")
                    self.still_good(c)
        log = self.finish(s, neighbour)
        inputs = log.management("input")
        self.assertTrue(inputs, "malformed input is on record")
        self.assertTrue(all("peer" in r and "evaluator" in r for r in inputs))
        # One per connection and kind, counted: far fewer records than lines.
        self.assertLess(len(inputs), len(NOT_JSON))

    def test_no_request(self):
        s = self.start()
        neighbour = service.Neighbour(s.socket)
        with s.client() as c:
            for name, line in NO_REQUEST.items():
                with self.subTest(name):
                    reply = self.error_of(c, line)
                    if line.startswith(b'{"id":"1"'):
                        self.assertEqual(reply["id"], "1")
                    self.still_good(c)
        self.finish(s, neighbour)

    def test_operations_that_are_none_are_denials_on_record(self):
        s = self.start()
        neighbour = service.Neighbour(s.socket)
        replies = []
        with s.client() as c:
            for i, (action, resource) in enumerate(UNKNOWN_OPERATIONS):
                with self.subTest(action=action, resource=resource):
                    line = strict.dumps({"id": i, "action": action, "resource": resource})
                    reply = self.error_of(c, line)
                    self.assertEqual((reply["id"], reply["decision"]), (i, "deny"))
                    self.assertEqual(reply["reason"], ["request not understood: " + reply["error"]])
                    replies.append(reply)
        log = self.finish(s, neighbour)
        for reply in replies:
            record = log.by_id()[reply["audit_event_id"]]
            action, resource = UNKNOWN_OPERATIONS[reply["id"]]
            self.assertEqual(record["action_type"], "unknown_action")
            self.assertEqual(record["decision"], "AUDIT_DECISION_DENY")
            self.assertEqual(record["deny_reason"], reply["reason"])
            self.assertEqual((record["action"], record["resource_id"]), (action, resource))

    def test_an_op_that_is_none_with_a_question_is_a_denial_on_record(self):
        s = self.start()
        with s.client() as c:
            for op in ("shutdown", 7, None):
                reply = self.error_of(c, strict.dumps({"id": "op", "op": op, **service.ALLOWED}))
                self.assertEqual(reply["decision"], "deny")
                record = s.log().by_id()[reply["audit_event_id"]]
                self.assertEqual(record["action_type"], "unknown_action")
                self.assertEqual(record["deny_reason"], reply["reason"])
            self.still_good(c)
        s.stop()

    def test_line_too_long_ends_the_connection(self):
        s = self.start()
        neighbour = service.Neighbour(s.socket)
        for size in (65 * 1024, 1 << 20):
            with self.subTest(size=size), s.client() as c:
                self.still_good(c)
                try:
                    c.send(b'{"id":"' + b"x" * size)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                replies = [strict.loads(x) for x in c.closed_by_service().splitlines()]
                # When the service closes with unread bytes the kernel may drop its last words.
                self.assertTrue(all("error" in r and r["id"] is None for r in replies), replies)
                if size == 65 * 1024:
                    self.assertEqual(len(replies), 1)
        log = self.finish(s, neighbour)
        self.assertTrue(log.management("input"))

    def test_longest_line_that_is_allowed(self):
        s = self.start()
        with s.client() as c:
            for size in (65535, 65536):
                head, tail = b'{"id":"long",' + OP + b',"ignored":"', b'"}\n'
                c.send(head + b"x" * (size - len(head) - len(tail)) + tail)
                self.assertEqual(c.receive()["decision"], "allow")
            self.still_good(c)
        s.stop()

    def test_too_large_to_record(self):
        """Escaping makes a request of some kilobytes too long for a line: denied, and that is on record."""
        s = self.start()
        path = "/data/" + "\u00fc\u20ac" * 400 + "/" + "\x01" * 1500
        long_host = {"action": "fs:read", "resource": "fs:path:" + path}
        big = {"action": "net:connect:tcp", "resource": service.ALLOWED["resource"],
               "context": {"k": "\x01" * 2000}}
        with s.client() as c:
            replies = [c.ask({"id": i, **r}) for i, r in enumerate((long_host, big))]
            self.still_good(c)
        log = s.stop()
        for reply in replies:
            with self.subTest(reply=reply["id"]):
                self.assertEqual(reply["decision"], "deny")
                self.assertEqual(reply["reason"], ["request too large to record"])
                record = log.by_id()[reply["audit_event_id"]]
                self.assertEqual(record["deny_reason"], reply["reason"])
                self.assertLessEqual(len(record["resource_id"].encode()), 1024)
                self.assertEqual(len(record[record["action_type"]]["resource_sha256"]), 64)

    def test_hostile_strings_stay_inside_their_line(self):
        nasty = ['"}\n{"audit_event_id":"forged"}', "\r\n\t\b\f\\\"/", "\x00".replace("\x00", "\x01") + "\x7f\x80\x9f",
                 "\u2028\u2029\u202e\ufeff", "'; DROP TABLE--", "\x1b[2J\x1b]0;owned\x07", "\U0001f512" * 20]
        s = self.start(conf={"trusted_enforcement_points": [os.getuid()]})
        with s.client() as c:
            for i, text in enumerate(nasty):
                request = {"id": text[:40], **service.ALLOWED, "client_name": text, "sandbox_id": text, "agent": text,
                           "subject": {"user": text, "groups": [text], "email": text}, "context": {text: text}}
                reply = c.ask(request)
                self.assertEqual(reply["id"], text[:40], reply)
                self.assertIn(reply["decision"], ("allow", "deny"))
                event = c.ask({"id": i, "op": "emit", "event": "a.b", "level": "error", "actor": text,
                               "details": {"text": text, text: [text]}})
                self.assertIn("audit_event_id", event)
        log = s.stop()
        told = log.where(category="AUDIT_CATEGORY_EVALUATION")
        self.assertEqual([r["agent"] for r in told], nasty)
        self.assertEqual([r["username"] for r in told], nasty)
        self.assertEqual([r["request_id"] for r in told], [x[:40] for x in nasty])
        self.assertEqual([r["details"]["text"] for r in log.where(category="AUDIT_CATEGORY_EVENT")], nasty)

    def test_garbage_of_all_kinds(self):
        """Random bytes, and good requests with random damage: an answer for every line, no more and no less."""
        seed = random.randrange(1 << 32)
        print(f"# seed {seed}")
        dice = random.Random(seed)
        s = self.start(evaluators=1)
        neighbour = service.Neighbour(s.socket)
        good = strict.dumps({"id": "x", **service.ALLOWED, "context": {"a": [1, {"b": None}]}, "agent": "é"})
        with s.client() as c:
            for _ in range(500 if service.SANITIZED else 2000):
                damaged = bytearray(good)
                for _ in range(dice.randrange(1, 5)):
                    damaged[dice.randrange(len(damaged))] = dice.randrange(256)
                line = bytes(damaged).replace(b"\n", b" ")
                c.send(line + b"\n")
                reply = c.receive()
                self.assertTrue("error" in reply or "decision" in reply, (line, reply))
                random_line = dice.randbytes(dice.randrange(1, 300)).replace(b"\n", b"")
                c.send(random_line + b"\n")
                self.assertIn("error", c.receive())
            self.still_good(c)
        self.finish(s, neighbour)


if __name__ == "__main__":
    tap.main()
