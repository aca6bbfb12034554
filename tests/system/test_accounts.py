#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--user and --writer-user: the service and the writer under uids of their own (needs root)."""

import os
import pwd
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import procs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

# Accounts that every Debian has.
SERVICE, WRITER = "daemon", "bin"


def need_root(case):
    return service.unittest.skipUnless(os.geteuid() == 0, "changing uids needs root")(case)


class Accounts(service.Case):
    def split(self, user=SERVICE, writer=WRITER):
        s = self.make(args=["--user", user, "--writer-user", writer])
        for path in (os.environ["TMPDIR"], self.top, s.top):
            os.chmod(path, 0o755)
        for path in (s.audit, s.keys):
            os.chown(path, pwd.getpwnam(writer).pw_uid, pwd.getpwnam(writer).pw_gid)
        os.chown(s.top, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        return s

    @need_root
    def test_each_process_has_its_uid_and_no_privilege(self):
        s = self.split()
        s.spawn().wait_ready()
        for pid in [s.pid] + procs.descendants(s.pid):
            role = procs.role(pid)
            account = pwd.getpwnam(WRITER if role == "writer" else SERVICE)
            with self.subTest(role):
                self.assertEqual(procs.status(pid, "Uid"), [str(account.pw_uid)] * 4)
                self.assertEqual(procs.status(pid, "Gid"), [str(account.pw_gid)] * 4)
                for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertEqual(int(procs.status(pid, capabilities)[0], 16), 0, capabilities)
                self.assertEqual(procs.status(pid, "NoNewPrivs"), ["1"])
                self.assertNotIn("0", procs.status(pid, "Groups"))
        with s.client() as c:
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        log = s.stop()
        for segment in log.segments:
            self.assertEqual(os.stat(segment.path).st_uid, pwd.getpwnam(WRITER).pw_uid)

    @need_root
    def test_the_service_cannot_read_the_log(self):
        s = self.split()
        s.spawn().wait_ready()
        with s.client() as c:
            c.ask(service.ALLOWED)
        done = subprocess.run(["ls", s.audit], user=SERVICE, group=SERVICE, extra_groups=[], capture_output=True,
                              check=False)
        self.assertNotEqual(done.returncode, 0, "the audit directory is open to the service's uid")
        s.stop()

    @need_root
    def test_evaluators_come_back_after_the_drop(self):
        s = self.split()
        s.spawn().wait_ready()
        victim = s.kill("evaluator")
        self.eventually(lambda: len(s.pids("evaluator")) == 2 and victim not in s.pids("evaluator"), "a new one")
        with s.client() as c:
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        s.stop()

    @need_root
    def test_peer_is_who_the_kernel_says(self):
        s = self.split()
        s.spawn().wait_ready()
        os.chmod(s.socket, 0o666)
        ask = ("import socket, sys, os\nc = socket.socket(socket.AF_UNIX)\nc.connect(sys.argv[1])\n"
               "c.sendall(b'{\"id\":\"who\",\"action\":\"net:connect:tcp\",\"resource\":\"net:domain:a.example.com:443\","
               "\"subject\":{\"user\":\"root\"}}\\n')\nprint(os.getpid())\nc.recv(65536)\n")
        python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable  # one that others may run
        done = subprocess.run([python, "-c", ask, s.socket], user="games", group="games", extra_groups=[],
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        log = s.stop()
        record = log.where(request_id="who")[0]
        games = pwd.getpwnam("games")
        self.assertEqual(record["peer"], {"uid": games.pw_uid, "gid": games.pw_gid, "pid": int(done.stdout)})
        self.assertEqual(record["username"], "games")
        self.assertEqual(record["network_egress"]["claimed"]["user"], "root")

    @need_root
    def test_unknown_account(self):
        s = self.make(args=["--user", "no-such-account"])
        s.spawn()
        self.assertEqual(s.wait(), 2)
        self.assertIn("no-such-account", s.said())

    @service.unittest.skipUnless(os.geteuid() != 0, "root may change uids")
    def test_other_uid_without_privilege(self):
        s = self.make(args=["--user", "daemon"])
        s.spawn()
        self.assertNotEqual(s.wait(), 0)
        print(f"# {s.said()}")

    def test_one_uid_is_said_once(self):
        """Without a split everything runs under the caller's uid, and that is said."""
        s = self.start()
        uid = str(os.geteuid())
        for pid in procs.descendants(s.pid):
            self.assertEqual(procs.status(pid, "Uid"), [uid] * 4)
        self.assertEqual(sum("uid" in line for line in s.stderr), 1, s.said())
        s.stop()


if __name__ == "__main__":
    tap.main()
