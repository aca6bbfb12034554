#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog report: figures against a plain count of the same files in Python, the verdict against auditlog verify,
pages read strictly whatever is in the records, and a browser that looks at one."""

import collections
import datetime
import json
import os
import random
import re
import shlex
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import anchor  # noqa: E402
import browser  # noqa: E402
import judges  # noqa: E402
import procs  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import START, LogBuilder, _plain, time_text  # noqa: E402
from report_case import ALL, Case, report  # noqa: E402
from report_log import DAY, EVIL, INCIDENTS, PEER, Counted, decision, lines_of, random_log  # noqa: E402
from report_page import Page, number  # noqa: E402

MEMORY = 64 << 20
KEPT = 25


class Figures(Case):
    def check(self, page, records):
        counted = Counted(records)
        self.assertEqual({k: page.figures[k] for k in counted.figures}, counted.figures)
        for name, rows in counted.who.items():
            found = [(r[0], number(r[1]), number(r[2])) for r in page.tables.get(name, [])]
            self.assertEqual(found, rows, name)
        for name, rows in counted.denials.items():
            self.assertEqual([(r[0], number(r[1])) for r in page.tables.get(name, [])], rows, name)
        return counted

    def test_counts(self):
        seed = int(os.environ.get("SEALWRIGHT_SEED", str(random.randrange(1 << 32))))
        print(f"# seed {seed}")
        log = random_log(self.build(seed=seed, start=START - 5 * DAY), seed).write()
        records = [r for r, _, _ in lines_of(log)]
        page = self.page(log, *ALL)
        counted = self.check(page, records)
        self.assertEqual([r for r in page.charts["Decisions, by day"]], counted.days)
        self.assertEqual(page.facts["Records in it"],
                         f"{min(r['timestamp'] for r in records)} to {max(r['timestamp'] for r in records)}")
        self.assertEqual(page.facts["Agree with their seals"], f"{len(records)} records")
        self.assertEqual(page.figures["Segments sealed"], len(log.names))
        # A part of it by time, at the borders of records.
        for low, high in ((0, 0), (100, 400), (1499, 1499)):
            texts = [r["timestamp"] for r in records]
            part = [r for r in records if texts[low] <= r["timestamp"] <= texts[high]]
            self.check(self.page(log, "--from", texts[low], "--to", texts[high]), part)
        # And by what others did, while the service's own records stay.
        narrowed = self.page(log, *ALL, "--user", "alice", "--decision", "deny")
        part = [r for r in records if r["category"].endswith("MANAGEMENT") or
                (r.get("username") == "alice" and r.get("decision", "").endswith("DENY"))]
        self.check(narrowed, part)
        self.assertEqual(narrowed.facts["Narrowed to"], "--decision deny --user alice")
        # What finds the rest takes the filters along, quoted.
        narrowed = self.page(log, *ALL, "--actor", "s*d", "--where", "level=err*r")
        self.assertEqual(narrowed.facts["Narrowed to"], "--actor 's*d' --where 'level=err*r'")
        errors = sum(r.get("level") == "error" and r.get("actor") == "sshd" for r in records)
        more = [text for _, text in narrowed.paragraphs if "--level error" in text]
        self.assertEqual(len(more), errors > KEPT)
        for text in more:
            found = judges.run([judges.AUDITLOG, "count", *shlex.split(text.partition("search ")[2])[:-1], log.directory])[1]
            self.assertEqual(int(found), errors)
        narrowed = self.page(log, *ALL, "--user", "alice", "--decision", "deny")
        self.assertIn(("warn", f"This report is narrowed: {len(records) - len(part)} other records of the period are not in "
                       "its figures. The service's own records are all there."), narrowed.paragraphs)

    def test_incidents(self):
        """Each kind: how many, which first ones, where they stand, and the search that finds all of them."""
        log = self.build(segments=[2])
        expected = collections.defaultdict(list)
        for n in range(3):
            for i, (title, (kind, _)) in enumerate(INCIDENTS.items()):
                log.add([log.line(kind) for _ in range(1 + (i + n) % 3 * 10)])
        log.write()
        for title, (kind, _) in INCIDENTS.items():
            for record, name, at in lines_of(log):
                payload, wanted = record.get(record["action_type"], {}), kind[2] or {}
                same = record["action_type"] == kind[1] and all(
                    payload.get(k) == wanted.get(k) for k in ("event", "result")) and record.get("level") in (None, "error")
                if same:
                    expected[title].append((record, name, at))
        page = self.page(log, *ALL)
        overview = {row[0]: row[1:] for row in page.tables["Changes and incidents"]}
        for title, (_, added) in INCIDENTS.items():
            with self.subTest(title):
                found = expected[title]
                self.assertEqual(number(overview[title][0]), len(found))
                self.assertEqual(overview[title][1], f"{added[1] * len(found)} {added[0]}" if added else "")
                rows = page.tables[title]
                self.assertEqual([int(row[1]) for row in rows], [r["seq"] for r, _, _ in found[:KEPT]])
                self.assertEqual([row[4] for row in rows], [f"{name}, byte {at}" for _, name, at in found[:KEPT]])
                self.assertEqual([row[0] for row in rows],
                                 [r["timestamp"][:23].replace("T", " ") for r, _, _ in found[:KEPT]])
        more = [text for _, text in page.paragraphs if text.startswith("And ") and "auditlog search" in text]
        self.assertEqual(len(more), sum(len(v) > KEPT for v in expected.values()))
        for text in more:
            match = re.fullmatch(r"And (\d+) more: auditlog search (.*) DIR", text)
            code, out, _ = judges.run([judges.AUDITLOG, "count", *shlex.split(match[2]), log.directory])
            self.assertEqual((code, int(out)), (0, int(match[1]) + KEPT), text)
        self.assertIn("no such action", str(page.tables["Policies that were refused"]))
        self.assertEqual(page.tables["Requests of administrators: status, rotation, reload"][0][2], "uid 1000")
        self.assertEqual(page.tables["Policy changes"][1][2], "the service")

    def test_modes(self):
        """On record only is what the record says so of: a denial that names no mode was one."""
        log = self.build(segments=[2])
        kinds = [decision(False, "a.example:443", None, mode=mode) for mode in ("enforce", "warn", "audit", "enforce")]
        del kinds[-1][3]["enforcement_mode"]
        log.add([log.line(kind) for kind in kinds]).write()
        page = self.page(log, *ALL)
        self.check(page, [r for r, _, _ in lines_of(log)])
        self.assertEqual((page.figures["Denied"], page.figures["Denied on record only"]), (2, 2))

    def test_units(self):
        """Bars are as long as the period asks for."""
        first, minute = START - 10000 * DAY, 60_000_000
        log = self.build(segments=[200], start=first).write()
        for length, unit in ((minute, "minute"), (119 * minute, "minute"), (3 * 60 * minute, "hour"), (5 * DAY, "day"),
                             (200 * DAY, "week"), (900 * DAY, "month"), (9000 * DAY, "year")):
            page = self.page(log, "--from", time_text(first - DAY), "--to", time_text(first + length))
            self.assertIn(f"Decisions, by {unit}", page.charts)
            counted = sum(number(n) for name in ("Decisions", "Other records") for row in page.charts[f"{name}, by {unit}"]
                          for n in row[1:])
            self.assertEqual(counted, page.figures["Records"])

    def test_crowd(self):
        """More names than are told apart: it says so, in bounded memory."""
        log = self.build(segments=[2])
        for part in range(7):
            log.add([log.line(decision(False, f"host-{part}-{i}.example:443", None, user=f"user-{part}-{i}",
                                       client="c" * 200 + f"{part}-{i}")) for i in range(2500)])
        log.write()
        # By a small process in between: what starts a program counts as the program's own memory.
        measure = ("import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], check=False); "
                   "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)")
        with open(self.path("page"), "wb") as out:
            done = subprocess.run([sys.executable, "-c", measure, judges.AUDITLOG, "report", "--format", "html", *ALL,
                                   log.directory], stdout=out, stderr=subprocess.PIPE, check=True)
        code, memory = map(int, done.stderr.split())
        print(f"# {memory} KiB")
        self.assertEqual(code, 3)
        if not service.SANITIZED:
            self.assertLess(memory << 10, MEMORY)
        with open(self.path("page"), "rb") as f:
            page = Page(f.read())
        self.assertEqual(page.figures["Denied"], 17500)
        said = [text for tone, text in page.paragraphs if tone == "warn" and "told apart" in text]
        self.assertGreaterEqual(len(said), 4)
        self.assertIn("at least 16384 users asked.", page.text)
        self.assertEqual(len(page.tables["Users"]), 10)
        self.assertEqual(len(self.page(log, *ALL, "--top", "37").tables["Users"]), 37)


class Verdicts(Case):
    def both(self, log, *args, pinned=True):
        """Report and verify say the same, and end alike."""
        given = [*(["--key", judges.Key(log.vkey).path] if pinned else []), *args]
        code, told, _ = judges.run([judges.AUDITLOG, "verify", "--json", *given, log.directory])
        told = json.loads(told)
        _, out, _ = report("--format", "html", *given, *ALL, log.directory, code=code)
        page = Page(out)
        words = ", ".join([told["verdict"], *told["caveats"]])
        self.assertEqual(page.verdict[1:], [words, told["reason"]])
        self.assertEqual(page.verdict[0], {0: "good", 1: "bad"}.get(code, "warn"))
        _, text, _ = report("--format", "text", *given, *ALL, log.directory, code=code)
        self.assertIn(f"\n  {words}\n", text.decode())
        unpinned = [text for tone, text in page.paragraphs if text.startswith("NOTHING WAS CHECKED AGAINST A PINNED KEY")]
        self.assertEqual(len(unpinned), 0 if pinned else 1)
        self.assertEqual("pinned key" in page.facts, pinned)
        return page

    def test_good(self):
        log = self.build(segments=[5, 6, 7])
        log.tail(3)
        log.write()
        page = self.both(log, "--pin", "{}:{}".format(*log.pin(1)))
        self.assertEqual(page.verdict[1], "SEALED")
        self.assertEqual(page.facts["pinned key"], log.vkey)
        self.assertEqual(page.facts["newest pin"], "{}:{}".format(*log.pin(2)))
        root = seals.merkle_root([seals.leaf(text) for text in log.texts]).hex()
        self.assertEqual(page.facts["tree"], f"of 3 seals, root {root}")
        self.assertEqual(page.facts["pin given"], "{}:{} (met)".format(*log.pin(1)))
        self.assertEqual((page.facts["Agree with their seals"], page.facts["Not sealed yet"]), ("18 records", "3 records"))
        self.assertEqual((page.figures["Segments sealed"], page.figures["Segments not sealed"]), (3, 1))
        self.assertEqual(page.facts["Log"], log.origin)

    def test_unpinned(self):
        page = self.both(self.build(segments=[5]).write(), pinned=False)
        self.assertEqual(page.verdict[1], "UNPINNED")
        self.assertIn("key beside the log, NOT PINNED", page.facts)

    def test_caveats(self):
        log = self.build(segments=[5, 5])
        log.add(4, state="recovered", torn_bytes=9)
        log.add(4, state="poisoned")
        page = self.both(log.write())
        self.assertEqual(page.verdict[1], "RECOVERED")
        self.assertEqual([row[1] for row in page.tables["Segments that were not closed in the usual way"]],
                         ["recovered", "poisoned"])
        page = self.both(log.prune(1).write())
        self.assertEqual(page.verdict[1], "PRUNED, RECOVERED")
        self.assertIn(("warn", "Segments gone from the front, with their seals kept: 1."), page.paragraphs)
        self.both(log, "--max-age", "1s")
        os.unlink(log.path(log.names[0] + ".seal"))
        page = self.both(log)
        self.assertEqual(page.verdict[1].partition(",")[0], "INCOMPLETE")
        self.assertIn("Seals missing at the front: 1, and with them the segments up to seq 5.", str(page.paragraphs))

    def test_broken(self):
        """The report is made all the same, and says so loudly."""
        log = self.build(segments=[5, 5, 5]).write()
        path = log.path(log.names[1])
        with open(path, "rb") as f:
            data = f.read()
        with open(path, "wb") as f:
            f.write(data.replace(b'"hostname":"build7"', b'"hostname":"build8"', 1))
        page = self.both(log)
        self.assertEqual((page.verdict[1], page.facts["file"], page.facts["line"]), ("BROKEN", log.names[1], "2"))
        self.assertTrue([1 for tone, text in page.paragraphs if tone == "bad" and "NOT AS IT WAS WRITTEN" in text])
        self.assertEqual((page.facts["Agree with their seals"], page.facts["Without a good seal"]), ("5 records", "10 records"))
        self.assertEqual(page.figures["Records"], 15)
        self.assertIn(("plain", "1 good seal, each signed with a key of its own; seq 1 to 5 without a gap."), page.paragraphs)
        self.assertIn(f"Then comes the fault: {log.names[1]}: prev_hash", page.text)
        # What is no record at all is counted nowhere, told with its place, and the code is still that of the verdict.
        with open(path, "wb") as f:
            f.write(data[:-10] + b"\xff" * 9 + b"\n")
        code, out, err = report("--format", "html", *ALL, log.directory, code=1)
        self.assertRegex(err, rf"^auditlog: {re.escape(log.names[1])}: byte \d+: ")
        self.assertIn("1 places in the files of the period are no records", out.decode())
        # Another key.
        self.assertEqual(self.both(self.build("other", seed=1, segments=[3]).write()).verdict[1], "SEALED")
        _, out, _ = report("--format", "html", "--key", judges.Key(log.vkey).path, *ALL, self.path("other"), code=1)
        page = Page(out)
        self.assertEqual(page.verdict[1], "BROKEN")
        self.assertIn(("plain", "No seal is good."), page.paragraphs)
        # Of a key that is another log's nothing follows for this one.
        self.assertIn("OR NOT THE ONE THAT THE KEY, PIN OR ANCHOR IS OF", page.text)
        shown = {row[0]: row[2] for row in page.tables["PCI DSS v4, requirement 10: log and monitor all access"]}
        self.assertEqual(shown["10.3"], "The examination found: BROKEN. The log is not as it was written, or not the one that the "
                         "key, pin or anchor is of.")

    def test_empty(self):
        os.mkdir(self.path())
        _, out, _ = report("--format", "html", self.path(), code=4)
        page = Page(out)
        self.assertEqual((page.verdict[1], page.figures["Records"]), ("INCOMPLETE, UNPINNED", 0))
        self.assertEqual(page.facts["Log"], "not known: nothing is sealed")
        # Nothing sealed yet, and nothing in the period.
        log = self.build("open")
        log.tail(4)
        log.write()
        page = self.both(log)
        self.assertEqual((page.figures["Records"], page.facts["Not sealed yet"]), (4, "4 records"))
        _, out, _ = report("--format", "html", "--to", "2001-01-01", log.directory, code=4)
        page = Page(out)
        self.assertEqual((page.figures["Records"], page.facts["Records in it"]), (0, "none"))
        self.assertIn(("plain", "There is no denial on record in this period."), page.paragraphs)

    def test_anchored(self):
        log = self.build(segments=[5, 5, 5]).write()
        witness, text = anchor.Witness(now=1795240000), anchor.checkpoint_text(log, 2)
        os.mkdir(self.path("anchors"))
        with open(self.path("anchors/a.note"), "wb") as f:
            f.write(text + b"\n" + witness.line(text))
        given = ["--anchors", self.path("anchors")]
        page = self.both(log, *given, "--witness", judges.Key(witness.vkey).path)
        self.assertEqual((page.verdict[1], page.facts["anchor"]), ("ANCHORED", "a.note"))
        self.assertIn("An anchor says from outside", page.text)
        self.assertEqual(self.both(log, *given).facts["unjudged"][:8], "a.note: ")
        self.assertEqual(self.both(self.build("other", seed=1, segments=[3]).write(), *given).verdict[1], "BROKEN")

    def test_part_unreadable(self):
        """Behind the seals a line that is no record: the verdict's code gives way to that of an error."""
        log = self.build(segments=[3])
        log.tail(1, after=b'{"no record\n')
        log.write()
        code, out, err = report("--format", "html", "--key", judges.Key(log.vkey).path, *ALL, log.directory, code=2)
        self.assertEqual(Page(out).verdict[1], "SEALED")
        self.assertIn(": byte ", err)


