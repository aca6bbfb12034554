#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The package under a real systemd: build it in two versions, boot a throw-away Debian 12 (systemd-nspawn) for each
program in inside/, run that there. The last line is "N passed, N failed, N skipped", as that of tests/run.py.

    boot.py [--build DIR] [NAME...]           NAME: "test_units", "test_package"

Needs root. SEALWRIGHT_BOOT_CACHE names a directory in which the Debian is kept from run to run (20 s to make).
A program with a line "# boots: 2" is run in two boots of the same disk, with BOOT=1 and BOOT=2."""

import argparse
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

import run  # noqa: E402

# What the package depends on (it is installed without a network), and what the tests run in.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "libevent-core-2.1-7", "libjson-c5", "libcap2", "libseccomp2", "libssl3",
            "libqrencode4", "python3", "python3-cryptography")
TOOLS = ("systemd-nspawn", "mmdebstrap", "unshare", "dpkg-buildpackage", "dh")
TIMEOUT = 300  # seconds of one boot
PROBE_TIMEOUT = 120

UNIT = """[Unit]
Description=a test program
After=multi-user.target
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /src/tests/boot/inside/{name}.py
Environment=BOOT={boot} HOME=/root LANG=C.UTF-8 PYTHONPATH=/src/tests/lib PYTHONDONTWRITEBYTECODE=1
StandardOutput=file:/boot-test/out
StandardError=inherit
TimeoutStartSec=infinity
"""

# Runs in a mount namespace of its own: nothing stays mounted. A cgroup of its own in each hierarchy keeps runs
# side by side apart; the tmpfs keeps nspawn's state off the disk.
INNER = """
set -e
for h in systemd unified; do d=/sys/fs/cgroup/$h; if [ -d $d ]; then mkdir -p $d/$NAME; echo $$ >$d/$NAME/cgroup.procs; fi; done
mount -t tmpfs -o mode=755 boot-run /run/systemd
mkdir -p "$DISK/upper" "$DISK/work" "$DISK/root"
mount -t overlay -o lowerdir="$LOWER",upperdir="$DISK/upper",workdir="$DISK/work" boot "$DISK/root"
exec systemd-nspawn -q -D "$DISK/root" -M "$NAME" --register=no --keep-unit --console=pipe --private-network \
    --system-call-filter="landlock_add_rule landlock_create_ruleset landlock_restrict_self" --bind-ro="$SRC:/src" --bind-ro="$DEBS:/debs" --bind="$DISK/boot-test:/boot-test" \
    --bind-ro="$DISK/boot-test.service:/etc/systemd/system/boot-test.service" \
    --boot systemd.wants=boot-test.service
"""


class CannotBoot(Exception):
    """This machine boots no container, ours or another."""


def missing():
    """Why nothing can be booted here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    lacking = [t for t in TOOLS if not shutil.which(t)]
    return f"not installed: {' '.join(lacking)} (tools/deps.sh package)" if lacking else None


def debian(cache, packages_in_it=PACKAGES):
    """Path of a Debian 12 root, made when it is not there yet."""
    key = hashlib.sha256(" ".join(packages_in_it).encode()).hexdigest()[:12]
    root = os.path.join(cache, f"root-{key}")
    if os.path.exists(root):
        return root
    began = time.monotonic()
    new = tempfile.mkdtemp(prefix="new-", dir=cache)
    made = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(packages_in_it), "bookworm",
                           new], stdin=subprocess.DEVNULL, check=False)
    if made.returncode != 0:
        raise CannotBoot("mmdebstrap cannot make a Debian here")
    os.chmod(new, 0o755)
    os.rename(new, root)
    print(f"# Debian 12 made in {time.monotonic() - began:.0f} s", flush=True)
    return root


def packages(build):
    """Directory with the package in this version and in the next."""
    with open(os.path.join(TOP, "VERSION"), encoding="utf-8") as f:
        version = f.read().strip()
    for v in (version, version + "+next"):
        subprocess.run([os.path.join(TOP, "tools", "deb.sh"), build, v], check=True)
    return os.path.join(build, "deb")


