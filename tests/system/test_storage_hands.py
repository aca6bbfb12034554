#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What other hands do to the log of a running service: its directory or files are deleted, replaced, closed or made
immutable, a second service wants the same log. Whoever is answered is on record; all else is refused, and said."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import storage  # noqa: E402
import tap  # noqa: E402

IO, READ_ONLY = "input/output error", "read-only file system"
WAITS = ("the log cannot be written", IO)  # what was sent before waits for the log, or nothing does


def verify(directory):
    return service.run([os.path.join(service.BUILD, "bin", "auditlog"), "verify", directory])


def tmp(s):
    return [os.path.join(s.audit, n) for n in os.listdir(s.audit) if n.endswith(".tmp")]


def with_records(s):
    found = []
    for path in tmp(s):
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as f:  # closed meanwhile
            found += [path] if f.read(1) == b"{" else []
    return found


class Hands(storage.Case):
    def settled(self, s):
        """Nothing waits for its seal: there are the open segment and those that are ready to follow it."""
        def one():
            names = set(tmp(s)) if len(with_records(s)) <= 1 else None
            time.sleep(0.2)
            return names is not None and names == set(tmp(s))
        self.eventually(one, "all closed that is complete")


class Deleted(Hands):
    def test_open_segment(self):
        """The file under the open descriptor is gone: what was acknowledged in it is written again from there, checked,
        under its name; then the log goes on as if nothing had been."""
        s = self.start(evaluators=1)
        good = self.good(self.ask(s, 10))
        os.unlink(with_records(s)[0])
        good += self.good(self.ask(s, 10))
        self.assertEqual(len(good), 20)
        self.eventually(lambda: any(n.endswith(".seal") for n in os.listdir(s.audit)), "closed from a copy")
        good += self.good(self.ask(s, 3))
        log = s.stop()
        self.recorded(log, good)
        record, = [r["storage"] for r in log.management("storage") if r["storage"]["state"] == "poisoned"]
        self.assertEqual((record["cause"], "kept" in record), ("No such file or directory", False))
        self.assertEqual(verify(s.audit)[0], 3)

    def test_open_segment_before_the_end(self):
        """... between its last record and its end."""
        s = self.start(evaluators=1)
        good = self.good(self.ask(s, 10))
        os.unlink(with_records(s)[0])
        log = s.stop()
        self.recorded(log, good)
        self.assertEqual(verify(s.audit)[0], 3)

    def test_open_segment_replaced(self):
        """Another file has its name, as after an editor: that one is set aside, and all that was acknowledged is there again."""
        s = self.start(evaluators=1)
        good = self.good(self.ask(s, 10))
        other = os.path.join(self.top, "other")
        with open(other, "wb") as f:
            f.write(b"no record\n")
        os.chmod(other, 0o440)
        os.rename(other, with_records(s)[0])
        good += self.good(self.ask(s, 10))
        self.assertEqual(len(good), 20)
        self.eventually(lambda: any(n.endswith(".seal") for n in os.listdir(s.audit)), "closed from a copy")
        log = s.stop()
        self.recorded(log, good)
        record, = [r["storage"] for r in log.management("storage") if r["storage"]["state"] == "poisoned"]
        with open(os.path.join(s.audit, record["kept"]), "rb") as f:
            self.assertEqual(f.read(), b"no record\n")
        self.assertEqual(verify(s.audit)[0], 3)

    def test_open_segment_replaced_by_an_editor(self):
        """... that keeps the old one by another name, and has put what it had read so far, and a line of its own, in its place."""
        s = self.start(evaluators=1)
        good = self.good(self.ask(s, 10))
        name, = with_records(s)
        with open(name, "rb") as f:
            lines = f.read().rstrip(b"\0")
        old = os.path.join(self.top, "old")
        os.rename(name, old)
        with open(name, "wb") as f:
            f.write(lines + b"another line\n")
        os.chmod(name, 0o440)
        good += self.good(self.ask(s, 10))
        self.assertEqual(len(good), 20)
        log = s.stop()
        self.recorded(log, good)
        base = name[:-len(".tmp")]
        with open(base + ".torn", "rb") as f:
            self.assertEqual(f.read(), lines + b"another line\n")
        with open(base, "rb") as closed, open(old, "rb") as f:
            self.assertTrue(f.read().startswith(closed.read()))
        self.assertEqual(verify(s.audit)[0], 3)

    def test_open_segment_renamed(self):
        """What is elsewhere is copied, and nothing waits; what comes back later is nobody's."""
        s = self.start(evaluators=1, args=["--rotate-records", "20"])
        good = self.good(self.ask(s, 5))
        away, name = os.path.join(self.top, "away"), with_records(s)[0]
        os.rename(name, away)
        good += self.good(self.ask(s, 20))
        s.wait_said(f"{os.path.basename(name)[:-4]}: closed from a checked copy")
        self.settled(s)
        os.rename(away, name)
        good += self.good(self.ask(s, 5))
        self.assertEqual(len(good), 30)
        self.assertEqual(s.terminate(), 0)
        for _ in range(2):
            s.spawn().wait_ready()
            good += self.good(self.ask(s, 5))
            self.assertEqual(s.terminate(), 0)
        self.assertEqual(verify(s.audit)[0], 3)
        os.unlink(name)
        self.recorded(s.log(closed=True), good)

    def test_open_segment_finished_by_hand(self):
        """Moved to the name that only a closed one has: that is set aside, and nobody is refused."""
        s = self.start(evaluators=1, args=["--rotate-records", "20"])
        good = self.good(self.ask(s, 10))
        name = with_records(s)[0]
        os.rename(name, name[:-4])
        good += self.good(self.ask(s, 10))
        s.wait_said(f"{os.path.basename(name)[:-4]}: closed from a checked copy")
        good += self.good(self.ask(s, 120))
        self.assertEqual(len(good), 140)
        log = s.stop()
        self.recorded(log, good)
        record, = [r["storage"] for r in log.management("storage") if r["storage"]["state"] == "poisoned"]
        self.assertEqual(os.path.join(s.audit, record["kept"]), name[:-4] + ".torn")
        self.assertEqual(verify(s.audit)[0], 3)

    def test_segment_that_waits_for_its_seal(self):
        """Deleted, or replaced, while it cannot be sealed, as no file gets another name: it is open still."""
        s = self.start(evaluators=1, args=["--rotate-records", "20"])
        good = self.good(self.ask(s, 5))
        name = with_records(s)[0]
        base = os.path.basename(name)[:-4]
        os.mkdir(name[:-4])  # its last name is taken
        good += self.good(self.ask(s, 30))
        self.assertEqual(len(good), 35)
        s.wait_said(f"{base}: cannot rename a segment: File exists")
        os.unlink(name)
        os.rmdir(name[:-4])
        s.wait_said(f"{base}: closed from a checked copy")
        log = s.stop()
        self.recorded(log, good)
        self.assertEqual(verify(s.audit)[0], 3)

    def test_every_open_file(self):
        """The next one, made ready before, too; many times: deleted, moved elsewhere, replaced."""
        s = self.start(evaluators=1, args=["--rotate-records", "20"])
        good = []
        for i in range(6):
            good += self.good(self.ask(s, 4))
            self.settled(s)
            for path in tmp(s):
                if i % 3 > 0:
                    os.link(path, os.path.join(self.top, f"{i}{os.path.basename(path)}"))
                if i % 3 > 1:
                    shutil.copy(path, os.path.join(self.top, "other"))
                    os.rename(os.path.join(self.top, "other"), path)
                else:
                    os.unlink(path)
            self.eventually(lambda: self.served(s), "served again")
        self.eventually(lambda: self.served(s), "served again")
        self.assertEqual(len(good), 24)
        log = s.stop()
        self.recorded(log, good)
        self.assertEqual(verify(s.audit)[0], 3)

    def test_directory(self):
        """With its directory gone, nothing is acknowledged that nobody could ever read."""
        s = self.start(evaluators=1, args=["--rotate-records", "5"], conf={"limits": {"answer_ms": 1000}})
        self.assertEqual(len(self.good(self.ask(s, 10))), 10)
        self.settled(s)
        shutil.rmtree(s.audit)
        self.assertEqual(self.good(self.ask(s, 5)), [])
        self.eventually(lambda: self.said_cause(s, WAITS), "refused with the cause")
        s.wait_said("the audit log cannot be written: No such file or directory")
        self.assertNotEqual(s.terminate(), 0)
        # The next one makes another. The key state knows what was sealed: it goes on from there, and says what is gone.
        s.spawn().wait_ready()
        self.assertTrue(self.served(s))
        self.assertEqual(s.terminate(), 0)
        records = []
        for name in sorted(n for n in os.listdir(s.audit) if n.endswith(".jsonl")):
            with open(os.path.join(s.audit, name), encoding="utf-8") as f:
                records += [json.loads(line) for line in f]
        self.assertIn("segments", [r["action_type"] for r in records])
        self.assertGreater(records[0]["seq"], 10)
        code, out, _ = verify(s.audit)
        self.assertEqual((code, out.split(",")[0]), (4, "INCOMPLETE"))
        shutil.rmtree(s.audit)
        os.mkdir(s.audit, 0o700)

    def test_key_directory(self):
        """What is open is sealed with the keys that are in memory; no other log begins beside it."""
        s = self.start(evaluators=1, args=["--rotate-records", "5"])
        good = self.good(self.ask(s, 10))
        self.settled(s)
        shutil.rmtree(s.keys)
        good += self.good(self.ask(s, 10))
        self.assertEqual(len(good), 20)
        self.recorded(s.stop(), good)
        self.assertEqual(verify(s.audit)[0], 3)
        s.spawn()
        self.assertNotEqual(s.wait(), 0)
        self.assertIn("belongs to a log, but there is no key state for it", s.said())

    def test_directory_replaced(self):
        """Another one under the name of the directory: the writer holds its own, and goes on there."""
        s = self.start(evaluators=1, args=["--rotate-records", "5"])
        good = self.good(self.ask(s, 12))
        moved = s.audit + ".moved"
        os.rename(s.audit, moved)
        os.mkdir(s.audit, 0o700)
        good += self.good(self.ask(s, 12))
        self.assertEqual(len(good), 24)
        self.assertEqual(os.listdir(s.audit), [])
        os.rmdir(s.audit)
        os.rename(moved, s.audit)
        self.recorded(s.stop(), good)


