#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The file that policyctl writes into a policy directory: mode and owner, full disks, others at the same time, kills."""

import fcntl
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import procs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from policy_dir import OWN, Case  # noqa: E402


class Files(Case):
    def test_mode_is_kept(self):
        self.done("allow", "network", "a.example")
        self.assertEqual(stat.S_IMODE(os.stat(self.own).st_mode), 0o600 | os.stat(self.dir).st_mode & 0o044)
        os.chmod(self.own, 0o640)
        self.done("allow", "network", "b.example")
        self.assertEqual(stat.S_IMODE(os.stat(self.own).st_mode), 0o640)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_owner_is_kept(self):
        self.done("allow", "network", "a.example")
        os.chown(self.own, 1234, 2345)
        self.done("allow", "network", "b.example")
        self.assertEqual((os.stat(self.own).st_uid, os.stat(self.own).st_gid), (1234, 2345))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_readable_by_the_directory(self):
        """Whoever may read the directory may read the file, whatever the umask of root; 0700 is its owner's."""
        for mode, want in ((0o755, 0o644), (0o750, 0o640), (0o700, 0o600)):
            os.chown(self.dir, 1234, 2345)
            os.chmod(self.dir, mode)
            code, _, err = self.ctl("allow", "network", "a.example", umask=0o077)
            self.assertEqual(code, 0, err)
            st = os.stat(self.own)
            self.assertEqual((stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid), (want, 1234, 2345))
            os.unlink(self.own)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_other_owner(self):
        self.done("allow", "network", "a.example")
        # Where somebody else can reach it, and the program: neither the tests' directory nor the tree need be such a place.
        with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
            program = shutil.copy(service.POLICYCTL, place)
            policy = shutil.copytree(self.dir, os.path.join(place, "policy"))
            os.chmod(place, 0o755)
            os.chmod(policy, 0o777)
            os.chmod(os.path.join(policy, OWN), 0o666)
            code, _, err = service.run([program, "allow", "network", "b.example", "--policy", policy], cwd=place,
                                       user=65534, group=65534, extra_groups=[])
            self.assertEqual(code, 2)
            self.assertIn("belongs to another user", err)
            self.assertEqual(self.read(os.path.join(policy, OWN)), self.read())

    def test_read_only_directory(self):
        if os.geteuid() == 0:
            self.skipTest("root may write where nobody may")
        os.chmod(self.dir, 0o555)
        self.addCleanup(os.chmod, self.dir, 0o755)
        self.assertIn("(nothing was changed): Permission denied", self.refused("allow", "network", "x.example"))
        self.assertEqual(self.ctl("allow", "network", "x.example", "--dry-run")[0], 0)

    def test_full_disk(self):
        """A file that cannot be written leaves the old one (RLIMIT_FSIZE stands for the full disk)."""
        self.done("allow", "network", "a.example")
        before = self.read()

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        done = subprocess.run([service.POLICYCTL, "allow", "network", "b.example", "--policy", self.dir], preexec_fn=limit,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(b"write (nothing was changed): File too large", done.stderr)
        self.assertEqual((self.read(), sorted(os.listdir(self.dir))), (before, ["hand.json", OWN]))

    def test_many_at_once(self):
        """Each of many programs at once finds its rule in the end."""
        codes = []

        def one(i):
            codes.append(self.ctl("allow", "network", f"h{i}.example", "--timeout", str(service.PATIENCE))[0])
        threads = [threading.Thread(target=one, args=(i,)) for i in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(codes, [0] * 12)
        self.assertEqual(set(self.rules()["policyctl"]), {f"allow-h{i}.example" for i in range(12)})

    def test_locked(self):
        fd = os.open(self.dir, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self.assertIn("locked: another policyctl is changing it", self.refused("allow", "network", "x.example", "--timeout", "1"))

    def test_killed(self):
        """Killed at each system call: the old file or the new one, whole, and the next run goes through."""
        if not service.shutil.which("strace") or service.SANITIZED:
            self.skipTest("needs strace and no sanitizer")
        self.done("allow", "network", "a.example")
        before, seen = self.read(), set()
        for call in ("openat", "write", "fchmod", "fsync", "renameat2"):
            for when in (range(1, 3) if call in ("fsync", "write") else (1,)) if call != "openat" else range(1, 40, 3):
                done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                       f"inject={call}:signal=KILL:when={when}", service.POLICYCTL, "allow", "network",
                                       "b.example", "--policy", self.dir], capture_output=True, check=False)
                text = self.read()
                seen.add((done.returncode == 0, text == before))
                if text != before:
                    self.assertEqual(list(self.rules()["policyctl"]), ["allow-a.example", "allow-b.example"])
                    self.done("rm", "b.example")
                self.done("allow", "network", "c.example")
                self.done("rm", "c.example")
                self.assertEqual(self.read(), before)
        self.assertIn((False, True), seen)

    def test_synced(self):
        """The file before it gets its name, the directory after that: a power cut leaves the old one or the new one."""
        if not service.shutil.which("strace") or service.SANITIZED:
            self.skipTest("needs strace and no sanitizer")
        trace = os.path.join(self.top, "trace")
        subprocess.run(["strace", "-o", trace, "-e", "trace=renameat2,fsync", service.POLICYCTL, "allow", "network", "b.example",
                        "--policy", self.dir], capture_output=True, check=True)
        self.assertEqual([line.split("(")[0] for line in self.read(trace).splitlines() if "(" in line], ["fsync", "renameat2", "fsync"])

    def test_changed_meanwhile(self):
        """An editor does not know of the lock: what it wrote stays."""
        if not service.shutil.which("strace") or service.SANITIZED:
            self.skipTest("needs strace and no sanitizer")
        self.done("allow", "network", "a.example")
        with subprocess.Popen(["strace", "-o", "/dev/null", "-e", "trace=fchmod", "-e", "inject=fchmod:delay_enter=3000000", service.POLICYCTL,
                               "allow", "network", "b.example", "--policy", self.dir], stderr=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            procs.wait_until(lambda: os.path.exists(os.path.join(self.dir, ".policyctl.tmp")), service.PATIENCE, "the temporary file")
            with open(self.own, "a", encoding="utf-8") as f:
                f.write("// meanwhile\n")
            _, err = p.communicate()
        self.assertEqual(p.returncode, 2)
        self.assertIn(b"was changed meanwhile: nothing was changed", err)
        self.assertTrue(self.read().endswith("// meanwhile\n"))


if __name__ == "__main__":
    tap.main()
