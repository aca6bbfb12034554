#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""auditlog verify: its command line, its report, its bar, and whose logs it may read. Which logs deserve which verdict is
test_evidence.py's and test_tamper_*.py's business."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import judges  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import START, STEP, time_text  # noqa: E402
from terminal import on_terminal  # noqa: E402
from verify_case import Case, verify  # noqa: E402

ZEROS = "0" * 64


class Usage(Case):
    def test_help_and_version(self):
        code, out, err = service.run([judges.AUDITLOG, "--help"])
        self.assertEqual((code, err), (0, ""))
        self.assertIn("\n  verify ", out)
        self.assertRegex(service.run([judges.AUDITLOG, "--version"])[1], r"\Aauditlog \d+\.\d+\.\d+\n\Z")
        code, out, err = verify("--help")
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("usage: auditlog verify [options] [DIR]\n"))
        self.assertIn("exit status: 0 sealed or anchored, 1 broken, 2 error, 3 sealed with a caveat, 4 incomplete\n", out)
        with open(os.path.join(service.TOP, "docs", "man", "auditlog.1"), encoding="utf-8") as f:
            manual = f.read().replace("\\-", "-")
        for option in re.findall(r"^  --([a-z-]+)", out, re.M):
            self.assertTrue(option == "help" or f".It Fl -{option}" in manual, option)

    def test_wrong_command_lines(self):
        self.log(1).write()
        pin = "0:" + ZEROS
        for args in (["--frob"], ["--pin", "0"], ["--pin", pin[:-1]], ["--pin", pin + "0"], ["--pin", pin.replace("0", "G", 9)],
                     ["--pin", ":" + ZEROS], ["--pin", "-1:" + ZEROS], ["--pin", "9007199254740992:" + ZEROS],
                     ["--pin", "0:" + "A" * 64], ["--max-age", "1"], ["--max-age", "1w"], ["--max-age", "d"],
                     ["--max-age", "-1d"], ["--max-age", "99999999d"], ["--max-age", ""], ["--since", "tomorrow"],
                     ["--since", "2026-11-31"], ["--until", ""], ["--until", "9007199254740992"],
                     [self.directory], ["--pin", pin] * 65):
            code, out, err = verify(*args, self.directory)
            self.assertEqual((code, out), (2, ""), args)
            self.assertRegex(err, r"\Aauditlog: verify: .+\nTry 'auditlog verify --help'\.\n\Z")
        self.assertEqual(service.run([judges.AUDITLOG])[0], 2)
        self.assertEqual(service.run([judges.AUDITLOG, "frob"])[0], 2)

    def test_what_cannot_be_read(self):
        log = self.log(1).write()
        missing = os.path.join(self.top, "none")
        long = os.path.join(self.top, "long")
        with open(long, "w", encoding="utf-8") as f:
            f.write(log.vkey + "\n" * 200)
        for args, why in (([missing], f"{missing}: No such file or directory"),
                          ([self.path("origin.vkey")], f"{self.path('origin.vkey')}: Not a directory"),
                          (["--key", missing, self.directory], f"{missing}: No such file or directory"),
                          (["--key", self.top, self.directory], f"{self.top}: Is a directory"),
                          (["--key", long, self.directory], f"{long}: larger than"),
                          (["--key", "/dev/null", self.directory], "/dev/null: not a verifier key"),
                          (["--key", self.path(log.names[0] + ".seal"), self.directory], "larger than")):
            code, out, err = verify(*args)
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn(why, err)

    def test_key_from_standard_input(self):
        log = self.log(1).write()
        code, out, _ = verify("--key", "-", self.directory, input=log.vkey.encode())
        self.assertEqual(code, 0, out)

    def test_default_directory(self):
        code, out, err = verify()
        if os.path.isdir("/var/log/sealwright/audit"):
            self.assertIn(code, (0, 1, 2, 3, 4))
        else:
            self.assertEqual((code, out, err),
                             (2, "", "auditlog: /var/log/sealwright/audit: No such file or directory\n"))


