# SPDX-License-Identifier: Apache-2.0
"""Logs for reports: decisions of many kinds, one record of each kind of incident, hostile text; and what a report must
say of records, counted by another way."""

import collections
import json
import random

from evidence_log import _evaluation, _plain

DAY = 86400_000_000


def note(action_type, payload, **behind):
    return _plain("MANAGEMENT", action_type, payload, **behind)


def decision(allow, resource, rule, user="alice", mode="enforce", client="curl", sandbox="box-1", action="net:connect:tcp"):
    category, action_type, payload, decided, _, reasons, behind = _evaluation(
        allow, "network_egress", {"protocol": "tcp"}, action, resource, resource, rule)
    named = {} if user is None else {"username": user}
    decided = {"decision": decided["decision"], "enforcement_mode": mode, **named}
    return (category, action_type, payload, decided, {"sandbox_id": sandbox, "resource_id": resource},
            {"client_name": client, **reasons}, behind)


PEER = {"uid": 1000, "gid": 1000, "pid": 9}
INCIDENTS = {  # title in the page: (record, search, what is added up)
    "New logs and their first keys": (note("origin", {"event": "genesis", "origin": "o", "key": "k"}), None),
    "Starts of the service": (note("session", {"event": "start", "version": "0.1.0", "boot_id": "b"}), None),
    "Clean ends of the service": (note("session", {"event": "stop", "cause": "finish"}), None),
    "Policy changes": (note("policy", {"result": "loaded", "revision": "r.2", "policies": 1, "rules": 2, "tests": 0,
                                       "sha256": "ab" * 32}), None),
    "Policies that were refused": (note("policy", {"result": "refused", "errors": 2, "first": "no such action"}), None),
    "Configuration that came into force": (note("configuration", {"min_level": "info", "excluded": ["x"]}), None),
    "Requests of administrators: status, rotation, reload": (note("admin", {"request": "reload"}, peer=PEER), None),
    "Segments found missing at a start": (note("segments", {"first_seq": 7}), None),
    "Recoveries after a crash": (note("recovery", {"file": "audit-x.jsonl", "records": 3, "torn_bytes": 12}), None),
    "Denials that left no record of their own": (note("unrecorded", {"count": 17, "first": "a", "last": "b"}), ("denials", 17)),
    "Storage: low, full, failed, recovered, poisoned": (note("storage", {"state": "failed", "step": "fsync",
                                                                         "cause": "No space left on device"}), None),
    "Steps of the clock": (note("clock_step", {"old": "a", "new": "b"}), None),
    "Ends of the service's processes": (note("process", {"role": "evaluator", "pid": 5, "signal": "SIGSYS",
                                                         "sandbox_violation": True}), ("sandbox violations", 1)),
    "Faults between the service's processes": (note("channel", {"channel": 1, "fault": "x", "count": 3}), ("faults", 3)),
    "Input of clients that was refused": (note("input", {"kind": "not_json", "count": 5}, peer=PEER), ("inputs", 5)),
    "Application events of level error": (_plain("EVENT", "application_event", None, event="db.lost", level="error",
                                                 actor="pg", details={"why": "refused"}, peer=PEER), None),
}


