#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tcb.sh BUILD PROGRAM BINARY OBJECT...
#     What a program is made of: the sources of its link list and the headers that they include, with
#     line counts, its shared libraries, and how many functions and objects it needs from them.
#
# tcb.sh --forbid BUILD PROGRAM BINARY OBJECT...
#     Fail when an object, or the linked binary, needs a symbol that auditd-writer must not need, or when
#     anything but dir.o makes the calls that only dir.c may make.
#
# Needs nm and readelf (binutils come with any compiler).
set -eu

# What holds the log parses no JSON, opens no socket, starts no program, runs no shell, names nothing, and
# neither deletes nor reshapes a file that it did not just make. Extended regular expressions, whole names.
forbidden='
json_.* jscan.* jtree.*
event_.* evbuffer_.* bufferevent_.* evconnlistener_.* evhttp_.*
socket socketpair connect bind listen accept accept4
exec[lv]p?e? execve execveat fexecve posix_spawn.* fork _Fork vfork clone clone3
system popen
fopen fopen64 fdopen freopen freopen64 tmpfile.* mkstemp.* mkostemp.* mktemp tempnam tmpnam
opendir fts_.* ftw nftw glob
getaddrinfo gethostby.* getservby.* getnameinfo res_.*
getpw.* getgr.* initgroups
unlink unlinkat remove rmdir rename link linkat symlink symlinkat
chmod fchmod fchmodat chown fchown fchownat lchown
truncate truncate64 creat creat64 mknod mknodat
mount umount umount2 chroot pivot_root setns unshare ptrace process_vm_.* kexec_.* init_module
dlopen dlsym dlmopen
setenv putenv
strcpy strcat sprintf vsprintf gets scanf fscanf sscanf alloca
'
# dir.c is the one caller of these: the seam where tests fail the Nth call.
seam='openat openat64 renameat renameat2 pwrite pwrite64 pwritev pwritev64 fsync fdatasync fallocate
fallocate64 posix_fallocate.* ftruncate ftruncate64'

usage() {
	echo "usage: tcb.sh [--forbid] BUILD PROGRAM BINARY OBJECT..." >&2
	exit 2
}

# One alternation of a list of patterns.
alternation() {
	set -f
	# shellcheck disable=SC2086 # a list
	set -- $1
	set +f
	(IFS='|' && printf '%s' "$*")
}

# Names that a file needs from elsewhere; fortified and versioned names count as what they stand for.
needs() {
	nm "$@" | sed 's/@.*//; s/^ *[UuwV] //; s/^__\(.*\)_chk$/\1/; s/^__isoc99_//; s/^__\(xstat\|fxstat\|lxstat\)/\1/' | sort -u
}

# needs_of FILE: of an object or a linked program.
needs_of() {
	case $1 in
	*.o) needs --undefined-only --no-demangle "$1" ;;
	*) needs -D --undefined-only --no-demangle "$1" ;;
	esac
}

# refuse FILE PATTERNS WHY
refuse() {
	bad=$(needs_of "$1" | grep -Ex "$(alternation "$2")" || true)
	[ -z "$bad" ] && return 0
	for symbol in $bad; do
		echo "tcb: $1: needs $symbol: $3" >&2
	done
	return 1
}

forbid() {
	build=$1 program=$2 binary=$3
	shift 3
	failed=0
	for object in "$@"; do
		refuse "$build/obj/$object" "$forbidden" "not for $program" || failed=1
		case $object in "$program/dir.o") continue ;; esac
		refuse "$build/obj/$object" "$seam" "only $program/dir.c may call it" || failed=1
	done
	refuse "$binary" "$forbidden" "not for $program" || failed=1
	[ $failed = 0 ] && echo "$program: no forbidden symbol in $# objects and the program"
	return $failed
}

# The headers of this tree that the objects were made from (from the compiler's own dependency files).
headers() {
	for object in "$@"; do
		tr -s ' \\\n' '\n' <"$build/obj/${object%.o}.d" | sed 's/:$//' | grep '^[a-z].*\.\(h\|def\)$' || true
	done | sort -u
}

lines() {
	[ $# -gt 0 ] || return 0
	wc -l "$@" | sed 's/ total$/ lines in all/'
}

account() {
	build=$1 program=$2 binary=$3
	shift 3
	echo "$program: sources of its link list"
	# shellcheck disable=SC2046 # names of this tree, without spaces
	lines $(printf '%s\n' "$@" | sed 's/\.o$/.c/')
	echo "$program: headers that they include"
	# shellcheck disable=SC2046 # names of this tree, without spaces
	lines $(headers "$@")
	echo "$program: libraries: $(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ')"
	echo "$program: undefined dynamic symbols: $(needs_of "$binary" | wc -l)"
	echo
}

mode=account
[ "${1:-}" = --forbid ] && mode=forbid && shift
[ $# -ge 4 ] || usage
$mode "$@"
