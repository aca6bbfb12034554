# SPDX-License-Identifier: Apache-2.0
"""Audit directories made by hand: evaluation records as the writer has them, as far as policyctl reads them."""

import json
import os

SEGMENT = "audit-20261121T100000Z-1b4e28ba-2fa1-4d2b-883f-0016d3cca427-%06d.jsonl"
TYPES = {"net": "network_egress", "ssh": "ssh_session", "fs": "filesystem_access", "proc": "process_exec",
         "http": "http_request", "tool": "tool_invocation"}


def record(action, target, decision="DENY", mode="enforce", at=0, rule=None, payload=None, **more):
    """One line. at: seconds after 10:00; rule: (policy, rule)."""
    kind = TYPES[action.split(":")[0]]
    made = {"audit_event_id": "x", "timestamp": f"2026-11-21T{10 + at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}.000000Z",
            "category": "AUDIT_CATEGORY_EVALUATION", "decision": "AUDIT_DECISION_" + decision, "enforcement_mode": mode,
            **more, "resource_id": target, "action_type": kind, kind: payload or {}, "action": action}
    if rule:
        made.update(policy_id=rule[0], rule_id=rule[1])
    return json.dumps({**made, "seq": 1, "prev_hash": "0"}, separators=(",", ":"), ensure_ascii=False)


def connect(host, port=443, **more):
    return record("net:connect:tcp", f"{host}:{port}", **more)


def write(directory, *segments, ending=""):
    """An audit directory with these segments, each a list of lines (text or bytes)."""
    os.makedirs(directory, exist_ok=True)
    for number, lines in enumerate(segments, 1):
        with open(os.path.join(directory, SEGMENT % number + ending), "wb") as f:
            for line in lines:
                f.write((line.encode() if isinstance(line, str) else line) + b"\n")
    return directory


def policy(*rules, head=None, **more):
    """A document of one policy; each rule is (id, decision, action, resources...)."""
    return {"schema": "sealwright-policy/1", **more, "policies": [{"id": "p", **(head or {}), "rules": [
        {"id": r[0], "decision": r[1], "actions": [r[2]], "resources": list(r[3:])} for r in rules]}]}
