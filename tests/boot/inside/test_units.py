#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The installed units under systemd: serving, reloading, and what happens when a process dies or hangs."""

import os
import signal
import socket
import stat
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import host  # noqa: E402
import procs  # noqa: E402
import tap  # noqa: E402

ASK = ("policyctl", "--socket", host.SOCKET, "evaluate", host.ASKED["action"], host.ASKED["resource"])

FIGURES = 10
# At most 20 MiB in all with two evaluators; there is one for each core. How much of a library's file counts for a
# process is the kernel's: the shares differ.
RSS_KIB, CLIENT_RSS_KIB = 20 * 1024, 3072
PROCESSES = 5  # supervisor, writer, admin, two evaluators
STRANGERS = (("nora", ()), ("ada", ("sealwright",)), ("policyd", ("policyd",)), ("nora", ("sealwright-admin",)))
FATAL = (signal.SIGKILL, signal.SIGSEGV, signal.SIGSYS)


def setUpModule():
    host.install()
    host.add_users()


class Serving(host.Case):
    def test_decisions_flow(self):
        code, out, err = host.as_user("ada", *ASK, groups=("sealwright",))
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("allow"), out)
        code, out, err = host.as_user("nora", *ASK)
        self.assertNotEqual(code, 1, "denied is not the same as not heard")
        self.assertIn("Permission denied", err)
        asked = self.stop().where(category="AUDIT_CATEGORY_EVALUATION")
        self.assertEqual([r["username"] for r in asked], ["ada"])
        uid = int(host.must("id", "-u", "ada"))
        self.assertEqual(asked[0]["peer"]["uid"], uid, "who asked is who the kernel saw")

    def test_sockets(self):
        for path, group in ((host.SOCKET, "sealwright"), (host.ADMIN, "sealwright-admin")):
            found = os.stat(path)
            self.assertEqual(stat.S_IMODE(found.st_mode), 0o660)
            self.assertEqual(host.must("stat", "-c", "%U:%G", path).strip(), f"policyd:{group}")
        code, _, err = host.as_user("ada", "policyctl", "--admin-socket", host.ADMIN, "status", groups=("sealwright",))
        self.assertNotEqual(code, 0)
        self.assertIn("Permission denied", err)
        self.assertIn("serving", host.show("StatusText"))

    def test_figures(self):
        """How long a start takes, and what the processes hold; time is not judged here: other machines are slower."""
        took, ready = [], []
        for _ in range(FIGURES):
            host.must("systemctl", "stop", *host.UNITS)
            host.call("systemctl", "reset-failed", *host.UNITS)
            began = time.monotonic()
            host.must("systemctl", "start", *host.UNITS)
            took.append(1000 * (time.monotonic() - began))
            exec_at, active_at = (int(host.show(n)) for n in ("ExecMainStartTimestampMonotonic",
                                                              "ActiveEnterTimestampMonotonic"))
            self.assertGreater(active_at, exec_at)
            ready.append((active_at - exec_at) / 1000)
        print(f"# {FIGURES} starts, medians: systemctl start {statistics.median(took):.0f} ms, "
              f"from exec to active {statistics.median(ready):.0f} ms")
        pids = [host.main_pid(), *procs.descendants(host.main_pid())]
        rss = {f"{procs.role(p)} {p}": procs.rss_kib(p) for p in pids}
        pss = 0
        for pid in pids:
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
                pss += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        print(f"# RSS {sum(rss.values())} KiB, PSS {pss} KiB: {rss}")
        self.assertLess(sum(rss.values()), RSS_KIB + CLIENT_RSS_KIB * max(0, len(pids) - PROCESSES))

    def test_identities(self):
        """Two accounts, no capability left in any set, no way to get one, a filter on every process."""
        policyd, writer = (host.must("id", "-u", n).strip() for n in ("policyd", "auditd-writer"))
        group = host.must("id", "-g", "policyd").strip()
        roles = {"supervisor": [host.main_pid()], **{r: host.process(r) for r in ("writer", "evaluator", "admin")}}
        for role, pids in roles.items():
            self.assertTrue(pids, role)
            for pid in pids:
                uid = writer if role == "writer" else policyd
                self.assertEqual(procs.status(pid, "Uid"), [uid] * 4, role)
                # systemd gives the service's own group twice; the writer has given up all.
                self.assertLessEqual(set(procs.status(pid, "Groups")), set() if role == "writer" else {group}, role)
                for s in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                    # What is in the bounding set cannot be had: no_new_privs.
                    value = int(procs.status(pid, s)[0], 16)
                    self.assertEqual(value & ~0xC0 if s == "CapBnd" else value, 0, f"{role} {s}")
                self.assertEqual(procs.status(pid, "NoNewPrivs"), ["1"], role)
                self.assertEqual(procs.status(pid, "Seccomp"), ["2"], role)

    def test_inside(self):
        """What the service sees of the host: two directories to write to, no network, no home, nobody else's processes."""
        mounts = {}
        with open(f"/proc/{host.main_pid()}/mountinfo", encoding="utf-8") as f:
            for fields in map(str.split, f):
                mounts[fields[4]] = fields[5].split(",")  # the last one on a path is the one that is seen
        # The kernel's own file systems hold no files of anybody; /run/host is this container's.
        mounts = {p: o for p, o in mounts.items() if not p.startswith(("/proc", "/sys", "/dev/", "/run/host"))}
        self.assertEqual({p for p, o in mounts.items() if "rw" in o}, {host.AUDIT, host.KEYS, "/tmp", "/var/tmp"})
        self.assertEqual([p for p, o in mounts.items() if "rw" in o and "noexec" not in o], [])
        for path in ("/", "/run", "/dev", "/home", "/root"):
            self.assertIn("ro", mounts[path], path)
        with open(f"/proc/{host.main_pid()}/net/dev", encoding="utf-8") as f:
            self.assertEqual([line.split(":")[0].strip() for line in f if ":" in line], ["lo"])
        inside = ("nsenter", "-t", str(host.main_pid()), "-m", "--")
        # A process that is not our child: as the service's account we do not see it.
        code, out, err = host.call(*inside, "setpriv", "--reuid", "policyd", "--regid", "policyd", "--clear-groups",
                                   "ls", "/proc/1", "/home", "/dev/shm")
        self.assertNotEqual(code, 0, out)
        for path in ("/proc/1", "/home", "/dev/shm"):
            self.assertRegex(err, f"'{path}'.*(No such file|denied)")
        code, _, err = host.call(*inside, "touch", "/etc/x", "/run/x", "/run/sealwright/x", "/var/log/x", "/usr/x")
        self.assertEqual((code, err.count("Read-only file system")), (1, 5), err)

    def test_log_modes(self):
        """Only the writer writes, only its group reads: not the service itself, not others."""
        self.ask()
        self.stop()
        segment = next(os.path.join(host.AUDIT, n) for n in sorted(os.listdir(host.AUDIT)) if n.endswith(".jsonl"))
        self.assertEqual(host.must("stat", "-c", "%a %U:%G", segment).strip(), "440 auditd-writer:sealwright-audit")
        self.assertEqual(host.must("stat", "-c", "%a %U:%G", host.AUDIT).strip(), "750 auditd-writer:sealwright-audit")
        self.assertEqual(host.must("stat", "-c", "%a %U", host.KEYS).strip(), "700 auditd-writer")
        read = ("/bin/cat", segment)
        self.assertEqual(host.as_user("rita", *read, groups=("sealwright-audit",))[0], 0)
        for user, groups in STRANGERS:
            self.assertNotEqual(host.as_user(user, *read, groups=groups)[0], 0, user)
        for words in (("/bin/rm", "-f", segment), ("/usr/bin/touch", host.AUDIT + "/x"),
                      ("/bin/sh", "-c", f"echo >>{segment}")):
            self.assertNotEqual(host.as_user("rita", *words, groups=("sealwright-audit",))[0], 0, words)
        code, out, _ = host.as_user("rita", "auditlog", "verify", "--key", host.AUDIT + "/origin.vkey", host.AUDIT,
                                    groups=("sealwright-audit",))
        self.assertEqual((code, out.split(maxsplit=1)[0].rstrip(":")), (0, "SEALED"), out)

    def test_open_log_modes(self):
        """The segment that is written now is as closed to others as those that are closed; the keys are nobody's."""
        self.ask()
        reader = {"groups": ("sealwright-audit",)}
        for name in os.listdir(host.AUDIT):
            path = os.path.join(host.AUDIT, name)
            self.assertRegex(host.must("stat", "-c", "%a %U:%G", path), "^4[04]0 auditd-writer:sealwright-audit$", name)
            for user, groups in STRANGERS:
                self.assertNotEqual(host.as_user(user, "/bin/cat", path, groups=groups)[0], 0, f"{user} {name}")
        for path in (host.KEYS, *(os.path.join(host.KEYS, n) for n in os.listdir(host.KEYS))):
            words = ("/bin/ls", path) if path == host.KEYS else ("/bin/cat", path)
            for user, groups in (*STRANGERS, ("rita", reader["groups"])):
                self.assertNotEqual(host.as_user(user, *words, groups=groups)[0], 0, f"{user} {path}")
        self.assertEqual(host.as_user("auditd-writer", "/bin/ls", host.KEYS)[0], 0, "its own account may")


