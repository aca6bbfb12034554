# SPDX-License-Identifier: Apache-2.0
"""JSON Lines against the JSON Schemas of proto/, by a validator that is not ours (ajv)."""

import functools
import os
import subprocess

import tap

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BATCH = 200_000  # lines; node takes no text of more than 512 MiB


def _environment():
    """Debian's modules lie outside the path of a node that is not Debian's."""
    path = ":".join(p for p in (os.environ.get("NODE_PATH"), "/usr/share/nodejs") if p)
    return {**os.environ, "NODE_PATH": path}


@functools.lru_cache
def missing():
    """Why nothing can be validated here, or None."""
    try:
        done = subprocess.run(["node", "-e", "require('ajv')"], env=_environment(), capture_output=True,
                              timeout=60, check=False)
    except FileNotFoundError:
        return "node is not installed (tools/deps.sh check names the package)"
    return None if done.returncode == 0 else "node has no ajv (Debian: node-ajv)"


def path_of(name):
    return os.path.join(TOP, "proto", name + ".schema.json")


def validate(name, lines):
    """Faults of lines (bytes, with or without newline) against proto/NAME.schema.json, as texts. Counts
    as a skipped check of the test program where no validator is installed."""
    tap.side_checks.setdefault(f"every {name} conforms to its schema", missing())
    if missing():
        return []
    return [fault for i in range(0, len(lines), BATCH) for fault in _validate(name, lines[i:i + BATCH])]


def _validate(name, lines):
    data = b"".join(x if x.endswith(b"\n") else x + b"\n" for x in lines)
    driver = os.path.join(TOP, "tests", "lib", "validate.js")
    done = subprocess.run(["node", driver, path_of(name)], input=data, env=_environment(),
                          capture_output=True, timeout=300, check=False)
    out = done.stdout.decode(errors="replace").splitlines()
    if done.returncode not in (0, 1) or not out or out[-1] != f"checked {len(lines)}":
        raise AssertionError(f"validator: {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]} {out[-3:]}")
    return out[:-1]
