#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog --format ocsf: every kind of record, hostile strings and the log of a real service are valid events of both
versions, whose chain can be followed. Judged by tests/lib/ocsf.py with the tables of tests/lib/ocsf_tables.py, and with
the published definitions when SEALWRIGHT_OCSF names a directory with trees of them, 1.7.0 and 1.8.0."""

import functools
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import ecs  # noqa: E402
import evidence_log  # noqa: E402
import formats  # noqa: E402
import ocsf  # noqa: E402
import ocsf_schema  # noqa: E402
import ocsf_tables  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402
from evidence_log import LogBuilder  # noqa: E402

PUBLISHED = os.environ.get("SEALWRIGHT_OCSF")
SEED = int(os.environ.get("OCSF_SEED", random.getrandbits(32)))
BENT = int(os.environ.get("OCSF_BENT", "2000"))  # records that are bent at random
PLAIN = evidence_log._plain
CLIENT = {"peer": {"uid": 1000, "gid": 100, "pid": 4711}, "evaluator": 1}


@functools.cache
def schemas(version):
    """What to judge by: our tables, and the published definitions where they are."""
    found = [ocsf_tables.schema(version)]
    if PUBLISHED:
        found.append(ocsf_schema.compiled(os.path.join(PUBLISHED, version)))
    return found


def exported(version, *args, stdin=b""):
    code, out, err = formats.raw("export", "--format", "ocsf", "--ocsf-version", version, *args, stdin=stdin)
    if (code, err) != (0, ""):
        raise AssertionError(f"exit {code}: {err}")
    return [strict.loads(line) for line in out.splitlines()]


def leaf(line):
    return hashlib.sha256(b"\0" + line).hexdigest()


class Events(formats.Case):
    """All that a log can hold."""

    def judge(self, events, version):
        for schema in schemas(version):
            for event in events:
                self.assertEqual(ocsf.faults(schema, event), [], event)

    def test_every_record(self):
        for version in ocsf_tables.VERSIONS:
            events = exported(version, self.directory)
            self.assertEqual(len(events), len(self.records))
            self.judge(events, version)
            self.assertEqual(len({e["metadata"]["uid"] for e in events}), len(events))
            for event, record, line in zip(events, self.records, self.lines):
                self.assertEqual(event["raw_data"].encode() + b"\n", line)
                self.mapped(event, record)

    def mapped(self, event, record):
        """No member is lost, and each is where the documentation says."""
        metadata, left = event["metadata"], event["unmapped"]
        self.assertEqual((metadata["uid"], metadata["sequence"], metadata["original_time"], metadata["type"]),
                         (record["audit_event_id"], record["seq"], record["timestamp"], record["category"]))
        self.assertEqual((left["prev_hash"], left["audit_session_id"]), (record["prev_hash"], record["audit_session_id"]))
        self.assertEqual(event["device"]["hostname"], record["hostname"])
        self.assertEqual(event.get("firewall_rule", {}).get("uid"), record.get("rule_id") if "decision" in record else None)
        self.assertEqual(event.get("policy", {}).get("uid"), record.get("policy_id") if "decision" in record else None)
        actor = event.get("actor", {})
        self.assertEqual(actor.get("user", {}).get("name"), record.get("username"))
        self.assertEqual(actor.get("process", {}).get("pid"), record.get("peer", {}).get("pid"))
        self.assertEqual(actor.get("app_name"), record.get("client_name"))
        self.assertEqual(event["device"].get("container", {}).get("uid"), record.get("sandbox_id"))
        for name in ("enforcement_mode", "agent", "details", "actor", "evaluator", record["action_type"]):
            self.assertEqual(left.get(name), record.get(name), name)
        for name in left:
            self.assertIn(name, record)

    def test_chain(self):
        """From the export alone."""
        events = exported("1.7.0", self.directory)
        self.assertEqual([e["metadata"]["sequence"] for e in events], list(range(1, len(events) + 1)))
        for event, following in zip(events, events[1:]):
            self.assertEqual(following["unmapped"]["prev_hash"], leaf(event["raw_data"].encode() + b"\n"))
        self.assertEqual(events[0]["unmapped"]["prev_hash"], "0" * 64)

    @unittest.skipUnless(shutil.which("jq") and shutil.which("bash"), "no jq, or no bash")
    def test_chain_as_documented(self):
        """The commands in docs/EXPORT.md say nothing of what is whole, and where it is broken."""
        with open(os.path.join(service.TOP, "docs", "EXPORT.md"), encoding="utf-8") as f:
            script = re.search(r"### The chain\n.*?```bash\n(.*?)```", f.read(), re.S)[1]
        log = LogBuilder(os.path.join(self.top, "chained"), segments=[4]).write()
        out = formats.raw("export", "--format", "ocsf", log.directory)[1]
        for events, said in ((out, b""), (out.replace(b"https", b"http"), b"broken before 4\n"),
                             (b"".join(out.splitlines(True)[::2]), b"broken before 3\n")):
            with open(os.path.join(self.top, "events.ocsf"), "wb") as f:
                f.write(events)
            done = subprocess.run(["bash", "-c", script], cwd=self.top, capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(done.stdout, said)

    def test_lines_that_no_writer_makes(self):
        for version in ocsf_tables.VERSIONS:
            self.judge(exported(version, "-", stdin=b"".join(formats.ODD)), version)

    def test_bent_records(self):
        print(f"# OCSF_SEED={SEED}", flush=True)
        lines = self.bent(random.Random(SEED), BENT)
        for version in ocsf_tables.VERSIONS:
            events = exported(version, "-", stdin=b"".join(lines))
            self.assertEqual(len(events), len(lines))
            self.judge(events, version)

    def test_addresses(self):
        """Every form of one that is taken for an address is of the type."""
        source = random.Random(SEED)
        words = ["0", "1", "ffff", "10", "", "::", "1.2.3.4", "255.255.255.255"]
        texts = [":".join(source.choice(words) for _ in range(source.randrange(1, 9))) for _ in range(BENT)]
        lines = [json.dumps({"action_type": "network_egress", "network_egress": {"protocol": "tcp"}, "hostname": "h",
                             "resource_id": f"[{text}]:1"}, separators=(",", ":")).encode() + b"\n" for text in texts]
        events = exported("1.8.0", "-", stdin=b"".join(lines))
        self.judge(events, "1.8.0")
        self.assertGreater(sum("ip" in e.get("dst_endpoint", {}) for e in events), BENT // 50)


class Classes(unittest.TestCase):
    """Which event a record is."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="o")
        self.addCleanup(shutil.rmtree, self.top, True)

    def events(self, *kinds):
        """Those of records with these members beside what all have."""
        log = LogBuilder(os.path.join(self.top, "log"))
        log.add([log.line(kind, **changes) for kind, changes in kinds])
        log.write()
        found = exported("1.8.0", log.directory)
        for schema in schemas("1.8.0"):
            for event in found:
                self.assertEqual(ocsf.faults(schema, event), [], event)
        return found

    def evaluation(self, action_type, payload, action, resource, allow=True, **changes):
        decided = {"decision": "AUDIT_DECISION_ALLOW" if allow else "AUDIT_DECISION_DENY", "enforcement_mode": "enforce", "username": "u",
                   "resource_id": resource, "action": action, **CLIENT}
        return PLAIN("EVALUATION", action_type, payload), {**decided, **changes}

    def test_evaluations(self):
        tcp = {"protocol": "tcp"}
        cases = [
            (self.evaluation("network_egress", tcp, "net:connect:tcp", "h.example:443"), 400101,
             {"dst_endpoint": {"hostname": "h.example", "port": 443}, "src_endpoint": {"hostname": "build7"},
              "connection_info": {"direction_id": 2, "direction": "Outbound", "protocol_name": "tcp", "protocol_num": 6}}),
            (self.evaluation("network_egress", {"protocol": "udp"}, "net:connect:udp", "[2001:db8::1]:53"), 400101,
             {"dst_endpoint": {"ip": "2001:db8::1", "port": 53}}),
            (self.evaluation("ssh_session", tcp, "ssh:connect", "10.0.0.1:22"), 400701, {"dst_endpoint": {"ip": "10.0.0.1", "port": 22}}),
            (self.evaluation("filesystem_access", {"operation": "read"}, "fs:read", "/data/x"), 100102,
             {"file": {"name": "x", "path": "/data/x", "type_id": 0}}),
            (self.evaluation("filesystem_access", {"operation": "write"}, "fs:write", "/"), 100103,
             {"file": {"name": "/", "path": "/", "type_id": 0}}),
            (self.evaluation("filesystem_access", {"operation": "lick"}, "fs:lick", "/x"), 100199, {"activity_name": "lick"}),
            (self.evaluation("filesystem_mount", {"operation": "write"}, "fs:mount:write", "/mnt"), 100112, {"activity_name": "Mount"}),
            (self.evaluation("http_request", {"method": "PATCH", "scheme": "https"}, "http:request:PATCH", "https://h.example:8443/a?b"), 400209,
             {"http_request": {"http_method": "PATCH", "url": {"url_string": "https://h.example:8443/a?b", "scheme": "https",
                                                               "hostname": "h.example", "port": 8443}},
              "dst_endpoint": {"hostname": "h.example", "port": 8443}}),
            (self.evaluation("http_request", {"method": "PROPFIND", "scheme": "http"}, "http:request:PROPFIND", "http://[::1]"), 400299,
             {"activity_name": "PROPFIND", "http_request": {"url": {"url_string": "http://[::1]", "scheme": "http", "hostname": "::1", "port": 80}},
              "dst_endpoint": {"ip": "::1", "port": 80}}),
            (self.evaluation("tool_invocation", {}, "tool:invoke", "shell", request_id="r1"), 600399,
             {"activity_name": "Invoke", "api": {"operation": "tool:invoke", "request": {"uid": "r1"}}, "resources": [{"name": "shell"}]}),
            (self.evaluation("unknown_action", {}, "no:such", "thing", False), 600399,
             {"activity_name": "unknown_action", "api": {"operation": "no:such"}, "resources": [{"name": "thing"}]}),
        ]
        self.compare(cases)

    def compare(self, cases):
        for event, (_, type_uid, members) in zip(self.events(*(case for case, _, _ in cases)), cases, strict=True):
            self.assertEqual(event["type_uid"], type_uid, event)
            for name, value in members.items():
                self.assertEqual(event.get(name), value, event)

    def test_process(self):
        event, = self.events(self.evaluation("process_exec", {}, "proc:exec", "/usr/bin/curl"))
        self.assertEqual(event["type_uid"], 100701)
        self.assertEqual(event["process"], {"uid": event["metadata"]["uid"], "name": "curl", "path": "/usr/bin/curl",
                                            "file": {"name": "curl", "path": "/usr/bin/curl", "type_id": 0}})
        self.assertEqual(event["actor"], {"user": {"name": "u"}, "process": {"pid": 4711, "user": {"uid": "1000", "groups": [{"uid": "100"}]}}})

    def test_others(self):
        cases = [
            (("MANAGEMENT", "session", {"event": "start", "version": "1"}), {}, 600203, {"activity_name": "Start"}),
            (("MANAGEMENT", "session", {"event": "stop"}), {}, 600204, {"activity_name": "Stop"}),
            (("MANAGEMENT", "process", {"role": "evaluator", "pid": 3, "exit": 1, "cause": "c"}), {}, 600204,
             {"status_detail": "c", "app": {"name": "Sealwright", "vendor_name": "Sealwright", "version": "0.1.0", "feature": {"name": "evaluator"}}}),
            (("MANAGEMENT", "policy", {"result": "loaded", "revision": "r"}), {}, 501901, {"status_id": 1, "severity_id": 1}),
            (("MANAGEMENT", "policy", {"result": "refused", "errors": 1, "first": "f"}), {}, 501901, {"status_id": 2, "status_detail": "f"}),
            (("MANAGEMENT", "configuration", {"min_level": "info"}), {}, 501901, {}),
            (("MANAGEMENT", "clock_step", {"old": "x"}), {}, 501901, {"severity_id": 3}),
            (("MANAGEMENT", "storage", {"state": "full", "cause": "no space"}), {}, 600801, {"severity_id": 4, "status_detail": "no space"}),
            (("MANAGEMENT", "storage", {"state": "recovered"}), {}, 600899, {"severity_id": 1, "activity_name": "recovered"}),
            (("MANAGEMENT", "recovery", {"records": 3}), {}, 600801, {}),
            (("MANAGEMENT", "admin", {"request": "status"}), CLIENT, 600302, {"api": {"operation": "status"}}),
            (("MANAGEMENT", "admin", {"request": "reload"}), CLIENT, 600303, {"activity_name": "Update"}),
            (("MANAGEMENT", "channel", {"fault": "f"}), {}, 200401, {"severity_id": 4, "status_id": 1, "status_detail": "f"}),
            (("MANAGEMENT", "input", {"kind": "not_json"}), CLIENT, 200401, {"severity_id": 2}),
            (("MANAGEMENT", "segments", {"first_seq": 9}), {}, 200401, {}),
            (("MANAGEMENT", "unrecorded", {"count": 9}), {}, 200401, {}),
            (("MANAGEMENT", "heartbeat", {"seq": 9}), {}, 99, {"activity_name": "heartbeat"}),
            (("MANAGEMENT", "counters", {"seq": 9}), {}, 99, {"activity_name": "counters"}),
            (("MANAGEMENT", "origin", {"event": "genesis"}), {}, 99, {"activity_name": "origin"}),
            (("EXECUTION", "execution", {"success": False, "duration_ms": 7, "error_class": "timeout"}), {"evaluation_id": "e", **CLIENT}, 99,
             {"activity_name": "execution", "status_id": 2, "duration": 7, "status_detail": "timeout"}),
            (("EVENT", "application_event", None), {"event": "task.start", "level": "error", **CLIENT}, 99,
             {"activity_name": "task.start", "severity_id": 4}),
            (("NEWS", "unheard_of", {"x": 1}), {}, 99, {"activity_name": "unheard_of", "severity_id": 2}),
        ]
        self.compare([((PLAIN(*kind), changes), type_uid, members) for kind, changes, type_uid, members in cases])

    def test_outcome_names_its_decision(self):
        event, = self.events((PLAIN("EXECUTION", "execution", {"success": True}), {"evaluation_id": "e", **CLIENT}))
        self.assertEqual((event["metadata"]["correlation_uid"], event["status_id"]), ("e", 1))

    def test_decisions(self):
        """(allow, mode): status, action, disposition, whether the policy was applied."""
        cases = {(True, "enforce"): (1, 1, 1, True), (False, "enforce"): (2, 2, 2, True), (True, "audit"): (1, 1, 1, False),
                 (False, "audit"): (1, 3, 17, False), (False, "warn"): (1, 3, 17, False)}
        records = [self.evaluation("network_egress", {"protocol": "tcp"}, "net:connect:tcp", "h:1", allow, enforcement_mode=mode,
                                   policy_id="p", rule_id="r", policy_revision="v") for allow, mode in cases]
        for event, wanted in zip(self.events(*records), cases.values(), strict=True):
            self.assertEqual((event["status_id"], event["action_id"], event["disposition_id"], event["policy"]["is_applied"]), wanted)
            self.assertEqual((event["firewall_rule"], event["policy"]["version"]), ({"uid": "r"}, "v"))
        record = self.evaluation("network_egress", {"protocol": "tcp"}, "net:connect:tcp", "h:1", decision="AUDIT_DECISION_APPROVED")
        event, = self.events(record)
        self.assertEqual((event["action_id"], event["action"], event["disposition_id"]), (99, "AUDIT_DECISION_APPROVED", 99))

    def test_reasons(self):
        event, = self.events(self.evaluation("network_egress", {}, "a", "h:1", False, deny_reason=["a\"", "b"]))
        self.assertEqual(event["status_detail"], 'a"; b')

    def test_who_and_where(self):
        event, = self.events(self.evaluation("network_egress", {}, "a", "h:1", user_email="a@b.example", sandbox_id="s", org_id="o", org_name="O",
                                             client_name="curl", agent="g"))
        self.assertEqual(event["actor"]["user"], {"name": "u", "email_addr": "a@b.example"})
        self.assertEqual(event["device"], {"hostname": "build7", "type_id": 0, "os": {"name": "linux", "type_id": 200},
                                           "container": {"uid": "s"}, "org": {"uid": "o", "name": "O"}})
        self.assertEqual((event["metadata"]["tenant_uid"], event["metadata"]["profiles"]), ("o", ["security_control", "host", "container"]))

    def test_what_a_class_requires(self):
        """Without it the record is a base event, and nothing of it is lost."""
        whole = [self.evaluation("filesystem_access", {"operation": "read"}, "fs:read", "/x"),
                 self.evaluation("process_exec", {}, "proc:exec", "/x"), self.evaluation("tool_invocation", {}, "tool:invoke", "x"),
                 self.evaluation("network_egress", {}, "net:connect:tcp", "h:1"), self.evaluation("http_request", {"method": "GET"}, "a", "http://h/")]
        log = LogBuilder(os.path.join(self.top, "whole"))
        lines = [strict.loads(log.line(kind, **changes).strip()) for kind, changes in whole]
        needed = [("username", "peer"), ("username", "peer"), ("username", "peer"), ("hostname",), ("resource_id",)]
        for line, names in zip(lines, needed):
            for name in names:
                del line[name]
        for event, line in zip(exported("1.7.0", "-", stdin=b"".join(strict.dumps(line) + b"\n" for line in lines)), lines, strict=True):
            self.assertEqual((event["type_uid"], event["activity_name"]), (99, line["action_type"]))
            self.assertEqual(strict.loads(event["raw_data"].encode()), line)
            for schema in schemas("1.7.0"):
                self.assertEqual(ocsf.faults(schema, event), [])

    def test_times(self):
        kind = PLAIN("MANAGEMENT", "heartbeat", {})
        log = LogBuilder(os.path.join(self.top, "times"))
        stdin = b""
        for time in ("2026-11-21T04:00:00.123456Z", "yesterday", "", None, 7, "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.000000Z"):
            stdin += log.line(kind, timestamp=time)
        events = exported("1.7.0", "-", stdin=stdin)
        self.assertEqual([e["time"] for e in events], [1795233600123, 0, 0, 0, 0, 253402300799999, 0])
        self.assertEqual([e["metadata"]["original_time"] for e in events][1:5], ["yesterday", "", "null", "7"])


