#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decisions per second over the socket, each beside the bare-loop floor of the same minute.

The floor is one process that formats, hashes, writes and (for sync) fdatasyncs lines of the same kind, with as
many lines to a write as requests are in flight (bench/floor.c). It is measured before and after each run of the
service; the ratio uses their mean. Then the writer alone, by bench_writer.

Evidence: what it costs the writer for each record, as CPU time, beside SHA-256 of the same bytes
(bench_evidence); what a whole log takes to verify on one core, beside `openssl dgst -sha256` over the same files,
in turns; proofs.

Reader: bench/reader.py. Policy: bench/policy.py. Start: bench/start.py.
"""

import argparse
import glob
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
IN_FLIGHT = (1, 16, 64, 256)
CONNECTIONS_MOST = 64


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout.split()


class Bench:
    def __init__(self, build, seconds, directory):
        self.bench = build / "bench" / "bench_service"
        self.seconds = seconds
        self.directory = directory

    def floor(self, batch, durability):
        rate, size = run(self.bench, "--floor", self.directory, batch, self.seconds / 2, durability)
        return float(rate), float(size)

    def service(self, service, in_flight):
        connections = min(in_flight, CONNECTIONS_MOST)
        rate, median, p99 = run(self.bench, service.socket, in_flight, connections, self.seconds)
        return float(rate), int(median), int(p99)


def bench_socket(bench, service_module, durability):
    directory = tempfile.mkdtemp(dir=bench.directory)
    service = service_module.Service(directory, args=["--durability", durability], evaluators=0)
    service.spawn().wait_ready()
    try:
        for in_flight in IN_FLIGHT:
            before, size = bench.floor(in_flight, durability)
            rate, median, p99 = bench.service(service, in_flight)
            after, _ = bench.floor(in_flight, durability)
            floor = (before + after) / 2
            print(f"  {durability:<6} {in_flight:>9} {rate:>12,.0f} {median:>8} {p99:>8} {floor:>12,.0f} "
                  f"{rate / floor:>7.2f}   ({size:.0f} bytes a record)")
            sys.stdout.flush()
    finally:
        service.process.terminate()
        service.process.wait(60)
        shutil.rmtree(directory, ignore_errors=True)


# --- evidence -------------------------------------------------------------------------------------

TURNS = 5


def timed(*command, core=None, **how):
    """Output, seconds on the clock, seconds of CPU."""
    pin = {"preexec_fn": lambda: os.sched_setaffinity(0, {core})} if core is not None else {}
    start = time.monotonic()
    with subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, **pin, **how) as process:
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return out, time.monotonic() - start, usage.ru_utime + usage.ru_stime


def bench_cost(build, seconds):
    size, bare, leaf, file, tree, seal, ratio = map(float, run(build / "bench" / "bench_evidence", seconds))
    print(f"For each record of {size:.0f} bytes, ns of CPU, medians")
    print("     leaf     file     tree   seal/1000      all   SHA-256 alone   ratio (at most 2.5)")
    print(f"  {leaf:>7.0f}  {file:>7.0f}  {tree:>7.0f}  {seal:>10.0f}  {leaf + file + tree + seal:>7.0f}  {bare:>14.0f}"
          f"  {ratio:>6.2f}")


def bench_verify(build, log, key):
    """All of the log on one core, the same files by openssl, in turns."""
    core = min(os.sched_getaffinity(0))
    files = [os.path.basename(f) for f in sorted(glob.glob(os.path.join(log, "audit-*.jsonl")))]
    size = sum(os.path.getsize(os.path.join(log, f)) for f in files)
    commands = {"auditlog verify": [build / "bin" / "auditlog", "verify", "--key", key, log],
                "openssl dgst": ["openssl", "dgst", "-sha256", *files]}
    took = {name: [] for name in commands}
    for turn in range(TURNS + 1):
        for name, command in commands.items():
            _, wall, cpu = timed(*command, core=core, cwd=log)
            took[name] += [(wall, cpu)] if turn > 0 else []  # the first turn fills the page cache
    _, every_core, _ = timed(*commands["auditlog verify"], cwd=log)
    print(f"\nA whole log of {size / 1e6:.0f} MB in {len(files)} segments on one core: seconds (of CPU), medians of {TURNS}")
    medians = {}
    for name, pairs in took.items():
        medians[name] = [statistics.median(p[i] for p in pairs) for i in (0, 1)]
        wall, cpu = medians[name]
        print(f"  {name:<16} {wall:>7.2f} ({cpu:.2f})  {size / wall / 1e6:>7.0f} MB/s")
    ratios = [medians["auditlog verify"][i] / medians["openssl dgst"][i] for i in (0, 1)]
    print(f"  ratio            {ratios[0]:>7.2f} ({ratios[1]:.2f})  at most 2; on all cores {every_core:.2f} s")


def bench_proof(build, log, key):
    """One record from the middle of the log, and the worst: from its last segment."""
    files = sorted(glob.glob(os.path.join(log, "audit-*.jsonl")), key=lambda f: int(f[-12:-6]))
    print("\nProof that a record is in the log           bytes   prove s   verify-proof s")
    for what, path in (("first segment", files[0]), ("middle", files[len(files) // 2]), ("last segment", files[-1])):
        with open(path, "rb") as f:
            event = json.loads(f.readline())["audit_event_id"]
        proof, made, _ = timed(build / "bin" / "auditlog", "prove", event, log)
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(log)) as f:
            f.write(proof)
            f.flush()
            _, checked, _ = timed(build / "bin" / "auditlog", "verify-proof", "--key", key, f.name)
        print(f"  {what:<38} {len(proof):>9,}  {made:>8.3f}  {checked:>15.3f}")


def bench_evidence(build, seconds, directory, records):
    log = os.path.join(directory, "log")
    os.mkdir(log)
    bench_cost(build, seconds)
    sys.stdout.flush()
    subprocess.run([str(build / "bench" / "bench_evidence"), "--log", log, str(records)], check=True)
    bench_verify(build, log, os.path.join(log, "origin.vkey"))
    bench_proof(build, log, os.path.join(log, "origin.vkey"))
    shutil.rmtree(log, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each run of the service")
    parser.add_argument("--records", type=int, default=1000000, help="of the log that is verified and read")
    parser.add_argument("--only", choices=("service", "writer", "evidence", "reader", "policy", "start"), help="this part alone")
    parser.add_argument("--dir", default=None, help="where to write (default: the temporary directory)")
    options = parser.parse_args()
    build = options.build.resolve()
    os.environ["SEALWRIGHT_BUILD"] = str(build)
    sys.path.insert(0, str(TOP / "tests" / "lib"))
    import service as service_module  # reads SEALWRIGHT_BUILD
    import policy
    import reader
    import start

    directory = tempfile.mkdtemp(prefix="sealwright-bench-", dir=options.dir)
    only = options.only
    try:
        if only in (None, "service"):
            print(f"Over the socket, evaluators: one per core ({os.cpu_count()}), up to {CONNECTIONS_MOST} connections")
            print("         in flight  decisions/s   p50 us   p99 us  floor rec./s   ratio")
            bench = Bench(build, options.seconds, directory)
            for durability in ("sync", "commit"):
                bench_socket(bench, service_module, durability)
        if only in (None, "writer"):
            print("\nThe writer alone")
            sys.stdout.flush()
            writer = build / "libexec" / "sealwright" / "auditd-writer"
            subprocess.run([str(build / "bench" / "bench_writer"), str(writer), directory, str(options.seconds)],
                           check=True)
        if only in (None, "evidence"):
            print("\nEvidence")
            bench_evidence(build, options.seconds, directory, options.records)
        if only in (None, "reader"):
            print("\nReader")
            log = os.path.join(directory, "reader")
            os.mkdir(log)
            subprocess.run([str(build / "bench" / "bench_evidence"), "--log", log, str(options.records)], check=True)
            reader.bench(build, log)
            shutil.rmtree(log, ignore_errors=True)
        if only in (None, "policy"):
            print("\nPolicy")
            policy.bench(build, directory)
        if only in (None, "start"):
            print("\nStart")
            start.bench(service_module, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
