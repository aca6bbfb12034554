# SPDX-License-Identifier: Apache-2.0
"""How long a start takes, from exec to "policyd: ready": on empty directories, and on logs of some length; beside it what
one process of ours takes that does nothing (policyd --version). And what the processes then hold in memory."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time

TURNS = 20
SEGMENTS = (0, 1000, 5000)
SEGMENT_RECORDS = 10  # the fewest that a segment can be told to hold


def to_ready(service):
    """Milliseconds."""
    began = time.monotonic()
    with subprocess.Popen(service.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        service.process = process
        ready = any(line.endswith(b"policyd: ready\n") for line in iter(process.stderr.readline, b""))
        took = time.monotonic() - began
        process.terminate()
        process.stderr.read()
    if not ready:
        raise RuntimeError("policyd did not get ready")
    return took * 1000


def nothing(program):
    began = time.monotonic()
    subprocess.run([program, "--version"], stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - began) * 1000


def grow(module, directory, segments):
    """A log of about so many segments more."""
    service = module.Service(directory, args=["--rotate-records", str(SEGMENT_RECORDS)])
    service.spawn().wait_ready()
    line = json.dumps({"id": 1, **module.ALLOWED}).encode() + b"\n"
    with service.client() as client:
        for _ in range(segments * SEGMENT_RECORDS // 100):
            client.send(line * 100)
            for _ in range(100):
                client.line()
    service.terminate(120)


def segments_of(service):
    return sum(name.endswith(".jsonl") for name in os.listdir(service.audit))


def rss_kib(module, directory):
    service = module.Service(directory)
    service.spawn().wait_ready()
    pids = [service.pid, *module.procs.descendants(service.pid)]
    found = sum(module.procs.rss_kib(p) for p in pids)
    service.terminate()
    return found, len(pids)


def row(what, figures):
    figures = sorted(figures)
    print(f"  {what:<34} {statistics.median(figures):>8.1f} {figures[0]:>8.1f} {figures[-1]:>8.1f}")
    sys.stdout.flush()


def bench(module, directory):
    print(f"From exec to ready, 2 evaluators, {TURNS} times: ms                median      min      max")
    row("policyd --version", [nothing(module.POLICYD) for _ in range(TURNS)])
    first = []
    for turn in range(TURNS):
        top = os.path.join(directory, f"first{turn}")
        os.mkdir(top)
        first.append(to_ready(module.Service(top)))
        shutil.rmtree(top)
    row("first start, keys made", first)
    top = os.path.join(directory, "log")
    os.mkdir(top)
    service, there = module.Service(top), 0
    for segments in SEGMENTS:
        if segments > there:
            grow(module, top, segments - there)
        there = segments
        took = [to_ready(service) for _ in range(TURNS)]
        row(f"on a log of {segments_of(service):,} segments", took)
    kib, processes = rss_kib(module, top)
    print(f"  resident: {kib / 1024:.1f} MiB in {processes} processes")
    shutil.rmtree(top)
