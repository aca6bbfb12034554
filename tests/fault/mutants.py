#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the harness see what it is there to see? Each flush, rename flag, order of acknowledgement and step of
recovery is taken out of a copy of the writer, one at a time; then the tests of this directory run on that writer
until one of them fails. One that none of them catches is a hole in them (exit status 1).

    mutants.py [--build DIR] [--jobs N] [--quick] [NAME...]

--quick: a sample of the faults only."""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
WRITER = "libexec/sealwright/auditd-writer"
SECONDS = 1800

# name, file of auditd-writer/, what stands there, what stands there instead, wherever it does.
MUTANTS = [
    # flushes
    ("append-fdatasync", "segment.c", "int error = dir_sync_data(s->fd);", "int error = 0;"),
    ("new-segment-fsync", "making.c", "error = dir_sync_file(job->fd);", "error = 0;"),
    ("new-segment-directory", "closer.c", "error = n > 0 ? dir_sync(c->dir) : 0;", "error = 0;"),
    ("close-fsync", "closing.c", "error = dir_sync_file(fd);", "error = 0;"),
    ("close-directory", "closing.c", "int error = dir_sync(c->dir);", "int error = c ? 0 : -1;"),
    ("copy-fsync", "repair.c", "return dir_sync_file(to);", "return to < 0 ? to : 0;"),
    ("seal-fsync", "sealer.c", "error = dir_sync_file(fd);", "error = 0;"),
    ("publish-directory", "sealer.c", "error = dir_sync(s->dir);", "error = 0;"),
    ("keystate-fdatasync", "keystate.c", "error = dir_sync_data(k->fd);", "error = 0;"),
    ("keystate-first-directory", "keystate.c", "return error < 0 ? error : dir_sync(k->dir);", "return error;"),
    ("recover-aside-directory", "recover.c", """		error = repair_set_aside(k->dir, l->base, torn);
	if (error == 0)
		error = dir_sync(k->dir);""", "		error = repair_set_aside(k->dir, l->base, torn);"),
    ("recover-copy-directory", "recover.c", """repair_replace(k->dir, tmp);
	if (error == 0)
		error = dir_sync(k->dir);""", "repair_replace(k->dir, tmp);"),
    # renames
    ("rename-noreplace", "dir.c", "renameat2(d->fd, from, d->fd, to, RENAME_NOREPLACE)",
     "renameat2(d->fd, from, d->fd, to, 0)"),
    ("no-segment-rename", "sealer.c", "error = dir_rename(s->dir, tmp, p->base);", "error = 0;"),
    # acknowledgements
    ("ack-before-write", "storage.c", """		return w->storage.error;
	error = put_or_move(w, sync);""", """		return w->storage.error;
	settle(w);
	error = put_or_move(w, sync);"""),
    ("ack-without-sync", "storage.c", """	if (!w->options.commit)
		return true;""", """	if (!w->options.commit)
		return false;"""),
    # errors
    ("error-of-sync-ignored", "dir.c", """		result = fdatasync(fd);
	while (result < 0 && errno == EINTR);
	return sync_result(result);""", """		result = fdatasync(fd);
	while (result < 0 && errno == EINTR);
	return 0;"""),
    ("not-written-again", "storage.c", """	rotation_retire(w, error);
	batch_unwrite(&w->batch);""", """	rotation_retire(w, error);
	batch_mark_written(&w->batch, w->now);
	batch_drop_written(&w->batch);"""),
    ("poisoned-sealed-as-it-is", "rotation.c", "job.poisoned = true;", "job.poisoned = false;"),
    ("never-tried-again", "storage.c", "error = attempt(w);", "error = s->error;"),
    ("short-write-is-whole", "dir.c", """		buf += w;
		at += w;
		n -= (size_t)w;""", """		n = 0;"""),
    # recovery
    ("pending-not-published", "sealer.c", "return publish(s, ret_gone, ret_step);", "return ret_step ? 0 : publish(s, ret_gone, ret_step);"),
    ("leftovers-not-recovered", "recover.c", "error = recover_one(k, &k->left[i]);", "error = i > k->n ? recover_one(k, &k->left[i]) : 0;"),
    ("leftovers-out-of-order", "recover.c", "return x->first < y->first ? -1 : 1;", "return x->first > y->first ? -1 : 1;"),
    ("keystate-not-settled", "keystate.c", "return settle(k, other);", "return k ? 0 : settle(k, other);"),
    ("tail-not-cut", "closing.c", "int error = dir_cut(fd, job->total.bytes);", "int error = 0;"),
    ("torn-line-taken", "recover.c", "if (got == 0 || !chain_takes(k, &c, line))", "if (got == 0 || (!chain_takes(k, &c, line) && k->n == 0))"),
]

# Each with the most that it tries of what it knows.
DETECTORS = [("test_crash_prefix", "500"), ("test_every_call", "500"), ("test_crash_prefix", "all"), ("test_every_call", "4000")]


class Tree:
    """A copy of the sources that is built once; then one file of it changes at a time."""

    def __init__(self, top):
        self.top = top
        for name in ("auditd-writer", "common", "proto"):
            shutil.copytree(os.path.join(TOP, name), os.path.join(top, name))
        self.make()

    def make(self):
        command = ("set -e; for o in $OBJS; do c=${o%.o}.c; [ obj/$o -nt $c ] || { mkdir -p obj/${o%/*}; "
                   "gcc -I. -D_GNU_SOURCE -DSEALWRIGHT_VERSION='\"0.1.0\"' -std=gnu11 -O1 -w -pthread -c -o obj/$o $c; }; done; "
                   "gcc -o writer $(for o in $OBJS; do echo obj/$o; done) $LIBS -pthread")
        subprocess.run(["sh", "-c", command], cwd=self.top, check=True, env={**os.environ, **link_list()})

    def mutate(self, name, old, new):
        path = os.path.join(self.top, "auditd-writer", name)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if old not in text:
            raise LookupError(f"not in {name}: {old!r}")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
        self.make()
        return path, text

    @staticmethod
    def restore(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


def link_list():
    """The writer's objects and libraries, as the Makefile has them."""
    text = ("include auditd-writer/objects.mk\nall:\n\t@echo $(OBJS-auditd-writer)\n"
            "\t@pkg-config --libs $(LIBS-auditd-writer)\n")
    out = subprocess.run(["make", "-s", "-f", "-"], input=text, cwd=TOP, capture_output=True, text=True, check=True).stdout
    objects, libraries = out.splitlines()
    return {"OBJS": objects, "LIBS": libraries}


