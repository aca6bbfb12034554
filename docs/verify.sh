#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Check a Sealwright audit directory without Sealwright: sha256sum, openssl, jq and what every GNU system has
# (coreutils, sed, grep, awk). docs/EVIDENCE.md says what the words mean and what is proven.
#
#   verify.sh [--key VKEYFILE] [--pin INDEX:HASH]... [--max-age SECONDS] DIR
#
# First line of output: the verdict. Exit status: 0 SEALED, 3 UNPINNED, PRUNED or RECOVERED, 4 INCOMPLETE,
# 1 BROKEN (with the first fault), 2 wrong use or a file that cannot be read.
#
# Why it compares text and does not ask jq for values: jq 1.6 rounds integers above 2^53 and drops all but the last of
# members with the same name without a word. Here hashes are of raw bytes, a seal has exactly one text, and jq
# only says whether a line is JSON, how many members it has, and whether it is a clock step.
set -eu
LC_ALL=C
export LC_ALL

zero=0000000000000000000000000000000000000000000000000000000000000000
uuid='[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
# From 1, with six digits or more.
number='(00000[1-9]|0000[1-9][0-9]|000[1-9][0-9]{2}|00[1-9][0-9]{3}|0[1-9][0-9]{4}|[1-9][0-9]{5,8})'
base="audit-[0-9]{8}T[0-9]{6}Z-$uuid-${number}[.]jsonl"
time='[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9][.][0-9]{6}Z'
origin='[A-Za-z0-9._/:@-]{1,128}'
count='(0|[1-9][0-9]{0,15})'
hash='[0-9a-f]{64}'
b64='[A-Za-z0-9+/]+=*'
vkey="${origin}[+][0-9a-f]{8}[+]$b64"
# The one form of a seal's text.
seal="[{]\"type\":\"sealwright-seal/v1\",\"origin\":\"$origin\",\"index\":$count,\"file\":\"$base\",\"bytes\":$count,\
\"sha256\":\"$hash\",\"records\":$count,\"first_seq\":$count,\"last_seq\":$count,\"first_time\":\"$time\",\
\"last_time\":\"$time\",\"head\":\"$hash\",\"root\":\"$hash\",\"prev_seal\":\"$hash\",\
\"state\":\"(clean|recovered|poisoned)\",\"torn_bytes\":$count,\"session\":\"$uuid\",\
\"boot_id\":\"($uuid|unknown)\",\"key\":\"$vkey\",\"next_key\":\"$b64\"[}]"

settled=''
wrong() {
	settled=1
	echo "verify.sh: $1" >&2
	exit 2
}

# broken FILE LINE WHAT: the first fault ends it. Line 0: the whole file.
broken() {
	settled=1
	if [ "$2" = 0 ]; then echo "BROKEN: $1: $3"; else echo "BROKEN: $1:$2: $3"; fi
	exit 1
}

# Something of this name is in the directory; regular: and it is a file, not a link to one, a FIFO or a device.
there() {
	[ -e "$dir/$1" ] || [ -L "$dir/$1" ]
}

regular() {
	{ [ -f "$dir/$1" ] && [ ! -L "$dir/$1" ]; } || broken "$1" 0 'not a regular file'
}

# matches TEXT PATTERN: the whole text, one line.
matches() {
	[ "$(printf '%s\n' "$1" | wc -l)" -eq 1 ] && printf '%s\n' "$1" | grep -Eqx -- "$2"
}

# Hex of SHA-256 of stdin.
sum() {
	sha256sum | cut -c 1-64
}

# --- keys and signatures

# canonical TEXT BYTES: base64 that comes out the same when it is made again, of so many bytes, left in $tmp/raw.
canonical() {
	printf '%s' "$1" | base64 -d >"$tmp/raw" 2>/dev/null || return 1
	[ "$(wc -c <"$tmp/raw")" -eq "$2" ] && [ "$(base64 -w 0 <"$tmp/raw")" = "$1" ]
}

