#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tcb.sh BUILD PROGRAM BINARY OBJECT...
#     What a program is made of: the sources of its link list and the headers that they include, with
#     line counts, its shared libraries, how many functions and objects it needs from them, and how many
#     system calls each of its processes is left with in its jail.
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
getpw.* getgr(nam|gid|ent).* initgroups
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

# "FILE SYMBOL" for what each file needs from elsewhere; fortified and versioned names count as what they
# stand for. FLAGS: -D for linked programs.
needs() {
	nm -A --undefined-only --no-demangle "$@" |
		sed 's/: *[UuwV] / /; s/@.*//; s/ __\(.*\)_chk$/ \1/; s/ __isoc99_/ /; s/ __\([lf]\{0,1\}xstat\)/ \1/' | sort -u
}

# refuse WHY PATTERNS: complain about every line of stdin whose symbol is one of these.
refuse() {
	sed -nE "s/^(.*) ($(alternation "$2"))\$/tcb: \1: needs \2: $1/p"
}

forbid() {
	build=$1 program=$2 binary=$3
	shift 3
	for object in "$@"; do
		[ -e "$build/obj/$object" ] || { echo "tcb: $build/obj/$object: not built" >&2; return 1; }
	done
	bad=$(
		{
			(cd "$build/obj" && needs "$@")
			needs -D "$binary"
		} | refuse "not for $program" "$forbidden"
		(cd "$build/obj" && needs "$@") | grep -v "^$program/dir\.o " | refuse "only $program\/dir.c may call it" "$seam"
	)
	if [ -n "$bad" ]; then
		printf '%s\n' "$bad" >&2
		return 1
	fi
	echo "$program: no forbidden symbol in $# objects and the program"
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
	echo "$program: undefined dynamic symbols: $(needs -D "$binary" | wc -l)"
	for table in "$program"/syscalls.def "$program"/*/syscalls.def; do
		[ -e "$table" ] || continue
		echo "$table: $(grep -cE '^(SYSCALL|SELDOM|INHERITED)\(' "$table") system calls allowed"
	done
	echo
}

mode=account
[ "${1:-}" = --forbid ] && mode=forbid && shift
[ $# -ge 4 ] || usage
$mode "$@"
