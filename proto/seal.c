/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal.h"

#include <errno.h>

#include "common/ascii.h"
#include "common/base64.h"
#include "common/clock.h"
#include "common/limits.h"
#include "proto/origin.h"

/* The text begins so, then come the members, each as ,"name":value, then "}\n". */
#define BEGIN "{\"type\":\"" SEAL_TYPE "\""

/* Members in their order, each with its form. The two keys stand behind them. */
#define MEMBERS(M)            \
	M(origin, origin)     \
	M(index, number)      \
	M(file, file)         \
	M(bytes, number)      \
	M(sha256, hash)       \
	M(records, number)    \
	M(first_seq, number)  \
	M(last_seq, number)   \
	M(first_time, time)   \
	M(last_time, time)    \
	M(head, hash)         \
	M(root, hash)         \
	M(prev_seal, hash)    \
	M(state, state)       \
	M(torn_bytes, number) \
	M(session, session)   \
	M(boot_id, boot)

static const char *const states[] = {
    [SEAL_CLEAN] = "clean",
    [SEAL_RECOVERED] = "recovered",
    [SEAL_POISONED] = "poisoned",
};

_Static_assert(SEAL_ORIGIN == ORIGIN_MAX, "an origin is the name of its keys");

bool
seal_origin_ok(struct str origin)
{
	return origin_ok(origin);
}

const char *
seal_state_name(enum seal_state s)
{
	return s < ARRAY_SIZE(states) ? states[s] : "unknown";
}

void
seal_key(const struct seal *s, struct hash *h, struct note_key *ret)
{
	ret->name = s->origin;
	ret->algorithm = NOTE_ED25519;
	memcpy(ret->key, s->key, sizeof(ret->key));
	note_key_identify(ret, h);
}

/* --- writing --------------------------------------------------------------------------------- */

/* Nothing in a seal needs an escape. */
static void
put_quoted(struct text *t, struct str s)
{
	text_char(t, '"');
	text_put(t, s);
	text_char(t, '"');
}

#define put_origin put_quoted
#define put_file put_quoted
#define put_session put_quoted
#define put_boot put_quoted
#define put_number text_u64

static void
put_hash(struct text *t, const uint8_t hash[HASH_SIZE])
{
	text_char(t, '"');
	text_hex(t, hash, HASH_SIZE);
	text_char(t, '"');
}

static void
put_time(struct text *t, int64_t us)
{
	char time[RFC3339_SIZE];

	clock_format(us, time);
	put_quoted(t, str_from(time));
}

static void
put_state(struct text *t, enum seal_state state)
{
	put_quoted(t, str_from(seal_state_name(state)));
}

