# SPDX-License-Identifier: Apache-2.0
"""Where a log of a soak lies: a directory, or a file system of its own in an image, and what can be done to it. What this
machine cannot do is found out once (kinds_here)."""

import contextlib
import errno
import fcntl
import os
import signal
import struct
import time

import procs
import storage
from storage import works as run

MIB = 1 << 20
IOC_SHUTDOWN = 0x8004587D  # ext4, xfs
NO_LOG_FLUSH = 2
BACK = 60.0         # s, on a machine that is as busy as may be
IOC_GETFLAGS, IOC_SETFLAGS = 0x80086601, 0x40086602
FLAG = {"i": 0x10, "a": 0x20}
LITTLE_KIB = 2048  # of a quota: what is there already is more, or soon will be
FIRST_SUBVOLUME = "0/256"
NEEDS_ROOT = "full, low, frozen and read-only disks, no inodes, quotas, power cuts (mounting a file system needs root)"
# What can go wrong there beyond what needs nothing but a file system of its own.
ABILITIES = {"frozen disk": ("ext4", "xfs", "btrfs"), "quota": ("ext4", "btrfs"), "chattr": ("plain", "ext4", "xfs", "btrfs"),
             "read-only while in use": ("ext4",), "no inodes": ("ext4",)}


def stop(pids):
    """They stand still, outside of any call."""
    procs.signal_all(pids, signal.SIGSTOP)
    end = time.monotonic() + 10
    while any(_state(pid, task) not in "TZX" for pid in pids for task in _tasks(pid)) and time.monotonic() < end:
        time.sleep(0.002)


def _tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _state(pid, task):
    try:
        return procs.status(f"{pid}/task/{task}", "State")[0]
    except (OSError, IndexError):
        return "X"


def _flags(fd):
    return struct.unpack("=l", fcntl.ioctl(fd, IOC_GETFLAGS, bytes(8))[:4])[0]


