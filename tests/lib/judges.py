# SPDX-License-Identifier: Apache-2.0
"""The three that judge a log: auditlog verify, evidence.py and docs/verify.sh, asked the same and answering alike."""

import dataclasses
import os
import re
import subprocess
import tempfile

import evidence
import schema
import service
import strict

AUDITLOG = os.path.join(service.BUILD, "bin", "auditlog")
SCRIPT = os.path.join(schema.TOP, "docs", "verify.sh")


@dataclasses.dataclass
class Judgement:
    verdict: str
    caveats: list     # beside the verdict, the weightiest first
    code: int
    file: str = None  # of the first fault
    line: int = None
    what: str = ""
    pin: str = None   # INDEX:HASH of the newest seal
    records: int = None
    offset: int = None  # byte, as auditlog says it
    tail: tuple = None  # records not sealed yet, the last one's seq, bytes that do not continue the log

    @property
    def short(self):
        """What all must agree on."""
        return self.verdict, tuple(self.caveats), self.code, self.file, self.line


class Key:
    """A verifier key in a file, as a reviewer keeps it."""

    def __init__(self, text):
        self.text = text
        with tempfile.NamedTemporaryFile("w", suffix=".vkey", delete=False) as f:
            f.write(text + "\n")
        self.path = f.name


def python(directory, key=None, pins=(), max_age=None):
    r = evidence.verify(directory, key.text if key else None, pins, max_age)
    pin = f"{r.seals[-1][0]['index']}:{evidence.seal_hash(r.seals[-1][1])}" if r.seals and not r.fault else None
    file, line = r.place or (None, None)
    return Judgement(r.verdict, r.caveats, r.code, file, line, str(r.fault or ""), pin, r.records,
                     tail=(r.tail_records, r.tail_last, r.tail_bytes))


def options(key, pins, max_age, unit=""):
    made = ["--key", key.path] if key else []
    for index, text in pins:
        made += ["--pin", f"{index}:{text}"]
    return made + ([] if max_age is None else ["--max-age", f"{max_age}{unit}"])


def run(args):
    done = subprocess.run(args, capture_output=True, check=False, timeout=service.PATIENCE * 4,
                          stdin=subprocess.DEVNULL)
    out, err = done.stdout.decode(), done.stderr.decode(errors="replace")
    if service.UNSOUND.search(err):
        raise AssertionError(err)
    return done.returncode, out, err


def shell(directory, key=None, pins=(), max_age=None):
    code, out, err = run(["sh", SCRIPT, *options(key, pins, max_age), directory])
    first = out.partition("\n")[0]
    words, _, said = first.partition(": ")
    if code == 2 or err or not words:
        raise AssertionError(f"verify.sh: {code}: {out}{err}")
    words = words.split(", ")
    if words[0] == "BROKEN":
        match = re.match(r"(?:seal \d+|([^:]+?)(?::(\d+))?): (.*)", said)
        return Judgement("BROKEN", [], code, match[1] or "", int(match[2] or 0), match[3])
    found = re.match(r"(\d+) records checked, newest seal \S+?(?:, pin (\d+:[0-9a-f]{64}))?$", said)
    return Judgement(words[0], words[1:], code, pin=found[2], records=int(found[1]))


def auditlog(directory, key=None, pins=(), max_age=None):
    code, out, err = run([AUDITLOG, "verify", "--json", *options(key, pins, max_age, "s"), directory])
    if code == 2 or err or out.count("\n") != 1:
        raise AssertionError(f"auditlog verify: {code}: {out}{err}")
    said = strict.loads(out.rstrip("\n").encode())
    fault = said.get("fault")
    place = (fault["file"] or "", fault["line"] or 0) if fault else (None, None)
    return Judgement(said["verdict"], said["caveats"], code, *place, str(fault), said["pin"], said["records"],
                     fault and fault["offset"],
                     (said["tail"]["records"], said["tail"]["last_seq"] or 0, said["tail"]["bytes_not_checked"]))
