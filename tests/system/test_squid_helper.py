#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl squid, spoken to as Squid speaks to it: the protocol, hostile lines, and policyd gone or wrong."""

import os
import random
import re
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fake  # noqa: E402
import fake_case  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

REPLY = re.compile(rb"(?:(\d+) )?(OK|ERR)(?: message=([A-Za-z0-9._%-]*))?(?: log=([A-Za-z0-9._%-]+))?")
LONGEST = 4096


def parse(line):
    """(id, result, message, log) of a reply, which must be one that Squid reads as it is meant."""
    match = REPLY.fullmatch(line)
    if not match or len(line) >= LONGEST:
        raise AssertionError(f"no reply for Squid: {line!r}")
    message = None if match[3] is None else urllib.parse.unquote_to_bytes(match[3]).decode()
    return match[1], match[2].decode(), message, match[4] and match[4].decode()


class Helper(fake.Talker):
    def __init__(self, path, *args):
        super().__init__([service.POLICYCTL, "squid", "--socket", path, *args])

    def reply(self, seconds=15):
        line = self.line(seconds)
        if line is None:
            raise AssertionError("the helper has ended")
        return parse(line)

    def ask_parsed(self, data):
        self.say(data)
        return self.reply()


class Case(fake_case.Case):
    def helper(self, *args):
        made = Helper(self.path, *args)
        self.addCleanup(made.end)
        return made


class Protocol(Case):
    def test_request_carries_what_squid_said(self):
        p, h = self.policyd(), self.helper()
        self.assertEqual(h.ask_parsed(b"7 www.example.com 443 CONNECT 127.0.0.1 alice -\n"),
                         (b"7", "OK", None, fake.EVENT_ID))
        request = p.requests[0]
        del request["id"]
        self.assertEqual(request, {
            "action": "net:connect:tcp", "resource": "net:domain:www.example.com:443", "subject": {"user": "alice"},
            "client_name": "squid", "context": {"src": "127.0.0.1", "method": "CONNECT"}})

    def test_nobody_logged_in(self):
        p, h = self.policyd(), self.helper("--client", "proxy 2")
        h.ask(b"1 a.example 80 GET 10.0.0.1 - -\n")
        self.assertNotIn("subject", p.requests[0])
        self.assertEqual(p.requests[0]["client_name"], "proxy 2")

    def test_addresses(self):
        p, h = self.policyd(), self.helper()
        cases = {b"127.0.0.1": "net:ip:127.0.0.1:80", b"%5B::1%5D": "net:ip:[::1]:80", b"%5B2001:db8::1%5D":
                 "net:ip:[2001:db8::1]:80", b"2001:db8::2": "net:ip:[2001:db8::2]:80", b"1.2.3": "net:domain:1.2.3:80",
                 b"%5B127.0.0.1%5D": "net:domain:[127.0.0.1]:80", b"0x7f000001": "net:domain:0x7f000001:80",
                 b"%5B": "net:domain:[:80", b"Example.COM.": "net:domain:Example.COM.:80"}
        for i, (host, resource) in enumerate(cases.items()):
            h.ask(b"%d %s 80 GET 10.0.0.1 - -\n" % (i, host))
            self.assertEqual(p.requests[-1]["resource"], resource, host)

    def test_denial_brings_its_reason(self):
        reason = 'no "applicable" policies\nfor %41 op(action=x, resource=\u00fc) \x1b[31m \\ ' + "\u202e"
        self.policyd(lambda request, _: fake.deny(request, reason))
        h = self.helper()
        number, result, message, log = h.ask_parsed(b"18446744073709551615 a 80 GET 1.1.1.1 - -\n")
        self.assertEqual((number, result, log), (b"18446744073709551615", "ERR", fake.EVENT_ID))
        self.assertEqual(message, 'no "applicable" policies\\x0afor %41 op(action=x, resource=\u00fc) \\x1b[31m \\ '
                                  "\\xe2\\x80\\xae")

    def test_long_reason_is_cut(self):
        self.policyd(lambda request, _: fake.deny(request, "\u00fc" * 8000))
        h = self.helper()
        _, result, message, _ = h.ask_parsed(b"1 a 80 GET 1.1.1.1 - -\n")
        self.assertEqual(result, "ERR")
        self.assertEqual(message, "\u00fc" * 512)

    def test_escapes_reach_policyd_as_what_they_mean(self):
        p, h = self.policyd(), self.helper()
        h.ask(b"1 a%20b%0a%22 80 P%5c%25 1.1.1.1 j%C3%B6rg%0D%0a%1b -\n")
        self.assertEqual(p.requests[0]["resource"], 'net:domain:a b\n":80')
        self.assertEqual(p.requests[0]["context"]["method"], "P\\%")
        self.assertEqual(p.requests[0]["subject"]["user"], "j\u00f6rg\r\n\x1b")

    def test_many_in_flight_over_one_connection(self):
        held = []

        def hold(request, policyd):
            held.append(request)
            if len(held) < 64:
                return None
            return b"".join(b"%s\n" % fake.strict.dumps(fake.allow(r)) for r in held)
        p, h = self.policyd(hold), self.helper()
        h.say(b"".join(b"%d host%d.example 80 GET 1.1.1.1 - -\n" % (i * 3, i) for i in range(64)))
        replies = [h.reply() for _ in range(64)]
        self.assertEqual([r[0] for r in replies], [b"%d" % (i * 3) for i in range(64)])
        self.assertEqual({r[1] for r in replies}, {"OK"})
        self.assertEqual(p.connections, 1)

    def test_more_than_it_holds_at_once(self):
        self.policyd()
        h = self.helper()
        n = 20000
        writer = fake.threading.Thread(target=h.say, args=(
            b"".join(b"%d host%d.example 80 GET 1.1.1.1 - -\n" % (i, i) for i in range(n)),))
        writer.start()
        self.assertEqual([h.reply()[0] for _ in range(n)], [b"%d" % i for i in range(n)])
        writer.join()

    def test_end_of_input(self):
        self.policyd()
        h = self.helper()
        h.say(b"1 a 80 GET 1.1.1.1 - -\n2 b 80 GET 1.1.1.1 - -\n3 cut sho")
        code, out, err = h.finish()
        self.assertEqual([parse(x)[:2] for x in out.splitlines()], [(b"1", "OK"), (b"2", "OK")])
        self.assertEqual((code, err), (0, ""))
        h = self.helper()
        self.assertEqual(h.finish()[0], 0)


