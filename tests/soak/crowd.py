# SPDX-License-Identifier: Apache-2.0
"""Those who use the service during a soak: loads of all manners (tests/load), operators and readers of the log."""

import json
import os
import subprocess

import service

LOAD = os.path.join(service.BUILD, "unit", "load")
AUDITLOG = os.path.join(service.BUILD, "bin", "auditlog")
PATIENCE = 90

# What runs during a round, and how likely: options of tests/load/load.c. The first one always does.
MANNERS = (
    (1.0, "steady", {"connections": 6, "window": 16, "rate": 600}),
    (0.5, "steady", {"connections": 1, "window": 1, "rate": 0}),
    (0.5, "bursts", {"connections": 40, "window": 64, "rate": 1500, "burst": 1000}),
    (0.4, "slowly", {"connections": 5, "window": 64, "rate": 200, "manner": "slowly"}),
    (0.4, "never", {"connections": 4, "window": 0, "rate": 2000, "manner": "never"}),
    (0.4, "stops", {"connections": 10, "window": 4, "rate": 100, "manner": "stops"}),
    (0.4, "leaves", {"connections": 5, "window": 8, "rate": 300, "manner": "leaves"}),
    (0.4, "rude", {"connections": 3, "manner": "rude"}),
)
OVERLOAD = {"connections": 200, "window": 0, "rate": 60000}


class Load:
    """One load, and in the end what it says of itself."""

    def __init__(self, top, socket, name, seconds, options, seed):
        self.name, self.fates = name, os.path.join(top, f"fates-{name}")
        args = {"id": name, "fates": self.fates, "seconds": seconds, "again": 1, "seed": seed, **options}
        self.process = subprocess.Popen([LOAD, socket, *(f"{k}={v}" for k, v in args.items())], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def tell_to_end(self):
        if self.process.poll() is None:
            self.process.terminate()

    def end(self):
        """Its counts, None when it has none; and what is wrong with it."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return None, f"load {self.name} does not end"
        if self.process.returncode != 0:
            return None, f"load {self.name}: {err.strip()}"
        counts = json.loads(out)
        return counts, f"load {self.name} was told what it did not ask: {err.strip()}" if counts["wrong"] else ""


class Readers:
    """auditlog on the log while it is written to. A verdict that something is broken is a fault."""

    COMMANDS = (("tail", "-f"), ("verify",), ("search", "h1.example"), ("summary",), ("tail", "-n", "20"))

    def __init__(self, dice):
        self.dice, self.running, self.faults, self.started = dice, [], [], 0

    def start(self, audit):
        command = self.dice.choice(self.COMMANDS)
        self.started += 1
        self.running.append((command, subprocess.Popen([AUDITLOG, *command, audit], stdin=subprocess.DEVNULL,
                                                       stdout=subprocess.PIPE if command[0] == "verify" else subprocess.DEVNULL,
                                                       stderr=subprocess.DEVNULL, text=True)))

    def collect(self):
        """Those that have ended by themselves."""
        for command, process in [r for r in self.running if r[1].poll() is not None]:
            self.running.remove((command, process))
            self._judge(command, process)

    def _judge(self, command, process):
        said = process.communicate()[0]
        code = process.returncode
        if code < 0 and code not in (-15, -9):
            self.faults.append(f"auditlog {' '.join(command)} ended by signal {-code}")
        if command[0] == "verify" and code == 1:
            self.faults.append(f"verify meanwhile: {said.strip()}")

    def end(self):
        """All of them; those that would go on are told to stop."""
        self.collect()
        for command, process in self.running:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.faults.append(f"auditlog {' '.join(command)} does not end")
                process.kill()
            if process.stdout:
                process.stdout.close()
        self.running = []
