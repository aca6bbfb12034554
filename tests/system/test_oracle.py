#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The engine against a second reading of docs/POLICY.md (tests/lib/oracle.py): random policies and requests, and every
table of that document. ORACLE_PAIRS=1000000 asks so many (a few minutes), ORACLE_SEED=N the same ones again."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import oracle  # noqa: E402
import policy_pairs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

ENGINE = os.path.join(service.BUILD, "unit", "policy_evaluate")
PAIRS = int(os.environ.get("ORACLE_PAIRS", "10000"))
SEED = int(os.environ.get("ORACLE_SEED", time.time_ns() & 0xffffffff))
REQUESTS = 100  # of each policy
BATCH = 100  # policies of one run of the engine
DOCUMENT = os.path.join(service.TOP, "docs", "POLICY.md")


def engine(lines):
    """Its answers, one for each of these objects."""
    with tempfile.TemporaryFile() as questions:
        questions.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        questions.seek(0)
        done = subprocess.run([ENGINE], stdin=questions, capture_output=True, check=False, timeout=600)
    if done.returncode != 0:
        raise AssertionError(f"{ENGINE}: {done.returncode}: {done.stderr.decode(errors='replace')}")
    answers = done.stdout.decode().splitlines()
    assert len(answers) == len(lines), (len(answers), len(lines))
    return answers


def question(action, resource, subject, now):
    asked = {"action": action, "resource": resource, "now": now}
    asked.update((k, v) for k, v in subject._asdict().items() if v)
    return asked


def show(found):
    return " ".join(x or "-" for x in found)


def expected(documents, action, resource, subject, now):
    """What the engine has to say; of a refusal only that it is one."""
    try:
        r = oracle.request(action, resource)
    except oracle.Refused:
        return "refused"
    answer, record = oracle.evaluate(documents, r, subject, now)
    return f"{r.resource}\t{show(answer)}\t{show(record)}"


def without_reason(answer):
    return "refused" if answer.startswith("refused ") else answer


