#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every test of tests/fault in its long form, some side by side, and one table of what was done at the end.

    all.py [--build DIR] [PART...]

Parts: points, states, cuts, kills, others, mutants; all unless some are named. SEALWRIGHT_JOBS: how many faults side by
side (16), SEALWRIGHT_FAULTS: how many of those that there are (all), SEALWRIGHT_CUTS: on each file system (340),
SEALWRIGHT_KILLS: of processes (5000). Exit status 1 when anything failed.

Everything is done in one directory, in memory where there is room for it. However the run ends, its processes,
mounts and that directory go with it."""

import argparse
import collections
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
JOBS = int(os.environ.get("SEALWRIGHT_JOBS", "16"))
KILLS = int(os.environ.get("SEALWRIGHT_KILLS", "5000"))
LANES = 4  # programs side by side
FILE_SYSTEMS = ("ext4", "xfs", "btrfs")
OTHERS = ("test_unclosed", "test_writer_calls", "test_sealing_power")
PARTS = ("points", "states", "cuts", "kills", "others", "mutants")


class Task:
    """A program of one part, with what it needs in its environment."""

    def __init__(self, part, command, **environment):
        self.part, self.command, self.environment = part, command, environment
        self.output, self.status, self.seconds = "", None, 0.0

    def run(self, top):
        since = time.monotonic()
        own = tempfile.mkdtemp(prefix="t", dir=top)
        env = {**os.environ, "TMPDIR": own, "SEALWRIGHT_IMAGES": top, **self.environment}
        done = subprocess.run(self.command, cwd=TOP, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", check=False)
        self.output, self.status, self.seconds = done.stdout, done.returncode, time.monotonic() - since
        if done.returncode == 0:
            shutil.rmtree(own, ignore_errors=True)
        return self

    def show(self):
        wanted = [x for x in self.output.splitlines() if self.status or not re.match(r"# count|TAP|1\.\.|\[", x)]
        print(f"== {self.part}: {' '.join(map(os.path.basename, self.command))}: "
              f"{'failed' if self.status else 'passed'}, {self.seconds:.0f} s", *wanted, sep="\n", flush=True)


def tasks(parts, build):
    unit = os.path.join(build, "unit")
    environment = {"SEALWRIGHT_BUILD": build, "SEALWRIGHT_FAULTS": os.environ.get("SEALWRIGHT_FAULTS", "all"),
                   "SEALWRIGHT_JOBS": str(JOBS), "SEALWRIGHT_CUTS": os.environ.get("SEALWRIGHT_CUTS", "340"),
                   "SEALWRIGHT_ALL_FAULTS": "1", "SEALWRIGHT_TOP": TOP,
                   "PYTHONPATH": os.path.join(TOP, "tests", "lib"), "CMOCKA_MESSAGE_OUTPUT": "TAP"}
    if "points" in parts:
        yield Task("points", [os.path.join(unit, "test_every_call")], **environment)
    if "kills" in parts:
        for i in range(LANES):
            mine = {**environment, "SEALWRIGHT_KILLS": str((KILLS + i) // LANES)}
            if "SEALWRIGHT_SEED" in os.environ:
                mine["SEALWRIGHT_SEED"] = str(int(os.environ["SEALWRIGHT_SEED"]) + i)
            yield Task("kills", [sys.executable, os.path.join(TOP, "tests", "system", "test_kills.py")], **mine)
    if "cuts" in parts:
        for fs in FILE_SYSTEMS:
            yield Task("cuts", [os.path.join(unit, "test_power_cut")], SEALWRIGHT_FS=fs, **environment)
    if "states" in parts:
        yield Task("states", [os.path.join(unit, "test_crash_prefix")], **environment)
    if "others" in parts:
        for name in OTHERS:
            yield Task("others", [os.path.join(unit, name)], **environment)


# --- the table -----------------------------------------------------------------------------------------------------

DOUBLED = re.compile(r"is there twice|recorded twice")
INVENTED = re.compile(r"was never sent|was refused|never asked|refused and recorded")


class Table:
    """What programs told by lines of '# count WHAT [NAME...] N'."""

    def __init__(self):
        self.points = collections.defaultdict(collections.Counter)
        self.reached, self.kills, self.cuts, self.sums = (collections.Counter() for _ in range(4))
        self.doubled = self.invented = self.failed = 0
        self.mutants = "not run"

    def take(self, task):
        for line in task.output.splitlines():
            words = line.split()
            if words[:2] == ["#", "count"]:
                self.count(words[2], words[3:])
        doubled, invented = len(DOUBLED.findall(task.output)), len(INVENTED.findall(task.output))
        self.doubled += doubled
        self.invented += invented
        self.failed += max(bool(task.status), task.output.count("# FAILED"))

    def count(self, what, words):
        n = int(words[-1]) if what != "point" else 0
        if what == "point":
            call, kind, tried, reached = words
            self.points[call][kind] += int(tried)
            self.reached[call] += int(reached)
        elif what == "kill":
            self.kills[words[0]] += n
        elif what == "cut":
            self.cuts[words[0]] += n
        else:
            self.sums[what] += n

    def point_rows(self):
        kinds = sorted({k for counts in self.points.values() for k in counts})
        if not kinds:
            return
        print(f"{'fault points':14}" + "".join(f"{k:>11}" for k in kinds) + f"{'all':>9}{'reached':>9}")
        for call in sorted(self.points):
            self.row(call, self.points[call], kinds, self.reached[call])
        self.row("all", sum(self.points.values(), collections.Counter()), kinds, self.reached.total())

    @staticmethod
    def row(name, counts, kinds, reached):
        print(f"{name:14}" + "".join(f"{counts[k]:>11}" for k in kinds) + f"{counts.total():>9}{reached:>9}")

    def show(self, seconds):
        print("\n== all of it")
        self.point_rows()
        for name, counts in (("kills", self.kills), ("power cuts", self.cuts)):
            print(f"{name:14} {counts.total()} ({', '.join(f'{k} {n}' for k, n in sorted(counts.items()))})")
        print(f"{'crash states':14} {self.sums['states']}, of {self.sums['prefixes']} prefixes of traced runs")
        print(f"{'mutants':14} {self.mutants}")
        print(f"{'records':14} {self.sums['records']} acknowledged and looked for")
        other = max(self.failed - self.doubled - self.invented, 0)
        print(f"{'failures':14} {self.failed}: lost or other {other}, doubled {self.doubled}, invented {self.invented}")
        print(f"{'time':14} {seconds / 60:.1f} min")


# --- the run -------------------------------------------------------------------------------------------------------

def unmount_below(top):
    with open("/proc/self/mounts", encoding="utf-8") as f:
        points = [line.split()[1] for line in f]
    for point in reversed(points):
        if point.startswith(top + "/"):
            subprocess.run(["umount", "-l", point], check=False)


def clean(top, group):
    """After the run: what is left of its processes (a session of their own), of mounts, of files."""
    for _ in range(50):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    unmount_below(top)
    shutil.rmtree(top, ignore_errors=True)


def guard(top):
    """Run the rest in a process and a group of its own; this one waits for its end and cleans, as does a third one
    when this one is killed. The exit status, or None in the new process."""
    alive, held = os.pipe()
    if os.fork() == 0:
        os.setsid()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        os.close(held)
        group = int(os.read(alive, 32) or b"0")
        os.read(alive, 1)  # its other end is closed: by the end of the one who holds it
        if group:
            clean(top, group)
        shutil.rmtree(top, ignore_errors=True)
        os._exit(0)
    os.close(alive)
    worker = os.fork()
    if worker == 0:
        os.close(held)
        os.setpgid(0, 0)
        return None
    os.write(held, str(worker).encode())
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), lambda *_: os.killpg(worker, signal.SIGKILL))
    _, status = os.waitpid(worker, 0)
    clean(top, worker)
    return os.waitstatus_to_exitcode(status)


def run(parts, build, top):
    since, table, failed = time.monotonic(), Table(), False
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        running = [pool.submit(t.run, top) for t in tasks(parts, build)]
        for task in (r.result() for r in concurrent.futures.as_completed(running)):
            task.show()
            table.take(task)
            failed |= task.status != 0
    if "mutants" in parts:
        command = [sys.executable, os.path.join(TOP, "tests", "fault", "mutants.py"), "--build", build]
        task = Task("mutants", command).run(top)
        task.show()
        table.mutants = task.output.splitlines()[-1] if task.output else "none"
        failed |= task.status != 0
    table.show(time.monotonic() - since)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("parts", nargs="*", metavar="PART")
    args = parser.parse_args()
    if set(args.parts) - set(PARTS):
        parser.error(f"a part is one of {', '.join(PARTS)}")
    # Short: the tests put paths of their own below it.
    top = tempfile.mkdtemp(prefix="sw", dir="/dev/shm" if os.path.isdir("/dev/shm") else "/tmp")
    status = guard(top)
    if status is not None:
        return status
    return run(args.parts or PARTS, os.path.abspath(args.build), top)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
