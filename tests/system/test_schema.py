#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""proto/*.schema.json: valid, as strict as they mean to be, and of one mind with the tables of the code."""

import copy
import glob
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import log as auditlog  # noqa: E402
import schema  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

CATEGORY = {"E": "evaluation", "M": "management", "X": "execution", "V": "event"}


def table(name):
    with open(os.path.join(service.TOP, "proto", name), encoding="utf-8") as f:
        return f.read()


def load(name):
    with open(schema.path_of(name), "rb") as f:
        return strict.loads(f.read().strip())


def refused_by(name, lines):
    """Indexes of the lines that the validator refuses; 20 at a time, since it shows no more."""
    found = set()
    for start in range(0, len(lines), 20):
        for fault in schema.validate(name, lines[start:start + 20]):
            found.add(start + int(fault.split("\t")[0]) - 1)
    return found


class Tables(service.unittest.TestCase):
    """What the schema names is what record.def and action.def name."""

    def setUp(self):
        self.record = load("record")["definitions"]
        self.fields = re.findall(r'^FIELD\(\s*\d+,\s*\w+,\s*"(\w*)",\s*(\w+),\s*(\w+),', table("record.def"), re.M)
        self.actions = re.findall(r'^ACTION_TYPE\(\w+,\s*\d+,\s*"(\w+)",\s*RECORD_(\w+),', table("action.def"), re.M)

    def test_fields_and_their_order(self):
        self.assertEqual([name or "PAYLOAD" for name, _, _ in self.fields], auditlog.ORDER)

    def test_fields_of_each_category(self):
        for letter, name in CATEGORY.items():
            actions = {a for a, _ in self.actions}
            listed = [k for k in self.record[name]["properties"] if k not in actions or k == "event"]
            wanted = [f for f, _, categories in self.fields if letter in categories and f]
            self.assertEqual(listed, wanted, name)

    def test_actions_of_each_category(self):
        for name in CATEGORY.values():
            wanted = [a for a, category in self.actions if category.lower() == name]
            rule = self.record[name]["properties"]["action_type"]
            self.assertEqual(rule.get("enum", [rule.get("const")]), wanted)
            if name != "event":
                self.assertTrue(set(wanted) <= set(self.record[name]["properties"]))

    def test_every_schema_is_json_and_says_what_it_is(self):
        paths = glob.glob(os.path.join(service.TOP, "proto", "*.schema.json"))
        self.assertGreaterEqual(len(paths), 4)
        for path in paths:
            with self.subTest(path), open(path, "rb") as f:
                found = strict.loads(f.read().strip())
                self.assertEqual(found["$schema"], "http://json-schema.org/draft-07/schema#")
                self.assertTrue(found["$id"] and found["title"])


