# SPDX-License-Identifier: Apache-2.0
"""The clocks of service and writer (tests/fault/clocked.c) are set forward and back, swing, sleep, and come to the ends of
what computers count in."""

import time

from wrong import Kind

HOUR, DAY = 3600, 86400
STEPS = (0.004, 0.4, 0.9, 1.5, 5, 60, HOUR, DAY, 30 * DAY, 3 * 366 * DAY)
DATES = ("1970-01-01T00:00:05Z", "2016-12-31T23:59:59.5Z", "2038-01-19T03:14:06.5Z", "2040-02-29T12:00:00Z",
         "2106-02-07T06:28:14.5Z", "2262-04-11T23:47:15.5Z", "9999-12-31T23:59:58Z")
TOLD = 1.5          # s: what is less may be none, or one with the step before


class Clocks(Kind):
    def actions(self):
        return [self.forward, self.back, self.date, self.swings, self.sleeps, self.right_again]

    def told(self, how):
        """A step of which there has to be a record, if the service lives to write one."""
        life = self.service.process.pid
        if self.round.served():
            how()
            if self.round.served() and self.service.process.pid == life:
                self.round.review.expect("clock_step")
        else:
            how()

    def step(self, sign):
        by = self.dice.choice(STEPS)
        if by >= TOLD:
            self.told(lambda: self.log.clock.step(sign * by))
        else:
            self.log.clock.step(sign * by)

    def forward(self):
        self.step(1)
        self.count("clock forward")

    def back(self):
        self.step(-1)
        self.count("clock back")

    def date(self):
        text = self.dice.choice(DATES)
        self.told(lambda: self.log.clock.set(text))
        self.count(f"clock set to {text[:4]}")

    def swings(self):
        """Each step back begins a segment."""
        by = self.dice.choice((0.5, 2, HOUR))
        for i in range(self.dice.randint(4, 20) * 2):
            self.log.clock.step(-by if i % 2 else by)
            self.pause(0.04)
        self.count("clock swings")

    def sleeps(self):
        self.log.clock.suspend(self.dice.choice((10, HOUR, 10 * HOUR)))
        self.count("machine sleeps")

    def right_again(self):
        self.log.clock.set_seconds(time.time())
        self.count("clock right again")
