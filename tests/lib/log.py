# SPDX-License-Identifier: Apache-2.0
"""An audit directory, checked line by line by the rules of docs/FORMAT.md and by nothing of the C code."""

import contextlib
import dataclasses
import hashlib
import os
import re
import time

import seals
import strict

LINE_MAX = 8192
WAITING = 4  # segments that may wait to be closed
ORDER = (
    "audit_event_id timestamp schema_version category decision enforcement_mode username user_email "
    "org_id org_name audit_session_id sandbox_id agent resource_id os app_version client_name hostname "
    "deny_reason action_type PAYLOAD action policy_id rule_id policy_revision event level actor details "
    "evaluation_id peer evaluator request_id seq prev_hash"
).split()
ALWAYS = {"audit_event_id", "timestamp", "schema_version", "category", "audit_session_id", "os",
          "app_version", "hostname", "action_type", "seq", "prev_hash"}
CATEGORIES = {"AUDIT_CATEGORY_EVALUATION", "AUDIT_CATEGORY_MANAGEMENT", "AUDIT_CATEGORY_EXECUTION",
              "AUDIT_CATEGORY_EVENT"}
TIMESTAMP = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{6}Z")
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
NAME = re.compile(r"audit-(\d{8}T\d{6}Z)-(" + UUID + r")-(\d{6})\.jsonl(\.tmp|\.torn|\.seal)?(?:\.\d+)?")
FIRST = "0" * 64

_rank = {name: i for i, name in enumerate(ORDER)}
_good_shapes = set()


class Bad(AssertionError):
    """The log breaks a rule."""


@dataclasses.dataclass
class Segment:
    path: str
    session: str
    number: int
    closed: bool           # .jsonl: complete by definition
    lines: list            # complete lines, each with its newline
    tail: bytes            # what follows them in a .tmp
    records: list = dataclasses.field(default_factory=list)

    @property
    def name(self):
        return os.path.basename(self.path)


@dataclasses.dataclass
class Log:
    segments: list         # with at least one record, in the order of the log
    empty: list            # names of .tmp files without a record
    torn: list             # names of .torn files
    records: list
    lines: list
    seals: dict = dataclasses.field(default_factory=dict)  # of closed segments: members by name

    def where(self, **wanted):
        """Records whose fields have these values."""
        return [r for r in self.records if all(r.get(k) == v for k, v in wanted.items())]

    def management(self, action_type):
        return self.where(category="AUDIT_CATEGORY_MANAGEMENT", action_type=action_type)

    def by_id(self):
        return {r["audit_event_id"]: r for r in self.records}


def event_id(text):
    """(log id, seq) of a UUIDv8: 60 bits of log id, then 62 bits of seq."""
    if not re.fullmatch(UUID, text):
        raise Bad(f"no UUID: {text!r}")
    number = int(text.replace("-", ""), 16)
    if (number >> 76) & 0xF != 8 or (number >> 62) & 3 != 2:
        raise Bad(f"no UUIDv8: {text}")
    return (number >> 80) << 12 | (number >> 64) & 0xFFF, number & ((1 << 62) - 1)


def _shape(record):
    """Mandatory fields are there, no foreign ones, in the order of the contract, the payload named right."""
    keys = tuple(record)
    action = record.get("action_type")
    if (keys, action) in _good_shapes:
        return
    ranks = []
    for key in keys:
        if key not in _rank and key != action:
            raise Bad(f"field {key!r} is not of this contract")
        ranks.append(_rank["PAYLOAD" if key == action and key not in _rank else key])
    if ranks != sorted(ranks):
        raise Bad(f"fields out of order: {keys}")
    if ALWAYS - set(keys):
        raise Bad(f"fields missing: {sorted(ALWAYS - set(keys))}")
    _good_shapes.add((keys, action))


