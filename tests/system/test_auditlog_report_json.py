#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog report --json: each figure against the page, the text and a count of the same files in Python."""

import collections
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402
from evidence_log import START, LogBuilder, _plain, time_text  # noqa: E402
from report_case import ALL, Case, report  # noqa: E402
from report_log import DAY, EVIL, INCIDENTS, PEER, decision, lines_of, random_log, top  # noqa: E402
from report_page import Page, number  # noqa: E402

KEPT = 25
# Names that programs rely on: none may go, and none may mean anything else.
MEMBERS = ["type", "title", "origin", "directory", "made", "version", "from", "to", "first_time", "last_time", "narrowed", "verify",
           "pins_given", "max_age", "tree", "figures", "bar_unit", "bars", "hosts", "versions", "denials", "requests", "revisions",
           "events", "incidents", "gaps", "segments_closed_unusually", "controls"]
FIGURES = ["records", "left_out", "decisions", "outcomes", "events", "own_records", "allowed", "denied_on_record_only", "denied",
           "denied_without_rule", "denied_not_understood", "decisions_with_username", "decisions_with_peer",
           "outcomes_without_success", "events_error", "events_warning", "heartbeats", "records_that_agree_with_seals",
           "records_not_sealed", "records_without_good_seal", "segments_sealed", "segments_not_sealed", "records_outside_of_bars",
           "denied_without_record", "runs", "places_unreadable"]
KINDS = ["origin", "start", "stop", "loaded", "refused", "configuration", "admin", "segments", "recovery", "unrecorded", "storage",
         "clock", "process", "channel", "input", "error"]
ON_PAGE = {"Records": "records", "Decisions": "decisions", "Allowed": "allowed", "Denied": "denied",
           "Denied on record only": "denied_on_record_only", "Denied without a record": "denied_without_record",
           "Outcomes": "outcomes", "Application events": "events", "The service's own records": "own_records",
           "Runs of the service": "runs", "Segments sealed": "segments_sealed", "Segments not sealed": "segments_not_sealed"}


def counted(records, log, left_out=0):
    """The figures by another way. All records stand in sealed segments."""
    decided = [r for r in records if "decision" in r]
    denied = [r for r in decided if r["decision"] == "AUDIT_DECISION_DENY"]
    mode = collections.Counter(r.get("enforcement_mode", "enforce") == "enforce" for r in denied)
    own = [r for r in records if r["category"] == "AUDIT_CATEGORY_MANAGEMENT"]
    levels = collections.Counter(r.get("level") for r in records)
    sessions = {r["audit_session_id"] for r in records}
    return {"records": len(records), "left_out": left_out, "decisions": len(decided), "own_records": len(own),
            "outcomes": sum(r["category"] == "AUDIT_CATEGORY_EXECUTION" for r in records),
            "events": sum(r["category"] == "AUDIT_CATEGORY_EVENT" for r in records),
            "allowed": len(decided) - len(denied), "denied": mode[True], "denied_on_record_only": mode[False],
            "denied_without_rule": sum("rule_id" not in r for r in denied),
            "denied_not_understood": sum(r["action_type"] == "unknown_action" for r in denied),
            "decisions_with_username": sum("username" in r for r in decided), "decisions_with_peer": sum("peer" in r for r in decided),
            "outcomes_without_success": sum(r.get("execution", {}).get("success") is False for r in records),
            "events_error": levels["error"], "events_warning": levels["warning"],
            "heartbeats": sum(r["action_type"] == "heartbeat" for r in own),
            "denied_without_record": sum(r["unrecorded"]["count"] for r in own if "unrecorded" in r),
            "records_that_agree_with_seals": len(records), "records_not_sealed": 0, "records_without_good_seal": 0,
            "segments_sealed": len(log.names), "segments_not_sealed": 0, "records_outside_of_bars": 0, "places_unreadable": 0,
            "runs": len(sessions)}


