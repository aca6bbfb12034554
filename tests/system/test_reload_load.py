#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reloads while clients ask. What a revision answers follows from its number, so each reply and each record shows
whether it was decided by the revision that it names. RELOADS=1000 does so many."""

import ctypes
import json
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fates  # noqa: E402
import procs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from fates import HOSTS, allows  # noqa: E402

RELOADS = int(os.environ.get("RELOADS", "30"))
CONNECTIONS = 64
PAUSE = 0.02  # of a connection between a reply and its next request
IN_FLIGHT = 3
IN_CLOSE_NOWRITE = 0x10


def document(revision, more=0):
    """Rules about HOSTS hosts, and so many others."""
    made = fates.policy(revision)
    made["policies"][0]["rules"] += [
        {"id": f"x{i}", "actions": ["connect:tcp"], "resources": [f"x{i}.example:443", f"*.x{i}.example"], "decision": "allow"}
        for i in range(more)]
    return made


class Asker:
    """One connection with some requests in flight; every reply is checked when it comes."""

    def __init__(self, path, number):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        self.sock.setblocking(False)
        self.number, self.rest, self.sent, self.got, self.next = number, b"", 0, 0, 0.0
        self.waiting, self.delays, self.revision, self.problem = [], [], 0, None

    def send(self, now):
        host = (self.sent * 7 + self.number) % HOSTS
        request = {"id": f"{self.number}.{self.sent}", "action": "net:connect:tcp", "resource": f"net:domain:h{host}.example:443"}
        self.sock.sendall(json.dumps(request).encode() + b"\n")
        self.waiting.append((host, self.sent, now))
        self.sent += 1
        self.next = now + PAUSE / IN_FLIGHT

    def check(self, line, now):
        reply = json.loads(line)
        host, number, since = self.waiting.pop(0)
        revision = int(reply.get("policy_revision", 0))
        wanted = {"id": f"{self.number}.{number}", "decision": "allow" if allows(revision, host) else "deny", "rule_id": f"r{revision}-{host}"}
        if any(reply.get(k) != v for k, v in wanted.items()) or revision < self.revision:
            self.problem = f"{reply} is not {wanted}; before it: {self.revision}"
        self.revision = revision
        self.got += 1
        self.delays.append((now, now - since))

    def read(self, now):
        data = self.sock.recv(1 << 16)
        if not data:
            self.problem = "closed by the service"
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.check(line, now)


class Crowd(threading.Thread):
    """All of them, until told that it is enough; then what is in flight is waited for."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.askers = [Asker(path, i) for i in range(CONNECTIONS)]
        self.enough, self.problem = threading.Event(), None
        self.start()

    def problems(self):
        return [a.problem for a in self.askers if a.problem]

    def turn(self, select):
        now = time.monotonic()
        for a in self.askers:
            if not self.enough.is_set() and a.next <= now and len(a.waiting) < IN_FLIGHT:
                a.send(now)
        for key, _ in select.select(0.002):
            key.data.read(time.monotonic())

    def run(self):
        last = None
        with selectors.DefaultSelector() as select:
            for a in self.askers:
                select.register(a.sock, selectors.EVENT_READ, a)
            while not self.problems() and (last is None or time.monotonic() < last):
                try:
                    self.turn(select)
                except OSError as problem:
                    self.problem = problem
                    return
                if self.enough.is_set():
                    last = last or time.monotonic() + service.PATIENCE
                    if not any(a.waiting for a in self.askers):
                        return

    def finish(self):
        self.enough.set()
        self.join()
        for a in self.askers:
            a.sock.close()
        return sorted(d for a in self.askers for d in a.delays)


