/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/recordline.h"

#include <errno.h>

#include "common/ascii.h"
#include "common/text.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* What is read, from p up to end. at and why are set by what fails. */
struct cut {
	const char *p, *end;
	const char *at;
	const char *why;
};

static const struct recordline_name {
	const char *p;
	size_t n;
} names[] = {
#define FIELD(tag, member, json, form, categories, max) {json, sizeof(json) - 1},
#include "proto/record.def"
};
_Static_assert(MEMBER_COUNT <= 64, "a bit for each member");

static bool
fail(struct cut *c, const char *at, const char *why)
{
	c->at = at;
	c->why = why;
	return false;
}

static inline bool
sees(const struct cut *c, char wanted)
{
	return c->p < c->end && *c->p == wanted;
}

static inline bool
take(struct cut *c, char wanted)
{
	if (!sees(c, wanted))
		return false;
	c->p++;
	return true;
}

/* --- strings --------------------------------------------------------------------------------- */

/* Four hex digits at p; -1 for anything else. */
static int
hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = ascii_hex(p[i]);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* The UTF-16 unit or pair of \uXXXX at p. Returns its bytes as written, 0 when it is none. */
static size_t
escape_unicode(const char *p, const char *end, uint32_t *ret_code)
{
	int high = hex4(p + 2, end), low;

	if (high <= 0)
		return 0;
	*ret_code = (uint32_t)high;
	if (high < 0xd800 || high > 0xdfff)
		return 6;
	if (high > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return 0;
	low = hex4(p + 8, end);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*ret_code = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
	return 12;
}

/* The escape at p. Returns its bytes as written, 0 when it is none. */
static size_t
escape(const char *p, const char *end, uint32_t *ret_code)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (end - p < 2)
		return 0;
	if (p[1] == 'u')
		return escape_unicode(p, end, ret_code);
	found = memchr(from, p[1], sizeof(from) - 1);
	if (!found)
		return 0;
	*ret_code = (uint32_t)to[found - from];
	return 2;
}

/* What is not plain, within a string, and not its end. False: it may not be there. */
static bool
cut_special(struct cut *c, bool *escaped)
{
	uint32_t code;
	size_t n = 0;

	if (*c->p == '\\') {
		*escaped = true;
		n = escape(c->p, c->end, &code);
		if (n == 0)
			return fail(c, c->p, "an escape that is none in a string");
	} else if ((unsigned char)*c->p >= 0x7f) {
		n = utf8_length(c->p, (size_t)(c->end - c->p));
		if (n == 0)
			return fail(c, c->p, "not UTF-8");
	} else {
		return fail(c, c->p, "a control character in a string");
	}
	c->p += n;
	return true;
}

/* Behind the opening quote; moves behind the closing one. */
static ALWAYS_INLINE bool
cut_string(struct cut *c, struct recordline_value *v)
{
	v->p = c->p;
	v->type = RECORDLINE_STRING;
	v->escaped = false;
	for (;;) {
		c->p += ascii_plain(c->p, (size_t)(c->end - c->p));
		if (c->p == c->end)
			return fail(c, c->p, "ends within a string");
		if (*c->p == '"')
			break;
		if (!cut_special(c, &v->escaped))
			return false;
	}
	v->n = (uint32_t)(c->p - v->p);
	c->p++;
	return true;
}

/* --- numbers and words ----------------------------------------------------------------------- */

static bool
cut_digits(struct cut *c)
{
	const char *start = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return c->p > start;
}

static bool
cut_number(struct cut *c, struct recordline_value *v)
{
	const char *digits;
	bool good;

	v->p = c->p;
	v->type = RECORDLINE_NUMBER;
	v->escaped = false;
	(void)take(c, '-');
	digits = c->p;
	good = cut_digits(c) && (*digits != '0' || c->p - digits == 1);
	if (good && take(c, '.'))
		good = cut_digits(c);
	if (good && (take(c, 'e') || take(c, 'E'))) {
		if (!take(c, '-'))
			(void)take(c, '+');
		good = cut_digits(c);
	}
	v->n = (uint32_t)(c->p - v->p);
	return good ? true : fail(c, v->p, "not a number");
}

static bool
cut_word(struct cut *c, struct recordline_value *v)
{
	static const struct str words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
	struct str rest = {c->p, (size_t)(c->end - c->p)};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!str_starts(rest, words[i]))
			continue;
		*v = (struct recordline_value){
		    .p = c->p, .n = (uint32_t)words[i].n, .type = RECORDLINE_WORD};
		c->p += words[i].n;
		return true;
	}
	return fail(c, c->p, "not a JSON value in the writer's form");
}

/* --- what is nested -------------------------------------------------------------------------- */

static bool
cut_scalar(struct cut *c, struct recordline_value *v)
{
	if (take(c, '"'))
		return cut_string(c, v);
	if (c->p < c->end && (*c->p == '-' || (*c->p >= '0' && *c->p <= '9')))
		return cut_number(c, v);
	return cut_word(c, v);
}

