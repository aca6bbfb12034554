# SPDX-License-Identifier: Apache-2.0
"""Verdicts on logs and proofs by the rules of docs/FORMAT.md and docs/EVIDENCE.md and by nothing of the C code.

    verify(directory, key=..., pins=[(index, hex)], max_age=seconds)  -> Result
    verify_proof(data, key=..., pins=[...])                           -> Result
    LogBuilder(directory, segments=[5, 5]).write()                    a log to verify: evidence_log.py

The first fault is the one that stands first in the log: by seal index, a seal before its segment, a segment's
lines before what its seal says of the whole."""

import dataclasses
import datetime
import os
import stat
import time

import strict
from evidence_log import LogBuilder  # noqa: F401 for users of this module
from seals import (BASE, ZERO, Bad, Fault, is_count, is_hex, event_id, follow, leaf, merkle_climb, merkle_path,
                   open_seal, parse_record, parse_vkey, seal_hash, Chain, check_segment, lines_of)

PROOF_TYPE = "sealwright-proof/v1"
PROOF_MEMBERS = ("type", "origin", "event_id", "record", "leaf_index", "path", "seal_index", "seals")
# The weightiest first; what there is to say of a log, and the exit status that goes with it.
LADDER = (("BROKEN", 1), ("INCOMPLETE", 4), ("UNPINNED", 3), ("PRUNED", 3), ("RECOVERED", 3), ("SEALED", 0))
CODES = dict(LADDER)



@dataclasses.dataclass
class Result:
    verdict: str = ""
    caveats: list = dataclasses.field(default_factory=list)  # words beside the verdict, the weightiest first
    fault: object = None  # Fault
    seals: list = dataclasses.field(default_factory=list)
    records: int = 0      # checked, in sealed segments
    pruned: int = 0       # segments
    tail_records: int = 0
    tail_last: int = 0    # seq
    tail_bytes: int = 0   # that do not continue the log
    record: dict = None   # of a proof

    @property
    def code(self):
        return CODES[self.verdict]

    @property
    def place(self):
        return (self.fault.file, self.fault.line) if self.fault else None

    def settle(self, words):
        """The verdict from all that is to be said."""
        found = [word for word, _ in LADDER if word in words] or ["SEALED"]
        self.verdict, self.caveats = found[0], found[1:]
        return self


# --- a whole log ----------------------------------------------------------------------------------

class Listing:
    """The files of an audit directory that take part."""

    def __init__(self, directory):
        self.directory = directory
        names = set(os.listdir(directory))
        self.closed = {n for n in names if BASE.fullmatch(n)}
        self.unclosed = {n[:-4] for n in names if n.endswith(".tmp") and BASE.fullmatch(n[:-4])}
        self.sealed = {n[:-5] for n in names if n.endswith(".seal") and BASE.fullmatch(n[:-5])}
        self.names = names

    def read(self, name):
        path = os.path.join(self.directory, name)
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Fault(name, 0, "not a regular file")
        with open(path, "rb") as f:
            return f.read()