class Hostile(Case):
    # What is no request of Squid's: (line, part of the message). Each is refused under its own id.
    LINES = [(line, "not the fields") for line in (
        b"5", b"5 a", b"5 a 80 GET 1.1.1.1", b"5 a 80 GET 1.1.1.1 -", b"5 a 80 GET 1.1.1.1 - x", b"5 a 80 GET 1.1.1.1 - - x",
        b"5 a 80 GET 1.1.1.1 - - ", b"5  a 80 GET 1.1.1.1 - -", b"5 a 80 GET 1.1.1.1 joe  -", b"5 a 80 GET 1.1.1.1 a b -",
        b"5 a 80 GET 1.1.1.1 -\r", b"5 a 80 GET 1.1.1.1 joe - -")] + [
        (b"5 - 80 GET 1.1.1.1 - -", "no host")] + [
        (b"5 a %s GET 1.1.1.1 - -" % port, "port") for port in (b"-", b"80x", b"-1", b"99999999999", b"%38%30")] + [
        (b"5 %s 80 GET 1.1.1.1 - -" % host, "not URL-escaped UTF-8") for host in (
            b"a%00b", b"a%zz", b"a%", b"a%4", b"a%ff", b"a\xff", b"a%c0%af", b"a%ed%a0%80", b"a\x00", b"a\t", b"[::1]",
            b"a\\", b'"a', b"<a>", b"a#", b"a'")] + [
        (b"5 a 80 GET 1.1.1.1 %s -" % user, "not URL-escaped UTF-8") for user in (b"%00", b"j\xc3\xb6", b"a\"b", b"a%")] + [
        (b"5 " + b"a" * 16400 + b" 80 GET 1.1.1.1 - -", "too long"), (b"5 " + b"b" * 300000, "too long"),
    ]
    NO_ID = [b"", b" ", b"a 80 GET 1.1.1.1 - -", b"-1 a 80 GET 1.1.1.1 - -", b"0x5 a 80 GET 1.1.1.1 - -",
             b"123456789012345678901 a 80 GET 1.1.1.1 - -", b"\xff", b"\x00", b"%35 a 80 GET 1.1.1.1 - -",
             b"x" * 100000, b"5a a 80 GET 1 - -", b" 5 a 80 GET 1 - -"]

    def test_each_is_refused_and_the_next_is_served(self):
        p, h = self.policyd(), self.helper()
        for line, why in self.LINES:
            with self.subTest(line[:60]):
                number, result, message, log = h.ask_parsed(line + b"\n")
                self.assertEqual((number, result, log), (b"5", "ERR", None))
                self.assertIn(why, message)
                self.assertEqual(h.ask_parsed(b"6 a 80 GET 1.1.1.1 - -\n")[:2], (b"6", "OK"))
        self.assertEqual(len(p.requests), len(self.LINES), "nothing malformed reached policyd")

    def test_without_an_id(self):
        h = self.helper()
        self.policyd()
        for line in self.NO_ID:
            with self.subTest(line[:60]):
                self.assertEqual(h.ask_parsed(line + b"\n")[:2], (None, "ERR"))
        self.assertEqual(h.ask_parsed(b"6 a 80 GET 1.1.1.1 - -\n")[:2], (b"6", "OK"))

    def test_random_bytes(self):
        seed = random.randrange(1 << 32)
        print(f"# seed {seed}")
        r = random.Random(seed)
        self.policyd()
        h = self.helper()
        parts = [b" ", b"-", b"%", b"%41", b"%00", b"%C3%A4", b"\xff", b"\0", b"80", b"a.example", b"7", b"GET", b"\\",
                 b'"', b"\r", b"1.1.1.1", b"[::1]"]
        for i in range(2000):
            if r.random() < 0.5:
                line = b"".join(r.choices(parts, k=r.randrange(1, 14)))
            else:
                line = b"%d " % i + b" ".join(b"".join(r.choices(parts[1:], k=r.randrange(1, 3))) for _ in range(6))
            h.say(line.replace(b"\n", b"") + b"\n")
            number, result, message, _ = h.reply()
            self.assertTrue(result == "OK" or message)
            if number is not None:
                self.assertEqual(line.split(b" ")[0], number)
        self.assertEqual(h.finish()[0], 0)


