#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The floors hold: programs stand on policy/ and proto/, those on common/, and nothing looks up.

Checks every #include "..." and every program's link list (<program>/objects.mk)."""

import os
import re
import sys

FLOORS = {
    "common": {"common"},
    "proto": {"proto", "common"},
    "policy": {"policy", "common"},
    "auditd-writer": {"auditd-writer", "proto", "common"},
    "policyd": {"policyd", "policy", "proto", "common"},
    "policyctl": {"policyctl", "policy", "proto", "common"},
    "auditlog": {"auditlog", "proto", "common"},
}
PROGRAMS = ("auditd-writer", "policyd", "policyctl", "auditlog")
# The writer reads no JSON: not by json-c, and not by our own scanner.
WRITER_NEVER = ("common/jscan", "common/jtree")
WRITER_LIBS = {"libcrypto", "libcap", "libseccomp"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def files_of(folder, *suffixes):
    return sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files if f.endswith(suffixes))


def includes(folder, allowed):
    for path in files_of(folder, ".c", ".h", ".def"):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for name in INCLUDE.findall(text):
            if not os.path.exists(name):
                yield f'{path}: #include "{name}": name it from the top of the tree'
            elif name.split("/")[0] not in allowed:
                yield f'{path}: #include "{name}": {folder}/ must not know {name.split("/")[0]}/'
            elif folder == "auditd-writer" and name.startswith(WRITER_NEVER):
                yield f'{path}: #include "{name}": the writer parses no JSON'


def variables(path):
    """The text of an objects.mk, what it includes put in front, and $(NAME) of variables set there put in."""
    with open(path, encoding="utf-8") as f:
        text = f.read().replace("\\\n", " ")
    text = "".join(variables(name) + "\n" for name in re.findall(r"^include\s+(\S+)$", text, re.M)) + text
    values = dict(re.findall(r"^([A-Za-z][\w-]*)\s*:=(.*)$", text, re.M))
    for _ in values:
        text = re.sub(r"\$\(([\w-]+)\)", lambda m: values.get(m[1], m[0]), text)
    return text


def link_list(program):
    """Objects and libraries of objects.mk: make's variables, without running make."""
    text = variables(program + "/objects.mk")
    found = {"OBJS": [], "LIBS": []}
    for kind, value in re.findall(r"^(OBJS|LIBS)-" + re.escape(program) + r"\s*[:+]?=(.*)$", text, re.M):
        found[kind] += value.split()
    return found["OBJS"], found["LIBS"]


def links(program, allowed):
    objects, libs = link_list(program)
    for o in objects:
        if o.split("/")[0] not in allowed:
            yield f"{program}/objects.mk: {o}: not on a floor below {program}"
        if program == "auditd-writer" and o.startswith(WRITER_NEVER):
            yield f"{program}/objects.mk: {o}: the writer parses no JSON"
        if not os.path.exists(o[:-2] + ".c"):
            yield f"{program}/objects.mk: {o}: no such source"
    if program == "auditd-writer":
        for lib in set(libs) - WRITER_LIBS:
            yield f"{program}/objects.mk: {lib}: not for the writer"
    listed = set(objects)
    for path in files_of(program, ".c"):
        if path[:-2] + ".o" not in listed:
            yield f"{path}: not in {program}/objects.mk"


def main():
    faults = []
    for folder, allowed in FLOORS.items():
        faults += includes(folder, allowed)
    for program in PROGRAMS:
        faults += links(program, FLOORS[program])
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
