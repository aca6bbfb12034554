#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""proto/policy.schema.json against the examples, against docs/POLICY.md and against what the loader takes."""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import schema  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

STRING_OR_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.S)

BASE = {
    "schema": "sealwright-policy/1",
    "revision": "1",
    "org": {"id": "o", "name": "O"},
    "policies": [
        {"id": "p", "name": "P", "source": "org", "mode": "enforce",
         "scope": {"users": ["a*"], "groups": [], "sandboxes": [], "agents": []},
         "rules": [{"id": "r", "name": "R", "actions": ["connect:tcp"], "resources": ["example.com:443"],
                    "decision": "allow", "expires": "2030-01-01T00:00:00+01:00",
                    "when": {"time": {"from": "22:00", "to": "06:00", "days": ["mon"], "zone": "+01:00"},
                             "context": {"k": "v*", "l": ["a", "b"]}, "client": ["c"]}}]}],
    "tests": [{"name": "t", "op": {"action": "net:connect:tcp", "resource": "net:domain:example.org:443"},
               "subject": {"user": "u", "groups": ["g"], "sandbox": "s", "agent": "a", "client": "c",
                           "context": {"k": "v"}},
               "time": "2026-11-21T12:00:00Z", "expect": "deny", "record": "deny"}],
}

# (what, path to the value, new value; DROP removes it) that schema and loader both refuse.
DROP = object()
RULE = ("policies", 0, "rules", 0)
REFUSED = [
    ("no schema", ("schema",), DROP),
    ("other schema", ("schema",), "sealwright-policy/2"),
    ("unknown key", ("polices",), []),
    ("plus in revision", ("revision",), "1+2"),
    ("revision is a number", ("revision",), 7),
    ("unknown key of org", ("org", "url"), "x"),
    ("policies is an object", ("policies",), {}),
    ("policy is a string", ("policies", 0), "p"),
    ("policy without id", ("policies", 0, "id"), DROP),
    ("policy id with a space", ("policies", 0, "id"), "a b"),
    ("policy id empty", ("policies", 0, "id"), ""),
    ("policy id with a slash", ("policies", 0, "id"), "a/b"),
    ("policy id too long", ("policies", 0, "id"), "a" * 129),
    ("unknown key of a policy", ("policies", 0, "rule"), []),
    ("policy without rules", ("policies", 0, "rules"), DROP),
    ("unknown source", ("policies", 0, "source"), "team"),
    ("unknown mode", ("policies", 0, "mode"), "enforced"),
    ("unknown key of scope", ("policies", 0, "scope", "user"), ["a"]),
    ("scope is no list", ("policies", 0, "scope", "users"), "a"),
    ("empty user", ("policies", 0, "scope", "users"), [""]),
    ("rule is null", RULE, None),
    ("rule without id", RULE + ("id",), DROP),
    ("rule without actions", RULE + ("actions",), DROP),
    ("no actions", RULE + ("actions",), []),
    ("unknown action", RULE + ("actions",), ["connect"]),
    ("actions is a string", RULE + ("actions",), "connect:tcp"),
    ("rule without resources", RULE + ("resources",), DROP),
    ("no resources", RULE + ("resources",), []),
    ("empty resource", RULE + ("resources",), [""]),
    ("rule without decision", RULE + ("decision",), DROP),
    ("unknown decision", RULE + ("decision",), "permit"),
    ("control character in a name", RULE + ("name",), "a\nb"),
    ("unknown key of a rule", RULE + ("effect",), "allow"),
    ("unknown key of when", RULE + ("when", "times"), {}),
    ("unknown key of time", RULE + ("when", "time", "until"), "10:00"),
    ("bad time of day", RULE + ("when", "time", "from"), "25:00"),
    ("24:00 as a beginning", RULE + ("when", "time", "from"), "24:00"),
    ("zone that is a path", RULE + ("when", "time", "zone"), "Europe/../Berlin"),
    ("zone of leap seconds", RULE + ("when", "time", "zone"), "right/Europe/Berlin"),
    ("zone too far", RULE + ("when", "time", "zone"), "+14:30"),
    ("bad day", RULE + ("when", "time", "days"), ["Monday"]),
    ("no days", RULE + ("when", "time", "days"), []),
    ("context is a number", RULE + ("when", "context", "k"), 1),
    ("context without values", RULE + ("when", "context", "k"), []),
    ("expires is a date", RULE + ("expires",), "2030-01-01"),
    ("expires without offset", RULE + ("expires",), "2030-01-01T00:00:00"),
    ("test without name", ("tests", 0, "name"), DROP),
    ("test without op", ("tests", 0, "op"), DROP),
    ("test without expect", ("tests", 0, "expect"), DROP),
    ("test expects something else", ("tests", 0, "expect"), "warn"),
    ("unknown key of a test", ("tests", 0, "want"), "deny"),
    ("unknown key of op", ("tests", 0, "op", "port"), 1),
    ("op without resource", ("tests", 0, "op", "resource"), DROP),
    ("unknown key of subject", ("tests", 0, "subject", "uid"), "0"),
    ("too many groups", ("tests", 0, "subject", "groups"), ["g"] * 65),
    ("context of a test is a number", ("tests", 0, "subject", "context", "k"), 1),
]

