# SPDX-License-Identifier: Apache-2.0
"""The disk under the log is full, low, frozen, read-only, without inodes or above a quota; the power goes."""

import errno
import time

import procs
from plan import STORAGE
from wrong import Kind, Wrong

LOW_BYTES = 24 << 20    # of the service on a disk of its own
LOW_CAUSE = "audit log unavailable: storage low"
LOOKED_AT = 15          # s within which less than that shows
HANGS = 3.0
READ_ONLY = "Read-only file system"


class Disks(Kind):
    def actions(self):
        if not self.disk.own():
            return [self.torn_line] * 2
        can = self.disk.can
        found = [self.full] * 2 + [self.power] * 4 + [self.torn_line, self.read_only_at_start]
        found += [self.low] * (self.round.low_bytes > 0)
        found += [self.frozen] * ("frozen disk" in can) + [self.quota] * ("quota" in can)
        return found + [self.no_inodes] * ("no inodes" in can) + [self.read_only] * ("read-only while in use" in can)

    # --- space ------------------------------------------------------------------------------------

    def full(self):
        self.disk.fill()
        self.count("disk full")
        self.pause(0.6)
        self.disk.free()

    def low(self):
        """Refused with the cause while it is, and that it was is on record."""
        if not self.round.served():
            return
        life = self.service.process.pid
        self.disk.fill(leave=LOW_BYTES // 2)
        end = time.monotonic() + LOOKED_AT
        while self.round.served() and time.monotonic() < end:
            time.sleep(0.1)
        shown = isinstance(self.round.told, dict) and self.round.told.get("reason") == [LOW_CAUSE]
        self.disk.free()
        self.count("disk low")
        if shown and self.round.serves_again() and self.service.process.pid == life:
            self.round.review.expect("storage low")

    def quota(self):
        if self.disk.quota(True):
            self.count(f"quota used up {self.disk.kind}")
        self.pause(0.8)
        self.disk.heal()

    def no_inodes(self):
        self.disk.inodes_fill()
        self.count("no inodes")
        self.pause(0.6)
        self.disk.inodes_free()

    # --- not answering, not to be written ----------------------------------------------------------

    def frozen(self):
        """Whoever is killed meanwhile ends when it answers again."""
        if not self.disk.freeze():
            return
        self.count(f"disk that does not answer {self.disk.kind}")
        self.pause(HANGS)
        if self.dice.random() < 0.3:
            self.round.processes.kill_together()
        self.disk.thaw()

    def read_only(self):
        """As errors=remount-ro leaves it: it has to be mounted anew."""
        self.round.readers.end()
        if not self.disk.abort(self.service.pids("writer")):
            return
        self.count(f"read-only {self.disk.kind}")
        self.pause(1)
        if self.dice.random() < 0.5:
            self.service.terminate()
        self.again()
        self.disk.again()

    def read_only_at_start(self):
        """It does not start, says why, and does when it is writable."""
        self.again()
        self.round.readers.end()
        if not self.disk.read_only(True):
            return
        self.service.spawn()
        try:
            code, said = self.service.wait(), self.service.said()
        finally:
            self.disk.read_only(False)
        self.count(f"read-only at start {self.disk.kind}")
        if code == 0 or READ_ONLY not in said:
            raise Wrong(f"started on a read-only disk: status {code}: {said}")

    # --- the power --------------------------------------------------------------------------------

    def power(self):
        """Half of them while a call fails: what an error left undone is not on the disk."""
        self.round.readers.end()
        if self.dice.random() < 0.5:
            self.plan.arm("error", self.dice.choice(("fdatasync", "fdatasync", *STORAGE)), 1, 1 << 20, errno.EIO)
            self.pause(0.1)
        self.disk.cut(self.service.pids("writer"))
        self.count(f"power cut {self.disk.kind}")
        procs.end_all([*procs.descendants(self.service.process.pid), self.service.process.pid])
        self.round.ended()
        self.round.calls.hit("call failed before a power cut")
        self.disk.again()
        if self.dice.random() < 0.3:
            self.tear()

    def torn_line(self):
        self.again()
        self.tear()

    def tear(self):
        if self.log.tear(self.dice):
            self.count("torn line at the end")