void
seal_format(struct text *t, const struct seal *s, struct hash *h)
{
	struct note_key key;

	text_put(t, STR(BEGIN));
#define PUT(member, form)                      \
	text_put(t, STR(",\"" #member "\":")); \
	put_##form(t, s->member);
	MEMBERS(PUT)
#undef PUT
	text_put(t, STR(",\"key\":\""));
	seal_key(s, h, &key);
	note_key_put(t, &key);
	text_put(t, STR("\",\"next_key\":\""));
	base64_put(t, s->next_key, sizeof(s->next_key));
	text_put(t, STR("\"}\n"));
}

/* --- reading --------------------------------------------------------------------------------- */

/* What is left to read, and where and what is wrong if what comes next is not there. */
struct reader {
	struct str rest;
	const char *start;
	const char *why;
};

static bool
take(struct reader *r, struct str literal)
{
	if (!str_starts(r->rest, literal))
		return false;
	r->rest = str_skip(r->rest, literal.n);
	return true;
}

/* What stands between two quotes; an escape in it is two characters that no member may hold. */
static bool
get_quoted(struct reader *r, struct str *ret)
{
	const char *end;

	if (!take(r, STR("\"")))
		return false;
	end = r->rest.n > 0 ? memchr(r->rest.p, '"', r->rest.n) : NULL;
	if (!end)
		return false;
	*ret = (struct str){r->rest.p, (size_t)(end - r->rest.p)};
	r->rest = str_skip(r->rest, ret->n + 1);
	return true;
}

static bool
get_origin(struct reader *r, struct str *ret)
{
	return get_quoted(r, ret) && seal_origin_ok(*ret);
}

static bool
get_file(struct reader *r, struct str *ret)
{
	struct segname name;

	return get_quoted(r, ret) && segname_parse(*ret, &name) && name.kind == SEGNAME_CLOSED;
}

/* No leading zero, below 2^53. */
static bool
get_number(struct reader *r, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < r->rest.n && r->rest.p[n] >= '0' && r->rest.p[n] <= '9'; n++) {
		v = v * 10 + (uint64_t)(r->rest.p[n] - '0');
		if (v >= (uint64_t)LIMIT_JSON_INT)
			return false;
	}
	if (n == 0 || (n > 1 && r->rest.p[0] == '0'))
		return false;
	r->rest = str_skip(r->rest, n);
	*ret = v;
	return true;
}

/* Upper-case digits have a value, too, but are not how we write one. */
static int
hex_digit(char c)
{
	return c >= 'A' && c <= 'F' ? -1 : ascii_hex(c);
}

static bool
get_hash(struct reader *r, uint8_t (*ret)[HASH_SIZE])
{
	struct str s;

	if (!get_quoted(r, &s) || s.n != (size_t)2 * HASH_SIZE)
		return false;
	for (size_t i = 0; i < HASH_SIZE; i++) {
		int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		(*ret)[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Of the many forms of a time only ours. */
static bool
get_time(struct reader *r, int64_t *ret)
{
	char again[RFC3339_SIZE];
	struct str s;

	if (!get_quoted(r, &s) || clock_parse(s, ret) < 0)
		return false;
	clock_format(*ret, again);
	return str_eq(s, str_from(again));
}

static bool
get_state(struct reader *r, enum seal_state *ret)
{
	struct str s;

	if (!get_quoted(r, &s))
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
		if (!str_eq(s, str_from(states[i])))
			continue;
		*ret = (enum seal_state)i;
		return true;
	}
	return false;
}

static bool
get_session(struct reader *r, struct str *ret)
{
	if (!get_quoted(r, ret) || ret->n != UUID_TEXT)
		return false;
	for (size_t i = 0; i < UUID_TEXT; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? ret->p[i] != '-' : hex_digit(ret->p[i]) < 0)
			return false;
	}
	return true;
}

static bool
get_boot(struct reader *r, struct str *ret)
{
	if (!take(r, STR("\"unknown\"")))
		return get_session(r, ret);
	*ret = (struct str){r->start + 1, sizeof("unknown") - 1};
	return true;
}

/* The verifier key: of this origin, and an ordinary one. */
static bool
get_key(struct reader *r, struct hash *h, struct seal *s)
{
	struct note_key key;
	struct str text;

	if (!get_quoted(r, &text) || note_key_get(text, h, &key) < 0)
		return false;
	if (key.algorithm != NOTE_ED25519 || !str_eq(key.name, s->origin))
		return false;
	memcpy(s->key, key.key, sizeof(s->key));
	return true;
}

static bool
get_next_key(struct reader *r, struct seal *s)
{
	struct str text;

	return get_quoted(r, &text) && base64_get(text, s->next_key, sizeof(s->next_key)) == 0;
}

#define WHAT_origin "1 to 128 of letters, digits and ._/:@-"
#define WHAT_number "a whole number below 2^53 in its one form"
#define WHAT_file "the name of a closed segment"
#define WHAT_hash "64 lower-case hex digits"
#define WHAT_time "a time in its one form"
#define WHAT_state "clean, recovered or poisoned"
#define WHAT_session "a UUID in lower case"
#define WHAT_boot "a UUID in lower case or unknown"
#define WHAT_key "the verifier key of an Ed25519 key of this origin"
#define WHAT_next_key "the canonical base64 of 32 bytes"

/* The name of a member; its value comes next. */
static bool
member(struct reader *r, struct str name, const char *missing, const char *wrong)
{
	r->start = r->rest.p;
	r->why = missing;
	if (!take(r, name))
		return false;
	r->start = r->rest.p;
	r->why = wrong;
	return true;
}

#define MEMBER(name, form)                                                       \
	member(r, STR(",\"" #name "\":"), #name ": missing or not in its place", \
	    #name ": not " WHAT_##form)

static bool
get_members(struct reader *r, struct hash *h, struct seal *s)
{
	if (!take(r, STR(BEGIN)))
		return false;
#define GET(name, form)                                      \
	if (!MEMBER(name, form) || !get_##form(r, &s->name)) \
		return false;
	MEMBERS(GET)
#undef GET
	return MEMBER(key, key) && get_key(r, h, s) && MEMBER(next_key, next_key) &&
	       get_next_key(r, s);
}

static bool
ends(struct reader *r)
{
	r->start = r->rest.p;
	r->why = "anything but }, newline and the end behind next_key";
	return str_eq(r->rest, STR("}\n"));
}

/* What the numbers say together. */
static bool
adds_up(struct reader *r, const struct seal *s)
{
	r->start = r->rest.p;
	r->why = "records: not the number from first_seq to last_seq";
	return s->records > 0 && s->first_seq > 0 && s->last_seq >= s->first_seq &&
	       s->last_seq - s->first_seq + 1 == s->records;
}

int
seal_parse(struct str text, struct hash *h, struct seal *ret, const char **ret_why, size_t *ret_at)
{
	struct reader r = {text, text.p, "type: not " SEAL_TYPE ", first and in its one form"};
	struct seal s;

	if (text.n > SEAL_TEXT)
		r.why = "longer than a seal can be";
	else if (get_members(&r, h, &s) && ends(&r) && adds_up(&r, &s)) {
		*ret = s;
		return 0;
	}
	*ret_why = r.why;
	*ret_at = (size_t)(r.start - text.p);
	return -EINVAL;
}

/* The seal's own key must have signed, under its name. */
static int
check_signature(const struct note *n, const struct seal *s, struct hash *h, const char **ret_why)
{
	struct note_key key;
	int error;

	seal_key(s, h, &key);
	error = note_verify(n, &key);
	if (error == -ENOENT)
		*ret_why = "the signature is not by the seal's key";
	else if (error == -EBADMSG)
		*ret_why = "the signature is wrong";
	else if (error < 0)
		*ret_why = "the signature could not be checked";
	return error == -ENOENT ? -EBADMSG : error;
}

int
seal_open(struct str file, struct hash *h, struct seal *ret, struct str *ret_text,
    const char **ret_why, size_t *ret_at)
{
	struct note note;

	if (file.n > SEAL_NOTE) {
		*ret_why = "longer than a seal can be";
		*ret_at = SEAL_NOTE;
		return -EINVAL;
	}
	if (note_parse(file, &note, ret_why, ret_at) < 0)
		return -EINVAL;
	if (note.n != 1) {
		*ret_why = "more than one signature";
		*ret_at = note.signatures[1].at;
		return -EINVAL;
	}
	if (seal_parse(note.text, h, ret, ret_why, ret_at) < 0)
		return -EINVAL;
	*ret_text = note.text;
	*ret_at = note.signatures[0].at;
	return check_signature(&note, ret, h, ret_why);
}