class Report(Case):
    def test_sealed(self):
        log = self.log(5, 7).write()
        pin = "{}:{}".format(*log.pin(1))
        last = time_text(START + 11 * STEP)
        code, out, err = verify("--key", self.key_file(log), self.directory)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out, f"""SEALED: 12 records in 2 segments verified from the pinned key
origin      {log.origin}
seals       2, index 0 to 1
newest pin  {pin}
records     12, seq 1 to 12
time        {time_text(START)} to {last}
""")
        said = self.judge("--key", self.key_file(log), "--pin", pin, code=0)
        self.assertEqual(said, {
            "verdict": "SEALED", "exit": 0, "caveats": [], "origin": log.origin, "key": log.vkey, "pinned": True,
            "seals": {"count": 2, "first": 0, "last": 1}, "records": 12, "first_seq": 1, "last_seq": 12,
            "first_time": time_text(START), "last_time": last, "pin": pin, "range": None,
            "tail": {"records": 0, "first_seq": None, "last_seq": None, "bytes_not_checked": 0, "files": 0},
            "torn_files": 0, "ignored_files": 0, "anchors": [], "anchored": None, "fault": None,
            "reason": "12 records in 2 segments verified from the pinned key"})

    def test_all_caveats_and_what_lies_beside(self):
        log = self.log(5, 7, 3)
        log.add(2, state="recovered", torn_bytes=9).prune(1).tail(2, after=b'{"audit')
        log.write()
        for name in (log.names[3] + ".torn", log.names[3] + ".torn.2", "README", ".x"):
            self.put(name, b"x")
        code, out, _ = verify(self.directory)
        self.assertEqual(code, 3)
        self.assertIn("UNPINNED, PRUNED, RECOVERED: checked only against the key found beside the log\n", out)
        for row in (r"records     12, seq 6 to 17", r"PRUNED      the first 1 segment gone, with all seals kept",
                    r"RECOVERED   1 segment sealed after a crash or a storage error, the first with seal 3",
                    r"tail        2 records not sealed yet, seq 18 to 19; 7 bytes not checked",
                    r"torn files  2", r"other files  2"):
            self.assertRegex(out, "(?m)^" + row.replace("  ", " +") + "$")
        said = self.judge(code=3)
        self.assertEqual((said["verdict"], said["caveats"], said["pinned"]), ("UNPINNED", ["PRUNED", "RECOVERED"], False))
        self.assertEqual((said["torn_files"], said["ignored_files"]), (2, 2))
        self.assertEqual(said["tail"], {"records": 2, "first_seq": 18, "last_seq": 19, "bytes_not_checked": 7, "files": 1})
        self.assertEqual((said["records"], said["first_seq"], said["last_seq"]), (12, 6, 17))

    def test_broken_and_incomplete(self):
        log = self.log(3, 3).write()
        pin = "{}:{}".format(*log.pin(0))
        lines = log.lines[1]
        self.put(log.names[1], lines[0] + lines[1].replace(b'"os":"linux"', b'"os":"linuX"') + lines[2])
        code, out, _ = verify("--key", self.key_file(log), self.directory)
        offset = len(lines[0]) + len(lines[1]) + len(lines[2]) - 67
        self.assertEqual(code, 1)
        self.assertEqual(out.splitlines()[:5], [
            f"BROKEN: {log.names[1]}: line 3, byte {offset}: prev_hash: does not match line 2",
            f"file          {log.names[1]}", "line          3", f"byte          {offset}",
            "fault         prev_hash: does not match line 2"])
        self.assertIn(f"\ngood up to    {pin}\n", out)
        self.assertIn("\ngood records  3, seq 1 to 3\n", out)
        os.unlink(self.path(log.names[0] + ".seal"))
        os.unlink(self.path(log.names[0]))
        self.put(log.names[1], b"".join(lines))
        code, out, _ = verify("--key", self.key_file(log), self.directory)
        self.assertEqual(code, 4)
        self.assertIn("INCOMPLETE: the first 1 seal missing; seal 1 is taken at its word\n", out)
        shutil.rmtree(self.directory)
        os.mkdir(self.directory)
        said = self.judge(code=4)
        self.assertEqual((said["verdict"], said["caveats"], said["reason"], said["pin"], said["origin"], said["key"]),
                         ("INCOMPLETE", ["UNPINNED"], "there is no sealed record to check", None, None, None))

    def test_nothing_reaches_the_terminal(self):
        """The one place where whoever writes there may put any byte that is shown."""
        self.log(1).write()
        hostile = "\x1b[31m\n\"\u202e\x9b".encode("latin-1", "replace") + b"\xff\x00\x07"
        self.put("origin.vkey", hostile)
        for args in ((), ("--json",)):
            out = on_terminal([judges.AUDITLOG, "verify", *args, self.directory])
            self.assertIn("BROKEN", out)
            self.assertNotIn("\x1b[31m\n", out)
            for bad in ("\x07", "\x9b", "\u202e", "\x00"):
                self.assertNotIn(bad, out)
        code, out, _ = verify(self.directory)
        self.assertEqual(code, 1)
        self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.assertEqual(self.judge()["fault"]["what"], "not a verifier key")

    def test_output_that_fails(self):
        log = self.log(1).write()
        for args in ((), ("--json",)):
            full = [judges.AUDITLOG, "verify", *args, "--key", self.key_file(log), self.directory]
            with open("/dev/full", "w", encoding="ascii") as out:
                done = subprocess.run(full, stdout=out, stderr=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, b"auditlog: standard output: No space left on device\n")
            read, write = os.pipe()
            os.close(read)
            done = subprocess.run(full, stdout=write, stderr=subprocess.PIPE, check=False)
            os.close(write)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"Broken pipe", done.stderr)


