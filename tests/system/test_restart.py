#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Segments: rotation by age, count, bytes, request and shutdown; restart; recovery of what a crash left."""

import glob
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import log as auditlog  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402


class Segments(service.Case):
    def ask(self, s, n, start=0):
        replies = []
        with s.client() as c:
            for i in range(start, start + n):
                replies.append(c.ask({"id": i, **service.DENIED}))
        return replies

    def all_recorded(self, log, replies):
        for reply in replies:
            self.assert_recorded(log, {"id": reply["id"]}, reply)

    def test_names(self):
        s = self.start(args=["--rotate-records", "10"])
        self.ask(s, 45)
        log = s.stop()
        self.assertGreater(len(log.segments), 3)
        session = log.records[0]["audit_session_id"]
        for number, segment in enumerate(log.segments, 1):
            stamp, owner, place = re.fullmatch(
                r"audit-(\d{8}T\d{6}Z)-(" + auditlog.UUID + r")-(\d{6})\.jsonl", segment.name).groups()
            self.assertEqual((owner, int(place)), (session, number))
            self.assertLessEqual(stamp[:15], segment.records[0]["timestamp"].replace("-", "").replace(":", "")[:15])
            self.assertEqual(os.stat(segment.path).st_mode & 0o777, 0o440)

    def test_by_count(self):
        s = self.start(args=["--rotate-records", "10"])
        replies = self.ask(s, 100)
        log = s.stop()
        self.all_recorded(log, replies)
        # A batch may go past the mark, requests one at a time cannot by much.
        self.assertTrue(all(len(x.lines) <= 14 for x in log.segments), [len(x.lines) for x in log.segments])

    def test_by_bytes(self):
        s = self.start(args=["--rotate-bytes", "65536"])
        replies = self.ask(s, 400)
        log = s.stop()
        self.all_recorded(log, replies)
        sizes = [sum(map(len, x.lines)) for x in log.segments]
        print(f"# segments of {sizes} bytes")
        self.assertGreater(len(sizes), 3)
        self.assertTrue(all(size <= 65536 + 8192 for size in sizes))

    def test_by_age(self):
        s = self.start(args=["--rotate-seconds", "1"])
        with s.client() as c:
            for i in range(8):
                c.ask({"id": i, **service.DENIED})
                time.sleep(0.45)
        log = s.stop()
        self.assertGreaterEqual(len(log.segments), 3)

    def test_by_age_although_nothing_arrives(self):
        s = self.start(args=["--rotate-seconds", "1"])
        self.ask(s, 3)
        self.eventually(lambda: glob.glob(s.audit + "/*.jsonl"), "an idle segment closes")
        s.stop()

    def test_on_request(self):
        s = self.start()
        self.ask(s, 3)
        for _ in range(2):
            reply = s.admin("rotate")
            self.assertTrue(reply.get("file", reply.get("segment", "")).endswith(".jsonl"), reply)
            self.ask(s, 2)
            time.sleep(1.1)  # operators' requests: once a second
        log = s.stop()
        self.assertEqual(len(log.segments), 3)

    def test_small_segments_are_large_enough_for_shippers(self):
        s = self.start()
        time.sleep(0.1)
        log = s.stop()
        for segment in log.segments:
            self.assertGreaterEqual(sum(map(len, segment.lines)), 1024, segment.name)

    def test_files_are_appended_to_only(self):
        """What was once in a segment is there for ever, byte for byte."""
        s = self.start(args=["--rotate-records", "50"])
        seen = b""
        for turn in range(5):
            self.ask(s, 30, turn * 30)
            now = b"".join(s.log().lines)
            self.assertTrue(now.startswith(seen))
            seen = now
        s.stop()

    def test_chain_goes_on_after_a_clean_restart(self):
        replies, sessions = [], set()
        for turn in range(3):
            s = self.start()
            replies += self.ask(s, 20, turn * 20)
            log = s.stop()
            sessions.add(log.records[-1]["audit_session_id"])
        self.all_recorded(log, replies)
        self.assertEqual(len(sessions), 3)
        kinds = [r["session"] for r in log.management("session")]
        self.assertEqual(len(kinds), 6, kinds)  # a start and a stop each
        self.assertEqual(log.management("recovery"), [])

    def crash(self, s):
        """Kill everything at once, as a power switch would the processes."""
        pids = service.procs.descendants(s.process.pid) + [s.process.pid]
        service.procs.end_all(pids)
        s.wait()
        s.gone()

    def test_recovery_after_a_crash(self):
        s = self.start(args=["--rotate-records", "15"])
        replies = self.ask(s, 40)
        self.eventually(lambda: sum(not x.closed for x in s.log().segments) == 1, "all closed that is full")
        self.crash(s)
        before = s.log()
        self.all_recorded(before, replies)
        s = self.start()
        replies += self.ask(s, 5, 40)
        log = s.stop()
        self.all_recorded(log, replies)
        recovery = log.management("recovery")
        self.assertEqual(len(recovery), 1)
        print(f"# {recovery[0]['recovery']}")
        self.assertEqual(log.torn, [], "nothing was torn")

    def open_segment(self, s):
        """The .tmp that holds records."""
        return next(x for x in s.log().segments if not x.closed)

    def overwrite(self, segment, at, data):
        os.chmod(segment.path, 0o640)
        with open(segment.path, "r+b") as f:
            f.seek(at)
            f.write(data)

    def recovered_after(self, damage):
        """Crash, damage the open segment by damage(segment), start again. Returns (log before, log after)."""
        s = self.start()
        self.ask(s, 20)
        self.crash(s)
        segment = self.open_segment(s)
        before = s.log()
        damage(segment)
        s = self.start()
        self.ask(s, 3, 20)
        return before, s.stop()

    def test_torn_last_line(self):
        """Half a line after the last whole one: not a record, and kept as evidence."""
        def tear(segment):
            size = sum(map(len, segment.lines))
            self.overwrite(segment, size, segment.lines[-1][:200])
        before, log = self.recovered_after(tear)
        self.assertEqual(log.lines[:len(before.lines)], before.lines)
        self.assertEqual(len(log.torn), 1)
        self.assertEqual(log.management("recovery")[0]["recovery"]["torn_bytes"], 200)

    def test_line_that_does_not_chain(self):
        """A whole line whose prev_hash is another's (here: a copy of an earlier one) is no record."""
        def append_copy(segment):
            self.overwrite(segment, sum(map(len, segment.lines)), segment.lines[1])
        before, log = self.recovered_after(append_copy)
        self.assertEqual(log.lines[:len(before.lines)], before.lines)
        self.assertEqual(len(log.torn), 1)

    def test_rubbish_behind_the_end(self):
        def rubbish(segment):
            self.overwrite(segment, sum(map(len, segment.lines)) + 5000, b"\xff\x00\nrubbish\n" * 10)
        before, log = self.recovered_after(rubbish)
        self.assertEqual(log.lines[:len(before.lines)], before.lines)
        self.assertEqual(len(log.torn), 1)

    def test_cut_at_any_byte(self):
        """The open segment cut anywhere in its last lines: all lines before the cut survive."""
        s = self.start("cut")
        self.ask(s, 10)
        self.crash(s)
        segment = self.open_segment(s)
        with open(segment.path, "rb") as f:
            whole = f.read()
        size = sum(map(len, segment.lines))
        tail = len(segment.lines[-1]) + len(segment.lines[-2])
        for i, cut in enumerate(range(size - tail, size + 1, 97)):
            with self.subTest(cut=cut):
                self.cut_and_recover(s.keys, segment, whole[:cut], f"cut{i}")

    def cut_and_recover(self, keys, segment, data, name):
        s = self.make(name)
        shutil.copytree(keys, s.keys, dirs_exist_ok=True)
        with open(os.path.join(s.audit, segment.name), "wb") as f:
            f.write(data)
        s.spawn()
        s.wait_ready()
        log = s.stop()
        whole_lines = data[:data.rfind(b"\n") + 1]
        self.assertTrue(b"".join(log.lines).startswith(whole_lines))
        self.assertEqual(bool(log.torn), whole_lines != data)

    def test_empty_leftover(self):
        s = self.start()
        self.ask(s, 3)
        self.crash(s)
        s = self.make()
        for segment in s.log().segments:
            if not segment.closed:
                os.chmod(segment.path, 0o640)
                os.truncate(segment.path, 0)
        # All that was there is gone, as if the machine had lost it: a new log begins, and says so.
        s.spawn()
        s.wait_ready()
        self.ask(s, 3)
        s.stop()

    def test_one_writer_for_a_directory(self):
        first = self.start()
        self.ask(first, 3)
        second = self.make("other")
        second.audit, second.keys = first.audit, first.keys
        second.spawn()
        self.assertNotEqual(second.wait(), 0)
        self.assertRegex(second.said(), "another writer holds it")
        print(f"# {second.said()}")
        self.ask(first, 3)
        log = first.stop()
        self.assertEqual(len({r["audit_session_id"] for r in log.records}), 1)

    def test_successor_waits_for_the_locks(self):
        first = self.start()
        self.ask(first, 3)
        second = self.make("other")
        second.audit, second.keys = first.audit, first.keys
        second.spawn()
        time.sleep(1)
        self.assertEqual(first.terminate(), 0)  # the log is no longer its own to look at
        second.wait_ready()
        self.ask(second, 3)
        log = second.stop()
        self.assertEqual(len({r["audit_session_id"] for r in log.records}), 2)

    def test_earlier_segments_absent(self):
        """Taking away the beginning of the log is seen at the next start; the chain goes on from what is left."""
        s = self.start(args=["--rotate-records", "10"])
        self.ask(s, 40)
        log = s.stop()
        os.rename(log.segments[0].path, os.path.join(self.top, "taken"))
        s = self.start()
        self.ask(s, 3)
        self.assertEqual(s.terminate(), 0)
        s.gone()
        os.rename(os.path.join(self.top, "taken"), log.segments[0].path)
        log = s.log(closed=True)
        self.assertEqual(len(log.management("segments")), 1)
        print(f"# {log.management('segments')[0]['segments']}")

    def test_strange_files_are_left_alone(self):
        s = self.make()
        names = ["notes.txt", "audit-x.txt", ".hidden", "lost+found"]
        for name in names[:3]:
            with open(os.path.join(s.audit, name), "w", encoding="utf-8") as f:
                f.write("mine")
        os.mkdir(os.path.join(s.audit, names[3]))
        s.spawn()
        s.wait_ready()
        self.ask(s, 3)
        self.assertEqual(s.terminate(), 0)
        for name in names:
            self.assertTrue(os.path.exists(os.path.join(s.audit, name)))
        os.unlink(os.path.join(s.audit, "audit-x.txt"))

    def test_directory_that_cannot_be_written(self):
        s = self.make()
        os.rmdir(s.audit)
        with open(s.audit, "w", encoding="utf-8") as f:
            f.write("a file")
        s.spawn()
        self.assertNotEqual(s.wait(), 0)
        self.assertIn(s.audit, s.said())
        s.gone()
        os.unlink(s.audit)
        os.mkdir(s.audit)


if __name__ == "__main__":
    tap.main()
