# SPDX-License-Identifier: Apache-2.0
"""A TestCase for checkpoints of logs made to order, anchors that are taken in, and what auditlog verify makes of them.
All of it offline, through files."""

import os
import subprocess

import anchor
import judges
import service
import strict
from evidence_case import Logs


def auditlog(*args, data=None, **options):
    """(exit status, stdout, stderr) of auditlog."""
    done = subprocess.run([judges.AUDITLOG, *args], input=data, capture_output=True, check=False,
                          timeout=service.PATIENCE * 4, **options)
    out, err = done.stdout.decode(), done.stderr.decode(errors="replace")
    if service.UNSOUND.search(err):
        raise AssertionError(err)
    return done.returncode, out, err


class Case(Logs):
    def setUp(self):
        super().setUp()
        self.anchors = self.path("anchors")
        os.mkdir(self.anchors)

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def tsa(self, **options):
        self.made += 1
        return anchor.TimestampService(self.path(f"tsa{self.made}"), **options)

    def checkpoint(self, log, *options):
        """The path of a new checkpoint of the log."""
        self.made += 1
        path = self.path(f"checkpoint{self.made}")
        code, out, err = auditlog("anchor", "--out", path, *options, log.directory)
        self.assertEqual((code, out), (0, ""), err)
        return path

    def request(self, checkpoint):
        """A request for its timestamp, as bytes."""
        self.made += 1
        path = self.path(f"request{self.made}")
        code, _, err = auditlog("anchor", "--tsq", path, "--checkpoint", checkpoint)
        self.assertEqual((code, err), (0, ""))
        return self.read(path)

    def add(self, log, checkpoint, data, *options, code=0, why="", anchors=None):
        """Take in an anchor. Returns what is printed."""
        self.made += 1
        found, out, err = auditlog("anchor", "--add", self.path(f"given{self.made}", data), "--checkpoint", checkpoint,
                                   "--anchors", anchors or self.anchors, *options, log.directory)
        self.assertEqual(found, code, out + err)
        self.assertIn(why, err)
        if code:
            self.assertEqual(out, "")
        elif not why:
            self.assertEqual(err, "")
        return out

    def stamped(self, log, tsa):
        """One more timestamp of the log as it is; its time."""
        checkpoint = self.checkpoint(log)
        return anchor.time_of(self.add(log, checkpoint, tsa.stamp(self.request(checkpoint)), "--tsa-ca", tsa.ca))

    def verify(self, log, verdict, *options, pinned=True, anchors=None, code=None):
        """auditlog verify with the anchors; what it says, as JSON."""
        key = ["--key", judges.Key(log.vkey).path] if pinned else []
        found, out, err = auditlog("verify", "--json", *key, "--anchors", anchors or self.anchors, *options, log.directory)
        self.assertEqual(err, "")
        said = strict.loads(out.rstrip("\n").encode())
        self.assertEqual(said["verdict"], verdict, out)
        codes = {"ANCHORED": 0, "SEALED": 0, "BROKEN": 1, "INCOMPLETE": 4}
        self.assertEqual(found, codes.get(verdict, 3))
        return said
