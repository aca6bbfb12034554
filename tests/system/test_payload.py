#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""proto/payload.def, by which the writer checks what others send, and proto/record.schema.json, by which a reader
checks lines, say the same; and whatever a taken process sends, what comes through the checks conforms."""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import schema  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402

NUMBERS = {"LIMIT_NAME": 256, "LIMIT_EVALUATORS": 64, "LIMIT_EVALUATORS + 1": 65, "UINT32_MAX": 2**32 - 1, "UINT8_MAX": 255}
EXACT = 2**53 - 1
PATTERN = {
    "SHA256": "^[0-9a-f]{64}$",
    "METHOD": "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$",
    "SIGNAL": "^SIG[A-Z0-9+]+$",
    "TIME": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{6}Z$",
}
MEMBER = re.compile(r'MEMBER\("(\w+)", (\w+(?:\((?:"[^"]*"|[^()"])*\))?), (NEEDED|OPTIONAL)\)')
ITSELF = "evaluation_peer"  # what the writer puts there


def text_of(name):
    with open(os.path.join(service.TOP, "proto", name), encoding="utf-8") as f:
        return f.read()


def shapes():
    """{action_type: [{member: (form, needed)}]} of payload.def."""
    text = re.sub(r"/\*.*?\*/", "", text_of("payload.def"), flags=re.S).replace("\\\n", "")
    for name, body in re.findall(r"^#define (OF_\w+)(.*)$", text, re.M):
        text = re.sub(rf"^(?!#).*\b{name}\b", lambda m, n=name, b=body: m[0].replace(n, b.strip()), text, flags=re.M)
    names = dict(re.findall(r'^ACTION_TYPE\((\w+),\s*\d+,\s*"(\w+)"', text_of("action.def"), re.M))
    found = {}
    for shape in re.split(r"^SHAPE\(", re.sub(r"^#.*$", "", text, flags=re.M), flags=re.M)[1:]:
        rows = {name: (form, need == "NEEDED") for name, form, need in MEMBER.findall(shape)}
        assert len(rows) == shape.count("MEMBER("), shape
        found.setdefault(names[re.match(r"\w+, (\w+)\)", shape)[1]], []).append(rows)
    return found


def number(text):
    return NUMBERS[text] if text in NUMBERS else int(text)


def wanted(form):
    """A form as a schema says it."""
    name, _, rest = form.partition("(")
    args = [a.strip() for a in rest[:-1].split(",")] if rest else []
    if name == "WORD":
        return {"enum": sorted(args[0].strip('"').split("|"))}
    if name in ("INT", "COUNT", "SEQ"):
        least, most = {"COUNT": (0, EXACT), "SEQ": (1, EXACT)}.get(name) or map(number, args)
        return {"type": "integer", "minimum": least, "maximum": most}
    if name == "STRING":
        return {"type": "string", "minLength": number(args[0]), "maxLength": number(args[1])}
    if name == "STRINGS":
        return {"type": "array", "maxItems": number(args[2]), "items": wanted(f"STRING({args[0]}, {args[1]})")}
    if name == "NUMBERS":
        return {"type": "array", "maxItems": number(args[0]), "uniqueItems": True, "items": wanted("INT(0, UINT32_MAX)")}
    if name in PATTERN:
        return {"type": "string", "pattern": PATTERN[name]}
    if name == "COUNTS":
        return {"type": "object", "additionalProperties": wanted("COUNT")}
    if name == "CLAIMS":
        members = {"user": "STRING(0, 256)", "groups": "STRINGS(0, 256, 64)", "email": "STRING(0, 256)"}
        return {"type": "object", "minProperties": 1, "required": [],
                "properties": {k: wanted(v) for k, v in members.items()}}
    return {"TEXT": {"type": "string", "minLength": 1}, "BOOL": {"type": "boolean"}, "TRUE": {"enum": [True]},
            "OBJECT": {"type": "object", "maxProperties": 64}}[name]


class Table(service.unittest.TestCase):
    def setUp(self):
        with open(schema.path_of("record"), "rb") as f:
            self.definitions = strict.loads(f.read().strip())["definitions"]

    def plain(self, rule):
        """A rule with its references followed, in one spelling."""
        if "$ref" in rule:
            rule = self.definitions[rule["$ref"].rsplit("/", 1)[1]]
        rule = {k: v for k, v in rule.items() if k not in ("description", "allOf")}
        if "const" in rule:
            rule = {"enum": [rule["const"]]}
        if "enum" in rule:
            rule["enum"] = sorted(rule["enum"])
        if rule.get("type") == "string" and "pattern" not in rule:
            rule.setdefault("minLength", 0)
        if "items" in rule:
            rule["items"] = self.plain(rule["items"])
        if "properties" in rule:
            assert rule.pop("additionalProperties") is False
            rule["properties"] = {k: self.plain(v) for k, v in rule["properties"].items() if k != ITSELF}
            rule["required"] = sorted(k for k in rule.get("required", []) if k != ITSELF)
        elif rule.get("additionalProperties"):
            rule["additionalProperties"] = self.plain(rule["additionalProperties"])
        if "oneOf" in rule and "properties" not in rule:
            rule["oneOf"] = [self.plain(r) for r in rule["oneOf"]]
        return rule

    def rule_of(self, action):
        for category in ("evaluation", "execution", "management"):
            found = self.definitions[category]["properties"]
            if action in found:
                return self.plain(found[action])
        raise AssertionError(action)

    @staticmethod
    def as_schema(rows):
        return {"type": "object", "required": sorted(k for k, (_, needed) in rows.items() if needed),
                "properties": {k: wanted(form) for k, (form, _) in rows.items()}}

    def test_they_say_the_same(self):
        table = shapes()
        self.assertGreater(len(table), 14)
        for action, rows in table.items():
            if action == "process":
                continue
            with self.subTest(action):
                rule = self.rule_of(action)
                rules = rule["oneOf"] if "oneOf" in rule else [rule]
                self.assertEqual([self.as_schema(r) for r in rows], rules)

    def test_how_a_process_ended(self):
        """The schema says with if and oneOf what the table says with three shapes."""
        exited, killed, jailed = shapes()["process"]
        rule = self.rule_of("process")
        together = self.as_schema({**jailed, **killed, **exited})
        self.assertEqual(rule["properties"], together["properties"])
        common = {k for k, (_, needed) in exited.items() if needed} & {k for k, (_, needed) in killed.items() if needed}
        self.assertEqual(rule["required"], sorted(common))
        self.assertEqual(set(killed) - set(exited), {"signal"})
        self.assertEqual(set(exited) - set(killed), {"exit"})
        self.assertEqual(set(jailed) - set(killed), {"sandbox_violation"})
        self.assertEqual(jailed["signal"], ('WORD("SIGSYS")', True))
        self.assertEqual(rule["oneOf"], [{"required": ["exit"]}, {"required": ["signal"]}])
        self.assertEqual(rule["then"], {"required": ["sandbox_violation"]})

    def test_every_kind_that_others_may_send_is_there(self):
        actions = re.findall(r'^ACTION_TYPE\(\w+,\s*\d+,\s*"(\w+)",\s*RECORD_(\w+),\s*(\w+)\)', text_of("action.def"), re.M)
        sent = {name for name, category, noters in actions
                if category in ("EVALUATION", "EXECUTION") or noters != "0"}
        self.assertEqual(set(shapes()), sent)


class Lines(service.unittest.TestCase):
    def test_what_comes_through_conforms(self):
        with tempfile.TemporaryDirectory(prefix="t") as top:
            path = os.path.join(top, "lines")
            done = subprocess.run([os.path.join(service.BUILD, "unit", "test_payload")],
                                  env={**os.environ, "SEALWRIGHT_LINES": path}, capture_output=True, timeout=300, check=False)
            said = (done.stdout + done.stderr).decode(errors="replace")
            self.assertEqual(done.returncode, 0, said[-2000:])
            with open(path, "rb") as f:
                lines = f.read().splitlines(keepends=True)
        print(f"# {len(lines)} lines, {re.search('seed [0-9]+', said)[0]}")
        self.assertGreater(len(lines), 5000)
        self.assertLessEqual(max(map(len, lines)), 8192)
        for line in lines[::7]:
            strict.loads(line.strip())
        self.assertEqual(schema.validate("record", lines), [])


if __name__ == "__main__":
    tap.main()