class Options(unittest.TestCase):
    def test_version(self):
        record = LogBuilder("/nowhere").line()
        for args, version in (([], "1.7.0"), (["--ocsf-version", "1.7.0"], "1.7.0"), (["--ocsf-version", "1.8.0"], "1.8.0")):
            code, out, err = formats.raw("search", "--format", "ocsf", *args, "-", stdin=record)
            self.assertEqual((code, err, strict.loads(out.strip())["metadata"]["version"]), (0, "", version))

    def test_wrong(self):
        for args, why in ((["--format", "ocsf", "--ocsf-version", "1.6.0"], "not among 1.7.0 and 1.8.0: 1.6.0"),
                          (["--format", "ocsf", "--ocsf-version", ""], "not among 1.7.0 and 1.8.0: "),
                          (["--format", "ecs", "--ocsf-version", "1.8.0"], "only --format ocsf has it"),
                          (["--json", "--ocsf-version", "1.8.0"], "only --format ocsf has it"),
                          (["--ocsf-version", "1.8.0"], "only --format ocsf has it")):
            code, out, err = formats.raw("search", *args, "/nonexistent")
            self.assertEqual((code, out), (2, b""))
            self.assertIn(f"--ocsf-version: {why}\n", err)


class OfAService(service.Case):
    def test_log(self):
        """What a real service has written, restart and bad input included."""
        s = self.start(conf={"trusted_enforcement_points": [os.getuid()]})
        with s.client() as c:
            asked = c.ask({"id": 1, **service.ALLOWED, "agent": "a", "context": {"x": 1}, "subject": {"user": "m", "email": "m@x.example"}})
            c.ask({"id": 2, **service.DENIED, "sandbox_id": "s1", "client_name": "curl"})
            for action, resource in (("fs:read", "fs:path:/data/x"), ("fs:mount:write", "fs:path:/mnt"), ("proc:exec", "proc:path:/bin/sh"),
                                     ("http:request:GET", "http:url:https://www.example.com/a?b"), ("tool:invoke", "tool:name:shell"),
                                     ("ssh:connect", "net:domain:h.example:22"), ("no:such", "thing")):
                c.ask({"id": 3, "action": action, "resource": resource})
            c.ask({"op": "emit", "event": "e.v", "level": "warning", "details": {"a": [1, {"b": None}]}})
            c.ask({"op": "outcome", "evaluation_id": asked["audit_event_id"], "success": True, "duration_ms": 3})
            c.send(b"nonsense\n")
            c.receive()
        for op in ("status", "rotate", "reload"):
            s.admin(op)
        s.stop()
        s = self.start()
        s.stop()
        lines = s.log().lines
        for version in ocsf_tables.VERSIONS:
            events = exported(version, s.audit)
            self.assertEqual([e["raw_data"].encode() + b"\n" for e in events], list(lines))
            for schema in schemas(version):
                for event in events:
                    self.assertEqual(ocsf.faults(schema, event), [], event)
            self.assertEqual(len({e["metadata"]["uid"] for e in events}), len(events))
            for event, following in zip(events, events[1:]):
                self.assertEqual(following["unmapped"]["prev_hash"], leaf(event["raw_data"].encode() + b"\n"))
        for line in formats.raw("export", "--format", "ecs", s.audit)[1].splitlines():
            self.assertEqual(ecs.faults(ecs.FIELDS, strict.loads(line)), [], line)
        self.assertLessEqual({1001, 1007, 2004, 4001, 4002, 4007, 5019, 6002, 6003, 0}, {e["class_uid"] for e in events})
        self.assertLessEqual({e["metadata"]["event_code"] for e in events if e["class_uid"] == 0},
                             {"execution", "e.v", "origin", "heartbeat", "counters"})


