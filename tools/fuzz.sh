#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh BUILD SECONDS TARGET...: fuzz each target for that long, from the shipped corpus. New inputs stay
# below BUILD/corpus; a crash stops everything and leaves its input in BUILD/crash-TARGET-*.
set -eu

[ $# -ge 3 ] || { echo "usage: fuzz.sh BUILD SECONDS TARGET..." >&2; exit 2; }
build=$1 seconds=$2
shift 2
for target in "$@"; do
	mkdir -p "$build/corpus/$target"
	"$build/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$build/crash-$target-" "$build/corpus/$target" "tests/fuzz/corpus/$target"
done
