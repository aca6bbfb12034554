#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/tcb.sh counts right, and refuses what it must refuse: a writer with a forbidden symbol put into it."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402

TCB = os.path.join(service.TOP, "tools", "tcb.sh")
WRITER = os.path.join(service.BUILD, "libexec", "sealwright", "auditd-writer")

# What somebody might slip in -> C that needs it.
FORBIDDEN = {
    "socket": "#include <sys/socket.h>\nint slip(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }",
    "accept4": "#define _GNU_SOURCE\n#include <sys/socket.h>\nint slip(void) { return accept4(3, 0, 0, 0); }",
    "execve": "#include <unistd.h>\nint slip(void) { return execve(\"/bin/sh\", 0, 0); }",
    "execl": "#include <unistd.h>\nint slip(void) { return execl(\"/bin/sh\", \"sh\", (char *)0); }",
    "posix_spawn": "#include <spawn.h>\nint slip(void) { return posix_spawn(0, \"x\", 0, 0, 0, 0); }",
    "fork": "#include <unistd.h>\nint slip(void) { return fork(); }",
    "system": "#include <stdlib.h>\nint slip(void) { return system(\"id\"); }",
    "popen": "#include <stdio.h>\nint slip(void) { return popen(\"id\", \"r\") != 0; }",
    "fopen": "#include <stdio.h>\nint slip(void) { return fopen(\"/etc/passwd\", \"r\") != 0; }",
    "getaddrinfo": "#include <netdb.h>\nint slip(void) { return getaddrinfo(\"x\", 0, 0, 0); }",
    "unlink": "#include <unistd.h>\nint slip(void) { return unlink(\"x\"); }",
    "unlinkat": "#include <unistd.h>\nint slip(void) { return unlinkat(3, \"x\", 0); }",
    "remove": "#include <stdio.h>\nint slip(void) { return remove(\"x\"); }",
    "fchmod": "#include <sys/stat.h>\nint slip(void) { return fchmod(3, 0); }",
    "fchown": "#include <unistd.h>\nint slip(void) { return fchown(3, 0, 0); }",
    "truncate": "#include <unistd.h>\nint slip(void) { return truncate(\"x\", 0); }",
    "dlopen": "#include <dlfcn.h>\nint slip(void) { return dlopen(\"x\", RTLD_NOW) != 0; }",
    "json_object_new_object": "extern int json_object_new_object(void);\nint slip(void) { return json_object_new_object(); }",
    "event_base_new": "extern int event_base_new(void);\nint slip(void) { return event_base_new(); }",
    "jscan": "extern int jscan(void);\nint slip(void) { return jscan(); }",
    # Only dir.c may do this.
    "renameat2": "#define _GNU_SOURCE\n#include <stdio.h>\nint slip(void) { return renameat2(3, \"a\", 3, \"b\", 0); }",
    "fdatasync": "#include <unistd.h>\nint slip(void) { return fdatasync(3); }",
}


def objects():
    """The writer's link list, from its objects.mk."""
    with open(os.path.join(service.TOP, "auditd-writer", "objects.mk"), encoding="utf-8") as f:
        return re.findall(r"\S+\.o\b", f.read())


def tcb(*args):
    return service.run([TCB, *args], cwd=service.TOP)


