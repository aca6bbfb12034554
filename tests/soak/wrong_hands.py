# SPDX-License-Identifier: Apache-2.0
"""What other hands do to a log that is written to: its open segment deleted, replaced or moved away, its directory or files
closed or made immutable, a second service on it. All is undone again, as OPERATING.md says that it has to be."""

import contextlib
import os
import signal
import time

import disk
import procs
import service
from wrong import Kind, Wrong

FOREIGN = b"no record\n"
SECOND = 1.0        # s that a second service tries for
AT_MOST = 200       # files whose attributes are changed


class Hands(Kind):
    def actions(self):
        found = [self.deleted, self.replaced, self.moved_away, self.mode_of_directory, self.mode_of_files, self.second,
                 self.takes_over]
        return found + [self.chattr, self.chattr] * ("chattr" in self.disk.can)

    # --- the open segment -------------------------------------------------------------------------

    @contextlib.contextmanager
    def standing(self):
        """The open segment, while the writer stands still; None when there is none with a record. Only one whose end nobody
        has cut off yet is held open for sure."""
        writers = self.service.pids("writer")
        disk.stop(writers)
        try:
            found = self.log.unclosed() if writers else []
            path, content = found[-1] if found else (None, b"")
            yield path if path and os.path.exists(path) and os.stat(path).st_size > len(content) else None
        finally:
            procs.signal_all(writers, signal.SIGCONT)

    def accounted_for(self, path, what):
        """It has been closed from what was still open, or nothing in it was ever acknowledged: a record says so; or, when the log
        could not be written for other reasons, standard error. Whoever asks meanwhile is served."""
        since, name = time.time() - 1, os.path.basename(path).removesuffix(".tmp")
        record = b'"state":"poisoned","file":"%s"' % name.encode()
        end = time.monotonic() + service.PATIENCE
        while not self.log.tells(record, since) and f"{name}: closed from a checked copy" not in self.service.said():
            if not self.service.running():
                raise Wrong(f"the service ended over a segment that was {what}: {self.service.said()[-2000:]}")
            if time.monotonic() > end:
                raise Wrong(f"nothing tells of a segment that was {what}: {path}: {self.service.said()[-2000:]}")
            self.round.served()
            time.sleep(0.05)
        self.count(f"open segment {what}")

    def deleted(self):
        """A writer that is killed before it has seen that would take the records along: only in a whole service."""
        if not self.round.served():
            return
        with self.standing() as path:
            if path:
                os.unlink(path)
        if path:
            self.accounted_for(path, "deleted")

    def replaced(self):
        other = os.path.join(self.disk.top, "other")
        with open(other, "wb") as f:
            f.write(FOREIGN)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(other, 0o440)
        if not self.round.served():
            return
        with self.standing() as path:
            if path:
                os.rename(other, path)
        if path:
            self.accounted_for(path, "replaced")
            self.log.damage.append(FOREIGN)

    def moved_away(self):
        """Put back where nothing has come into its place; then it may be of no use any more."""
        away = os.path.join(self.disk.top, "away")
        with self.standing() as path:
            if path:
                os.rename(path, away)
        if not path:
            return
        self.round.served()
        self.pause(1)
        if not any(os.path.lexists(p) for p in (path, path.removesuffix(".tmp"))):
            os.rename(away, path)
            self.log.returned.add(path)
            self.disk.settle()
        else:
            os.unlink(away)
        self.count("open segment moved away")

    # --- closed doors -----------------------------------------------------------------------------

    def mode_of_directory(self):
        os.chmod(self.disk.audit, 0)
        try:
            self.count("directory closed")
            self.pause(1)
        finally:
            os.chmod(self.disk.audit, 0o700)
            self.disk.settle()

    def mode_of_files(self):
        """Through descriptors: names may change meanwhile."""
        files = []
        try:
            for path in {*self.log.paths(".tmp"), *self.log.paths("")[:AT_MOST]}:
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    fd = os.open(path, os.O_RDONLY)
                    files.append((fd, os.fstat(fd).st_mode & 0o777))
                    os.fchmod(fd, 0)
            self.count("files closed")
            self.pause(1)
        finally:
            for fd, mode in files:
                os.fchmod(fd, mode)
                os.close(fd)
            self.disk.settle()

    def chattr(self):
        """Of the directory, or of the segments that are not closed."""
        attribute = self.dice.choice("ia")
        files = self.dice.random() < 0.5
        paths = self.log.paths(".tmp")[:AT_MOST] if files else [self.disk.audit]
        done = [self.disk.attribute(path, attribute) for path in paths]
        if any(done):
            self.count(f"chattr +{attribute} of {'files' if files else 'the directory'}")
        self.pause(1)
        self.disk.heal()

    # --- a second service -------------------------------------------------------------------------

    def other(self):
        top = os.path.join(self.log.top, "second")
        os.makedirs(top, exist_ok=True)
        found = service.Service(top, args=["--audit-dir", self.disk.audit, "--key-dir", self.disk.keys], evaluators=1,
                                conf=self.service.conf)
        found.policy = self.service.policy
        return found.spawn()

    def second(self):
        """It gets nowhere as long as the first one is there."""
        if not self.round.served():
            return
        other = self.other()
        self.pause(SECOND)
        got_in = "policyd: ready" in other.said()
        self.put_down(other)
        self.count("second service")
        if got_in and self.service.running():
            raise Wrong(f"two services have one log: {other.said()}")

    def takes_over(self):
        """One that waits while the first is killed has the log then, for as long as it runs."""
        other = self.other()
        try:
            self.pause(SECOND)
            self.again()
            other.wait_ready()
            self.count("second service takes over")
            self.pause(0.3)
            if other.terminate() != 0:
                raise Wrong(f"the second service does not end in order: {other.said()}")
        finally:
            self.put_down(other)

    @staticmethod
    def put_down(other):
        if other.running():
            procs.end_all([*procs.descendants(other.process.pid), other.process.pid])
            other.wait()
        other.gone()