class Disk:
    """kind: "plain", a directory; or the file system of an image. can: what of ABILITIES works here. top: on that file
    system, with the directories of the log in it."""

    SIZE = {"ext4": 256 * MIB, "xfs": 320 * MIB, "btrfs": 256 * MIB}
    MKFS = {"ext4": ("mkfs.ext4", "-q", "-F", "-m", "0"), "xfs": ("mkfs.xfs", "-q", "-f"), "btrfs": ("mkfs.btrfs", "-q", "-f")}
    QUOTA = {"ext4": ("-O", "quota", "-E", "quotatype=usrquota")}

    def __init__(self, top, kind, can=()):
        self.kind, self.can, self.point = kind, set(can), os.path.join(top, "disk")
        self.image, self.copy = os.path.join(top, "image"), os.path.join(top, "copy")
        self.filler = os.path.join(self.point, "filler")
        self.options, self.mounted, self.frozen, self.limited = "loop", False, False, False
        self.immutable = []
        os.mkdir(self.point, 0o700)
        if self.own():
            self._make()
        # A quota of btrfs is one of a subvolume.
        self.top = os.path.join(self.point, "v") if kind == "btrfs" else self.point
        self.audit, self.keys = os.path.join(self.top, "a"), os.path.join(self.top, "k")
        if kind == "btrfs" and not run("btrfs", "subvolume", "create", self.top):
            raise OSError("cannot make a subvolume of btrfs")
        for path in (self.audit, self.keys):
            os.mkdir(path, 0o700)
        self.settle()

    def own(self):
        return self.kind != "plain"

    # --- being there ------------------------------------------------------------------------------

    def _make(self):
        with open(self.image, "wb") as f:
            f.truncate(self.SIZE[self.kind])
        quota = self.QUOTA.get(self.kind, ()) if "quota" in self.can else ()
        self.options = "loop,usrquota" if quota else "loop"
        if not run(*self.MKFS[self.kind], *quota, self.image) or not self.mount():
            raise OSError(f"cannot make and mount an image of {self.kind}")
        if self.kind == "btrfs" and "quota" in self.can:
            run("btrfs", "quota", "enable", self.point)

    def mount(self):
        self.mounted = run("mount", "-o", self.options, self.image, self.point)
        return self.mounted

    def unmount(self):
        """Whoever still reads there ends soon."""
        for _ in range(100):
            if not self.mounted or run("umount", self.point):
                self.mounted = False
                return
            time.sleep(0.05)
        raise OSError(f"cannot unmount {self.point}")

    def again(self):
        """After a cut, when every process has ended: what is on the disk. As long as somebody's sync() looks at what was
        cut, mounting brings the same one back."""
        self.unmount()
        if os.path.exists(self.copy):
            os.rename(self.copy, self.image)
        end = time.monotonic() + BACK
        while time.monotonic() < end:
            if not self.mount():
                raise OSError(f"cannot mount {self.image} again")
            if self._alive():
                return
            self.unmount()
            time.sleep(0.02)
        raise OSError(f"{self.image} does not come back")

    def _alive(self):
        path = os.path.join(self.point, "alive")
        try:
            os.makedirs(path, exist_ok=True)  # a cut may have brought it back
            os.rmdir(path)
            return True
        except OSError:
            return False

    def remove(self):
        self.heal()
        self.unmount()
        if os.path.exists(self.image):
            os.unlink(self.image)

    def settle(self):
        """What was undone stays so, also when the power goes."""
        if self.own():
            run("sync", "-f", self.point)

    def heal(self):
        """Nothing is wrong with it any more."""
        self.thaw()
        undone = self.limited or self.immutable
        if not self.quota(False):
            raise OSError(f"a quota of {self.kind} does not go away")
        self.free()
        self.inodes_free()
        for fd in self.immutable:
            with contextlib.suppress(OSError):
                fcntl.ioctl(fd, IOC_SETFLAGS, struct.pack("=l4x", _flags(fd) & ~sum(FLAG.values())))
            os.close(fd)
        self.immutable = []
        if undone:
            self.settle()

    # --- space ------------------------------------------------------------------------------------

    def fill(self, leave=0):
        """Leave no byte; or about so many."""
        step = 8 * MIB
        with open(self.filler, "ab") as f:
            while step >= 4096:
                if leave and self.left() - step < leave:
                    step //= 2
                    continue
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
            self.settle()  # btrfs gives space back with a commit only

    def inodes_fill(self):
        os.mkdir(self.filler + "s")
        try:
            for i in range(os.statvfs(self.point).f_ffree + 1000):
                os.mknod(f"{self.filler}s/{i}")
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise

    def inodes_free(self):
        if os.path.exists(self.filler + "s"):
            for name in os.listdir(self.filler + "s"):
                os.unlink(f"{self.filler}s/{name}")
            os.rmdir(self.filler + "s")

    def quota(self, on):
        """Used up. True when that could be done."""
        if not on and not self.limited:
            return True
        if not self._quota(on):
            return False
        self.limited = on
        return True

    def _quota(self, on):
        if self.kind == "btrfs":
            return run("btrfs", "qgroup", "limit", f"{LITTLE_KIB}K" if on else "none", FIRST_SUBVOLUME, self.point)
        try:
            storage.limit_account(self.point, LITTLE_KIB if on else 0)
            return True
        except OSError:
            return False

    # --- not answering, not to be written ------------------------------------------------------------

    def freeze(self):
        self.frozen = run("fsfreeze", "-f", self.point)
        return self.frozen

    def thaw(self):
        if self.frozen:
            run("fsfreeze", "-u", self.point)
        self.frozen = False

    def attribute(self, path, attribute):
        """As chattr +i or +a, until heal(). True when that could be done. Through a descriptor: names may change meanwhile."""
        try:
            fd = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        self.immutable.append(fd)
        try:
            fcntl.ioctl(fd, IOC_SETFLAGS, struct.pack("=l4x", _flags(fd) | FLAG[attribute]))
            return True
        except OSError:
            return False

    def read_only(self, on):
        """Only while nobody writes there."""
        return run("mount", "-o", "remount,ro" if on else "remount,rw", self.point)

    def abort(self, writers):
        """Read-only as errors=remount-ro leaves it; again() ends that."""
        stop(writers)
        try:
            return run("mount", "-o", "remount,abort", self.point)
        finally:
            procs.signal_all(writers, signal.SIGCONT)

    def cut(self, writers):
        """The power goes. The writers stop before: what a call says after that, no machine would live to hear."""
        stop(writers)
        if self.kind == "btrfs":
            # The image of this moment; its superblock, at its begin, is the oldest of it.
            if not run("cp", "--sparse=always", self.image, self.copy):
                raise OSError(f"cannot copy {self.image}")
            return
        fd = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, IOC_SHUTDOWN, struct.pack("=I", NO_LOG_FLUSH))
        finally:
            os.close(fd)


# --- what this machine can do -------------------------------------------------------------------


def _try(disk, ability):
    try:
        if ability == "frozen disk":
            return disk.freeze()
        if ability == "chattr":
            return disk.attribute(disk.audit, "i")
        if ability == "quota":
            return ability in disk.can and disk.quota(True)
        if ability == "read-only while in use":
            return disk.abort([])
        return disk.kind == "ext4"
    finally:
        disk.heal()


def _abilities(top, kind):
    """(what can be done on a disk of this kind, [what not])."""
    wanted = [name for name, kinds in ABILITIES.items() if kind in kinds]
    try:
        disk = Disk(top, kind, wanted)
    except OSError:
        if kind not in Disk.QUOTA:
            raise
        os.rmdir(os.path.join(top, "disk"))
        disk = Disk(top, kind)
    try:
        can = [name for name in wanted if _try(disk, name)]
    finally:
        disk.remove()
    return can, [f"{name} on {kind} (does not work here)" for name in wanted if name not in can]


def kinds_here(top):
    """({kind: what can be done on it}, [what is left out and why])."""
    found, without = {}, [] if os.geteuid() == 0 else [NEEDS_ROOT]
    for kind in ("plain", *(Disk.SIZE if os.geteuid() == 0 else ())):
        probe = os.path.join(top, "probe-" + kind)
        os.mkdir(probe)
        try:
            found[kind], not_here = _abilities(probe, kind)
            without += not_here
        except OSError as problem:
            without.append(f"{kind} ({problem})")
    return found, without