class _Check:
    """One pass over a log."""

    def __init__(self, directory, key, pins, max_age, now):
        self.files = Listing(directory)
        self.key, self.pins, self.max_age = key, dict(pins), max_age
        self.now = time.time() if now is None else now
        self.words = set() if key else {"UNPINNED"}
        self.result = Result()
        self.before = None  # the seal before: (members, text)
        self.chain = Chain(1, ZERO, None)

    def run(self):
        try:
            trusted = self._trusted()
            for name, opened in self._in_order():
                self._seal(name, opened, trusted)
            if self.pins:
                raise self._absent()
        except Fault as fault:
            self.result.fault = fault
            self.words = {"BROKEN"}
            return self.result.settle(self.words)
        self._tail()
        self._complete()
        return self.result.settle(self.words)

    def _absent(self):
        return Fault("", 0, f"no seal {min(self.pins)}, which is pinned")

    def _trusted(self):
        """The verifier key that seal 0 must be signed with; None when nobody names one."""
        beside = self.files.read("origin.vkey") if "origin.vkey" in self.files.names else None
        if self.key:
            if beside is not None and beside != self.key.strip().encode() + b"\n":
                raise Fault("origin.vkey", 0, "is not the pinned key")
            return self.key.strip()
        if beside is None:
            return None
        try:
            text = beside.decode("ascii")
            if not text.endswith("\n"):
                raise Bad("does not end")
            parse_vkey(text[:-1])
        except ValueError as fault:
            raise Fault("origin.vkey", 0, str(fault)) from fault
        return text[:-1]

    def _open(self, base):
        """(members, text), or the Fault that keeps it from being one."""
        if base not in self.files.sealed:
            return Fault(base, 0, "no seal beside it")
        try:
            members, text = open_seal(self.files.read(base + ".seal"))
            if members["file"] != base:
                raise Bad(f"file is {members['file']}")
            return members, text
        except Bad as fault:
            return Fault(base + ".seal", 0, str(fault))
        except Fault as fault:
            return fault

    def _in_order(self):
        """Seals by index. What has none to be read stands behind its predecessor by name."""
        placed, at = [], -1
        for base in sorted(self.files.sealed | self.files.closed):
            opened = self._open(base)
            bad = isinstance(opened, Fault)
            at = at if bad else opened[0]["index"]
            placed.append((at, bad, base, opened))
        return [(base, opened) for _, _, base, opened in sorted(placed, key=lambda p: p[:3])]

    def _seal(self, base, opened, trusted):
        if isinstance(opened, Fault):
            raise opened
        members, text = opened
        try:
            self._follow(members, trusted)
        except Bad as fault:
            raise Fault(base + ".seal", 0, str(fault)) from fault
        pin = self.pins.pop(members["index"], None)
        if pin not in (None, seal_hash(text)):
            raise Fault(base + ".seal", 0, f"hash is {seal_hash(text)}, pinned is {pin}")
        if members["state"] != "clean":
            self.words.add("RECOVERED")
        self.result.seals.append((members, text))
        self.before = (members, text)
        self._contents(base, members)

    def _follow(self, members, trusted):
        if self.before is None and members["index"] > 0:
            if self.pins and min(self.pins) < members["index"]:
                raise self._absent()
            self.words.add("INCOMPLETE")  # seals are missing at the front
            self.chain = Chain(members["first_seq"], None, None)
            if trusted and parse_vkey(trusted)[0] != members["origin"]:
                raise Bad("origin is not that of the key")
            return
        follow(self.before, members)
        if self.before is None and trusted not in (None, members["key"]):
            raise Bad(f"key is {members['key']}, expected {trusted}")

    def _contents(self, base, members):
        there = base if base in self.files.closed else base + ".tmp" if base in self.files.unclosed else None
        if there is None:
            if self.result.records:
                raise Fault(base, 0, "segment is missing")
            self.words.add("PRUNED")
            self.result.pruned += 1
            self.chain = Chain(members["last_seq"] + 1, members["head"], members["last_time"])
            return
        try:
            data = self.files.read(there)
        except FileNotFoundError:  # it has been published meanwhile
            there = base
            data = self.files.read(there)
        check_segment(there, data, members, self.chain)
        self.result.records += members["records"]

    def _tail(self):
        """Lines that are not sealed yet, as far as they go on; whatever else is there is no fault."""
        rest = {}
        for base in self.files.unclosed - self.files.sealed - self.files.closed:
            try:
                rest[base] = self.files.read(base + ".tmp").rstrip(b"\0")
            except (FileNotFoundError, Fault):
                continue
        grown = True
        while grown:
            grown = False
            for base in sorted(rest):
                taken = self._tail_lines(rest[base])
                rest[base] = rest[base][taken:]
                grown = grown or taken > 0
        self.result.tail_bytes = sum(len(data) for data in rest.values())

    def _tail_lines(self, data):
        taken = 0
        for line in lines_of(data):
            try:
                self.chain.take(line)
            except Bad:
                break
            taken += len(line)
            self.result.tail_records += 1
            self.result.tail_last = self.chain.seq - 1
        return taken

    def _complete(self):
        if not self.result.records:
            self.words.add("INCOMPLETE")
        elif self.max_age is not None:
            newest = datetime.datetime.strptime(self.before[0]["last_time"] + "+0000", "%Y-%m-%dT%H:%M:%S.%fZ%z")
            if abs(self.now - newest.timestamp()) > self.max_age:  # what is yet to come has no age
                self.words.add("INCOMPLETE")


