#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As a service manager starts it: sockets handed over (LISTEN_FDS), readiness and state told (NOTIFY_SOCKET)."""

import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import client  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

# Becomes policyd with the listening sockets at 3 and 4: LISTEN_PID must be its own pid.
LAUNCH = 'export LISTEN_PID=$$; exec "$@"'


class Activation(service.Case):
    def listener(self, path):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(made.close)
        made.bind(path)
        made.listen(64)
        return made

    def activated(self, s, sockets, names=None, **env):
        """Start s with these sockets as 3, 4, ..."""
        given = {**os.environ, "LISTEN_FDS": str(len(sockets)), **env}
        if names:
            given["LISTEN_FDNAMES"] = names
        # Through a copy above the range, so that none is overwritten by another.
        high = [os.dup(x.fileno()) for x in sockets]
        moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(high))
        closes = " ".join(f"{fd}<&-" for fd in high if fd >= 3 + len(sockets))
        s.wrap = ["sh", "-c", f'exec {moves} {closes}; {LAUNCH}', "sh"]
        s.env = given
        s.spawn(pass_fds=high)
        s.wrap = []  # the shell has become policyd
        for fd in high:
            os.close(fd)
        return s

    def test_sockets_from_the_manager(self):
        s = self.make(listen=False)
        requests, admin = self.listener(s.socket), self.listener(s.admin_socket)
        self.activated(s, [requests, admin], "policyd.socket:admin.socket").wait_ready()
        with s.client() as c:
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        self.assertNotIn("error", s.admin("status"))
        s.stop()
        self.assertTrue(os.path.exists(s.socket), "the manager's socket is not ours to remove")

    def test_order_does_not_matter_with_names(self):
        s = self.make(listen=False)
        requests, admin = self.listener(s.socket), self.listener(s.admin_socket)
        self.activated(s, [admin, requests], "admin.socket:policyd.socket").wait_ready()
        with s.client() as c:
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        s.stop()

    def test_clients_that_came_before_the_service(self):
        """With the manager's sockets a restart refuses nobody: connections wait in the backlog."""
        s = self.make(listen=False)
        requests, admin = self.listener(s.socket), self.listener(s.admin_socket)
        with client.Client(s.socket) as early:
            early.send({"id": "early", **service.ALLOWED})
            self.activated(s, [requests, admin], "policyd.socket:admin.socket").wait_ready()
            self.assertEqual(early.receive()["id"], "early")
        s.kill("writer")
        self.assertNotEqual(s.wait(), 0)
        s.gone()
        with client.Client(s.socket) as between:
            between.send({"id": "between", **service.ALLOWED})
            again = self.make(listen=False)
            self.activated(again, [requests, admin], "policyd.socket:admin.socket").wait_ready()
            self.assertEqual(between.receive()["id"], "between")
        again.stop()

    def test_variables_of_somebody_else(self):
        """LISTEN_PID of another process: those sockets are not for us."""
        s = self.make()
        s.env = {**os.environ, "LISTEN_FDS": "2", "LISTEN_PID": "1"}
        s.spawn().wait_ready()
        with s.client() as c:
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        s.stop()

    def test_something_else_than_listening_sockets(self):
        s = self.make(listen=False)
        for n, bad in enumerate((socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
                                 socket.socket(socket.AF_INET, socket.SOCK_STREAM),
                                 socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))):
            with self.subTest(n), bad:
                self.activated(s, [bad, bad], "policyd.socket:admin.socket")
                self.assertNotEqual(s.wait(), 0)
                s.gone()
                print(f"# {s.said()}")

    @service.unittest.skipUnless(os.geteuid() == 0, "others cannot look into processes that are not dumpable")
    def test_children_do_not_see_the_managers_variables(self):
        s = self.make(listen=False)
        requests, admin = self.listener(s.socket), self.listener(s.admin_socket)
        self.activated(s, [requests, admin], "policyd.socket:admin.socket").wait_ready()
        for role in ("writer", "evaluator", "admin"):
            with open(f"/proc/{s.one(role)}/environ", "rb") as f:
                self.assertNotIn(b"LISTEN_", f.read(), role)
        s.stop()


