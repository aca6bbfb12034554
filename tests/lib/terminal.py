# SPDX-License-Identifier: Apache-2.0
"""What programs write when they write to a terminal, and a name that would like to drive one."""

import contextlib
import os
import pty
import subprocess

import service

HOSTILE = 'a\x1b[31m\n"\u202e\u009b'
HARMLESS = 'a\\x1b[31m\\x0a"\\xe2\\x80\\xae\\xc2\\x9b'  # as the programs show it


def on_terminal(args, env=None, streams=("stdout",), during=None):
    """What a program writes to a terminal that is some of its streams; the others are /dev/null. during: called with its
    process once it runs."""
    main, other = pty.openpty()
    try:
        with subprocess.Popen(args, stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", **(env or {})},
                              **{s: other if s in streams else subprocess.DEVNULL for s in ("stdout", "stderr")}) as p:
            os.close(other)
            if during:
                during(p)
            out = b""
            with contextlib.suppress(OSError):  # its side is closed
                while more := os.read(main, 1 << 16):
                    out += more
            p.wait(service.PATIENCE)
        return out.replace(b"\r\n", b"\n").decode()
    finally:
        os.close(main)
