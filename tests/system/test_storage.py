#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The audit directory's file system fills up, or a quota on it does, it runs out of inodes, or of what low_bytes wants to
be free: whoever is answered is on record, whoever cannot be is denied with the cause, what happened has its record in
the reserve, and all is well when there is room again."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import storage  # noqa: E402
import tap  # noqa: E402

MIB = 1 << 20
BIG = "x" * 3000  # of a request that leaves a large record
NO_SPACE, QUOTA, LOW = "no space left", "disk quota exceeded", "storage low"
WAITS = "the log cannot be written"
SOON = service.PATIENCE / 3  # 2 s and what a busy machine takes; nobody asks the writer so often
FULL_SECONDS = float(os.environ.get("SEALWRIGHT_FULL_SECONDS", "0"))  # how long it stays full


class Filling(storage.Case):
    CONF = {**storage.Case.CONF, "limits": {"answer_ms": 500}}
    # The reserve is theirs.
    TRUSTED = {"trusted_enforcement_points": [os.geteuid()]}

    def until_denied(self, s, *causes):
        """Large records until one is refused; the replies of those that were not. What waits for the log is closed."""
        good = []
        for _ in range(6000):
            replies = self.ask_many(s)
            good += self.good(replies)
            bad = [r for r in replies if not self.good([r])]
            for reply in bad:
                self.refused(reply, *causes)
            if any(r["reason"][0] != storage.STALLED for r in bad):
                return good
        raise AssertionError("never refused")

    @staticmethod
    def ask_many(s, n=20):
        replies = []
        with s.client() as c:
            for i in range(n):
                c.send({"id": i, **service.ALLOWED, "context": {"note": BIG}})
            try:
                for _ in range(n):
                    replies.append(c.receive())
            except ConnectionError:
                pass
        return replies

    def ends_well(self, s, good, *states):
        """Soon served again, by the writer's own doing; the log has everybody who was answered, and these states of storage
        in this order."""
        since = time.monotonic()
        self.eventually(lambda: self.served(s), "served again", SOON)
        print(f"# served again after {time.monotonic() - since:.1f} s")
        log = s.stop()
        self.recorded(log, good)
        told = self.states(log)
        print(f"# {len(good)} on record, storage {told}, "
              f"unrecorded {[r['unrecorded']['count'] for r in log.management('unrecorded')]}")
        rest = iter(told)
        self.assertTrue(all(state in rest for state in states), told)
        self.assertIn(service.run([os.path.join(service.BUILD, "bin", "auditlog"), "verify", s.audit])[0], (0, 3))
        return log


class Full(Filling):
    def full(self, s):
        s.spawn().wait_ready()
        filler = storage.fill(os.path.join(s.audit, "filler"))
        good = self.until_denied(s, NO_SPACE, WAITS)
        time.sleep(FULL_SECONDS)
        os.unlink(filler)
        log = self.ends_well(s, good, "full", "recovered")
        failed = [r["storage"] for r in log.management("storage") if r["storage"].get("from") == "failed"]
        self.assertTrue(failed)
        self.assertEqual(failed[0]["cause"], "No space left on device")

    def test_tmpfs(self):
        self.full(self.on("size=3m", **self.TRUSTED))

    def test_ext4(self):
        self.full(self.on_image("ext4", 12 * MIB, **self.TRUSTED))

    def test_xfs(self):
        self.full(self.on_image("xfs", 320 * MIB, **self.TRUSTED))

    def test_others(self):
        """The reserve is for trusted enforcement points: all others are refused as soon as there is nothing but that."""
        s = self.on("size=3m")
        s.spawn().wait_ready()
        filler = storage.fill(os.path.join(s.audit, "filler"))
        good = self.until_denied(s, LOW)
        time.sleep(FULL_SECONDS)
        os.unlink(filler)
        log = self.ends_well(s, good, "full", "recovered")
        self.assertFalse([r for r in log.management("storage") if r["storage"].get("from") == "failed"])

    def test_no_inodes(self):
        """Without a new file nothing can be rotated: the open segment goes on; all is sealed later."""
        s = self.on("size=64m,nr_inodes=40")
        s.extra += ["--rotate-records", "10"]
        s.spawn().wait_ready()
        fillers = []
        try:
            for i in range(100):
                fillers.append(os.path.join(s.audit, f"filler{i}"))
                with open(fillers[-1], "wb"):
                    pass
        except OSError:
            fillers.pop()
        good = self.good(self.ask(s, 60))
        self.assertTrue(good)
        time.sleep(FULL_SECONDS)
        for path in fillers:
            os.unlink(path)
        self.ends_well(s, good)