class Bar(Case):
    @staticmethod
    def delay(process):
        """Work that takes over a second."""
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        process.send_signal(signal.SIGCONT)

    def test_bar(self):
        log = self.log(15000, 15000).write()
        args = [judges.AUDITLOG, "verify", "--key", self.key_file(log), self.directory]
        bar = re.compile(r"\rverifying \[#*\.*\] +\d+%")
        self.assertIn("", (on_terminal(args, streams=("stderr",)) for _ in range(10)), "not for a moment's work")
        for ms in (*range(2, 100, 3), *range(100, 1000, 50)):  # until the moment was right
            shown = on_terminal(args, streams=("stderr",), during=lambda p, ms=ms: (time.sleep(ms / 1000), self.delay(p)))
            if bar.search(shown):
                break
        self.assertRegex(shown, bar)
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)
        self.assertEqual(on_terminal(args, streams=(), during=self.delay), "")


class Rights(Case):
    @unittest.skipUnless(os.geteuid() == 0, "only root can give files to others")
    def test_root_reads_what_is_anothers(self):
        """Without its capabilities root could not: it becomes the owner of the log."""
        log = self.log(3, 3).write()
        os.chmod(self.top, 0o755)
        for name in os.listdir(self.directory):
            os.chown(self.path(name), 4242, 4243)
            os.chmod(self.path(name), 0o400)
        os.chown(self.directory, 4242, 4243)
        os.chmod(self.directory, 0o500)
        key = self.key_file(log)
        os.chmod(key, 0o400)
        self.assertEqual(verify("--key", key, self.directory)[0], 0)

    def test_nothing_is_written(self):
        self.log(3, 3).write()
        before = {name: (os.stat(self.path(name)).st_mtime_ns, os.stat(self.path(name)).st_ino)
                  for name in os.listdir(self.directory)}
        self.judge()
        self.assertEqual(before, {name: (os.stat(self.path(name)).st_mtime_ns, os.stat(self.path(name)).st_ino)
                                  for name in os.listdir(self.directory)})


if __name__ == "__main__":
    tap.main()
