# SPDX-License-Identifier: Apache-2.0
"""One round of a soak: the service under load, one thing after another going wrong, an orderly end, and the log
against what clients were told."""

import collections
import errno
import json
import os
import re
import signal
import subprocess
import time

import client
import fates
import log as auditlog
import procs
import service
from crowd import AUDITLOG, MANNERS, OVERLOAD, Load, Readers
from faults import ERRORS, STORAGE

ALL_CALLS = (*STORAGE, "read", "write", "ppoll", "recvmsg", "send", "getrandom", "flock", "readdir", "dup3")
CHILDREN = ("evaluator", "admin")
TOGETHER = (("writer", "supervisor"), ("writer", "evaluator"), ("supervisor", "evaluator"),
            ("writer", "supervisor", "evaluator", "admin"))
STARTS = 5          # attempts, without a fault, until it serves
# After a full disk an evaluator asks the writer every 30 s whether there is space again (policyd/evaluator/notes.c).
SERVES = 3 * service.PATIENCE
HIT = 1.0           # s for a call to be made that is to go wrong
SAMPLE = 10         # lines of a segment that are also held against the whole contract
BAD_POLICY = '{"schema":"sealwright-policy/1","revision":"bad","policies":[{"id":"p","rules":[{"id":"r"}]}]}'
# Evaluators are killed with SIGKILL here; by any other signal they die of themselves.
UNSOUND = re.compile(r"killed by signal (?!9\b)\d+|broke its sandbox")


class Wrong(Exception):
    """The service does not do what it should, beyond records: it does not come back, or does not end."""