class Reader:
    """Whoever reads a file from now on: wait() until it has been read and closed, by inotify."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, path.encode(), IN_CLOSE_NOWRITE) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def wait(self):
        if not select.select([self.fd], [], [], service.PATIENCE)[0]:
            raise AssertionError("nobody has read it")


def spread(delays):
    waits = sorted(d for _, d in delays)
    if not waits:
        return "none"
    return f"{len(waits)} replies, p50 {waits[len(waits) // 2] * 1000:.1f} ms, p99 {waits[len(waits) * 99 // 100] * 1000:.1f} ms, longest {waits[-1] * 1000:.1f} ms"


class Reload(service.Case):
    def write(self, s, revision, more=0):
        """In one go, as an operator's tools do."""
        new = s.policy + ".new"
        with open(new, "w", encoding="ascii") as f:
            json.dump(document(revision, more), f)
        os.rename(new, s.policy)

    def load(self, s, revision, more=0):
        self.write(s, revision, more)
        os.kill(s.pid, signal.SIGHUP)
        s.wait_said(f"policy loaded: revision {revision}, ")

    def check_records(self, log, crowd, delays):
        self.assertEqual((crowd.problem, crowd.problems()), (None, []))
        self.assertEqual(len(delays), sum(a.sent for a in crowd.askers), "replies are missing")
        records = log.where(category="AUDIT_CATEGORY_EVALUATION")
        self.assertEqual(len(records), len(delays))
        for r in records:
            host = int(r["resource_id"].split(".")[0][1:])
            revision = int(r["policy_revision"])
            self.assertEqual((r["decision"], r["rule_id"]),
                             ("AUDIT_DECISION_ALLOW" if allows(revision, host) else "AUDIT_DECISION_DENY", f"r{revision}-{host}"), r)
        return {int(r["policy_revision"]) for r in records}

    def check_images(self, s):
        """However many there were: the one in force, and the one before it for a while."""
        try:
            files = list(procs.open_fds(s.pid).values())
        except PermissionError:
            return  # not to be seen by this user
        self.assertEqual(len([f for f in files if f.startswith("/memfd:policyd-policy")]), 2, files)

    def test_many_reloads(self):
        s = self.start(policy=document(1))
        crowd = Crowd(s.socket)
        began = time.monotonic()
        for revision in range(2, RELOADS + 2):
            self.load(s, revision)
            self.assertEqual(crowd.problems(), [])
        seconds = time.monotonic() - began
        self.check_images(s)
        delays = crowd.finish()
        log = s.stop()
        seen = self.check_records(log, crowd, delays)
        loads = [r["policy"] for r in log.management("policy")]
        self.assertEqual([p["revision"] for p in loads], [str(r) for r in range(1, RELOADS + 2)])
        print(f"# {RELOADS} reloads in {seconds:.1f} s, {CONNECTIONS} connections, {len(seen)} revisions decided: {spread(delays)}")
        self.assertGreater(len(seen), RELOADS / 2)

    def test_large_policy(self):
        """25,000 rules are loaded beside the others' requests; operators are answered; more signals make one more load."""
        s = self.start(policy=document(1))
        crowd = Crowd(s.socket)
        time.sleep(0.5)
        began = time.monotonic()
        self.write(s, 2, 25_000)
        os.kill(s.pid, signal.SIGHUP)
        compiler = s.hold("compiler")  # else it might be done before we are
        try:
            for _ in range(4):
                os.kill(s.pid, signal.SIGHUP)
            with s.client(s.admin_socket) as operator:
                self.assertEqual(operator.ask({"op": "ping"})["pong"], True)
                self.assertEqual(operator.ask({"op": "status"})["status"]["supervisor"]["loads"], 2)
        finally:
            os.kill(compiler, signal.SIGCONT)
        asked = time.monotonic() - began
        s.wait_said("policy loaded: revision 2, 25016 rules")
        loaded = time.monotonic()
        self.eventually(lambda: s.said().count("policy loaded: revision 2, ") == 2, s.said())
        time.sleep(0.3)
        delays = crowd.finish()
        log = s.stop()
        self.assertEqual(self.check_records(log, crowd, delays), {1, 2})
        self.assertEqual([r["policy"]["revision"] for r in log.management("policy")], ["1", "2", "2"])
        print(f"# loaded in {loaded - began:.2f} s, an operator answered after {asked * 1000:.0f} ms")
        print(f"# before: {spread([d for d in delays if d[0] < began])}")
        print(f"# meanwhile: {spread([d for d in delays if began <= d[0]])}")

    def test_mended_while_it_is_refused(self):
        """A reload that comes while a wrong policy is being compiled is one of its own."""
        s = self.start(policy=document(1))
        wrong = document(2, 25_000)
        wrong["policies"][0]["rules"][-1]["resources"] = ["no host"]
        s.write_policy(wrong)
        with Reader(s.policy) as compiler:
            os.kill(s.pid, signal.SIGHUP)
            compiler.wait()
        s.write_policy(document(3))
        os.kill(s.pid, signal.SIGHUP)
        s.wait_said("policy loaded: revision 3, ")
        self.assertEqual([r["policy"]["result"] for r in s.stop().management("policy")], ["loaded", "refused", "loaded"])

    def test_two_operators_at_once(self):
        """One load; the second is told why not."""
        s = self.start(policy=document(1))
        self.write(s, 2, 5_000)
        with s.client(s.admin_socket) as one, s.client(s.admin_socket) as two:
            one.send({"op": "reload", "id": 1})
            two.send({"op": "reload", "id": 2})
            replies = sorted((json.loads(c.line()) for c in (one, two)), key=lambda r: "error" in r)
        self.assertEqual((replies[0]["reloaded"], replies[0]["revision"]), (True, "2"))
        self.assertEqual(replies[1]["error"], "at most once a second")
        self.assertEqual([r["policy"]["revision"] for r in s.stop().management("policy")], ["1", "2"])


if __name__ == "__main__":
    tap.main()
