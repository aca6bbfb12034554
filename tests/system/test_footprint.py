#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the service takes from its host while it has nothing to do: memory, and no wakeup but of its timers.
SEALWRIGHT_IDLE_SECONDS=N watches for longer."""

import glob
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import procs  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

RSS_KIB = 20 * 1024  # of all processes together, with two evaluators
REQUESTS, BATCH = 10000, 250
SETTLE_SECONDS = 3   # accounts of clients that have gone are kept for some seconds
IDLE_SECONDS = float(os.environ.get("SEALWRIGHT_IDLE_SECONDS", "5"))
# An idle process sleeps through; some of these are left for what a kernel may do to it.
WAKEUPS = 3
TRIES = 4


def rss(s):
    """{"role pid": KiB}"""
    return {f"{procs.role(p)} {p}": procs.rss_kib(p) for p in [s.pid, *procs.descendants(s.pid)]}


def sleeps(s):
    """{"role thread": how often it has gone to sleep}"""
    found = {}
    for pid in [s.pid, *procs.descendants(s.pid)]:
        for path in glob.glob(f"/proc/{pid}/task/*/status"):
            with open(path, encoding="utf-8") as f:
                fields = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
            found[f"{procs.role(pid)} {fields['Pid']}"] = int(fields["voluntary_ctxt_switches"])
    return found


class Footprint(service.Case):
    def ask_many(self, clients, n):
        for k in range(n // BATCH):
            c = clients[k % len(clients)]
            for i in range(BATCH):
                c.send({"id": i, **(service.ALLOWED if i % 2 else service.UNMATCHED)})
            for _ in range(BATCH):
                c.receive()

    @service.unittest.skipIf(service.SANITIZED, "sanitizers take more")
    def test_memory(self):
        s = self.start()
        print(f"# ready: {sum(rss(s).values())} KiB resident in all")
        self.ask_many([s.client() for _ in range(4)], REQUESTS)
        full = rss(s)
        print(f"# after {REQUESTS} requests: {sum(full.values())} KiB: {full}")
        self.assertLess(sum(full.values()), RSS_KIB)
        s.write_policy(dict(service.POLICY, revision="test.2"))
        self.assertEqual(s.admin("reload").get("revision"), "test.2")
        self.assertLess(sum(rss(s).values()), RSS_KIB)

    def test_nothing_wakes_an_idle_service(self):
        s = self.start()
        with s.client() as c:
            c.ask(service.ALLOWED)
        time.sleep(SETTLE_SECONDS)
        # On a busy machine it takes longer until all has settled.
        for left in reversed(range(TRIES)):
            before = sleeps(s)
            time.sleep(IDLE_SECONDS)
            woken = {name: n - before[name] for name, n in sleeps(s).items()}
            print(f"# woken in {IDLE_SECONDS:g} s: {woken}")
            self.assertEqual(set(woken), set(before))
            if not left or max(woken.values()) <= WAKEUPS:
                break
        self.assertLessEqual(max(woken.values()), WAKEUPS, woken)


if __name__ == "__main__":
    tap.main()