def detect(build, writer, tmp, detectors):
    """(test, its words) of the first test that fails with this writer; None."""
    for test, faults in detectors:
        env = {**os.environ, "AUDITD_WRITER": writer, "SEALWRIGHT_BUILD": build, "SEALWRIGHT_FIRST": "1",
               "SEALWRIGHT_FAULTS": faults, "SEALWRIGHT_JOBS": "6", "TMPDIR": tmp}
        try:
            done = subprocess.run([os.path.join(build, "unit", test)], env=env, capture_output=True, text=True,
                                  timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            continue  # a slow machine is no verdict
        if done.returncode != 0:
            said = [x.strip("# ") for x in done.stdout.splitlines() if "ERROR" in x or x.startswith("# FAILED")]
            return test, "; ".join(said)[:140]
    return None


def try_one(build, trees, mutant, detectors):
    name, file, old, new = mutant
    tree = trees()
    try:
        saved = tree.mutate(file, old, new)
    except LookupError as problem:
        print(f"{name}: {problem}")
        return name, None
    with tempfile.TemporaryDirectory(dir=tree.top) as tmp:
        found = detect(build, os.path.join(tree.top, "writer"), tmp, detectors)
    tree.restore(*saved)
    return name, found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    detectors = DETECTORS[:2] if args.quick else DETECTORS
    wanted = [m for m in MUTANTS if not args.names or m[0] in args.names]
    mine = threading.local()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as top:
        def tree():
            if not hasattr(mine, "tree"):
                mine.tree = Tree(tempfile.mkdtemp(dir=top))
            return mine.tree
        missed = []
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for name, found in (f.result() for f in concurrent.futures.as_completed(
                    [pool.submit(try_one, build, tree, m, detectors) for m in wanted])):
                print(f"{name:26} {found[0] + ': ' + found[1] if found else 'NOT CAUGHT'}", flush=True)
                if not found:
                    missed.append(name)
    print(f"{len(wanted)} mutants, {len(wanted) - len(missed)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
