#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl diff: which rules differ, and which recorded requests would be decided otherwise."""

import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import recorded  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

HOSTILE = "/data/\x1b[31m\u202e\u009bx"


class Diff(service.Case):
    def policy(self, name, document):
        path = os.path.join(self.top, name)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f)
        return path

    def log(self, *segments, name="log", ending=""):
        return recorded.write(os.path.join(self.top, name), *segments, ending=ending)

    def two(self, old, new):
        return self.policy("old.json", old), self.policy("new.json", new)

    def test_rules(self):
        base = recorded.policy(("a", "allow", "connect:tcp", "a.example"), ("b", "deny", "connect:tcp", "b.example"))
        cases = {
            "nothing": (base, []),
            "added": (recorded.policy(("a", "allow", "connect:tcp", "a.example"), ("b", "deny", "connect:tcp", "b.example"),
                                      ("c", "allow", "read", "/x")), ["added    allow  p/c"]),
            "order": (recorded.policy(("b", "deny", "connect:tcp", "b.example"), ("a", "allow", "connect:tcp", "a.example")), []),
            "removed": (recorded.policy(("a", "allow", "connect:tcp", "a.example")), ["removed  deny   p/b"]),
            "resources": (recorded.policy(("a", "allow", "connect:tcp", "a.example:1"), ("b", "deny", "connect:tcp", "b.example")),
                          ["changed  allow  p/a: resources"]),
            "decision": (recorded.policy(("a", "deny", "connect:tcp", "a.example"), ("b", "deny", "connect:tcp", "b.example")),
                         ["changed  allow  p/a: allow -> deny"]),
            "actions": (recorded.policy(("a", "allow", "connect:udp", "a.example"), ("b", "deny", "connect:tcp", "b.example")),
                        ["changed  allow  p/a: actions"]),
            "mode": (recorded.policy(("a", "allow", "connect:tcp", "a.example"), ("b", "deny", "connect:tcp", "b.example"),
                                     head={"mode": "warn"}),
                     ["changed  allow  p/a: mode of its policy", "changed  deny   p/b: mode of its policy"]),
            "scope": (recorded.policy(("a", "allow", "connect:tcp", "a.example"), ("b", "deny", "connect:tcp", "b.example"),
                                      head={"scope": {"users": ["u"]}}),
                      ["changed  allow  p/a: scope (users)", "changed  deny   p/b: scope (users)"]),
        }
        for name, (new, lines) in cases.items():
            with self.subTest(name):
                code, out, err = service.policyctl("diff", *self.two(base, new))
                self.assertEqual((code, out.splitlines(), err), (1 if lines else 0, lines, ""))
                out = service.policyctl("diff", "--json", *self.two(base, new))[1]
                self.assertEqual(len([json.loads(line) for line in out.splitlines()]), len(lines))

    def test_policies_without_rules(self):
        """They count: a policy that only watches allows everything where it is alone."""
        def document(**heads):
            return {"schema": "sealwright-policy/1", "policies": [{"id": name, "rules": [], **head} for name, head in heads.items()]}
        old, new = self.two(document(a={}, b={}, c={}), document(b={"mode": "warn"}, c={}, d={}))
        self.assertEqual(service.policyctl("diff", old, new), (1, "removed policy without rules: a\nchanged policy without rules: b\n"
                                                                  "added policy without rules: d\n", ""))
        self.assertEqual(service.policyctl("diff", old, old)[0], 0)

    def test_conditions(self):
        def document(when, **more):
            made = recorded.policy(("a", "allow", "connect:tcp", "a.example"))
            made["policies"][0]["rules"][0].update(when=when, **more)
            return made
        whens = [{"time": {"from": "08:00", "to": "09:00"}}, {"time": {"from": "08:00", "to": "10:00"}},
                 {"time": {"from": "08:00", "to": "09:00", "days": ["mon"]}}, {"client": ["c"]}, {"client": ["d"]},
                 {"context": {"k": "v"}}, {"context": {"k": ["v", "w"]}}, {"time": {"from": "08:00", "to": "09:00",
                                                                                   "zone": "+01:00"}},
                 *({"time": {"from": "08:00", "to": "09:00", "zone": zone}} for zone in ("Etc/GMT-1", "Etc/GMT-2", "Europe/Berlin", "Europe/London")
                   if os.path.exists("/usr/share/zoneinfo/" + zone))]
        for i, a in enumerate(whens):
            for k, b in enumerate(whens):
                code, out, _ = service.policyctl("diff", *self.two(document(a), document(b)))
                self.assertEqual((code, out), (0, "") if i == k else (1, "changed  allow  p/a: when\n"), (a, b))
        old, new = document(whens[0]), document(whens[0], expires="2030-01-01T00:00:00Z")
        self.assertEqual(service.policyctl("diff", *self.two(old, new))[1], "changed  allow  p/a: expiry\n")

    def test_recorded_requests(self):
        """The real service's log: the same request is one row, whose count is how often it was asked."""
        s = self.start(policy=recorded.policy(("a", "allow", "connect:tcp", "*.example:443"), ("m", "deny", "connect:tcp", "m.example"),
                                              ("f", "allow", "read", "/data/**")))
        with s.client() as c:
            for host, n in (("a", 3), ("b", 2), ("m", 4), ("gone", 1)):
                for _ in range(n):
                    c.ask({"action": "net:connect:tcp", "resource": f"net:domain:{host}.example:443"})
            c.ask({"action": "fs:read", "resource": "fs:path:" + HOSTILE})
            c.ask({"action": "net:connect:tcp", "resource": "net:ip:[2001:db8::1]:443"})
            c.ask({"action": "net:connect:tcp"})
        s.stop()
        new = self.policy("new.json", recorded.policy(("a", "allow", "connect:tcp", "a.example:443", "m.example:443"),
                                                      ("six", "allow", "connect:tcp", "[2001:db8::/32]:443")))
        code, out, err = service.policyctl("diff", s.policy, new, "--from", s.audit)
        self.assertEqual((code, err), (1, ""))
        rows = {line.split()[5]: line.split() for line in out.splitlines()[1:-1]}
        self.assertEqual({k: (v[0] + v[1] + v[2], int(v[3])) for k, v in rows.items()}, {
            "net:domain:b.example:443": ("allow->deny", 2), "net:domain:m.example:443": ("deny->allow", 4),
            "net:domain:gone.example:443": ("allow->deny", 1), "net:ip:[2001:db8::1]:443": ("deny->allow", 1),
            "fs:path:/data/\\x1b[31m\\xe2\\x80\\xae\\xc2\\x9bx": ("allow->deny", 1)})
        self.assertIn("p/a -> (default)", out)
        self.assertEqual(out.splitlines()[-1],
                         "5 of 6 different requests would be decided otherwise (9 of 12 decisions on record)")
        lines = [json.loads(line) for line in service.policyctl("diff", s.policy, new, "--from", s.audit, "--json")[1].splitlines()]
        self.assertEqual(sum(line["count"] for line in lines), 9)
        self.assertIn("fs:path:" + HOSTILE, [line["resource"] for line in lines])
        self.assertEqual(service.policyctl("diff", s.policy, s.policy, "--from", s.audit)[0], 0)

    def test_subjects_and_times(self):
        log = self.log([recorded.connect("h.example", username="alice", sandbox_id="s1", at=0),
                        recorded.connect("h.example", username="bob", sandbox_id="s1", at=60),
                        recorded.connect("h.example", username="alice", sandbox_id="s1", at=3600)])
        old, new = self.two(recorded.policy(), recorded.policy(("r", "allow", "connect:tcp", "h.example"),
                                                               head={"scope": {"users": ["alice"], "sandboxes": ["s*"]}}))
        _, out, _ = service.policyctl("diff", old, new, "--from", log)
        row = out.splitlines()[1]
        self.assertIn("user=alice sandbox=s1", row)
        self.assertIn("2026-11-21T10:00:00.000000Z  2026-11-21T11:00:00.000000Z", row)
        self.assertEqual(len(out.splitlines()), 3)
        self.assertIn("(2 of 3 decisions", out)
        _, out, _ = service.policyctl("diff", old, new, "--from", log, "--since", "2026-11-21T10:30:00Z")
        self.assertIn("1 of 1 different requests would be decided otherwise (1 of 1", out)

    def test_what_is_on_record_counts_too(self):
        """A policy that only watches changes no answer, but what is recorded."""
        log = self.log([recorded.connect("h.example", decision="ALLOW", rule=("p", "r"))])
        base = recorded.policy(("r", "allow", "connect:tcp", "h.example"))
        more = recorded.policy(("r", "allow", "connect:tcp", "h.example"))
        more["policies"].append({"id": "w", "mode": "warn", "rules": [
            {"id": "d", "decision": "deny", "actions": ["connect:tcp"], "resources": ["h.example"]}]})
        code, out, _ = service.policyctl("diff", *self.two(base, more), "--from", log)
        self.assertEqual(code, 1)
        self.assertIn("allow -> allow (on record: deny)", out)
        self.assertIn("p/r -> w/d", out)

    def test_expiry_is_as_of_now_or_as_told(self):
        log = self.log([recorded.connect("h.example")])
        new = recorded.policy(("r", "allow", "connect:tcp", "h.example"))
        new["policies"][0]["rules"][0]["expires"] = "2020-01-01T00:00:00Z"
        paths = self.two(recorded.policy(), new)
        self.assertEqual(service.policyctl("diff", *paths, "--from", log)[0], 0)
        self.assertEqual(service.policyctl("diff", *paths, "--from", log, "--time", "2019-01-01T00:00:00Z")[0], 1)

    def test_hostile_log(self):
        """Whatever lines there are: those that are records count, the others are said."""
        good = recorded.connect("h.example")
        lines = [good, "", "{", good[:-1], "x" * 8191, "y" * 100000, good.replace("h.example", "\\ud800"), "\x00\x01", '{"a":1}', "[]",
                 b"\xff" * 50, recorded.record("fs:read", "relative"), recorded.record("fs:read", "/x", payload={"resource_sha256": "0"}),
                 good.replace("net:connect:tcp", "net:connect:what"),
                 good.replace('"seq"', '"rule_id":"r","seq"'), good]
        log = self.log(lines)
        with open(os.path.join(log, (recorded.SEGMENT % 2) + ".tmp"), "wb") as f:
            f.write(good.encode() + b"\n" + good[:40].encode() + b"\0" * 100000)
        os.symlink("/etc/passwd", os.path.join(log, recorded.SEGMENT % 3))
        os.mkfifo(os.path.join(log, recorded.SEGMENT % 4))
        os.mkdir(os.path.join(log, recorded.SEGMENT % 5))
        paths = self.two(recorded.policy(), recorded.policy(("r", "allow", "connect:tcp", "h.example")))
        code, out, err = service.policyctl("diff", *paths, "--from", log)
        self.assertEqual(code, 1, err)
        self.assertIn("1 of 1 different requests would be decided otherwise (4 of 7 decisions on record)", out)
        self.assertRegex(err, r"diff: 1[01] lines of the log are no records: left out\n")
        self.assertIn("2 records name no request that could be asked again: left out", err)
        self.assertIn("1 records have only the beginning of their resource: left out", err)

    def test_cut(self):
        """What was asked and is not on record: nobody knows that nothing differs, but which rule decided is known."""
        log = self.log([recorded.record("fs:read", "/x", "ALLOW", payload={"resource_sha256": "0"}, rule=("p", "r"))])
        old, new = self.two(recorded.policy(("r", "allow", "fs:read", "/**")), recorded.policy())
        code, out, err = service.policyctl("diff", old, new, "--from", log)
        self.assertEqual((code, err), (2, "policyctl: diff: 1 records have only the beginning of their resource: left out\n"), out)
        self.assertNotIn("decided nothing", service.policyctl("lint", old, "--from", log)[1])

    def test_jail(self):
        """From the first byte of the log on: no file but the log's, no program, no socket."""
        if not shutil.which("strace") or service.SANITIZED:
            self.skipTest("needs strace and no sanitizer")
        paths, trace = self.two(recorded.policy(), recorded.policy()), os.path.join(self.top, "trace")
        done = subprocess.run(["strace", "-f", "--seccomp-bpf", "-o", trace, "-e", "trace=%file,%network,execve,seccomp", service.POLICYCTL,
                               "diff", *paths, "--from", self.log([recorded.connect("h.example")])], capture_output=True, check=False)
        if b"seccomp-bpf" in done.stderr:
            self.skipTest("strace without --seccomp-bpf")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(trace, encoding="utf-8") as f:
            before, _, after = f.read().rpartition("SECCOMP_SET_MODE_FILTER")
        self.assertTrue(before)
        calls = [line for line in after.splitlines()[1:] if "(" in line]
        # The directory and the segment; only root's strace sees their names.
        self.assertEqual(len([line for line in calls if "openat(" in line]), 2, after)
        for line in calls:
            self.assertNotRegex(line, r"AT_FDCWD|socket|connect|exec|O_WRONLY|O_RDWR|O_CREAT", line)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_log_of_another_account(self):
        """Root reads it as its owner, who alone may."""
        log = self.log([recorded.connect("h.example")])
        for path in (log, *[os.path.join(log, n) for n in os.listdir(log)]):
            os.chown(path, 1234, 1234)
            os.chmod(path, 0o700)
        os.chmod(self.top, 0o755)
        paths = self.two(recorded.policy(), recorded.policy(("r", "allow", "connect:tcp", "h.example")))
        code, out, err = service.policyctl("diff", *paths, "--from", log)
        self.assertEqual((code, err), (1, ""), out)

    def test_errors(self):
        old, new = self.two(recorded.policy(), recorded.policy())
        empty = os.path.join(self.top, "empty")
        os.mkdir(empty)
        broken = self.policy("broken.json", {"schema": 1})
        for args, why in {(old, new, "--from", "/nonexistent"): "No such file", (old, new, "--from", empty): "no audit log",
                          (old, "/nonexistent"): "No such file", (old, broken): "not a policy to evaluate",
                          (old, new, "--from", old): "Not a directory", (old, new, "--since", "1h"): "belong to --from",
                          (old, new, "--from", empty, "--since", "x"): "--since: neither"}.items():
            code, out, err = service.policyctl("diff", *args)
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn(why, err)
        log = self.log([recorded.connect("h.example")])
        with open("/dev/full", "wb") as full:
            done = subprocess.run([service.POLICYCTL, "diff", old, new, "--from", log], stdout=full, stderr=-1, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    tap.main()
