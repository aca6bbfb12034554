# SPDX-License-Identifier: Apache-2.0
"""One round of a soak: the service under load, one thing after another going wrong, an orderly end, and the log
against what clients were told."""

import collections
import json
import os
import re
import subprocess
import time

import client
import fates
import log as auditlog
import procs
import service
from crowd import AUDITLOG, MANNERS, Load, Readers
from operators import Operators
from review import Review
from wrong import Wrong
from wrong_calls import Calls
from wrong_clocks import Clocks
from wrong_disks import LOW_BYTES, Disks
from wrong_hands import Hands
from wrong_processes import Processes

STARTS = 5          # attempts, without a fault, until it serves
# After a full disk an evaluator asks the writer every 30 s whether there is space again (policyd/evaluator/notes.c).
SERVES = 3 * service.PATIENCE
SAMPLE = 10         # lines of a segment that are also held against the whole contract
# Evaluators are killed with SIGKILL here; by any other signal they die of themselves.
UNSOUND = re.compile(r"killed by signal (?!9\b)\d+|broke its sandbox")


class Round:
    """counts: what is added up over rounds; faults: words, empty when all is well."""

    def __init__(self, log, dice, number, seconds):
        self.log, self.dice, self.number = log, dice, number
        self.until = time.monotonic() + seconds
        self.counts, self.faults = collections.Counter(), []
        self.loads, self.readers = [], Readers(dice)
        self.service = self.told = None
        self.low_bytes = 0
        self.review = Review(log.last_time)
        self.processes, self.calls = Processes(self), Calls(self)
        self.kinds = [self.processes, self.calls, Disks(self), Hands(self), Clocks(self), Operators(self)]

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
        self.log.disk.heal()
        self.low_bytes = self.dice.choice((0, LOW_BYTES)) if self.log.disk.own() else 0
        self.write_policy(self.log.revision)
        said = []
        for _ in range(STARTS):
            s = service.Service(self.log.top, args=self.options(), evaluators=self.dice.randint(1, 3),
                                conf={"low_bytes": self.low_bytes, "reserve_bytes": 1 << 20, "limits": {"answer_ms": 2000}})
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

    def put_out(self, role=None):
        """It ends, by the end of one process, or of all at once; to be started anew."""
        if role:
            self.processes.shoot(role)
        else:
            procs.end_all([*procs.descendants(self.service.process.pid), self.service.process.pid])
        self.ended()

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
        """True."""
        end = time.monotonic() + SERVES
        while not self.served():
            self.revive()
            if time.monotonic() > end:
                raise Wrong(f"nothing goes wrong any more, and it does not serve: {self.told}; the writer: {self.threads()}; "
                            f"free: {self.log.disk.left()}; plan: {self.log.plan.state()}; {self.service.said()[-2000:]}")
            time.sleep(0.02)
        return True

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
            self.dice.choice([action for kind in self.kinds for action in kind.actions()])()
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
            if not ledger.faults:
                self.review.check(lines)
            for line in self.dice.sample(lines, min(len(lines), SAMPLE)):
                auditlog.parse(line)
        self.faults += ledger.finish()
        self.counts.update({**ledger.counts, "records": ledger.records, "replies checked": ledger.matched})
        self.log.seq, self.log.prev = ledger.seq, ledger.prev.decode()
        self.log.last_time = self.review.last
        self.review.finish()
        self.review.search(AUDITLOG, self.log.disk.audit, self.dice)
        self.faults += self.review.faults + self.log.kept()
        self.counts.update({"told " + what: n for what, n in self.review.told.items()})
        said = self.log.verify()
        if said:
            self.counts["verify failures"] += 1
            self.faults.append(f"verify: {said}")
        if not self.faults:
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