class Closed(Hands):
    def through(self, s, close, reopen, n=12, wait=False):
        """Requests before, while and after; sealed and whole at the end. The replies in between. wait: for one that is
        served in between."""
        good = self.good(self.ask(s, n))
        self.settled(s)
        close()
        between = self.ask(s, n)
        if wait:
            self.eventually(lambda: self.served(s), "served in between")
        reopen()
        self.eventually(lambda: self.served(s), "served again")
        log = s.stop()
        self.recorded(log, good + self.good(between))
        self.assertIn(verify(s.audit)[0], (0, 3))
        return log, between

    @staticmethod
    def each(s, change):
        """Whatever is in the directory; names may change meanwhile."""
        names = None
        while names != set(os.listdir(s.audit)):
            names = set(os.listdir(s.audit))
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    change(os.path.join(s.audit, name))

    def test_mode_of_the_directory(self):
        """No file can be made or renamed: the open segment goes on beyond its limits, and all is closed later."""
        s = self.start(evaluators=1, args=["--rotate-records", "5"])
        _, between = self.through(s, lambda: os.chmod(s.audit, 0), lambda: os.chmod(s.audit, 0o700))
        self.assertEqual(len(self.good(between)), len(between), between)

    def test_mode_of_the_files(self):
        """What is open stays open."""
        s = self.start(evaluators=1, args=["--rotate-records", "5"])

        def modes(mode):
            self.each(s, lambda path: os.chmod(path, mode))
        _, between = self.through(s, lambda: modes(0), lambda: modes(0o440))
        self.assertEqual(len(self.good(between)), len(between), between)
        modes(0o440)

    def test_owner(self):
        if not storage.ROOT:
            self.skipTest("giving files away needs root")
        s = self.start(evaluators=1, args=["--rotate-records", "5"])

        def give(uid):
            os.chown(s.audit, uid, uid)
            self.each(s, lambda path: os.chown(path, uid, uid))
        self.through(s, lambda: give(65534), lambda: give(0))

    def attributes(self, on_files, attribute, wait=False):
        s = self.on_image("ext4", limits={"answer_ms": 1000})
        s.extra += ["--rotate-records", "5"]
        s.spawn().wait_ready()
        paths = []

        def change(sign):
            if sign == "+":
                paths.extend(tmp(s) if on_files else [s.audit])
            done = [storage.works("chattr", sign + attribute, path) for path in paths]
            if True not in done:
                self.skipTest("chattr does not work here")
        return self.through(s, lambda: change("+"), lambda: change("-"), wait=wait)

    def test_immutable_directory(self):
        _, between = self.attributes(False, "i")
        self.assertEqual(len(self.good(between)), len(between), "the open segment goes on")

    def test_append_only_directory(self):
        self.attributes(False, "a")

    def test_immutable_files(self):
        """Not even what is open can be written: the log goes on in another file."""
        log, between = self.attributes(True, "i", wait=True)
        for reply in between:
            if not self.good([reply]):
                self.refused(reply, *WAITS)
        print(f"# {len(self.good(between))} of {len(between)} on record meanwhile; {self.states(log)}")
        self.assertIn("poisoned", self.states(log))

    def test_append_only_files(self):
        self.attributes(True, "a")