# public VKEY: its raw key to $tmp/public, after its id was found to belong to it.
public() {
	matches "$1" "$vkey" || return 1
	canonical "$(printf '%s' "$1" | cut -d + -f 3-)" 33 || return 1
	[ "$(head -c 1 "$tmp/raw" | od -An -tu1 | tr -d ' ')" = 1 ] || return 1
	tail -c 32 "$tmp/raw" >"$tmp/public"
	id=$({ printf '%s\n' "${1%%+*}" && cat "$tmp/raw"; } | sum | cut -c 1-8)
	[ "$id" = "$(printf '%s' "$1" | cut -d + -f 2)" ]
}

# signed NOTE VKEY: text, empty line, one line `— <origin> base64(key id, signature)`, good by that key.
signed() {
	{ [ "$(wc -l <"$1")" -eq 3 ] && [ -z "$(tail -c 1 "$1")" ] && [ -z "$(sed -n 2p "$1")" ]; } || return 1
	head -n 1 "$1" >"$tmp/text"
	line=$(sed -n 3p "$1")
	dash=$(printf '\342\200\224')
	public "$2" || return 1
	blob=${line#"$dash ${2%%+*} "}
	{ [ "$line" = "$dash ${2%%+*} $blob" ] && canonical "$blob" 68; } || return 1
	[ "$(head -c 4 "$tmp/raw" | od -An -tx1 | tr -d ' \n')" = "$id" ] || return 1
	tail -c 64 "$tmp/raw" >"$tmp/signature"
	# A raw Ed25519 key as openssl reads it: SubjectPublicKeyInfo is 12 bytes that are always the same, then the key.
	{ printf 302A300506032B6570032100 | basenc --base16 -d && cat "$tmp/public"; } >"$tmp/public.der"
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$tmp/public.der" -rawin -in "$tmp/text" \
		-sigfile "$tmp/signature" >/dev/null 2>&1
}

# --- seals

# shellcheck disable=SC2016 # it is awk
calendar='
# RFC 3339 in the one form that seals and records have.
function is_time(t,    y, m, d, last) {
	if (t !~ time_form)
		return 0
	y = substr(t, 1, 4) + 0
	m = substr(t, 6, 2) + 0
	d = substr(t, 9, 2) + 0
	last = m == 2 ? 28 + (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)) : 30 + (m + int(m / 8)) % 2
	return m >= 1 && m <= 12 && d >= 1 && d <= last && substr(t, 12, 2) + 0 < 24
}
'

# is_time TIME: there is such a day, hour, minute and second.
is_time() {
	[ "$(awk -v t="$1" "$calendar"'BEGIN { print is_time(t) }')" = 1 ]
}

