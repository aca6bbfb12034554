#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the harness see what it is there to see? Each flush, rename flag, order of acknowledgement and step of
recovery (mutations.py) is taken out of the writer, one at a time; then the tests of this directory run on that writer
until one of them fails. Prints a table of what saw which; one that none of them sees is a hole in them (exit status 1).

    mutants.py [--build DIR] [--jobs N] [--quick] [--list] [NAME...]

--build: where `make all unit` has put what it built; --jobs: mutants side by side; --quick: a sample of the faults
only; --list: where each stands, and nothing is run."""

import argparse
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

import mutations

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
SECONDS = 1800  # of one test
SIDE_BY_SIDE = "3"  # faults of one mutant
TESTS = {mutations.STATES: ("test_crash_prefix", "SEALWRIGHT_LIFE"), mutations.POINTS: ("test_every_call", "SEALWRIGHT_ONLY")}
# What is tried one after the other, each with the most that it tries of what it knows: first where the mutant's
# author looks for it (None), then everywhere.
LOOKS = [(None, "2000"), (mutations.STATES, "500"), (mutations.POINTS, "600"), (mutations.STATES, "all"),
         (mutations.POINTS, "6000")]


class Writer:
    """Builds mutants of the writer from the objects of a build: one object anew, and a link."""

    def __init__(self, build):
        self.build = build
        with open(os.path.join(build, "flags"), encoding="utf-8") as f:
            self.compiler = [*shlex.split(f.read()), "-w"]
        rule = ("include auditd-writer/objects.mk\nall:\n\t@echo $(OBJS-auditd-writer)\n"
                "\t@pkg-config --libs $(LIBS-auditd-writer)\n")
        out = subprocess.run(["make", "-s", "-f", "-"], input=rule, cwd=TOP, capture_output=True, text=True, check=True)
        self.objects, self.libraries = (line.split() for line in out.stdout.splitlines())

    def make(self, edits, top):
        """The path of the mutant, below top."""
        changed = {}
        for file, old, new in edits:
            path = os.path.join("auditd-writer", file)
            text = changed[path] if path in changed else read(path)
            if old not in text:
                raise LookupError(f"not in {file}: {old!r}")
            changed[path] = text.replace(old, new)
        os.mkdir(os.path.join(top, "auditd-writer"))
        for path, text in changed.items():
            with open(os.path.join(top, path), "w", encoding="utf-8") as f:
                f.write(text)
        objects = {o: os.path.join(self.build, "obj", o) for o in self.objects}
        for path in changed:
            name = path.replace(".c", ".o")
            objects[name] = os.path.join(top, name)
            self.run(["-c", "-o", objects[name], os.path.join(top, path)])
        writer = os.path.join(top, "auditd-writer", "writer")
        self.run(["-o", writer, *objects.values(), *self.libraries])
        return writer

    def run(self, arguments):
        subprocess.run(self.compiler + arguments, cwd=TOP, check=True)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def place(edits):
    """file:line of the first edit."""
    file, old, _ = edits[0]
    text = read(os.path.join("auditd-writer", file))
    at = text.find(old)
    return f"{file}:{text[:at].count(chr(10)) + 1 if at >= 0 else '?'}"


def words(said):
    """What a failed test says of its first failure."""
    error = re.search(r"ERROR:? +(?:\] --- )?(.*)", said)
    which = re.search(r"# FAILED (\S+)", said)
    text = re.sub(r"/\S*/writer-\w+\S*:? ?", "", error.group(1)) if error else "it does not get so far"
    text = re.sub(r"audit-\w+-[-0-9a-f]+-(\d{6})\.", r"\1.", text).strip()
    return f"{which.group(1) + ': ' if which else ''}{text if len(text) < 110 else text[:100] + '...'}"


def looks(first, quick):
    for kind, most in LOOKS[:3] if quick else LOOKS:
        yield (*first, most) if kind is None else (kind, None, most)


def detect(build, writer, tmp, where):
    """(what saw it, how many faults were tried until then); (None, tried)."""
    tried = 0
    for kind, only, most in where:
        test, variable = TESTS[kind]
        env = {**os.environ, "AUDITD_WRITER": writer, "SEALWRIGHT_BUILD": build, "SEALWRIGHT_FIRST": "1",
               "SEALWRIGHT_FAULTS": most, "SEALWRIGHT_JOBS": SIDE_BY_SIDE, "TMPDIR": tmp}
        if only:
            env[variable] = only
        done = subprocess.run([os.path.join(build, "unit", test)], env=env, capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        ran = re.search(r"# (\d+) (?:states|trials),", done.stdout)
        tried += int(ran.group(1)) if ran else 0
        if done.returncode != 0:
            return f"{test} {words(done.stdout)}", tried
    return None, tried


def try_one(made, build, mutant, top, quick):
    name, edits, first = mutant
    since = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="", dir=top) as own:
        try:
            seen, tried = detect(build, made.make(edits, own), own, looks(first, quick))
        except (LookupError, subprocess.SubprocessError) as problem:
            return name, None, f"| {name} | {place(edits)} | NO VERDICT: {problem} | | |"
    row = f"| {name} | {place(edits)} | {seen or 'NOT CAUGHT'} | {tried} | {time.monotonic() - since:.0f} |"
    return name, seen, row


def seen_unchanged(made, build, top):
    """What the tests say of the writer as it is: where that is anything, what they say of mutants is worth nothing."""
    with tempfile.TemporaryDirectory(prefix="", dir=top) as own:
        seen, _ = detect(build, made.make([], own), own, [(mutations.STATES, None, "500"), (mutations.POINTS, None, "600")])
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    wanted = [m for m in mutations.MUTANTS if not args.names or m[0] in args.names]
    if args.list:
        for name, edits, _ in wanted:
            print(f"{name:28} {place(edits)}")
        return 0
    build, since = os.path.abspath(args.build), time.monotonic()
    made, missed = Writer(build), []
    print("| mutant | where | what saw it | faults tried | s |\n|---|---|---|---|---|", flush=True)
    # Short: the tests put paths of their own below it.
    place_of_all = os.environ.get("SEALWRIGHT_IMAGES") or ("/dev/shm" if os.path.isdir("/dev/shm") else None)
    with tempfile.TemporaryDirectory(prefix="m", dir=place_of_all) as top, \
            concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        if seen := seen_unchanged(made, build, top):
            print(f"no verdicts: of the writer as it is, too: {seen}", file=sys.stderr)
            return 1
        running = [pool.submit(try_one, made, build, m, top, args.quick) for m in wanted]
        for name, seen, row in (r.result() for r in concurrent.futures.as_completed(running)):
            print(row, flush=True)
            if not seen:
                missed.append(name)
    print(f"{len(wanted)} mutants, {len(wanted) - len(missed)} caught, {time.monotonic() - since:.0f} s"
          f"{'; not: ' + ', '.join(missed) if missed else ''}")
    return 1 if missed or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
