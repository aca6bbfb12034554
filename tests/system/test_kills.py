#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every process of the service is killed at random moments under load, alone and together; the supervisor and a
service manager (this test) start them again. Whoever was answered finds that answer on record, once; nothing is on
record that nobody asked.

SEALWRIGHT_KILLS: how many, SEALWRIGHT_SEED: which."""

import collections
import json
import os
import random
import signal
import threading
import time

import procs
import service
import tap

KILLS = int(os.environ.get("SEALWRIGHT_KILLS", "24"))
SEED = int(os.environ.get("SEALWRIGHT_SEED", time.time_ns() % 1000000))
LIVES = 12       # of one log
CLIENTS = 3
SMALL = 3        # kills in a life that the supervisor mends, at most
MOMENT = 0.06    # s, between two
CHILDREN = ("evaluator", "evaluator", "admin")
ENDS = (("writer",), ("supervisor",), ("writer", "supervisor"), ("writer", "evaluator"), ("supervisor", "evaluator"),
        ("writer", "supervisor", "evaluator", "admin"))


class Load(threading.Thread):
    """Asks as fast as it is answered; connects again when the connection ends. Each request has an id of its own."""

    def __init__(self, path, name):
        super().__init__(daemon=True)
        self.path, self.name_ = path, name
        self.enough = threading.Event()
        self.asked, self.replies = set(), {}
        self.start()

    def run(self):
        while not self.enough.is_set():
            try:
                self.talk()
            except (OSError, ValueError, AssertionError, EOFError):
                time.sleep(0.005)

    def talk(self):
        with service.client.Client(self.path) as c:
            while not self.enough.is_set():
                batch = [f"{self.name_}-{len(self.asked) + i}" for i in range(5)]
                self.asked.update(batch)
                for name in batch:
                    c.send({"id": name, **service.ALLOWED})
                for _ in batch:
                    reply = c.receive()
                    self.replies[reply["id"]] = reply

    def finish(self):
        self.enough.set()
        self.join(service.PATIENCE)
        return self


class Kills(service.Case):
    def shoot(self, s, role):
        """True when there was one."""
        pids = [s.process.pid] if role == "supervisor" else s.pids(role)
        if not pids:
            return False
        try:
            os.kill(self.dice.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.killed[role] += 1
        return True

    def one_life(self, name, life):
        s = self.start(name, args=["--rotate-records", str(self.dice.randint(5, 60))])
        loads = [Load(s.socket, f"{life}-{i}") for i in range(CLIENTS)]
        for _ in range(self.dice.randint(0, SMALL)):
            time.sleep(self.dice.random() * MOMENT)
            self.shoot(s, self.dice.choice(CHILDREN))
        time.sleep(self.dice.random() * MOMENT)
        for role in self.dice.choice(ENDS):
            self.shoot(s, role)
        s.wait()
        for load in loads:
            load.finish()
        s.gone()
        return loads

    def check(self, log, loads):
        asked = set().union(*(load.asked for load in loads))
        replies = {k: v for load in loads for k, v in load.replies.items()}
        recorded = [r for r in log.records if r["category"] == "AUDIT_CATEGORY_EVALUATION"]
        ids = [r["request_id"] for r in recorded]
        self.assertEqual(len(ids), len(set(ids)), "recorded twice")
        self.assertLessEqual(set(ids), asked, "recorded and never asked")
        for reply in replies.values():
            if "audit_event_id" in reply:
                self.assert_recorded(log, {"id": reply["id"]}, reply)
            else:
                self.assertNotIn(reply["id"], ids, f"refused and recorded: {json.dumps(reply)}")
        return len(replies)

    def test_kills(self):
        print(f"# SEALWRIGHT_SEED={SEED} SEALWRIGHT_KILLS={KILLS}")
        self.dice = random.Random(SEED)
        self.killed = collections.Counter()
        answers = logs = 0
        while self.killed.total() < KILLS:
            loads, name = [], f"log{logs}"
            for life in range(LIVES):
                loads += self.one_life(name, life)
                if self.killed.total() >= KILLS:
                    break
            answers += self.check(self.start(name).stop(), loads)
            self.services.clear()
            logs += 1
        print(f"# {self.killed.total()} kills, {logs} logs, {answers} answers, each on record once")
        for role, n in self.killed.items():
            print(f"# count kill {role} {n}")
        print(f"# count records {answers}")
        self.assertEqual([], [p for p in procs.descendants(os.getpid()) if procs.role(p)])


if __name__ == "__main__":
    tap.main()