# open_seal NAME: its form and its own signature are good: prints the hash of its text and its members, without names.
open_seal() {
	file=$1.seal
	regular "$file"
	[ "$(wc -c <"$dir/$file")" -le 2560 ] || broken "$file" 0 'too long'
	# The shell drops NUL bytes without a word.
	[ "$(tr -d '\000' <"$dir/$file" | wc -c)" -eq "$(wc -c <"$dir/$file")" ] || broken "$file" 0 'not a seal'
	text=$(head -n 1 "$dir/$file")
	matches "$text" "$seal" || broken "$file" 0 'not a seal'
	# Its 20 members; no string in it has a comma, a quote or a backslash.
	IFS=,
	# shellcheck disable=SC2086 # split at commas
	set -- $text
	unset IFS
	for member; do
		value=${member#*:}
		value=${value%\}}
		value=${value#\"}
		set -- "$@" "${value%\"}"
	done
	shift 20
	for n in "$3" "$5" "$7" "$8" "$9" "${16}"; do
		[ "$n" -lt 9007199254740992 ] || broken "$file" 0 "$n is too large"
	done
	{ is_time "${10}" && is_time "${11}"; } || broken "$file" 0 'not a time'
	signed "$dir/$file" "${19}" || broken "$file" 0 'signature'
	[ "${19%%+*}" = "$2" ] || broken "$file" 0 'key of another origin'
	canonical "${20}" 32 || broken "$file" 0 next_key
	[ "$4.seal" = "$file" ] || broken "$file" 0 "file is $4"
	if [ "$7" -eq 0 ] || [ $(($9 - $8 + 1)) -ne "$7" ]; then broken "$file" 0 records; fi
	echo "$(printf '%s\n' "$text" | sum) $*"
}

# expect FILE NAME FOUND EXPECTED
expect() {
	[ "$3" = "$4" ] || broken "$1" 0 "$2 is $3, expected $4"
}

# The seal follows the one before it, or is the first.
chained() {
	if [ -z "$prev_hash" ] && [ "$s_index" -gt 0 ]; then
		for p in $pins; do
			[ "${p%%:*}" -ge "$s_index" ] || not_there "$p"
		done
		words="$words INCOMPLETE"
		[ -z "$trusted" ] || expect "$1.seal" origin "$s_origin" "${trusted%%+*}"
		seq=$s_first_seq line_head='' line_time=''
		return 0
	fi
	expect "$1.seal" index "$s_index" "$next_index"
	[ -z "$next_public" ] || { public "$s_key" && expect "$1.seal" key "$(base64 -w 0 <"$tmp/public")" "$next_public"; }
	[ -z "$next_public" ] || expect "$1.seal" origin "$s_origin" "$chain_origin"
	[ -n "$next_public" ] || [ -z "$trusted" ] || expect "$1.seal" key "$s_key" "$trusted"
	expect "$1.seal" prev_seal "$s_prev_seal" "${prev_hash:-$zero}"
	expect "$1.seal" first_seq "$s_first_seq" "$seq"
}

not_there() {
	broken "seal ${1%%:*}" 0 'is pinned and not there'
}

pinned() {
	left=''
	for p in $pins; do
		if [ "${p%%:*}" = "$s_index" ]; then
			expect "$1.seal" hash "$s_hash" "${p#*:}"
		else
			left="$left $p"
		fi
	done
	pins=$left
}

# --- segments

# hash_files: SHA-256 of every file of $tmp/parts in order; then they are gone.
hash_files() {
	(cd "$tmp/parts" && printf '%s\n' * | xargs sha256sum) | cut -c 1-64
	rm -rf "$tmp/parts"
	mkdir "$tmp/parts"
}

# RFC 6962: leaf hashes (a line each, in $1) to the root. A node without a neighbour goes up as it is.
merkle_root() {
	cp "$1" "$tmp/level"
	while [ "$(wc -l <"$tmp/level")" -gt 1 ]; do
		paste -d '\0' - - <"$tmp/level" >"$tmp/pairs"
		grep -Ex '.{128}' "$tmp/pairs" | sed 's/^/01/' | tr a-f A-F | tr -d '\n' |
			basenc -d --base16 | split -b 65 -a 6 -d - "$tmp/parts/n"
		{ hash_files && { grep -Ex '.{64}' "$tmp/pairs" || true; }; } >"$tmp/level.up"
		mv "$tmp/level.up" "$tmp/level"
	done
	cat "$tmp/level"
}

# For every line: number of members as jq keeps them and 1 for a clock step; "-" for what is no JSON object or has
# a number of 2^53 or more.
facts() {
	jq -R -r 'try (fromjson | if type != "object" or any(.. | numbers; fabs >= 9007199254740992) then "-" else
		"\([.. | objects | length] | add) \(if .action_type == "clock_step" then 1 else 0 end)" end) catch "-"'
}