def end_cgroup(name):
    for hierarchy in ("systemd", "unified"):
        for directory, _, _ in os.walk(os.path.join("/sys/fs/cgroup", hierarchy, name), topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                pass


def boot(lower, debs, disk, name, number, seconds=TIMEOUT):
    """(exit status, output) of one program in one boot."""
    out = os.path.join(disk, "boot-test", "out")
    machine = f"sealwright-boot-{os.getpid()}"
    with open(os.path.join(disk, "boot-test.service"), "w", encoding="utf-8") as f:
        f.write(UNIT.format(name=name, boot=number))
    with open(out, "w", encoding="utf-8"):
        pass
    env = {**os.environ, "NAME": machine, "DISK": disk, "LOWER": lower, "SRC": TOP, "DEBS": debs}
    with open(os.path.join(disk, "console"), "ab") as console:
        done = subprocess.run(["timeout", "-k", "10", str(seconds), "unshare", "--mount", "--propagation", "private",
                               "sh", "-c", INNER], stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=env,
                              check=False)
    end_cgroup(machine)
    with open(out, encoding="utf-8", errors="backslashreplace") as f:
        said = f.read()
    if done.returncode == 124:
        said += f"\nnot ok - ended after {seconds} s\n"
    if done.returncode not in (0, 1) or not said:
        with open(os.path.join(disk, "console"), encoding="utf-8", errors="backslashreplace") as f:
            said += "".join("# console: " + line for line in f.readlines()[-40:])
    return done.returncode, said


def boots_of(path):
    with open(path, encoding="utf-8") as f:
        match = re.search(r"(?m)^# boots: (\d+)$", f.read())
    return int(match[1]) if match else 1


def run_program(lower, debs, path):
    """One Outcome for each boot."""
    name = os.path.basename(path)[:-3]
    disk = tempfile.mkdtemp(prefix="sw-boot-", dir=os.path.dirname(lower))
    os.mkdir(os.path.join(disk, "boot-test"))
    try:
        for number in range(1, boots_of(path) + 1):
            outcome = run.Outcome(f"boot/{name}" + (f" ({number})" if number > 1 else ""))
            began = time.monotonic()
            code, outcome.output = boot(lower, debs, disk, name, number)
            outcome.read_tap(code)
            outcome.seconds = time.monotonic() - began
            yield outcome
    finally:
        shutil.rmtree(disk, ignore_errors=True)


def probe(lower):
    """A plain Debian, nothing of ours in it, has to come up before anything is said of the package."""
    disk = tempfile.mkdtemp(prefix="sw-boot-", dir=os.path.dirname(lower))
    os.mkdir(os.path.join(disk, "boot-test"))
    try:
        code, said = boot(lower, TOP, disk, "probe", 1, seconds=PROBE_TIMEOUT)
    finally:
        shutil.rmtree(disk, ignore_errors=True)
    if "ok 1 - booted" in said:
        return
    print(said, flush=True)
    raise CannotBoot(f"systemd-nspawn boots no Debian here (status {code})")


def run_all(args, cache):
    lower = debian(cache)
    probe(lower)
    debs = packages(args.build)
    for path in sorted(glob.glob(os.path.join(HERE, "inside", "test_*.py"))):
        if args.names and os.path.basename(path)[:-3] not in args.names:
            continue
        for outcome in run_program(lower, debs, path):
            run.report(outcome)
            if args.verbose:
                print(outcome.output, flush=True)
            yield outcome


def report_all(args, cache):
    outcomes = list(run_all(args, cache))
    failed = [(o.name, f) for o in outcomes for f in o.failed]
    for name, what in failed:
        print(f"FAILED {name}: {what}")
    print(f"{sum(o.passed for o in outcomes)} passed, {len(failed)} failed, "
          f"{sum(len(o.skipped) for o in outcomes)} skipped", flush=True)
    return 1 if failed or not outcomes else 0


def skip(what, reason):
    print(f"ok 1 - {what} # SKIP {reason}\n1..1\n0 passed, 0 failed, 1 skipped")
    return 0


def in_cache(what, reason, work):
    """work(directory), the exit status, in a directory for what can be kept; a skip when there is a reason to."""
    if reason:
        return skip(what, reason)
    cache = os.environ.get("SEALWRIGHT_BOOT_CACHE")
    kept = cache or tempfile.mkdtemp(prefix="sw-boot-cache-", dir="/var/tmp")
    os.makedirs(kept, exist_ok=True)
    try:
        return work(os.path.realpath(kept))
    except CannotBoot as problem:
        return skip(what, problem)
    finally:
        if not cache:
            shutil.rmtree(kept, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    return args


def main():
    args = arguments()
    return in_cache("boot tests", missing(), lambda cache: report_all(args, cache))


if __name__ == "__main__":
    sys.exit(main())
