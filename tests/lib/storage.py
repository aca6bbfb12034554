# SPDX-License-Identifier: Apache-2.0
"""A service whose audit directory is a file system of its own, and what clients are told while that fails."""

import ctypes
import os
import subprocess

import service

ROOT = os.geteuid() == 0
NEEDS_ROOT = "mounting a file system needs root"
UNAVAILABLE = "audit log unavailable: "
Q_SETQUOTA, LIMIT_BLOCKS = 0x800008 << 8, 1
STALLED = UNAVAILABLE + "the writer does not answer"  # a machine that is slow enough says so of any


def call(*args):
    subprocess.run(args, check=True, capture_output=True)


def works(*args):
    try:
        return subprocess.run(args, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def fill(path):
    """Whatever is free, in a file; its path."""
    size = 0
    with open(path, "wb") as f:
        for piece in (16 << 20, 1 << 20, 65536, 4096):
            try:
                while True:
                    os.posix_fallocate(f.fileno(), size, piece)
                    size += piece
            except OSError:
                pass
    return path


class _Quota(ctypes.Structure):
    """struct if_dqblk; in KiB"""
    _fields_ = [(name, ctypes.c_uint64) for name in "hard soft used inodes_hard inodes_soft inodes until until_inodes".split()]
    _fields_.append(("valid", ctypes.c_uint32))


def limit_account(where, kib):
    """A quota of this account on the file system that is mounted there; 0: none. OSError."""
    wanted = _Quota(hard=kib, soft=kib, valid=LIMIT_BLOCKS)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.quotactl(Q_SETQUOTA, device_of(where).encode(), os.geteuid(), ctypes.byref(wanted)) < 0:
        raise OSError(ctypes.get_errno(), "quotactl")


def device_of(where):
    """What is mounted there."""
    with open("/proc/mounts", encoding="utf-8") as f:
        return next(line.split()[0] for line in f if line.split()[1] == where)


class Case(service.Case):
    CONF = {"low_bytes": 0, "reserve_bytes": 262144}

    def setUp(self):
        super().setUp()
        self.mounted = []
        self.addCleanup(self.unmount)

    def unmount(self):
        for path in reversed(self.mounted):
            subprocess.run(["umount", "-l", path], check=False, capture_output=True)

    def mount(self, where, *args):
        """Skips the test where the machine cannot; args are mount's."""
        if not ROOT:
            self.skipTest(NEEDS_ROOT)
        if not works("mount", *args, where):
            self.skipTest(f"cannot mount here: {' '.join(args)}")
        self.mounted.append(where)
        os.chmod(where, 0o700)

    def image(self, kind, size, *options):
        """A file system in a file; its path."""
        path = os.path.join(self.top, f"image.{len(self.mounted)}")
        with open(path, "wb") as f:
            f.truncate(size)
        force = {"ext4": ["-q", "-F", "-m", "0"], "xfs": ["-q", "-f"], "btrfs": ["-q", "-f"]}[kind]
        if not works(f"mkfs.{kind}", *force, *options, path):
            self.skipTest(f"no mkfs.{kind} that makes this")
        return path

    def on(self, options, **more):
        """A service, not started, whose audit directory is a tmpfs of its own."""
        s = self.make(conf={**self.CONF, **more}, evaluators=1)
        self.mount(s.audit, "-t", "tmpfs", "-o", options, "tmpfs")
        return s

    def on_image(self, kind, size=48 << 20, options="loop", make=(), **more):
        """The same on a disk of its own; make: options of mkfs."""
        if not ROOT:
            self.skipTest(NEEDS_ROOT)
        s = self.make(conf={**self.CONF, **more}, evaluators=1)
        self.mount(s.audit, "-t", kind, "-o", options, self.image(kind, size, *make))
        return s

    def ask(self, s, n=1, **more):
        """Replies, None for a connection that was closed."""
        replies = []
        for i in range(n):
            try:
                with s.client() as c:
                    replies.append(c.ask({"id": i, **service.ALLOWED, **more}))
            except (OSError, EOFError, ValueError, AssertionError):
                replies.append(None)
        return replies

    @staticmethod
    def good(replies):
        """Those that say that they are on record."""
        return [r for r in replies if r and "audit_event_id" in r]

    def refused(self, reply, *causes):
        """Denied for want of a record, with one of these causes; or closed."""
        if reply is None:
            return
        self.assertEqual(reply["decision"], "deny")
        self.assertNotIn("audit_event_id", reply)
        self.assertIn(reply["reason"][0], [STALLED] + [UNAVAILABLE + c for c in causes])

    def served(self, s):
        return bool(self.good(self.ask(s)))

    def said_cause(self, s, causes):
        reply = self.ask(s)[0]
        self.assertFalse(self.good([reply]), "answered again")
        return reply is not None and reply["reason"][0] in [UNAVAILABLE + c for c in causes]

    def recorded(self, log, replies):
        ids = log.by_id()
        missing = [r for r in replies if r["audit_event_id"] not in ids]
        self.assertEqual(missing, [], f"{len(missing)} of {len(replies)} that were acknowledged are not there")

    def states(self, log):
        return [r["storage"]["state"] for r in log.management("storage")]
