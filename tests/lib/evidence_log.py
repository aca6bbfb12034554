# SPDX-License-Identifier: Apache-2.0
"""Valid logs made to order, with every one-time key at hand, so that a test can play anybody.

    log = LogBuilder(directory, segments=[5, 5]).write()      two sealed segments of 5 records
    log.add(3, state="recovered", torn_bytes=17); log.write()
    log.tail(2)                                               an unsealed .tmp, its rest NULs
    log.vkey, log.pin(1), log.names, log.lines, log.notes, log.seals

Key i signs seal i: log.keys[i], a private key; log.keys[-1] is what the host holds today. log.forge(directory, at)
is the forger who has the key of seal `at`: the same log up to there, free to go on. log.resign(i, members, key)
makes seal i say anything. Nothing is random but by the seed. Deterministic times: START and on."""

import datetime
import os
import random
import re
import uuid

import seals
import strict

START = 1795233600_000000  # us since 1970: 2026-11-21T04:00:00Z
STEP = 1_250_003           # us between two records
HOST = "build7"


def time_text(us):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event_id(log_id, seq):
    """UUIDv8 of 60 bits of log id, then 62 bits of seq."""
    number = (log_id >> 12) << 80 | 8 << 76 | (log_id & 0xFFF) << 64 | 2 << 62 | seq
    return str(uuid.UUID(int=number))


# --- records: (category, action_type, payload, members before and behind it in the order of the contract) ------

SERVICE = {"version": "0.1.0", "evaluators": 2, "durability": "sync", "rotate_seconds": 300, "rotate_records": 1000,
           "rotate_bytes": 52428800, "heartbeat_seconds": 3600, "boot_id": "f6049a6c-091c-4f1e-82f6-d6d32d1b566f"}


def _evaluation(allow, action_type, payload, action, resource, shown, rule):
    policy = {"policy_id": rule[0], "rule_id": rule[1]} if rule else {}
    reason = f"denied by rule {rule[1]} in policy {rule[0]} for" if rule else "no applicable policies for"
    reasons = {} if allow else {"deny_reason": [f"{reason} op(action={action}, resource={resource})"]}
    return ("EVALUATION", action_type, payload,
            {"decision": "AUDIT_DECISION_" + ("ALLOW" if allow else "DENY"), "enforcement_mode": "enforce",
             "username": "jörg"}, {"resource_id": shown}, reasons,
            {"action": action, **policy, "policy_revision": "2026-11-20.3",
             "peer": {"uid": 1000, "gid": 1000, "pid": 4711}, "evaluator": 1})


def _plain(category, action_type, payload, **behind):
    return category, action_type, payload, {}, {}, {}, behind


FIRST = [
    _plain("MANAGEMENT", "session", {"event": "start", **SERVICE}),
    _plain("MANAGEMENT", "policy", {"result": "loaded", "revision": "2026-11-20.3", "policies": 2, "rules": 5, "tests": 0,
                                    "sha256": seals.sha256(b"a policy").hex()}),
]
USUAL = [
    _evaluation(True, "network_egress", {"protocol": "tcp"}, "net:connect:tcp",
                "net:domain:www.example.com:443", "www.example.com:443", ("net", "example")),
    _evaluation(False, "network_egress", {"protocol": "tcp"}, "net:connect:tcp", "net:ip:169.254.169.254:80",
                "169.254.169.254:80", ("net", "no-metadata")),
    _evaluation(True, "filesystem_access", {"operation": "read"}, "fs:read", "fs:path:/data/x", "/data/x",
                ("files", "data")),
    _evaluation(False, "http_request", {"method": "GET", "scheme": "https"}, "http:request:GET",
                "http:url:https://example.com/\"ü\"\\", "https://example.com/\"ü\"\\", None),
    _plain("EVENT", "application_event", None, event="auth.fail", level="warning", actor="sshd",
           details={"n": 1, "what": "\u0007\u2028 \U0001F511"}, peer={"uid": 0, "gid": 0, "pid": 1}, evaluator=2),
    _plain("MANAGEMENT", "heartbeat", {"seq": 10, "seconds": 3600, "decisions": 5, "events": 1}),
]
ESCAPED = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029", "\x7f": "\\u007f"})


