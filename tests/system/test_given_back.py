#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an attack has made the service take, it gives back: memory after it, and its end while the writer hangs."""

import os
import signal
import time

import procs
import service
import tap

MIB = 1024
HALF = b'{"id":"half","action":"net:connect:tcp","resource":"' + b"x" * (60 << 10)
CONNECTIONS = 700


def heap_kib(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        begin, end = next(line.split()[0].split("-") for line in f if "[heap]" in line)
    return (int(end, 16) - int(begin, 16)) // 1024


class GivenBack(service.Case):
    def test_memory_after_half_sent_lines(self):
        if service.SANITIZED:
            self.skipTest("a sanitizer keeps what was freed")
        s = self.start(evaluators=1, conf={"limits": {"connections_per_uid": CONNECTIONS + 10}})
        with s.client() as c:
            c.ask(service.ALLOWED)
        evaluator = s.one("evaluator")
        before = procs.rss_kib(evaluator)
        clients = [s.client() for _ in range(CONNECTIONS)]
        for c in clients:
            c.send(HALF)
        self.eventually(lambda: procs.rss_kib(evaluator) > before + 42 * MIB, "the half lines are held")
        most = procs.rss_kib(evaluator)
        if os.geteuid() == 0:  # others cannot look into processes that are not dumpable
            self.assertLess(heap_kib(evaluator), 1 * MIB, "the lines have pages of their own")
        # The newest stay longest: what they hold is at the end of everything.
        for c in clients[:-1]:
            c.close()
        self.eventually(lambda: procs.rss_kib(evaluator) < before + 2 * MIB, "given back")
        print(f"# resident KiB: {before}, with {CONNECTIONS} half lines {most}, after {procs.rss_kib(evaluator)}")
        clients[-1].close()
        s.stop()

    def test_end_while_the_writer_hangs(self):
        """SIGTERM is obeyed within the writer's 5 s (and what clients wait at most), whatever the writer does."""
        s = self.start(evaluators=1, conf={"limits": {"answer_ms": 500}})
        writer = s.one("writer")
        with s.client() as c:
            c.ask(service.ALLOWED)
            os.kill(writer, signal.SIGSTOP)
            c.send({"id": "late", **service.ALLOWED})
            began = time.monotonic()
            s.process.terminate()
            code = s.wait()
            print(f"# ended after {time.monotonic() - began:.1f} s")
        self.assertNotEqual(code, 0, "the log was not closed")
        self.assertIn("did not finish in time", s.said())
        s.gone()
        self.assertLess(time.monotonic() - began, 12 * service.PATIENCE / 30, "5 s for the writer, 1.5 s for clients")
        log = self.start().stop()
        self.assertEqual(len(log.where(action="net:connect:tcp")), 1 + len(log.where(request_id="late")))


if __name__ == "__main__":
    tap.main()
