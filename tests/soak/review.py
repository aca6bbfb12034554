# SPDX-License-Identifier: Apache-2.0
"""What a log tells of a round beyond its decisions: that time runs back only where a record says so, that what happened
has its records, and that searches by time find what they must."""

import collections
import json
import re
import subprocess

MANAGEMENT = b'"category":"AUDIT_CATEGORY_MANAGEMENT"'
STAMP = re.compile(rb'"timestamp":"([^"]{20,40})"')
SEQ = re.compile(rb'"seq":(\d+),"prev_hash"')
SEARCHES = 3
SAID = 5


class Review:
    """faults: words. told: how many records there are of what. last: the time of the record before."""

    def __init__(self, last):
        self.expected, self.told = set(), collections.Counter()
        self.times, self.last, self.faults = [], last, []

    def expect(self, what):
        """At least one record of it has to be there: an action_type, "storage" with its state."""
        self.expected.add(what)

    def check(self, lines):
        """Of one segment; segments in order."""
        for line in lines:
            seq, stamp = int(SEQ.search(line)[1]), STAMP.search(line)[1].decode()
            what = self._management(json.loads(line)) if MANAGEMENT in line else ""
            if stamp < self.last and what != "clock_step" and len(self.faults) < SAID:
                self.faults.append(f"record {seq}: from {self.last} back to {stamp}, and no record of a step")
            self.last = stamp
            self.times.append((stamp, seq))

    def _management(self, record):
        what = record["action_type"]
        if what == "storage":
            what += " " + record["storage"]["state"]
        self.told[what] += 1
        return what

    def finish(self):
        """What should have a record and has none."""
        self.faults += [f"no record of it: {what}" for what in sorted(self.expected) if not self.told[what]]

    def search(self, auditlog, audit, dice):
        """auditlog finds by time what is there by time: one record, a stretch. Of segments that were handed to check()."""
        if not self.times:
            return
        for i in range(SEARCHES):
            low, high = sorted(dice.choice(self.times)[0] for _ in range(2))
            if i:
                high = low
            wanted = {seq for when, seq in self.times if low <= when <= high}
            found = self._found(auditlog, audit, low, high)
            if found is not None and found != wanted:
                self.faults.append(f"search from {low} to {high} finds {len(found)} records, not {len(wanted)}: "
                                   f"{sorted(found ^ wanted)[:SAID]}")

    def _found(self, auditlog, audit, low, high):
        done = subprocess.run([auditlog, "search", "--json", "--from", low, "--to", high, audit], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        if done.returncode not in (0, 1) or done.stderr:
            self.faults.append(f"search from {low} to {high}: status {done.returncode}: {done.stderr[-500:].decode()}")
            return None
        # What is older is of rounds that were checked before.
        first = self.times[0][1]
        return {seq for seq in (int(SEQ.search(line)[1]) for line in done.stdout.splitlines()) if seq >= first}
