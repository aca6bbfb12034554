#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Install what is needed to build, check or lint this tree, and only what is missing.
#
#   tools/deps.sh build|check|lint|package|kernel|sanitizers|bench|all   install (Debian and relatives, as root) or say what to install
#   tools/deps.sh -n KIND                         only say what is missing
#
# What is missing is found by looking for the thing itself (a program, a pkg-config module, a file), not by
# asking a package manager: a compiler from elsewhere is as good. What the tests can do without (they skip,
# and say why) is marked optional: an ordinary user is told about it, but it is no error.
#
# Exit status: 0 nothing needed is missing (any more), 1 something is, 2 usage.
set -eu

# kind | need or optional | what to look for | Debian | Fedora | Arch | Alpine
table='
build|need|command gcc clang|gcc|gcc|gcc|gcc
build|need|header stdio.h|libc6-dev|glibc-devel|glibc|musl-dev
build|need|command make|make|make|make|make
build|need|command pkg-config|pkg-config|pkgconf-pkg-config|pkgconf|pkgconf
build|need|module libevent_core|libevent-dev|libevent-devel|libevent|libevent-dev
build|need|module json-c|libjson-c-dev|json-c-devel|json-c|json-c-dev
build|need|module libcap|libcap-dev|libcap-devel|libcap|libcap-dev
build|need|module libseccomp|libseccomp-dev|libseccomp-devel|libseccomp|libseccomp-dev
build|need|module libcrypto|libssl-dev|openssl-devel|openssl|openssl-dev
build|need|module libqrencode|libqrencode-dev|qrencode-devel|qrencode|libqrencode-dev
build|need|pymodule hashlib json selectors|python3|python3|python|python3
check|need|module cmocka|libcmocka-dev|libcmocka-devel|cmocka|cmocka-dev
check|need|pymodule cryptography.hazmat.primitives.asymmetric.ed25519|python3-cryptography|python3-cryptography|python-cryptography|py3-cryptography
check|need|command jq|jq|jq|jq|jq
check|need|file /usr/share/zoneinfo/Europe/Berlin|tzdata|tzdata|tzdata|tzdata
check|need|command openssl|openssl|openssl|openssl|openssl
check|optional|command node|nodejs|nodejs|nodejs|nodejs
check|optional|nodemodule ajv|node-ajv|nodejs-ajv|-|-
check|optional|command strace|strace|strace|strace|strace
check|optional|command curl|curl|curl|curl|curl
check|optional|file /usr/sbin/squid|squid|squid|squid|squid
check|optional|file /usr/sbin/rsyslogd|rsyslog|rsyslog|rsyslog|rsyslog
check|optional|command zbarimg|zbar-tools|zbar-tools|zbar|zbar
check|optional|file /usr/sbin/mkfs.ext4|e2fsprogs|e2fsprogs|e2fsprogs|e2fsprogs
check|optional|file /usr/sbin/mkfs.xfs|xfsprogs|xfsprogs|xfsprogs|xfsprogs
check|optional|file /usr/sbin/mkfs.btrfs|btrfs-progs|btrfs-progs|btrfs-progs|btrfs-progs
check|optional|command bash|bash|bash|bash|bash
check|optional|file /usr/share/bash-completion/bash_completion|bash-completion|bash-completion|bash-completion|bash-completion
check|optional|command zsh|zsh|zsh|zsh|zsh
check|optional|command lnav|lnav|lnav|lnav|lnav
check|optional|command mandoc|mandoc|mandoc|mandoc|mandoc
check|optional|command chromium chromium-browser|chromium|chromium|chromium|chromium
lint|need|command clang|clang|clang|clang|clang
lint|need|command clang-format|clang-format|clang-tools-extra|clang|clang-extra-tools
lint|need|command clang-tidy|clang-tidy|clang-tools-extra|clang|clang-extra-tools
lint|need|command cppcheck|cppcheck|cppcheck|cppcheck|cppcheck
lint|need|command shellcheck|shellcheck|ShellCheck|shellcheck|shellcheck
lint|need|command codespell|codespell|codespell|codespell|codespell
lint|need|command mandoc|mandoc|mandoc|mandoc|mandoc
package|need|command dpkg-buildpackage|dpkg-dev|dpkg-dev|dpkg|dpkg-dev
package|need|command dh|debhelper|debhelper|-|debhelper
package|optional|command lintian|lintian|-|-|-
package|optional|command systemd-nspawn|systemd-container|systemd-container|systemd|-
package|optional|command mmdebstrap|mmdebstrap|mmdebstrap|mmdebstrap|-
kernel|optional|command qemu-system-x86_64|qemu-system-x86|qemu-system-x86|qemu-system-x86|qemu-system-x86_64
kernel|optional|command busybox|busybox-static|busybox|busybox|busybox-static
sanitizers|need|command clang|clang|clang|clang|clang
sanitizers|need|sanitizer address|libclang-rt-dev|compiler-rt|compiler-rt|compiler-rt
bench|need|module libcrypto|libssl-dev|openssl-devel|openssl|openssl-dev
'

usage() {
	echo "usage: tools/deps.sh [-n] build|check|lint|package|kernel|sanitizers|bench|all" >&2
	exit 2
}

# One of these programs is there.
have_command() {
	for c in "$@"; do
		command -v "$c" >/dev/null 2>&1 && return 0
	done
	return 1
}

have_header() {
	for d in /usr/include /usr/local/include "/usr/include/$(uname -m)-linux-gnu"; do
		[ -e "$d/$1" ] && return 0
	done
	return 1
}

have_module() {
	command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$1"
}