class Failing(Case):
    LINE = b"9 a 80 GET 1.1.1.1 - -\n"

    def refused(self, h, why):
        number, result, message, _ = h.ask_parsed(self.LINE)
        self.assertEqual((number, result), (b"9", "ERR"))
        self.assertIn(why, message)

    def served_again(self, h):
        """Within the longest backoff, and a slow machine's time."""
        end = time.monotonic() + service.PATIENCE
        while h.ask_parsed(self.LINE)[1] != "OK":
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_never_there_then_there_then_gone(self):
        h = self.helper()
        for _ in range(5):
            self.refused(h, "policy service unavailable")
        p = self.policyd()
        self.served_again(h)
        p.close()
        self.refused(h, "")
        for _ in range(5):
            self.refused(h, "policy service unavailable")
        p.open()
        self.served_again(h)
        code, out, err = h.finish()
        self.assertEqual((code, out), (0, b""))
        self.assertEqual(err.count("refusing every request"), 2, err)
        self.assertEqual(err.count("policyd answers again"), 2, err)

    def test_idle_connection_closed_is_no_trouble(self):
        p, h = self.policyd(), self.helper()
        for _ in range(3):
            self.assertEqual(h.ask_parsed(self.LINE)[1], "OK")
            p.drop()
            time.sleep(0.1)
        self.assertEqual(p.connections, 3)
        self.assertEqual(h.finish(), (0, b"", ""))

    def test_silence(self):
        p = self.policyd(lambda request, policyd: None)
        h = self.helper("--timeout", "1")
        h.say(b"".join(b"%d a 80 GET 1.1.1.1 - -\n" % i for i in range(10)))
        began = time.monotonic()
        for i in range(10):
            number, result, message, _ = h.reply()
            self.assertEqual((number, result, message), (b"%d" % i, "ERR", "no answer from policyd in time"))
        self.assertLess(time.monotonic() - began, 9, "not a second for each")
        p.answer = lambda request, policyd: fake.allow(request)
        self.served_again(h)

    def test_late_answers_are_not_taken_for_others(self):
        """After a deadline the old connection is gone, and with it every answer that was still to come."""
        def late(request, policyd):
            if request["resource"] == "net:domain:slow:80":
                time.sleep(1.5)
            return fake.allow(request) if "slow" in request["resource"] else fake.deny(request)
        self.policyd(late)
        h = self.helper("--timeout", "1")
        self.assertEqual(h.ask_parsed(b"1 slow 80 GET 1.1.1.1 - -\n")[1], "ERR")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            number, result, message, _ = h.ask_parsed(b"2 other 80 GET 1.1.1.1 - -\n")
            self.assertEqual((number, result), (b"2", "ERR"))
            time.sleep(0.05)
        self.assertEqual(message, "because")

    def test_wrong_answers_are_refusals(self):
        def dumps(o):
            return fake.strict.dumps(o) + b"\n"
        answers = {
            "closed": lambda r: fake.Policyd.CLOSE,
            "not JSON": lambda r: b"hello\n",
            "not an object": lambda r: b"[]\n",
            "duplicate keys": lambda r: b'{"id":%d,"decision":"deny","decision":"allow","audit_event_id":"x"}\n' % r["id"],
            "another's id": lambda r: {**fake.allow(r), "id": r["id"] + 1},
            "id as a string": lambda r: {**fake.allow(r), "id": str(r["id"])},
            "no id": lambda r: dumps(fake.allow(r)).replace(b'"id"', b'"di"'),
            "no decision": lambda r: {"id": r["id"], "audit_event_id": fake.EVENT_ID},
            "allow in capitals": lambda r: {**fake.allow(r), "decision": "ALLOW"},
            "allow as an array": lambda r: {**fake.allow(r), "decision": ["allow"]},
            "allow without a record": lambda r: {k: v for k, v in fake.allow(r).items() if k != "audit_event_id"},
            "allow with an error": lambda r: {**fake.allow(r), "error": "request not understood"},
            "error alone": lambda r: {"id": r["id"], "error": "request not understood", "at": 0},
            "no line": lambda r: b"x" * 600000,
            "unavailable": lambda r: {"id": r["id"], "decision": "deny", "reason": ["audit log unavailable: no space"]},
        }
        p = self.policyd()
        h = self.helper("--timeout", "2")
        for name, answer in answers.items():
            with self.subTest(name):
                p.answer = lambda request, policyd, a=answer: a(request)
                number, result, message, _ = h.ask_parsed(self.LINE)
                self.assertEqual((number, result), (b"9", "ERR"), message)
                self.assertTrue(message)
                p.answer = None
                p.answer = lambda request, policyd: fake.allow(request)
                self.served_again(h)

    def test_policyd_says_why_it_closes(self):
        def full(request, policyd):
            policyd.sockets[-1].sendall(b'{"id":null,"error":"too many connections"}\n')
            return policyd.CLOSE
        self.policyd(full)
        h = self.helper()
        self.refused(h, "too many connections")
        self.assertIn("too many connections: refusing every request", h.finish()[2])

    def test_two_answers_for_one(self):
        p = self.policyd(lambda r, _: 2 * (fake.strict.dumps(fake.allow(r)) + b"\n"))
        h = self.helper()
        self.assertEqual(h.ask_parsed(self.LINE)[1], "OK")
        p.answer = lambda r, _: fake.deny(r)
        time.sleep(0.1)
        for _ in range(20):
            self.assertEqual(h.ask_parsed(self.LINE)[1], "ERR")

    def test_policyd_reads_nothing(self):
        """Its socket is full: requests beyond it wait no longer than the deadline either."""
        listener = fake.socket.socket(fake.socket.AF_UNIX, fake.socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.listen(1)
        h = self.helper("--timeout", "1")
        n = 3000
        line = b" " + b"a" * 250 + b".example 80 GET 1.1.1.1 - -\n"
        writer = fake.threading.Thread(target=h.say, args=(b"".join(b"%d" % i + line for i in range(n)),))
        writer.start()
        self.assertEqual({h.reply(30)[1] for _ in range(n)}, {"ERR"})
        writer.join()

    def test_squid_is_gone(self):
        self.policyd()
        h = self.helper()
        h.process.stdout.close()
        h.process.stdout = open(os.devnull, "rb")
        self.assertEqual(h.process.wait(10), 2)
        self.assertIn("standard output", h.process.stderr.read().decode())

    def test_full_output(self):
        self.policyd()
        with open("/dev/full", "wb") as full:
            done = fake.subprocess.run([service.POLICYCTL, "squid", "--socket", self.path], input=self.LINE * 3,
                                       stdout=full, stderr=fake.subprocess.PIPE, timeout=15, check=False)
        self.assertIn(b"No space left", done.stderr)


class Real(service.Case):
    """With policyd itself: its words, its records, its restarts."""

    def helper(self, s):
        made = Helper(s.socket)
        self.addCleanup(made.end)
        return made

    def test_records(self):
        s = self.start()
        h = self.helper(s)
        number, result, _, allowed = h.ask_parsed(b"1 www.example.com 443 CONNECT 127.0.0.1 al%0Aice%22 -\n")
        self.assertEqual((number, result), (b"1", "OK"))
        _, result, message, denied = h.ask_parsed(b"2 example.org 443 CONNECT 127.0.0.1 - -\n")
        self.assertEqual(result, "ERR")
        self.assertEqual(message, "no applicable policies for op(action=net:connect:tcp, "
                                  "resource=net:domain:example.org:443)")
        self.assertEqual(h.ask_parsed(b"3 169.254.169.254 80 GET 127.0.0.1 - -\n")[1], "ERR")
        for host in (b"a b", b"a%0A%22b", b"127.1", b"0x7f.1", b"2130706433", b"a..b", b"x" * 300, b"%5B::1"):
            _, result, message, _ = h.ask_parsed(b"4 " + host.replace(b" ", b"%20") + b" 80 GET 127.0.0.1 - -\n")
            self.assertEqual(result, "ERR", host)
            self.assertTrue(message)
        self.assertEqual(h.finish()[0], 0)
        records = s.stop().by_id()
        self.assertEqual(records[allowed]["decision"], "AUDIT_DECISION_ALLOW")
        self.assertEqual(records[allowed]["resource_id"], "www.example.com:443")
        self.assertEqual(records[allowed]["client_name"], "squid")
        self.assertEqual(records[denied]["deny_reason"], [message_of(records[denied])])

    def test_restart(self):
        s = self.start()
        h = self.helper(s)
        line = b"1 www.example.com 443 CONNECT 127.0.0.1 - -\n"
        self.assertEqual(h.ask_parsed(line)[1], "OK")
        s.stop()
        for _ in range(3):
            self.assertEqual(h.ask_parsed(line)[1], "ERR")
        s = self.start()
        self.eventually(lambda: h.ask_parsed(line)[1] == "OK", "served again")
        s.stop()


def message_of(record):
    return f"no applicable policies for op(action={record['action']}, resource=net:domain:{record['resource_id']})"


if __name__ == "__main__":
    tap.main()
