# SPDX-License-Identifier: Apache-2.0
"""A running service for system tests, and a TestCase that leaves nothing behind and checks every log.

    class TestThis(service.Case):
        def test_that(self):
            s = self.start()                       # policyd on the harness's policy, in a fresh directory
            reply = s.client().ask(ALLOWED)
            log = s.stop()                         # clean end; the whole log checked, schema and all
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import client
import log as auditlog
import procs
import schema

TOP = schema.TOP
BUILD = os.path.realpath(os.environ.get("SEALWRIGHT_BUILD", os.path.join(TOP, "build")))
SANITIZED = os.environ.get("SEALWRIGHT_SANITIZED") == "1"
# Sanitizers and strace make everything slower; waiting longer costs nothing when all is well.
PATIENCE = (60 if SANITIZED else 30) * int(os.environ.get("SEALWRIGHT_PATIENCE", "1"))

POLICYD = os.path.join(BUILD, "sbin", "policyd")
POLICYCTL = os.path.join(BUILD, "bin", "policyctl")

# What no process may ever say.
UNSOUND = re.compile(r"ERROR: \w+Sanitizer|runtime error:|stack smashing|buffer overflow detected|double free|corrupted")

POLICY = {
    "schema": "sealwright-policy/1",
    "revision": "test.1",
    "policies": [{
        "id": "net", "source": "host", "mode": "enforce",
        "rules": [
            {"id": "example", "actions": ["connect:tcp"], "decision": "allow",
             "resources": ["example.com:443", "**.example.com:443"]},
            {"id": "lab", "actions": ["connect:tcp", "connect:udp"], "decision": "allow",
             "resources": ["10.0.0.0/8:8000-8100", "[2001:db8::/32]:53"]},
            {"id": "no-metadata", "actions": ["connect:tcp"], "decision": "deny",
             "resources": ["169.254.169.254", "metadata.example.com"]},
        ],
    }, {
        "id": "files", "source": "host", "mode": "enforce",
        "rules": [
            {"id": "data", "actions": ["read"], "decision": "allow", "resources": ["/data/**"]},
            {"id": "secrets", "actions": ["read", "write"], "decision": "deny",
             "resources": ["/data/secret/**"]},
        ],
    }],
}

ALLOWED = {"action": "net:connect:tcp", "resource": "net:domain:www.example.com:443"}
DENIED = {"action": "net:connect:tcp", "resource": "net:ip:169.254.169.254:80"}
UNMATCHED = {"action": "net:connect:tcp", "resource": "net:domain:example.org:443"}


class Ended(AssertionError):
    """The service ended although the test wanted it up."""


class Service:
    """policyd in a directory of its own. The directory may be that of an earlier service (a restart)."""

    up = []  # all that were started and have not ended

    def __init__(self, top, policy=None, args=(), conf=None, wrap=(), env=None, evaluators=2, listen=True):
        self.top = top
        self.audit = os.path.join(top, "a")
        self.keys = os.path.join(top, "k")
        self.policy = os.path.join(top, "policy.json")
        self.socket = os.path.join(top, "p.sock")
        self.admin_socket = os.path.join(top, "admin.sock")
        self.extra, self.conf, self.wrap, self.env = list(args), conf, list(wrap), env
        self.evaluators, self.listen = evaluators, listen
        self.program = None  # another policyd than the built one
        self.process = None
        self.stderr = []
        self.clients = []
        self.validated = 0
        for path in (self.audit, self.keys):
            os.makedirs(path, mode=0o700, exist_ok=True)
        if policy is not None or not os.path.exists(self.policy):
            self.write_policy(POLICY if policy is None else policy)

    def write_policy(self, policy):
        with open(self.policy, "w", encoding="utf-8") as f:
            f.write(policy if isinstance(policy, str) else json.dumps(policy, indent=1))

    def command(self):
        args = [self.program or POLICYD, "--audit-dir", self.audit, "--key-dir", self.keys, "--policy", self.policy]
        if self.listen:
            args += ["--socket", self.socket, "--admin-socket", self.admin_socket]
        if self.evaluators:
            args += ["--evaluators", str(self.evaluators)]
        if self.conf is not None:
            path = os.path.join(self.top, "sealwright.conf")
            with open(path, "w", encoding="utf-8") as f:
                f.write(self.conf if isinstance(self.conf, str) else json.dumps(self.conf))
            args += ["--config", path]
        return self.wrap + args + self.extra

    # --- life -------------------------------------------------------------------------------------

    def spawn(self, **popen):
        """Start the process; does not wait until it serves."""
        self.stderr = []
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, env=self.env, **popen)
        Service.up.append(self)
        self._ended = threading.Event()
        threading.Thread(target=self._listen, args=(self.process.stderr, self.stderr, self._ended),
                         daemon=True).start()
        return self

    @staticmethod
    def _listen(pipe, lines, ended):
        with pipe:
            for line in pipe:
                lines.append(line.decode(errors="backslashreplace").rstrip("\n"))
        ended.set()

    def said(self):
        """Its stderr up to now, in full once it has ended."""
        if self.process.poll() is not None:
            self._ended.wait(5)
        return "\n".join(self.stderr)

    def wait_said(self, text, seconds=PATIENCE):
        procs.wait_until(lambda: text in self.said(), seconds, f"{text!r} on stderr; there is: {self.said()}")

    def wait_ready(self, seconds=PATIENCE):
        def ready():
            if any(line.endswith("policyd: ready") for line in list(self.stderr)):
                return True
            if self.process.poll() is not None:
                raise Ended(f"policyd ended with {self.process.returncode}: {self.said()}")
            return False
        procs.wait_until(ready, seconds, f"policyd: ready; stderr: {self.said()}")
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait(self, seconds=PATIENCE):
        """Its exit status, once it has ended by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"policyd still runs; stderr: {self.said()}") from None

    @property
    def pid(self):
        """The supervisor's pid, also when it is started by a wrapper."""
        if not self.wrap:
            return self.process.pid
        return next((p for p in procs.descendants(self.process.pid) if procs.role(p) == "supervisor"),
                    self.process.pid)

    def pids(self, role):
        return [p for p in procs.descendants(self.process.pid) if procs.role(p) == role]

    def one(self, role):
        """One of them; there may be none yet when the service has just got ready."""
        return procs.wait_until(lambda: self.pids(role), PATIENCE, f"a process that is {role}")[0]

    def hold(self, role):
        """Stop the next process of a role as soon as it is there; its pid. For those that do not live long."""
        def stopped():
            for pid in procs.children(self.pid):
                if procs.role(pid) == role:
                    os.kill(pid, signal.SIGSTOP)
                    return pid
            return None
        return procs.wait_until(stopped, PATIENCE, f"a process that is {role}", pause=0)

    def kill(self, role, sig=signal.SIGKILL):
        """Signal one process of a role; returns its pid."""
        pid = self.pid if role == "supervisor" else self.one(role)
        os.kill(pid, sig)
        return pid

    def terminate(self, seconds=PATIENCE):
        """SIGTERM, and the exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait(seconds)

    def stop(self):
        """A clean end: exit status 0, nothing left, and the whole log in order. Returns the log."""
        code = self.terminate()
        if code != 0:
            raise AssertionError(f"exit status {code} after SIGTERM; stderr: {self.said()}")
        self.gone()
        for path in (self.socket, self.admin_socket) if self.listen else ():
            if os.path.lexists(path):
                raise AssertionError(f"left behind: {path}")
        return self.log(closed=True)

    def gone(self, seconds=PATIENCE):
        """No process of it is left."""
        for c in self.clients:
            c.close()
        self.clients = []

        Service.up = [s for s in Service.up if s.running()]

        def nothing():
            procs.reap_orphans({s.process.pid for s in [self, *Service.up]})
            others = {p for s in Service.up for p in [s.process.pid, *procs.descendants(s.process.pid)]}
            return not [p for p in procs.descendants(os.getpid()) if procs.role(p) and p not in others]
        procs.wait_until(nothing, seconds, "every process has ended")

    def sound(self):
        """No process of it said that it did what is undefined (sanitized builds), or broke a rule of its own."""
        bad = [line for line in self.said().splitlines() if UNSOUND.search(line)]
        if bad:
            raise AssertionError("\n".join(bad[:5]))

    def end_hard(self):
        if self.running():
            self.process.kill()
            self.process.wait()

    # --- what it says and writes ------------------------------------------------------------------

    def client(self, path=None, **options):
        made = client.Client(path or self.socket, **options)
        self.clients.append(made)
        return made

    def admin(self, op, **fields):
        """One request on the admin socket."""
        with client.Client(self.admin_socket) as c:
            return c.ask({"op": op, **fields})

    def log(self, closed=False):
        """The audit directory as it stands, every line checked, also against the schema."""
        found = auditlog.read(self.audit, closed)
        faults = schema.validate("record", found.lines[self.validated:])
        if faults:
            raise AssertionError("records break proto/record.schema.json:\n" + "\n".join(faults))
        self.validated = len(found.lines)
        return found


class Neighbour(threading.Thread):
    """A well-behaved client beside the others: how many answers it got, and its longest wait."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.answers, self.longest, self.problem = path, 0, 0.0, None
        self.enough = threading.Event()
        self.start()

    def run(self):
        try:
            with client.Client(self.path) as c:
                while not self.enough.is_set():
                    began = time.monotonic()
                    if c.ask({"id": self.answers, **ALLOWED})["decision"] != "allow":
                        raise AssertionError("a good request was denied")
                    self.longest = max(self.longest, time.monotonic() - began)
                    self.answers += 1
                    time.sleep(0.002)
        except (OSError, AssertionError, ValueError, KeyError) as problem:
            self.problem = problem

    def finish(self):
        self.enough.set()
        self.join(30)
        return self


