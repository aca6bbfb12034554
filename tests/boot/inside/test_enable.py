#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# boots: 2
"""What was enabled in the first boot serves after the second, and goes on with the same log."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import host  # noqa: E402
import procs  # noqa: E402
import tap  # noqa: E402

class Boot(unittest.TestCase):
    def enable(self):
        host.install()
        host.write_policy(host.policy())
        host.must("systemctl", "enable", "--now", host.SERVICE)
        host.must("policyctl", "--socket", host.SOCKET, "evaluate", host.ASKED["action"], host.ASKED["resource"])
        # The machine goes down with the service up.

    def after_a_reboot(self):
        procs.wait_until(lambda: host.show("ActiveState") == "active", host.PATIENCE, "it serves" + host.journal())
        host.must("policyctl", "--socket", host.SOCKET, "evaluate", host.ASKED["action"], host.ASKED["resource"])
        host.must("systemctl", "stop", *host.UNITS)
        log = host.auditlog.read(host.AUDIT, closed=True)
        self.assertEqual(log.torn, [], "the first boot's shutdown closed the log")
        self.assertEqual(len({r["audit_session_id"] for r in log.records}), 2)
        self.assertEqual(len(log.where(category="AUDIT_CATEGORY_EVALUATION")), 2)

    def test_this_boot(self):
        {"1": self.enable, "2": self.after_a_reboot}[os.environ["BOOT"]]()


if __name__ == "__main__":
    tap.main()