class Hostile(Case):
    def setUp(self):
        super().setUp()
        self.log = self.build("<b>&'\"x", segments=[2], hostname="h")
        for evil in EVIL:
            lines = [self.log.line(decision(False, evil, (evil, evil), user=evil, client=evil, sandbox=evil, action=evil),
                                   hostname=evil, app_version=evil, policy_revision=evil, deny_reason=[evil, evil]),
                     self.log.line(decision(True, evil, None, user=evil)),
                     self.log.line(_plain("EVENT", "application_event", None, event=evil, level="error", actor=evil,
                                          details={evil: evil, "x": {evil: [evil]}}, peer=PEER))]
            for kind, _ in INCIDENTS.values():
                lines.append(self.log.line((*kind[:2], {**(kind[2] or {}), "cause": evil, "first": evil, "revision": evil,
                                                        "fault": evil, evil + "k": evil}, *kind[3:])))
            self.log.add(lines)
        self.log.write()

    def test_page(self):
        page = self.page(self.log, *ALL, "--top", "200", "--title", EVIL[1], "--policy", "*")
        self.assertEqual(page.title, EVIL[1])
        self.assertEqual(page.facts["Directory"], self.log.directory)
        found = {row[0] for row in page.tables["Users"]}
        self.assertTrue({EVIL[i] for i in (0, 1, 2, 3, 4, 5, 6, 7, 13, 14, 17, 18)} <= found)
        self.assertIn("a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6c\\xe2\\x80\\x8f", found)
        self.assertIn("\\x1b[31mred\\x07\\x0d\\x0aX", found)
        self.assertIn("u" * 160 + "…", found)
        self.assertEqual(len(found), len(EVIL))
        self.assertNotIn("<img", page.text)
        for svg in page.svgs:
            self.assertTrue({e.tag for e in svg.iter()} <= {"svg", "title", "desc", "g", "rect", "line", "text"})

    def test_title(self):
        for title in ("\udcff", "x" * 201):
            self.assertEqual(report("--title", title, self.log.directory)[0], 2)

    def test_text(self):
        _, out, _ = report("--format", "text", "--title", EVIL[10], *ALL, "--top", "200", self.log.directory, code=3)
        text = out.decode()
        self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", text))
        self.assertIn("<script>alert(1)</script>", text)
        self.assertIn("\\x1b[31mred", text)

    def test_seals(self):
        """Names and members of hostile seals."""
        for name in self.log.names[:3]:
            with open(self.log.path(name + ".seal"), "wb") as f:
                f.write(b'{"type":"<script>"}\n' + b"\xff\x1b" * 50)
        code, out, _ = report("--format", "html", *ALL, self.log.directory)
        self.assertEqual(code, 1)
        page = Page(out)
        self.assertEqual(page.verdict[1], "BROKEN")
        self.assertEqual([row[1] for row in page.tables["Segments that were not closed in the usual way"]],
                         ["its seal is none"] * 3)