def _fields(record):
    if record["category"] not in CATEGORIES:
        raise Bad(f"category {record['category']!r}")
    if not TIMESTAMP.fullmatch(record["timestamp"]):
        raise Bad(f"timestamp {record['timestamp']!r}")
    if record["category"] == "AUDIT_CATEGORY_EVALUATION":
        denied = record["decision"] == "AUDIT_DECISION_DENY"
        if denied != ("deny_reason" in record) or (denied and not record["deny_reason"]):
            raise Bad("a denial has a reason, and nothing else has one")
    if list(record)[0] != "audit_event_id" or list(record)[-1] != "prev_hash":
        raise Bad("audit_event_id is first and prev_hash last")


def parse(line):
    """A complete line (with its newline) as a record."""
    if len(line) > LINE_MAX:
        raise Bad(f"line of {len(line)} bytes")
    if not line.endswith(b"\n") or line.count(b"\n") != 1:
        raise Bad("a line ends at its only newline")
    if any(b < 0x20 or b == 0x7F for b in line[:-1]):
        raise Bad("a control byte in a line")
    record = strict.loads(line[:-1])
    if not isinstance(record, dict):
        raise Bad("a record is an object")
    _shape(record)
    _fields(record)
    return record


def _read(path):
    name = NAME.fullmatch(os.path.basename(path))
    with open(path, "rb") as f:
        data = f.read()
    end = data.rfind(b"\n") + 1
    lines = data[:end].splitlines(keepends=True) if b"\r" not in data[:end] else \
        [x + b"\n" for x in data[:end].split(b"\n")[:-1]]
    segment = Segment(path, name[2], int(name[3]), name[4] is None, lines, data[end:])
    if segment.closed and segment.tail:
        raise Bad(f"{path}: closed, but its last line does not end")
    if segment.closed and not lines:
        raise Bad(f"{path}: closed without a record")
    return segment


def _chain(segment, seq, prev, state):
    """Check one segment from (seq, prev_hash) expected on; returns the next pair."""
    for number, line in enumerate(segment.lines, 1):
        try:
            record = parse(line)
            if record["seq"] != seq:
                raise Bad(f"seq {record['seq']}, expected {seq}")
            if record["prev_hash"] != prev:
                raise Bad(f"prev_hash {record['prev_hash']}, expected {prev}")
            log_id, id_seq = event_id(record["audit_event_id"])
            if id_seq != seq or state.setdefault("log_id", log_id) != log_id:
                raise Bad(f"audit_event_id {record['audit_event_id']} does not fit seq {seq}")
            if record["audit_session_id"] != segment.session:
                raise Bad(f"session {record['audit_session_id']} in a segment of {segment.session}")
            if record["timestamp"] < state.get("time", "") and record["action_type"] != "clock_step":
                raise Bad(f"time runs back: {state['time']} then {record['timestamp']}")
        except (ValueError, KeyError, AssertionError) as fault:
            raise Bad(f"{segment.path}:{number}: {fault!r}: {line[:300]!r}") from fault
        state["time"] = record["timestamp"]
        segment.records.append(record)
        seq, prev = seq + 1, hashlib.sha256(b"\0" + line).hexdigest()
    return seq, prev


def _first_seq(segment):
    try:
        return strict.loads(segment.lines[0][:-1])["seq"]
    except (ValueError, KeyError) as fault:
        raise Bad(f"{segment.path}:1: {fault!r}") from fault


def _check_torn(directory, torn, lines):
    """Evidence is kept, and no line in it that continued the chain is missing from the log."""
    for name in torn:
        with open(os.path.join(directory, name), "rb") as f:
            data = f.read()
        prev = None
        for line in data[:data.rfind(b"\n") + 1].split(b"\n")[:-1]:
            try:
                record = parse(line + b"\n")
            except (ValueError, AssertionError):
                break
            if prev not in (None, record["prev_hash"]):
                break
            if record["seq"] > len(lines) or lines[record["seq"] - 1] != line + b"\n":
                raise Bad(f"{name}: record {record['seq']} is not in the log as it stands here")
            prev = hashlib.sha256(b"\0" + line + b"\n").hexdigest()