class Validator(unittest.TestCase):
    """It refuses what is wrong."""

    GOOD = b'{"audit_event_id":"i","timestamp":"2026-11-21T04:00:00.000000Z","decision":"AUDIT_DECISION_DENY","username":"u","hostname":"h",' \
           b'"user_email":"a@b.c","os":"linux","action_type":"network_egress","network_egress":{"protocol":"tcp"},"resource_id":"10.0.0.1:80",' \
           b'"policy_id":"p","rule_id":"r","peer":{"uid":1,"gid":1,"pid":1},"seq":1,"prev_hash":"x"}\n'

    def faults(self, change, version="1.7.0"):
        event, = exported(version, "-", stdin=self.GOOD)
        change(event)
        return [ocsf.faults(schema, event) for schema in schemas(version)]

    def test_good(self):
        for version in ocsf_tables.VERSIONS:
            self.assertEqual(set(map(tuple, self.faults(lambda e: None, version))), {()})

    def test_wrong(self):
        changes = {
            "an unknown attribute": lambda e: e.update(surprise=1),
            "one inside": lambda e: e["dst_endpoint"].update(surprise=1),
            "one deep inside": lambda e: e["actor"]["process"]["user"]["groups"][0].update(surprise=1),
            "a required one missing": lambda e: e.pop("severity_id"),
            "time missing": lambda e: e.pop("time"),
            "one of an object missing": lambda e: e["metadata"].pop("product"),
            "metadata missing": lambda e: e.pop("metadata"),
            "null": lambda e: e.update(message=None),
            "another value": lambda e: e.update(severity_id=7),
            "another activity": lambda e: e.update(activity_id=8, type_uid=400108),
            "a value of an object": lambda e: e["connection_info"].update(direction_id=9),
            "a text for a number": lambda e: e.update(time="1795233600000"),
            "a real for a number": lambda e: e.update(time=1795233600000.0),
            "true for a number": lambda e: e.update(status_id=True),
            "a number for a text": lambda e: e.update(message=1),
            "a number for true": lambda e: e["policy"].update(is_applied=1),
            "an object for an array": lambda e: e["actor"]["process"]["user"].update(groups={"uid": "1"}),
            "an array for an object": lambda e: e.update(device=[e["device"]]),
            "a text for an object": lambda e: e.update(unmapped="x"),
            "another type": lambda e: e.update(type_uid=400102),
            "another category": lambda e: e.update(category_uid=1),
            "another class": lambda e: e.update(class_uid=4003),
            "no such class": lambda e: e.update(class_uid=4999),
            "none of at least one": lambda e: (e.pop("src_endpoint"), e.pop("dst_endpoint")),
            "none of an object's": lambda e: e["firewall_rule"].clear(),
            "a port out of range": lambda e: e["dst_endpoint"].update(port=65536),
            "no address": lambda e: e["dst_endpoint"].update(ip="10.0.0.256"),
            "no address at all": lambda e: e["dst_endpoint"].update(ip="example"),
            "too long": lambda e: e["dst_endpoint"].update(ip="1111:2222:3333:4444:5555:6666:255.255.255.255"),
            "no email": lambda e: e["actor"]["user"].update(email_addr="nobody"),
            "a profile not named": lambda e: e["metadata"].update(profiles=["host"]),
            "no such profile": lambda e: e["metadata"]["profiles"].append("mine"),
            "another name": lambda e: e.update(severity="High"),
            "another class's name": lambda e: e.update(class_name="Base Event"),
            "99 without a name": lambda e: (e.update(activity_id=99, type_uid=400199), e.pop("activity_name")),
            "another version": lambda e: e["metadata"].update(version="1.6.0"),
            "beyond 64 bits": lambda e: e.update(time=1 << 63),
        }
        for what, change in changes.items():
            for version in ocsf_tables.VERSIONS:
                for found in self.faults(change, version):
                    self.assertNotEqual(found, [], what)

    def test_just_one(self):
        schema = ocsf_tables.schema("1.8.0")
        schema.classes[4001].constraints["just_one"] = ["src_endpoint", "dst_endpoint"]
        event, = exported("1.8.0", "-", stdin=self.GOOD)
        self.assertIn("event: has 2 of just_one src_endpoint, dst_endpoint", ocsf.faults(schema, event))

    def test_no_event(self):
        for value in (None, 1, [], "x", {}, {"class_uid": 0}, {"class_uid": 0, "metadata": 1}):
            self.assertNotEqual(ocsf.faults(ocsf_tables.schema("1.7.0"), value), [])