class Random(unittest.TestCase):
    maxDiff = None

    def pairs_of_policy(self, make):
        """Its documents, and (question, expected answer) for each of its requests."""
        documents = make.documents()
        pairs = []
        for _ in range(REQUESTS):
            action, resource = make.aimed(documents) if not make.chance(5) else make.op()
            subject, now = make.subject(), make.moments(documents)
            pairs.append((question(action, resource, subject, now), expected(documents, action, resource, subject, now)))
        return documents, pairs

    def compare(self, policies):
        lines = []
        for documents, pairs in policies:
            lines.append({"documents": [json.dumps(d) for d in documents]})
            lines += [asked for asked, _ in pairs]
        answers = iter(engine(lines))
        for documents, pairs in policies:
            loaded = next(answers)
            self.assertRegex(loaded, "^ok ", json.dumps(documents))
            for asked, wanted in pairs:
                answer = without_reason(next(answers))
                if answer != wanted:
                    self.fail(f"{json.dumps(asked)}\nengine {answer}\noracle {wanted}\nof {json.dumps(documents, indent=1)}")
                self.count(answer)

    def count(self, answer):
        self.asked += 1
        if answer == "refused":
            self.refused += 1
        elif not answer.endswith("- -") or "- -\t" not in answer:
            self.decided += 1

    def test_pairs(self):
        policy_pairs.ZONES = policy_pairs.known_zones()
        print(f"# ORACLE_SEED={SEED}, {len(policy_pairs.ZONES)} time zones", flush=True)
        make = policy_pairs.Pairs(SEED)
        self.asked = self.decided = self.refused = 0
        while self.asked < PAIRS:
            policies = [self.pairs_of_policy(make) for _ in range(min(BATCH, 1 + (PAIRS - self.asked - 1) // REQUESTS))]
            self.compare(policies)
        print(f"# {self.asked} pairs agree: {self.decided} decided by a rule, {self.refused} refused")
        self.assertGreater(self.decided, self.asked / 4, "too few requests met a rule")


def rows(name):
    """The cells of a table of the document, each as the spans in it, and as text."""
    with open(DOCUMENT, encoding="utf-8") as f:
        text = f.read().split(f"<!-- table: {name} -->\n")[1].split("<!-- end -->")[0]
    for line in text.splitlines()[2:]:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        yield [re.findall("`([^`]*)`", cell) for cell in cells], cells


POLICIES = {"e": ("host", "enforce"), "s": ("sandbox", "enforce"), "o": ("org", "enforce"), "w": ("host", "warn"),
            "u": ("host", "audit"), "v": ("org", "audit")}
NOON = oracle.microseconds("2026-11-21T12:00:00Z")


def one_rule(action, pattern, **more):
    return {"id": "r", "actions": [action], "resources": [pattern], "decision": "allow", **more}


def document(policies):
    return {"schema": "sealwright-policy/1", "revision": "1", "policies": policies}


def case_document(spans):
    policies = {}
    for span in spans:
        name, _, more = span.partition(" ")
        letter, _, rule = name.partition("/")
        source, mode = POLICIES[letter]
        policy = policies.setdefault(letter, {"id": letter, "source": source, "mode": mode, "rules": []})
        if not rule:
            policy["scope"] = json.loads(more)
            continue
        decision, action, pattern, *more = more.split(" ", 3)
        policy["rules"].append(one_rule(action, pattern, id=rule, decision=decision, **(json.loads(more[0]) if more else {})))
    return document(list(policies.values()))


def case_subject(spans):
    """(subject, now)."""
    fields, groups, context = {}, [], {}
    for key, _, value in (span.partition("=") for span in spans):
        if key == "group":
            groups.append(value)
        elif key.startswith("context."):
            context[key[len("context."):]] = value
        else:
            fields[key] = value
    now = oracle.microseconds(fields.pop("at")) if "at" in fields else NOON
    return oracle.Subject(groups=groups, context=context, **fields), now


def finding(span):
    decision, mode, rule = span.split()
    return oracle.Finding(decision, mode, *(rule.split("/") if rule != "-" else (None, None)))


class Document(unittest.TestCase):
    """Each row holds for the oracle and for the engine."""

    def setUp(self):
        self.lines, self.rows = [], []  # for the engine, which answers them all at once

    def check(self, row, policy, op, subject, now, wanted):
        """wanted: (answer, record) as the document says them."""
        r = oracle.request(*op)
        found = oracle.evaluate([policy], r, subject, now)
        self.assertEqual(found, wanted, row)
        self.lines += [{"documents": [json.dumps(policy)]}, question(*op, subject, now)]
        self.rows.append((row, f"{r.resource}\t{show(wanted[0])}\t{show(wanted[1])}"))

    def check_engine(self, least):
        self.assertGreater(len(self.rows), least)
        for (row, wanted), answer in zip(self.rows, engine(self.lines)[1::2]):
            self.assertEqual(answer, wanted, row)

    def test_cases(self):
        for (policies, asked, answer, record), cells in rows("cases"):
            subject, now = case_subject(asked[1:])
            self.check(cells, case_document(policies), asked[0].split(" ", 1), subject, now,
                       (finding(answer[0]), finding(record[0] if record else answer[0])))
        self.check_engine(60)

    def test_windows(self):
        known = policy_pairs.known_zones()
        for ((window,), holds, holds_not), cells in rows("windows"):
            rule = one_rule("exec", "/x", when={"time": json.loads(window)})
            if rule["when"]["time"].get("zone", "UTC") not in known:
                continue
            for moment in holds + holds_not:
                allow = moment in holds
                wanted = oracle.Finding("allow", "enforce", "p", "r") if allow else oracle.Finding("deny", "enforce", None, None)
                self.check([cells, moment], document([{"id": "p", "rules": [rule]}]), ("proc:exec", "proc:path:/x"), oracle.Subject(),
                           oracle.microseconds(moment), (wanted, wanted))
        self.check_engine(30)

    REQUEST_ACTIONS = {"connect:tcp": "net:connect:tcp", "connect:udp": "net:connect:udp", "ssh:connect": "ssh:connect", "read": "fs:read",
                       "exec": "proc:exec", "request:GET": "http:request:GET", "invoke": "tool:invoke"}

    def test_patterns(self):
        questions, wanted = [], []
        for ((action,), (pattern,), matches, others), cells in rows("patterns"):
            rule = one_rule(action, pattern)
            questions.append({"documents": [json.dumps(document([{"id": "p", "rules": [rule]}]))]})
            wanted.append((cells, "ok"))
            for resource in matches + others:
                r = oracle.request(self.REQUEST_ACTIONS[action], resource)
                self.assertEqual(oracle.MATCHES[r.kind](pattern, r), resource in matches, cells)
                questions.append(question(self.REQUEST_ACTIONS[action], resource, oracle.Subject(), NOON))
                wanted.append((cells, "allow" if resource in matches else "deny"))
        for (cells, want), answer in zip(wanted, engine(questions)):
            self.assertEqual(answer.split("\t")[-1].split()[0], want, (cells, answer))

    def test_canonical(self):
        n = 0
        for ((action,), (given,), *_), cells in rows("canonical"):
            good = cells[2].startswith("`")
            try:
                made = "`" + oracle.request(action, given).resource + "`"
            except oracle.Refused:
                made = None
            self.assertEqual(made, cells[2] if good else None, cells)
            n += 1
        self.assertGreater(n, 70)


if __name__ == "__main__":
    tap.main()
