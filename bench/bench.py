#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decisions per second over the socket, each beside the bare-loop floor of the same minute.

The floor is one process that formats, hashes, writes and (for sync) fdatasyncs lines of the same kind, with as
many lines to a write as requests are in flight (bench/floor.c). It is measured before and after each run of the
service; the ratio uses their mean. Then the writer alone, by bench_writer.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each run of the service")
    parser.add_argument("--dir", default=None, help="where to write (default: the temporary directory)")
    options = parser.parse_args()
    build = options.build.resolve()
    os.environ["SEALWRIGHT_BUILD"] = str(build)
    sys.path.insert(0, str(TOP / "tests" / "lib"))
    import service as service_module  # reads SEALWRIGHT_BUILD

    directory = tempfile.mkdtemp(prefix="sealwright-bench-", dir=options.dir)
    try:
        print(f"Over the socket, evaluators: one per core ({os.cpu_count()}), up to {CONNECTIONS_MOST} connections")
        print("         in flight  decisions/s   p50 us   p99 us  floor rec./s   ratio")
        bench = Bench(build, options.seconds, directory)
        for durability in ("sync", "commit"):
            bench_socket(bench, service_module, durability)
        print("\nThe writer alone")
        sys.stdout.flush()
        writer = build / "libexec" / "sealwright" / "auditd-writer"
        subprocess.run([str(build / "bench" / "bench_writer"), str(writer), directory, str(options.seconds)], check=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