class Case(unittest.TestCase):
    """Services started here are ended, checked and removed at the end of each test."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        procs.adopt_orphans()
        if not os.path.exists(POLICYD):
            raise AssertionError(f"{POLICYD} is not built")

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="t")
        self.services = []
        self.addCleanup(self._end)

    def make(self, name="s", **options):
        """A service, not started. The same name again: the same directory, so a restart."""
        top = os.path.join(self.top, name)
        os.makedirs(top, exist_ok=True)
        made = Service(top, **options)
        self.services.append(made)
        return made

    def start(self, name="s", **options):
        made = self.make(name, **options)
        made.spawn()
        made.wait_ready()
        return made

    def _problems(self):
        for s in self.services:
            if s.running():
                yield from self._step(s.terminate)
        for s in self.services:
            if s.process:
                yield from self._step(s.gone)
                yield from self._step(s.sound)
        for audit in sorted({s.audit for s in self.services}):
            owner = next(s for s in self.services if s.audit == audit)
            yield from self._step(owner.log)

    @staticmethod
    def _step(step):
        try:
            step()
        except (AssertionError, OSError) as problem:
            yield problem

    def _end(self):
        try:
            problems = list(self._problems())
            stderr = "\n".join(f"--- stderr of policyd {s.process.pid}\n{s.said()}" for s in self.services if s.process)
        finally:
            for s in self.services:
                if s.process:
                    s.end_hard()
            left = [p for p in procs.descendants(os.getpid()) if procs.role(p)]
            procs.end_all(left)
            shutil.rmtree(self.top, ignore_errors=True)
        if self._outcome_bad() and stderr:
            print("\n".join("# " + x for x in stderr.splitlines()), file=sys.stdout, flush=True)
        if problems:
            raise AssertionError("after the test: " + "; ".join(str(p) for p in problems) + "\n" + stderr)

    def _outcome_bad(self):
        return not getattr(self._outcome, "success", True)

    # --- assertions shared by many tests ----------------------------------------------------------

    def assert_recorded(self, log, request, reply):
        """The reply's record exists and says the same as the reply."""
        record = log.by_id().get(reply["audit_event_id"])
        self.assertIsNotNone(record, f"no record for {reply}")
        self.assertEqual(record["action_type"] == "unknown_action", "error" in reply)
        for name in ("policy_id", "rule_id", "policy_revision"):
            self.assertEqual(record.get(name), reply.get(name), name)
        if "id" in request:
            self.assertEqual(record["request_id"], str(request["id"]))
        return record

    def eventually(self, condition, what, seconds=PATIENCE):
        return procs.wait_until(condition, seconds, what)


def run(args, **options):
    """A program to its end: (exit status, stdout, stderr) as text."""
    done = subprocess.run(args, capture_output=True, timeout=4 * PATIENCE, check=False,
                          stdin=options.pop("stdin", subprocess.DEVNULL) if "input" not in options else None,
                          **options)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def policyctl(*args, **options):
    return run([POLICYCTL, *args], **options)
