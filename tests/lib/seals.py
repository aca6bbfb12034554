# SPDX-License-Identifier: Apache-2.0
"""Signed notes in the manner of Go's sumdb/note, Merkle trees of RFC 6962, seals and records: the rules of
docs/FORMAT.md in Python, by nothing of the C code. Ed25519 is python3-cryptography's."""

import base64
import binascii
import dataclasses
import datetime
import functools
import hashlib
import re
import unicodedata

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import strict

LINE_MAX = 8192
DEPTH_MAX = 64
_W = rb"[ \t\r]*"
# The members that evidence needs, as they stand in a line; what is in them is looked at after that.
FRONT = re.compile(_W.join((b"", rb"\{", b'"audit_event_id"', b":", rb'"[^"\\]*"', b",", b'"timestamp"', b":",
                            rb'"[^"\\]*"')))
BACK = re.compile(_W.join((b'"seq"', b":", rb"\d+", b",", b'"prev_hash"', b":", rb'"[^"\\]*"', rb"\}", rb"\n\Z")))
SEAL_NOTE_MAX = 2560
SEAL_TEXT_MAX = 2048
ZERO = "0" * 64
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
BASE = re.compile(r"audit-\d{8}T\d{6}Z-" + UUID + r"-(?!0{6,}\.)(?:\d{6}|[1-9]\d{6,8})\.jsonl")
ORIGIN = re.compile(r"[A-Za-z0-9._/:@-]{1,128}")
TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")
HEX = re.compile(r"[0-9a-f]{64}")
SEAL_TYPE = "sealwright-seal/v1"
SEAL_MEMBERS = ("type", "origin", "index", "file", "bytes", "sha256", "records", "first_seq", "last_seq",
                "first_time", "last_time", "head", "root", "prev_seal", "state", "torn_bytes", "session",
                "boot_id", "key", "next_key")

class Bad(ValueError):
    """Something is not as it must be: what."""


class Fault(Exception):
    """The same with its place. line is 0 where the fault is of a whole file."""

    def __init__(self, file, line, what):
        super().__init__(f"{file}:{line}: {what}" if line else f"{file}: {what}")
        self.file, self.line, self.what = file, line, what


# --- hashes and trees -----------------------------------------------------------------------------

def sha256(data):
    return hashlib.sha256(data).digest()


def leaf(line):
    return sha256(b"\0" + line)


def node(left, right):
    return sha256(b"\x01" + left + right)


def _split(n):
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def merkle_root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return node(merkle_root(leaves[:k]), merkle_root(leaves[k:]))


def merkle_path(leaves, index):
    """Siblings of a leaf, lowest first."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return merkle_path(leaves[:k], index) + [merkle_root(leaves[k:])]
    return merkle_path(leaves[k:], index - k) + [merkle_root(leaves[:k])]


def merkle_climb(hash_, size, index, path):
    """The root that a leaf's hash and its path lead to."""
    if not 0 <= index < size:
        raise Bad("leaf_index outside of the tree")
    if size == 1:
        if path:
            raise Bad("path too long")
        return hash_
    if not path:
        raise Bad("path too short")
    k = _split(size)
    if index < k:
        return node(merkle_climb(hash_, k, index, path[:-1]), path[-1])
    return node(path[-1], merkle_climb(hash_, size - k, index - k, path[:-1]))


# --- signed notes ---------------------------------------------------------------------------------

def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    """Canonical base64 only: its own text comes out again."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Bad(f"base64: {fault}") from fault
    if b64(data) != text:
        raise Bad("base64 is not canonical")
    return data


def name_ok(name):
    return 0 < len(name.encode()) <= 128 and "+" not in name and \
        not any(c.isspace() or unicodedata.category(c) == "Cc" for c in name)


def key_id(name, public, algorithm=1):
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public)[:4]


def vkey(name, public, algorithm=1):
    return f"{name}+{key_id(name, public, algorithm).hex()}+{b64(bytes([algorithm]) + public)}"


def parse_vkey(text):
    """(name, raw public key) of a verifier key for Ed25519."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not name_ok(parts[0]) or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
        raise Bad("not a verifier key")
    data = unb64(parts[2])
    if len(data) != 33 or data[0] != 1:
        raise Bad("not an Ed25519 key")
    if key_id(parts[0], data[1:]).hex() != parts[1]:
        raise Bad("the key's id does not belong to it")
    return parts[0], data[1:]


