#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The clock is set forward and back, says 1970, 2038 and later, repeats a second; the machine sleeps, or stands still:
each step has its record, chain and seals hold, and readers still find every record by its time."""

import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import clocked  # noqa: E402
import procs  # noqa: E402
import service  # noqa: E402
import storage  # noqa: E402
import tap  # noqa: E402

SEED = int(os.environ.get("SEALWRIGHT_SEED", str(random.randrange(1 << 32))))
HOUR, DAY, YEAR = 3600, 86400, 31556952
STANDS = 4000  # ms
LAST_TIME = "9999-12-31T23:59:59.999999Z"


def policy(*rules):
    return {"schema": "sealwright-policy/1", "revision": "clock.1",
            "policies": [{"id": "net", "source": "host", "mode": "enforce", "rules": list(rules)}]}


def rule(name, **more):
    return {"id": name, "actions": ["connect:tcp"], "resources": [f"{name}.example.com:443"], "decision": "allow", **more}


class Case(storage.Case):
    def moved(self, name="s", args=("--rotate-records", "1000"), **options):
        """A service whose clocks the test moves, not started."""
        s = self.make(name, args=list(args), evaluators=1, **options)
        clock = clocked.Clock(s.top)
        s.program = clock.program("policyd")
        return s, clock

    def verified(self, s, clock, *options, expect=3):
        """By a reader on that host: nothing wrong, only the key is the one found beside the log."""
        code, out, err = service.run([clock.program("auditlog"), "verify", *options, s.audit])
        self.assertEqual((code, err), (expect, ""), out)
        return out

    def found(self, clock, audit, *options):
        """seqs that a search says."""
        code, out, err = service.run([clock.program("auditlog"), "search", "--json", *options, audit])
        self.assertIn(code, (0, 1), err)
        self.assertEqual(err, "")
        return [json.loads(line)["seq"] for line in out.splitlines()]

    def steps(self, log):
        return [(clocked.seconds_of(r["clock_step"]["old"]), clocked.seconds_of(r["clock_step"]["new"]))
                for r in log.management("clock_step")]


class Steps(Case):
    def test_forward_and_back(self):
        """One record for each step, with both times; what is within a second and never runs back has none."""
        s, clock = self.moved()
        s.spawn().wait_ready()
        good, wanted = self.ask(s, 3), []
        for by in (HOUR, -2 * HOUR, 0.4, 3 * YEAR, -1.5, -3 * YEAR, 2.0):
            clock.step(by)
            if by != 0.4:
                wanted.append(by)
            good += self.ask(s, 2)
        log = s.stop()
        self.recorded(log, good)
        found = [new - old for old, new in self.steps(log)]
        self.assertEqual(len(found), len(wanted), found)
        for by, was in zip(wanted, found):
            self.assertAlmostEqual(was, by, delta=0.6)
        self.assertEqual({r["clock_step"]["boot_id"] for r in log.management("clock_step")},
                         {r["session"]["boot_id"] for r in log.management("session") if "boot_id" in r["session"]})
        self.verified(s, clock)

    def test_every_record_is_found_by_its_time(self):
        """Segments are passed over by the times in their seals, files without one by their names: no record may be
        missed for it, wherever the clock went in between."""
        print(f"# SEALWRIGHT_SEED={SEED}")
        chance = random.Random(SEED)
        s, clock = self.moved(args=("--rotate-records", "7"))
        s.spawn().wait_ready()
        for _ in range(30):
            clock.step(chance.choice((HOUR, -HOUR, DAY, -DAY, 5, -5, -1, -0.9, -0.5, 0, 0, 0)))
            self.ask(s, chance.randrange(1, 6))
        self.found_by_time(clock, s.audit, s.log(), chance)
        log = s.stop()
        self.found_by_time(clock, s.audit, log, chance)
        self.verified(s, clock)
        unsealed = os.path.join(self.top, "unsealed")
        shutil.copytree(s.audit, unsealed, ignore=shutil.ignore_patterns("*.seal"))
        self.found_by_time(clock, unsealed, log, chance)

    def found_by_time(self, clock, audit, log, chance):
        times = [(r["timestamp"], r["seq"]) for r in log.records]
        for _ in range(12):
            low, high = sorted((chance.choice(times)[0], chance.choice(times)[0]))
            self.assertEqual(self.found(clock, audit, "--from", low, "--to", high),
                             [seq for when, seq in times if low <= when <= high], (low, high))
        for when, seq in chance.sample(times, 12):
            self.assertIn(seq, self.found(clock, audit, "--from", when, "--to", when))

    def test_a_step_back_begins_a_segment(self):
        """So that first_time and last_time of a seal say what times are in between: none runs back by over a second."""
        s, clock = self.moved()
        s.spawn().wait_ready()
        for by in (0, 5 * HOUR, -3 * HOUR, -0.7, -0.7, -0.7, -2 * HOUR, 4 * HOUR):
            clock.step(by)
            self.ask(s, 2)
        log = s.stop()
        for segment in log.segments:
            times = [clocked.seconds_of(r["timestamp"]) for r in segment.records]
            for at, when in enumerate(times):
                self.assertGreaterEqual(when, max(times[:at + 1]) - 1.0, segment.name)
        self.assertGreaterEqual(len(log.segments), 3)
        self.assertLessEqual(len(log.segments), 6)
        self.verified(s, clock)

    def test_no_room_for_a_segment(self):
        """Where none can be begun, the open one takes the step."""
        s, clock = self.moved(conf={**self.CONF, "trusted_enforcement_points": [os.geteuid()]})
        self.mount(s.audit, "-t", "tmpfs", "-o", "size=3m", "tmpfs")
        s.spawn().wait_ready()
        filler = storage.fill(os.path.join(s.audit, "filler"))
        good = []
        for _ in range(4):
            clock.step(-HOUR)
            good += self.ask(s, 3)
        os.unlink(filler)
        self.eventually(lambda: self.served(s), "served again")
        log = s.stop()
        self.recorded(log, self.good(good))
        self.assertEqual(len(self.good(good)), 12)
        self.assertEqual(len(self.steps(log)), 4)
        self.verified(s, clock)

    def test_while_nobody_runs(self):
        """Between two runs the clock went back: the next one says so before anything else."""
        s, clock = self.moved()
        clock.set("2040-06-01T00:00:00Z")
        s.spawn().wait_ready()
        good = self.ask(s, 3)
        s.stop()
        clock.set("2026-06-01T00:00:00Z")
        s.spawn().wait_ready()
        good += self.ask(s, 3)
        log = s.stop()
        self.recorded(log, good)
        (old, new), = self.steps(log)
        self.assertAlmostEqual(old, clocked.seconds_of("2040-06-01T00:00:00Z"), delta=60)
        self.assertAlmostEqual(new, clocked.seconds_of("2026-06-01T00:00:00Z"), delta=60)
        second = [r for r in log.records if r["audit_session_id"] == log.records[-1]["audit_session_id"]]
        self.assertEqual(second[0]["action_type"], "clock_step")
        self.verified(s, clock)

    def test_rules_by_time_follow(self):
        """Windows and ends of rules go by the clock as it is; deadlines and limits do not."""
        s, clock = self.moved(policy=policy(
            rule("day", when={"time": {"from": "09:00", "to": "17:00", "zone": "Europe/Berlin"}}),
            rule("old", expires="2026-12-01T00:00:00Z")))
        clock.set("2026-11-20T12:00:00Z")
        s.spawn().wait_ready()
        with s.client() as c:
            def decided(name):
                return c.ask({"action": "net:connect:tcp", "resource": f"net:domain:{name}.example.com:443"})["decision"]
            for when, day, old in (("2026-11-20T12:00:00Z", "allow", "allow"), ("2026-11-20T16:30:00Z", "deny", "allow"),
                                   ("2026-07-20T07:30:00Z", "allow", "allow"), ("2026-12-20T08:30:00Z", "allow", "deny"),
                                   ("2026-11-20T07:30:00Z", "deny", "allow"), ("2038-07-20T07:30:00Z", "allow", "deny"),
                                   ("2106-12-20T07:30:00Z", "deny", "deny")):
                clock.set(when)
                self.assertEqual((decided("day"), decided("old")), (day, old), when)
        self.verified_after(s, clock)

    def verified_after(self, s, clock):
        log = s.stop()
        self.verified(s, clock)
        return log

    def test_follower(self):
        """tail -f goes on over a step."""
        s, clock = self.moved(args=("--rotate-records", "5"))
        s.spawn().wait_ready()
        with subprocess.Popen([clock.program("auditlog"), "tail", "-f", "-n", "1", "--json", s.audit], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as tail:
            try:
                self.assertTrue(tail.stdout.readline())  # it is there
                wanted = []
                for by in (0, -DAY, HOUR, -HOUR, 3 * DAY):
                    clock.step(by)
                    wanted += [r["audit_event_id"] for r in self.ask(s, 4)]
                seen = []
                for line in tail.stdout:
                    seen.append(json.loads(line)["audit_event_id"])
                    if wanted[-1] in seen:
                        break
            finally:
                tail.terminate()
        self.assertEqual([x for x in seen if x in set(wanted)], wanted)
        self.verified_after(s, clock)


class Years(Case):
    def test_beyond(self):
        """1970, a clock that is set later, 2038, 2106 and on: records, names, seals, and readers on that host."""
        s, clock = self.moved(args=("--rotate-records", "6"))
        clock.set("1970-01-01T00:00:07Z")
        s.spawn().wait_ready()
        good, when = [], ["1970-01-01T00:00:07Z", "2026-11-21T00:00:00Z", "2038-01-19T03:14:06.8Z", "2040-02-29T12:00:00Z",
                          "2106-02-07T06:28:14.8Z", "2262-04-11T23:47:15.8Z", "2999-12-31T23:59:59.8Z"]
        for text in when:
            if text != when[0]:
                clock.set(text)
            replies = self.ask(s, 4)
            time.sleep(0.4)
            replies += self.ask(s, 4)
            good.append(replies)
            self.assertEqual(self.on_that_host(s, clock), [8, 8], text)
        log = s.stop()
        ids = log.by_id()
        for text, replies in zip(when, good):
            for reply in replies:
                self.assertAlmostEqual(clocked.seconds_of(ids[reply["audit_event_id"]]["timestamp"]),
                                       clocked.seconds_of(text), delta=30)
        self.assertEqual(len(self.steps(log)), len(when) - 1, self.steps(log))
        self.verified(s, clock, "--max-age", "1h")
        self.exports(s, clock, log)

    def on_that_host(self, s, clock):
        """How many decisions of the last minute a reader finds, by search and by summary's default of a day."""
        who = ("--category", "evaluation", "--from", "-1m")
        code, out, err = service.run([clock.program("auditlog"), "summary", "--category", "evaluation", "--json", s.audit])
        self.assertEqual((code, err), (0, ""))
        return [len(self.found(clock, s.audit, *who)), json.loads(out)["records"]]

    def exports(self, s, clock, log):
        """Milliseconds since 1970, where a format wants them, are right beyond 32 bits."""
        code, out, err = service.run([clock.program("auditlog"), "export", "--format", "cef", s.audit])
        self.assertEqual((code, err), (0, ""))
        stamps = {int(word[3:]) // 1000 for line in out.splitlines() for word in line.split() if word.startswith("rt=")}
        self.assertEqual(stamps, {int(clocked.seconds_of(r["timestamp"])) for r in log.records})

    def test_end_of_the_calendar(self):
        """RFC 3339 ends with 9999: later times stand still there; earlier than 1970 is written as it is."""
        s, clock = self.moved(args=("--rotate-records", "5"))
        good = []
        clock.set("9999-12-31T23:59:59.5Z")
        s.spawn().wait_ready()
        for more in (1, 5 * YEAR, 5000 * YEAR):
            good += self.ask(s, 4)
            clock.step(more)
        good += self.ask(s, 4)
        self.assertEqual(s.log().records[-1]["timestamp"], LAST_TIME)
        clock.set("1969-12-31T23:59:59.9Z")
        good += self.ask(s, 4)
        clock.set("1901-01-01T00:00:00Z")
        good += self.ask(s, 4)
        log = s.stop()
        self.recorded(log, good)
        self.assertIn(log.records[-1]["timestamp"][:16], ("1901-01-01T00:00", "1901-01-01T00:01"))
        clock.set("2026-11-21T00:00:00Z")
        self.verified(s, clock)
        self.assertEqual(len(self.found(clock, s.audit, "--from", "9999-12-31T23:59:59Z")),
                         sum(r["timestamp"].startswith("9999") for r in log.records))

    def test_max_age_of_what_is_to_come(self):
        """A log from the future is as little fresh as an old one."""
        s, clock = self.moved()
        clock.set("2030-01-01T00:00:00Z")
        s.spawn().wait_ready()
        self.ask(s, 3)
        s.stop()
        self.verified(s, clock, "--max-age", "1h")
        for text in ("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z"):
            clock.set(text)
            self.verified(s, clock, "--max-age", "1h", expect=4)


class Standing(Case):
    def test_leap_second(self):
        """The last second of the year comes twice: times go back by less than a second, once, and the segment goes on."""
        s, clock = self.moved()
        clock.set("2028-12-31T23:59:59.3Z")
        s.spawn().wait_ready()
        good = []
        with s.client() as c:
            repeated = False
            until = clock.now() + 1.5
            while clock.now() < until:
                if not repeated and clock.now() >= clocked.seconds_of("2029-01-01T00:00:00Z"):
                    clock.step(-1)
                    repeated = True
                good.append(c.ask({"id": 1, **service.ALLOWED}))
        log = s.stop()
        self.recorded(log, good)
        times = [clocked.seconds_of(r["timestamp"]) for r in log.records]
        back = [(a, b) for a, b in zip(times, times[1:]) if b < a]
        print(f"# {len(times)} records, back by {[round(a - b, 3) for a, b in back]}")
        # None, where the test was not run for a second just then.
        self.assertLessEqual(len(back), 1)
        self.assertTrue(all(a - b <= 1.0 for a, b in back))
        self.assertLessEqual(len(back), len(self.steps(log)))
        self.assertLessEqual(len(self.steps(log)), 1)
        self.assertEqual(len(log.segments), (len(log.records) + 999) // 1000)
        chance = random.Random(SEED)
        for r in chance.sample(log.records, 8):
            self.assertIn(r["seq"], self.found(clock, s.audit, "--from", r["timestamp"], "--to", r["timestamp"]))
        self.verified(s, clock)

    def test_sleep(self):
        """The machine slept: no step. Connections and deadlines, which go by CLOCK_MONOTONIC, did not notice."""
        s, clock = self.moved(args=("--rotate-seconds", "300"), conf={"limits": {"idle_seconds": 60}})
        s.spawn().wait_ready()
        with s.client() as c:
            good = [c.ask(service.ALLOWED)]
            clock.suspend(10 * HOUR)
            time.sleep(1.2)  # the next look at idle connections
            good.append(c.ask(service.ALLOWED))
            before = len(os.listdir(s.audit))
            clock.pass_by(301)
            good.append(c.ask(service.ALLOWED))
            self.eventually(lambda: len(os.listdir(s.audit)) > before, "closed as it is old enough")
        log = s.stop()
        self.recorded(log, good)
        self.assertEqual(self.steps(log), [])
        apart = [clocked.seconds_of(log.by_id()[x["audit_event_id"]]["timestamp"]) for x in good]
        self.assertAlmostEqual(apart[1] - apart[0], 10 * HOUR, delta=60)
        self.verified(s, clock)

    def test_clock_set_while_asleep(self):
        """A step that comes with waking up is told as one, by what the clock is off."""
        s, clock = self.moved()
        s.spawn().wait_ready()
        self.ask(s)
        clock.suspend(HOUR)
        clock.step(-1800)
        self.ask(s)
        (old, new), = self.steps(s.stop())
        self.assertAlmostEqual(new - old, -1800, delta=1)

    def test_stopped(self):
        """Every process stands still for a while, as a machine that is moved does: all goes on after it."""
        s = self.start(evaluators=1, conf={"limits": {"answer_ms": STANDS - 1000}})
        good = self.ask(s, 3)
        pids = [s.pid, *procs.descendants(s.pid)]
        with s.client() as c:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            c.send({"id": "while", **service.ALLOWED})
            time.sleep(STANDS / 1000)
            for pid in reversed(pids):
                os.kill(pid, signal.SIGCONT)
            good.append(c.receive())
            good.append(c.ask({"id": "after", **service.ALLOWED}))
        log = s.stop()
        self.recorded(log, good)
        self.assertEqual(log.management("clock_step"), [])


if __name__ == "__main__":
    tap.main()
