# SPDX-License-Identifier: Apache-2.0
"""What the boot tests share: commands, the installed service, a load that misses nothing. Runs as root inside."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import client  # noqa: E402
import log as auditlog  # noqa: E402
import procs  # noqa: E402

AUDIT = "/var/log/sealwright/audit"
KEYS = "/var/lib/sealwright/keys"
POLICY = "/etc/sealwright/policy/host.json"
SOCKET = "/run/sealwright/policyd.sock"
ADMIN = "/run/sealwright/admin.sock"
SERVICE = "policyd.service"
UNITS = (SERVICE, "policyd.socket", "policyd-admin.socket")
DROP_IN = f"/run/systemd/system/{SERVICE}.d/test.conf"
PATIENCE = 30 * int(os.environ.get("SEALWRIGHT_PATIENCE", "1"))

ASKED = {"action": "net:connect:tcp", "resource": "net:domain:www.example.com:443"}


def policy(decision="allow", revision="boot.1"):
    return {"schema": "sealwright-policy/1", "revision": revision, "policies": [
        {"id": "net", "source": "host", "mode": "enforce", "rules": [
            {"id": "example", "actions": ["connect:tcp"], "decision": decision, "resources": ["**.example.com:443"]}]}]}


def write_policy(made):
    with open(POLICY, "w", encoding="utf-8") as f:
        f.write(made if isinstance(made, str) else json.dumps(made))


# --- commands --------------------------------------------------------------------------------------


def call(*command, **options):
    """(status, stdout, stderr) as text."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE, check=False,
                          stdin=subprocess.DEVNULL, **options)
    return done.returncode, done.stdout, done.stderr


def must(*command, **options):
    code, out, err = call(*command, **options)
    if code != 0:
        raise AssertionError(f"{' '.join(command)}: status {code}: {out}{err}{journal()}")
    return out


def as_user(user, *command, groups=()):
    """Run as an ordinary user, with these groups beside his own."""
    account = pwd.getpwnam(user)
    extra = ["--groups", ",".join(groups)] if groups else ["--clear-groups"]
    return call("setpriv", "--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), *extra, "--", *command)


def journal(lines=40):
    return "\n" + call("journalctl", "--no-pager", "-o", "cat", "-n", str(lines))[1]


def wait_said(pattern, lines=300):
    """Until the journal has a line like this; it comes there a moment after it was said."""
    procs.wait_until(lambda: re.search(pattern, journal(lines)), PATIENCE, f"{pattern!r} in the journal")


def show(name, unit=SERVICE):
    return must("systemctl", "show", "--value", "-p", name, unit).strip()


def package(version):
    found = [f for f in os.listdir("/debs") if re.fullmatch(r"sealwright_[^_]*_\w+\.deb", f)]
    return os.path.join("/debs", next(f for f in found if ("+next" in f) == (version == "next")))


def install(version="this", *more):
    must("dpkg", "--install", *more, package(version), env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def add_users():
    """ada asks, rita reads the log, nora may do nothing."""
    for name in ("ada", "rita", "nora"):
        must("useradd", "--no-create-home", name)
    must("usermod", "-aG", "sealwright", "ada")
    must("usermod", "-aG", "sealwright-audit", "rita")


# --- processes -------------------------------------------------------------------------------------


def main_pid():
    return int(show("MainPID"))


def process(role):
    """The pids of the service's processes of this role."""
    return [p for p in procs.descendants(main_pid()) if procs.role(p) == role]


def wait_serving(seconds=PATIENCE):
    procs.wait_until(lambda: show("ActiveState") == "active" and show("SubState") == "running", seconds,
                     "the service runs" + journal())


def wait_other(role, old):
    """A process of this role other than these."""
    return procs.wait_until(lambda: [p for p in process(role) if p not in old], PATIENCE, f"another {role}")


def kill(pid, sig=signal.SIGKILL):
    os.kill(pid, sig)


# --- load ------------------------------------------------------------------------------------------


class Load:
    """Clients that ask without end, and ask again what was not answered. A connection that is refused is a fault."""

    def __init__(self, clients=4):
        self.answered = {}  # audit_event_id -> request id
        self.refused = []
        self.again = 0      # requests sent anew because their connection closed
        self.latest = time.monotonic()
        self.longest = 0.0  # seconds without any answer
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(clients)]

    def __enter__(self):
        for t in self._threads:
            t.start()
        self.more()
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self._stop.set()
        for t in self._threads:
            t.join(2 * PATIENCE)

    def more(self, n=200):
        """Wait for n more answers."""
        want = len(self.answered) + n
        procs.wait_until(lambda: len(self.answered) >= want, 2 * PATIENCE, f"{n} more answers{journal()}")

    def _ask(self, me):
        k = 0
        while not self._stop.is_set():
            try:
                with client.Client(SOCKET) as c:
                    while not self._stop.is_set():
                        self._answer(c.ask({"id": f"{me}-{k}", **ASKED}))
                        k += 1
            except (client.Closed, BrokenPipeError):
                with self._lock:
                    self.again += 1
            except OSError as problem:
                with self._lock:
                    self.refused.append(repr(problem))
                time.sleep(0.01)

    def _answer(self, reply):
        with self._lock:
            now = time.monotonic()
            self.longest = max(self.longest, now - self.latest)
            self.latest = now
            self.answered[reply["audit_event_id"]] = reply["id"]


# --- the service -----------------------------------------------------------------------------------


class Case(unittest.TestCase):
    """A service that serves, on an empty log; stopped and its log checked at the end."""

    drop_in = ""
    start = True
    verdicts = ("SEALED",)  # what auditlog verify may say at the end

    def setUp(self):
        self.wipe()
        write_policy(policy())
        if self.drop_in:
            os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
            with open(DROP_IN, "w", encoding="utf-8") as f:
                f.write(self.drop_in)
            must("systemctl", "daemon-reload")
        if self.start:
            must("systemctl", "start", *UNITS)

    def wipe(self):
        call("systemctl", "stop", *UNITS)
        if os.path.exists(DROP_IN):
            os.unlink(DROP_IN)
        must("systemctl", "daemon-reload")
        call("systemctl", "reset-failed", *UNITS)
        for directory in (AUDIT, KEYS):
            shutil.rmtree(directory, ignore_errors=True)
        must("systemd-tmpfiles", "--create", "sealwright.conf")

    def stop(self):
        """End the service; the log, all of it closed, sealed and sound."""
        must("systemctl", "stop", *UNITS)
        self.assertEqual((show("ActiveState"), show("Result")), ("inactive", "success"), journal())
        return self.check_log()

    def check_log(self):
        log = auditlog.read(AUDIT, closed=True)
        _, out, err = call("auditlog", "verify", "--key", os.path.join(AUDIT, "origin.vkey"), AUDIT)
        self.assertIn(out.split(maxsplit=1)[0].rstrip(":"), self.verdicts, out + err)
        print("# " + out.splitlines()[0])
        return log

    def check_load(self, load):
        """Everything that was answered is on record, and nobody was turned away."""
        load.end()
        self.assertEqual(load.refused, [])
        log = self.stop()
        records = log.by_id()
        lost = [r for e, r in load.answered.items() if records.get(e, {}).get("request_id") != r]
        self.assertEqual(lost, [])
        print(f"# {len(load.answered)} answers, all on record; {load.again} asked again, none refused; "
              f"longest silence {load.longest:.2f} s")
        return log

    def ask(self):
        with client.Client(SOCKET) as c:
            return c.ask({"id": "1", **ASKED})
