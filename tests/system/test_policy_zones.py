#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Named time zones in policyd, whose compiler reads them from its jail, and in policyctl."""

import datetime
import json
import os
import re
import signal
import sys
import zoneinfo

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402

ZONE = "America/New_York"
HAVE = ZONE in zoneinfo.available_timezones()


def document(*rules, revision="1"):
    return {"schema": "sealwright-policy/1", "revision": revision, "policies": [{"id": "p", "rules": list(rules)}]}


def rule(name, program, window):
    return {"id": name, "actions": ["exec"], "resources": [program], "decision": "allow", "when": {"time": window}}


def exec_of(program):
    return {"action": "proc:exec", "resource": f"proc:path:{program}"}


@service.unittest.skipUnless(HAVE, "no time zone database")
class Zones(service.Case):
    def halves(self):
        """Two windows of half a day around now, there, and the other half."""
        now = datetime.datetime.now(zoneinfo.ZoneInfo(ZONE))
        begin, end = (now - datetime.timedelta(hours=6)).strftime("%H:%M"), (now + datetime.timedelta(hours=6)).strftime("%H:%M")
        return {"from": begin, "to": end, "zone": ZONE}, {"from": end, "to": begin, "zone": ZONE}

    def test_service(self):
        now, then = self.halves()
        s = self.start(policy=document(rule("now", "/now", now), rule("then", "/then", then)))
        with s.client() as c:
            self.assertEqual(c.ask(exec_of("/now"))["decision"], "allow")
            self.assertEqual(c.ask(exec_of("/then"))["decision"], "deny")
        refused = 0
        for zone, why in (("America/Atlantis", "there is no such zone to read"), ("America", "there is no such zone to read"),
                          ("Europe/../../../../etc/passwd", "must be"), ("localtime", "must be"), ("right/UTC", "must be")):
            s.write_policy(document(rule("r", "/x", {"zone": zone}), revision="2"))
            os.kill(s.pid, signal.SIGHUP)
            refused += 1
            self.eventually(lambda n=refused: s.said().count("the policy was refused") == n, s.said())
            self.assertRegex(s.said().splitlines()[-1], re.escape(f"{s.policy}:{self.line_of(s, zone)}: ") + ".*" + why)
        with s.client() as c:
            self.assertEqual(c.ask(exec_of("/now"))["policy_revision"], "1")

    def line_of(self, s, text):
        """LINE:COLUMN of a string in the policy."""
        with open(s.policy, encoding="utf-8") as f:
            for i, line in enumerate(f, 1):
                if json.dumps(text) in line:
                    return f"{i}:{line.index(json.dumps(text)) + 1}"
        raise AssertionError(text)

    def test_tools(self):
        path = os.path.join(self.top, "p.json")
        tests = [{"name": t, "op": exec_of("/x"), "time": t, "expect": e} for t, e in
                 (("2026-03-08T06:59:59.999999Z", "deny"), ("2026-03-08T07:00:00Z", "allow"), ("2026-11-01T05:59:59Z", "deny"))]
        policy = dict(document(rule("r", "/x", {"from": "03:00", "to": "12:00", "zone": ZONE})), tests=tests)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(policy, f)
        self.assertEqual(service.policyctl("test", path)[0], 0, service.policyctl("test", path))
        self.assertEqual(service.policyctl("lint", path)[0], 0)
        for moment, code in (("2026-07-01T07:00:00Z", 0), ("2026-07-01T06:59:59Z", 1), ("2026-12-01T07:59:59Z", 1), ("2026-12-01T08:00:00Z", 0)):
            self.assertEqual(service.policyctl("check", "--policy", path, "--time", moment, "proc:exec", "proc:path:/x")[0], code, moment)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document(rule("r", "/x", {"zone": "Mars/Olympus"})), f)
        for command in ("test", "lint"):
            code, out, err = service.policyctl(command, path)
            self.assertNotEqual(code, 0)
            self.assertRegex(out + err, r'p\.json:1:\d+: time zone "Mars/Olympus": there is no such zone to read')


if __name__ == "__main__":
    tap.main()