class Log:
    """A log directory over several rounds: what was checked of it is put away."""

    def __init__(self, top, disk, program, plan):
        self.top, self.disk, self.program, self.plan = top, disk, program, plan
        self.seq, self.prev, self.revision, self.rounds = 1, "0" * 64, 1, 0
        self.key = os.path.join(top, "pinned.vkey")

    def pin(self):
        """The first key, kept elsewhere as a reviewer would."""
        if not os.path.exists(self.key):
            with open(os.path.join(self.disk.audit, "origin.vkey"), "rb") as f, open(self.key, "wb") as kept:
                kept.write(f.read())

    def closed(self):
        """Segments not yet checked, in order, after a clean end; AssertionError when one is left open."""
        paths = [os.path.join(self.disk.audit, n) for n in os.listdir(self.disk.audit)]
        left = [p for p in paths if p.endswith(".tmp") and fates.begun(p)]
        if left:
            raise AssertionError(f"not closed: {left}")
        numbered = sorted((fates.first_seq(p), p) for p in paths if p.endswith(".jsonl"))
        return [p for n, p in numbered if n >= self.seq]

    def verify(self):
        """What auditlog verify says against: None or words."""
        done = subprocess.run([AUDITLOG, "verify", "--key", self.key, self.disk.audit], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        return None if done.returncode in (0, 3) else f"status {done.returncode}: {done.stdout.strip()} {done.stderr.strip()}"

    def put_away(self):
        """All but the newest segment; seals stay."""
        paths = [os.path.join(self.disk.audit, n) for n in os.listdir(self.disk.audit)]
        segments = sorted((fates.first_seq(p), p) for p in paths if p.endswith(".jsonl"))
        for path in [p for _, p in segments[:-1]] + [p for p in paths if ".torn" in p]:
            os.unlink(path)


class Round:
    """counts: what is added up over rounds; faults: words, empty when all is well."""

    def __init__(self, log, dice, number, seconds):
        self.log, self.dice, self.number = log, dice, number
        self.until = time.monotonic() + seconds
        self.counts, self.faults = collections.Counter(), []
        self.loads, self.readers = [], Readers(dice)
        self.service = self.told = None

    # --- the service ------------------------------------------------------------------------------

    def options(self):
        args = ["--rotate-records", str(self.dice.randint(20, 2000))]
        # With "commit" the last second may go with the power: not for file systems whose power is cut.
        if not self.log.disk.own() and self.dice.random() < 0.3:
            args += ["--durability", "commit"]
        return args

    def start(self):
        """Up and serving, at latest at the last attempt."""
        self.log.plan.clear()
        self.log.disk.free()
        self.write_policy(self.log.revision)
        said = []
        for _ in range(STARTS):
            s = service.Service(self.log.top, args=self.options(), evaluators=self.dice.randint(1, 3),
                                conf={"low_bytes": 0, "reserve_bytes": 1 << 20, "limits": {"answer_ms": 2000}})
            s.audit, s.keys = self.log.disk.audit, self.log.disk.keys
            try:
                self.service = s.spawn().wait_ready()
            except AssertionError as problem:
                said.append(str(problem))
                s.end_hard()
                s.gone()
                continue
            self.counts["starts"] += 1
            return
        raise Wrong("it does not start: " + "; ".join(said))

    def ended(self):
        """After its end, whatever ended it."""
        self.service.wait()
        self.service.gone()
        words = self.service.said()
        for line in words.splitlines():
            if UNSOUND.search(line) or service.UNSOUND.search(line):
                self.faults.append("unsound: " + line)

    def revive(self):
        if self.service.running():
            return
        self.ended()
        self.start()

    def write_policy(self, revision):
        new = os.path.join(self.log.top, "policy.new")
        with open(new, "w", encoding="ascii") as f:
            f.write(revision if isinstance(revision, str) else json.dumps(fates.policy(revision)))
        os.rename(new, os.path.join(self.log.top, "policy.json"))

    def served(self):
        """A request of ours is answered, and on record. What came instead is in self.told."""
        try:
            with client.Client(self.service.socket, timeout=10) as c:
                self.told = c.ask(service.ALLOWED)
                return "audit_event_id" in self.told
        except (OSError, ValueError, KeyError) as problem:
            self.told = problem
            return False

    def threads(self):
        """What the writer's are at, for a report."""
        found = []
        for pid in self.service.pids("writer"):
            for task in sorted(os.listdir(f"/proc/{pid}/task")):
                with open(f"/proc/{pid}/task/{task}/wchan", encoding="ascii") as f:
                    found.append(f"{task}: {procs.status(task, 'State')[0]} {f.read()}")
        return found

    def serves_again(self):
        end = time.monotonic() + SERVES
        while not self.served():
            self.revive()
            if time.monotonic() > end:
                raise Wrong(f"nothing goes wrong any more, and it does not serve: {self.told}; the writer: {self.threads()}; "
                            f"free: {self.log.disk.left()}; plan: {self.log.plan.state()}; {self.service.said()[-2000:]}")
            time.sleep(0.02)

    # --- what goes wrong --------------------------------------------------------------------------

    def count(self, what):
        self.counts["fault " + what] += 1

    def await_hit(self):
        """It shows, and goes on for a moment; not every call is made all the time."""
        end = time.monotonic() + HIT
        while not self.log.plan.get("hit") and time.monotonic() < end and self.service.running():
            time.sleep(0.01)
        self.pause(0.3)

    def hit(self, what):
        """The plan is over: one fault, in however many calls it showed."""
        calls = self.log.plan.clear()
        self.counts["calls that went wrong"] += calls
        self.counts["fault " + what] += calls > 0

    def shoot(self, role):
        pids = [self.service.process.pid] if role == "supervisor" else self.service.pids(role)
        try:
            os.kill(self.dice.choice(pids), signal.SIGKILL)
            self.count(f"kill {role}")
        except (IndexError, ProcessLookupError):
            pass

    def kill_child(self):
        self.shoot(self.dice.choice(CHILDREN))

    def kill_writer(self):
        self.shoot("writer")

    def kill_supervisor(self):
        self.shoot("supervisor")

    def kill_together(self):
        for role in self.dice.choice(TOGETHER):
            self.shoot(role)

    def call_fails(self):
        kind = self.dice.choice(("error", "error", "error", "short", "delay"))
        call = "pwrite" if kind == "short" else self.dice.choice(STORAGE)
        times = self.dice.choice((1, 1, 2, 5, 1 << 20))
        self.log.plan.arm(kind, call, self.dice.randint(1, 20), times, self.dice.choice(ERRORS))
        self.await_hit()
        self.hit("call " + {"error": "failed", "short": "cut short", "delay": "slow"}[kind])

    def end_at(self, calls):
        """(kind, call) of an end of the process there; a write may be half done."""
        kind = self.dice.choice([k for k in ("kill", "kill_after", "torn") if k in self.log.plan.kinds])
        return kind, "pwrite" if kind == "torn" else self.dice.choice(calls)

    def call_kills(self):
        self.log.plan.arm(*self.end_at(ALL_CALLS), self.dice.randint(1, 10), 1)
        self.await_hit()
        self.hit("end at a call")

    def start_fails(self):
        """Recovery itself goes wrong, and is tried again."""
        self.shoot("writer")
        self.ended()
        how = self.dice.choice((self.end_at(STORAGE), ("error", self.dice.choice(STORAGE))))
        self.log.plan.arm(*how, self.dice.randint(1, 15), self.dice.choice((1, 1 << 20)), self.dice.choice(ERRORS))
        self.service.spawn()
        self.pause(0.3)
        self.hit("in recovery")
        if self.service.running() and not self.service.said().endswith("ready"):
            self.pause(0.2)

    def full(self):
        self.log.disk.fill()
        self.count("disk full")
        self.pause(0.6)
        self.log.disk.free()

    def power(self):
        """Half of them while a call fails: what an error left undone is not on the disk."""
        self.readers.end()
        if self.dice.random() < 0.5:
            self.log.plan.arm("error", self.dice.choice(("fdatasync", "fdatasync", *STORAGE)), 1, 1 << 20, errno.EIO)
            self.pause(0.1)
        self.log.disk.cut(self.service.pids("writer"))
        self.count(f"power cut {self.log.disk.kind}")
        procs.end_all([*procs.descendants(self.service.process.pid), self.service.process.pid])
        self.ended()
        self.hit("call failed before a power cut")
        self.log.disk.again()

    def restart(self):
        self.service.terminate()
        self.count("restart")

    def reload(self):
        self.log.revision += 1
        self.write_policy(self.log.revision)
        self.hang_up("reload")

    def bad_policy(self):
        self.write_policy(BAD_POLICY)
        self.hang_up("policy refused")
        self.pause(0.05)
        self.write_policy(self.log.revision)

    def hang_up(self, what):
        if self.service.running():
            os.kill(self.service.process.pid, signal.SIGHUP)
            self.count(what)

    def rotate(self):
        service.policyctl("--admin-socket", self.service.admin_socket, "rotate")
        self.count("rotation")

    def overload(self):
        self.load({**OVERLOAD, "seconds": 1})
        self.count("overload")

    def read(self):
        self.readers.start(self.log.disk.audit)
        self.count("reader")

    def actions(self):
        found = [self.kill_child] * 3 + [self.kill_writer, self.kill_supervisor, self.kill_together, self.restart]
        found += [self.call_fails] * 5 + [self.call_kills] * 3 + [self.start_fails, self.bad_policy]
        found += [self.reload, self.rotate, self.read] * 2 + [self.overload]
        return found + ([self.full, self.power] * 2 if self.log.disk.own() else [])

    # --- a round ----------------------------------------------------------------------------------

    def pause(self, longest):
        time.sleep(self.dice.random() * longest)

    def load(self, options):
        name = f"r{self.number}l{len(self.loads)}"
        self.loads.append(Load(self.log.top, self.service.socket, name, options.pop("seconds", 3600), options,
                               self.dice.randrange(1 << 30)))

    def work(self):
        while time.monotonic() < self.until:
            self.pause(0.15)
            self.dice.choice(self.actions())()
            self.readers.collect()
            self.revive()

    def end_loads(self):
        for load in self.loads:
            load.tell_to_end()
        for load in self.loads:
            counts, problem = load.end()
            if problem:
                self.faults.append(problem)
            self.counts.update({k: v for k, v in (counts or {}).items() if k in ("sent", "answered", "unrecorded")})

    def counters(self):
        """What the service says of itself adds up, when nobody asks any more."""
        totals = self.service.admin("status").get("status", {}).get("totals")
        if not totals:
            return
        if totals["asked"] != totals["answered"] + totals["unanswered"] + totals["waiting"] or (
                totals["waiting"] == 0 and totals["asked"] != totals["recorded"] + totals["unrecorded"] + totals["without_record"]):
            self.faults.append(f"counters do not add up: {totals}")
        self.counts["counters checked"] += 1

    def end(self):
        self.readers.end()
        self.serves_again()
        self.end_loads()
        self.serves_again()
        self.log.pin()
        self.counters()
        code = self.service.terminate()
        self.ended()
        if code != 0:
            raise Wrong(f"exit status {code} of an orderly end: {self.service.said()[-2000:]}")

    def check(self):
        ledger = fates.Ledger(self.log.seq, self.log.prev)
        for load in self.loads:
            ledger.told(load.fates, load.name)
            os.unlink(load.fates)
        for path in self.log.closed():
            lines = list(fates.lines_of(path))
            ledger.check(lines)
            for line in self.dice.sample(lines, min(len(lines), SAMPLE)):
                auditlog.parse(line)
        self.faults += ledger.finish()
        self.counts.update({**ledger.counts, "records": ledger.records, "replies checked": ledger.matched})
        self.log.seq, self.log.prev = ledger.seq, ledger.prev.decode()
        said = self.log.verify()
        if said:
            self.counts["verify failures"] += 1
            self.faults.append(f"verify: {said}")
        self.log.put_away()

    def run(self):
        try:
            self.start()
            for likely, _, options in MANNERS:
                if self.dice.random() < likely:
                    self.load(dict(options))
            self.work()
            self.end()
            self.check()
        except (Wrong, AssertionError, OSError, ValueError, subprocess.SubprocessError) as problem:
            self.faults.append(f"{type(problem).__name__}: {problem}")
        finally:
            self.put_down()
        self.faults += self.readers.faults
        self.log.rounds += 1
        self.counts["rounds"] += 1

    def put_down(self):
        """Nothing that we started goes on."""
        self.readers.end()
        for load in self.loads:
            if load.process.poll() is None:
                load.process.kill()
                load.process.communicate()
        if self.service and self.service.running():
            procs.end_all([*procs.descendants(self.service.process.pid), self.service.process.pid])
            self.service.wait()
            self.service.gone()