def of_table(table):
    return [(row["value"], row["records"]) for row in table["top"]]


class Json(Case):
    def both(self, log, *args, code=0):
        """The object, strictly read, and the page on the same."""
        given = ["--key", judges.Key(log.vkey).path, *args]
        _, out, _ = report("--json", *given, log.directory, code=code)
        self.assertEqual(out.count(b"\n"), 1)
        said = strict.loads(out[:-1])
        self.assertEqual([*said], MEMBERS)
        self.assertEqual([*said["figures"]], FIGURES)
        self.assertEqual([*said["incidents"]], KINDS)
        page = Page(report("--format", "html", *given, log.directory, code=code)[1])
        self.same(said, page)
        return said, page

    def same(self, said, page):
        """All that both show."""
        figures = said["figures"]
        self.assertEqual({k: figures[v] for k, v in ON_PAGE.items()}, page.figures)
        for fact, name in (("Agree with their seals", "records_that_agree_with_seals"), ("Not sealed yet", "records_not_sealed"),
                           ("Without a good seal", "records_without_good_seal")):
            self.assertEqual(number(page.facts[fact].split()[0]), figures[name])
        times = "none" if said["first_time"] is None else f"{said['first_time']} to {said['last_time']}"
        self.assertEqual((page.facts["Records in it"], page.facts.get("Narrowed to"), page.title), (times, said["narrowed"], said["title"]))
        self.assertEqual(page.facts["Period"], " to ".join(said[k][:19].replace("T", " ") + " UTC" for k in ("from", "to")))
        self.assertEqual(page.verdict[1:], [", ".join([said["verify"]["verdict"], *said["verify"]["caveats"]]), said["verify"]["reason"]])
        for title, (group, kind) in {"Users": ("requests", "user"), "Clients": ("requests", "client"), "Rules": ("requests", "rule"),
                                     "Sandboxes": ("requests", "sandbox"), "Actions": ("requests", "action")}.items():
            rows = [[row["value"], row["records"], row["denied"]] for row in said[group][kind]["top"]]
            self.assertEqual([[r[0], number(r[1]), number(r[2])] for r in page.tables.get(title, [])], rows)
        for title, kind in (("What was denied most", "resource"), ("By which rule", "rule"), ("To whom", "user"),
                            ("Through which client", "client"), ("Why", "reason")):
            self.assertEqual([(r[0], number(r[1])) for r in page.tables.get(title, [])], of_table(said["denials"][kind]))
        self.assertEqual([(r[0], number(r[1])) for r in page.tables.get("Application events", [])], of_table(said["events"]))
        self.same_lists(said, page)

    def same_lists(self, said, page):
        """Charts, incidents, controls."""
        for chart, names in (("Decisions", ("allowed", "denied_on_record_only", "denied")),
                             ("Other records", ("events", "outcomes", "own_records"))):
            rows = [[row[0], *map(number, row[1:])] for row in page.charts[f"{chart}, by {said['bar_unit']}"]]
            bars = [[bar["time"], *(bar[name] for name in names)] for bar in said["bars"] if any(bar[name] for name in names)]
            self.assertEqual([row[1:] for row in rows], [bar[1:] for bar in bars])
            for row, bar in zip(rows, bars):
                self.assertTrue(bar[0].replace("T", " ").startswith(row[0]), (row, bar))
        overview = {row[0]: row[1:] for row in page.tables["Changes and incidents"]}
        for incident in said["incidents"].values():
            title = incident["title"]
            self.assertEqual(number(overview[title][0]), incident["records"])
            summed = f"{incident['sum']:,} {incident['unit']}" if incident["unit"] and incident["records"] else ""
            self.assertEqual((overview[title][1], incident["sum"] is None), (summed, incident["unit"] is None))
            rows = [[i["time"][:23].replace("T", " "), str(i["seq"]), i["who"], f"{i['file']}, byte {i['byte']}"] for i in incident["first"]]
            self.assertEqual([[*row[:3], row[4]] for row in page.tables.get(title, [])], rows)
        for control in said["controls"]:
            rows = {row[0]: row[1:] for row in page.tables[control["catalogue"]]}
            self.assertEqual(rows.pop(control["control"]), [control[k] for k in ("asks", "shows", "cannot_show")])
        self.assertEqual(len(said["controls"]), sum(len(page.tables[c]) for c in {c["catalogue"] for c in said["controls"]}))

    def test_counts(self):
        seed = int(os.environ.get("SEALWRIGHT_SEED", str(random.randrange(1 << 32))))
        print(f"# seed {seed}", flush=True)
        log = random_log(self.build(seed=seed, start=START - 5 * DAY), seed, 1000)
        log.run()
        log.add(3)
        log.write()
        records = [r for r, _, _ in lines_of(log)]
        said, _ = self.both(log, *ALL)
        self.assertEqual(said["figures"], counted(records, log))
        self.counted_tables(said, records)
        days = collections.defaultdict(lambda: [0] * 6)
        for r in records:
            enforced = r.get("enforcement_mode", "enforce") == "enforce"
            kind = ({"ALLOW": 0, "DENY": 2 if enforced else 1}[r["decision"][15:]] if "decision" in r
                    else ["EVENT", "EXECUTION", "MANAGEMENT"].index(r["category"][15:]) + 3)
            days[r["timestamp"][:10] + "T00:00:00.000000Z"][kind] += 1
        self.assertEqual({bar["time"]: [*bar.values()][1:] for bar in said["bars"]}, days)
        # Narrowed, of a time.
        some = ("--user", "alice", "--from", records[100]["timestamp"], "--to", records[-1]["timestamp"])
        said, _ = self.both(log, *some)
        period = [r for r in records if r["timestamp"] >= records[100]["timestamp"]]
        part = [r for r in period if r["category"].endswith("MANAGEMENT") or r.get("username") == "alice"]
        names = {name for r, name, _ in lines_of(log) if r["timestamp"] >= records[100]["timestamp"]}
        expected = counted(part, log, len(period) - len(part)) | {"segments_sealed": len(names)}
        self.assertEqual((said["figures"], said["narrowed"]), (expected, "--user alice"))
        self.assertEqual((said["from"], said["to"]), (records[100]["timestamp"], records[-1]["timestamp"]))

    def counted_tables(self, said, records):
        decided = [r for r in records if "decision" in r]
        denied = [r for r in decided if r["decision"].endswith("DENY")]
        user = lambda r: r.get("username", f"uid {r['peer']['uid']}" if "peer" in r else None)  # noqa: E731
        rule = lambda r: f"{r['policy_id']}/{r['rule_id']}" if "rule_id" in r else None  # noqa: E731
        wanted = {("requests", "user"): (decided, user), ("requests", "rule"): (decided, rule), ("denials", "user"): (denied, user),
                  ("denials", "rule"): (denied, rule)}
        for kind, name in (("client", "client_name"), ("sandbox", "sandbox_id"), ("action", "action")):
            wanted["requests", kind] = (decided, lambda r, name=name: r.get(name))
        for kind, name in (("client", "client_name"), ("resource", "resource_id")):
            wanted["denials", kind] = (denied, lambda r, name=name: r.get(name))
        for (group, kind), (of, key) in wanted.items():
            counter = collections.Counter(key(r) for r in of if key(r) is not None)
            table = said[group][kind]
            self.assertEqual((of_table(table), table["distinct"], table["others"]), (top(counter), len(counter), 0), kind)
        for name, key in (("hosts", "hostname"), ("versions", "app_version"), ("revisions", "policy_revision"), ("events", "event")):
            counter = collections.Counter(r[key] for r in records if key in r)
            self.assertEqual((of_table(said[name]), said[name]["distinct"]), (top(counter), len(counter)), name)

    def test_incidents(self):
        log = self.build(segments=[2])
        log.add([log.line(kind) for i, (kind, _) in enumerate(INCIDENTS.values()) for _ in range(20 + i)]).write()
        said, _ = self.both(log, *ALL)
        for (title, (kind, added)), incident in zip(INCIDENTS.items(), said["incidents"].values()):
            same = [(r, name, at) for r, name, at in lines_of(log) if r["action_type"] == kind[1] and all(
                r.get(kind[1], {}).get(k) == (kind[2] or {}).get(k) for k in ("event", "result"))]
            first = [(r["timestamp"], r["seq"], name, at) for r, name, at in same[:KEPT]]
            self.assertEqual((incident["title"], incident["records"]), (title, len(same)))
            self.assertEqual([tuple(i[k] for k in ("time", "seq", "file", "byte")) for i in incident["first"]], first)
            self.assertEqual((incident["sum"], incident["unit"]), (added[1] * len(same), added[0]) if added else (None, None))
            code, out, _ = judges.run([judges.AUDITLOG, "count", *shlex.split(incident["search"]), log.directory])
            self.assertEqual((code, int(out)), (0, len(same)))

    def test_verdict(self):
        """What verify says, word by word, and what was asked."""
        log = self.build(segments=[5, 5])
        log.add(4, state="recovered", torn_bytes=9)
        log.add(4, state="poisoned")
        log.tail(2)
        log.prune(1).write()
        pin = "{}:{}".format(*log.pin(1))
        asked = ("--pin", pin, "--max-age", "3650d")
        said, _ = self.both(log, *asked, *ALL, code=3)
        code, told, _ = judges.run([judges.AUDITLOG, "verify", "--json", "--key", judges.Key(log.vkey).path, *asked, log.directory])
        self.assertEqual((code, said["verify"]), (3, json.loads(told)))
        self.assertEqual((said["verify"]["verdict"], said["pins_given"], said["max_age"], said["origin"]),
                         ("PRUNED", [pin], "3650d", log.origin))
        self.assertEqual(said["tree"], {"seals": 4, "root": seals.merkle_root([seals.leaf(t) for t in log.texts]).hex()})
        self.assertEqual(said["gaps"], {"seals_missing_at_front": 0, "segments_pruned": 1})
        self.assertEqual([tuple(s.values()) for s in said["segments_closed_unusually"]],
                         [(log.names[i], state, 4, log.seals[i]["last_time"]) for i, state in ((2, "recovered"), (3, "poisoned"))])
        self.assertEqual([said["figures"][k] for k in ("records_not_sealed", "segments_not_sealed")], [2, 1])
        # A fault is told, too, and the figures are those of what is there.
        with open(log.path(log.names[2]), "r+b") as f:
            f.write(b"[")
        _, out, err = report("--json", "--key", judges.Key(log.vkey).path, *ALL, log.directory, code=1)
        said = strict.loads(out[:-1])
        self.assertEqual((said["verify"]["verdict"], said["verify"]["fault"]["file"]), ("BROKEN", log.names[2]))
        self.assertEqual((said["figures"]["places_unreadable"], said["figures"]["records_without_good_seal"]), (1, 7))
        self.assertIn(f"{log.names[2]}: byte 0: ", err)

    def test_nothing(self):
        os.mkdir(self.path("empty"))
        said = strict.loads(report("--json", self.path("empty"), code=4)[1][:-1])
        self.assertEqual([said[k] for k in ("origin", "first_time", "last_time", "narrowed", "tree", "max_age", "bars", "pins_given")],
                         [None] * 6 + [[], []])
        self.assertEqual(set(said["figures"].values()), {0})

    def test_hostile(self):
        """Names of any bytes: the object stays what it is."""
        log = self.build(segments=[2], hostname="h")
        for evil in EVIL:
            log.add([log.line(decision(False, evil, (evil, evil), user=evil, client=evil, sandbox=evil, action=evil), hostname=evil),
                     log.line(_plain("EVENT", "application_event", None, event=evil, level="error", actor=evil, details={evil: evil}, peer=PEER))])
        log.write()
        given = ("--title", EVIL[0], "--where", "hostname=*", *ALL)
        _, out, _ = report("--json", *given, "--top", "200", log.directory, code=3)
        said = strict.loads(out[:-1])
        records = [r for r, _, _ in lines_of(log)]
        self.assertEqual(dict(of_table(said["requests"]["user"])),
                         collections.Counter(r.get("username", "uid 1000") for r in records if "decision" in r))

        self.assertEqual((said["title"], said["narrowed"]), (EVIL[0], "--where 'hostname=*'"))
        # On a terminal nothing of it does anything, and it means the same.
        command = shlex.join([judges.AUDITLOG, "report", "--json", *given, "--top", "200", log.directory])
        done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
        text = done.stdout.decode().replace("\r\n", "\n")
        self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", text))
        again = strict.loads(text[text.index("{"):text.rindex("}") + 1].encode())
        self.assertEqual(again | {"made": said["made"], "to": said["to"]}, said)

    def test_text(self):
        """The text has the same figures."""
        log = random_log(self.build(), 7, 300).write()
        said, _ = self.both(log, *ALL)
        text = report("--format", "text", "--key", judges.Key(log.vkey).path, *ALL, log.directory, code=0)[1].decode()
        for name, key in ON_PAGE.items():
            self.assertRegex(text, rf"(?m)^{re.escape(name)} +{said['figures'][key]:,}  ")
        figures = said["figures"]
        self.assertIn(f"{figures['outcomes_without_success']} without success", text)
        for n, one in ((figures["events_error"], "error"), (figures["events_warning"], "warning"), (figures["heartbeats"], "heartbeat")):
            self.assertIn(f"{n} {one}{'' if n == 1 else 's'}", text)

    def test_same_again(self):
        """Two reports of the same are the same; --format json is --json."""
        log = random_log(self.build(), 5, 300).write()
        made = {re.sub(rb'"made":"[^"]*"', b"", report(*form, *ALL, log.directory)[1]) for form in (["--json"], ["--format", "json"]) * 3}
        self.assertEqual(len(made), 1)

    def test_documented(self):
        """Every name stands in the manual page."""
        with open(os.path.join(service.TOP, "docs", "man", "auditlog.1"), encoding="utf-8") as f:
            manual = f.read()
        words = set(re.findall(r"[a-z_]+", manual[manual.index(".Ic report Fl -json"):manual.index(".Sh FILES")]))
        self.assertEqual([name for name in MEMBERS + FIGURES + KINDS if name not in words], [])

    @unittest.skipUnless(shutil.which("jq"), "jq is not installed")
    def test_questions(self):
        """What the page on reports tells to ask of it."""
        log = random_log(self.build(), 3, 200).write()
        out = report("--json", *ALL, log.directory)[1]
        with open(os.path.join(service.TOP, "docs", "REPORT.md"), encoding="utf-8") as f:
            questions = re.findall(r"(?m)^    (jq .*) october\.json$", f.read())
        self.assertEqual(len(questions), 3)
        answers = [subprocess.run(shlex.split(q), input=out, capture_output=True, check=True).stdout.decode() for q in questions]
        said = json.loads(out)
        self.assertEqual(json.loads(answers[0]), {k: said["figures"][k] for k in json.loads(answers[0])})
        self.assertEqual(answers[1].splitlines(), [f"{n}\t{value}" for value, n in of_table(said["denials"]["resource"])])
        self.assertEqual(answers[2].splitlines(), [f"{i['records']}\t{i['title']}" for i in said["incidents"].values() if i["records"]])


if __name__ == "__main__":
    tap.main()