class Strictness(service.Case):
    """The schema refuses what the contract forbids: real records, each spoilt in one way."""

    def records(self):
        s = self.start(conf={"trusted_enforcement_points": [os.getuid()]})
        with s.client() as c:
            asked = c.ask({"id": 1, **service.ALLOWED, "agent": "a", "context": {"x": 1}})
            c.ask({"id": 2, **service.DENIED})
            c.ask({"id": 3, "action": "fs:read", "resource": "fs:path:/data/x"})
            c.ask({"id": 4, "action": "no:such", "resource": "thing"})
            c.ask({"op": "emit", "event": "e.v", "level": "info", "details": {"a": 1}})
            c.ask({"op": "outcome", "evaluation_id": asked["audit_event_id"], "success": True})
        return s.stop()

    def test_spoilt_records(self):
        if schema.missing():
            self.skipTest(schema.missing())
        log = self.records()
        evaluation = log.where(request_id="1")[0]
        denial = log.where(request_id="2")[0]
        event = log.where(category="AUDIT_CATEGORY_EVENT")[0]
        outcome = log.where(category="AUDIT_CATEGORY_EXECUTION")[0]
        management = log.management("session")[0]
        spoilt = []

        def spoil(record, change):
            made = copy.deepcopy(record)
            change(made)
            spoilt.append(strict.dumps(made))

        for record in (evaluation, denial, event, outcome, management):
            for key in record:
                if key in auditlog.ALWAYS | {"decision", "resource_id", "action", "event", "level", "evaluation_id",
                                             "deny_reason", "enforcement_mode", "execution", "network_egress"}:
                    spoil(record, lambda r, key=key: r.pop(key))
                if key not in ("details",):
                    spoil(record, lambda r, key=key: r.update({key: None}))
            spoil(record, lambda r: r.update(unheard_of=1))
            spoil(record, lambda r: r.update(seq=0))
            spoil(record, lambda r: r.update(seq=1.5))
            spoil(record, lambda r: r.update(prev_hash="A" * 64))
            spoil(record, lambda r: r.update(timestamp="2026-11-21T00:00:00Z"))
            spoil(record, lambda r: r.update(audit_event_id="00000000-0000-4000-8000-000000000001"))
            spoil(record, lambda r: r.update(os="plan9"))
        spoil(evaluation, lambda r: r.update(deny_reason=["x"]))
        spoil(denial, lambda r: r.update(deny_reason=[]))
        spoil(evaluation, lambda r: r.update(decision="AUDIT_DECISION_MAYBE"))
        spoil(evaluation, lambda r: r.update(action_type="tool_invocation"))
        spoil(evaluation, lambda r: r.update(filesystem_access={"operation": "read"}))
        spoil(evaluation, lambda r: r.update(network_egress={"protocol": "sctp"}))
        spoil(evaluation, lambda r: r.update(event="x"))
        spoil(evaluation, lambda r: r["peer"].pop("pid"))
        spoil(evaluation, lambda r: r["peer"].update(uid=-1))
        spoil(event, lambda r: r.update(level="loud"))
        spoil(event, lambda r: r.update(decision="AUDIT_DECISION_ALLOW"))
        spoil(outcome, lambda r: r["execution"].update(evaluation_peer="somebody"))
        spoil(outcome, lambda r: r["execution"].update(more=1))
        spoil(management, lambda r: r.update(decision="AUDIT_DECISION_ALLOW"))
        spoil(management, lambda r: r.update(action_type="network_egress"))
        refused = refused_by("record", spoilt)
        accepted = [spoilt[i] for i in range(len(spoilt)) if i not in refused]
        self.assertEqual(accepted, [], "spoilt records that the schema accepts")
        self.assertGreater(len(spoilt), 100)


class Policies(service.unittest.TestCase):
    def test_shipped_policies_conform(self):
        if schema.missing():
            self.skipTest(schema.missing())
        paths = glob.glob(os.path.join(service.TOP, "examples", "*.json"))
        self.assertTrue(paths)
        for path in paths:
            with self.subTest(path), open(path, encoding="utf-8") as f:
                text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or " ", f.read(), flags=re.S)
                line = json.dumps(json.loads(text)).encode()
                self.assertEqual(schema.validate("policy", [line]), [])

    def test_policies_of_the_tests_conform(self):
        self.assertEqual(schema.validate("policy", [strict.dumps(service.POLICY)]), [])


class Seals(service.unittest.TestCase):
    """Texts that proto/seal.c takes (the corpus of its fuzz target) conform, in the schema's order."""

    def setUp(self):
        self.lines = []
        for path in sorted(glob.glob(os.path.join(service.TOP, "tests", "fuzz", "corpus", "fuzz_seal", "text-*"))):
            with open(path, "rb") as f:
                self.lines.append(f.read())

    def test_seals_conform(self):
        self.assertGreater(len(self.lines), 4)
        self.assertEqual(schema.validate("seal", self.lines), [])
        wanted = load("seal")
        self.assertEqual(list(wanted["properties"]), wanted["required"])
        for line in self.lines:
            self.assertEqual(list(strict.loads(line.strip())), wanted["required"])

    def test_spoilt_seals(self):
        if schema.missing():
            self.skipTest(schema.missing())
        first = strict.loads(self.lines[0].strip())
        spoilt = [{**first, key: value} for key in first for value in (None, "", -1, [], "x y")]
        spoilt += [{k: v for k, v in first.items() if k != key} for key in first] + [{**first, "more": 1}]
        refused = refused_by("seal", [strict.dumps(s) for s in spoilt])
        self.assertEqual([s for i, s in enumerate(spoilt) if i not in refused], [])


class Documents(service.unittest.TestCase):
    @service.unittest.skipUnless(service.shutil.which("mandoc"), "mandoc is not installed")
    def test_man_pages_have_no_fault(self):
        for path in glob.glob(os.path.join(service.TOP, "docs", "man", "*.[1-9]")):
            done = subprocess.run(["mandoc", "-Tlint", "-Werror", path], capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, b""), path)


if __name__ == "__main__":
    tap.main()