class Second(storage.Case):
    """A service on the log of another one."""

    def test_refused(self):
        """The same directories; one of them through a bind mount; only the keys in common; and, of another log, a lock
        that somebody holds who may but read its directory. Each says so, and the first serves all the while."""
        s = self.start(evaluators=1, args=["--rotate-records", "500"])
        good = self.good(self.ask(s, 5))
        before = sorted(os.listdir(s.keys))
        own, locked, spare = (os.path.join(self.top, name) for name in ("own", "locked", "spare"))
        for path in (own, locked, spare):
            os.mkdir(path, 0o700)
        wants = [(s.audit, s.keys, s.audit), (own, s.keys, s.keys), (locked, spare, locked)]
        if storage.ROOT:
            bound = os.path.join(self.top, "bound")
            os.mkdir(bound)
            self.mount(bound, "--bind", s.audit)
            wants.append((bound, spare, bound))
        neighbour = service.Neighbour(s.socket)
        with subprocess.Popen(["flock", locked, "sh", "-c", "echo held; exec sleep 60"], stdout=subprocess.PIPE,
                              start_new_session=True) as holder:
            try:
                self.assertEqual(holder.stdout.readline(), b"held\n")
                others = [self.other(i, *want) for i, want in enumerate(wants)]
                for other, (_, _, held) in zip(others, wants):
                    self.assertNotEqual(other.wait(), 0)
                    self.assertIn(f"{held}: another writer holds it", other.said())
            finally:
                os.killpg(holder.pid, signal.SIGKILL)
                neighbour.finish()
        self.assertIsNone(neighbour.problem)
        self.assertGreater(neighbour.answers, 10)
        print(f"# {neighbour.answers} answers of the first meanwhile, the longest after {neighbour.longest * 1000:.0f} ms")
        self.assertEqual(([os.listdir(x) for x in (own, locked, spare)], sorted(os.listdir(s.keys))), ([[], [], []], before))
        good += self.good(self.ask(s, 5))
        log = s.stop()
        self.recorded(log, good)
        self.assertEqual(len({r["audit_session_id"] for r in log.records}), 1)
        self.assertEqual(verify(s.audit)[0], 3)

    def other(self, number, audit, keys, _held):
        return self.make(f"second{number}", evaluators=1, args=["--audit-dir", audit, "--key-dir", keys]).spawn()

    def test_takes_over(self):
        """One that waits while the first ends has the log then."""
        s = self.start(evaluators=1)
        good = self.good(self.ask(s, 5))
        other = self.make("second", evaluators=1, args=["--audit-dir", s.audit, "--key-dir", s.keys])
        other.spawn()
        time.sleep(0.3)
        self.assertEqual(s.terminate(), 0)
        other.wait_ready()
        good += self.good(self.ask(other, 5))
        self.assertEqual(other.terminate(), 0)
        log = s.log(closed=True)
        self.recorded(log, good)
        self.assertEqual(len({r["audit_session_id"] for r in log.records}), 2)


if __name__ == "__main__":
    tap.main()
