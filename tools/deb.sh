#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# deb.sh BUILD [VERSION]: build the Debian package in a copy of the tree; it lands in BUILD/deb. With a
# VERSION other than the tree's the package gets that one (tests upgrade from one to the next).
set -eu
cd "$(dirname "$0")/.."

out=${1:?usage: tools/deb.sh BUILD [VERSION]}/deb
own=$(cat VERSION)
version=${2:-$own}
listed=$(dpkg-parsechangelog -S Version)
if [ "$listed" != "$own" ]; then
	echo "deb: debian/changelog is of $listed, VERSION is $own" >&2
	exit 1
fi

mkdir -p "$out"
out=$(cd "$out" && pwd -P)
copy=$out/sealwright-$version
rm -rf "$copy"
mkdir "$copy"
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM
# Sources only, as far as can be told from outside of version control.
tar --exclude='./build*' --exclude=./.git --exclude='*.o' --exclude=__pycache__ -cf - . | tar -C "$copy" -xf -
if [ "$version" != "$own" ]; then
	echo "$version" >"$copy/VERSION"
	sed -i "1s/([^)]*)/($version)/" "$copy/debian/changelog"
fi
(cd "$copy" && dpkg-buildpackage --build=binary --no-sign) >"$out/build.log" 2>&1 || {
	tail -n 40 "$out/build.log" >&2
	exit 1
}
ls "$out"/sealwright_"${version}"_*.deb