/* A key and its colon. */
static bool
cut_key(struct cut *c, struct recordline_value *v)
{
	if (!take(c, '"'))
		return fail(c, c->p, "not a key");
	return cut_string(c, v) && (take(c, ':') || fail(c, c->p, "no colon behind a key"));
}

/* Which of the containers around p are objects, innermost lowest. */
struct nest {
	uint32_t objects;
	unsigned depth;
};

/* At an opening bracket. Goes into it; *ret_empty: and out again. */
static bool
cut_open(struct cut *c, struct nest *nest, bool *ret_empty)
{
	bool object = *c->p == '{';

	if (nest->depth == RECORDLINE_DEPTH)
		return fail(c, c->p, "nested too deeply");
	nest->depth++;
	nest->objects = nest->objects << 1 | object;
	c->p++;
	*ret_empty = take(c, object ? '}' : ']');
	if (*ret_empty) {
		nest->depth--;
		nest->objects >>= 1;
	}
	return true;
}

/* Behind a value: out of all containers that end here, or on to the next element. */
static bool
cut_close(struct cut *c, struct nest *nest)
{
	while (nest->depth > 0 && take(c, nest->objects & 1 ? '}' : ']')) {
		nest->depth--;
		nest->objects >>= 1;
	}
	return nest->depth == 0 || take(c, ',') ||
	       fail(c, c->p, "neither a comma nor the end behind a value");
}

/* At the opening bracket; moves behind the closing one. */
static bool
cut_container(struct cut *c, struct recordline_value *v)
{
	struct nest nest = {0, 0};
	struct recordline_value inner;
	const char *start = c->p;
	bool whole; /* a value has just ended */

	do {
		if ((nest.objects & 1) && !cut_key(c, &inner))
			return false;
		if (sees(c, '{') || sees(c, '[')) {
			if (!cut_open(c, &nest, &whole))
				return false;
		} else {
			if (!cut_scalar(c, &inner))
				return false;
			whole = true;
		}
		if (whole && !cut_close(c, &nest))
			return false;
	} while (nest.depth > 0);
	*v = (struct recordline_value){.p = start,
	    .n = (uint32_t)(c->p - start),
	    .type = *start == '{' ? RECORDLINE_OBJECT : RECORDLINE_ARRAY};
	return true;
}

static ALWAYS_INLINE bool
cut_value(struct cut *c, struct recordline_value *v)
{
	if (take(c, '"'))
		return cut_string(c, v);
	if (sees(c, '{') || sees(c, '['))
		return cut_container(c, v);
	return cut_scalar(c, v);
}

/* --- members --------------------------------------------------------------------------------- */

/* The key at c->p, behind its quote, is this one: moves behind its colon. */
static inline bool
take_name(struct cut *c, unsigned m)
{
	size_t n = names[m].n;

	/* Two bytes that nearly always tell it from the others, then the whole. */
	if (n == 0 || (size_t)(c->end - c->p) < n + 2 || c->p[n] != '"' || c->p[0] != *names[m].p ||
	    memcmp(c->p, names[m].p, n) != 0 || c->p[n + 1] != ':')
		return false;
	c->p += n + 2;
	return true;
}

/* Which member it is, looked for from the one where it stands as the writer orders them. */
static unsigned
take_member(struct cut *c, unsigned expected)
{
	for (unsigned m = expected; m < MEMBER_COUNT; m++)
		if (take_name(c, m))
			return m;
	for (unsigned m = 0; m < expected; m++)
		if (take_name(c, m))
			return m;
	return MEMBER_COUNT;
}

/* Behind the quote of a key that record.def does not have. */
static bool
cut_other(struct cut *c, struct recordline *r)
{
	struct recordline_other *o = &r->other[r->n_others];
	const char *start = c->p;
	struct recordline_value key;

	if (r->n_others == RECORDLINE_OTHERS)
		return fail(c, start, "too many members");
	if (!cut_string(c, &key))
		return false;
	if (key.escaped)
		return fail(c, start, "an escape in a key");
	if (!take(c, ':'))
		return fail(c, c->p, "no colon behind a key");
	o->key = (struct str){key.p, key.n};
	for (uint32_t i = 0; i < r->n_others; i++)
		if (str_eq(r->other[i].key, o->key))
			return fail(c, start, "a key twice");
	if (!cut_value(c, &o->value))
		return false;
	r->n_others++;
	return true;
}

static bool
cut_member(struct cut *c, struct recordline *r, unsigned *expected)
{
	const char *start = c->p;
	unsigned m;

	if (!take(c, '"'))
		return fail(c, start, "not a key");
	m = take_member(c, *expected);
	if (m == MEMBER_COUNT)
		return cut_other(c, r);
	if (recordline_has(r, m))
		return fail(c, start, "a key twice");
	*expected = m + 1;
	r->have |= UINT64_C(1) << m;
	return cut_value(c, &r->value[m]);
}

static bool
cut_members(struct cut *c, struct recordline *r)
{
	unsigned expected = 0;

	if (!take(c, '{'))
		return fail(c, c->p, "not a JSON object");
	if (take(c, '}'))
		return true;
	do
		if (!cut_member(c, r, &expected))
			return false;
	while (take(c, ','));
	return take(c, '}') || fail(c, c->p, "neither a comma nor the end behind a value");
}