@unittest.skipUnless(PUBLISHED, "SEALWRIGHT_OCSF names no directory with the published definitions")
class Published(unittest.TestCase):
    """Our tables say nothing that the definitions do not, and leave out nothing that these require."""

    def compare(self, ours, theirs, place):
        self.assertEqual(ours.constraints, theirs.constraints, place)
        for name, at in ours.attributes.items():
            published = theirs.attributes[name]
            where = f"{place}.{name}"
            self.assertEqual((at.type, at.array, at.profile), (published.type, published.array, published.profile), where)
            self.assertEqual((at.requirement == "required", published.deprecated), (published.requirement == "required", False), where)
            self.assertEqual(at.sibling, published.sibling, where)
            for key, caption in (at.enum or {}).items():
                self.assertEqual(published.enum[key], caption, where)
            if published.enum and name not in ("class_uid", "category_uid"):
                self.assertTrue(at.enum, where)
        for name, at in theirs.attributes.items():
            if at.requirement == "required" and at.profile in {None} | ocsf_tables.PROFILES:
                self.assertIn(name, ours.attributes, place)

    def test_tables(self):
        for version in ocsf_tables.VERSIONS:
            ours, theirs = ocsf_tables.schema(version), ocsf_schema.compiled(os.path.join(PUBLISHED, version))
            self.assertEqual(theirs.version, version)
            self.assertLessEqual(ours.profiles, theirs.profiles)
            for uid, shape in ours.classes.items():
                self.assertEqual((shape.name, shape.caption), (theirs.classes[uid].name, theirs.classes[uid].caption))
                self.compare(shape, theirs.classes[uid], shape.name)
            for name, shape in ours.objects.items():
                self.compare(shape, theirs.objects[name], name)
            for name, at in ours.types.items():
                published = theirs.types[name]
                self.assertEqual((at.base, at.max_len, at.range and list(at.range)), (published.base, published.max_len, published.range), name)
                self.assertEqual(bool(at.regex), bool(published.regex), name)


if __name__ == "__main__":
    tap.main()
