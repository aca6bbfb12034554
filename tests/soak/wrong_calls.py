# SPDX-License-Identifier: Apache-2.0
"""Calls of the writer go wrong, by faulty.so: they fail, are cut short, take long, or are where it ends."""

import time

from plan import ERRORS, STORAGE
from wrong import Kind

ALL_CALLS = (*STORAGE, "read", "write", "ppoll", "recvmsg", "send", "getrandom", "flock", "readdir", "dup3")
HIT = 1.0           # s for a call to be made that is to go wrong
SLOW, HANGS = 1000, (2500, 4000)  # ms


class Calls(Kind):
    def actions(self):
        return ([self.call_fails] * 5 + [self.call_kills] * 3 + [self.start_fails, self.start_fails, self.slow_syncs,
                                                                 self.sync_hangs])

    def await_hit(self):
        """It shows, and goes on for a moment; not every call is made all the time."""
        end = time.monotonic() + HIT
        while not self.plan.get("hit") and time.monotonic() < end and self.service.running():
            time.sleep(0.01)
        self.pause(0.3)

    def hit(self, what):
        """The plan is over: one fault, in however many calls it showed."""
        calls = self.plan.clear()
        self.round.counts["calls that went wrong"] += calls
        self.round.counts["fault " + what] += calls > 0

    def call_fails(self):
        kind = self.dice.choice(("error", "error", "error", "short", "delay"))
        call = "pwrite" if kind == "short" else self.dice.choice(STORAGE)
        times = self.dice.choice((1, 1, 2, 5, 1 << 20))
        self.plan.arm(kind, call, self.dice.randint(1, 20), times, self.dice.choice(ERRORS))
        self.await_hit()
        self.hit("call " + {"error": "failed", "short": "cut short", "delay": "slow"}[kind])

    def end_at(self, calls):
        """(kind, call) of an end of the process there; a write may be half done."""
        kind = self.dice.choice([k for k in ("kill", "kill_after", "torn") if k in self.plan.kinds])
        return kind, "pwrite" if kind == "torn" else self.dice.choice(calls)

    def call_kills(self):
        self.plan.arm(*self.end_at(ALL_CALLS), self.dice.randint(1, 10), 1)
        self.await_hit()
        self.hit("end at a call")

    def start_fails(self):
        """Recovery itself goes wrong, and is tried again."""
        self.round.put_out("writer")
        how = self.dice.choice((self.end_at(STORAGE), ("error", self.dice.choice(STORAGE))))
        self.plan.arm(*how, self.dice.randint(1, 15), self.dice.choice((1, 1 << 20)), self.dice.choice(ERRORS))
        self.service.spawn()
        self.pause(0.3)
        self.hit("in recovery")
        if self.service.running() and not self.service.said().endswith("ready"):
            self.pause(0.2)

    def slow_syncs(self):
        """A second for each, for some of them."""
        self.plan.arm("delay", self.dice.choice(("fdatasync", "fdatasync", "fsync")), 1, 3, delay_ms=SLOW)
        self.await_hit()
        self.pause(2)
        self.hit("a second for each sync")

    def sync_hangs(self):
        self.plan.arm("delay", "fdatasync", 1, 1, delay_ms=self.dice.randint(*HANGS))
        self.await_hit()
        self.pause(3)
        self.hit("a sync that hangs")
