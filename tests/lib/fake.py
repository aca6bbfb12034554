# SPDX-License-Identifier: Apache-2.0
"""A stand-in for policyd's sockets that misbehaves on demand, and programs with both ends of their pipes
in hand: what a real policyd does only when it is broken."""

import os
import select
import socket
import subprocess
import threading
import time

import strict

EVENT_ID = "1b4e28ba-2fa1-8d2b-883f-0016d3cca427"


def allow(request):
    return {"id": request.get("id"), "decision": "allow", "audit_event_id": EVENT_ID, "policy_id": "p", "rule_id": "r",
            "policy_revision": "1", "reason": []}


def deny(request, reason="because"):
    return {"id": request.get("id"), "decision": "deny", "audit_event_id": EVENT_ID, "policy_revision": "1",
            "reason": [reason]}


class Policyd:
    """Listens on path. answer(request, self) gives the reply: an object, bytes as they are to be sent, None
    (say nothing), or CLOSE (close the connection)."""

    CLOSE = object()

    def __init__(self, path, answer=None):
        self.path, self.answer = path, answer or (lambda request, _: allow(request))
        self.requests = []      # parsed, in order of arrival
        self.connections = 0
        self.sockets = []
        self.listener = None
        self.open()

    def open(self):
        if os.path.lexists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self.sockets.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        buffer = b""
        try:
            while True:
                line, nl, rest = buffer.partition(b"\n")
                if not nl:
                    more = sock.recv(1 << 16)
                    if not more:
                        break
                    buffer += more
                    continue
                buffer = rest
                request = strict.loads(line)
                self.requests.append(request)
                reply = self.answer(request, self)
                if reply is self.CLOSE:
                    break
                if reply is not None:
                    sock.sendall(reply if isinstance(reply, bytes) else strict.dumps(reply) + b"\n")
        except OSError:
            pass
        # shutdown first: a thread that sleeps in recv() keeps a closed socket open.
        self._end(sock)

    @staticmethod
    def _end(sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()

    def drop(self):
        """Close every connection."""
        sockets, self.sockets = self.sockets, []
        for sock in sockets:
            self._end(sock)

    def close(self):
        """No longer there at all."""
        self._end(self.listener)
        if os.path.lexists(self.path):
            os.unlink(self.path)
        self.drop()


class Talker:
    """A program with pipes on stdin and stdout; every wait has an end."""

    def __init__(self, args, **popen):
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        **popen)
        self.buffer = b""

    def say(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def line(self, seconds=15):
        """The next line of its stdout, without the newline; None at the end."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"no line within {seconds} s; there is {self.buffer!r}")
            more = os.read(self.process.stdout.fileno(), 1 << 16)
            if not more:
                return None
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def ask(self, data, seconds=15):
        self.say(data)
        return self.line(seconds)

    def finish(self, seconds=15):
        """Close its stdin: (exit status, the rest of stdout, stderr)."""
        self.process.stdin.close()
        self.process.stdin = None
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, self.buffer + out, err.decode(errors="replace")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass
        self.process.wait()
