# SPDX-License-Identifier: Apache-2.0
"""Processes are killed, alone and together; the service is restarted in order."""

import os
import signal

from wrong import Kind

CHILDREN = ("evaluator", "admin")
TOGETHER = (("writer", "supervisor"), ("writer", "evaluator"), ("supervisor", "evaluator"),
            ("writer", "supervisor", "evaluator", "admin"))


class Processes(Kind):
    def actions(self):
        return [self.kill_child] * 3 + [self.kill_writer, self.kill_supervisor, self.kill_together, self.restart]

    def shoot(self, role):
        pids = [self.service.process.pid] if role == "supervisor" else self.service.pids(role)
        try:
            os.kill(self.dice.choice(pids), signal.SIGKILL)
            self.count(f"kill {role}")
        except (IndexError, ProcessLookupError):
            pass

    def kill_child(self):
        self.shoot(self.dice.choice(CHILDREN))

    def kill_writer(self):
        self.shoot("writer")

    def kill_supervisor(self):
        self.shoot("supervisor")

    def kill_together(self):
        for role in self.dice.choice(TOGETHER):
            self.shoot(role)

    def restart(self):
        self.service.terminate()
        self.count("restart")
