#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What kernel.py runs in its machine: the suite as root, the part of it that is about jails once more as an ordinary
user, what sets the clock (inside/set_date.py), and the installed service (inside/test_units.py). The last line counts
them all."""

import argparse
import ctypes
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TESTS = os.path.dirname(HERE)
TOP = os.path.dirname(TESTS)
BUILD = os.path.join(TOP, "build")
USER = "65000"  # an account that nobody has
# How much longer than on bare metal everything may take.
SLOWER = "8"
SYS_LANDLOCK_CREATE_RULESET, VERSION = 444, 1
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)

# What depends on the kernel most: processes, jails, channels, the writer's file calls.
CHOSEN = ("test_jail", "test_jail_seal", "test_chan", "test_notify", "test_supervisor", "test_link", "test_evaluator",
          "test_evaluator_life", "test_admin", "test_writer", "test_writer_channels", "test_writer_start",
          "test_writer_storage", "test_recover", "test_recover_refused", "test_recover_faults", "test_sealer",
          "test_sealer_cut", "test_closer", "test_sealing_power", "test_segment", "test_keystate", "test_sandbox_clients",
          "test_sandbox_compiler", "test_sandbox_supervisor", "test_sandbox_writer", "test_sandbox_auditlog",
          "test_activation", "test_admin", "test_clock", "test_config", "test_durability", "test_evaluate", "test_events",
          "test_policy_refused", "test_restart", "test_signals", "test_syscalls", "test_verify",
          "test_verify_fault", "test_verify_hostile", "test_verify_live", "test_verify_range")
# Without a split of accounts.
AS_USER = ("test_jail", "test_jail_seal", "test_sandbox_clients", "test_sandbox_compiler", "test_sandbox_supervisor",
           "test_sandbox_writer", "test_sandbox_auditlog", "test_evaluate", "test_restart", "test_syscalls",
           "test_activation")

sys.path.insert(0, TESTS)
os.environ["SEALWRIGHT_PATIENCE"] = SLOWER

import run  # noqa: E402


def landlock():
    abi = ctypes.CDLL(None).syscall(SYS_LANDLOCK_CREATE_RULESET, None, 0, VERSION)
    return f"Landlock ABI {abi}" if abi > 0 else "no Landlock"


class Count:
    """Outcomes of all that was run here."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], 0

    def add(self, outcome):
        self.passed += outcome.passed
        self.failed += [(outcome.name, f) for f in outcome.failed]
        self.skipped += len(outcome.skipped)


def suite(count, title, names):
    """In this process's account."""
    print(f"=== {title}", flush=True)
    args = argparse.Namespace(build=BUILD, jobs=2, sanitized=False, names=names)
    for outcome in run.run_all(run.plan(args), args):
        count.add(outcome)


def suite_as_user(count, names):
    """In another process, of another account; its last line counts for us."""
    print(f"=== as an ordinary user (uid {USER})", flush=True)
    command = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--inh-caps=-all", "--", sys.executable,
               os.path.join(TESTS, "run.py"), "--build", BUILD, *names]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    said = done.stdout.decode(errors="backslashreplace")
    print(said, flush=True)
    passed, failed, skipped = map(int, (COUNTS.findall(said) or [(0, 1, 0)])[-1])
    count.passed += passed
    count.failed += [("an ordinary user", f"status {done.returncode}, see above")] * failed
    count.skipped += skipped


def inside(count, title, name, **more):
    """One of the programs beside."""
    print(f"=== {title}", flush=True)
    outcome = run.Outcome(f"boot/{name}")
    env = {**os.environ, **more, "PYTHONPATH": os.path.join(TESTS, "lib"), "SEALWRIGHT_BUILD": BUILD}
    with subprocess.Popen([sys.executable, os.path.join(HERE, "inside", f"{name}.py")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="backslashreplace",
                          env=env) as process:
        for line in process.stdout:
            outcome.output += line
            print(line, end="", flush=True)
    outcome.read_tap(process.returncode)
    run.report(outcome)
    count.add(outcome)


def main():
    names = sys.argv[1:]
    count = Count()
    run.procs.adopt_orphans()
    print(f"# Linux {os.uname().release}, {landlock()}", flush=True)
    chosen = [n for n in names if n not in ("boot", "date")] or ([] if names else list(CHOSEN))
    if chosen:
        suite(count, "as root", chosen)
        suite_as_user(count, [n for n in chosen if n in AS_USER] or chosen)
    if not names or "date" in names:
        inside(count, "the machine's clock", "set_date", SEALWRIGHT_OWN_MACHINE="1")
    # Last: the package brings accounts and a configuration that the suite would meet.
    if not names or "boot" in names:
        inside(count, "the installed service", "test_units", BOOT="1")
    for name, what in count.failed:
        print(f"FAILED {name}: {what}")
    print(f"{count.passed} passed, {len(count.failed)} failed, {count.skipped} skipped", flush=True)
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
