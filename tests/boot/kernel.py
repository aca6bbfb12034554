#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The suite and the installed service on Debian 12's own kernel (6.1: Landlock ABI 2), which is poorer than most
that this is developed on. Boots a Debian with that kernel in an emulated machine (qemu, no KVM needed: slow) and runs
guest.py there. The last line is "N passed, N failed, N skipped".

    kernel.py [--build DIR] [NAME...]      NAME: as for tests/run.py, "boot" for inside/test_units.py, "date" for
                                           inside/set_date.py; none: what looks at processes, jails and the log's files

Needs root (mmdebstrap). SEALWRIGHT_BOOT_CACHE names a directory in which kernel and Debian are kept; the machine is
ended after SEALWRIGHT_KERNEL_SECONDS (default 5400)."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import boot

TOP = boot.TOP
TOOLS = ("qemu-system-x86_64", "mmdebstrap", "mkfs.ext4", "busybox", "apt-get", "dpkg")
KERNEL = "linux-image-cloud-amd64"
# What the tests use besides what the package needs.
PACKAGES = (*boot.PACKAGES, "procps", "kmod", "libcmocka0", "openssl", "jq", "strace", "curl", "e2fsprogs")
SECONDS = int(os.environ.get("SEALWRIGHT_KERNEL_SECONDS", "5400"))
MEMORY_MIB = 2048
ROOT_MIB, WORK_MIB = 1536, 768
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk")
COUNTS = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped\s*$", re.M)

INIT = f"""#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for m in {' '.join(MODULES)}; do $b insmod /modules/$m.ko; done
while [ ! -b /dev/vda ] || [ ! -b /dev/vdb ]; do $b usleep 20000; done
$b mount -t ext4 /dev/vda /root && $b mount -t ext4 /dev/vdb /root/src || $b poweroff -f
$b mount --move /dev /root/dev
$b umount /proc
exec $b switch_root /root /sbin/init
"""

UNIT = """[Unit]
Description=test programs
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/sh /src/run
Environment=HOME=/root LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
StandardOutput=tty
StandardError=inherit
TTYPath=/dev/ttyS0
TimeoutStartSec=infinity
"""


def missing():
    """Why no machine can be made here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    lacking = [t for t in TOOLS if not shutil.which(t)]
    return f"not installed: {' '.join(lacking)}" if lacking else None


def must(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise boot.CannotBoot(f"{command[0]}: status {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


# --- the machine's parts ------------------------------------------------------------------------------


def kernel_package():
    """Name of the package that Debian's own kernel is in now."""
    said = must("apt-cache", "depends", KERNEL)
    match = re.search(r"Depends: (linux-image-[0-9]\S*)", said)
    if not match:
        raise boot.CannotBoot(f"apt-cache knows no {KERNEL}")
    return match[1]


