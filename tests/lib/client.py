# SPDX-License-Identifier: Apache-2.0
"""Clients of policyd's sockets: one that asks and waits, and a crowd that keeps many requests in flight."""

import collections
import selectors
import socket
import time

import schema
import strict


class Closed(ConnectionError):
    """The service closed the connection."""


class Client:
    """One connection; every wait has an end."""

    def __init__(self, path, timeout=30.0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.buffer = b""
        self.asked = []      # well-formed requests and their replies, as bytes, for the schemas
        self.answered = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send_bytes(self, data):
        self.sock.sendall(data)

    def send(self, request):
        """A request: an object (also kept for its schema), or bytes of any kind."""
        if isinstance(request, bytes):
            self.send_bytes(request)
            return
        line = strict.dumps(request) + b"\n"
        self.asked.append(line)
        self.send_bytes(line)

    def line(self):
        """The next line, without its newline."""
        while b"\n" not in self.buffer:
            try:
                more = self.sock.recv(1 << 16)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed(f"closed by the service after {self.buffer!r}")
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def receive(self):
        line = self.line()
        self.answered.append(line)
        return strict.loads(line)

    def ask(self, request):
        self.send(request)
        return self.receive()

    def closed_by_service(self):
        """Wait for the end of the stream; what came before it is returned."""
        rest = self.buffer
        while True:
            try:
                more = self.sock.recv(1 << 16)
            except ConnectionResetError:
                return rest
            if not more:
                return rest
            rest += more

    def faults(self):
        """What request and reply schemas say about this connection's traffic."""
        return schema.validate("request", self.asked) + schema.validate("reply", self.answered)

    def finish_sending(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()


class Talk:
    """One connection of a crowd: lines still to send, replies received."""

    def __init__(self, path, lines, window):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        self.sock.setblocking(False)
        self.lines = lines
        self.window = window       # requests in flight at most
        self.sent = 0              # requests handed to the socket in full or in part
        self.out = b""
        self.rest = b""
        self.replies = []          # reply lines in order
        self.times = collections.deque()
        self.delays = []           # seconds from handing over to reply
        self.broken = False        # the service closed the connection

    def done(self):
        return self.broken or len(self.replies) == len(self.lines)

    def wants_to_write(self):
        return bool(self.out) or (self.sent < len(self.lines) and self.sent - len(self.replies) < self.window)

    def write(self):
        room = self.window - (self.sent - len(self.replies))
        more = self.lines[self.sent:self.sent + max(0, min(room, 64))]
        self.sent += len(more)
        self.times.extend([time.monotonic()] * len(more))
        self.out += b"".join(more)
        try:
            self.out = self.out[self.sock.send(self.out):]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self.broken = True

    def read(self):
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self.broken = True
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        now = time.monotonic()
        self.replies += lines
        for _ in lines:
            self.delays.append(now - self.times.popleft())


def crowd(path, work, window=64, seconds=120, stop=None):
    """Send work (a list of request lines per connection) over as many connections at once; each keeps up
    to window requests in flight. Returns the Talks. Ends early when all connections are closed by the
    service, or when stop(talks) says so; AssertionError when it takes too long."""
    talks = [Talk(path, lines, window) for lines in work]
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as select:
        masks = {}
        for t in talks:
            masks[t] = selectors.EVENT_READ | selectors.EVENT_WRITE
            select.register(t.sock, masks[t], t)
        while masks and not (stop and stop(talks)):
            if time.monotonic() > end:
                raise AssertionError(f"{sum(len(t.replies) for t in talks)} replies only in {seconds} s")
            for key, events in select.select(0.5):
                _serve(select, masks, key.data, events)
    for t in talks:
        t.sock.close()
    return talks


def _serve(select, masks, talk, events):
    if events & selectors.EVENT_WRITE:
        talk.write()
    if events & selectors.EVENT_READ:
        talk.read()
    if talk.done():
        select.unregister(talk.sock)
        del masks[talk]
        return
    mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if talk.wants_to_write() else 0)
    if mask != masks[talk]:
        masks[talk] = mask
        select.modify(talk.sock, mask, talk)
