#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog verify of logs that are written to meanwhile: never a false alarm."""

import os
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402
from verify_case import Case, verify  # noqa: E402


class Live(Case):
    """Logs that are written to meanwhile: never a false alarm."""

    def publish(self, log, i, pause):
        """As the writer does it, name by name."""
        base = log.names[i]
        self.put(base + ".tmp", b"".join(log.lines[i]) + b"\0" * 4096)
        pause()
        with open(self.path(base + ".tmp"), "r+b") as f:
            f.truncate(log.seals[i]["bytes"])
        self.put("recover.scratch", log.notes[i])
        os.rename(self.path("recover.scratch"), self.path(base + ".seal"))
        pause()
        os.rename(self.path(base + ".tmp"), self.path(base))

    def test_published_and_pruned(self):
        """Segments are sealed all the time, and old ones taken away."""
        log = self.log(*[2] * 1500)
        os.mkdir(self.directory)
        self.put("origin.vkey", log.vkey.encode() + b"\n")
        key, stop, written = self.key_file(log), threading.Event(), []

        def write():
            for i in range(1500):
                if stop.is_set():
                    return
                self.publish(log, i, lambda: time.sleep(0.0005))
                if i >= 1000:
                    os.unlink(self.path(log.names[i - 1000]))
                written.append(i)

        writer = threading.Thread(target=write)
        writer.start()
        seen, words = 0, set()
        try:
            while writer.is_alive():
                said = self.judge("--key", key)
                words.add(said["verdict"])
                self.assertIsNone(said["fault"], said)
                self.assertGreaterEqual(said["seals"]["count"], seen)
                seen = said["seals"]["count"]
        finally:
            stop.set()
            writer.join()
        self.assertEqual(len(written), 1500)
        self.assertLessEqual(words, {"INCOMPLETE", "SEALED", "PRUNED"})
        self.assertEqual(self.judge("--key", key)["seals"]["count"], 1500)


class LiveService(service.Case):
    """The same with the real writer, under load, rotating all the time, killed and started again."""

    ARGS = ("--rotate-records", "7", "--rotate-seconds", "1")

    def load(self, s):
        """Questions without a pause, until told that it is enough or the service ends: (thread, event)."""
        requests = os.path.join(self.top, "requests")
        with open(requests, "wb") as f:
            for i in range(1000):
                f.write(strict.dumps({"id": i, **service.ALLOWED}) + b"\n")
        enough = threading.Event()

        def run():
            while not enough.is_set() and s.running():
                with open(requests, "rb") as f:
                    service.policyctl("--socket", s.socket, "evaluate", "--jsonl", stdin=f)
        thread = threading.Thread(target=run)
        self.addCleanup(enough.set)
        thread.start()
        return thread, enough

    def watch(self, s, key, pin, allowed):
        """Verify over and over under load. The newest pin is kept each time and given the next time."""
        (thread, enough), rounds, until = self.load(s), 0, time.monotonic() + 3
        while thread.is_alive():
            args = ["--key", key, *(["--pin", pin] if pin else []), "--json", s.audit]
            code, out, err = verify(*args)
            self.assertEqual(err, "")
            said = strict.loads(out[:-1].encode())
            self.assertIsNone(said["fault"], out)
            self.assertIn(said["verdict"], allowed if said["records"] else ["INCOMPLETE"])
            self.assertEqual(code, said["exit"])
            pin = said["pin"] or pin
            rounds += 1
            if rounds > 5 and time.monotonic() > until:
                enough.set()
        thread.join()
        return pin

    def test_under_load(self):
        s = self.start(args=self.ARGS)
        key = os.path.join(self.top, "key")
        shutil.copy(os.path.join(s.audit, "origin.vkey"), key)
        pin = self.watch(s, key, None, ["SEALED"])
        thread, _ = self.load(s)
        time.sleep(0.5)
        s.kill("writer")
        s.wait()
        pin = self.watch_once(s, key, pin)
        thread.join()
        s = self.start(args=self.ARGS)
        pin = self.watch(s, key, pin, ["SEALED", "RECOVERED"])
        s.stop()
        code, out, err = verify("--key", key, "--pin", pin, s.audit)
        self.assertIn(code, (0, 3), out + err)

    def watch_once(self, s, key, pin):
        """What a dead writer has left: sealed up to somewhere, and a tail."""
        code, out, err = verify("--key", key, "--pin", pin, "--json", s.audit)
        said = strict.loads(out[:-1].encode())
        self.assertEqual((code, said["verdict"], err), (0, "SEALED", ""), out)
        return said["pin"]


if __name__ == "__main__":
    tap.main()