def _facts(line):
    """(seq, timestamp) of a line, whatever else it is."""
    return int(re.findall(rb'"seq"\s*:\s*(\d+)', line)[-1]), re.search(rb'"timestamp":"([^"]*)"', line)[1].decode()


class LogBuilder:
    """See above. segments: numbers of records, each a segment, state clean."""

    def __init__(self, directory, origin=None, segments=(), seed=0, start=START, hostname=HOST):
        self.directory, self.start, self.hostname = directory, start, hostname
        self.random = random.Random(seed)
        self.log_id = self.random.getrandbits(60)
        self.origin = origin or f"{hostname}/sealwright/{self.log_id:015x}"
        self.boot_id = self._uuid()
        self.keys = [self._key()]
        self.vkey = seals.vkey(self.origin, seals.public_of(self.keys[0]))
        self.names, self.lines, self.seals, self.texts, self.notes = [], [], [], [], []  # of each segment
        self.unsealed = {}     # name of a .tmp: bytes
        self.pruned, self.publishing = 0, 0
        self.seq, self.time, self.head = 1, start, seals.ZERO
        self.run()
        for records in segments:
            self.add(records)

    def _uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def _key(self):
        return self.random.randbytes(32)

    # --- the honest writer ---

    def run(self):
        """A new run of the daemon: another session, segments numbered from 1."""
        self.session, self.number = self._uuid(), 0
        return self

    def line(self, kind=None, **changes):
        """The next record's line; the chain goes on from it. changes: members that are to be otherwise."""
        kind = kind or (FIRST[self.seq - 1] if self.seq <= len(FIRST) else USUAL[self.seq % len(USUAL)])
        category, action_type, payload, decided, resource, reasons, behind = kind
        record = {"audit_event_id": event_id(self.log_id, self.seq), "timestamp": time_text(self.time),
                  "schema_version": "1.0.0", "category": "AUDIT_CATEGORY_" + category, **decided,
                  "audit_session_id": self.session, **resource, "os": "linux", "app_version": "0.1.0",
                  "hostname": self.hostname, **reasons, "action_type": action_type}
        if payload is not None:
            record[action_type] = payload
        record.update(behind)
        record.update(seq=self.seq, prev_hash=self.head)
        for name, value in changes.items():
            record[name] = value
        line = strict.dumps(record).decode().translate(ESCAPED).encode() + b"\n"
        self.seq, self.time, self.head = self.seq + 1, self.time + STEP, seals.leaf(line).hex()
        return line

    def bent(self, old, new):
        """The next record's line with other bytes in it, as a writer would write it that is not to be trusted."""
        line = self.line()
        if old not in line:
            raise ValueError(f"{old!r} is not in {line!r}")
        line = line.replace(old, new, 1)
        self.head = seals.leaf(line).hex()
        return line

    def step_clock(self, us):
        """The next record is a clock_step; time goes on from there. us may be negative."""
        old = self.time
        self.time += us
        return self.line(_plain("MANAGEMENT", "clock_step", {"old": time_text(old), "new": time_text(self.time),
                                                             "boot_id": self.boot_id, "monotonic": self.seq}))

    def _name(self):
        self.number += 1
        made = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=self.time)
        return f"audit-{made.strftime('%Y%m%dT%H%M%SZ')}-{self.session}-{self.number:06d}.jsonl"

    def add(self, records, state="clean", torn_bytes=0, **members):
        """Seal one more segment; records: how many, or their lines. members: of the seal, other than they are."""
        name = self._name()
        lines = [self.line() for _ in range(records)] if isinstance(records, int) else list(records)
        self.names.append(name)
        self.lines.append(lines)
        self.keys.append(self._key())
        self._seal(len(self.names) - 1, {"state": state, "torn_bytes": torn_bytes, **members})
        return self

    def _seal(self, i, changes):
        lines, data = self.lines[i], b"".join(self.lines[i])
        first, last = _facts(lines[0]), _facts(lines[-1])
        leaves = [seals.leaf(line) for line in lines]
        made = {"type": seals.SEAL_TYPE, "origin": self.origin, "index": i, "file": self.names[i], "bytes": len(data),
                "sha256": seals.sha256(data).hex(), "records": len(lines), "first_seq": first[0],
                "last_seq": last[0], "first_time": first[1], "last_time": last[1],
                "head": leaves[-1].hex(), "root": seals.merkle_root(leaves).hex(),
                "prev_seal": seals.seal_hash(self.texts[i - 1]) if i else seals.ZERO, "state": "clean",
                "torn_bytes": 0, "session": self.session, "boot_id": self.boot_id,
                "key": seals.vkey(self.origin, seals.public_of(self.keys[i])),
                "next_key": seals.b64(seals.public_of(self.keys[i + 1]))}
        self.seals[i:], self.texts[i:], self.notes[i:] = [], [], []
        self._put(made | changes, self.keys[i])

    def _put(self, members, key):
        text = seals.seal_text(members)
        self.seals.append(members)
        self.texts.append(text)
        self.notes.append(seals.sign_note(text, members["origin"], key))

    def tail(self, records=2, after=b"", nuls=4096):
        """An open segment: lines, then bytes that are none, then what was allocated ahead."""
        lines = [self.line() for _ in range(records)]
        self.unsealed[self._name() + ".tmp"] = b"".join(lines) + after + b"\0" * nuls
        return lines

    def publish_only(self, segments=1):
        """The newest segments: their seals are there, and the files still named .tmp."""
        self.publishing = segments
        return self

    def prune(self, segments):
        """The first segments are gone; their seals are there."""
        self.pruned = segments
        return self

    # --- what others do ---

    def forge(self, directory, at):
        """Who has the key of seal `at` and takes over from there: a log with the first `at` segments the same."""
        made = LogBuilder(directory, self.origin, seed=self.random.getrandbits(64), hostname=self.hostname)
        made.log_id, made.vkey, made.boot_id = self.log_id, self.vkey, self.boot_id
        made.session, made.number = self.session, at
        for mine, theirs in ((made.names, self.names), (made.lines, self.lines), (made.seals, self.seals),
                             (made.texts, self.texts), (made.notes, self.notes)):
            mine[:] = theirs[:at]
        made.keys = [None] * at + [self.keys[at]]  # the older ones are erased
        if at:
            made.seq, made.head = self.seals[at - 1]["last_seq"] + 1, self.seals[at - 1]["head"]
        made.time = self._time_at(at)
        return made

    def _time_at(self, at):
        if at == 0:
            return self.start
        last = datetime.datetime.strptime(self.seals[at - 1]["last_time"], "%Y-%m-%dT%H:%M:%S.%fZ")
        return (last - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1) + STEP

    def resign(self, i, by=None, **members):
        """The note of seal i with other members, signed by a key (its own unless given). Nothing else changes."""
        changed = {**self.seals[i], **members}
        return seals.sign_note(seals.seal_text(changed), changed["origin"], by or self.keys[i])

    # --- files ---

    def pin(self, index):
        """(index, hash) of a seal."""
        return index, seals.seal_hash(self.texts[index])

    def path(self, name):
        return os.path.join(self.directory, name)

    def files(self):
        """{name: bytes} of the whole directory."""
        found = {"origin.vkey": self.vkey.encode() + b"\n", **self.unsealed}
        for i, name in enumerate(self.names):
            found[name + ".seal"] = self.notes[i]
            if i >= self.pruned:
                ending = ".tmp" if i >= len(self.names) - self.publishing else ""
                found[name + ending] = b"".join(self.lines[i])
        return found

    def write(self):
        """The directory as it stands; what else was in it goes."""
        os.makedirs(self.directory, exist_ok=True)
        files = self.files()
        for name in set(os.listdir(self.directory)) - set(files):
            os.unlink(self.path(name))
        for name, data in files.items():
            with open(self.path(name), "wb") as f:
                f.write(data)
        return self