have_pymodule() {
	command -v python3 >/dev/null 2>&1 &&
		python3 -c "import $(echo "$*" | sed 's/ /, /g')" 2>/dev/null
}

# Debian's modules lie outside the path of a node that is not Debian's.
have_nodemodule() {
	command -v node >/dev/null 2>&1 &&
		NODE_PATH="${NODE_PATH:-}:/usr/share/nodejs" node -e "require('$1')" >/dev/null 2>&1
}

have_sanitizer() {
	command -v clang >/dev/null 2>&1 && echo 'int main(void) { return 0; }' |
		clang -fsanitize="$1" -x c -o /dev/null - >/dev/null 2>&1
}

have() {
	what=$1
	shift
	case $what in
	command) have_command "$@" ;;
	header) have_header "$1" ;;
	module) have_module "$1" ;;
	pymodule) have_pymodule "$@" ;;
	nodemodule) have_nodemodule "$1" ;;
	sanitizer) have_sanitizer "$1" ;;
	file) [ -e "$1" ] ;;
	esac
}

# Does a row of this kind belong to what was asked for?
wanted() {
	case $asked in
	all) true ;;
	build) [ "$1" = build ] ;;
	check) [ "$1" = build ] || [ "$1" = check ] ;;
	lint) [ "$1" = build ] || [ "$1" = check ] || [ "$1" = lint ] ;; # it compiles everything, tests too
	package) [ "$1" = build ] || [ "$1" = package ] ;;
	kernel) [ "$1" != lint ] && [ "$1" != bench ] ;;
	sanitizers) [ "$1" != lint ] && [ "$1" != package ] && [ "$1" != kernel ] ;;
	bench) [ "$1" = build ] || [ "$1" = bench ] ;;
	esac
}

# Fill needed and optional with the packages of what is missing, named as family $1 does.
look() {
	needed='' optional=''
	while IFS='|' read -r kind must probe debian fedora arch alpine; do
		[ -n "$kind" ] || continue
		wanted "$kind" || continue
		# shellcheck disable=SC2086 # a probe is several words
		have $probe && continue
		case $1 in
		fedora) package=$fedora ;;
		arch) package=$arch ;;
		alpine) package=$alpine ;;
		*) package=$debian ;;
		esac
		case " $needed $optional " in *" $package "*) continue ;; esac
		if [ "$must" = need ]; then needed="$needed $package"; else optional="$optional $package"; fi
	done <<-ROWS
		$table
	ROWS
	needed=${needed# } optional=${optional# }
}

family() {
	if command -v apt-get >/dev/null 2>&1; then
		echo debian
	elif command -v dnf >/dev/null 2>&1; then
		echo fedora
	elif command -v pacman >/dev/null 2>&1; then
		echo arch
	elif command -v apk >/dev/null 2>&1; then
		echo alpine
	else
		echo other
	fi
}

installer() {
	case $1 in
	fedora) echo "dnf install" ;;
	arch) echo "pacman -S" ;;
	alpine) echo "apk add" ;;
	debian) echo "apt-get install" ;;
	*) echo "install the equivalents of these Debian packages:" ;;
	esac
}

# A package for a test must not start a service (squid would). The usual way of image builders; removed at exit.
hold_services() {
	[ -e /usr/sbin/policy-rc.d ] && return 0
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
}

# Nor at the next boot, when it was us who brought it.
disable_services() {
	case " $1 " in *" squid "*) ;; *) return 0 ;; esac
	[ -d /run/systemd/system ] || return 0
	systemctl disable --quiet squid.service || true
}

# Names and lists may be missing (a bare image) or stale (a package of the list is gone by now).
apt_install() {
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	hold_services
	# shellcheck disable=SC2086 # package names
	if ! apt-get install -y -qq --no-install-recommends -s $1 >/dev/null 2>&1; then
		echo "deps: apt-get update"
		apt-get update -qq
	fi
	echo "deps: apt-get install --no-install-recommends $1"
	# shellcheck disable=SC2086
	quietly apt-get install -y -qq --no-install-recommends $1 && return 0
	echo "deps: apt-get update, and once more"
	apt-get update -qq
	# shellcheck disable=SC2086
	quietly apt-get install -y -qq --no-install-recommends $1
}

# Run a command; show what it said only if it failed.
quietly() {
	said=$("$@" 2>&1 </dev/null) && return 0
	printf '%s\n' "$said" >&2
	return 1
}

only_say=
[ "${1:-}" = -n ] && only_say=1 && shift
[ $# -eq 1 ] || usage
asked=$1
case $asked in build | check | lint | package | kernel | sanitizers | bench | all) ;; *) usage ;; esac

system=$(family)
look "$system"
[ -z "$needed$optional" ] && exit 0

if [ "$system" = debian ] && [ "$(id -u)" = 0 ] && [ -z "$only_say" ]; then
	# A probe may need what an earlier one installs (pkg-config before the modules): look again after.
	for _ in 1 2 3; do
		packages="$needed${optional:+ $optional}"
		apt_install "$packages" || exit 1
		disable_services "$packages"
		look "$system"
		[ -z "$needed$optional" ] && exit 0
	done
	echo "deps: installed, and yet not found: $needed $optional" >&2
	[ -z "$needed" ]
	exit
fi

how=$(installer "$system")
[ "$system" = debian ] && [ "$(id -u)" != 0 ] && how="as root: $how"
[ -z "$optional" ] || echo "deps: some tests will be skipped; for them: $how $optional" >&2
[ -z "$needed" ] && exit 0
echo "deps: missing for '$asked'; $how $needed" >&2
exit 1
