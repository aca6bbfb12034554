#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog verify with anchors: the log grew on, was cut back, rewritten or pruned since, or the anchors are damaged."""

import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import seals  # noqa: E402
import tap  # noqa: E402
from anchor_case import Case, auditlog  # noqa: E402


class AgainstTheLog(Case):
    """Anchors of a log, and what became of it."""

    def setUp(self):
        super().setUp()
        self.service = self.tsa()
        self.ca = ("--tsa-ca", self.service.ca)

    def test_grows_on(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        log.add(4).add(1).write()
        said = self.verify(log, "ANCHORED", *self.ca)
        self.assertEqual((said["anchored"]["seals"], said["anchored"]["seq"], said["last_seq"]), (2, 5, 10))
        self.stamped(log, self.service)
        said = self.verify(log, "ANCHORED", *self.ca)
        self.assertEqual((said["anchored"]["seals"], said["anchored"]["seq"]), (4, 10))
        self.assertEqual([x["status"] for x in said["anchors"]], ["good", "good"])

    def test_the_newest_and_of_those_the_earliest(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        log.add(4).write()
        first = self.stamped(log, self.service)
        time.sleep(1.1)
        self.assertGreater(self.stamped(log, self.service), first)
        said = self.verify(log, "ANCHORED", *self.ca)
        self.assertEqual((len(said["anchors"]), said["anchored"]["seq"], said["anchored"]["time"]), (3, 9, first))

    def broken(self, log, why, expected=None, found=None):
        for options in (self.ca, ()):  # also when whose the anchor is cannot be said: it is the reviewer's own
            fault = self.verify(log, "BROKEN", *options)["fault"]
            self.assertIn(why, fault["what"])
            self.assertRegex(fault["file"], r"seal-\d{9}-[0-9a-f]{12}\.tsr")
            self.assertEqual((fault["expected"], fault["found"]), (expected or fault["expected"], found or fault["found"]))

    def test_cut_back(self):
        """Whole newest segments and their seals are gone: without the anchor nobody could tell."""
        log = self.log(2, 3, 4).write()
        self.stamped(log, self.service)
        short = self.log(2, 3).write()
        self.assertEqual(evidence.verify(short.directory, log.vkey).verdict, "SEALED")
        self.assertEqual((short.vkey, short.notes), (log.vkey, log.notes[:2]))
        self.broken(short, "the log has fewer seals than were anchored", "3", "2")
        os.unlink(short.path("origin.vkey"))
        for name in short.names:
            os.unlink(short.path(name))
            os.unlink(short.path(name + ".seal"))
        self.broken(short, "the log has fewer seals than were anchored", "3", "0")

    def test_rewritten_from_a_stolen_key_on(self):
        """Who takes the host at seal 1 can go on from there, not back behind the anchor."""
        log = self.log(2, 3, 4).write()
        self.stamped(log, self.service)
        forged = log.forge(self.path("forged"), 1).add(3).add(4).write()
        self.assertEqual(evidence.verify(forged.directory, log.vkey).verdict, "SEALED")
        self.broken(forged, "seal 2 is not the one that was anchored", seals.seal_hash(log.texts[2]))
        later = log.forge(self.path("later"), 3).add(3).write()
        self.verify(later, "ANCHORED", *self.ca)

    def test_another_log(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        other = self.log(2, 3, seed=5).write()
        self.broken(other, "an anchor of another log", log.origin, other.origin)
        namesake = self.log(2, 3, seed=5, origin=log.origin).write()
        self.broken(namesake, "seal 1 is not the one that was anchored")
        checkpoint = self.checkpoint(log)
        reply = self.service.stamp(self.request(checkpoint))
        self.add(other, checkpoint, reply, *self.ca, code=1, why="an anchor of another log")

    def test_beside_caveats(self):
        log = self.log(2).run().add(3, state="recovered").add(2).write()
        self.stamped(log, self.service)
        said = self.verify(log, "RECOVERED", *self.ca)
        self.assertEqual(said["anchored"]["seq"], 7)
        said = self.verify(log, "UNPINNED", *self.ca, pinned=False)
        self.assertEqual(said["anchored"]["seq"], 7)
        log.prune(1).write()
        self.assertEqual(self.verify(log, "PRUNED", *self.ca)["anchored"]["seq"], 7)
        code, out, _ = auditlog("verify", "--anchors", self.anchors, *self.ca, log.directory)
        self.assertEqual(code, 3)
        self.assertTrue(out.startswith("UNPINNED, PRUNED, RECOVERED, ANCHORED: "), out)
        self.assertRegex(out, r"\nANCHORED +anchored up to seal 2, seq 7, at ")

    def test_seals_missing_at_the_front(self):
        """There is no tree then, but the newest anchored seal's hash speaks for those before it."""
        log = self.log(2, 3, 4).write()
        self.stamped(log, self.service)
        for name in (log.names[0], log.names[0] + ".seal"):
            os.unlink(log.path(name))
        self.assertEqual(self.verify(log, "INCOMPLETE", *self.ca)["anchored"]["seq"], 9)
        log.write()
        os.rename(self.anchors, self.anchors + "2")
        os.mkdir(self.anchors)
        early = self.log(2)
        early.write()
        self.stamped(early, self.service)
        for name in (log.names[0], log.names[0] + ".seal"):
            os.unlink(log.path(name))
        said = self.verify(log, "INCOMPLETE", *self.ca)
        self.assertEqual(said["anchors"][0]["status"], "unjudged")
        self.assertIn("missing", said["anchors"][0]["why"])

    def test_broken_log(self):
        """The log's own fault is the fault; an anchor in front of it still says something."""
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        log.add(4).add(2).write()
        self.stamped(log, self.service)
        os.unlink(log.path(log.names[2] + ".seal"))
        said = self.verify(log, "BROKEN", *self.ca)
        self.assertEqual(said["fault"]["file"], log.names[2])
        self.assertEqual([x["status"] for x in said["anchors"]], ["good", "unjudged"])

    def test_damaged_anchors(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        name = next(x for x in os.listdir(self.anchors) if x.endswith(".tsr"))
        stem = os.path.join(self.anchors, name[:-4])
        reply, text = self.read(stem + ".tsr"), self.read(stem + ".checkpoint")
        os.rename(stem + ".tsr", self.path("kept"))
        cases = [(reply[:-1], text), (reply, text[:-1]), (reply, text.replace(b"seq 5", b"seq 6")), (reply, None),
                 (b"", text), (reply, b""), (bytes(65537), text), (reply, b"x" * 5000)]
        for data, checkpoint in cases:
            here = self.path("here")
            os.mkdir(here)
            for end, content in ((".tsr", data), (".checkpoint", checkpoint)):
                if content is not None:
                    with open(os.path.join(here, "a" + end), "wb") as f:
                        f.write(content)
            said = self.verify(log, "INCOMPLETE", *self.ca, anchors=here)
            self.assertEqual(said["anchors"][0]["status"], "damaged")
            self.assertIn("1 anchor damaged", said["reason"])
            shutil.rmtree(here)

    def test_files_that_are_no_anchors(self):
        log = self.log(2, 3).write()
        self.stamped(log, self.service)
        for name in ("README", "ca.pem", ".hidden.tsr", "x.tsq", "lone.checkpoint"):
            with open(os.path.join(self.anchors, name), "wb") as f:
                f.write(b"x")
        self.assertEqual(len(self.verify(log, "ANCHORED", *self.ca)["anchors"]), 1)
        os.symlink("README", os.path.join(self.anchors, "link.note"))
        code, out, err = auditlog("verify", "--anchors", self.anchors, log.directory)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("link.note", err)

    def test_none_and_many(self):
        log = self.log(2).write()
        self.assertEqual(self.verify(log, "SEALED")["anchors"], [])
        for i in range(4097):
            os.symlink("nowhere", os.path.join(self.anchors, f"{i}.note"))
        code, out, err = auditlog("verify", "--anchors", self.anchors, log.directory)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("more than 4096 anchors", err)


if __name__ == "__main__":
    tap.main()