def kernel(cache):
    """Directory with boot/vmlinuz-* and lib/modules/*/ of Debian's kernel."""
    name = kernel_package()
    kept = os.path.join(cache, name)
    if os.path.exists(kept):
        return kept
    new = tempfile.mkdtemp(prefix="new-", dir=cache)
    must("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name, cwd=new)
    must("dpkg", "-x", next(f for f in os.listdir(new) if f.endswith(".deb")), "k", cwd=new)
    os.rename(os.path.join(new, "k"), kept)
    shutil.rmtree(new)
    return kept


def cpio(entries):
    """A cpio archive ("newc") of [(name, mode, bytes)]."""
    out = bytearray()
    for inode, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return bytes(out)


def initrd(parts, path):
    """What finds the two disks and hands over to systemd."""
    found = {f[:-3]: os.path.join(d, f) for d, _, files in os.walk(os.path.join(parts, "lib", "modules"))
             for f in files if f.endswith(".ko")}
    entries = [(d, 0o40755, b"") for d in ("bin", "modules", "proc", "dev", "root")]
    entries.append(("init", 0o100755, INIT.encode()))
    for name, source in [("bin/busybox", shutil.which("busybox")), *((f"modules/{m}.ko", found[m]) for m in MODULES)]:
        with open(source, "rb") as f:
            entries.append((name, 0o100755, f.read()))
    with open(path, "wb") as f:
        f.write(cpio(entries))


def disk(path, directory, mib):
    must("truncate", "-s", f"{mib}M", path)
    must("mkfs.ext4", "-q", "-F", "-d", directory, path)


def root_disk(parts, cache):
    """The Debian, with the kernel's modules, in an image that is kept."""
    key = hashlib.sha256(" ".join((*PACKAGES, UNIT, os.path.basename(parts))).encode()).hexdigest()[:12]
    path = os.path.join(cache, f"root-{key}.img")
    if os.path.exists(path):
        return path
    root = tempfile.mkdtemp(prefix="new-", dir=cache)
    try:
        must("cp", "-a", boot.debian(cache, PACKAGES) + "/.", root)
        shutil.copytree(os.path.join(parts, "lib", "modules"), os.path.join(root, "lib", "modules"), symlinks=True)
        must("chroot", root, "depmod", os.listdir(os.path.join(parts, "lib", "modules"))[0])
        os.makedirs(os.path.join(root, "src"))
        os.symlink("src/debs", os.path.join(root, "debs"))
        with open(os.path.join(root, "etc/systemd/system/boot-test.service"), "w", encoding="utf-8") as f:
            f.write(UNIT)
        os.chmod(root, 0o755)
        disk(path + ".new", root, ROOT_MIB)
        os.rename(path + ".new", path)
    finally:
        shutil.rmtree(root)
    return path


def work_disk(args, path):
    """The tree, what was built, the package, and the command to run: /src in the machine."""
    top = tempfile.mkdtemp(prefix="work-", dir=os.path.dirname(path))
    try:
        os.chmod(top, 0o755)
        must("sh", "-c", 'tar --exclude="./build*" --exclude=./.git --exclude=__pycache__ -cf - . | tar -C "$1" -xf -',
             "sh", top, cwd=TOP)
        for part in ("bin", "sbin", "libexec", "unit", "fuzz"):
            shutil.copytree(os.path.join(args.build, part), os.path.join(top, "build", part))
        shutil.copytree(boot.packages(args.build), os.path.join(top, "debs"), ignore=shutil.ignore_patterns("sealwright-*"))
        registered = " ".join(f"{k}='{os.environ[k]}'" for k in ("UNIT_TESTS", "FUZZERS") if k in os.environ)
        with open(os.path.join(top, "run"), "w", encoding="utf-8") as f:
            f.write(f"{registered} exec python3 /src/tests/boot/guest.py {' '.join(args.names)}\n")
        disk(path, top, WORK_MIB)
    finally:
        shutil.rmtree(top)


# --- a run ----------------------------------------------------------------------------------------------


def machine(parts, root, scratch):
    """Run it to its end; what its console said."""
    drive = "file={},format=raw,if=virtio,snapshot=on,cache=unsafe"
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MIB),
               "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none", "-serial", "stdio",
               "-kernel", next(e.path for e in os.scandir(os.path.join(parts, "boot")) if e.name.startswith("vmlinuz")),
               "-initrd", os.path.join(scratch, "initrd"),
               "-append", "console=ttyS0 quiet loglevel=3 panic=-1 systemd.show_status=0 systemd.mask=serial-getty@ttyS0.service systemd.wants=boot-test.service",
               "-drive", drive.format(root), "-drive", drive.format(os.path.join(scratch, "work.img"))]
    said = []
    with subprocess.Popen(["timeout", "-k", "5", str(SECONDS), *command], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="backslashreplace",
                          env={**os.environ, "TMPDIR": scratch}) as process:
        for line in process.stdout:
            said.append(line.rstrip())
            print(said[-1], flush=True)
    return process.returncode, "\n".join(said)


def run(args, cache):
    parts = kernel(cache)
    root = root_disk(parts, cache)
    scratch = tempfile.mkdtemp(prefix="sw-kernel-", dir=cache)
    try:
        initrd(parts, os.path.join(scratch, "initrd"))
        work_disk(args, os.path.join(scratch, "work.img"))
        began = time.monotonic()
        code, said = machine(parts, root, scratch)
        print(f"# the machine ran for {time.monotonic() - began:.0f} s", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    counts = COUNTS.findall(said)
    if code != 0 or not counts:
        print(f"FAILED boot/kernel: the machine ended (status {code}) before its tests\n0 passed, 1 failed, 0 skipped")
        return 1
    print("{} passed, {} failed, {} skipped".format(*counts[-1]))
    return 1 if int(counts[-1][1]) > 0 else 0


def main():
    args = boot.arguments()
    return boot.in_cache("Debian's own kernel", missing(), lambda cache: run(args, cache))


if __name__ == "__main__":
    sys.exit(main())
