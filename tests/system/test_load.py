#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""More than the service can do: ten times its capacity, connections beyond the limit, clients that do not read or stop in
mid-line, one uid against another. Nothing is lost, memory is bounded, the counters add up with the clients' own and the log's.

SEALWRIGHT_LOAD_SECONDS: how long each load lasts (1; 120 and more are what it is for; a second of overload leaves some
60 MB in TMPDIR until the test ends)."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fates  # noqa: E402
import procs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

LOAD = os.path.join(service.BUILD, "unit", "load")
AUDITLOG = os.path.join(service.BUILD, "bin", "auditlog")
SECONDS = int(os.environ.get("SEALWRIGHT_LOAD_SECONDS", "1"))
OVER = 10
LINE_BYTES = 4096
GREEDY, MODEST = 12001, 12002  # uids that nobody has
KIB_OF_A_CONNECTION = 8        # beside its line: descriptors of libevent, replies under way
UID_KIB = 16 << 10             # of replies of one uid: ACCOUNT_REPLIES_MAX
UNACKED = 4096                 # records of one channel that the writer holds, each up to 8 KiB
FIXED_KIB = 24 << 10           # rings, frames, the policy, the allocator's own


class Load(service.Case):
    def begin(self, **limits):
        """A service whose rules are those of the ledger."""
        s = self.make(policy=fates.policy(1), conf={"limits": {"line_bytes": LINE_BYTES, **limits}}, evaluators=2)
        for path in (os.environ.get("TMPDIR", ""), self.top, s.top):
            if path.startswith("/tmp/"):
                os.chmod(path, 0o711)
        s.spawn().wait_ready()
        os.chmod(s.socket, 0o666)
        self.addCleanup(self.put_away, s)
        self.loads = []
        return s

    @staticmethod
    def put_away(s):
        """Before the checks that every test ends with: line by line, in memory, they are not for logs of gigabytes."""
        s.end_hard()
        s.gone()
        shutil.rmtree(s.audit)
        os.mkdir(s.audit)

    def load(self, s, name, **options):
        """Begin one; finish() waits for it."""
        path = os.path.join(self.top, "fates-" + name)
        args = {"id": name, "fates": path, "seconds": SECONDS, **options}
        process = subprocess.Popen([LOAD, s.socket, *(f"{k}={v}" for k, v in args.items())], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(procs.end_all, [process.pid])
        self.loads.append((name, path))
        return process

    def finish(self, process):
        """Its counts."""
        out, _ = process.communicate(timeout=SECONDS + 4 * service.PATIENCE)
        self.assertEqual(process.returncode, 0)
        counts = json.loads(out)
        self.assertEqual(counts["wrong"], 0, counts)
        return counts

    def memory(self, s):
        """The most that one of each role has had, KiB."""
        found = {}
        for pid in [s.pid, *procs.descendants(s.pid)]:
            role = procs.role(pid)
            found[role] = max(found.get(role, 0), int(procs.status(pid, "VmHWM")[0]))
        return found

    def bounded(self, s, before, connections, uids):
        if service.SANITIZED:
            return
        after = self.memory(s)
        bounds = {"evaluator": FIXED_KIB + connections * (LINE_BYTES // 1024 + KIB_OF_A_CONNECTION) + uids * UID_KIB,
                  "writer": FIXED_KIB + 3 * UNACKED * 8, "admin": 4096, "supervisor": 4096}
        print(f"# KiB resident: before {before}, peak {after}, bound {bounds}")
        for role, kib in bounds.items():
            self.assertLess(after[role] - before[role], kib, role)

    @staticmethod
    def totals(s):
        """Of a status; nothing while it cannot be put on record in time."""
        return s.admin("status").get("status", {}).get("totals")

    def quiet(self, s):
        """Nobody is connected any more, and a status says so: it is made anew once a second at most. Its totals, which add
        up among themselves."""
        def status():
            t = self.totals(s)
            return t if t and (t["connections"], t["waiting"], t["unacked"]) == (0, 0, 0) else None
        t = self.eventually(status, "every connection is closed")
        self.assertEqual(t["asked"], t["answered"] + t["unanswered"], t)
        self.assertEqual(t["asked"], t["recorded"] + t["unrecorded"] + t["without_record"], t)
        return t

    def closed(self, s):
        """The segments of the log, in order, after an end."""
        self.assertEqual(s.terminate(), 0, s.said())
        s.gone()
        paths = [os.path.join(s.audit, n) for n in os.listdir(s.audit)]
        return sorted((p for p in paths if p.endswith(".jsonl")), key=fates.first_seq)

    def on_record(self, s, paths):
        """The ledger of a whole life."""
        ledger = fates.Ledger()
        for name, path in self.loads:
            ledger.told(path, name)
        for path in paths:
            ledger.check(fates.lines_of(path))
        self.assertEqual(ledger.finish(), [])
        done = subprocess.run([AUDITLOG, "verify", "--key", os.path.join(s.audit, "origin.vkey"), s.audit], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return ledger

    def test_overload(self):
        """Ten times what it can do, for as long as told: back-pressure, and nothing else."""
        s = self.begin()
        measured = self.finish(self.load(s, "capacity", connections=16, window=64, seconds=1))
        capacity = measured["answered"]
        before = self.memory(s)
        over = self.finish(self.load(s, "over", connections=300, window=0, rate=OVER * capacity))
        print(f"# {capacity} a second; asked {OVER} times as fast, {over['sent']} were taken, {over['answered']} answered")
        self.assertEqual((over["sent"], over["broken"], over["failed"]), (over["recorded"], 0, 0), over)
        t = self.quiet(s)
        self.assertEqual(t["asked"], measured["sent"] + over["sent"])
        self.assertEqual(t["answered"], measured["answered"] + over["answered"])
        self.assertEqual((t["unrecorded"], t["without_record"], t["timeouts"]), (0, 0, 0))
        self.bounded(s, before, 300, 1)
        ledger = self.on_record(s, self.closed(s))
        self.assertEqual((sum(ledger.by_load.values()), ledger.matched), (t["recorded"], t["recorded"]))

    def test_connections_beyond_the_limit(self):
        """Each of them is let in and served, or told of the limit; there is room again when others have gone."""
        s = self.begin(connections=1500, connections_per_uid=1200)
        before = self.memory(s)
        crowd = self.load(s, "crowd", connections=3500, window=4, rate=3500, seconds=600)

        def all_seen():
            t = self.totals(s)
            return t and t["accepted"] + t["refused"] == 3500
        self.eventually(all_seen, "3500 connections are let in or refused")
        crowd.terminate()
        crowd = self.finish(crowd)
        print(f"# {crowd}")
        self.assertEqual((crowd["connected"], crowd["failed"]), (3500, 0))
        t = self.quiet(s)
        self.assertEqual((t["refused"], t["accepted"]), (crowd["refused"], 3500 - crowd["refused"]))
        self.assertGreaterEqual(crowd["refused"], 3500 - 2 * 1200)
        self.assertLessEqual(t["accepted"], 2 * 1200)
        self.assertEqual(t["answered"], crowd["answered"])
        self.bounded(s, before, 1200, 1)
        again = self.finish(self.load(s, "again", connections=500, window=1, rate=500))
        self.assertEqual((again["refused"], again["broken"], again["sent"]), (0, 0, again["answered"]))
        self.on_record(s, self.closed(s))

    def test_manners(self):
        """Clients that do not read, read slowly, stop in mid-line, leave or send rubbish, in bursts; one that does not."""
        s = self.begin(answer_ms=2000)
        before = self.memory(s)
        ways = {"reads": {"connections": 4, "window": 4, "rate": 400}, "bursts": {"connections": 50, "rate": 8000, "burst": 300},
                "never": {"connections": 30, "window": 0, "rate": 50000, "manner": "never", "again": 1},
                "slowly": {"connections": 30, "window": 0, "rate": 3000, "manner": "slowly"},
                "stops": {"connections": 50, "window": 4, "rate": 500, "manner": "stops", "again": 1},
                "leaves": {"connections": 10, "rate": 2000, "manner": "leaves", "again": 1},
                "rude": {"connections": 10, "manner": "rude", "again": 1}}
        seconds = max(SECONDS, 3)  # longer than a deadline
        running = {name: self.load(s, name, seconds=seconds, **options) for name, options in ways.items()}
        counts = {name: self.finish(process) for name, process in running.items()}
        for name, c in counts.items():
            print(f"# {name}: {c}")
        self.assertEqual((counts["reads"]["sent"], counts["reads"]["broken"]), (counts["reads"]["recorded"], 0))
        t = self.quiet(s)
        print(f"# {t}")
        self.assertGreaterEqual(t["answered"], sum(c["answered"] for c in counts.values()))
        self.assertGreater(t["malformed"], 0)
        self.bounded(s, before, sum(w["connections"] for w in ways.values()), 1)
        self.assertEqual(sum(self.on_record(s, self.closed(s)).by_load.values()), t["recorded"])

    @service.unittest.skipUnless(os.geteuid() == 0, "being another uid needs root")
    def test_fair_to_other_uids(self):
        """A uid that floods over 300 connections does not keep another from being served: one that asks now and then has every
        answer, and one that asks as fast as it may, over one connection, has a share that hundreds of connections do not buy."""
        s = self.begin()
        before = self.memory(s)
        greedy = self.load(s, "greedy", uid=GREEDY, connections=300, window=0, rate=1000000, seconds=SECONDS + 1)
        modest = self.load(s, "modest", uid=MODEST, connections=2, window=1, rate=100, seconds=SECONDS)
        busy = self.load(s, "busy", uid=MODEST + 1, connections=1, window=512, seconds=SECONDS)
        modest, busy, greedy = self.finish(modest), self.finish(busy), self.finish(greedy)
        self.assertEqual((modest["sent"], modest["broken"], modest["refused"]), (modest["recorded"], 0, 0))
        self.assertEqual((busy["sent"], busy["broken"]), (busy["recorded"], 0))
        print(f"# greedy {greedy['answered']}, busy {busy['answered']}, modest {modest['answered']} "
              f"(of it none waited longer than {modest['waited_us'] / 1000:.0f} ms)")
        self.quiet(s)
        self.bounded(s, before, 303, 3)
        paths = self.closed(s)
        share = self.share(paths, b'"busy.', b'"greedy.')
        print(f"# while both asked, the one connection had {share * 100:.1f} % of the records; by connections it were 0.3 %")
        self.assertGreater(share, 0.05)
        self.on_record(s, paths)

    @staticmethod
    def share(paths, one, other):
        """Of the records of both between the first and the last one of the first."""
        seen = ""
        for path in paths:
            for line in fates.lines_of(path):
                seen += "1" if one in line[-160:] else "2" if other in line[-160:] else ""
        seen = seen.strip("2")
        return seen.count("1") / max(len(seen), 1)


class Ledger(service.unittest.TestCase):
    """The judge of the others: it sees what is lost, doubled, invented or decided otherwise."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="t")
        self.addCleanup(shutil.rmtree, self.top)

    @staticmethod
    def lines(*asked, decide=fates.allows):
        """A chain of records: who asked, and for which host."""
        prev = "0" * 64
        for seq, (request, host) in enumerate(asked, 1):
            decision = "ALLOW" if decide(1, host) else "DENY"
            line = (f'{{"decision":"AUDIT_DECISION_{decision}","resource_id":"h{host}.example:443","policy_revision":"1",'
                    f'"request_id":"{request}","seq":{seq},"prev_hash":"{prev}"}}\n').encode()
            prev = hashlib.sha256(b"\0" + line).hexdigest()
            yield line

    def judge(self, replies, lines, sent=3):
        """Kinds of faults; replies: (number, record or 0, host)."""
        path = os.path.join(self.top, "fates")
        with open(path, "wb") as f:
            for number, seq, host in replies:
                f.write(struct.pack("=IIQ", 7, number, seq << 2 | (1 if seq and fates.allows(1, host) else 2)))
            f.write(struct.pack("=IIQ", 7, sent, fates.SENT))
        ledger = fates.Ledger()
        ledger.told(path, "a")
        ledger.check(lines)
        ledger.finish()
        return sorted(kind for kind, n in ledger.counts.items() if n)

    def test_what_it_sees(self):
        asked = [("a.7.0", 0), ("a.7.1", 1), ("a.7.2", 2)]
        replies = [(0, 1, 0), (1, 2, 1), (2, 3, 2)]
        all_three = list(self.lines(*asked))
        self.assertEqual(self.judge(replies, all_three), [])
        self.assertEqual(self.judge(replies[:2], all_three), [])
        self.assertEqual(self.judge(replies, all_three[:2]), ["lost"])
        self.assertEqual(self.judge(replies, [all_three[0], all_three[2]]), ["lost"])
        self.assertEqual(self.judge(replies, self.lines(asked[0], asked[2], asked[1])), ["doubled", "lost"])
        self.assertEqual(self.judge(replies, self.lines(*asked, asked[2])), ["doubled"])
        self.assertEqual(self.judge(replies[:2] + [(2, 2, 2)], all_three), ["doubled", "lost"])
        self.assertEqual(self.judge(replies, self.lines(*asked, ("a.7.3", 3))), ["invented"])
        self.assertEqual(self.judge(replies, self.lines(*asked, ("b.7.0", 3))), ["invented"])
        self.assertEqual(self.judge(replies[:2] + [(2, 0, 2)], all_three), ["invented"])
        self.assertEqual(self.judge(replies, self.lines(*asked, decide=lambda *_: True)), ["wrong"])


if __name__ == "__main__":
    tap.main()
