# SPDX-License-Identifier: Apache-2.0
"""Run the unittest cases of a test program and say TAP (https://testanything.org) on stdout.

    if __name__ == "__main__":
        tap.main()

Arguments name test methods (parts of names); without any, all run. Exit status 1 when one failed."""

import signal
import sys
import time
import traceback
import unittest

# Checks that a harness made on the side (name -> reason why it could not be made, or None): each is a
# test point of its own at the end.
side_checks = {}


class _Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.points = 0
        self.bad = 0
        self.started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def point(self, good, name, note="", detail=""):
        self.points += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.points} - {name}{note}", flush=True)
        for line in detail.splitlines():
            print("# " + line, flush=True)

    def _done(self, test, good, note="", detail=""):
        name = test.id().removeprefix("__main__.")
        spent = time.monotonic() - self.started
        self.point(good, name, note or f" # {spent:.1f} s", detail)

    def addSuccess(self, test):
        self._done(test, True)

    def addSkip(self, test, reason):
        self._done(test, True, f" # SKIP {reason}")

    def addFailure(self, test, err):
        self._done(test, False, detail="".join(traceback.format_exception(*err)))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._done(subtest, False, detail="".join(traceback.format_exception(*err)))

    def addExpectedFailure(self, test, err):
        self.addFailure(test, err)


def _cases(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _cases(item)
        else:
            yield item


def _end_in_order(result):
    """Told to end, the test that runs fails: it puts away what it has started and mounted, and no other follows."""
    def told(number, _frame):
        result.stop()
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, told)


def main():
    cases = list(_cases(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))
    if len(sys.argv) > 1:
        cases = [c for c in cases if any(a in c.id() for a in sys.argv[1:])]
    result = _Result()
    _end_in_order(result)
    unittest.TestSuite(cases).run(result)
    for name, reason in side_checks.items():
        result.point(True, name, f" # SKIP {reason}" if reason else "")
    print(f"1..{result.points}", flush=True)
    sys.exit(1 if result.bad or not result.points else 0)
