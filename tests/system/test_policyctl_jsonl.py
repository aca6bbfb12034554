#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policyctl evaluate --jsonl: a reply per line, in order, whatever either side does."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fake  # noqa: E402
import fake_case  # noqa: E402
import service  # noqa: E402
import strict  # noqa: E402
import tap  # noqa: E402


def requests(n, size=0):
    return [strict.dumps({"id": i, "action": "net:connect:tcp", "resource": f"net:domain:h{i}.example:443",
                          "pad": "x" * size}) + b"\n" for i in range(n)]


class Case(fake_case.Case):
    def talk(self, *args, **popen):
        made = fake.Talker([service.POLICYCTL, "evaluate", "--jsonl", "--socket", self.path, *args], **popen)
        self.addCleanup(made.end)
        return made

    def run_jsonl(self, data, *args):
        return service.run([service.POLICYCTL, "evaluate", "--jsonl", "--socket", self.path, *args], input=data)

    def ids(self, out):
        return [strict.loads(line)["id"] for line in out.encode().splitlines()]


class Answered(Case):
    def test_in_order(self):
        self.policyd()
        code, out, err = self.run_jsonl(b"".join(requests(20000)))
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(self.ids(out), list(range(20000)))

    def test_nothing(self):
        self.policyd()
        self.assertEqual(self.run_jsonl(b""), (0, "", ""))

    def test_last_line_without_newline(self):
        p = self.policyd()
        code, out, _ = self.run_jsonl(b"".join(requests(3))[:-1])
        self.assertEqual((code, self.ids(out)), (0, [0, 1, 2]))
        self.assertEqual(len(p.requests), 3)

    def test_each_answer_comes_at_once(self):
        self.policyd()
        t = self.talk()
        for i, line in enumerate(requests(5)):
            self.assertEqual(strict.loads(t.ask(line))["id"], i)
        self.assertEqual(t.finish(), (0, b"", ""))

    def test_no_more_in_flight_than_asked_for(self):
        seen = threading.Semaphore(0)

        def silent(request, policyd):
            seen.release()
        p = self.policyd(silent)
        t = self.talk("--in-flight", "3", "--timeout", "2")
        t.say(b"".join(requests(10)))
        for _ in range(3):
            self.assertTrue(seen.acquire(timeout=10))
        time.sleep(0.3)
        self.assertEqual(len(p.requests), 3)
        code, out, err = t.finish()
        self.assertEqual((code, out), (2, b""))
        self.assertIn("no answer in time: 10 requests unanswered", err)

    def test_long_lines_both_ways(self):
        """Everything is read while everything is written: lines as large as they may be, few buffers' worth."""
        self.policyd(lambda r, _: {"id": r["id"], "pad": r["pad"] * 3})
        data = requests(40, 65536 - 120)
        code, out, err = self.run_jsonl(b"".join(data))
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(self.ids(out), list(range(40)))

    def test_slow_reader_of_stdout(self):
        self.policyd(lambda r, _: {"id": r["id"], "pad": "y" * 2000})
        t = self.talk()
        n = 2000
        writer = threading.Thread(target=lambda: (t.say(b"".join(requests(n))), t.process.stdin.close()))
        writer.start()
        time.sleep(0.5)
        self.assertEqual([strict.loads(t.line())["id"] for _ in range(n)], list(range(n)))
        self.assertIsNone(t.line())
        writer.join()
        t.process.stdin = None
        self.assertEqual(t.process.wait(10), 0)

    def test_line_too_long(self):
        p = self.policyd()
        lines = requests(3)
        for long in (b"x" * 65536, b"x" * 65537, b"y" * 1000000):
            with self.subTest(len(long)):
                p.requests.clear()
                code, out, err = self.run_jsonl(lines[0] + lines[1] + long + b"\n" + lines[2])
                self.assertEqual((code, err), (0, ""))
                self.assertEqual(self.ids(out), [0, 1, None, 2])
                self.assertIn("longer than 65536 bytes", out.splitlines()[2])
                self.assertEqual(len(p.requests), 3)
                self.assertEqual(self.ids(self.run_jsonl(lines[0] + long)[1]), [0, None])

    def test_longest_line_is_sent(self):
        p = self.policyd()
        line = b'{"id":0,"x":"' + b"x" * (65535 - 15) + b'"}'
        self.assertEqual(len(line), 65535)
        self.assertEqual(self.run_jsonl(line)[0], 0)
        self.assertEqual(self.run_jsonl(line + b"\n" + line + b"\n")[0], 0)
        self.assertEqual(len(p.requests), 3)