class Cut(Filling):
    """A closed segment takes what it holds."""

    def closed(self, kind):
        s = self.on_image(kind, 400 * MIB, reserve_bytes=8 * MIB, limits={"answer_ms": 5000})
        s.extra += ["--rotate-records", "50"]
        s.spawn().wait_ready()
        before = self.free(s)
        good = [reply for _ in range(20) for reply in self.good(self.ask_many(s, 50))]
        self.eventually(lambda: sum(n.endswith(".seal") for n in os.listdir(s.audit)) >= 20, "closed")
        taken = before - self.free(s)
        print(f"# {taken / MIB:.1f} MiB for {len(good)} records in 20 segments")
        self.assertLess(taken, 30 * MIB)
        self.recorded(s.stop(), good)

    @staticmethod
    def free(s):
        storage.call("sync", "-f", s.audit)
        found = os.statvfs(s.audit)
        return found.f_bavail * found.f_frsize

    def test_ext4(self):
        self.closed("ext4")

    def test_xfs(self):
        self.closed("xfs")

    def test_btrfs(self):
        """It frees an extent only as a whole."""
        self.closed("btrfs")


class Quota(Filling):
    def used_up(self, s, limit):
        """limit(True) sets a quota that the next megabytes reach, limit(False) takes it away."""
        s.spawn().wait_ready()
        good = self.good(self.ask(s, 3))
        limit(True)
        good += self.until_denied(s, QUOTA, WAITS)
        time.sleep(FULL_SECONDS)
        limit(False)
        log = self.ends_well(s, good, "full", "recovered")
        self.assertIn("Disk quota exceeded", [r["storage"].get("cause") for r in log.management("storage")])

    def test_of_a_user(self):
        """A quota of ext4 on the writer's account."""
        s = self.on_image("ext4", 48 * MIB, "loop,usrquota", make=("-O", "quota", "-E", "quotatype=usrquota"), **self.TRUSTED)

        self.used_up(s, lambda on: storage.limit_account(s.audit, 2048 if on else 0))

    def test_of_a_subvolume(self):
        """The same of btrfs, which has quotas on directories."""
        s = self.on_image("btrfs", 256 * MIB, **self.TRUSTED)
        top, s.audit = s.audit, os.path.join(s.audit, "log")
        if not storage.works("btrfs", "quota", "enable", top):
            self.skipTest("no quotas of btrfs here")
        storage.call("btrfs", "subvolume", "create", s.audit)
        self.addCleanup(setattr, s, "audit", top)
        os.chmod(s.audit, 0o700)
        self.used_up(s, lambda on: storage.call("btrfs", "qgroup", "limit", "2M" if on else "none", s.audit))


class Low(Filling):
    def test_all_is_too_little(self):
        """Below low_bytes only trusted enforcement points are served; that it is low is on record."""
        conf = {"low_bytes": 1 << 50}
        s = self.start(evaluators=1, conf=conf)
        for reply in self.ask(s, 5):
            self.assertEqual(reply["reason"], [storage.UNAVAILABLE + LOW])
        self.assertIn('"low"', json.dumps(s.admin("status")))
        s.stop()
        if os.geteuid() == 65534:
            self.skipTest("nobody cannot be trusted")
        s = self.start(evaluators=1, conf={**conf, "trusted_enforcement_points": [os.geteuid()]})
        good = self.good(self.ask(s, 5))
        self.assertEqual(len(good), 5)
        log = s.stop()
        self.recorded(log, good)
        self.assertEqual([state for state in self.states(log) if state != "low"], [])
        self.assertEqual(sum(r["unrecorded"]["count"] for r in log.management("unrecorded")), 5)

    def test_comes_and_goes(self):
        s = self.on("size=64m", low_bytes=32 * MIB)
        s.spawn().wait_ready()
        good = self.good(self.ask(s, 3))
        filler = os.path.join(s.audit, "filler")
        with open(filler, "wb") as f:
            f.write(bytes(40 * MIB))
        self.eventually(lambda: not self.good(self.ask(s)), "refused")
        self.eventually(lambda: self.said_cause(s, [LOW]), "refused with the cause")
        os.unlink(filler)
        log = self.ends_well(s, good, "low", "recovered")
        low = log.management("storage")[0]["storage"]
        self.assertLess(low["free_bytes"], low["low_bytes"])


if __name__ == "__main__":
    tap.main()