def _states(directory):
    """{name: when it was last written to}"""
    found = {}
    for name in os.listdir(directory):
        with contextlib.suppress(FileNotFoundError):
            found[name] = os.stat(os.path.join(directory, name)).st_mtime_ns
    return found


def read(directory, closed=False):
    """Check a whole audit directory and return it. closed: after a clean shutdown, when no record may be left in a .tmp;
    else a writer may be at work, and what was written while we read, file by file, need not fit together."""
    for _ in range(20):
        try:
            before = _states(directory)
            return _read_once(directory, closed)
        except (FileNotFoundError, Bad) as fault:
            if closed or isinstance(fault, Bad) and _states(directory) == before:
                raise
            time.sleep(0.05)
    return _read_once(directory, closed)


def _check_unclosed(segments, closed):
    """Only the newest segments may be unclosed: some that wait for it, and the open one."""
    unclosed = [s for s in segments if not s.closed]
    if unclosed and (closed or unclosed != segments[-len(unclosed):] or len(unclosed) > WAITING + 1):
        raise Bad(f"{unclosed[0].name}: {len(unclosed[0].lines)} records in a segment that nobody closed")


def _first_key(directory):
    with open(os.path.join(directory, "origin.vkey"), encoding="ascii") as f:
        return f.read().rstrip("\n")


def _check_seal(directory, segment, before):
    """The seal of a closed segment, behind the one before it (members, text): what it says of the lines, which are
    checked already. Returns (members, text)."""
    with open(segment.path + ".seal", "rb") as f:
        members, text = seals.open_seal(f.read())
    if before is not None or members["index"] == 0:  # the front of a log may be gone
        seals.follow(before, members)
    if members["index"] == 0 and members["key"] != _first_key(directory):
        raise Bad("key is not that of origin.vkey")
    leaves = [seals.leaf(line) for line in segment.lines]
    found = {"file": segment.name, "bytes": sum(map(len, segment.lines)), "records": len(segment.lines),
             "sha256": hashlib.sha256(b"".join(segment.lines)).hexdigest(), "head": leaves[-1].hex(),
             "root": seals.merkle_root(leaves).hex(),
             "first_seq": segment.records[0]["seq"], "last_seq": segment.records[-1]["seq"],
             "first_time": segment.records[0]["timestamp"], "last_time": segment.records[-1]["timestamp"]}
    for name, value in found.items():
        if members[name] != value:
            raise Bad(f"{name} is {members[name]}, expected {value}")
    return members, text


def _check_seals(directory, segments):
    """Each closed segment has its seal, and they form one chain. Returns members by segment."""
    found, before = {}, None
    for segment in segments:
        if not segment.closed:
            break
        try:
            before = _check_seal(directory, segment, before)
        except (OSError, ValueError, AssertionError) as fault:
            raise Bad(f"{segment.name}.seal: {fault!r}") from fault
        found[segment.name] = before[0]
    return found


def _read_once(directory, closed):
    segments, torn, empty = [], [], []
    for name in sorted(os.listdir(directory)):
        match = NAME.fullmatch(name)
        if not match:
            if name.startswith("audit-"):
                raise Bad(f"no name for a segment: {name}")
            continue
        if match[4] == ".torn":
            torn.append(name)
        elif match[4] != ".seal":
            segment = _read(os.path.join(directory, name))
            (segments if segment.lines else empty).append(segment)
    segments.sort(key=_first_seq)
    seq, prev, state = 1, FIRST, {}
    _check_unclosed(segments, closed)
    for segment in segments:
        seq, prev = _chain(segment, seq, prev, state)
    log = Log(segments, [s.name for s in empty], torn,
              [r for s in segments for r in s.records], [line for s in segments for line in s.lines])
    for segment in empty:
        if segment.tail.strip(b"\0") and closed:
            raise Bad(f"{segment.name}: bytes that nobody closed")
    _check_torn(directory, torn, log.lines)
    log.seals = _check_seals(directory, segments)
    return log
