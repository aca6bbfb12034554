#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Processes that die: none leaves a core file or can be made to, whatever limit it inherited; each death is on
record, and one by a forbidden system call is called that."""

import glob
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import procs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

ROLES = ("supervisor", "writer", "evaluator", "admin")
LARGE = 60000  # rules: enough for the compiler to be seen at work


def generous():
    """As generous as we may be; in the child."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def core_files_are_made_here(directory):
    """Why a death leaves none in its working directory, or None."""
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as f:
        pattern = f.read().strip()
    if pattern.startswith(("|", "/")):
        return f"core files go elsewhere here ({pattern})"
    subprocess.run(["sh", "-c", "kill -ABRT $$"], cwd=directory, preexec_fn=generous, check=False)
    made = glob.glob(os.path.join(directory, "*core*"))
    for path in made:
        os.unlink(path)
    return None if made else "no core files are made here at all"


def large_policy():
    rules = [{"id": f"r{i}", "actions": ["connect:tcp"], "decision": "allow", "resources": [f"h{i}.example.com:443"]}
             for i in range(LARGE)]
    return dict(service.POLICY, revision="large",
                policies=service.POLICY["policies"] + [{"id": "large", "source": "host", "mode": "enforce", "rules": rules}])


class Cores(service.Case):
    def begin(self, split=False, **options):
        s = self.make(args=["--user", "daemon", "--writer-user", "bin"] if split else [], **options)
        for path, owner in ((s.audit, "bin"), (s.keys, "bin"), (s.top, "daemon")) if split else ():
            shutil.chown(path, owner, owner)
            os.chmod(self.top, 0o755)
            os.chmod(os.path.dirname(self.top), os.stat(os.path.dirname(self.top)).st_mode | 0o755)
        s.spawn(preexec_fn=generous, cwd=self.top)
        return s.wait_ready()

    def kill_compiler(self, s, sig):
        """Load a large policy, and kill the compiler in the middle; its pid."""
        s.write_policy(large_policy())
        for _ in range(20):
            asked = threading.Thread(target=self.ignoring(lambda: s.admin("reload")), daemon=True)
            asked.start()
            pid = self.hit(s, asked, sig)
            asked.join(service.PATIENCE)
            if pid:
                return pid
            time.sleep(1)  # one reload a second
        self.fail("every compiler was done before it was seen")

    @staticmethod
    def hit(s, asked, sig):
        """The pid of a compiler that was there to be killed, or None."""
        while asked.is_alive():
            for pid in s.pids("compiler"):
                try:
                    os.kill(pid, sig)
                    return pid
                except ProcessLookupError:
                    pass
        return None

    @staticmethod
    def ignoring(call):
        def quietly():
            try:
                call()
            except (OSError, AssertionError):
                pass
        return quietly

    def at_work(self, **options):
        """A service, and one pid of each role, which has answered: "ready" may come before a process is in its jail."""
        s = self.begin(evaluators=1, **options)
        with s.client() as c:
            c.ask(service.ALLOWED)
        s.admin("ping")
        return s, {role: s.pid if role == "supervisor" else s.one(role) for role in ROLES}

    def replaced(self, s, role, victim):
        self.eventually(lambda: s.pids(role) and victim not in s.pids(role), f"another {role}")

    def test_no_process_may_leave_one(self):
        s, pids = self.at_work()
        for role, pid in pids.items():
            with self.subTest(f"{role} {pid}"), open(f"/proc/{pid}/limits", encoding="ascii") as f:
                limits = next(line for line in f if line.startswith("Max core file size")).split()
                self.assertEqual(limits[4:6], ["0", "0"])
        s.stop()

    def test_no_process_is_dumpable(self):
        """What is not dumpable belongs to root in /proc."""
        s, pids = self.at_work(split=os.getuid() == 0)
        for role, pid in pids.items():
            self.assertNotEqual(procs.status(pid, "Uid")[0], "0", role)
            self.assertEqual(os.stat(f"/proc/{pid}/environ").st_uid, 0, role)
        s.stop()

    def test_none_is_left(self):
        why = core_files_are_made_here(self.top)
        if why:
            self.skipTest(why)
        s = self.begin()
        for role, sig in (("evaluator", signal.SIGABRT), ("evaluator", signal.SIGSYS), ("admin", signal.SIGABRT),
                          ("admin", signal.SIGSYS)):
            self.replaced(s, role, s.kill(role, sig))
        self.kill_compiler(s, signal.SIGABRT)
        s.kill("writer", signal.SIGABRT)
        self.assertEqual(s.wait(), 1)
        s.gone()
        s.write_policy(service.POLICY)
        s.spawn(preexec_fn=generous, cwd=self.top)
        s.wait_ready()
        s.kill("supervisor", signal.SIGABRT)
        self.assertEqual(s.wait(), -signal.SIGABRT)
        s.gone(20)
        self.assertEqual(glob.glob(os.path.join(self.top, "*core*")), [])

    def test_forbidden_calls_are_on_record(self):
        """SIGSYS, as the kernel sends it for a forbidden call: of every process but supervisor and writer."""
        s = self.begin(evaluators=1)
        victims = {}
        for role in ("evaluator", "admin"):
            victims[role] = s.kill(role, signal.SIGSYS)
            self.replaced(s, role, victims[role])
        victims["compiler"] = self.kill_compiler(s, signal.SIGSYS)
        self.eventually(lambda: s.client().ask(service.ALLOWED)["decision"] == "allow", "an answer")
        log = s.stop()
        said = s.said()
        for role, pid in victims.items():
            record = next(r["process"] for r in log.management("process") if r["process"]["pid"] == pid)
            print(f"# {record}")
            self.assertEqual((record["role"], record["signal"], record["sandbox_violation"]), (role, "SIGSYS", True))
            self.assertEqual("channel" in record, role != "compiler")
            self.assertIn(f"{pid}) broke its sandbox" if role != "compiler" else "(it broke its sandbox)", said)
        refused = [r["policy"] for r in log.management("policy") if r["policy"]["result"] == "refused"]
        self.assertEqual(len(refused), 1)
        self.assertIn("signal 31", refused[0]["first"])

    def test_an_abort_is_no_violation(self):
        s = self.begin(evaluators=1)
        pid = s.kill("evaluator", signal.SIGABRT)
        self.replaced(s, "evaluator", pid)
        record = next(r["process"] for r in s.stop().management("process") if r["process"]["pid"] == pid)
        self.assertEqual(record["signal"], "SIGABRT")
        self.assertNotIn("sandbox_violation", record)


if __name__ == "__main__":
    tap.main()
