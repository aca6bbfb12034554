# SPDX-License-Identifier: Apache-2.0
"""Processes, as /proc shows them, and making sure that none outlives its test."""

import ctypes
import os
import signal
import time

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """From now on processes that lose their parent become ours, so that none can get out of sight."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _stat(pid):
    """(state, parent, session), or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), int(fields[1]), int(fields[3])


def alive(pid):
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def stopped(pid):
    """Each thread of it is, by a signal: none is within a system call any more."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", "rb") as f:
            if f.read().rpartition(b")")[2].split()[0] != b"T":
                return False
    return True


def _parents():
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = _stat(int(name))
            if stat:
                table[int(name)] = stat
    return table


def descendants(pid):
    """Pids of all living processes below pid."""
    table = _parents()
    found, grown = {pid}, True
    while grown:
        more = {p for p, (_, parent, _) in table.items() if parent in found} - found
        grown = bool(more)
        found |= more
    return sorted(p for p in found - {pid} if table[p][0] not in "ZX")


def in_session(sid):
    """Living processes of a session."""
    return sorted(p for p, (state, _, session) in _parents().items() if session == sid and state not in "ZX")


def children(pid):
    """Pids of its children, found fast enough to catch one that does not live long."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(p) for p in f.read().split()]
    except OSError:  # gone, or a kernel that does not tell
        return [p for p, (_, parent, _) in _parents().items() if parent == pid]


def argv(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return [a.decode(errors="replace") for a in f.read().split(b"\0")[:-1]]
    except OSError:
        return []


def status(pid, field):
    """A field of /proc/PID/status as its words, e.g. status(p, "VmRSS") -> ["1234", "kB"]."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        for line in f:
            name, _, value = line.partition(":")
            if name == field:
                return value.split()
    return []


def rss_kib(pid):
    return int((status(pid, "VmRSS") or ["0"])[0])


def open_fds(pid):
    """{descriptor: what it refers to}."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            pass
    return found


def role(pid):
    """"writer", "evaluator", "admin", "compiler", "supervisor" or "" for others."""
    args = argv(pid)
    if not args:
        return ""
    name = os.path.basename(args[0])
    if name == "auditd-writer":
        return "writer"
    if name != "policyd":
        return ""
    if "--role" in args:
        return args[args.index("--role") + 1]
    return "supervisor"


def wait_until(condition, seconds, what, pause=0.01):
    """The first true value of condition(); AssertionError when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)


def reap_orphans(known):
    """Collect ended orphans that we adopted; known: pids that somebody else waits for."""
    for pid, (state, parent, _) in _parents().items():
        if parent == os.getpid() and state == "Z" and pid not in known:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def signal_all(pids, number):
    """Those that are still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end_all(pids):
    signal_all(pids, signal.SIGKILL)
