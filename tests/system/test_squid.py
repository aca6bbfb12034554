#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real Squid, real curl, a web server behind: what policyd allows passes, all else gets a page that says why, and
every answer is on record by the time it arrives."""

import base64
import concurrent.futures
import html
import os
import re
import signal
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import procs  # noqa: E402
import service  # noqa: E402
import squid  # noqa: E402
import tap  # noqa: E402

ALLOWED, DENIED, PARTNER, STAFF = "allowed.example", "denied.example", "partner.example", "staff.example"
HOSTS = (ALLOWED, DENIED, PARTNER, STAFF, "other.example")
EVALUATION = "AUDIT_CATEGORY_EVALUATION"


def policy(port):
    return {
        "schema": "sealwright-policy/1", "revision": "squid.1",
        "policies": [{"id": "web", "source": "host", "mode": "enforce", "rules": [
            {"id": "allowed", "actions": ["connect:tcp"], "decision": "allow", "resources": [f"{ALLOWED}:{port}"]},
            {"id": "partner", "actions": ["connect:tcp"], "decision": "allow", "resources": [PARTNER],
             "when": {"client": ["squid"], "context": {"src": "127.*", "method": ["GET"]}}},
            {"id": "denied", "actions": ["connect:tcp"], "decision": "deny", "resources": [f"{DENIED}"]},
            {"id": "no-metadata", "actions": ["connect:tcp"], "decision": "deny", "resources": ["169.254.169.254"]},
        ]}, {"id": "staff", "source": "host", "mode": "enforce", "scope": {"users": ["joe"]}, "rules": [
            {"id": "staff", "actions": ["connect:tcp"], "decision": "allow", "resources": [STAFF]}]}]}


def denied_by(rule, host, port):
    return f"denied by rule {rule} in policy web for op(action=net:connect:tcp, resource=net:domain:{host}:{port})"


def no_policy(resource):
    return f"no applicable policies for op(action=net:connect:tcp, resource={resource})"


@unittest.skipIf(squid.missing(), squid.missing())
class Case(service.Case):
    def setUp(self):
        super().setUp()
        self.web = squid.Web()
        self.addCleanup(self.web.close)
        self.seen_ids = set()

    def begin(self, trusted=True, **options):
        """Squid and policyd, ready."""
        if trusted and os.getuid() == 65534:
            self.skipTest("uid 65534 is never trusted")
        self.squid = squid.Squid(HOSTS, **options)
        self.addCleanup(self.squid.remove)
        user = self.squid.user
        self.conf = {"trusted_enforcement_points": [int(user) if user.isdigit() else user]} if trusted else {}
        self.serve()
        self.squid.start()

    def serve(self):
        self.policyd = self.make(policy=policy(self.web.port), conf=self.conf)
        self.policyd.socket = self.squid.socket
        self.policyd.spawn()
        self.policyd.wait_ready()
        self.squid.admit()

    def url(self, host, path="/"):
        return f"http://{host}:{self.web.port}{path}"

    def record_now(self, resource):
        """The one record that the last answer brought; it is in the log at this moment, by its bytes on disk."""
        records = [r for r in self.policyd.log().where(category=EVALUATION) if r["audit_event_id"] not in self.seen_ids]
        self.assertEqual([r["resource_id"] for r in records], [resource])
        self.seen_ids.add(records[0]["audit_event_id"])
        return records[0]

    def passes(self, host):
        code, _, body = self.squid.curl(self.url(host))
        record = self.record_now(f"{host}:{self.web.port}")
        self.assertEqual((code, body.encode() + b"\n"), (200, squid.PAGE + b"\n"))
        self.assertEqual(record["decision"], "AUDIT_DECISION_ALLOW")
        return record

    def refused(self, host, reason, *args):
        before = len(self.web.seen)
        code, _, body = self.squid.curl(self.url(host), *args)
        record = self.record_now(f"{host}:{self.web.port}")
        self.assertEqual(code, 403)
        self.assertIn(f"<p>{html.escape(reason)}</p>", body)
        self.assertEqual(record["decision"], "AUDIT_DECISION_DENY")
        self.assertEqual(record["deny_reason"], [reason])
        self.assertEqual(len(self.web.seen), before, "nothing reached the server")
        return record

    def refused_without_record(self, host=ALLOWED):
        before = len(self.web.seen)
        code, _, body = self.squid.curl(self.url(host))
        self.assertEqual((code, len(self.web.seen)), (403, before), body)
        return body


class Deciding(Case):
    def test_plain_requests(self):
        self.begin()
        record = self.passes(ALLOWED)
        self.assertEqual((record["rule_id"], record["client_name"]), ("allowed", "squid"))
        self.assertEqual(record["network_egress"]["context"], {"src": "127.0.0.1", "method": "GET"})
        self.refused(DENIED, denied_by("denied", DENIED, self.web.port))
        self.refused("other.example", no_policy(f"net:domain:other.example:{self.web.port}"))
        self.passes(ALLOWED)
        self.assertEqual(self.web.seen, [f"{ALLOWED}:{self.web.port}"] * 2)
        self.squid.stop()
        log = self.policyd.stop()
        # Each line of access.log names its record.
        lines = [line for line in self.squid.access_log() if line[5] == "GET"]
        records = log.where(category=EVALUATION)
        self.assertEqual([line[-1] for line in lines], [r["audit_event_id"] for r in records])
        for line, record in zip(lines, records):
            self.assertEqual(line[3].split("/")[1], "200" if record["decision"] == "AUDIT_DECISION_ALLOW" else "403")

    def test_connect(self):
        self.begin()
        for host, answer in ((ALLOWED, (200, 200)), (DENIED, (0, 403)), ("other.example", (0, 403)), (ALLOWED, (200, 200))):
            code, connect, body = self.squid.curl(self.url(host), "--proxytunnel")
            record = self.record_now(f"{host}:{self.web.port}")
            self.assertEqual((code, connect), answer, body)
            self.assertEqual(record["decision"], "AUDIT_DECISION_" + ("ALLOW" if connect == 200 else "DENY"))
            self.assertEqual(record["network_egress"]["context"]["method"], "CONNECT")
        self.assertEqual(len(self.web.seen), 2)

    def test_conditions_on_client_address_and_method(self):
        self.begin()
        self.passes(PARTNER)
        code, _, _ = self.squid.curl(self.url(PARTNER), "--request", "POST", "--data", "x")
        self.assertEqual(code, 403)
        self.assertEqual(self.record_now(f"{PARTNER}:{self.web.port}")["decision"], "AUDIT_DECISION_DENY")

    def test_claims_of_a_squid_that_is_not_trusted(self):
        self.begin(trusted=False)
        self.passes(ALLOWED)
        self.refused(PARTNER, no_policy(f"net:domain:{PARTNER}:{self.web.port}"))

    def test_other_ways_to_write_a_host(self):
        """An address never gets in under a name's rule, however it is written; names are one, however written."""
        self.begin()
        port = self.web.port
        for host in ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "localhost"):
            code, _, body = self.squid.curl(self.url(host))
            self.assertEqual(code, 403, host)
            self.assertIn("no applicable policies", body, host)
        resources = [r["resource_id"] for r in self.policyd.log().where(category=EVALUATION)]
        self.assertEqual(resources[:4], [f"127.0.0.1:{port}"] * 4)
        self.assertEqual(resources[4], f"[::1]:{port}")
        self.seen_ids = set(self.policyd.log().by_id())
        for host in (ALLOWED.upper(), ALLOWED + "."):
            code, _, _ = self.squid.curl(self.url(host))
            self.assertEqual(code, 200, host)
            self.record_now(f"{ALLOWED}:{port}")
        code, _, _ = self.squid.curl(f"http://user:pass@{DENIED}:{port}/?http://{ALLOWED}:{port}/")
        self.assertEqual(code, 403)
        self.record_now(f"{DENIED}:{port}")

    def raw(self, request):
        """Bytes to Squid as they are; its answer, head and body."""
        with socket.create_connection(("127.0.0.1", self.squid.port), 15) as s, s.makefile("rb") as f:
            s.sendall(request)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = f.readline()
                self.assertTrue(line, f"closed after {head!r} to {request!r}")
                head += line
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            return head + f.read(int(length[1]) if length else 0)

    def test_hostile_requests(self):
        """What a client writes is data: in the page, in both logs, in the record."""
        self.begin()
        port = self.web.port
        hosts = [b"a_b.example", b"%3Cscript%3E.example", b"<script>.example", b"x" * 80 + b".example", b"y" * 3000, b"..example",
                 b"a..b.example", b"xn--a-ecp.example", b"-.example", b"-", b"a%0d%0ab.example", b"\xff\xfe.example", b'"', b"%00",
                 b"allowed.example%00.denied.example", b"allowed.example\\@denied.example", b"allowed.example#@denied.example", b"allowed.example%20", b"127.1"]
        for host in hosts:
            for request in (b"GET http://%s:%d/ HTTP/1.1\r\nHost: allowed.example\r\nConnection: close\r\n\r\n" % (host, port),
                            b"CONNECT %s:%d HTTP/1.1\r\nHost: allowed.example\r\n\r\n" % (host, port)):
                answer = self.raw(request)
                self.assertRegex(answer, rb"^HTTP/1\.1 (400|403|503) ", request)
                self.assertNotIn(b"<script>.", answer)
        for method in (b'BAD"METHOD%0a', b"M%41", b"X#'"):
            answer = self.raw(b"%s http://%s:%d/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" %
                              (method, DENIED.encode(), port))
            self.assertRegex(answer, rb"^HTTP/1\.1 (400|403) ", method)
        methods = {r["network_egress"]["context"]["method"] for r in self.policyd.log().where(category=EVALUATION)
                   if "network_egress" in r}
        self.assertLessEqual(methods, {"GET", "CONNECT", 'BAD"METHOD%0a', "M%41", "X#'"})
        answer = self.raw(b"GET http://%s:%d/<script>alert(1)</script> HTTP/1.0\r\n\r\n" % (DENIED.encode(), port))
        self.assertNotIn(b"<script>alert", answer)
        self.assertEqual(self.web.seen, [])
        self.seen_ids = set(self.policyd.log().by_id())
        self.passes(ALLOWED)

    def test_one_record_for_each_of_many_at_once(self):
        """Equal requests at the same time are asked one by one, too."""
        self.begin()
        n = 60
        with concurrent.futures.ThreadPoolExecutor(max_workers=20) as pool:
            answers = list(pool.map(lambda i: self.squid.curl(self.url((ALLOWED, DENIED)[i % 2]))[0], range(n)))
        self.assertEqual(answers, [200, 403] * (n // 2))
        log = self.policyd.log()
        self.assertEqual(len(log.where(category=EVALUATION, decision="AUDIT_DECISION_ALLOW")), n // 2)
        self.assertEqual(len(log.where(category=EVALUATION, decision="AUDIT_DECISION_DENY")), n // 2)


class Failing(Case):
    def test_policyd_stopped(self):
        self.begin()
        self.passes(ALLOWED)
        self.policyd.stop()
        # The first may meet the connection as it closes.
        self.refused_without_record()
        for _ in range(3):
            self.assertIn("policy service unavailable", self.refused_without_record())
        _, connect, _ = self.squid.curl(self.url(ALLOWED), "--proxytunnel")
        self.assertEqual(connect, 403)
        self.assertIn("refusing every request", self.squid.cache_log())
        self.serve()
        self.eventually(lambda: self.squid.curl(self.url(ALLOWED))[0] == 200, "served again")
        self.seen_ids = set(self.policyd.log().by_id())
        self.passes(ALLOWED)
        self.assertIn("policyd answers again", self.squid.cache_log())
        self.policyd.stop()

    def test_policyd_never_started(self):
        self.begin()
        self.policyd.stop()
        self.squid.stop()
        self.squid.start()
        for _ in range(3):
            self.assertIn("policy service unavailable", self.refused_without_record())

    def test_policyd_hangs(self):
        self.begin(helper=["--timeout", "1"])
        self.passes(ALLOWED)
        pids = self.policyd.pids("evaluator")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.assertIn("no answer from policyd in time", self.refused_without_record())
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        self.eventually(lambda: self.squid.curl(self.url(ALLOWED))[0] == 200, "served again")

    def test_writer_killed(self):
        self.begin()
        self.passes(ALLOWED)
        self.policyd.kill("writer")
        self.refused_without_record()
        self.assertNotEqual(self.policyd.wait(), 0)
        self.refused_without_record()

    def test_helper_killed(self):
        """Squid starts another; what was asked in between is not allowed either."""
        self.begin()
        self.passes(ALLOWED)
        for pid in procs.descendants(self.squid.process.pid):
            if procs.argv(pid)[:1] == [self.squid.helper]:
                os.kill(pid, signal.SIGKILL)
        self.eventually(lambda: self.squid.curl(self.url(ALLOWED))[0] == 200, "served again")
        self.assertEqual(self.squid.curl(self.url(DENIED))[0], 403)

    def test_concurrency_forgotten(self):
        self.begin()
        self.squid.stop()
        with open(self.squid.conf, encoding="utf-8") as f:
            conf = f.read()
        with open(self.squid.conf, "w", encoding="utf-8") as f:
            f.write(conf.replace(" concurrency=256", ""))
        self.squid.start()
        self.assertIn("needs concurrency=N", self.refused_without_record())


@unittest.skipUnless(os.path.exists(squid.FAKE_AUTH), f"{squid.FAKE_AUTH} is not installed")
class Users(Case):
    AUTH = f"""
auth_param basic program {squid.FAKE_AUTH}
auth_param basic realm test
"""

    def as_users(self, trusted):
        port = self.web.port
        record = self.refused(STAFF, no_policy(f"net:domain:{STAFF}:{port}"), "--proxy-user", "eve:x")
        if trusted:
            self.assertEqual(record["username"], "eve")
        else:
            self.assertEqual(record["network_egress"]["claimed"], {"user": "eve"})
        code, _, _ = self.squid.curl(self.url(STAFF), "--proxy-user", "joe:x")
        record = self.record_now(f"{STAFF}:{port}")
        self.assertEqual((code, record["rule_id"]) if trusted else code, (200, "staff") if trusted else 403)
        return record

    def test_login_format_asks_for_one(self):
        self.begin(before=self.AUTH, fmt="%#DST %PORT %#METHOD %SRC %#LOGIN")
        self.assertEqual(self.squid.curl(self.url(STAFF))[0], 407)
        self.assertEqual(self.as_users(True)["username"], "joe")

    def test_un_format_after_an_authentication_acl(self):
        self.begin(before=self.AUTH + "acl authenticated proxy_auth REQUIRED\nhttp_access deny !authenticated\n")
        self.assertEqual(self.squid.curl(self.url(STAFF))[0], 407)
        self.as_users(True)

    def test_users_are_claims_of_a_squid_that_is_not_trusted(self):
        self.begin(trusted=False, before=self.AUTH, fmt="%#DST %PORT %#METHOD %SRC %#LOGIN")
        self.as_users(False)

    def basic(self, user):
        """curl unescapes what --proxy-user says; this is sent as it is."""
        return "--proxy-header", "Proxy-Authorization: Basic " + base64.b64encode(user.encode() + b":x").decode()

    def test_hostile_users(self):
        """Nobody is somebody else by the way the name is written."""
        self.begin(before=self.AUTH + "auth_param basic casesensitive on\n", fmt="%#DST %PORT %#METHOD %SRC %#LOGIN")
        for name in ('j\u00f6 "%41\\ joe', "joe ", "%6aoe", "joe%20", "joe -", "j<oe>", "'", "%"):
            with self.subTest(name):
                record = self.refused(STAFF, no_policy(f"net:domain:{STAFF}:{self.web.port}"), *self.basic(name))
                self.assertEqual(record["username"], name)
        self.assertEqual(self.squid.curl(self.url(STAFF), *self.basic("joe"))[0], 200)


class Configuration(Case):
    def test_example(self):
        made = squid.Squid(HOSTS)
        self.addCleanup(made.remove)
        code, out = made.check()
        self.assertEqual(code, 0, out)
        self.assertNotIn("FATAL", out)
        self.assertNotIn("WARNING", out)

    def test_policy_of_the_document(self):
        with open(os.path.join(service.TOP, "docs", "SQUID.md"), encoding="utf-8") as f:
            block = re.search(r'^ +\{"schema":.*?\n\n', f.read(), re.M | re.S)[0]
        path = os.path.join(self.top, "policy.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(block)
        self.assertEqual(service.policyctl("test", path), (0, f"{path}: 1 policies, 2 rules, 1 tests: ok\n", ""))
        self.assertEqual(service.policyctl("lint", path)[0], 0)


if __name__ == "__main__":
    tap.main()
