# SPDX-License-Identifier: Apache-2.0
"""What clients were told against what is on record, for logs of millions of lines: each reply has its record, no
request has two, none is there that nobody asked, and the lines are one chain. Requests are those of tests/load, which
keeps what it was told in files (tests/load/talk.h).

    ledger = Ledger()
    ledger.told(path, "load0")            # for each load
    ledger.check(lines)                   # of the log, in order; more than once, as they come
    ledger.finish()                       # then ledger.faults is a list of words, empty when all is well

What policies decide is allows(revision, host): of each record it is seen whether it was decided by the revision that it
names."""

import array
import hashlib
import json
import re

SENT = (1 << 64) - 1
HOSTS = 16
SAID = 20  # faults that are kept in words
END = re.compile(rb'"seq":(\d+),"prev_hash":"([0-9a-f]{64})"\}\n')
END_ROOM = 120
ASKED = re.compile(rb'"request_id":"([a-z0-9]+)\.(\d+)\.(\d+)",$')
DECIDED = re.compile(rb'"decision":"AUDIT_DECISION_(ALLOW|DENY)".*"resource_id":"h(\d+)\.example:443".*"policy_revision":"(\d+)"')


def allows(revision, host):
    return (revision * 2654435761 >> host) & 1 == 1


def policy(revision):
    """The document of a revision."""
    rules = [{"id": f"r{revision}-{h}", "actions": ["connect:tcp"], "resources": [f"h{h}.example:443"],
              "decision": "allow" if allows(revision, h) else "deny"} for h in range(HOSTS)]
    return {"schema": "sealwright-policy/1", "revision": str(revision), "policies": [{"id": "p", "rules": rules}]}


def _pack(load, connection, number):
    return load << 52 | connection << 28 | number


class Ledger:
    """seq and prev: what the next line has, of a log that was checked so far by another."""

    def __init__(self, seq=1, prev="0" * 64):
        self.base, self.seq, self.prev = seq, seq, prev.encode()
        self.loads = {}
        self.answers = array.array("Q")    # by seq - base: (load, connection, number) + 1, 0: nobody was told of it
        self.allowed = bytearray()         # the same: 1 when the answer was allow
        self.refused = set()               # requests that were denied without a record
        self.sent = {}                     # lines by (load, connection)
        self.last = {}                     # the newest number on record by (load, connection)
        self.records = self.asked = self.matched = self.replies = 0
        self.by_load = {}                  # records of each load by its name
        self.counts = {"lost": 0, "doubled": 0, "invented": 0, "wrong": 0}
        self.faults = []

    def fault(self, kind, text):
        self.counts[kind] += 1
        if len(self.faults) < SAID:
            self.faults.append(f"{kind}: {text}")

    # --- what clients were told -------------------------------------------------------------------

    def told(self, path, name):
        load = self.loads.setdefault(name.encode(), len(self.loads))
        words = array.array("Q")
        with open(path, "rb") as f:
            data = f.read()
        words.frombytes(data[:len(data) - len(data) % 16])
        for i in range(0, len(words), 2):
            connection, number, what = words[i] & 0xFFFFFFFF, words[i] >> 32, words[i + 1]
            if what == SENT:
                self.sent[load << 24 | connection] = number
                self.asked += number
            else:
                self._reply(_pack(load, connection, number), what >> 2, what & 3 == 1)

    def _reply(self, request, seq, allowed):
        self.replies += 1
        if seq == 0:
            self.refused.add(request)
            return
        at = seq - self.base
        if at < 0:
            self.fault("lost", f"a reply names record {seq}, which is older than its request")
            return
        if at >= len(self.answers):
            more = at + 1 - len(self.answers) + 4096
            self.answers.extend([0] * more)
            self.allowed.extend(bytes(more))
        if self.answers[at]:
            self.fault("doubled", f"two replies name record {seq}")
        self.answers[at] = request + 1
        self.allowed[at] = allowed

    # --- what is on record ------------------------------------------------------------------------

    def check(self, lines):
        for line in lines:
            end = END.search(line, max(0, len(line) - END_ROOM))
            if not end or end.end() != len(line):
                self.fault("wrong", f"no record: {line[-200:]!r}")
                continue
            seq = int(end[1])
            if seq != self.seq or end[2] != self.prev:
                self.fault("lost", f"record {seq} where {self.seq} with prev_hash {self.prev.decode()} should be")
            self.seq, self.prev = seq + 1, hashlib.sha256(b"\0" + line).hexdigest().encode()
            self.records += 1
            asked = ASKED.search(line, max(0, end.start() - 80), end.start())
            if asked:
                self._request(line, seq, asked)

    def _request(self, line, seq, asked):
        load, connection, number = self.loads.get(asked[1]), int(asked[2]), int(asked[3])
        if load is None:
            self.fault("invented", f"record {seq} of nobody: {asked[0]!r}")
            return
        self.by_load[asked[1].decode()] = self.by_load.get(asked[1].decode(), 0) + 1
        place, request = load << 24 | connection, _pack(load, connection, number)
        if number >= self.sent.get(place, 0) or request in self.refused:
            self.fault("invented", f"record {seq}: {asked[0]!r} was {'refused' if request in self.refused else 'not asked'}")
        if number <= self.last.get(place, -1):
            self.fault("doubled", f"record {seq}: {asked[0]!r} after {self.last[place]}")
        self.last[place] = number
        told = self.answers[seq - self.base] if seq - self.base < len(self.answers) else 0
        if told and told != request + 1:
            self.fault("lost", f"record {seq} is {asked[0]!r}, and another was told that it is its own")
        elif told:
            self.matched += 1
            self.answers[seq - self.base] = 0
        self._decision(line, seq, bool(told))

    def _decision(self, line, seq, told):
        decided = DECIDED.search(line)
        if not decided:
            self.fault("wrong", f"record {seq} has no decision of a known revision: {line!r}")
            return
        allowed = decided[1] == b"ALLOW"
        if allowed != allows(int(decided[3]), int(decided[2])):
            self.fault("wrong", f"record {seq}: not what revision {int(decided[3])} decides")
        if told and allowed != bool(self.allowed[seq - self.base]):
            self.fault("wrong", f"record {seq}: its client was told the contrary")

    def finish(self):
        """No reply is left without its record."""
        for at, request in enumerate(self.answers):
            if request:
                self.fault("lost", f"a client was told of record {at + self.base}, which is not there or another's")
        return self.faults


def lines_of(path):
    """The lines of a segment, each with its newline."""
    with open(path, "rb") as f:
        yield from f


def first_seq(path):
    with open(path, "rb") as f:
        return json.loads(f.readline())["seq"]


def begun(path):
    """Whether a segment that is not closed has a byte of a record."""
    with open(path, "rb") as f:
        return f.read(1) not in (b"", b"\0")
