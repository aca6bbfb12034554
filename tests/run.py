#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run every test of the tree and count: unit test binaries and system tests (both speak TAP), and the fuzz
corpora. The last line is "N passed, N failed, N skipped". A skip says why.

    run.py [--build DIR] [--jobs N] [--sanitized] [NAME...]

Names choose: "test_cli", "system/test_cli", "unit", "fuzz"."""

import argparse
import concurrent.futures
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))

import procs  # noqa: E402

# An emulated machine is slower by a factor.
SLOWER = int(os.environ.get("SEALWRIGHT_PATIENCE", "1"))
TIMEOUT = {"unit": 120 * SLOWER, "fuzz": 120 * SLOWER, "system": 600 * SLOWER}
ENDING = 10  # s for a test that took too long to put away what it has made
GRACE = 15 * SLOWER  # s for what was killed to be gone: it may be waiting for a disk
# These need the machine for themselves: they watch clocks, or use all of it.
ALONE = {"test_bad_clients", "test_bad_input", "test_durability", "test_pipeline"}
# "ok 3 - name # SKIP why"; cmocka 1.1 says "not ok 3 # SKIP name" of a test that asked to be skipped.
POINT = re.compile(r"^(ok|not ok)\b\s*\d*\s*(?:-\s*)?(.*?)(?:\s*#\s*(SKIP|TODO|[\d.]+ s)\b\s*(.*))?$", re.I)


class Outcome:
    """What one test program said."""

    def __init__(self, name):
        self.name = name
        self.passed, self.failed, self.skipped = 0, [], []
        self.output = ""
        self.seconds = 0.0

    def read_tap(self, code):
        plan = None
        points = 0
        for line in self.output.splitlines():
            if re.fullmatch(r"1\.\.\d+.*", line):
                plan = int(re.match(r"1\.\.(\d+)", line)[1])
                continue
            match = POINT.match(line)
            if not match:
                continue
            points += 1
            self._point(match[1] == "ok", match[2], (match[3] or "").upper(), match[4] or "")
        if plan is None or plan != points:
            self.failed.append(f"planned {plan} tests, reported {points}: it ended early")
        if code != 0 and not self.failed:
            self.failed.append(f"ended with status {code}")

    def _point(self, good, name, directive, note):
        if directive == "SKIP":
            self.skipped.append((name, note) if name else (note, "as it says itself"))
        elif good:
            self.passed += 1
        else:
            self.failed.append(name)


def environment(args, tmp):
    """Tests see no configuration, locale or directory of the user who runs them."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("XDG_", "LC_", "LISTEN_", "MAKE", "MFLAGS")) and k not in ("NOTIFY_SOCKET", "LANG")}
    env.update(TMPDIR=tmp, HOME=tmp, LANG="C.UTF-8", CMOCKA_MESSAGE_OUTPUT="TAP", PYTHONDONTWRITEBYTECODE="1",
               PYTHONPATH=os.path.join(HERE, "lib"), SEALWRIGHT_BUILD=args.build,
               SEALWRIGHT_TOP=os.path.dirname(HERE))
    if args.sanitized:
        env.update(SEALWRIGHT_SANITIZED="1", UBSAN_OPTIONS="print_stacktrace=1",
                   ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1")
    return env


def call(command, env, seconds):
    """(status, output, what it left running) of a program, ended with all that it started when it takes too long."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=env, cwd=os.path.dirname(HERE), start_new_session=True)
    except OSError as problem:
        return 127, str(problem), []
    try:
        out, _ = process.communicate(timeout=seconds)
        note = ""
    except subprocess.TimeoutExpired:
        below = procs.descendants(process.pid)
        process.terminate()  # tests/lib/tap.py: what it has mounted goes with it
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDING)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        procs.end_all(below)
        out, _ = process.communicate()
        note = f"\nnot ok - ended after {seconds} s\n"
    left = lingering(lambda: procs.in_session(process.pid))
    return process.returncode, out.decode(errors="backslashreplace") + note, left


def lingering(find):
    """Command lines of processes that are still there after some grace; they are ended."""
    end = time.monotonic() + GRACE
    while (pids := find()) and time.monotonic() < end:
        time.sleep(0.05)
    names = [" ".join(procs.argv(p)) for p in pids]
    procs.end_all(pids)
    return names


def run_one(kind, name, command, args):
    outcome = Outcome(f"{kind}/{name}")
    began = time.monotonic()
    tmp = tempfile.mkdtemp(prefix="sw-", dir="/tmp")
    try:
        code, outcome.output, left = call(command, environment(args, tmp), TIMEOUT[kind] * (3 if args.sanitized else 1))
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    outcome.seconds = time.monotonic() - began
    if left:
        outcome.failed.append(f"left running: {left}")
    if kind == "fuzz":
        if code == 0:
            outcome.passed = 1
        else:
            outcome.failed.append(f"replay of its corpus ended with status {code}")
    else:
        outcome.read_tap(code)
    return outcome


def registered(variable, pattern):
    """Names that the Makefile registered (it passes them), else whatever was built."""
    if variable in os.environ:
        return os.environ[variable].split()
    return sorted(os.path.basename(p) for p in glob.glob(pattern))


def plan(args):
    """[(kind, name, command)]"""
    tests = []
    for path in sorted(glob.glob(os.path.join(HERE, "system", "test_*.py"))):  # first: the longest
        tests.append(("system", os.path.basename(path)[:-3], [sys.executable, path]))
    tests += [("unit", n, [os.path.join(args.build, "unit", n)])
              for n in registered("UNIT_TESTS", os.path.join(args.build, "unit", "test_*"))]
    for name in registered("FUZZERS", os.path.join(args.build, "fuzz", "*-replay")):
        name = name.removesuffix("-replay")
        corpus = sorted(glob.glob(os.path.join(HERE, "fuzz", "corpus", name, "*")))
        command = [os.path.join(args.build, "fuzz", name + "-replay"), *corpus]
        tests.append(("fuzz", name, command if corpus else ["sh", "-c", f"echo no corpus for {name}; exit 1"]))
    return [t for t in tests if not args.names or {t[0], t[1], f"{t[0]}/{t[1]}"} & set(args.names)]


def report(outcome):
    counts = f"{outcome.passed:5} passed"
    counts += f", {len(outcome.failed)} FAILED" if outcome.failed else ""
    counts += f", {len(outcome.skipped)} skipped" if outcome.skipped else ""
    print(f"{outcome.name:<34} {counts} ({outcome.seconds:.1f} s)", flush=True)
    if outcome.failed:
        print("    " + "\n    ".join(outcome.output.splitlines()[-400:]), flush=True)
    for name, why in outcome.skipped:
        print(f"    skipped {name}: {why}", flush=True)


def run_all(tests, args):
    """Most side by side; those that need the machine for themselves after that, one by one."""
    def run(test):
        return run_one(*test, args)

    with concurrent.futures.ThreadPoolExecutor(max_workers=args.jobs) as pool:
        for outcome in pool.map(run, [t for t in tests if t[1] not in ALONE]):
            report(outcome)
            yield outcome
    for outcome in map(run, [t for t in tests if t[1] in ALONE]):
        report(outcome)
        yield outcome


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    procs.adopt_orphans()
    tests = plan(args)
    if not tests:
        print("no such test", file=sys.stderr)
        return 2
    outcomes = list(run_all(tests, args))
    failed = [(o.name, f) for o in outcomes for f in o.failed]
    failed += [("run", f"left running: {name}") for name in lingering(lambda: procs.descendants(os.getpid()))]
    for name, what in failed:
        print(f"FAILED {name}: {what}")
    print(f"{sum(o.passed for o in outcomes)} passed, {len(failed)} failed, "
          f"{sum(len(o.skipped) for o in outcomes)} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
