# SPDX-License-Identifier: Apache-2.0
"""A log directory over several rounds of a soak: what was checked of it is put away."""

import contextlib
import hashlib
import json
import os
import subprocess

import fates
from crowd import AUDITLOG

LEAST_LINE = 200


class Log:
    """clock: of the programs. damage: bytes that were put behind the newest records, or in a segment's place: kept. returned:
    segments that were moved away and back; by then their records may be in others, and nobody needs them."""

    def __init__(self, top, disk, plan, clock):
        self.top, self.disk, self.plan, self.clock = top, disk, plan, clock
        self.seq, self.prev, self.revision, self.rounds = 1, "0" * 64, 1, 0
        self.key = os.path.join(top, "pinned.vkey")
        self.damage, self.returned, self.last_time = [], set(), ""

    def pin(self):
        """The first key, kept elsewhere as a reviewer would."""
        if not os.path.exists(self.key):
            with open(os.path.join(self.disk.audit, "origin.vkey"), "rb") as f, open(self.key, "wb") as kept:
                kept.write(f.read())

    def paths(self, ending):
        return [os.path.join(self.disk.audit, n) for n in os.listdir(self.disk.audit) if n.endswith(ending)]

    def closed(self):
        """Segments not yet checked, in order, after a clean end; AssertionError when one is left open."""
        left = [p for p in self.paths(".tmp") if fates.begun(p)]
        for path in self.returned.intersection(left):
            os.unlink(path)
            left.remove(path)
        if left:
            raise AssertionError(f"not closed: {left}")
        numbered = sorted((fates.first_seq(p), p) for p in self.paths(".jsonl"))
        return [p for n, p in numbered if n >= self.seq]

    def unclosed(self):
        """(path, what was written to it) of segments that are not closed and have a whole record, in order."""
        found = []
        for path in self.paths(".tmp"):
            # Closed meanwhile; or its first line is none.
            with contextlib.suppress(FileNotFoundError, ValueError), open(path, "rb") as f:
                content = f.read().rstrip(b"\0")
                if b"\n" in content:
                    found.append((json.loads(content[:content.index(b"\n")])["seq"], path, content))
        return [(path, content) for _, path, content in sorted(found)]

    def tells(self, words, since):
        """Whether they are in what was written since that time of the machine."""
        for path in self.paths(".jsonl") + self.paths(".tmp"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if os.stat(path).st_mtime >= since:
                    with open(path, "rb") as f:
                        if words in f.read():
                            return True
        return False

    def tear(self, dice):
        """Half a line, or one with a hole, behind the newest record, as a power cut may leave what was not synced. True when
        there was a segment that nobody has begun to close."""
        found = self.unclosed()
        if not found:
            return False
        path, content = found[-1]
        last = content[content.rfind(b"\n", 0, -1) + 1:]
        if not content.endswith(b"\n") or os.stat(path).st_size <= len(content) or len(last) < LEAST_LINE:
            return False
        number = fates.END.search(last)
        if not number:
            return False
        torn = last[:number.start()] + b'"seq":%d,"prev_hash":"%s"}\n' % (
            int(number[1]) + 1, hashlib.sha256(b"\0" + last).hexdigest().encode())
        cut = dice.randrange(1, number.start())
        if dice.random() < 0.5:
            torn = torn[:cut]
        else:
            end = min(number.start(), (cut // 512 + 1) * 512)
            torn = torn[:cut] + bytes(end - cut) + torn[end:]
        mode = os.stat(path).st_mode & 0o777
        os.chmod(path, mode | 0o200)
        with open(path, "r+b") as f:
            f.seek(len(content))
            f.write(torn)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(path, mode)
        self.damage.append(torn)
        return True

    def kept(self):
        """What is wrong with what was set aside: each damage is there."""
        torn = []
        for path in self.paths(""):
            if ".torn" in path:
                with open(path, "rb") as f:
                    torn.append(f.read())
        missing = [d for d in self.damage if not any(d in t for t in torn)]
        self.damage = []
        return [f"was torn, and is not kept: {d[:100]!r}" for d in missing]

    def verify(self):
        """What auditlog verify says against: None or words."""
        done = subprocess.run([AUDITLOG, "verify", "--key", self.key, self.disk.audit], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        return None if done.returncode in (0, 3) else f"status {done.returncode}: {done.stdout.strip()} {done.stderr.strip()}"

    def put_away(self):
        """All but the newest segment; seals stay."""
        segments = sorted((fates.first_seq(p), p) for p in self.paths(".jsonl"))
        for path in [p for _, p in segments[:-1]] + [p for p in self.paths("") if ".torn" in p]:
            os.unlink(path)
