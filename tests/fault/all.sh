#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every test of tests/fault in its long form: all.sh BUILD. Its status is 0 when none failed.
set -eu

build=$(realpath "$1")
# Nothing of this needs a disk but what mounts file systems of its own.
TMPDIR=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo /tmp)")
SEALWRIGHT_BUILD=$build SEALWRIGHT_FAULTS=all SEALWRIGHT_ALL_FAULTS=1
SEALWRIGHT_JOBS=${SEALWRIGHT_JOBS:-16} SEALWRIGHT_CUTS=${SEALWRIGHT_CUTS:-340} SEALWRIGHT_KILLS=${SEALWRIGHT_KILLS:-5000}
export TMPDIR SEALWRIGHT_BUILD SEALWRIGHT_FAULTS SEALWRIGHT_ALL_FAULTS SEALWRIGHT_JOBS SEALWRIGHT_CUTS SEALWRIGHT_KILLS
trap 'rm -rf "$TMPDIR"' EXIT

failed=0
for test in test_unclosed test_every_call test_crash_prefix test_power_cut test_writer_calls test_sealing_power; do
	echo "== $test"
	"$build/unit/$test" || failed=1
done
echo "== test_kills"
SEALWRIGHT_TOP=$PWD PYTHONPATH=tests/lib python3 tests/system/test_kills.py || failed=1
echo "== mutants"
python3 tests/fault/mutants.py --build "$build" || failed=1
exit $failed