def public_of(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign_line(text, name, seed, public=None):
    """The signature line of a text, by a private key."""
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(text)
    return f"\u2014 {name} {b64(key_id(name, public or public_of(seed)) + signature)}\n".encode()


def sign_note(text, name, seed):
    return text + b"\n" + sign_line(text, name, seed)


def parse_note(data):
    """(text with its last newline, [(name, key id, signature)]) of a signed note."""
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise Bad(f"not UTF-8: {fault}") from fault
    if any(c < " " and c != "\n" or c == "\x7f" for c in whole):
        raise Bad("a control character in a note")
    at = whole.rfind("\n\n")
    if at < 0 or not whole.endswith("\n"):
        raise Bad("no note: text, empty line, signatures")
    lines = whole[at + 2:-1].split("\n") if whole[at + 2:] else []
    signatures = []
    for line in lines:
        match = re.fullmatch("\u2014 ([^ ]+) ([^ ]+)", line)
        if not match or not name_ok(match[1]):
            raise Bad("not a signature line")
        blob = unb64(match[2])
        if len(blob) < 5:
            raise Bad("signature too short")
        signatures.append((match[1], blob[:4], blob[4:]))
    if not signatures:
        raise Bad("no signature")
    return whole[:at + 1].encode(), signatures


def check_signature(text, signatures, name, public):
    """One of the signatures is this key's, and good."""
    ours = [s for n, i, s in signatures if n == name and i == key_id(name, public)]
    if not ours:
        raise Bad("no signature by this key")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(ours[0], text)
    except InvalidSignature as fault:
        raise Bad("signature is wrong") from fault


# --- seals ----------------------------------------------------------------------------------------

def _is_time(text):
    if not isinstance(text, str) or not TIMESTAMP.fullmatch(text):
        return False
    try:
        datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return False
    return True


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_hex(value):
    return isinstance(value, str) and HEX.fullmatch(value) is not None


def _is_boot(value):
    return isinstance(value, str) and (value == "unknown" or re.fullmatch(UUID, value) is not None)


def _is_text(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


SEAL_CHECKS = {
    "type": lambda v: v == SEAL_TYPE, "origin": _is_text(ORIGIN), "index": is_count, "file": _is_text(BASE),
    "bytes": is_count, "sha256": is_hex, "records": is_count, "first_seq": is_count, "last_seq": is_count,
    "first_time": _is_time, "last_time": _is_time, "head": is_hex, "root": is_hex, "prev_seal": is_hex,
    "state": lambda v: v in ("clean", "recovered", "poisoned"), "torn_bytes": is_count,
    "session": _is_text(UUID), "boot_id": _is_boot, "key": _is_text(".+"), "next_key": _is_text(".+"),
}


def seal_text(members):
    """Members as a seal's text, in the order and form that it has."""
    return strict.dumps({name: members[name] for name in SEAL_MEMBERS}) + b"\n"


def seal_hash(text):
    return hashlib.sha256(text).hexdigest()


def parse_seal(text):
    """The members of a seal's text; Bad names the one that is wrong."""
    if len(text) > SEAL_TEXT_MAX:
        raise Bad("seal too long")
    try:
        members = strict.loads(text[:-1])
    except ValueError as fault:
        raise Bad(f"seal: {fault}") from fault
    if not isinstance(members, dict) or tuple(members) != SEAL_MEMBERS:
        raise Bad("seal: not its members in their order")
    for name, check in SEAL_CHECKS.items():
        if not check(members[name]):
            raise Bad(f"seal: {name}")
    if seal_text(members) != text:
        raise Bad("seal: not in its one form")
    if not members["last_seq"] - members["first_seq"] + 1 == members["records"] > 0:
        raise Bad("seal: records")
    if parse_vkey(members["key"])[0] != members["origin"]:
        raise Bad("seal: key of another name")
    if len(unb64(members["next_key"])) != 32:
        raise Bad("seal: next_key")
    return members


@functools.lru_cache(maxsize=1024)
def open_seal(data):
    """(members, text) of a whole .seal file, signed by the key that it names. Kept: members are not to be changed."""
    if len(data) > SEAL_NOTE_MAX:
        raise Bad("seal too long")
    text, signatures = parse_note(data)
    members = parse_seal(text)
    if len(signatures) != 1:
        raise Bad("a seal has one signature")
    name, public = parse_vkey(members["key"])
    check_signature(text, signatures, name, public)
    return members, text


def follow(before, members):
    """members come right behind the seal `before` (members, text), or None for the first of a log."""
    if before is None:
        expected = {"index": 0, "prev_seal": ZERO, "first_seq": 1}
    else:
        prior, text = before
        public = unb64(prior["next_key"])
        expected = {"index": prior["index"] + 1, "origin": prior["origin"], "key": vkey(prior["origin"], public),
                    "prev_seal": seal_hash(text), "first_seq": prior["last_seq"] + 1}
    for name, value in expected.items():
        if members[name] != value:
            raise Bad(f"{name} is {members[name]}, expected {value}")


# --- records --------------------------------------------------------------------------------------

def event_id(text):
    """(log id, seq) of a UUIDv8: 60 bits of log id, then 62 bits of seq."""
    if not isinstance(text, str) or not re.fullmatch(UUID, text):
        raise Bad("audit_event_id: no UUID")
    number = int(text.replace("-", ""), 16)
    if (number >> 76) & 0xF != 8 or (number >> 62) & 3 != 2:
        raise Bad("audit_event_id: no UUIDv8")
    return (number >> 80) << 12 | (number >> 64) & 0xFFF, number & ((1 << 62) - 1)


def _depth(value):
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def parse_record(line):
    """A line (with its newline) as a record with the members that evidence needs."""
    if len(line) > LINE_MAX:
        raise Bad("line too long")
    if not line.endswith(b"\n"):
        raise Bad("line does not end")
    try:
        record = strict.loads(line[:-1].strip(b" \t\r"))
    except ValueError as fault:
        raise Bad(f"JSON: {fault}") from fault
    if not isinstance(record, dict) or not record:
        raise Bad("JSON: no object")
    if _depth(record) > DEPTH_MAX:
        raise Bad("JSON: nested too deep")
    if next(iter(record)) != "audit_event_id":
        raise Bad("audit_event_id is not first")
    if list(record)[-1] != "prev_hash":
        raise Bad("prev_hash is not last")
    if not FRONT.match(line) or not BACK.search(line):
        raise Bad("timestamp or seq in another place, or with escapes")
    if not is_count(record.get("seq")):
        raise Bad("seq")
    if not _is_time(record.get("timestamp")):
        raise Bad("timestamp")
    if not is_hex(record["prev_hash"]):
        raise Bad("prev_hash")
    return record


@dataclasses.dataclass
class Chain:
    """What the next line must continue. None: not known (seals before it are missing)."""
    seq: int
    head: object
    time: object
    log_id: object = None

    def take(self, line):
        record = parse_record(line)
        log_id, seq = event_id(record["audit_event_id"])
        if record["seq"] != self.seq:
            raise Bad(f"seq {record['seq']}, expected {self.seq}")
        if seq != self.seq:
            raise Bad("audit_event_id does not fit seq")
        if self.log_id not in (None, log_id):
            raise Bad("audit_event_id of another log")
        if self.time is not None and record["timestamp"] < self.time and record.get("action_type") != "clock_step":
            raise Bad("timestamp runs back")
        if self.head not in (None, record["prev_hash"]):
            raise Bad(f"prev_hash {record['prev_hash']}, expected {self.head}")
        self.log_id, self.time = log_id, record["timestamp"]
        self.seq, self.head = self.seq + 1, leaf(line).hex()
        return record


def lines_of(data):
    """Lines with their newlines; the last may have none."""
    parts = data.split(b"\n")
    return [x + b"\n" for x in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def check_segment(name, data, seal, chain):
    """A segment's bytes against its seal, going on where chain stands."""
    times, leaves = [], []
    lines = lines_of(data)
    for number, line in enumerate(lines, 1):
        if number > seal["records"]:
            raise Fault(name, number, f"more lines than the {seal['records']} that are sealed")
        try:
            times.append(chain.take(line)["timestamp"])
        except Bad as fault:
            raise Fault(name, number, str(fault)) from fault
        leaves.append(leaf(line))
    if len(lines) < seal["records"]:
        raise Fault(name, len(lines) + 1, f"{len(lines)} lines, {seal['records']} are sealed")
    if chain.head != seal["head"]:
        raise Fault(name, len(lines), f"head is {chain.head}, sealed is {seal['head']}")
    found = {"bytes": len(data), "first_time": times[0], "last_time": times[-1], "root": merkle_root(leaves).hex(),
             "sha256": hashlib.sha256(data).hexdigest()}
    for what, value in found.items():
        if seal[what] != value:
            raise Fault(name, 0, f"{what} is {value}, sealed is {seal[what]}")
