# SPDX-License-Identifier: Apache-2.0
"""A service, and readers of its log, whose clocks a test moves (tests/fault/clocked.c). The machine's stay as they are.

    clock = clocked.Clock(s.top)           # before it starts; s.program becomes the copy in there
    clock.step(-3600)                      # somebody sets the clock back by an hour
    clock.suspend(600)                     # ten minutes pass in which the machine sleeps"""

import datetime
import mmap
import os
import shutil
import struct
import time

import service

US = 1_000_000
PLACES = {"policyd": "sbin/policyd", "auditd-writer": "libexec/sealwright/auditd-writer", "auditlog": "bin/auditlog",
          "policyctl": "bin/policyctl"}
REAL, MONOTONIC, BOOTTIME = 0, 8, 16


class Clock:
    """The clocks of the programs below top; seconds."""

    def __init__(self, top):
        self.top = top
        for name, place in PLACES.items():
            path = os.path.join(top, place)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(os.path.join(service.BUILD, "unit", f"clocked-{name}"), path)
        self.path = os.path.join(top, "clock")
        with open(self.path, "wb+") as f:
            f.write(bytes(24))
            f.flush()
            self.map = mmap.mmap(f.fileno(), 24)

    def program(self, name):
        return os.path.join(self.top, PLACES[name])

    def _add(self, at, us):
        old = struct.unpack_from("q", self.map, at)[0]
        # One store: a reader in between sees the old or the new.
        self.map[at:at + 8] = struct.pack("q", old + us)

    def now(self):
        """The time of day there, seconds since 1970."""
        return time.time() + struct.unpack_from("q", self.map, REAL)[0] / US

    def step(self, seconds):
        self._add(REAL, round(seconds * US))

    def set(self, text):
        """To this RFC 3339 time."""
        self.set_seconds(seconds_of(text))

    def set_seconds(self, seconds):
        self.map[REAL:REAL + 8] = struct.pack("q", round(seconds * US) - time.time_ns() // 1000)

    def suspend(self, seconds):
        """The time of day and the time since boot go on, CLOCK_MONOTONIC stands."""
        self._add(REAL, seconds * US)
        self._add(BOOTTIME, seconds * US)

    def pass_by(self, seconds):
        """Time goes by, for all clocks."""
        self.suspend(seconds)
        self._add(MONOTONIC, seconds * US)


def seconds_of(text):
    """Of an RFC 3339 time in UTC, since 1970."""
    when = datetime.datetime.strptime(text.rstrip("Z").partition(".")[0], "%Y-%m-%dT%H:%M:%S")
    micro = int((text.rstrip("Z").partition(".")[2] or "0").ljust(6, "0"))
    return (when - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1) + micro / 1e6
