#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion in a real bash (by itself, and with the bash-completion package) and a real zsh, through a terminal: what
TAB makes of a line is compared with what --help lists. The commands are shell functions here that print their words,
so the test sees them exactly, and a completion that would run a program would be seen, too."""

import functools
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from fcntl import ioctl

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import service  # noqa: E402
import tap  # noqa: E402
from evidence_log import LogBuilder  # noqa: E402

PATHS = {"policyd": service.POLICYD, "policyctl": service.POLICYCTL, "auditlog": os.path.join(service.BUILD, "bin", "auditlog")}
MADE = os.path.join(service.BUILD, "completion")
HOSTILE = ("a`touch pwned`", "b$(touch pwned)", "c${x-$(touch pwned)}", "d;touch pwned", "e&touch pwned", "f'g h", "i\\$HOME", "j\"~")
PACKAGE = "/usr/share/bash-completion/bash_completion"
SHOW = "%s() { printf '\\035'; printf '%%s\\037' \"$@\"; printf '\\036\\n'; }\n"
BASH = "PS1=; PS2=; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; bind 'set page-completions off'\n"
# Completions of all kinds into the line, as bash has it by M-*.
ZSH = r"""PS1=; unsetopt prompt_sp prompt_cr beep auto_remove_slash; autoload -Uz compinit; compinit -u -D
zle -C all-matches complete-word _generic; bindkey '^[*' all-matches
zstyle ':completion:all-matches:*' insert true; zstyle ':completion:all-matches::::' completer _all_matches _complete
"""


FIXED = re.compile(r"\b[a-z0-9.]+(\|[a-z0-9.]+)+\b")


class Told:
    """What --help says of a program: options by command, values that are a fixed set, commands."""

    def __init__(self, program):
        self.program = program
        text = self.say()
        self.text = {"": text}
        found = re.search(r"^commands.*:\n((?:  .*\n)+)", text, re.M)
        for name in re.findall(r"^  (\S+)", found[1], re.M) if found else ():
            self.text[name] = self.say(name)

    def say(self, *command):
        return subprocess.run([PATHS[self.program], *command, "--help"], capture_output=True, text=True, check=True).stdout

    def commands(self):
        return [name for name in self.text if name]

    def operands(self, command):
        return re.match(r"usage: \S+ \S+ \[options\](.*)", self.text[command])[1]

    def options(self, command):
        rows = re.findall(r"^  (?:-(\w), )?--([\w-]+)", self.text[command], re.M)
        return sorted([f"--{name}" for _, name in rows] + [f"-{letter}" for letter, _ in rows if letter])

    def fixed(self, command):
        """[(option, its values)] of those that --help has as a|b|c."""
        rows = re.findall(r"^  (?:-\w, )?(--[\w-]+) (\S+) +(.*)", self.text[command], re.M)
        for option, name, said in rows:
            words = FIXED.search(name) or FIXED.search(said)
            if words:
                yield option, sorted(words[0].split("|"))

    def formats(self, command):
        found = re.search(r"^formats.*:\n((?:  .*\n)+)", self.text[command], re.M)
        return sorted(re.findall(r"^  (\w\S*)", found[1], re.M)) if found else []


@functools.lru_cache
def told_by_all():
    return {name: Told(name) for name in PATHS}


class Shell:
    """A shell at a terminal. keys() types a line and Enter and returns the words that the command got."""

    def __init__(self, argv, directory, start, **env):
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 20000, 0, 0))
        self.fd = ours
        self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=directory, start_new_session=True,
                                        env={"PATH": os.environ["PATH"], "HOME": directory, "TERM": "xterm", **env})
        os.close(theirs)
        self.start = os.path.join(directory, ".start")
        with open(self.start, "w", encoding="utf-8") as f:
            f.write(start + "".join(SHOW % name for name in PATHS) + SHOW % "ready")
        self.seen = b""
        self.type(f". {self.start}\rready\r")
        self.printed()

    def type(self, text):
        os.write(self.fd, text.encode())

    def printed(self):
        end = time.monotonic() + service.PATIENCE
        while b"\036" not in self.seen and time.monotonic() < end:
            if select.select([self.fd], [], [], 1)[0]:
                self.seen += os.read(self.fd, 65536)
        said, mark, self.seen = self.seen.partition(b"\036")
        if not mark or b"\035" not in said:
            raise AssertionError(f"the shell printed {said!r}")
        return [w.decode() for w in said.rpartition(b"\035")[2].split(b"\037")[:-1]]

    def keys(self, line):
        self.type(line + "\r")
        return self.printed()

    def all(self, line):
        """All completions at the end of a line, sorted. A zsh suffix = is left off."""
        before = len(line.split()) - 1 - (not line.endswith(" "))
        return sorted(w.removesuffix("=") for w in self.keys(line + "\x1b*")[before:])

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.fd)


class Completion:
    """The same for every shell."""

    @classmethod
    def setUpClass(cls):
        cls.told = told_by_all()
        cls.top = tempfile.mkdtemp(prefix="c")
        for name in ("one.vkey", "two words", "t$(touch pwned)"):
            with open(os.path.join(cls.top, name), "w", encoding="utf-8"):
                pass
        os.makedirs(os.path.join(cls.top, "old", "deep"))
        for name in HOSTILE:
            os.makedirs(os.path.join(cls.top, "evil", name))
        cls.shell = cls.open_shell()

    @classmethod
    def tearDownClass(cls):
        cls.shell.close()
        shutil.rmtree(cls.top, True)

    def lines(self):
        """(what --help says, program, command, the line so far) of each program and each command."""
        for program, told in self.told.items():
            for command in told.text:
                yield told, command, " ".join([program, command]).strip() + " "

    def test_every_option_and_none_else(self):
        for told, command, line in self.lines():
            options = told.options(command)
            self.assertIn("--help", options)
            self.assertEqual(self.shell.all(line + "-"), options, line)
            self.assertEqual(self.shell.all(line + "--"), [o for o in options if o.startswith("--")], line)
            if command and told.operands(command):  # behind those they may stand, too
                self.assertEqual(self.shell.all(line + "one.vkey --"), [o for o in options if o.startswith("--")], line)

    def test_commands(self):
        for program, told in self.told.items():
            if told.commands():
                self.assertEqual(self.shell.all(program + " "), sorted(told.commands()))
        self.assertEqual(self.shell.keys("auditlog sea\t"), ["search"])
        self.assertEqual(self.shell.keys("policyctl --json --timeout 3 stat\t"), ["--json", "--timeout", "3", "status"])
        self.assertEqual(self.shell.keys("auditlog nothing --dec\t"), ["nothing", "--dec"])

    def test_values(self):
        found = 0
        for told, command, line in self.lines():
            formats = [("--format", told.formats(command))] if told.formats(command) else []
            for option, words in [*told.fixed(command), *formats]:
                found += 1
                self.assertEqual(self.shell.all(f"{line}{option} "), words, line + option)
                for end in words:
                    shortest = next(end[:n] for n in range(1, len(end) + 1)
                                    if n == len(end) or sum(w.startswith(end[:n]) for w in words) == 1)
                    self.assertEqual(self.shell.keys(f"{line}{option}={shortest}\t")[-1], f"{option}={end}")
        self.assertGreater(found, 25)

    def test_values_behind_others(self):
        """Words with = and : before; the same value for another option; --to takes what --from takes."""
        keys = self.shell.keys
        self.assertEqual(keys("auditlog search --where peer.uid=1000 --where a:b=c --decision d\t"),
                         ["search", "--where", "peer.uid=1000", "--where", "a:b=c", "--decision", "deny"])
        self.assertEqual(keys("auditlog count --decision=allow --to y\t")[-1], "yesterday")
        self.assertEqual(keys("auditlog search -- --decision d\t")[-2:], ["--decision", "d"])
        self.assertEqual(keys("policyctl allow ne\t")[-1], "network")
        self.assertEqual(keys("policyctl --socket=/tmp/s evaluate --us\t")[-1], "--user")

    def test_nothing_where_nothing_is_known(self):
        for line in ("auditlog search --user ", "auditlog search --where ", "auditlog search --where o", "auditlog show o",
                     "auditlog search --limit ", "policyctl evaluate o", "policyctl outcome "):
            self.assertEqual(self.shell.keys(line + "\t"), line.split()[1:], line)

    def test_files(self):
        keys = self.shell.keys
        self.assertEqual(keys("auditlog verify --key o\t\t")[-1][:1], "o")
        self.assertEqual(keys("auditlog verify --key on\t")[-1], "one.vkey")
        self.assertEqual(keys("auditlog search on\t")[-1], "one.vkey")
        self.assertEqual(keys("auditlog show 17 on\t")[-1], "one.vkey")
        self.assertEqual(keys("auditlog anchor --add=on\t")[-1], "--add=one.vkey")
        self.assertEqual(keys("policyctl check --policy ol\t")[-1], "old/")
        self.assertEqual(keys("auditlog prove ID old/\t")[-1], "old/deep/")
        self.assertEqual(keys("auditlog verify o\t")[-1], "old/", "directories alone")
        self.assertEqual(keys("policyd --audit-dir o\t")[-1], "old/")
        self.assertEqual(keys("auditlog search tw\t")[-1], "two words")
        self.assertEqual(keys("auditlog search t\\$\t")[-1], "t$(touch pwned)")
        self.assertFalse(os.path.exists(os.path.join(self.top, "pwned")))

    def test_hostile_names(self):
        """Whoever names a file runs nothing in the shell that completes it, nor in the line that comes of it."""
        for line in ("auditlog verify --key {}\t", "auditlog verify --key={}\t", "auditlog verify --anchors={}\t",
                     "auditlog search {}\t"):
            for name in HOSTILE:
                with self.subTest(line=line, name=name):
                    found = self.shell.keys(line.format("evil/" + name[0]))[-1]
                    self.assertEqual(found.rpartition("=evil/")[2].removeprefix("evil/"), name + "/")
        self.assertFalse(os.path.exists(os.path.join(self.top, "pwned")))

    def test_accounts(self):
        self.assertIn("root", self.shell.all("policyctl check --user roo"))
        self.assertIn("root", self.shell.all("policyctl check --group roo"))
        self.assertIn("root", self.shell.all("policyd --user roo"))


def bash_start(*sources):
    return "".join(f". {path}\n" for path in sources) + BASH


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Bash(Completion, unittest.TestCase):
    @classmethod
    def open_shell(cls):
        files = [os.path.join(MADE, "bash", name) for name in PATHS]
        return Shell(["bash", "--norc", "--noprofile", "-i"], cls.top, bash_start(*files))


@unittest.skipUnless(shutil.which("bash") and os.path.exists(PACKAGE), "bash-completion is not installed")
class BashWithPackage(Completion, unittest.TestCase):
    """Found by name where the package looks, when it is wanted first."""

    @classmethod
    def open_shell(cls):
        share = os.path.join(cls.top, ".share", "bash-completion")
        os.makedirs(share)
        shutil.copytree(os.path.join(MADE, "bash"), os.path.join(share, "completions"))
        return Shell(["bash", "--norc", "--noprofile", "-i"], cls.top, bash_start(PACKAGE),
                     XDG_DATA_DIRS=os.path.dirname(share))


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class BashOtherBreaks(Completion, unittest.TestCase):
    """Where = and : do not break words; and with an IFS and options that not everybody has."""

    @classmethod
    def open_shell(cls):
        files = [os.path.join(MADE, "bash", name) for name in PATHS]
        start = bash_start(*files) + "COMP_WORDBREAKS=$' \\t\\n\"\\'><;|&('; set -u; IFS=-a\n"
        return Shell(["bash", "--norc", "--noprofile", "-i"], cls.top, start)


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
class Zsh(Completion, unittest.TestCase):
    @classmethod
    def open_shell(cls):
        return Shell(["zsh", "-f", "-i"], cls.top, f"fpath=({MADE}/zsh $fpath)\n{ZSH}")


class Values(unittest.TestCase):
    def test_are_taken(self):
        """Each value that --help names is one that the program takes."""
        with tempfile.TemporaryDirectory(prefix="c") as top:
            LogBuilder(top, segments=[8]).write()
            told = told_by_all()["auditlog"]
            for command in told.commands():
                for option, words in [*told.fixed(command), ("--format", told.formats(command))]:
                    operands = ["3", top] if command == "show" else [top]
                    if command == "export" or option == "--ocsf-version":
                        operands.append("--format=" + ("ocsf" if option == "--ocsf-version" else "jsonl"))
                    for word in words:
                        done = subprocess.run([PATHS["auditlog"], command, *operands, option, word], capture_output=True,
                                              check=False)
                        self.assertEqual(done.stderr, b"", (command, option, word))
                        self.assertIn(done.returncode, (0, 1, 3))  # 3: without a key, a report has a caveat


if __name__ == "__main__":
    tap.main()
