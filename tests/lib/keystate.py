# SPDX-License-Identifier: Apache-2.0
"""The key state by the rules of docs/FORMAT.md, "The key state", and by nothing of the C code.

    state = keystate.read(key_directory)          the newest whole slot; a plain one, or one stored under secret=
    state.seed, state.next_index, state.pending
    keystate.slots(data)                          both slots as they stand: None (zeros), Bad, or a State"""

import dataclasses
import hashlib
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NAME = "state"
SLOT = 32768
SIZE = 2 * SLOT
MAGIC = b"sealkeys"


class Bad(ValueError):
    """Bytes that are no state."""


@dataclasses.dataclass
class State:
    generation: int
    wrapped: bool
    log_id: int
    first_key: bytes
    next_index: int
    seq: int
    last_time: int
    head: bytes
    prev_seal: bytes
    origin: str
    pending: list    # (segment, note)
    stored: bytes    # the private key as it stands
    seed: bytes      # the private key; None when it is stored under a secret that was not given


def _bytes(data, at, n):
    if n > len(data) - at:
        raise Bad("cut short")
    return data[at:at + n], at + n


def _string(data, at):
    raw, at = _bytes(data, at, 2)
    return _bytes(data, at, struct.unpack("<H", raw)[0])


def _unwrap(beside, stored, secret):
    if secret is None:
        return None
    try:
        return AESGCM(secret).decrypt(stored[:12], stored[12:], beside)
    except InvalidTag as fault:
        raise Bad("another secret") from fault


def _pending(data, at):
    raw, at = _bytes(data, at, 2)
    pending = []
    for _ in range(struct.unpack("<H", raw)[0]):
        name, at = _string(data, at)
        note, at = _string(data, at)
        pending.append((name.decode("ascii"), note))
    return pending, at


def parse(slot, secret=None):
    """A slot that is in use."""
    magic, version, storage, length, generation = struct.unpack_from("<8sHHIQ", slot)
    if magic != MAGIC or version != 1 or storage > 1 or not 56 <= length <= SLOT:
        raise Bad("no header")
    used, check = slot[:length - 32], slot[length - 32:length]
    if hashlib.sha256(used).digest() != check:
        raise Bad("checksum")
    log_id, first_key, index, seq, time, head, prev = struct.unpack_from("<Q32sQQq32s32s", used, 24)
    origin, at = _string(used, 152)
    pending, at = _pending(used, at)
    stored, end = _bytes(used, at, 60 if storage else 32)
    if end != len(used) or len(pending) > 8:
        raise Bad("left over")
    seed = _unwrap(used[:at], stored, secret) if storage else stored
    return State(generation, bool(storage), log_id, first_key, index, seq, time, head, prev, origin.decode("ascii"),
                 pending, stored, seed)


def slots(data, secret=None):
    if len(data) != SIZE:
        raise Bad(f"{len(data)} bytes")
    found = []
    for at in (0, SLOT):
        slot = data[at:at + SLOT]
        try:
            found.append(parse(slot, secret) if any(slot) else None)
        except Bad as fault:
            found.append(fault)
    return found


def path(directory):
    return os.path.join(directory, NAME)


def raw(directory):
    with open(path(directory), "rb") as f:
        return f.read()


def read_data(data, secret=None):
    whole = [s for s in slots(data, secret) if isinstance(s, State)]
    if not whole:
        raise Bad("neither slot is whole")
    return max(whole, key=lambda s: s.generation)


def read(directory, secret=None):
    return read_data(raw(directory), secret)


def has_key(data, seed):
    """Whether any eighth of a private key is in it."""
    return any(seed[at:at + 8] in data for at in range(0, 32, 8))