def random_log(log, seed, records=1500):
    """Decisions of many kinds, events and outcomes over some days."""
    rng = random.Random(seed)
    resources = [("www.example.com:443", True, ("net", "example")), ("169.254.169.254:80", False, ("net", "no-metadata")),
                 ("example.org:443", False, None), ("/data/x", True, ("files", "data"))]
    users = ["alice", "bob", "jörg", None]

    def line():
        log.time += rng.randrange(DAY // 200)
        kind = rng.random()
        if kind < 0.1:
            return log.line(_plain("EVENT", "application_event", None, event=rng.choice(["auth.fail", "disk"]),
                                   level=rng.choice(["debug", "info", "warning", "error"]), actor="sshd", peer=PEER))
        if kind < 0.15:
            return log.line(_plain("EXECUTION", "execution", {"success": rng.random() < 0.5},
                                   evaluation_id="00000000-0000-8000-8000-000000000001", peer=PEER))
        if kind < 0.2:
            return log.line(rng.choice(list(INCIDENTS.values()))[0])
        resource, allow, rule = rng.choices(resources, [8, 2, 2, 4])[0]
        return log.line(decision(allow, resource, rule, user=rng.choice(users), client=rng.choice(["curl", "pip"]),
                                 sandbox=rng.choice(["box-1", "box-2"]), action=rng.choice(["net:connect:tcp", "fs:read"]),
                                 mode="enforce" if allow else rng.choice(["enforce", "enforce", "warn", "audit"])))

    while records > 0:
        n = min(records, rng.randrange(1, 200))
        log.add([line() for _ in range(n)])
        records -= n
    return log


def lines_of(log):
    """All lines of a log that was built, as (record, file, byte)."""
    for name, lines in zip(log.names, log.lines):
        at = 0
        for line in lines:
            yield json.loads(line), name, at
            at += len(line)


def top(counter, n=10):
    """Rows of a table: the most frequent, then in the order of their bytes."""
    return sorted(counter.items(), key=lambda kv: (-kv[1], kv[0].encode()))[:n]


class Counted:
    """The same as the page says, by another way."""

    def __init__(self, records):
        decisions = [r for r in records if "decision" in r]
        denied = [r for r in decisions if r["decision"].endswith("DENY")]
        self.figures = {
            "Records": len(records), "Decisions": len(decisions), "Allowed": len(decisions) - len(denied),
            "Denied": sum(r.get("enforcement_mode", "enforce") == "enforce" for r in denied),
            "Denied on record only": sum(r.get("enforcement_mode", "enforce") != "enforce" for r in denied),
            "Denied without a record": sum(r["unrecorded"]["count"] for r in records if "unrecorded" in r),
            "Outcomes": sum("evaluation_id" in r for r in records), "Application events": sum("event" in r for r in records),
            "The service's own records": sum(r["category"].endswith("MANAGEMENT") for r in records),
        }
        def count(of, key):
            return collections.Counter(key(r) for r in of if key(r) is not None)
        def user(r):
            return r.get("username", f"uid {r['peer']['uid']}")
        def rule(r):
            return r["policy_id"] + "/" + r["rule_id"] if "rule_id" in r else None
        keys = {"Users": user, "Clients": lambda r: r["client_name"], "Sandboxes": lambda r: r["sandbox_id"],
                "Actions": lambda r: r["action"], "Rules": rule}
        self.who = {}
        for name, key in keys.items():
            refused = count(denied, key)
            self.who[name] = [(k, n, refused[k]) for k, n in top(count(decisions, key))]
        self.denials = {"What was denied most": top(count(denied, lambda r: r["resource_id"])),
                        "By which rule": top(count(denied, rule)), "To whom": top(count(denied, user)),
                        "Through which client": top(count(denied, lambda r: r["client_name"]))}
        days = collections.defaultdict(lambda: [0, 0, 0])
        for r in decisions:
            which = 0 if r["decision"].endswith("ALLOW") else 2 if r.get("enforcement_mode", "enforce") == "enforce" else 1
            days[r["timestamp"][:10]][which] += 1
        self.days = [[day, *map(str, n)] for day, n in sorted(days.items())]


EVIL = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='x", "</style></svg></title><svg onload=x>",
        "&lt;b&gt;&amp;&#60;", "]]><!--", "--><!DOCTYPE x [<!ENTITY e 'x'>]>&e;", "javascript:alert(1)", "a\u202eb\u2066c\u200f",
        "\u200b\u2060\ufeff\u00ad\U000e0041", "\x1b[31mred\x07\r\nX", "\x80\x9f\u2028", "\ufffe\uffff", "%s%n{}{0}", "=1+1", "u" * 250,
        "\u0301" * 60, "שלום", "}*{display:none}"]