static void
find_payload(struct recordline *r)
{
	const struct recordline_value *type = recordline_value(r, MEMBER_action_type);

	for (uint32_t i = 0; type && i < r->n_others; i++) {
		if (type->type != RECORDLINE_STRING ||
		    !str_eq(r->other[i].key, (struct str){type->p, type->n}))
			continue;
		r->value[MEMBER_payload] = r->other[i].value;
		r->have |= UINT64_C(1) << MEMBER_payload;
	}
}

int
recordline_cut(struct recordline *r, struct str line, struct recordline_fault *ret_fault)
{
	struct cut c = {.p = line.p, .end = line.p + line.n};
	bool good;

	r->have = 0;
	r->n_others = 0;
	if (line.n > LIMIT_LINE) {
		*ret_fault = (struct recordline_fault){LIMIT_LINE, "longer than a record can be"};
		return -EINVAL;
	}
	if (line.n > 0 && line.p[line.n - 1] == '\n')
		c.end--;
	good = cut_members(&c, r) && (c.p == c.end || fail(&c, c.p, "something behind the object"));
	if (!good) {
		*ret_fault = (struct recordline_fault){(size_t)(c.at - line.p), c.why};
		return -EINVAL;
	}
	find_payload(r);
	return 0;
}

/* --- by name --------------------------------------------------------------------------------- */

const char *
recordline_name(enum recordline_member m)
{
	return m < MEMBER_COUNT && names[m].n > 0 ? names[m].p : NULL;
}

enum recordline_member
recordline_find(struct str name)
{
	unsigned m = 0;

	while (m < MEMBER_COUNT &&
	       (names[m].n == 0 || !str_eq((struct str){names[m].p, names[m].n}, name)))
		m++;
	return (enum recordline_member)m;
}

const struct recordline_value *
recordline_named(const struct recordline *r, struct str key)
{
	enum recordline_member m = recordline_find(key);

	if (m != MEMBER_COUNT)
		return recordline_value(r, m);
	for (uint32_t i = 0; i < r->n_others; i++)
		if (str_eq(r->other[i].key, key))
			return &r->other[i].value;
	return NULL;
}

/* --- what values say ------------------------------------------------------------------------- */

static size_t
utf8_put(uint32_t code, char out[4])
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(lead[n] | code);
	return n;
}

struct str
recordline_string(const struct recordline_value *v, char *buf, size_t cap)
{
	const char *p, *end;
	size_t n = 0;

	if (!v || v->type != RECORDLINE_STRING)
		return STR_NONE;
	if (!v->escaped)
		return (struct str){v->p, v->n};
	if (v->n > cap)
		return STR_NONE;
	for (p = v->p, end = p + v->n; p < end;) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((slash ? slash : end) - p);
		uint32_t code = 0;

		memcpy(buf + n, p, run);
		n += run;
		p += run;
		if (!slash)
			break;
		p += escape(p, end, &code);
		n += utf8_put(code, buf + n);
	}
	return (struct str){buf, n};
}

/* Apart, as the buffer is cleared whenever it is entered. */
static __attribute__((noinline)) bool
escaped_is(const struct recordline_value *v, struct str s)
{
	char buf[LIMIT_LINE];
	struct str said = recordline_string(v, buf, sizeof(buf));

	return str_given(said) && str_eq(said, s);
}

bool
recordline_is(const struct recordline_value *v, struct str s)
{
	if (!v || v->type != RECORDLINE_STRING)
		return false;
	return v->escaped ? escaped_is(v, s) : str_eq((struct str){v->p, v->n}, s);
}

bool
recordline_int(const struct recordline_value *v, int64_t *ret)
{
	bool negative;
	int64_t n = 0;

	if (!v || v->type != RECORDLINE_NUMBER)
		return false;
	negative = v->p[0] == '-';
	for (uint32_t i = negative; i < v->n; i++) {
		if (v->p[i] < '0' || v->p[i] > '9')
			return false;
		n = n * 10 + (v->p[i] - '0');
		if (n >= LIMIT_JSON_INT)
			return false;
	}
	*ret = negative ? -n : n;
	return true;
}

/* --- inside arrays and objects ---------------------------------------------------------------- */

struct recordline_walk
recordline_walk(const struct recordline_value *v)
{
	if (!v || (v->type != RECORDLINE_ARRAY && v->type != RECORDLINE_OBJECT))
		return (struct recordline_walk){NULL, NULL, false};
	return (struct recordline_walk){v->p + 1, v->p + v->n - 1, v->type == RECORDLINE_OBJECT};
}

bool
recordline_next(
    struct recordline_walk *w, struct recordline_value *ret_key, struct recordline_value *ret_value)
{
	struct cut c = {.p = w->p, .end = w->end};

	if (c.p == c.end)
		return false;
	if ((w->keys && !cut_key(&c, ret_key)) || !cut_value(&c, ret_value)) {
		w->p = w->end;
		return false;
	}
	(void)take(&c, ',');
	w->p = c.p;
	return true;
}