class Unanswered(Case):
    def check(self, answer, data, code, answered, says, *args):
        self.policyd(answer)
        got, out, err = self.run_jsonl(data, *args)
        self.assertEqual((got, self.ids(out)), (code, answered), err)
        self.assertIn(says, err)

    def test_policyd_closes(self):
        self.check(lambda r, p: fake.allow(r) if r["id"] < 7 else p.CLOSE, b"".join(requests(10)), 2, list(range(7)),
                   "policyd closed the connection: 3 requests unanswered")

    def test_policyd_closes_after_the_last_but_one(self):
        self.check(lambda r, p: fake.allow(r) if r["id"] < 9 else p.CLOSE, b"".join(requests(10)), 2, list(range(9)),
                   "1 request unanswered")

    def test_policyd_closes_in_the_middle_of_a_reply(self):
        def half(request, policyd):
            if request["id"] == 3:
                policyd.sockets[0].sendall(b'{"id":3,"decision":"al')
                return policyd.CLOSE
            return fake.allow(request)
        self.check(half, b"".join(requests(10)), 2, [0, 1, 2], "unanswered")

    def test_policyd_closes_before_the_input_ends(self):
        self.policyd(lambda r, p: p.CLOSE)
        t = self.talk()
        t.say(requests(1)[0])
        self.assertIsNone(t.line())
        self.assertEqual(t.process.wait(10), 2)
        self.assertIn("1 request unanswered, input not read to its end", t.process.stderr.read().decode())

    def test_reply_without_end(self):
        self.check(lambda r, p: b"x" * 600000, requests(1)[0], 2, [], "too long")

    def test_more_replies_than_requests(self):
        self.policyd(lambda r, p: b'{"id":0}\n{"id":1}\n')
        code, _, err = self.run_jsonl(requests(1)[0])
        self.assertEqual(code, 2)
        self.assertIn("more replies than requests", err)

    def test_nobody_there(self):
        code, out, err = self.run_jsonl(requests(1)[0])
        self.assertEqual((code, out), (2, ""))
        self.assertIn("is policyd running?", err)

    def test_full_disk(self):
        self.policyd()
        with open("/dev/full", "wb") as full:
            done = fake.subprocess.run([service.POLICYCTL, "evaluate", "--jsonl", "--socket", self.path],
                                       input=requests(1)[0], stdout=full, stderr=fake.subprocess.PIPE, timeout=15,
                                       check=False)
        self.assertEqual((done.returncode, done.stderr), (2, b"policyctl: standard output: No space left on device\n"))

    def test_reader_gone(self):
        self.policyd()
        t = self.talk()
        t.process.stdout.close()
        t.process.stdout = open(os.devnull, "rb")
        self.assertEqual(t.process.wait(10), 2)
        self.assertIn("standard output", t.process.stderr.read().decode())

    def test_input_that_cannot_be_read(self):
        self.policyd()
        directory = os.open(self.dir.name, os.O_RDONLY)
        self.addCleanup(os.close, directory)
        code, _, err = service.run([service.POLICYCTL, "evaluate", "--jsonl", "--socket", self.path], stdin=directory)
        self.assertEqual(code, 2)
        self.assertIn("standard input: Is a directory", err)


class Real(service.Case):
    def test_all_are_on_record(self):
        s = self.start()
        lines = [strict.dumps({"id": str(i), **(service.ALLOWED, service.DENIED, service.UNMATCHED)[i % 3]})
                 for i in range(3000)]
        code, out, err = service.policyctl("evaluate", "--jsonl", "--socket", s.socket, input=b"\n".join(lines))
        self.assertEqual((code, err), (0, ""))
        replies = [strict.loads(line) for line in out.encode().splitlines()]
        self.assertEqual([r["id"] for r in replies], [str(i) for i in range(3000)])
        self.assertEqual([r["decision"] for r in replies], ["allow", "deny", "deny"] * 1000)
        records = s.stop().by_id()
        for r in replies:
            self.assertEqual(records[r["audit_event_id"]]["request_id"], r["id"])

    def test_bad_lines_have_replies_too(self):
        s = self.start()
        good = strict.dumps({"id": 1, **service.ALLOWED})
        lines = [good, b"", b"hello", b'{"id":1,"id":2}', b"x" * 70000, b"\xff", good]
        code, out, _ = service.policyctl("evaluate", "--jsonl", "--socket", s.socket, input=b"\n".join(lines))
        replies = [strict.loads(line) for line in out.encode().splitlines()]
        self.assertEqual(code, 0)
        self.assertEqual(len(replies), len(lines))
        self.assertEqual([r.get("decision") for r in replies], ["allow", None, None, None, None, None, "allow"])
        self.assertTrue(all("error" in r for r in replies[1:-1]))


if __name__ == "__main__":
    tap.main()
