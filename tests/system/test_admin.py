#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The admin socket: status and counters, rotation, the rules in force; nothing else, and on record."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import client  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402


class Admin(service.Case):
    def ask(self, s, n):
        with s.client() as c:
            for i in range(n):
                c.ask({"id": i, **(service.ALLOWED if i % 2 else service.DENIED)})

    def numbers(self, value, path=""):
        """{path: number} of a nested reply."""
        found = {}
        if isinstance(value, dict):
            for k, v in value.items():
                found.update(self.numbers(v, f"{path}.{k}"))
        elif isinstance(value, list):
            for i, v in enumerate(value):
                found.update(self.numbers(v, f"{path}[{i}]"))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[path] = value
        return found

    def test_status_counts(self):
        s = self.start()
        first = self.numbers(s.admin("status"))
        self.ask(s, 40)
        time.sleep(1.05)  # once a second
        second = s.admin("status")
        self.assertNotIn("error", second)
        grown = {k for k, v in self.numbers(second).items() if v - first.get(k, 0) >= 20}
        print(f"# {second}")
        self.assertTrue(grown, "no counter counts the requests")
        log = s.stop()
        self.assertTrue(log.management("admin"), "what operators ask is on record")
        for record in log.management("admin"):
            self.assertEqual(record["peer"]["uid"], os.getuid())

    def test_ls(self):
        s = self.start()
        reply = s.admin("ls")
        text = str(reply)
        for name in ("example", "lab", "no-metadata", "data", "secrets", "**.example.com:443", "test.1"):
            self.assertIn(name, text)
        s.stop()

    def test_rotate(self):
        s = self.start()
        self.ask(s, 5)
        reply = s.admin("rotate")
        names = re.findall(r"audit-[0-9A-Za-z-]+\.jsonl", str(reply))
        self.assertEqual(len(names), 1, reply)
        self.assertTrue(os.path.exists(os.path.join(s.audit, names[0])))
        s.stop()

    def test_at_most_once_a_second(self):
        s = self.start()
        with client.Client(s.admin_socket) as c:
            replies = [c.ask({"id": i, "op": "rotate"}) for i in range(4)]
        self.assertNotIn("error", replies[0])
        self.assertTrue(any("error" in r for r in replies[1:]), replies)
        s.stop()

    def test_what_it_does_not_do(self):
        s = self.start()
        with client.Client(s.admin_socket) as c:
            for bad in (b"\n", b"{}\n", b"[1]\n", b'{"op":"shutdown"}\n', b'{"op":5}\n', b'{"op":"status","op":"rotate"}\n',
                        b'{"id":1,"action":"net:connect:tcp","resource":"net:domain:www.example.com:443"}\n', b"\xff\n",
                        b'{"op":"emit","event":"a.b","level":"info"}\n'):
                c.send(bad)
                reply = c.receive()
                self.assertIn("error", reply, bad)
                self.assertNotIn("decision", reply)
            self.assertNotIn("error", c.ask({"op": "status"}))
        s.stop()

    def test_a_line_too_long(self):
        s = self.start()
        with client.Client(s.admin_socket) as c:
            try:
                c.send(b"x" * (1 << 18))
            except OSError:
                pass
            c.closed_by_service()
        self.assertNotIn("error", s.admin("status"))
        s.stop()

    def test_modes_of_the_sockets(self):
        s = self.start()
        for path in (s.socket, s.admin_socket):
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        s.stop()


if __name__ == "__main__":
    tap.main()