# Lines against each other and the seal; prints "LINE what" of the first fault, else "ok" and what goes on.
# shellcheck disable=SC2016 # it is awk
lines='
function fault(what) { print NR, what; failed = 1; exit }
function hex48(n) { return sprintf("%06x%06x", int(n / 16777216), n % 16777216) }
function event_seq(n) { return sprintf("80%02x-%s", int(n / 281474976710656), hex48(n % 281474976710656)) }
# Strict where jq is not: names twice, how numbers are written, control characters and NUL in strings, half surrogates,
# nesting.
function strict(s, members,    n, i, c, t, token) {
	gsub(/\\\\/, "", s)
	t = s
	gsub(/\\u[dD][89abAB][0-9a-fA-F][0-9a-fA-F]\\u[dD][c-fC-F][0-9a-fA-F][0-9a-fA-F]/, "", t)
	if (t ~ /\\u[dD][89a-fA-F]|\\u0000/)
		return 0
	gsub(/\\./, "", s)
	c = gsub(/[\001\t\r]/, "&", s)
	gsub(/"[^"]*"/, "", s)
	if (gsub(/[\t\r]/, " ", s) != c || gsub(/:/, ":", s) != members)
		return 0
	blanks = s ~ / /
	t = s
	gsub(/[^][{}]/, "", t)
	for (n = 0; gsub(/\[\]|[{][}]/, "", t) > 0; n++)
		if (n == 64)
			return 0
	gsub(/[][{},:]/, " ", s)
	n = split(s, token, " ")
	for (i = 1; i <= n; i++)
		if (token[i] !~ /^(true|false|null|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?)$/)
			return 0
	return 1
}
# Without white space between tokens.
function compact(s,    made, between) {
	while (match(s, /"([^"\\]|\\.)*"/)) {
		between = substr(s, 1, RSTART - 1)
		gsub(/[ \t\r]/, "", between)
		made = made between substr(s, RSTART, RLENGTH)
		s = substr(s, RSTART + RLENGTH)
	}
	gsub(/[ \t\r]/, "", s)
	return made s
}
BEGIN {
	h = "[0-9a-f]"
	d = "[0-9]"
	time_form = "^" d d d d "-[01]" d "-[0-3]" d "T[0-2]" d ":[0-5]" d ":[0-5]" d "[.]" d d d d d d "Z$"
	log_uuid = "^" h h h h h h h h "-" h h h h "-8" h h h "-$"
}
{
	if (NR > records) fault("more lines than are sealed")
	if (length($0) > 8191) fault("line too long")
	if (NR == ragged) fault("line does not end")
	getline leaf < leaves
	getline said < said_file
	split(said, f, " ")
	if (f[1] == "-" || NR == not_utf8 || !strict($0, f[1])) fault("JSON")
	line = blanks ? compact($0) : $0
	n = length(line)
	at = substr(line, 71, 27)
	if (substr(line, 1, 19) != "{\"audit_event_id\":\"" || substr(line, 20, 19) !~ log_uuid) fault("audit_event_id")
	if (substr(line, 56, 15) != "\",\"timestamp\":\"" || substr(line, 98, 1) != "\"" || !is_time(at)) fault("timestamp")
	if (substr(line, n - 78, 13) != "\"prev_hash\":\"" ) fault("prev_hash is not last")
	tail = "\"seq\":" sprintf("%.0f", seq) ","
	if (substr(line, n - 78 - length(tail), length(tail)) != tail) fault("seq, expected " sprintf("%.0f", seq))
	if (substr(line, 39, 17) != event_seq(seq)) fault("audit_event_id does not fit seq")
	if (id != "" && substr(line, 20, 18) != id) fault("audit_event_id of another log")
	id = substr(line, 20, 18)
	if (time != "" && at < time && !f[2]) fault("timestamp runs back")
	if (head != "" && substr(line, n - 65, 64) != head) fault("prev_hash, expected " head)
	if (NR == 1) first = at
	time = at
	head = leaf
	seq++
}
END {
	if (!failed && NR < records) { NR++; fault("fewer lines than are sealed") }
	if (!failed) print "ok", first, time, head, id
}'

