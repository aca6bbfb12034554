#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# install.sh install|uninstall, with BUILD, PREFIX and DESTDIR in the environment (make install).
# One list serves both ways. Logs, keys and configuration files that an operator made are never touched.
set -eu

: "${BUILD:?}" "${PREFIX:?}"
root=${DESTDIR:-}$PREFIX

place() { # MODE SOURCE DESTINATION-DIRECTORY-BELOW-PREFIX
	[ -e "$2" ] || return 0
	install -d "$root/$3"
	install -m "$1" "$2" "$root/$3/"
}

# Texts that name our programs where they are by default name them where they are put.
place_text() {
	[ -e "$2" ] || return 0
	place "$@"
	sed -E "s#/usr/local/(s?bin/(policy|auditlog)|libexec/sealwright|share/)#$PREFIX/\1#g" "$2" >"$root/$3/${2##*/}"
}

take_away() {
	rm -f "$root/$3/${2##*/}"
	# Only directories of ours, and only when empty.
	case $3 in *sealwright*) rmdir -p --ignore-fail-on-non-empty "$root/$3" 2>/dev/null || true ;; esac
}

case ${1:-} in
install) each=place text=place_text ;;
uninstall) each=take_away text=take_away ;;
*)
	echo "usage: install.sh install|uninstall" >&2
	exit 2
	;;
esac

$each 755 "$BUILD/sbin/policyd" sbin
$each 755 "$BUILD/bin/policyctl" bin
$each 755 "$BUILD/bin/auditlog" bin
$each 755 "$BUILD/libexec/sealwright/auditd-writer" libexec/sealwright
for f in proto/*.schema.json; do $each 644 "$f" share/sealwright/schema; done
for f in examples/*; do $text 644 "$f" share/doc/sealwright/examples; done
for f in README.md LICENSE docs/*.md proto/PROTOCOL.md; do $each 644 "$f" share/doc/sealwright; done
$each 755 docs/verify.sh share/doc/sealwright
for f in docs/man/*.[1-9]; do $text 644 "$f" "share/man/man${f##*.}"; done
$each 644 share/lnav/sealwright.json share/sealwright/lnav
for p in policyd policyctl auditlog; do
	$each 644 "$BUILD/completion/bash/$p" share/bash-completion/completions
	$each 644 "$BUILD/completion/zsh/_$p" share/zsh/site-functions
done
for f in systemd/*.service systemd/*.socket; do $text 644 "$f" lib/systemd/system; done
for f in systemd/sysusers.d/*.conf; do $each 644 "$f" lib/sysusers.d; done
for f in systemd/tmpfiles.d/*.conf; do $each 644 "$f" lib/tmpfiles.d; done
