#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The machine's own clock is set, by date -s, and repeats a second by the kernel's leap second: what tests/system/test_clock.py
does with clocks that it moves. Only in a machine of its own (guest.py): nothing but that machine's clock may be touched."""

import ctypes
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import clocked  # noqa: E402
import host  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

ADJ_STATUS, STA_INS = 0x10, 0x10
MODES_AT, STATUS_AT, TIMEX = 0, 40, 256  # struct timex, of 64-bit machines


def insert_leap_second():
    """At the end of this UTC day."""
    timex = ctypes.create_string_buffer(TIMEX)
    ctypes.c_uint.from_buffer(timex, MODES_AT).value = ADJ_STATUS
    ctypes.c_int.from_buffer(timex, STATUS_AT).value = STA_INS
    if ctypes.CDLL(None, use_errno=True).adjtimex(timex) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")


class Date(service.Case):
    def setUp(self):
        if os.environ.get("SEALWRIGHT_OWN_MACHINE") != "1":
            self.skipTest("sets the clock of the machine")
        super().setUp()
        self.before = time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)
        self.addCleanup(lambda: time.clock_settime(
            time.CLOCK_REALTIME, self.before + time.clock_gettime(time.CLOCK_BOOTTIME)))

    def ask(self, s, seconds):
        """For so long; the replies."""
        replies, until = [], time.monotonic() + seconds
        with s.client() as c:
            while time.monotonic() < until:
                replies.append(c.ask(service.ALLOWED))
                time.sleep(0.01)
        return replies

    def ends_well(self, s, replies):
        log = s.stop()
        ids = log.by_id()
        self.assertEqual([r for r in replies if r["audit_event_id"] not in ids], [])
        code, out, err = service.run([os.path.join(service.BUILD, "bin", "auditlog"), "verify", s.audit])
        self.assertEqual((code, err), (3, ""), out)
        return log

    def test_set(self):
        s = self.start(evaluators=1, args=["--rotate-records", "50"])
        replies, told = self.ask(s, 0.5), []
        for text, more in (("2026-12-24T18:00:00Z", 0.5), ("2026-12-24T17:00:00Z", 0.5), ("2038-01-19T03:14:05Z", 4),
                           ("2106-02-07T06:28:13Z", 4), ("1970-01-02T00:00:00Z", 0.5), ("2232-01-01T00:00:00Z", 0.5)):
            host.must("date", "-u", "-s", text)
            told.append(clocked.seconds_of(text))
            replies += self.ask(s, more)
        log = self.ends_well(s, replies)
        found = [clocked.seconds_of(r["clock_step"]["new"]) for r in log.management("clock_step")]
        self.assertEqual(len(found), len(told), found)
        for wanted, was in zip(told, found):
            self.assertAlmostEqual(was, wanted, delta=5)

    def test_leap_second(self):
        host.must("date", "-u", "-s", "2028-12-31T23:59:55Z")
        insert_leap_second()
        s = self.start(evaluators=1)
        replies = self.ask(s, 12 * int(os.environ.get("SEALWRIGHT_PATIENCE", "1")) ** 0.5)
        log = self.ends_well(s, replies)
        steps = [r["clock_step"] for r in log.management("clock_step")]
        times = [r["timestamp"] for r in log.records]
        back = [(a, b) for a, b in zip(times, times[1:]) if b < a]
        print(f"# {len(times)} records from {times[0]} to {times[-1]}, back {back}, steps {steps}")
        self.assertEqual(len(back), 1)
        self.assertEqual(len(steps), 1)
        self.assertLessEqual(clocked.seconds_of(back[0][0]) - clocked.seconds_of(back[0][1]), 1.0)
        self.assertGreater(times[-1], "2029-01-01T00:00:00Z")


if __name__ == "__main__":
    tap.main()
