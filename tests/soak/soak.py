#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All faults mixed, for as long as wanted: the service under load while processes are killed, calls of the writer fail, the
disk fails in every way, the power goes, clocks are set, other hands are in the log, policies change and clients misbehave.
After each round whatever a client was told is held against the log. README.md has more.

    soak.py [--minutes N] [--round SECONDS] [--seed N] [--writer FILE | --mutant NAME] [--keep]

SEALWRIGHT_BUILD is where all was built.

--writer (or SEALWRIGHT_WRITER): another auditd-writer; --mutant: ours with one of the changes of tests/fault/mutants.py. Either should be caught.
Exit status 0 when nothing was lost, doubled, invented or otherwise wrong."""

import argparse
import collections
import os
import random
import shutil
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import clocked  # noqa: E402
import disk  # noqa: E402
import logs  # noqa: E402
import plan  # noqa: E402
import procs  # noqa: E402
import rounds  # noqa: E402
import service  # noqa: E402

ROUNDS_OF_A_LOG = 4
LOST = ("lost", "doubled", "invented", "wrong", "verify failures")
PROGRESS = 60


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--round", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEALWRIGHT_SEED", time.time_ns() % 1000000)))
    parser.add_argument("--writer", default=os.environ.get("SEALWRIGHT_WRITER"))
    parser.add_argument("--mutant")
    parser.add_argument("--keep", action="store_true", help="keep the directory of a log that has a fault")
    return parser.parse_args()


def mutant(name, top):
    """The writer with that change, with faulty.so and clocks that can be moved in it."""
    sys.path.append(os.path.join(HERE, "..", "fault"))
    import mutants
    edits = next((m[1] for m in mutants.mutations.MUTANTS if m[0] == name), None)
    if edits is None:
        raise SystemExit(f"no such mutant: {name}")
    writer = mutants.Writer(service.BUILD)
    writer.libraries += [os.path.join(service.BUILD, "obj", "tests", "fault", "clocked.o"),
                         "-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN", "-L" + os.path.join(service.BUILD, "fault"), "-l:faulty.so"]
    os.mkdir(os.path.join(top, "mutant"))
    return writer.make(edits, os.path.join(top, "mutant"))


def install(writer, top):
    """policyd with that writer, with clocks that can be moved: (policyd, where the plan of the writer is, the clock)."""
    clock = clocked.Clock(os.path.join(top, "program"))
    place = os.path.dirname(clock.program("auditd-writer"))
    shutil.copy(writer, clock.program("auditd-writer"))
    shutil.copy(os.path.join(service.BUILD, "fault", "faulty.so"), place)
    return clock.program("policyd"), os.path.join(place, "plan"), clock


class Soak:
    def __init__(self, args, top):
        self.args, self.top = args, top
        self.dice = random.Random(args.seed)
        self.counts, self.faults, self.logs = collections.Counter(), [], 0
        self.can, self.without = disk.kinds_here(top)
        self.kinds = list(self.can)
        service.POLICYD, place, self.clock = install(self.writer(), top)
        self.plan = plan.Plan(place)
        self.began = self.told = time.monotonic()

    def writer(self):
        if self.args.mutant:
            return mutant(self.args.mutant, self.top)
        return self.args.writer or os.path.join(service.BUILD, "soak", "auditd-writer")

    def left(self):
        return self.args.minutes * 60 - (time.monotonic() - self.began)

    def progress(self, always=False):
        if not always and time.monotonic() - self.told < PROGRESS:
            return
        self.told = time.monotonic()
        c = self.counts
        print(f"{(self.told - self.began) / 60:5.1f} min: {c['rounds']} rounds, {self.injected()} faults, {c['sent']} requests, "
              f"{c['answered']} replies, {c['records']} records checked, {sum(c[k] for k in LOST)} lost or the like", flush=True)

    def injected(self):
        return sum(n for name, n in self.counts.items() if name.startswith("fault "))

    def one_log(self):
        """Some rounds on one log directory."""
        top = os.path.join(self.top, f"log{self.logs}")
        os.mkdir(top)
        kind = self.kinds[self.logs % len(self.kinds)]
        self.logs += 1
        where = disk.Disk(top, kind, self.can[kind])
        log = logs.Log(top, where, self.plan, self.clock)
        try:
            while log.rounds < ROUNDS_OF_A_LOG and self.left() > 0 and not self.faults:
                self.one_round(log)
        finally:
            self.put_away(top, where)

    def one_round(self, log):
        r = rounds.Round(log, self.dice, self.counts["rounds"], min(self.args.round, max(self.left(), 1)))
        r.run()
        self.counts.update(r.counts)
        self.faults += [f"round {self.counts['rounds']} ({log.disk.kind}): {f}" for f in r.faults]
        for fault in r.faults:
            print(f"FAULT in round {self.counts['rounds']} ({log.disk.kind}): {fault}", flush=True)
        self.progress()

    def put_away(self, top, where):
        if self.faults and self.args.keep:
            kept = tempfile.mkdtemp(prefix="soak-kept-", dir=os.path.dirname(self.top))
            shutil.copytree(where.point, os.path.join(kept, "disk"), dirs_exist_ok=True)
            print(f"the log is kept in {kept}")
        where.remove()
        shutil.rmtree(top)

    def run(self):
        while self.left() > 0 and not self.faults:
            self.one_log()

    # --- the table --------------------------------------------------------------------------------

    def rows(self):
        c = self.counts
        yield "minutes", f"{(time.monotonic() - self.began) / 60:.1f}"
        yield "seed", self.args.seed
        yield "rounds", c["rounds"]
        yield "logs", f"{self.logs} ({', '.join(self.kinds)})"
        yield "starts of the service", c["starts"]
        yield "faults", self.injected()
        for name in sorted(n for n in c if n.startswith("fault ")):
            yield "  " + name.removeprefix("fault "), c[name]
        yield "calls that went wrong", c["calls that went wrong"]
        yield "requests", c["sent"]
        yield "replies", c["answered"]
        yield "  with a record", c["answered"] - c["unrecorded"]
        yield "  denied for want of one", c["unrecorded"]
        yield "records checked", c["records"]
        yield "  of them held against a reply", c["replies checked"]
        for name in sorted(n for n in c if n.startswith("told ")):
            yield "  of them: " + name.removeprefix("told "), c[name]
        yield "counters checked", c["counters checked"]
        for name in LOST:
            yield name, c[name]
        yield "other faults", len(self.faults) if not any(c[k] for k in LOST) else "-"
        for reason in self.without:
            yield "left out", reason

    def table(self):
        print("\n".join(f"{name:32} {value}" for name, value in self.rows()), flush=True)


def main():
    args = arguments()
    procs.adopt_orphans()
    # What is running and mounted then is put away, as after any end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"seed {args.seed}", flush=True)
    top = tempfile.mkdtemp(prefix="soak-")
    try:
        soak = Soak(args, top)
        soak.run()
    finally:
        shutil.rmtree(top, ignore_errors=True)
    soak.table()
    for fault in soak.faults:
        print(f"FAULT {fault}")
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main())
