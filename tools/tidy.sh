#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tidy.sh FLAG... -- FILE...: clang-tidy on the files, silent when there is nothing to say.
set -eu

files='' flags='' seen=
for a in "$@"; do
	case $seen$a in
	--) seen=y ;;
	y*) files="$files $a" ;;
	*) flags="$flags $(printf '%s' "$a" | sed "s/'/'\\\\''/g; s/^/'/; s/\$/'/")" ;;
	esac
done
out=$(eval "clang-tidy --quiet --warnings-as-errors='*' $files -- $flags" 2>/dev/null) && exit 0
printf '%s\n' "$out"
exit 1