class Reload(host.Case):
    def test_reload(self):
        pid = host.main_pid()
        self.assertEqual(self.ask()["decision"], "allow")
        host.write_policy(host.policy("deny", "boot.2"))
        host.must("systemctl", "reload", host.SERVICE)
        self.assertEqual(self.ask()["decision"], "deny", "reloaded is in force")
        time.sleep(1.1)  # loads at most once a second
        host.write_policy("{")
        code, _, _ = host.call("systemctl", "reload", host.SERVICE)
        self.assertNotEqual(code, 0, "a policy that is refused is a reload that failed")
        self.assertEqual(self.ask()["decision"], "deny", "the last good one stays")
        self.assertEqual((host.show("ActiveState"), host.main_pid()), ("active", pid))
        host.write_policy(host.policy("allow", "boot.3"))
        os.kill(pid, signal.SIGHUP)
        procs.wait_until(lambda: self.ask()["decision"] == "allow", host.PATIENCE, "SIGHUP loads, too")
        self.assertEqual(len(self.stop().management("policy")), 4)

    def test_no_policy(self):
        """Trying again would not mend it: systemd does not."""
        self.stop()
        self.wipe()
        os.unlink(host.POLICY)
        code, _, _ = host.call("systemctl", "start", host.SERVICE)
        self.assertNotEqual(code, 0)
        time.sleep(1)
        self.assertEqual((host.show("ActiveState"), host.show("ExecMainStatus"), host.show("NRestarts")),
                         ("failed", "3", "0"))