TAKEN = [
    ("as it is", (), None),
    ("no revision", ("revision",), DROP),
    ("no policies", ("policies",), DROP),
    ("empty lists", ("policies", 0, "scope"), {"users": [], "groups": []}),
    ("id at its longest", ("policies", 0, "id"), "a" * 128),
    ("end of day", RULE + ("when", "time", "to"), "24:00"),
    ("farthest zone", RULE + ("when", "time", "zone"), "-14:00"),
    ("named zone", RULE + ("when", "time", "zone"), "Europe/Berlin"),
    ("empty when", RULE + ("when",), {}),
    ("fraction of a second", RULE + ("expires",), "2030-01-01T00:00:00.123456789Z"),
    ("method", ("policies", 0, "rules"), [{"id": "r", "actions": ["request:GET", "http:request:x-y", "request:*"],
                                           "resources": ["h.example"], "decision": "deny"}]),
]

# Beyond a schema: the loader alone refuses these.
LOADER_ALONE = [
    ("bad network", RULE + ("resources",), ["10.0.0.1/8"]),
    ("actions of two kinds", RULE + ("actions",), ["connect:tcp", "read"]),
    ("a day that is none", RULE + ("expires",), "2030-02-30T00:00:00Z"),
    ("a test that fails", ("tests", 0, "expect"), "allow"),
]


def changed(path, value):
    document = copy.deepcopy(BASE)
    if not path:
        return document
    at = document
    for step in path[:-1]:
        at = at[step]
    if value is DROP:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


def without_comments(text):
    return STRING_OR_COMMENT.sub(lambda m: m[1] or " ", text)


def refused_by_schema(documents):
    """Numbers of those that do not conform. The validator names at most 20 at once."""
    refused = set()
    for first in range(0, len(documents), 20):
        lines = [json.dumps(d).encode() for d in documents[first:first + 20]]
        refused |= {first + int(fault.split("\t")[0]) - 1 for fault in schema.validate("policy", lines)}
    return refused


class PolicySchema(unittest.TestCase):
    def loads(self, document):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(document, f)
            f.flush()
            done = subprocess.run([service.POLICYCTL, "test", f.name], capture_output=True, timeout=60, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode == 0

    def check(self, cases, by_schema, by_loader):
        documents = [changed(path, value) for _, path, value in cases]
        refused = refused_by_schema(documents)
        for i, (what, _, _) in enumerate(cases):
            with self.subTest(what):
                self.assertEqual(self.loads(documents[i]), by_loader, "the loader")
                if not schema.missing():
                    self.assertEqual(i not in refused, by_schema, "the schema")

    def test_both_refuse(self):
        self.check(REFUSED, False, False)

    def test_both_take(self):
        self.check(TAKEN, True, True)

    def test_the_loader_knows_more(self):
        self.check(LOADER_ALONE, True, False)

    def test_examples(self):
        with open(os.path.join(schema.TOP, "examples", "devbox.json"), encoding="utf-8") as f:
            document = json.loads(without_comments(f.read()))
        self.assertEqual(schema.validate("policy", [json.dumps(document).encode()]), [])
        self.assertTrue(self.loads(document))
        self.assertGreater(len(document["tests"]), 40)

    def test_documentation(self):
        with open(os.path.join(schema.TOP, "docs", "POLICY.md"), encoding="utf-8") as f:
            blocks = re.findall(r"^```json\n(.*?)^```", f.read(), re.M | re.S)
        self.assertEqual(len(blocks), 2)
        whole = json.loads(without_comments(blocks[0]))
        whole["tests"] = json.loads("{" + blocks[1] + "}")["tests"]
        self.assertEqual(schema.validate("policy", [json.dumps(whole).encode()]), [])
        del whole["tests"][0]["rule"]
        self.assertTrue(self.loads(whole))


if __name__ == "__main__":
    tap.main()
