#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The package's life: installed, upgraded in the middle of a load, removed, purged; the log outlives it."""

import hashlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import host  # noqa: E402
import procs  # noqa: E402
import tap  # noqa: E402


def contents(*directories):
    """{path: (mode, owner, hash)} of every file."""
    found = {}
    for top in directories:
        for directory, _, names in os.walk(top):
            for path in (os.path.join(directory, n) for n in names):
                s = os.stat(path)
                with open(path, "rb") as f:
                    found[path] = (s.st_mode, s.st_uid, s.st_gid, hashlib.sha256(f.read()).hexdigest())
    return found


def version():
    return host.must("dpkg-query", "-W", "-f", "${Version}", "sealwright").strip()


def purge():
    host.call("dpkg", "--purge", "sealwright")
    host.call("systemctl", "daemon-reload")


class Install(host.Case):
    def setUp(self):
        purge()
        host.install()
        super().setUp()

    start = False

    def test_new(self):
        """Accounts, groups and directories are there; nothing runs and nothing is enabled: there is no policy yet."""
        for unit in host.UNITS:
            self.assertEqual(host.call("systemctl", "is-active", unit)[1].strip(), "inactive", unit)
            self.assertEqual(host.call("systemctl", "is-enabled", unit)[1].strip(), "disabled", unit)
        for path, expected in (("/run/sealwright", "755 policyd:policyd"),
                               ("/var/log/sealwright", "755 root:root"),
                               (host.AUDIT, "750 auditd-writer:sealwright-audit"),
                               (host.KEYS, "700 auditd-writer:sealwright-audit"),
                               ("/etc/sealwright", "755 root:root"),
                               ("/etc/sealwright/policy", "755 root:root")):
            self.assertEqual(host.must("stat", "-c", "%a %U:%G", path).strip(), expected, path)
        for account in ("policyd", "auditd-writer"):
            self.assertIn("/usr/sbin/nologin", host.must("getent", "passwd", account))
        self.assertEqual(host.must("dpkg", "--verify", "sealwright"), "")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *host.UNITS], capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_enable_and_start(self):
        host.must("systemctl", "enable", "--now", host.SERVICE)
        for unit in host.UNITS:
            self.assertEqual(host.call("systemctl", "is-enabled", unit)[1].strip(), "enabled", unit)
        self.assertEqual(self.ask()["decision"], "allow")
        host.must("systemctl", "disable", host.SERVICE)
        self.stop()

    def test_configuration_of_the_operator_stays(self):
        with open("/etc/sealwright/sealwright.conf", "a", encoding="utf-8") as f:
            f.write("// mine\n")
        host.install("next", "--force-confold")
        with open("/etc/sealwright/sealwright.conf", encoding="utf-8") as f:
            self.assertTrue(f.read().endswith("// mine\n"))


class Upgrade(host.Case):
    def setUp(self):
        purge()
        host.install()
        super().setUp()

    def test_in_mid_load(self):
        """From one version to the next and back, while clients ask: none is turned away, nothing answered is lost."""
        before = version()
        with host.Load() as load:
            for step in ("next", "this", "next"):
                old = host.main_pid()
                socket = os.stat(host.SOCKET).st_ino
                host.install(step, "--force-downgrade")
                procs.wait_until(lambda was=old: host.main_pid() not in (0, was), host.PATIENCE, "the service restarts")
                self.assertEqual(os.stat(host.SOCKET).st_ino, socket, "the socket stays")
                load.more()
        self.assertEqual(version(), before + "+next")
        log = self.check_load(load)
        self.assertEqual(log.torn, [])
        said = [r["app_version"] for r in log.records]
        self.assertEqual(sorted(set(said)), [before, before + "+next"])

    def test_a_process_dies_between_unpacking_and_restart(self):
        """The supervisor starts what it was started with, not what lies at the path by now."""
        with host.Load() as load:
            host.must("dpkg", "--unpack", host.package("next"))
            pid = host.main_pid()
            for role in ("evaluator", "admin"):
                old = host.process(role)
                host.kill(old[0])
                new = host.wait_other(role, old)
                self.assertIn("(deleted)", os.readlink(f"/proc/{new[0]}/exe"))
                load.more()
            self.assertEqual(host.main_pid(), pid)
            host.must("dpkg", "--configure", "sealwright")
            procs.wait_until(lambda: host.main_pid() not in (0, pid), host.PATIENCE, "the service restarts")
            load.more()
        self.check_load(load)

    def test_stopped_stays_stopped(self):
        self.stop()
        host.install("next")
        self.assertEqual(host.show("ActiveState"), "inactive")


class Remove(host.Case):
    def setUp(self):
        purge()
        host.install()
        super().setUp()

    def test_log_and_keys_stay(self):
        with host.Load() as load:
            load.more()
            load.end()
        host.must("dpkg", "--remove", "sealwright")
        self.assertFalse(os.path.exists(host.SOCKET))
        self.assertEqual([p for p in map(int, filter(str.isdigit, os.listdir("/proc"))) if procs.role(p)], [])
        kept = contents(host.AUDIT, host.KEYS)
        self.assertTrue([p for p in kept if p.endswith(".jsonl")])
        self.assertTrue([p for p in kept if p.startswith(host.KEYS)])
        host.auditlog.read(host.AUDIT, closed=True)
        self.assertTrue(os.path.exists("/etc/sealwright/sealwright.conf"))
        host.must("dpkg", "--purge", "sealwright")
        self.assertEqual(contents(host.AUDIT, host.KEYS), kept, "purged, and not a byte of the log")
        self.assertFalse(os.path.exists("/etc/sealwright/sealwright.conf"))
        self.assertTrue(os.path.exists(host.POLICY), "the operator's")
        host.must("getent", "passwd", "auditd-writer")  # who owns the log is still somebody
        host.install()
        host.must("systemctl", "start", *host.UNITS)
        self.assertEqual(self.ask()["decision"], "allow")
        log = self.check_load(load)
        self.assertEqual(len({r["audit_session_id"] for r in log.records}), 2, "the same log goes on")


if __name__ == "__main__":
    tap.main()
