# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a soak: calls of the writer (tests/fault/faulty.c by its plan), the disk, the power."""

import errno
import fcntl
import mmap
import os
import re
import signal
import struct
import subprocess
import time

import schema

PLAN_H = os.path.join(schema.TOP, "tests", "fault", "plan.h")
MIB = 1 << 20
IOC_SHUTDOWN = 0x8004587D  # ext4, xfs
NO_LOG_FLUSH = 2
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

    def arm(self, kind, call, after, times, error=errno.EIO):
        """The call goes wrong from the after-th from now on, so many times."""
        self.put("kind", 0)
        number = self.calls.index(call)
        for name, value in (("call", number), ("at", self.get("made", number) + after), ("times", times), ("error", error),
                            ("hit", 0)):
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


def run(*args):
    """True when it did."""
    return subprocess.run(args, check=False, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


class Disk:
    """Where a log lies. kind: "plain", a directory; "ext4" or "xfs", a file system of its own in an image."""

    SIZE = {"ext4": 256 * MIB, "xfs": 320 * MIB}
    MKFS = {"ext4": ("mkfs.ext4", "-q", "-F", "-m", "0"), "xfs": ("mkfs.xfs", "-q", "-f")}

    def __init__(self, top, kind):
        self.kind, self.point = kind, os.path.join(top, "disk")
        self.image, self.filler = os.path.join(top, "image"), os.path.join(self.point, "filler")
        self.mounted = False
        os.mkdir(self.point, 0o700)
        if self.own():
            self._make()
        self.audit, self.keys = os.path.join(self.point, "a"), os.path.join(self.point, "k")
        for path in (self.audit, self.keys):
            os.mkdir(path, 0o700)
        os.sync() if self.own() else None

    def own(self):
        return self.kind != "plain"

    def _make(self):
        with open(self.image, "wb") as f:
            f.truncate(self.SIZE[self.kind])
        if not run(*self.MKFS[self.kind], self.image) or not self.mount():
            raise OSError(f"cannot make and mount an image of {self.kind}")

    def mount(self):
        self.mounted = run("mount", "-o", "loop", self.image, self.point)
        return self.mounted

    def unmount(self):
        """Whoever still reads there ends soon."""
        for _ in range(100):
            if not self.mounted or run("umount", self.point):
                self.mounted = False
                return
            time.sleep(0.05)
        raise OSError(f"cannot unmount {self.point}")

    def fill(self):
        """Leave no byte."""
        step = 8 * MIB
        with open(self.filler, "ab") as f:
            while step >= 4096:
                try:
                    os.posix_fallocate(f.fileno(), f.seek(0, os.SEEK_END), step)
                except OSError as problem:
                    if problem.errno != errno.ENOSPC:
                        raise
                    step //= 2

    def left(self):
        """Bytes."""
        found = os.statvfs(self.point)
        return found.f_bavail * found.f_frsize

    def free(self):
        if os.path.exists(self.filler):
            os.unlink(self.filler)

    def cut(self, writers):
        """The power goes. The writers stop before: what a call says after that, no machine would live to hear."""
        for pid in writers:
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                pass
        fd = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, IOC_SHUTDOWN, struct.pack("=I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def again(self):
        """After a cut, when every process has ended."""
        self.unmount()
        if not self.mount():
            raise OSError(f"cannot mount {self.image} again")

    def remove(self):
        self.unmount()
        if os.path.exists(self.image):
            os.unlink(self.image)


def kinds_here(top):
    """(what can be had, [what is left out and why])."""
    if os.geteuid() != 0:
        return ["plain"], ["full disk, power cut (mounting a file system needs root)"]
    kinds, without = ["plain"], []
    for kind in Disk.SIZE:
        probe = os.path.join(top, "probe-" + kind)
        os.mkdir(probe)
        try:
            Disk(probe, kind).remove()
            kinds.append(kind)
        except OSError as problem:
            without.append(f"{kind} ({problem})")
    return kinds, without
