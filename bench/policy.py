# SPDX-License-Identifier: Apache-2.0
"""What an evaluation takes by the number of rules, beside a floor of the same run and beside Cedar.

bench_policy says what its figures are. Cedar is @cedar-policy/cedar-wasm, which npm fetches into the directory of
the run; bench/cedar.js writes the same rules as Cedar policies, has them parsed once, and asks the same requests.
"""

import os
import shutil
import subprocess
import sys

CEDAR = "@cedar-policy/cedar-wasm@4.13.0"
CEDAR_SIZES = (10, 1000, 25000)
CEDAR_REQUESTS = 2000
CEDAR_SECONDS = 5
CEDAR_PATIENCE = 300
SCOPED = (10, 5000, 50000)
HERE = os.path.dirname(os.path.abspath(__file__))


def words(*command):
    return [line.split() for line in subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE,
                                                    text=True).stdout.splitlines()]


def bench_sizes(program):
    rows = [[float(word) for word in row] for row in words(program)]
    print("Median ns of an evaluation, over requests that are all different; half of them are what a rule is about")
    print("    rules  compile ms   image MB      all   to 10    hit   miss    p99   skewed   to 10  again   cold  floor")
    for rules, compiled, size, every, hit, miss, p99, skewed, again, cold, floor, _ in rows:
        print(f"  {rules:>7,.0f}  {compiled:>10.1f} {size / 1e6:>10.2f} {every:>8.0f} {every / rows[0][3]:>7.2f} {hit:>6.0f} "
              f"{miss:>6.0f} {p99:>6.0f} {skewed:>8.0f} {skewed / rows[0][7]:>7.2f} {again:>6.0f} {cold:>6.0f} {floor:>6.0f}")
    print("  (at most 300 ns at 25,000 rules, and at 100,000 at most 1.5 times those of 10)")


def bench_scoped(program):
    print("\nPolicies that are all about one name, each for another sandbox")
    print(" policies  compile ms   image MB   ns")
    for size in SCOPED:
        for policies, compiled, size_of, ns in words(program, "--scoped", size, 20000):
            print(f"  {int(policies):>7,}  {compiled:>10} {int(size_of) / 1e6:>10.2f} {ns:>4}")


def cedar_module(directory):
    """Where the module is, or why there is none."""
    for tool in ("npm", "node"):
        if not shutil.which(tool):
            return None, f"there is no {tool}"
    done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory, CEDAR],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=CEDAR_PATIENCE)
    module = os.path.join(directory, "node_modules", "@cedar-policy", "cedar-wasm", "nodejs")
    if done.returncode != 0 or not os.path.isdir(module):
        return None, f"npm could not fetch {CEDAR}"
    return module, None


def cedar_size(program, module, directory, rules):
    files = {}
    for name, args in (("rules", (rules,)), ("requests", (rules, CEDAR_REQUESTS))):
        files[name] = os.path.join(directory, name + ".tsv")
        with open(files[name], "wb") as f:
            subprocess.run([str(program), "--" + name, *map(str, args)], check=True, stdout=f)
    try:
        done = subprocess.run(["node", os.path.join(HERE, "cedar.js"), module, files["rules"], files["requests"],
                               str(CEDAR_SECONDS)], check=True, stdout=subprocess.PIPE, text=True, timeout=CEDAR_PATIENCE)
    except subprocess.TimeoutExpired:
        print(f"  {rules:>7,}  not within {CEDAR_PATIENCE} s")
        return
    parsed, requests, ns, other = map(int, done.stdout.split())
    print(f"  {rules:>7,}  {parsed:>10,} {ns:>14,} {requests:>10,} {other:>18,}")


def bench_cedar(program, directory):
    print(f"\nCedar on the same rules and requests ({CEDAR})")
    sys.stdout.flush()
    directory = os.path.join(directory, "cedar")
    os.mkdir(directory)
    try:
        module, why = cedar_module(directory)
    except subprocess.TimeoutExpired:
        module, why = None, f"npm took more than {CEDAR_PATIENCE} s"
    if not module:
        print(f"  skipped: {why}")
        return
    print("    rules    parse ms      median ns   requests  answers not as ours")
    for rules in CEDAR_SIZES:
        cedar_size(program, module, directory, rules)
        sys.stdout.flush()


def bench(build, directory):
    program = build / "bench" / "bench_policy"
    bench_sizes(program)
    bench_scoped(program)
    bench_cedar(program, directory)