class Tcb(service.unittest.TestCase):
    def setUp(self):
        self.list = objects()
        self.assertGreater(len(self.list), 5)

    def test_the_writer_as_it_is(self):
        code, out, err = tcb("--forbid", service.BUILD, "auditd-writer", WRITER, *self.list)
        if service.SANITIZED:
            self.skipTest("a sanitizer's runtime needs everything")
        self.assertEqual((code, err), (0, ""), err)
        self.assertIn(f"{len(self.list)} objects", out)

    def test_the_account(self):
        code, out, _ = tcb(service.BUILD, "auditd-writer", WRITER, *self.list)
        self.assertEqual(code, 0)
        total = 0
        for name in self.list:
            source = name[:-2] + ".c"
            with open(os.path.join(service.TOP, source), "rb") as f:
                lines = f.read().count(b"\n")
            self.assertRegex(out, rf"(?m)^ *{lines} {re.escape(source)}$")
            total += lines
        self.assertRegex(out, rf"(?m)^ *{total} lines in all$")
        self.assertRegex(out, r"undefined dynamic symbols: [1-9]\d*\n")
        self.assertIn("libcrypto", out)
        self.assertNotIn("libjson-c", out)
        self.assertNotIn("libevent", out)

    def copy_with(self, top, symbol, code):
        """A build directory whose writer has one object more, that needs the symbol."""
        build = os.path.join(top, symbol)
        os.makedirs(os.path.join(build, "obj"))
        for name in self.list:
            os.makedirs(os.path.dirname(os.path.join(build, "obj", name)), exist_ok=True)
            shutil.copy(os.path.join(service.BUILD, "obj", name), os.path.join(build, "obj", name))
        source = os.path.join(build, "slip.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(code + "\n")
        made = os.path.join(build, "obj", "auditd-writer", "slip.o")
        compiler = next(c for c in (os.environ.get("CC"), "gcc", "clang", "cc") if c and shutil.which(c))
        subprocess.run([compiler, "-O2", "-c", "-o", made, source], check=True, capture_output=True)
        return build

    def test_each_forbidden_symbol_is_found(self):
        top = service.tempfile.mkdtemp()
        for symbol, code in FORBIDDEN.items():
            with self.subTest(symbol):
                build = self.copy_with(top, symbol, code)
                status, _, err = tcb("--forbid", build, "auditd-writer", WRITER, *self.list, "auditd-writer/slip.o")
                self.assertEqual(status, 1)
                self.assertRegex(err, rf"auditd-writer/slip\.o: needs {symbol}: ")

    def test_a_linked_program_is_looked_at_too(self):
        """policyd as the writer's binary: it needs much of what the writer must not."""
        status, _, err = tcb("--forbid", service.BUILD, "auditd-writer", service.POLICYD, *self.list)
        self.assertEqual(status, 1)
        self.assertRegex(err, r"sbin/policyd: needs (event|json)_\w+")

    def test_usage(self):
        self.assertEqual(tcb()[0], 2)
        self.assertEqual(tcb("--forbid", "x")[0], 2)


class Floors(service.unittest.TestCase):
    """tools/floors.py sees an include that looks up, and a link list that reaches across."""

    def setUp(self):
        self.top = service.tempfile.mkdtemp()
        for name in ("common", "proto", "policy", "policyd", "policyctl", "auditd-writer", "auditlog"):
            shutil.copytree(os.path.join(service.TOP, name), os.path.join(self.top, name))

    def check(self):
        return service.run([sys.executable, os.path.join(service.TOP, "tools", "floors.py")], cwd=self.top)

    def test_as_it_is(self):
        self.assertEqual(self.check(), (0, "", ""))

    def test_faults(self):
        faults = (("common/text.c", '#include "proto/msg.h"', "must not know proto"),
                  ("policy/policy.h", '#include "proto/msg.h"', "must not know proto"),
                  ("proto/msg.h", '#include "policy/policy.h"', "must not know policy"),
                  ("policyctl/main.c", '#include "policyd/settings.h"', "must not know policyd"),
                  ("auditd-writer/main.c", '#include "common/jscan.h"', "no JSON"),
                  ("auditd-writer/main.c", '#include "policy/policy.h"', "must not know policy"),
                  ("auditd-writer/objects.mk", "OBJS-auditd-writer += common/jscan.o", "no JSON"),
                  ("policyctl/objects.mk", "OBJS-policyctl += policyd/settings.o", "not on a floor"),
                  ("auditd-writer/objects.mk", "LIBS-auditd-writer += json-c", "not for the writer"))
        for path, line, says in faults:
            with self.subTest(path=path, line=line):
                whole = os.path.join(self.top, path)
                with open(whole, encoding="utf-8") as f:
                    good = f.read()
                with open(whole, "a", encoding="utf-8") as f:
                    f.write("\n" + line + "\n")
                code, _, err = self.check()
                self.assertEqual(code, 1)
                self.assertIn(says, err)
                with open(whole, "w", encoding="utf-8") as f:
                    f.write(good)


if __name__ == "__main__":
    tap.main()