def large_policy(revision):
    """One that takes the compiler a while."""
    made = host.policy(revision=revision)
    rule = made["policies"][0]["rules"][0]
    made["policies"][0]["rules"] += [{**rule, "id": f"r{i}", "resources": [f"**.h{i}.example.net:443"]} for i in range(30000)]
    return made


class Deaths(host.Case):
    """Under load; nobody is turned away, and what was answered is on record."""

    verdicts = ("SEALED", "RECOVERED")

    @staticmethod
    def check_told(sig, role):
        """The journal names the end; a filter's verdict for what it is."""
        end = "broke its sandbox and was killed" if sig == signal.SIGSYS else f"was killed by signal {int(sig)} "
        host.wait_said(f"{role}.* {end}")

    def test_evaluator_and_admin(self):
        pid = host.main_pid()
        ended = []
        with host.Load() as load:
            for sig in FATAL:
                for role in ("evaluator", "admin"):
                    old = host.process(role)
                    host.kill(old[0], sig)
                    host.wait_other(role, old)
                    load.more()
                    self.check_told(sig, role)
                    ended.append((role, old[0], f"SIG{sig.name[3:]}", sig == signal.SIGSYS))
        self.assertEqual((host.main_pid(), host.show("NRestarts")), (pid, "0"))
        log = self.check_load(load)
        on_record = [r["process"] for r in log.management("process")]
        self.assertEqual([(p["role"], p["pid"], p["signal"], p.get("sandbox_violation", False)) for p in on_record], ended)

    def test_compiler(self):
        """What was in force stays in force; the load is refused, on record."""
        pid = host.main_pid()
        with host.Load() as load:
            for n, sig in enumerate(FATAL):
                host.write_policy(large_policy(f"boot.{n + 2}"))
                answer = []
                reload = threading.Thread(target=lambda to=answer: to.append(host.call("systemctl", "reload", host.SERVICE)))
                reload.start()
                host.kill(procs.wait_until(lambda: host.process("compiler"), host.PATIENCE, "a compiler", 0.001)[0], sig)
                reload.join(host.PATIENCE)
                self.assertNotEqual(answer[0][0], 0, "a load that failed is a reload that failed")
                host.wait_said(f"the compiler was killed by signal {int(sig)}")
                load.more()
                time.sleep(1.1)  # loads at most once a second
            self.assertEqual(self.ask()["policy_revision"], "boot.1")
        self.assertEqual((host.main_pid(), host.show("NRestarts")), (pid, "0"))
        loads = [r["policy"] for r in self.check_load(load).management("policy")]
        self.assertEqual([p["result"] for p in loads], ["loaded"] + ["refused"] * len(FATAL))
        self.assertIn("broke its sandbox", loads[-1]["first"])

    def test_writer(self):
        with host.Load() as load:
            for n, sig in enumerate(FATAL, 1):
                pid = host.main_pid()
                host.kill(host.process("writer")[0], sig)
                procs.wait_until(lambda was=pid: host.main_pid() not in (0, was), host.PATIENCE, "another supervisor")
                load.more()
                self.assertEqual(host.show("NRestarts"), str(n))
                self.check_told(sig, "auditd-writer")
        self.check_load(load)

    def test_supervisor(self):
        with host.Load() as load:
            for n, sig in enumerate(FATAL, 1):
                old = host.main_pid()
                pids = procs.descendants(old)
                host.kill(old, sig)
                procs.wait_until(lambda was=old: host.main_pid() not in (0, was), host.PATIENCE, "another supervisor")
                load.more()
                self.assertEqual(host.show("NRestarts"), str(n))
                self.assertEqual([p for p in pids if procs.alive(p)], [], "none of the old ones is left")
                host.wait_said(f"code=\\w+, status={int(sig)}/{sig.name[3:]}")
        log = self.check_load(load)
        self.assertEqual(log.torn, [], "the writer closed its segment before it ended")

    def test_restart(self):
        with host.Load() as load:
            for _ in range(3):
                host.must("systemctl", "restart", host.SERVICE)
                load.more()
        log = self.check_load(load)
        self.assertEqual(log.torn, [])

    def test_client_that_came_during_a_restart(self):
        """It waits in the socket, which is systemd's, and is answered by the next one."""
        for _ in range(3):
            pid = host.main_pid()
            restart = threading.Thread(target=host.must, args=("systemctl", "restart", host.SERVICE))
            restart.start()
            procs.wait_until(lambda: host.show("ActiveState") != "active", host.PATIENCE, "it goes down", 0.001)
            self.assertEqual(self.ask()["decision"], "allow")
            restart.join(host.PATIENCE)
            self.assertNotIn(host.main_pid(), (0, pid))

    def test_clients_that_came_while_it_was_down(self):
        host.must("systemctl", "stop", host.SERVICE)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(host.PATIENCE)
            s.connect(host.SOCKET)  # starts it
            s.sendall(b'{"id":"early","action":"net:connect:tcp","resource":"net:domain:www.example.com:443"}\n')
            self.assertIn(b'"allow"', s.recv(4096))
        host.wait_serving()

    def test_stop(self):
        with host.Load() as load:
            load.more(500)
            load.end()
            began = time.monotonic()
            host.must("systemctl", "stop", *host.UNITS)
            print(f"# stopped in {time.monotonic() - began:.2f} s")
        self.assertFalse(os.path.exists(host.SOCKET))
        log = self.check_load(load)
        self.assertTrue(all(s.closed for s in log.segments))
        self.assertEqual(log.torn, [])