class Text(Case):
    def test_same(self):
        """The text has the figures of the page."""
        log = random_log(self.build(), 7, 300).write()
        page = self.page(log, *ALL)
        _, out, _ = report("--format", "text", "--key", judges.Key(log.vkey).path, *ALL, log.directory, code=0)
        text = out.decode()
        for name, n in page.figures.items():
            self.assertRegex(text, rf"(?m)^{re.escape(name)} +{n:,}  ")
        for name in page.sections + page.headings:
            self.assertIn(f"\n{name}\n", text)
        for row in page.tables["Users"]:
            self.assertRegex(text, rf"(?m)^{row[0]} +{row[1]} +{row[2]} +")
        for rows in (page.tables["SOC 2, CC6.1: logical access"], page.tables["CIS Controls v8, control 8: audit log management"]):
            for row in rows:
                for cell in row:
                    self.assertIn(" ".join(cell.split()), " ".join(text.split()))
        self.assertLessEqual(max(len(line) for line in text[text.index("\nControls\n"):].splitlines()), 110)


class Manners(Case):
    def test_options(self):
        log = self.build(segments=[3]).write()
        for args in (["--format", "xml"], ["--from", "soon"], ["--from", "-1d", "--to", "-2d"], ["--top", "0"], ["--top", "201"],
                     ["--decision", "x"], ["--max-age", "x"], ["--pin", "x"], ["--tsa-ca", "x"], ["--json", "--format", "json"]):
            with self.subTest(args):
                code, out, err = report(*args, log.directory)
                self.assertEqual((code, out), (2, b""))
                self.assertIn("Try 'auditlog report --help'.", err)
        for args in ([log.path(log.names[0])], ["-"], [self.path("none")], ["--key", self.path("none"), log.directory]):
            code, out, err = report(*args)
            self.assertEqual((code, out), (2, b""), args)
            self.assertRegex(err, r"^auditlog: .*: (Not a directory|No such file or directory)\n$")
        code, out, _ = report("--help", code=0)
        for word in (b"--key", b"--from", b"--format", b"--title", b"4 incomplete"):
            self.assertIn(word, out)

    def test_documented(self):
        """What the pages tell to type."""
        log = self.build(segments=[3]).write()
        key = judges.Key(log.vkey).path
        for name in ("READING.md", "REPORT.md"):
            with open(os.path.join(service.TOP, "docs", name), encoding="utf-8") as f:
                command = re.search(r"auditlog (report --key[^`\n]*) >october.html", f.read())[1]
            args = [key if arg.endswith(".vkey") else arg for arg in shlex.split(command)[1:]]
            _, out, err = report(*args, log.directory, code=0)
            self.assertEqual((Page(out).facts["Period"], err),
                             ("2026-10-01 00:00:00 UTC to 2026-10-31 23:59:59 UTC", ""))

    def test_usual(self):
        """The last 30 days, HTML unless it is a terminal."""
        now = int(datetime.datetime.now().timestamp()) * 1_000_000
        for name, start in (("old", now - 40 * DAY), ("new", now - 20 * DAY)):
            LogBuilder(self.path(name), segments=[4], start=start).write()
        self.assertEqual(Page(report(self.path("old"))[1]).figures["Records"], 0)
        self.assertEqual(Page(report(self.path("new"))[1]).figures["Records"], 4)
        told = subprocess.run(["script", "-qec", f"{judges.AUDITLOG} report {self.path('new')}", "/dev/null"],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        self.assertTrue(told.stdout.startswith(b"Audit log report\r\n====="), told)

    def test_output_fails(self):
        log = random_log(self.build(), 3, 300).write()
        with open("/dev/full", "wb") as full:
            for form in ("html", "text", "json"):
                done = subprocess.run([judges.AUDITLOG, "report", "--format", form, *ALL, log.directory], stdout=full,
                                      stderr=subprocess.PIPE, check=False)
                self.assertEqual((done.returncode, done.stderr.decode()),
                                 (2, "auditlog: standard output: No space left on device\n"))
        done = subprocess.Popen([judges.AUDITLOG, "report", *ALL, log.directory], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        done.stdout.close()
        self.assertEqual(done.wait(), 2)
        self.assertIn(b"standard output: Broken pipe", done.stderr.read())
        done.stderr.close()

    def test_same_again(self):
        """Two reports of the same are the same, but for when they were made."""
        log = random_log(self.build(), 5, 800).write()
        made = {re.sub(rb"(<dt>Made</dt><dd><bdi>)[^<]*", rb"\1", report("--format", "html", *ALL, log.directory)[1])
                for _ in range(5)}
        self.assertEqual(len(made), 1)


class Controls(Case):
    def test_words(self):
        """A section for each, each with figures and a limit, and no word that claims what a log cannot."""
        page = self.page(random_log(self.build(), 9, 200).write(), *ALL)
        for name in ("SOC 2, CC6.1", "SOC 2, CC7.2", "SOC 2, CC7.3", "HIPAA, 45 CFR 164.312(b)", "PCI DSS v4, requirement 10",
                     "CIS Controls v8, control 8"):
            heading = [h for h in page.headings if h.startswith(name)]
            self.assertEqual(len(heading), 1, name)
            for row in page.tables[heading[0]]:
                self.assertEqual(len(row), 4)
                self.assertTrue(all(len(cell) > 2 for cell in row), row)
        self.assertNotRegex(page.text.lower(), r"complian|complies|certif(?!icates)|conform|guarantee")
        self.assertIn("are not addressed by it", page.text)
        said = "The figures of this section are narrowed, too"
        self.assertNotIn(said, page.text)
        narrowed = self.page(LogBuilder(self.path("other"), segments=[9]).write(), *ALL, "--user", "nobody")
        self.assertEqual(len([1 for tone, text in narrowed.paragraphs if tone == "warn" and said in text]), 1)

    def test_new_logs(self):
        """A log that begins is told where the start of logging is asked about."""
        log = self.build()
        log.add([log.line(INCIDENTS["New logs and their first keys"][0]), log.line()])
        shown = {row[0]: row[2] for row in self.page(log.write(), *ALL).tables["PCI DSS v4, requirement 10: log and monitor all access"]}
        self.assertIn("New logs begun: 1.", shown["10.2.1.6"])


class Real(service.Case):
    def test_service(self):
        """What a service has really gone through."""
        s = self.start()
        with open(os.path.join(s.audit, "origin.vkey"), encoding="utf-8") as f:
            key = judges.Key(f.read().strip())
        c = s.client()
        for request in [service.ALLOWED] * 7 + [service.DENIED] * 5 + [service.UNMATCHED] * 3:
            c.ask(request)
        for policy in ({**service.POLICY, "revision": "test.2"}, "{"):
            s.write_policy(policy)
            procs.wait_until(lambda: "at most once a second" not in json.dumps(s.admin("reload")), service.PATIENCE,
                             "a reload that is not too soon")
        s.write_policy(service.POLICY)
        s.kill("writer")
        s.wait()
        s.gone()
        s.spawn()
        s.wait_ready()
        s.client().ask(service.DENIED)
        s.stop()
        code, out, err = report("--format", "html", "--key", key.path, "--from", "-1d", s.audit)
        self.assertEqual((code, err), (3, ""))
        page = Page(out)
        records = []
        for name in sorted(n for n in os.listdir(s.audit) if n.endswith(".jsonl")):
            with open(os.path.join(s.audit, name), encoding="utf-8") as f:
                records += [json.loads(line) for line in f]
        self.assertEqual(page.verdict[1], "RECOVERED")
        for name, n in {"Records": len(records), "Decisions": 16, "Allowed": 7, "Denied": 9, "Runs of the service": 2}.items():
            self.assertEqual(page.figures[name], n, name)
        overview = {row[0]: number(row[1]) for row in page.tables["Changes and incidents"]}
        self.assertEqual([overview[k] for k in ("Starts of the service", "Clean ends of the service", "Policies that were refused",
                                                "Recoveries after a crash", "New logs and their first keys")], [2, 1, 1, 1, 1])
        self.assertEqual(overview["Policy changes"], sum("policy" in r and r["policy"]["result"] == "loaded" for r in records))


class Browser(Case):
    @unittest.skipUnless(browser.FOUND, "chromium is not installed")
    def test_rendered(self):
        """No error, no request, charts that have a size; also narrow, and on paper."""
        log = random_log(self.build(start=START - 20 * DAY), 11, 800)
        log.add([log.line(decision(False, evil, None, user=evil)) for evil in EVIL])
        log.write()
        page = self.path("report.html")
        with open(page, "wb") as f:
            f.write(report("--format", "html", *ALL, log.directory)[1])
        with browser.Browser() as b:
            b.open("file://" + page)
            charts = b.evaluate("[...document.querySelectorAll('figure .wide > svg')].map(e => "
                                "[e.getBoundingClientRect().width, e.getBoundingClientRect().height, e.querySelectorAll('rect').length])")
            self.assertEqual(len(charts), 3)
            for width, height, bars in charts:
                self.assertGreater(width, 500)
                self.assertGreater(height, 100)
                self.assertGreater(bars, 3)
            self.assertEqual(b.evaluate("document.querySelectorAll('script, img, iframe, object, embed, link, form').length"), 0)
            self.assertNotEqual(b.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth"), "0px")
            for width in (1200, 400):
                b.resize(width, 900)
                self.assertLessEqual(b.evaluate("document.documentElement.scrollWidth"), width)
            self.assertGreater(len(b.pdf()), 10000)
            self.assertEqual(b.said, [])
            self.assertEqual(b.requests, ["file://" + page])


if __name__ == "__main__":
    tap.main()
