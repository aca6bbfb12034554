# SPDX-License-Identifier: Apache-2.0
"""The file that tells a writer with faulty.so in it (tests/fault/faulty.c) which of its calls goes wrong."""

import errno
import mmap
import os
import re
import struct

import schema

PLAN_H = os.path.join(schema.TOP, "tests", "fault", "plan.h")
MIB = 1 << 20
# Calls that storage can spoil; the others of the plan are between processes.
STORAGE = ("openat", "renameat2", "pwrite", "fsync", "fdatasync", "fallocate", "ftruncate", "fstat", "pread", "close")
ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EINTR, errno.EMFILE, errno.EROFS)


class Plan:
    """The file that tells the writer which of its calls goes wrong; its layout is read from plan.h."""

    def __init__(self, path):
        with open(PLAN_H, encoding="ascii") as f:
            text = f.read()
        self.calls = re.findall(r"X\((\w+)\)", text.partition("PLAN_CALL_LIST")[2].partition("enum")[0])
        self.kinds = re.findall(r"PLAN_\w+", text.partition("enum plan_kind {")[2].partition("}")[0])
        self.kinds = [k.removeprefix("PLAN_").lower() for k in self.kinds]
        self.at = self._places(re.findall(r"atomic_int ([^;]+);", text.partition("struct plan {")[2].partition("}")[0]))
        trace = re.search(r"PLAN_TRACE \(\(size_t\)(\d+) << 20\)", text)
        with open(path, "w+b") as f:
            f.truncate(4096 + int(trace[1]) * MIB)
            self.map = mmap.mmap(f.fileno(), 4096)

    def _places(self, members):
        places, at = {}, 0
        for name in ", ".join(members).split(", "):
            name, _, many = name.partition("[")
            places[name] = at
            at += 4 * (len(self.calls) if many else 1)
        return places

    def get(self, name, more=0):
        return struct.unpack_from("=i", self.map, self.at[name] + 4 * more)[0]

    def put(self, name, value):
        struct.pack_into("=i", self.map, self.at[name], value)

    def arm(self, kind, call, after, times, error=errno.EIO, delay_ms=0):
        """The call goes wrong from the after-th from now on, so many times. delay_ms: what is slow takes so long."""
        self.put("kind", 0)
        number = self.calls.index(call)
        for name, value in (("call", number), ("at", self.get("made", number) + after), ("times", times), ("error", error),
                            ("delay_ms", delay_ms), ("hit", 0)):
            self.put(name, value)
        self.put("kind", self.kinds.index(kind))

    def state(self):
        return {name: self.get(name) for name in self.at if name != "made"}

    def clear(self):
        """Returns how many calls went wrong."""
        self.put("kind", 0)
        hits = self.get("hit")
        self.put("hit", 0)
        return hits