class Watchdog(host.Case):
    verdicts = ("SEALED", "RECOVERED")
    drop_in = "[Service]\nWatchdogSec=1\nTimeoutAbortSec=1\n"

    def test_alive(self):
        pid = host.main_pid()
        time.sleep(3)
        self.assertEqual((host.main_pid(), host.show("NRestarts")), (pid, "0"))

    def test_hung_supervisor(self):
        with host.Load() as load:
            pid = host.main_pid()
            began = time.monotonic()
            os.kill(pid, signal.SIGSTOP)
            procs.wait_until(lambda: host.main_pid() not in (0, pid), host.PATIENCE, "another supervisor")
            print(f"# another one after {time.monotonic() - began:.1f} s")
            self.assertEqual(host.show("NRestarts"), "1")
            load.more()
        self.assertIn("watchdog", host.journal(200))
        self.check_load(load)


class Credential(host.Case):
    """The secret that the writer stores its private key under, kept by systemd."""

    start = False

    def with_credential(self, name):
        os.makedirs(os.path.dirname(host.DROP_IN), exist_ok=True)
        with open(host.DROP_IN, "w", encoding="utf-8") as f:
            f.write(f"[Service]\nLoadCredentialEncrypted=sealwright.wrap:{name}\n" if name else "")
        host.must("systemctl", "daemon-reload")

    def test_encrypted_at_rest(self):
        secret = "/etc/sealwright.wrap.cred"
        host.must("sh", "-c", f"head -c 32 /dev/urandom | systemd-creds encrypt --name=sealwright.wrap - {secret}")
        self.with_credential(secret)
        host.must("systemctl", "start", *host.UNITS)
        self.assertEqual(self.ask()["decision"], "allow")
        host.must("systemctl", "restart", host.SERVICE)
        self.assertEqual(self.ask()["decision"], "allow")
        self.stop()
        self.with_credential(None)
        self.assertNotEqual(host.call("systemctl", "start", host.SERVICE)[0], 0, "not without it")
        self.assertIn("the credential sealwright.wrap is missing", host.journal())


if __name__ == "__main__":
    tap.main()