class Notify(service.Case):
    def manager(self, abstract=False):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.settimeout(service.PATIENCE)
        self.addCleanup(made.close)
        path = f"@sealwright-test-{os.getpid()}" if abstract else os.path.join(self.top, "n")
        made.bind("\0" + path[1:] if abstract else path)
        return made, path

    def until(self, manager, wanted):
        """Read messages until one has this line; returns all lines."""
        lines = []
        while wanted not in lines:
            lines += manager.recv(4096).decode().split("\n")
        return lines

    def life(self, abstract):
        manager, path = self.manager(abstract)
        s = self.make()
        s.env = {**os.environ, "NOTIFY_SOCKET": path}
        s.spawn()
        lines = self.until(manager, "READY=1")
        print(f"# {lines}")
        with s.client() as c:  # ready is ready
            self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
        os.kill(s.pid, 15)
        self.until(manager, "STOPPING=1")
        self.assertEqual(s.wait(), 0)
        s.gone()

    def test_ready_and_stopping(self):
        self.life(False)

    def test_abstract_address(self):
        self.life(True)

    def test_not_ready_with_a_bad_policy(self):
        manager, path = self.manager()
        s = self.make(policy="{")
        s.env = {**os.environ, "NOTIFY_SOCKET": path}
        s.spawn()
        self.assertNotEqual(s.wait(), 0)
        manager.settimeout(0.2)
        said = b""
        try:
            while True:
                said += manager.recv(4096)
        except TimeoutError:
            pass
        self.assertNotIn(b"READY=1", said)

    def test_watchdog(self):
        manager, path = self.manager()
        s = self.make()
        s.env = {**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"}
        s.spawn()
        self.until(manager, "READY=1")

        def often_enough():
            began = time.monotonic()
            for _ in range(5):
                self.until(manager, "WATCHDOG=1")
            return time.monotonic() - began < 5 * 0.4
        self.eventually(often_enough, "as often as it takes, at least when the machine is not busy")
        os.kill(s.pid, 15)
        self.assertEqual(s.wait(), 0)

    def test_manager_that_is_gone(self):
        s = self.make()
        s.env = {**os.environ, "NOTIFY_SOCKET": os.path.join(self.top, "nobody")}
        s.spawn()
        # Either way is sound: serve without a manager, or say what is wrong and end.
        self.eventually(lambda: "ready" in s.said() or s.process.poll() is not None, "ready, or an end")
        if not s.running():
            self.assertIn("NOTIFY_SOCKET", s.said())


@service.unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
class Units(service.unittest.TestCase):
    """systemd itself finds nothing to say about the units (unknown keys are only a warning to it)."""

    def test_exposure(self):
        """At most 1.0 of 10. What remains, and why: docs/OPERATING.md."""
        unit = os.path.join(service.TOP, "systemd", "policyd.service")
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=10", unit],
                              capture_output=True, check=False, env={**os.environ, "SYSTEMD_COLORS": "0"})
        said = done.stdout.decode()
        print(f"# {said.splitlines()[-1]}")
        self.assertEqual((done.returncode, done.stderr), (0, b""), said)

    def expand(self, name):
        """The system calls of a set ("@timer"), or the one of this name."""
        if not name.startswith("@"):
            return {name}
        done = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, check=True)
        words = [line.strip() for line in done.stdout.decode().splitlines()[1:]]
        return set().union(*(self.expand(w) for w in words if w and not w.startswith("#")))

    def test_calls_of_the_jails(self):
        """A unit's filter survives exec: what a process allows itself, the unit must allow, too."""
        allowed = set()
        with open(os.path.join(service.TOP, "systemd", "policyd.service"), encoding="utf-8") as f:
            for words in re.findall(r"(?m)^SystemCallFilter=(.*)$", f.read()):
                named = set().union(*(self.expand(w) for w in words.lstrip("~").split()))
                allowed = allowed - named if words.startswith("~") else allowed | named
        lists = glob.glob("[!b]*/**/syscalls.def", root_dir=service.TOP, recursive=True)  # not those in build*
        for path in lists:
            with open(os.path.join(service.TOP, path), encoding="utf-8") as f:
                wanted = set(re.findall(r"(?m)^(?:SYSCALL|SELDOM)\((\w+)", f.read()))
            self.assertTrue(wanted, path)
            self.assertEqual(wanted - allowed, set(), path)
        print(f"# {len(allowed)} calls in the unit; {len(lists)} lists within it")
        self.assertGreater(len(lists), 2)

    def test_verify(self):
        top = service.tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, top)
        units = []
        for name in os.listdir(os.path.join(service.TOP, "systemd")):
            if name.endswith((".service", ".socket")):
                units.append(os.path.join(top, name))
                with open(os.path.join(service.TOP, "systemd", name), encoding="utf-8") as f:
                    text = f.read().replace("/usr/local/sbin/policyd", service.POLICYD)
                    text = text.replace("/usr/local/bin/policyctl", service.POLICYCTL)
                with open(units[-1], "w", encoding="utf-8") as f:
                    f.write(text)
        self.assertGreaterEqual(len(units), 3)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))


if __name__ == "__main__":
    tap.main()