# segment FILE: what is on disk against the open seal, going on from $seq, $line_head, $line_time and $log_id.
segment() {
	regular "$1"
	# More than that cannot be right, and the first fault lies before its end.
	head -c $((s_bytes + 8193)) <"$dir/$1" >"$tmp/segment"
	sed 's/^/\x00/' <"$tmp/segment" | split -l 1 -a 6 -d - "$tmp/parts/l"
	if [ -s "$tmp/segment" ]; then hash_files >"$tmp/leaves"; else : >"$tmp/leaves"; fi
	ragged=0
	[ -z "$(tail -c 1 "$tmp/segment" | tr '\000' x)" ] || ragged=$(($(wc -l <"$tmp/segment") + 1))
	not_utf8=$(LC_ALL=C.UTF-8 grep -axvn '.*' "$tmp/segment" | head -n 1 | cut -d : -f 1)
	# Control characters are one to awk, which may not know NUL; tab and carriage return may stand between tokens.
	tr '\000-\010\013\014\016-\037' '\001' <"$tmp/segment" >"$tmp/lines"
	facts <"$tmp/lines" >"$tmp/facts"
	found=$(awk -v records="$s_records" -v seq="$seq" -v head="$line_head" -v time="$line_time" -v id="$log_id" \
		-v leaves="$tmp/leaves" -v said_file="$tmp/facts" -v ragged="$ragged" -v not_utf8="${not_utf8:-0}" \
		"$calendar$lines" <"$tmp/lines")
	case $found in ok*) ;; *) broken "$1" "${found%% *}" "${found#* }" ;; esac
	# shellcheck disable=SC2086 # its words
	set -- "$1" $found
	[ "$5" = "$s_head" ] || broken "$1" "$s_records" "head is $5, expected $s_head"
	expect "$1" bytes "$(wc -c <"$tmp/segment")" "$s_bytes"
	expect "$1" first_time "$3" "$s_first_time"
	expect "$1" last_time "$4" "$s_last_time"
	expect "$1" root "$(merkle_root "$tmp/leaves")" "$s_root"
	expect "$1" sha256 "$(sum <"$tmp/segment")" "$s_sha256"
	log_id=$6
	checked=$((checked + s_records))
}

contents() {
	if there "$1"; then
		segment "$1"
	elif there "$1.tmp"; then # being published: the seal is there before the name
		segment "$1.tmp"
	elif [ "$checked" -gt 0 ]; then
		broken "$1" 0 'segment is missing'
	else
		words="$words PRUNED"
	fi
}

# --- the log

# The first key: as pinned, else as it lies beside the log, else none.
trust() {
	trusted=''
	if [ -n "$key_file" ]; then
		trusted=$(cat "$key_file") || wrong "cannot read $key_file"
		public "$trusted" || wrong "$key_file: not a verifier key"
		there origin.vkey || return 0
		regular origin.vkey
		printf '%s\n' "$trusted" | cmp -s - "$dir/origin.vkey" || broken origin.vkey 0 'is not the pinned key'
		return 0
	fi
	words=' UNPINNED'
	there origin.vkey || return 0
	regular origin.vkey
	trusted=$(tr -d '\000' <"$dir/origin.vkey")
	{ printf '%s\n' "$trusted" | cmp -s - "$dir/origin.vkey" && public "$trusted"; } ||
		broken origin.vkey 0 'not a verifier key'
}

# Our names in the directory with this ending.
names() {
	for path in "$dir"/audit-*"$1"; do
		name=${path##*/}
		case $name in *[!A-Za-z0-9.-]*) continue ;; esac
		! printf '%s\n' "${name%"$1"}" | grep -Eqx "$base" || printf '%s\n' "${name%"$1"}"
	done
}

