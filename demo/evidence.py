# SPDX-License-Identifier: Apache-2.0
"""What a reviewer does with the demonstration's log: verify it from the key that was noted at the first start, have a report
of it, prove one decision without showing another, and find out that a copy was altered."""

import glob
import os
import shutil
import subprocess

WAIT = 30
SHOWN = 6  # lines of what a program says


class Unproven(Exception):
    """The evidence does not show what it should."""


def run(build, wanted, program, *arguments):
    """Its output, when it ends with the wanted status."""
    done = subprocess.run([os.path.join(build, "bin", program), *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=WAIT, check=False)
    if done.returncode != wanted:
        raise Unproven(f"{program} {arguments[0]}: status {done.returncode}, not {wanted}: {done.stdout}{done.stderr}")
    return done.stdout


def show(text):
    lines = text.splitlines()
    for line in lines[:SHOWN]:
        print("    " + (line if len(line) <= 150 else line[:147] + "..."))
    if len(lines) > SHOWN:
        print(f"    ... {len(lines) - SHOWN} lines more")


def altered(audit, top):
    """A copy of the log in which one record of the first segment was allowed, and now was not."""
    copy = os.path.join(top, "altered")
    shutil.copytree(audit, copy)
    for path in sorted(glob.glob(os.path.join(copy, "audit-*.jsonl"))):
        with open(path, "rb") as f:
            before = f.read()
        after = before.replace(b"AUDIT_DECISION_ALLOW", b"AUDIT_DECISION_DENY ", 1)
        if after != before:
            os.chmod(path, 0o640)
            with open(path, "wb") as f:
                f.write(after)
            return copy
    raise Unproven("no record to alter")


def story(build, top, event_id):
    """event_id: of an acknowledged decision."""
    audit, pinned = os.path.join(top, "audit"), os.path.join(top, "pinned.vkey")
    proof = os.path.join(top, "proof.json")
    shutil.copy(os.path.join(audit, "origin.vkey"), pinned)
    print("The key that verifies the first seal, to be kept off this host:")
    show(run(build, 0, "policyctl", "enroll", "--no-qr", audit))
    print("The whole log from that key; RECOVERED, because a segment was sealed after the kill:")
    show(run(build, 3, "auditlog", "verify", "--key", pinned, audit))
    page = os.path.join(top, "report.html")
    with open(page, "w", encoding="utf-8") as f:
        f.write(run(build, 3, "auditlog", "report", "--key", pinned, "--format", "html", audit))
    print(f"A report on it for whoever was not there (--keep DIR leaves it):\n    {page}, {os.path.getsize(page)} bytes")
    print("One decision proven to somebody who gets no other record:")
    run(build, 0, "auditlog", "prove", "--out", proof, event_id, audit)
    show(run(build, 0, "auditlog", "verify-proof", "--key", pinned, proof))
    print("A copy of the log, one allowed request made a denied one:")
    show(run(build, 1, "auditlog", "verify", "--key", pinned, altered(audit, top)))
