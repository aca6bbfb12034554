#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job on real input: ask, record, answer; kill the writer in the middle; restart; account for all.

Starts policyd on the policy of a development sandbox (examples/devbox.json) in a temporary directory, asks the
questions of demo/requests.jsonl and two hostile ones, ends everything, and reads the log; then verifies its seals
as a reviewer would (evidence.py). Exit status 1 when anything that was acknowledged is missing from it, or when
chain or seals do not hold.

    demo.py [--build DIR] [--keep DIR]"""

import argparse
import collections
import glob
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import evidence

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
WINDOW = 16  # requests in flight
WAIT = 30    # seconds that anything may take

NASTY = '"}\n{"audit_event_id":"forged","decision":"AUDIT_DECISION_ALLOW"}\r\n\\'
HOSTILE = [
    {"id": NASTY[:60], "action": "net:connect:tcp", "resource": "net:domain:github.com:443", "client_name": NASTY,
     "sandbox_id": NASTY, "agent": NASTY, "subject": {"user": NASTY, "groups": [NASTY], "email": NASTY},
     "context": {NASTY: NASTY}},
    {"id": "oversized", "action": "fs:read", "resource": "fs:path:/workspace/" + "\x01long/" * 700 + "x",
     "client_name": "demo"},
]


class Failed(Exception):
    """The demonstration did not show what it should."""


class Service:
    """policyd in the foreground, in a directory of its own."""

    def __init__(self, build, top):
        self.top, self.ready = top, threading.Event()
        self.audit = os.path.join(top, "audit")
        self.socket, self.admin = os.path.join(top, "policyd.sock"), os.path.join(top, "admin.sock")
        for name in ("audit", "keys"):
            os.makedirs(os.path.join(top, name), mode=0o700, exist_ok=True)
        config = os.path.join(top, "sealwright.conf")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"trusted_enforcement_points": [os.getuid()], "rotate_records": 100}, f)
        self.process = subprocess.Popen(
            [os.path.join(build, "sbin", "policyd"), "--config", config, "--audit-dir", self.audit,
             "--key-dir", os.path.join(top, "keys"), "--policy", os.path.join(TOP, "examples", "devbox.json"),
             "--socket", self.socket, "--admin-socket", self.admin, "--durability", "sync"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self.listen, daemon=True).start()
        if not self.ready.wait(WAIT):
            raise Failed("policyd does not get ready")

    def listen(self):
        for line in self.process.stderr:
            print("    " + line.rstrip())
            if line.rstrip().endswith("policyd: ready"):
                self.ready.set()

    def writer(self):
        """The pid of auditd-writer, a child of policyd."""
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path, encoding="utf-8", errors="replace") as f:
                    name, _, rest = f.read().partition("(")[2].rpartition(")")
            except OSError:
                continue
            if name.startswith("auditd-writer") and int(rest.split()[1]) == self.process.pid:
                return int(path.split("/")[2])
        raise Failed("no auditd-writer below policyd")

    def end(self, wanted):
        """Wait for its end; wanted: whether its exit status is as it should be."""
        code = self.process.wait(WAIT)
        if not wanted(code):
            raise Failed(f"policyd ended with status {code}")


def ask(path, requests, after=None):
    """Send requests over one connection, WINDOW in flight; replies in order, as far as they came. after(n) is
    called when n replies are in."""
    replies, sent = [], 0
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(WAIT)
        s.connect(path)
        stream = s.makefile("rb")
        try:
            while len(replies) < len(requests):
                while sent < len(requests) and sent - len(replies) < WINDOW:
                    s.sendall(json.dumps(requests[sent], ensure_ascii=False).encode() + b"\n")
                    sent += 1
                line = stream.readline()
                if not line:
                    break
                replies.append(json.loads(line))
                if after:
                    after(len(replies))
        except (BrokenPipeError, ConnectionResetError):
            pass
    return replies


def read_log(audit):
    """All records in order, the chain checked: seq from 1 without a gap, prev_hash of the line before."""
    segments = []
    for path in glob.glob(os.path.join(audit, "audit-*.jsonl")):
        with open(path, "rb") as f:
            lines = f.read().splitlines(keepends=True)
        segments.append((json.loads(lines[0])["seq"], os.path.basename(path), lines))
    segments.sort()
    records, previous = [], "0" * 64
    for _, name, lines in segments:
        for line in lines:
            record = json.loads(line)
            if record["seq"] != len(records) + 1 or record["prev_hash"] != previous:
                raise Failed(f"{name}: the chain breaks at seq {record['seq']}")
            previous = hashlib.sha256(b"\0" + line).hexdigest()
            records.append(record)
    return segments, records


def check(records, replies):
    """Every acknowledged answer is on record, and says there what it said here."""
    by_id = {r["audit_event_id"]: r for r in records}
    missing = 0
    for reply in replies:
        record = by_id.get(reply.get("audit_event_id"))
        missing += record is None or record.get("request_id") != reply["id"]
    if missing:
        raise Failed(f"{missing} of {len(replies)} acknowledged answers are missing from the log")


# --- the account -----------------------------------------------------------------------------------


def heading(text):
    print(f"\n--- {text}")


def show_decisions(records):
    heading("Decisions by rule")
    count = collections.Counter(
        (r["decision"].rpartition("_")[2].lower(), r.get("policy_id", "-"), r.get("rule_id", "(no rule matched)"))
        for r in records if r["category"] == "AUDIT_CATEGORY_EVALUATION")
    for (decision, policy, rule), n in sorted(count.items()):
        print(f"{n:6}  {decision:6} {policy:12} {rule}")


def show_records(records):
    for decision in ("ALLOW", "DENY"):
        heading(f"One record, {decision.lower()}")
        found = next(r for r in records if r.get("decision") == "AUDIT_DECISION_" + decision and "rule_id" in r)
        print(json.dumps(found, indent=2, ensure_ascii=False))


def show_hostile(records):
    heading("The hostile ones")
    for request in HOSTILE:
        found = next(r for r in records if r.get("request_id") == request["id"])
        line = json.dumps(found, ensure_ascii=False)
        print(f"request {json.dumps(request['id'])[:40]}: one line of {len(line)} characters, "
              f"{found['decision']}, {found.get('deny_reason', ['no reason'])[0][:60]}")


def show_segments(segments, records, audit):
    heading("Segments")
    for first, name, lines in segments:
        print(f"{name}  seq {first} to {first + len(lines) - 1}, {sum(map(len, lines))} bytes")
    for name in sorted(os.listdir(audit)):
        if name.endswith(".torn"):
            print(f"{name}  kept as evidence")
    heading("Recovered after the kill")
    for record in records:
        if record["action_type"] == "recovery":
            print(f"seq {record['seq']}: {json.dumps(record['recovery'])}")


# --- the story -------------------------------------------------------------------------------------


def first_life(build, top, requests):
    """Ask until the writer is killed in the middle; returns the replies that had come."""
    print(f"Starting; asking {len(requests)} questions, {WINDOW} at a time; killing the writer on the way")
    service = Service(build, top)

    def kill(n):
        if n == len(requests) // 2:
            os.kill(service.writer(), signal.SIGKILL)

    try:
        replies = ask(service.socket, requests, kill)
        service.end(lambda code: code != 0)
    finally:
        service.process.kill()
        service.process.wait()
    answered = [r for r in replies if "audit_event_id" in r]
    if len(answered) == len(requests):
        raise Failed("every question was answered although the writer was killed")
    print(f"{len(answered)} answered and on record when the writer died; policyd ended, as it must: fail closed")
    return answered


def second_life(build, top, requests):
    """Start again on the same log, ask the rest, rotate, end cleanly."""
    print(f"\nStarting again; asking the {len(requests)} that had no answer")
    service = Service(build, top)
    try:
        replies = ask(service.socket, requests)
        if len(replies) != len(requests):
            raise Failed(f"{len(requests) - len(replies)} questions without an answer")
        rotate = subprocess.run([os.path.join(build, "bin", "policyctl"), "--admin-socket", service.admin, "rotate"],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT, check=False)
        print("    policyctl rotate: " + (rotate.stdout + rotate.stderr).strip())
        if rotate.returncode != 0:
            raise Failed("rotation failed")
        replies += ask(service.socket, [{**requests[0], "id": "after the rotation"}])
        os.kill(service.process.pid, signal.SIGTERM)
        service.end(lambda code: code == 0)
    finally:
        service.process.kill()
        service.process.wait()
    return [r for r in replies if "audit_event_id" in r]


def story(build, top):
    with open(os.path.join(TOP, "demo", "requests.jsonl"), encoding="utf-8") as f:
        requests = [json.loads(line) for line in f]
    requests[40:40] = HOSTILE
    began = time.monotonic()
    replies = first_life(build, top, requests)
    done = {r["id"] for r in replies}
    replies += second_life(build, top, [r for r in requests if r["id"] not in done])
    segments, records = read_log(os.path.join(top, "audit"))
    check(records, replies)
    show_decisions(records)
    show_records(records)
    show_hostile(records)
    show_segments(segments, records, os.path.join(top, "audit"))
    heading("Evidence")
    try:
        evidence.story(build, top, replies[0]["audit_event_id"])
    except evidence.Unproven as problem:
        raise Failed(str(problem)) from problem
    heading("Account")
    print(f"{len(replies)} answers acknowledged, {len(replies)} found in the log, 0 missing; "
          f"{len(records)} records, chain unbroken over {len(segments)} segments and a SIGKILL; "
          f"{time.monotonic() - began:.1f} s")


def main():
    parser = argparse.ArgumentParser(description="Sealwright's main job on real input.")
    parser.add_argument("--build", default="build", help="where the programs were built")
    parser.add_argument("--keep", metavar="DIR", help="leave log and configuration in this new directory")
    args = parser.parse_args()
    top = args.keep or tempfile.mkdtemp(prefix="sealwright-demo-")
    if args.keep:
        os.makedirs(top)
    try:
        story(os.path.abspath(args.build), os.path.abspath(top))
    except (Failed, OSError, subprocess.TimeoutExpired) as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    finally:
        if not args.keep:
            shutil.rmtree(top, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
