# SPDX-License-Identifier: Apache-2.0
"""auditlog beside the plain tools over the same files, in turns: search beside grep -c and jq, count beside wc -l,
summary beside DuckDB's group-by where its node package is installed (NODE_PATH), and what they take of memory. The files
are in the page cache, outputs go through a pipe."""

import glob
import os
import shutil
import statistics
import subprocess

TURNS = 5
SLOW_TURNS = 1  # of what takes longer than all the rest
DENIED = '"decision":"AUDIT_DECISION_DENY"'
DUCKDB = """
const { DuckDBInstance } = require('@duckdb/node-api');
(async () => {
  const c = await (await DuckDBInstance.create(':memory:')).connect();
  const r = await c.runAndReadAll("select decision, count(*) from read_json('" + process.argv[1] +
    "', format='newline_delimited') group by decision");
  console.log(String(r.getRows()));
})();
"""


def taken(usage, command, cwd):
    """Seconds on the clock, seconds of CPU, MiB."""
    inside, outside = os.pipe()
    with subprocess.Popen([usage, str(outside), *command], stdout=subprocess.PIPE, cwd=cwd, pass_fds=[outside],
                          env=dict(os.environ, LC_ALL="C")) as process:
        os.close(outside)
        while process.stdout.read(1 << 20):
            pass
    with open(inside, encoding="ascii") as figures:
        wall, cpu, memory, status = figures.read().split()
    if int(status) != 0:
        raise subprocess.CalledProcessError(int(status), command)
    return float(wall), float(cpu), int(memory) / 1024


def has_duckdb():
    return subprocess.run(["node", "-e", "require('@duckdb/node-api')"], capture_output=True, check=False).returncode == 0


def commands_for(auditlog, log, files):
    commands = {
        "search --decision deny": [auditlog, "search", "--decision", "deny", log],
        "search --json --decision deny": [auditlog, "search", "--json", "--decision", "deny", log],
        "grep -c": ["grep", "-c", DENIED, *files],
        "count": [auditlog, "count", log],
        "wc -l": ["wc", "-l", *files],
        "summary": [auditlog, "summary", "--from", "2000-01-01", log],
    }
    slow = {}
    if shutil.which("jq"):
        slow["jq"] = ["jq", "-c", 'select(.decision == "AUDIT_DECISION_DENY")', *files]
    if has_duckdb():
        commands["duckdb"] = ["node", "-e", DUCKDB, os.path.join(log, "audit-*.jsonl")]
    return commands, slow


def bench(build, log):
    files = [os.path.basename(f) for f in sorted(glob.glob(os.path.join(log, "audit-*.jsonl")))]
    size = sum(os.path.getsize(os.path.join(log, f)) for f in files)
    usage = str(build / "bench" / "bench_usage")
    commands, slow = commands_for(str(build / "bin" / "auditlog"), log, files)
    took = {name: [] for name in {**commands, **slow}}
    for turn in range(TURNS + 1):
        for name, command in commands.items():
            figures = taken(usage, command, log)
            took[name] += [figures] if turn > 0 else []  # the first turn fills the page cache
    for name, command in slow.items():
        took[name] = [taken(usage, command, log) for _ in range(SLOW_TURNS)]
    medians = {name: [statistics.median(t[i] for t in times) for i in range(3)] for name, times in took.items()}
    print(f"A log of {size / 1e6:.0f} MB in {len(files)} segments: seconds (of CPU), MiB, medians of {TURNS}")
    for name, (wall, cpu, memory) in medians.items():
        print(f"  {name:<30} {wall:>7.2f} ({cpu:>6.2f})  {memory:>7.1f}  {size / wall / 1e6:>7.0f} MB/s")
    for name, other, goal in (("search --decision deny", "grep -c", "at most 2.5"), ("count", "wc -l", "at most 2"),
                              ("search --json --decision deny", "jq", "at most 0.05"), ("summary", "duckdb", "below 1")):
        if other in medians:
            ratios = [medians[name][i] / medians[other][i] for i in (0, 1)]
            print(f"  {name + ' / ' + other:<40} {ratios[0]:.3f} ({ratios[1]:.3f})  {goal}")
