#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl enroll: the key to pin, as text, as JSON, and as a QR code that somebody else's reader reads."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from terminal import on_terminal  # noqa: E402

QUIET = 4    # modules around a code
SCALE = 4    # pixels of a module
HALVES = {" ": (0, 0), "\u2584": (0, 1), "\u2580": (1, 0), "\u2588": (1, 1)}  # light modules: upper, lower


def modules(text):
    """Rows of a code printed in half blocks, 1 for a light module."""
    rows = []
    for line in text.splitlines():
        line = line.removeprefix("\x1b[97;40m").removesuffix("\x1b[0m")
        if line and set(line) <= set(HALVES):
            rows += [[HALVES[c][half] for c in line] for half in (0, 1)]
    return rows


def picture(rows):
    """The same as a portable graymap."""
    width, height = len(rows[0]) * SCALE, len(rows) * SCALE
    pixels = b"".join(bytes(255 * m for m in row for _ in range(SCALE)) * SCALE for row in rows)
    return b"P5 %d %d 255\n" % (width, height) + pixels


class Enroll(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="e")
        self.addCleanup(shutil.rmtree, self.top, True)
        self.log = evidence.LogBuilder(os.path.join(self.top, "a"), segments=[2]).write()

    def write(self, data, name="k"):
        path = os.path.join(self.top, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def test_text(self):
        for place in (self.log.directory, self.log.path("origin.vkey")):
            for option in ([], ["--no-qr"]):
                code, out, err = service.policyctl("enroll", *option, place)
                self.assertEqual((code, err), (0, ""))
                lines = out.splitlines()
                self.assertEqual(lines[0].split(), ["origin", self.log.origin])
                self.assertEqual(lines[1].split(), ["key", self.log.vkey])
                self.assertIn("auditlog verify --key FILE DIR", out)
                self.assertEqual(modules(out), [])

    def test_json(self):
        code, out, err = service.policyctl("enroll", "--json", self.log.directory)
        self.assertEqual((code, err, out.count("\n")), (0, "", 1))
        self.assertEqual(json.loads(out), {"origin": self.log.origin, "key": self.log.vkey})

    def test_a_key_saved_by_hand(self):
        """Without the newline, or under another name."""
        path = self.write(self.log.vkey.encode())
        self.assertIn(self.log.vkey, service.policyctl("enroll", path)[1])

    def codes(self, key):
        """The code, printed three ways."""
        path = self.write(key.encode() + b"\n")
        args = [service.POLICYCTL, "enroll", path]
        yield service.policyctl("enroll", "--qr", path)[1]
        yield on_terminal(args, {"NO_COLOR": "1"})
        coloured = on_terminal(args, {"NO_COLOR": ""})
        self.assertIn("\x1b[97;40m", coloured)
        yield coloured
        self.assertEqual(modules(on_terminal([*args, "--no-qr"])), [])
        self.assertEqual(modules(on_terminal([*args, "--json"])), [])

    def test_qr(self):
        public = seals.public_of(bytes(32))
        for name in ("x", self.log.origin, "o" * 128):
            key = seals.vkey(name, public)
            first = None
            for text in self.codes(key):
                rows = modules(text)
                first = first or rows
                self.assertEqual(rows, first, "the same code everywhere")
            width = len(rows[0])
            self.assertIn(len(rows), (width, width + 1))
            self.assertEqual((width - 2 * QUIET - 17) % 4, 0, "no QR code has that width")
            edges = rows[:QUIET] + rows[len(rows) - QUIET:] + [r[:QUIET] for r in rows] + [r[-QUIET:] for r in rows]
            self.assertTrue(all(m for row in edges for m in row), "a quiet zone all around")
            self.decode(rows, key)

    def decode(self, rows, key):
        """By zbar, which is not what made it."""
        if not shutil.which("zbarimg"):
            tap.side_checks["QR codes read back"] = "zbarimg is not installed (tools/deps.sh check names the package)"
            return
        tap.side_checks["QR codes read back"] = None
        path = self.write(picture(rows), "p.pgm")
        found = subprocess.run(["zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", path], capture_output=True,
                               check=False, timeout=service.PATIENCE)
        self.assertEqual(found.stdout.decode().rstrip("\n"), key, found)

    def test_where_it_looks(self):
        """Without an operand: a user's own audit directory when there is one, else the system's."""
        state = os.path.join(self.top, "state")
        os.makedirs(os.path.join(state, "sealwright"))
        env = {**os.environ, "XDG_STATE_HOME": state}
        code, out, err = service.policyctl("enroll", "--json", env=env)
        if not os.path.exists("/var/log/sealwright/audit"):
            self.assertEqual((code, out), (2, ""))
            self.assertIn("/var/log/sealwright/audit", err)
        if os.geteuid() == 0:
            return
        shutil.copytree(self.log.directory, os.path.join(state, "sealwright", "audit"))
        code, out, err = service.policyctl("enroll", "--json", env=env)
        self.assertEqual((code, err, json.loads(out)["key"]), (0, "", self.log.vkey))

    def refused(self, text, *args):
        code, out, err = service.policyctl("enroll", *args)
        self.assertEqual((code, out), (2, ""), err)
        self.assertIn(text, err)
        self.assertTrue(err.startswith("policyctl: "), err)

    def test_what_is_no_key(self):
        good = self.log.vkey
        name, _, rest = good.partition("+")
        cosigner = seals.vkey(name, seals.public_of(bytes(32)), 4)
        for data in ("", "\n", good + "\n\n", good + " ", " " + good, good + "\0", good[:-1], "+" + rest, cosigner,
                     name + "x+" + rest, name + "+00000000+" + rest.partition("+")[2], "x" * 100000, "\x1b[31m"):
            self.refused("not a verifier key", self.write(data.encode()))
        fifo = os.path.join(self.top, "fifo")
        os.mkfifo(fifo)
        self.refused("not a verifier key", fifo)
        self.refused("not a verifier key", "/dev/null")

    def test_what_is_not_there(self):
        empty = os.path.join(self.top, "empty")
        os.mkdir(empty)
        self.refused("origin.vkey: there is none", empty)
        self.refused("there is none", os.path.join(self.top, "nowhere"))
        self.refused("too long", "x" * 5000)
        if os.geteuid() != 0:
            os.chmod(self.log.path("origin.vkey"), 0)
            self.refused("Permission denied", self.log.directory)

    def test_usage(self):
        for args in (["--qr", "--no-qr"], ["--qr", "--json"]):
            self.refused("--qr does not go with", *args, self.log.directory)
        self.refused("too many operands", "a", "b")

    def test_lost_output(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([service.POLICYCTL, "enroll", self.log.directory], stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    tap.main()
