#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make install and uninstall: what is installed runs from there, and what is taken away was ours."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402


class Install(service.Case):
    def tool(self, what):
        return service.run([os.path.join(service.TOP, "tools", "install.sh"), what], cwd=service.TOP,
                           env={**os.environ, "BUILD": service.BUILD, "PREFIX": "/usr", "DESTDIR": self.root})

    def files(self):
        return sorted(os.path.relpath(os.path.join(d, f), self.root) for d, _, names in os.walk(self.root) for f in names)

    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.top, "root")
        os.mkdir(self.root)

    def test_install_run_uninstall(self):
        mine = os.path.join(self.root, "usr", "bin", "mine")
        os.makedirs(os.path.dirname(mine))
        with open(mine, "w", encoding="utf-8") as f:
            f.write("mine")
        code, _, err = self.tool("install")
        self.assertEqual((code, err), (0, ""))
        found = self.files()
        for name in ("usr/sbin/policyd", "usr/bin/policyctl", "usr/bin/auditlog", "usr/libexec/sealwright/auditd-writer",
                     "usr/share/sealwright/schema/record.schema.json", "usr/share/man/man8/policyd.8",
                     "usr/share/man/man1/policyctl.1", "usr/share/doc/sealwright/README.md",
                     "usr/lib/systemd/system/policyd.service", "usr/share/bash-completion/completions/policyd",
                     "usr/share/bash-completion/completions/policyctl", "usr/share/bash-completion/completions/auditlog",
                     "usr/share/zsh/site-functions/_policyd", "usr/share/zsh/site-functions/_policyctl",
                     "usr/share/zsh/site-functions/_auditlog", "usr/share/sealwright/lnav/sealwright.json"):
            self.assertIn(name, found)
        self.names_what_is_there("usr/lib/systemd/system/policyd.service", 2)
        self.names_what_is_there("usr/share/doc/sealwright/examples/squid.conf", 1)
        self.run_from_there()
        code, _, err = self.tool("uninstall")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(self.files(), ["usr/bin/mine"])
        self.assertEqual(self.tool("uninstall")[0], 0, "twice is no error")

    def run_from_there(self):
        """The installed policyd finds its writer beside itself, wherever the tree was put."""
        built = service.POLICYD
        service.POLICYD = os.path.join(self.root, "usr", "sbin", "policyd")
        try:
            s = self.start()
            if os.geteuid() == 0:  # others cannot look into processes that are not dumpable
                self.assertEqual(os.readlink(f"/proc/{s.one('writer')}/exe"),
                                 os.path.join(os.path.realpath(self.root), "usr/libexec/sealwright/auditd-writer"))
            with s.client() as c:
                self.assertEqual(c.ask(service.ALLOWED)["decision"], "allow")
            s.stop()
        finally:
            service.POLICYD = built

    def names_what_is_there(self, text, least):
        """Paths of ours in an installed text are those of this installation."""
        with open(os.path.join(self.root, text), encoding="utf-8") as f:
            paths = re.findall(r"[-\w./]*/(?:policyd|policyctl|auditlog|auditd-writer)(?= |$)", f.read(), re.M)
        paths = [p for p in paths if "bin/" in p or "libexec/" in p]
        self.assertGreaterEqual(len(paths), least)
        for path in paths:
            self.assertTrue(os.path.exists(self.root + path), f"{text}: {path}")

    def test_usage(self):
        self.assertEqual(self.tool("polish")[0], 2)


if __name__ == "__main__":
    tap.main()