def verify(directory, key=None, pins=(), max_age=None, now=None):
    """key: the pinned verifier key's text; pins: [(index, hex)]; max_age: seconds. A log that is written to
    meanwhile changes names under us: a fault counts only when the names stayed as they were."""
    for _ in range(20):
        try:
            check = _Check(directory, key, pins, max_age, now)
            result = check.run()
            if not result.fault or Listing(directory).names == check.files.names:
                return result
        except FileNotFoundError:
            if not os.path.isdir(directory):
                raise
        time.sleep(0.05)
    raise AssertionError(f"{directory} does not hold still")


# --- proofs ---------------------------------------------------------------------------------------

def _proof_chain(notes):
    """Every seal opened, each following the one before it."""
    opened, before = [], None
    for note in notes:
        members, text = open_seal(note.encode())
        if before is not None:
            follow(before, members)
        elif members["index"] == 0:
            follow(None, members)
        before = (members, text)
        opened.append(before)
    if not opened:
        raise Bad("no seals")
    return opened


def _proof_record(proof, seal):
    """The record is the leaf that the proof says of the tree that the seal says."""
    line = proof["record"].encode()
    record = parse_record(line)
    if line.count(b"\n") != 1:
        raise Bad("record: one line")
    if record["audit_event_id"] != proof["event_id"] or event_id(proof["event_id"])[1] != record["seq"]:
        raise Bad("event_id is not the record's")
    if record["seq"] != seal["first_seq"] + proof["leaf_index"]:
        raise Bad("leaf_index does not fit seq")
    path = [bytes.fromhex(x) for x in proof["path"]]
    if merkle_climb(leaf(line), seal["records"], proof["leaf_index"], path).hex() != seal["root"]:
        raise Bad("path does not lead to the root")
    return record


def _proof_form(data):
    proof = strict.loads(data.strip(b" \t\r\n"))
    if not isinstance(proof, dict) or tuple(proof) != PROOF_MEMBERS or proof["type"] != PROOF_TYPE:
        raise Bad("not a proof")
    if not all(isinstance(proof[k], str) for k in ("origin", "event_id", "record")) or \
       not all(is_count(proof[k]) for k in ("leaf_index", "seal_index")) or \
       not all(isinstance(proof[k], list) and all(isinstance(x, str) for x in proof[k]) for k in ("path", "seals")) or \
       not all(is_hex(x) for x in proof["path"]):
        raise Bad("a member of the proof is not of its kind")
    return proof


def _check_proof(data, key, pins, result):
    proof = _proof_form(data)
    result.seals = _proof_chain(proof["seals"])
    by_index = {members["index"]: (members, text) for members, text in result.seals}
    first = result.seals[0][0]
    if any(members["origin"] != proof["origin"] for members, _ in result.seals):
        raise Bad("origin is not the seals'")
    if proof["seal_index"] not in by_index:
        raise Bad("the record's seal is not there")
    result.record = _proof_record(proof, by_index[proof["seal_index"]][0])
    pinned = False
    for index, wanted in dict(pins).items():
        if index not in by_index or seal_hash(by_index[index][1]) != wanted:
            raise Bad(f"seal {index} is not the pinned one")
        pinned = True
    if key and parse_vkey(key.strip())[0] != proof["origin"]:
        raise Bad("origin is not that of the key")
    if key and first["index"] == 0:
        if first["key"] != key.strip():
            raise Bad("seal 0 is not by the pinned key")
        pinned = True
    return set() if pinned else {"UNPINNED"}


def verify_proof(data, key=None, pins=()):
    result = Result()
    try:
        return result.settle(_check_proof(data, key, pins, result))
    except ValueError as fault:  # Bad, and what strict JSON and UTF-8 say
        result.fault = Fault("", 0, str(fault))
        return result.settle({"BROKEN"})


def make_proof(lines, notes, leaf_index, seal_index, first=0, last=None):
    """lines: of the segment that seal `seal_index` covers; notes: every seal file of the log, by index."""
    members, _ = open_seal(notes[seal_index])
    leaves = [leaf(line) for line in lines]
    proof = {"type": PROOF_TYPE, "origin": members["origin"],
             "event_id": parse_record(lines[leaf_index])["audit_event_id"], "record": lines[leaf_index].decode(),
             "leaf_index": leaf_index, "path": [x.hex() for x in merkle_path(leaves, leaf_index)],
             "seal_index": seal_index,
             "seals": [note.decode() for note in notes[first:(seal_index if last is None else last) + 1]]}
    return strict.dumps(proof) + b"\n"
