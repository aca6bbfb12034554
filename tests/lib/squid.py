# SPDX-License-Identifier: Apache-2.0
"""A real Squid on loopback ports, configured with examples/squid.conf, and a web server behind it."""

import glob
import grp
import http.server
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading

import procs
import service

SQUID = shutil.which("squid", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
CURL = shutil.which("curl")
FAKE_AUTH = "/usr/lib/squid/basic_fake_auth"  # believes any password
PAGE = b"<p>hello from behind the proxy</p>\n"


def missing():
    """Why Squid cannot be tested here, or None."""
    if not SQUID:
        return "squid is not installed"
    if not CURL:
        return "curl is not installed"
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Web(threading.Thread):
    """A web server that counts what reaches it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = []
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                seen.append(self.headers.get("Host"))
                self.send_response(200)
                self.send_header("Content-Length", str(len(PAGE)))
                self.end_headers()
                self.wfile.write(PAGE)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.start()

    def run(self):
        self.server.serve_forever(0.05)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Squid:
    """In a directory of its own that Squid's user can reach; helper is a list of arguments of policyctl squid."""

    def __init__(self, hosts, helper=(), before="", fmt=None):
        self.dir = tempfile.mkdtemp(prefix="sq", dir="/tmp")
        # Names its shared memory, too, which must not be that of a Squid that serves this host.
        self.name = os.path.basename(self.dir).replace("_", "0")
        self.port = free_port()
        # policyd as root has no capability by then: it must own the directory to remove its socket.
        os.mkdir(os.path.join(self.dir, "run"), 0o755)
        self.socket = os.path.join(self.dir, "run", "p.sock")
        self.root = os.geteuid() == 0
        self.user = "proxy" if self.root else str(os.getuid())
        self.process = None
        # Squid's user need not be able to reach the build directory.
        self.helper = shutil.copy(service.POLICYCTL, self.dir)
        os.chmod(self.dir, 0o755)
        self._write("hosts", "".join(f"127.0.0.1 {name}\n" for name in hosts))
        os.mkdir(os.path.join(self.dir, "errors"))
        shutil.copy(os.path.join(service.TOP, "examples", "ERR_SEALWRIGHT"), os.path.join(self.dir, "errors"))
        self.conf = self._write("squid.conf", self._configuration(list(helper), before, fmt))
        for name in ("access.log", "cache.log"):
            self._write(name, "")
        if self.root:
            for path in [self.dir] + [os.path.join(self.dir, name) for name in os.listdir(self.dir) if name != "run"]:
                shutil.chown(path, self.user, self.user)
        os.chmod(self.dir, 0o755)

    def _write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def _configuration(self, helper, before, fmt):
        with open(os.path.join(service.TOP, "examples", "squid.conf"), encoding="utf-8") as f:
            example = f.read()
        ours = " ".join([self.helper, "squid", "--socket", self.socket, *helper])
        for old, new in (("/usr/local/bin/policyctl squid", ours),
                         ("daemon:/var/log/squid/access.log", f"stdio:{self.dir}/access.log"),
                         ("%#DST %PORT %#METHOD %SRC %#un", fmt or "%#DST %PORT %#METHOD %SRC %#un")):
            if old not in example:
                raise AssertionError(f"examples/squid.conf no longer has {old}")
            example = example.replace(old, new)
        return f"""
http_port 127.0.0.1:{self.port}
pid_filename {self.dir}/squid.pid
cache_log {self.dir}/cache.log
cache_store_log none
cache_mem 8 MB
cache deny all
coredump_dir {self.dir}
hosts_file {self.dir}/hosts
dns_nameservers 127.0.0.1
error_directory {self.dir}/errors
shutdown_lifetime 0 seconds
pinger_enable off
netdb_filename none
buffered_logs off
visible_hostname squid.test
{before}
{example}
http_access allow localhost
http_access deny all
"""

    def check(self):
        """squid -k parse: (exit status, what it said)."""
        done = subprocess.run([SQUID, "-k", "parse", "-n", self.name, "-f", self.conf], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False)
        return done.returncode, done.stdout.decode(errors="replace")

    def start(self):
        self.process = subprocess.Popen([SQUID, "-N", "-n", self.name, "-f", self.conf], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir)
        procs.wait_until(self._listens, service.PATIENCE, f"squid on port {self.port}; cache.log: {self.cache_log()}")
        return self

    def _listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"squid ended with {self.process.returncode}: {self.cache_log()}")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def admit(self, path=None):
        """Let Squid's user reach policyd's socket, as a group would."""
        path = path or self.socket
        if self.root:
            os.chown(path, -1, grp.getgrnam("proxy").gr_gid)
            if not stat.S_IMODE(os.stat(path).st_mode) & stat.S_IWGRP:
                raise AssertionError("the socket is not for its group")

    def cache_log(self):
        with open(os.path.join(self.dir, "cache.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def access_log(self):
        with open(os.path.join(self.dir, "access.log"), encoding="utf-8", errors="replace") as f:
            return [line.split() for line in f]

    def curl(self, url, *args):
        """(status of the answer, status of the answer to CONNECT, body)."""
        done = subprocess.run(
            [CURL, "--silent", "--globoff", "--max-time", "30", "--proxy", f"http://127.0.0.1:{self.port}",
             "--write-out", "\n%{http_code} %{http_connect}", *args, url],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
            env={"PATH": os.environ.get("PATH", "")})
        body, _, codes = done.stdout.decode(errors="replace").rpartition("\n")
        code, connect = codes.split()
        return int(code), int(connect), body

    def stop(self, sig=signal.SIGTERM):
        """End it, and see that its helpers end by themselves."""
        if self.process and self.process.poll() is None:
            helpers = procs.descendants(self.process.pid)
            self.process.send_signal(sig)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("squid did not end") from None
            procs.wait_until(lambda: not [p for p in helpers if procs.alive(p)], 10, "Squid's helpers have ended")
            procs.reap_orphans({self.process.pid})

    def remove(self):
        try:
            self.stop(signal.SIGKILL)  # asked politely, it takes a second at least
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)
            for path in glob.glob(f"/dev/shm/{self.name}-*"):
                os.unlink(path)