# INDEX BAD NAME HASH MEMBERS of every seal and of every closed segment without one, in the order of the log. What
# has no index that can be trusted stands behind its predecessor by name, with BAD 1.
in_order() {
	at=-1
	{ names .seal && names ''; } | sort -u | while read -r name; do
		if there "$name.seal" && opened=$(open_seal "$name"); then
			at=$(echo "$opened" | cut -d ' ' -f 4)
			echo "$at 0 $name $opened"
		else
			echo "$at 1 $name"
		fi
	done | sort -k 1,1n -k 2,2n -k 3,3
}

verdict() {
	[ "$checked" -gt 0 ] || words="$words INCOMPLETE"
	settled=1 said=''
	for word in INCOMPLETE UNPINNED PRUNED RECOVERED; do
		case $words in *$word*) said="${said:+$said, }$word" ;; esac
	done
	echo "${said:-SEALED}: $checked records checked, newest seal ${prev_index:-none}${prev_hash:+, pin $prev_index:}$prev_hash"
	case $said in INCOMPLETE*) exit 4 ;; '') exit 0 ;; *) exit 3 ;; esac
}

key_file='' pins='' max_age=''
while [ $# -gt 1 ]; do
	case $1 in
	--key) key_file=$2 ;;
	--pin)
		matches "$2" "$count:$hash" || wrong '--pin INDEX:HASH'
		pins="$pins $2"
		;;
	--max-age)
		matches "$2" "$count" || wrong '--max-age SECONDS'
		max_age=$2
		;;
	*) break ;;
	esac
	shift 2
done
{ [ $# -eq 1 ] && [ -d "$1" ]; } ||
	wrong 'usage: verify.sh [--key VKEYFILE] [--pin INDEX:HASH]... [--max-age SECONDS] DIR'
case $1 in -*) dir=./$1 ;; *) dir=$1 ;; esac
for tool in sha256sum openssl jq base64 basenc awk; do
	command -v "$tool" >/dev/null || wrong "$tool is needed"
done
openssl pkeyutl -help 2>&1 | grep -q rawin || wrong 'openssl 3 is needed'
# Elsewhere a tool of this name may do something else without a word.
[ "$(echo a | sed 's/^/\x00/' | sum)" = b6a567b466562a6a954af6157b898f9e880e4352304adc2969155f0e4de31cf0 ] || wrong 'GNU sed is needed'
tmp=$(mktemp -d) || wrong 'no directory for temporary files'
# Nothing but a verdict ends with the exit status of one.
# shellcheck disable=SC2317 # the trap calls it
leave() {
	code=$?
	rm -rf "$tmp"
	[ -n "$settled" ] || wrong 'the check itself failed'
	exit "$code"
}
trap leave EXIT
trap 'exit 2' HUP INT TERM
mkdir "$tmp/parts"

words='' checked=0 seq=1 line_head=$zero line_time='' log_id='' next_index=0 next_public='' prev_hash='' prev_index=''
chain_origin=''
trust
in_order >"$tmp/order"
while read -r _ _ name s_hash _ s_origin s_index _ s_bytes s_sha256 s_records s_first_seq s_last_seq s_first_time \
	s_last_time s_head s_root s_prev_seal s_state _ _ _ s_key s_next_key <&3; do
	there "$name.seal" || broken "$name" 0 'no seal beside it'
	[ -n "$s_hash" ] || open_seal "$name" # says what is wrong
	chained "$name"
	pinned "$name"
	[ "$s_state" = clean ] || words="$words RECOVERED"
	contents "$name"
	seq=$((s_last_seq + 1)) line_head=$s_head line_time=$s_last_time next_index=$((s_index + 1)) next_public=$s_next_key
	chain_origin=$s_origin prev_hash=$s_hash prev_index=$s_index
done 3<"$tmp/order"
for p in $pins; do
	not_there "$p"
done
if [ -n "$max_age" ] && [ -n "$line_time" ]; then
	age=$(($(date +%s) - $(date -u -d "$line_time" +%s)))
	# A time that is yet to come says nothing of an age.
	[ "${age#-}" -le "$max_age" ] || words="$words INCOMPLETE"
fi
verdict
