#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All who judge come to the same end whatever was pinned: seals, the first key, and an age."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import tap  # noqa: E402
from evidence_case import Case  # noqa: E402


class Pinned(Case):
    def test_pins(self):
        log = self.log(3, 3, 3).write()
        for i in range(3):
            self.agree(log, "SEALED", pins=[log.pin(i)])
        self.agree(log, "SEALED", pins=[log.pin(2), log.pin(0)])
        self.agree(log, "UNPINNED", pinned=False, pins=[log.pin(2)])
        self.agree(log, "BROKEN", pins=[(1, log.pin(2)[1])], fault=(log.names[1] + ".seal", 0))
        self.agree(log, "BROKEN", pins=[log.pin(0), (3, log.pin(2)[1])], fault=("", 0))

    def test_keys(self):
        log, other = self.log(3, 3).write(), self.log(2, seed=1, origin="other")
        self.agree(log, "BROKEN", key=judges.Key(other.vkey), fault=("origin.vkey", 0))
        os.unlink(log.path("origin.vkey"))
        self.agree(log, "BROKEN", key=judges.Key(other.vkey), fault=(log.names[0] + ".seal", 0))
        with open(log.path("origin.vkey"), "w", encoding="ascii") as f:
            f.write(other.vkey + "\n")
        self.agree(log, "BROKEN", pinned=False, fault=(log.names[0] + ".seal", 0))
        self.agree(log, "BROKEN", fault=("origin.vkey", 0))

    def test_origin_vkey_must_be_one(self):
        log = self.log(3).write()
        good = log.vkey.encode()
        for data in (b"", b"\n", good, good + b"\n\n", b" " + good + b"\n", good[:-4] + b"\n", b"x\n",
                     good.replace(b"+", b"+0", 1) + b"\n", good + b"\0\n", good[:-1] + b"-\n"):
            with open(log.path("origin.vkey"), "wb") as f:
                f.write(data)
            self.agree(log, "BROKEN", fault=("origin.vkey", 0))
            self.agree(log, "BROKEN", pinned=False, fault=("origin.vkey", 0))

    def test_max_age(self):
        log = self.log(3, 3, start=int(time.time() * 1e6) - 600 * 1000000).write()
        self.agree(log, "SEALED", max_age=3600)
        self.agree(log, "INCOMPLETE", max_age=60)
        self.agree(log.prune(1).write(), "INCOMPLETE", "PRUNED", max_age=60)
        log = self.log(3, start=int(time.time() * 1e6) + 600 * 1000000).write()
        self.agree(log, "SEALED", max_age=3600)
        self.agree(log, "INCOMPLETE", max_age=60)


if __name__ == "__main__":
    tap.main()
