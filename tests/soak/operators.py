# SPDX-License-Identifier: Apache-2.0
"""What operators do to a service, rightly or not, and what is too much for it."""

import os
import signal

import service
from crowd import OVERLOAD
from wrong import Kind

BAD_POLICY = '{"schema":"sealwright-policy/1","revision":"bad","policies":[{"id":"p","rules":[{"id":"r"}]}]}'


class Operators(Kind):
    def actions(self):
        return [self.reload, self.rotate, self.read] * 2 + [self.bad_policy, self.overload]

    def reload(self):
        self.log.revision += 1
        self.round.write_policy(self.log.revision)
        self.hang_up("reload")

    def bad_policy(self):
        self.round.write_policy(BAD_POLICY)
        self.hang_up("policy refused")
        self.pause(0.05)
        self.round.write_policy(self.log.revision)

    def hang_up(self, what):
        if self.service.running():
            os.kill(self.service.process.pid, signal.SIGHUP)
            self.count(what)

    def rotate(self):
        service.policyctl("--admin-socket", self.service.admin_socket, "rotate")
        self.count("rotation")

    def overload(self):
        self.round.load({**OVERLOAD, "seconds": 1})
        self.count("overload")

    def read(self):
        self.round.readers.start(self.disk.audit)
        self.count("reader")
