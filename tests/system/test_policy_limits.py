#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Policies that are too large, too deep, damaged or no files at all: each is refused with an error that names what is
wrong, the policy in force stays, and a client beside it is answered all the while. POLICY_LIMITS=long also loads the
largest policies there can be, and waits for a compiler that hangs."""

import json
import os
import re
import resource
import shutil
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402

LONG = os.environ.get("POLICY_LIMITS") == "long"
MIB = 1 << 20
SUPERVISOR_GROWS = 8 * MIB  # at most, whatever it is told to load
HEAD = '{"schema":"sealwright-policy/1","policies":[{"id":"p","rules":['
TAIL = "]}]}"
RULE = '{"id":"r%d","actions":["exec"],"resources":["/x%d"],"decision":"allow"}'


def one_rule(**changes):
    rule = {"id": "r", "actions": ["connect:tcp"], "resources": ["example.com"], "decision": "allow", **changes}
    return HEAD + json.dumps(rule) + TAIL


def document(more):
    return '{"schema":"sealwright-policy/1","policies":[]' + more + "}"


def ten_million_rules(path):
    """The first 65 MiB of them, and the place that the others would take."""
    n = 0
    with open(path, "w", encoding="ascii") as f:
        f.write(HEAD)
        while f.tell() < 65 * MIB:
            f.write(",\n".join(RULE % (i, i) for i in range(n, n + 100000)) + ",\n")
            n += 100000
        f.truncate(f.tell() // n * 10_000_000)


def empty_bytes(size):
    def make(path):
        with open(path, "wb") as f:
            f.truncate(size)
    return make


def directory(names):
    def make(path):
        os.mkdir(path)
        for name in names:
            os.close(os.open(os.path.join(path, name), os.O_CREAT | os.O_WRONLY))
    return make


def cyclic_directory(path):
    os.mkdir(path)
    os.symlink(".", os.path.join(path, "a.json"))


def huge_list(path):
    with open(path, "w", encoding="ascii") as f:
        f.write(one_rule(resources=["@"]).replace('"@"', '"a",' * 8_400_000 + '"a"'))


def million_tests(path):
    test = '{"name":"t","op":{"action":"x","resource":"y"},"expect":"deny"}'
    with open(path, "w", encoding="ascii") as f:
        f.write(document(',"tests":[' + ",".join([test] * 1_000_000) + "]"))


# name -> (a text, or what makes the file, words of the complaint, line and column or None for none)
CASES = {
    "100 MiB": (empty_bytes(100 * MIB), "over 64 MiB (of all files of a policy together)", None),
    "10 million rules": (ten_million_rules, "over 64 MiB (of all files of a policy together)", None),
    "million tests": (million_tests, "more than 8388608 values", (1, None)),
    "huge list": (huge_list, "more than 8388608 values", (1, None)),
    "deep": ("[" * 100_000, "deeper than 32", (1, 33)),
    "deep in a rule": (one_rule(when={"context": "@"}).replace('"@"', '{"a":' * 40 + "1" + "}" * 40), "deeper than 32", (1, None)),
    "10,000 labels": (one_rule(resources=["a." * 10_000 + "com"]), "must have 1 to 4096 bytes", (1, None)),
    "2,000 labels": (one_rule(resources=["a." * 2_000 + "com"]), "host name is over 253 bytes", (1, None)),
    "long label": (one_rule(resources=["a" * 64 + ".com"]), "host name has a label over 63 bytes", (1, None)),
    "ports": (one_rule(resources=["a:" + ",".join(map(str, range(1, 70)))]), "64 ports or ranges", (1, None)),
    "long id": (one_rule(id="r" * 129), "128", (1, None)),
    "NUL": (HEAD + "\0" + TAIL, "", (1, len(HEAD) + 1)),
    "NULs in place of a file": (empty_bytes(5000), "", (1, 1)),
    "NUL in a string": (one_rule(name="r\0"), "NUL in a string", (1, None)),
    "byte order mark": ("\ufeff" + one_rule(), "byte order mark", (1, 1)),
    "invalid UTF-8": (one_rule(name="@").encode().replace(b"@", b"\xc3("), "UTF-8", (1, None)),
    "surrogate": (one_rule(name="@").replace("@", "\\ud800"), "surrogate", (1, None)),
    "UTF-16": (one_rule().encode("utf-16"), "", (1, 1)),
    "carriage returns": (one_rule(id="r!").replace(",", ",\r\n"), '"id"', (3, None)),
    "empty": ("", "", (1, 1)),
    "pipe": (os.mkfifo, "no regular file", None),
    "device": (lambda path: os.symlink("/dev/zero", path), "no regular file", None),
    "link to itself": (lambda path: os.symlink(path, path), "Too many levels of symbolic links", None),
    "not there": (lambda path: None, "No such file or directory", None),
    "too many files": (directory([f"{i}.json" for i in range(100_000 if LONG else 5_000)]), "over 4096 policy files", None),
    "empty directory": (directory(["README", ".hidden.json"]), "no policy file", None),
    "cyclic directory": (cyclic_directory, "Is a directory", None),
    "directory in a directory": (lambda path: os.makedirs(os.path.join(path, "a.json")), "Is a directory", None),
    "pipe in a directory": (lambda path: (os.mkdir(path), os.mkfifo(os.path.join(path, "a.json"))), "no regular file", None),
}


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def put(path, what):
    remove(path)
    if callable(what):
        what(path)
    else:
        with open(path, "wb") as f:
            f.write(what if isinstance(what, bytes) else what.encode())


def memory(pid, key="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return int(re.search(rf"{key}:\s+(\d+) kB", f.read())[1]) * 1024


class Watcher(threading.Thread):
    """The largest compiler seen."""

    def __init__(self, s):
        super().__init__(daemon=True)
        self.s, self.largest, self.limits, self.enough = s, 0, set(), threading.Event()
        self.start()

    def look(self, pid):
        try:
            self.largest = max(self.largest, memory(pid, "VmHWM"), memory(pid))
            with open(f"/proc/{pid}/limits", encoding="ascii") as f:
                self.limits.add(re.search(r"Max address space +(\S+)", f.read())[1])
        except (OSError, TypeError):
            pass

    def run(self):
        while not self.enough.wait(0.02):
            for pid in self.s.pids("compiler"):
                self.look(pid)

    def finish(self):
        self.enough.set()
        self.join()


class Limits(service.Case):
    def reload(self, s):
        """What is said of a load from now on, once it is over."""
        before = len(s.stderr)
        os.kill(s.pid, signal.SIGHUP)
        over = re.compile(r"policyd: (policy loaded: .*|the policy was refused.*)")
        self.eventually(lambda: any(over.search(x) for x in s.stderr[before:]), "the end of a load: " + s.said(), 90)
        return "\n".join(s.stderr[before:])

    def complaint(self, s, said):
        """(line, column, text) of the first; no line when it is about all of it."""
        found = re.search(r"policyd: " + re.escape(s.policy) + r"\S*?(?::(\d+):(\d+))?: (.+)", said)
        self.assertIsNotNone(found, said)
        return found[1] and int(found[1]), found[2] and int(found[2]), found[3]

    def in_force(self, s):
        with s.client() as c:
            answer = c.ask(service.ALLOWED)
        self.assertEqual((answer["decision"], answer["policy_revision"]), ("allow", "test.1"))

    def check_refused(self, s, what, words, place):
        put(s.policy, what)
        said = self.reload(s)
        self.assertIn("the policy was refused, the one in force stays", said)
        line, column, text = self.complaint(s, said)
        self.assertIn(words, text)
        if place is None:
            self.assertIsNone(line, said)
        else:
            self.assertEqual((line, column), (place[0], place[1] or column), said)
        self.in_force(s)
        return text

    def test_refused(self):
        s = self.start()
        neighbour, watcher, began = service.Neighbour(s.socket), Watcher(s), memory(s.pid)
        for name, (what, words, place) in CASES.items():
            with self.subTest(name):
                text = self.check_refused(s, what, words, place)
                print(f"# {name}: {text[:150]}", flush=True)
        put(s.policy, json.dumps(service.POLICY).replace(",", ",\r\n"))
        self.assertIn("policy loaded: revision test.1, 5 rules, 0 tests run", self.reload(s))
        watcher.finish()
        neighbour.finish()
        grown = memory(s.pid, "VmHWM") - began
        print(f"# supervisor: {grown >> 10} KiB more; largest compiler seen: {watcher.largest >> 20} MiB, limits {watcher.limits}; "
              f"a client beside it: {neighbour.answers} answers, longest wait {neighbour.longest * 1000:.0f} ms")
        self.assertIsNone(neighbour.problem)
        if not service.SANITIZED:
            self.assertLess(grown, SUPERVISOR_GROWS)
        log = s.stop()
        results = [r["policy"]["result"] for r in log.management("policy")]
        self.assertEqual(results, ["loaded"] + ["refused"] * len(CASES) + ["loaded"])

    def test_growing_file(self):
        """Somebody writes to it while it is read: it is loaded as it was at some moment, or refused."""
        s = self.start()
        neighbour, enough = service.Neighbour(s.socket), threading.Event()

        def grow():
            with open(s.policy, "ab") as f:
                while not enough.is_set() and f.tell() < 200 * MIB:
                    f.write(b" " * MIB)
                    f.flush()
        writer = threading.Thread(target=grow, daemon=True)
        writer.start()
        said = [self.reload(s) for _ in range(4)]
        enough.set()
        writer.join()
        said.append(self.reload(s))
        for text in said:
            self.assertRegex(text, "policy loaded: revision test.1|over 64 MiB")
        self.in_force(s)
        self.assertIsNone(neighbour.finish().problem)

    def test_many(self):
        """Within the limits: 25,000 rules, and 1,000 files."""
        s = self.start()
        neighbour = service.Neighbour(s.socket)
        put(s.policy, HEAD + ",".join(RULE % (i, i) for i in range(25_000)) + "]}," + json.dumps(service.POLICY["policies"][0]) + "]}")
        reply = s.admin("reload")
        self.assertEqual((reply["reloaded"], reply["rules"]), (True, 25_003), reply)
        remove(s.policy)
        os.mkdir(s.policy)
        for i in range(1000):
            put(os.path.join(s.policy, f"{i:04d}.json"), document("") if i else json.dumps(service.POLICY))
        time.sleep(1.1)  # operators may reload once a second
        self.assertEqual(s.admin("reload")["revision"], "test.1")
        self.assertIsNone(neighbour.finish().problem)
        print(f"# a client beside it: longest wait {neighbour.longest * 1000:.0f} ms")

    def test_unreadable(self):
        if os.geteuid() == 0:
            self.skipTest("root reads everything")
        s = self.start()
        os.chmod(s.policy, 0)
        self.assertIn("Permission denied", self.reload(s))
        os.chmod(s.policy, 0o600)

    def test_every_error_of_every_file(self):
        """Also beside one that is no JSON; the first 32 are kept, the others counted, in log, reply and record."""
        s = self.start()
        remove(s.policy)
        os.mkdir(s.policy)
        rules = ",\n".join(RULE.replace("/x", "x/") % (i, i) for i in range(40))
        put(os.path.join(s.policy, "1.json"), '{"schema": "sealwright-policy/1",\n "policies": [}')
        put(os.path.join(s.policy, "2.json"), HEAD.replace('"p"', '"q"') + "\n" + rules + TAIL)
        put(os.path.join(s.policy, "3.json"), "\n\n nonsense")
        reply = s.admin("reload")
        self.assertEqual((reply["errors"], len(reply.get("complaints", []))), (42, 32), reply)
        places = [f"{s.policy}/1.json:2:15: "] + [f"{s.policy}/2.json:{i + 2}:" for i in range(31)]
        for place, complaint in zip(places, reply["complaints"]):
            self.assertTrue(complaint.startswith(place), (place, complaint))
            self.assertIn("policyd: " + complaint, s.said())
        self.assertEqual(reply["error"], "policy refused: " + reply["complaints"][0])
        self.eventually(lambda: "policyd: 10 more errors in the policy" in s.said(), s.said())
        time.sleep(1.1)  # operators may reload once a second
        code, out, err = service.policyctl("reload", "--admin-socket", s.admin_socket)
        self.assertEqual((code, out, len(err.splitlines())), (1, "", 33), err)
        self.assertEqual(err.splitlines()[-1], "policyctl: errors in the policy: 42")
        self.in_force(s)
        record = s.stop().management("policy")[-1]["policy"]
        self.assertEqual(record, {"result": "refused", "errors": 42, "first": reply["complaints"][0]})

    def test_reloaded(self):
        s = self.start()
        policy = dict(service.POLICY, revision="test.2", tests=[{"name": "t", "op": service.ALLOWED, "expect": "allow"}])
        s.write_policy(policy)
        reply = s.admin("reload")
        self.assertEqual(reply, {"id": None, "reloaded": True, "revision": "test.2", "policies": 2, "rules": 5, "tests": 1})
        s.wait_said("policy loaded: revision test.2, 5 rules, 1 tests run")

    @service.unittest.skipUnless(LONG, "POLICY_LIMITS=long")
    def test_hanging_compiler(self):
        """Stopped, as if it hung: killed after 60 s; meanwhile everything else goes on, and a second reload waits."""
        s = self.start()
        neighbour = service.Neighbour(s.socket)
        put(s.policy, HEAD + ",\n".join(RULE % (i, i) for i in range(100_000)) + TAIL)
        os.kill(s.pid, signal.SIGHUP)
        os.kill(s.one("compiler"), signal.SIGSTOP)
        began = time.monotonic()
        s.write_policy(service.POLICY)
        os.kill(s.pid, signal.SIGHUP)
        self.assertEqual(s.admin("ping")["pong"], True)
        self.assertEqual(s.admin("status")["status"]["revision"], "test.1")
        s.wait_said("the policy was refused, the one in force stays: the compiler took over 60 seconds", 90)
        print(f"# killed after {time.monotonic() - began:.1f} s; {neighbour.answers} answers meanwhile, "
              f"longest wait {neighbour.longest * 1000:.0f} ms")
        self.eventually(lambda: s.said().count("policy loaded: revision test.1") == 2, s.said())
        self.assertIsNone(neighbour.finish().problem)

    @service.unittest.skipUnless(LONG, "POLICY_LIMITS=long")
    def test_largest(self):
        """As many rules and tests as fit into a policy: loaded, or refused for time or memory."""
        s = self.start()
        neighbour, watcher, began = service.Neighbour(s.socket), Watcher(s), memory(s.pid)
        test = '{"name":"t","op":{"action":"proc:exec","resource":"proc:path:/x"},"expect":"deny"}'
        net = json.dumps(service.POLICY["policies"][0])
        for name, text in (("750,000 rules", HEAD + ",".join(RULE % (i, i) for i in range(750_000)) + "]}," + net + "]}"),
                           ("600,000 tests", document(',"tests":[' + ",".join([test] * 600_000) + "]").replace("[]", f"[{net}]", 1))):
            put(s.policy, text)
            at = time.monotonic()
            said = self.reload(s)
            print(f"# {name}: {time.monotonic() - at:.1f} s, compiler {watcher.largest >> 20} MiB: {said.splitlines()[-1][:200]}", flush=True)
            self.assertRegex(said, "policy loaded|over 2048 MiB of memory|over 60 seconds")
        watcher.finish()
        self.assertIsNone(neighbour.finish().problem)
        print(f"# supervisor: {(memory(s.pid, 'VmHWM') - began) >> 10} KiB more; longest wait {neighbour.longest * 1000:.0f} ms")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tap.main()
