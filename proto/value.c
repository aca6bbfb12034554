/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/value.h"

#include <errno.h>

#include "common/limits.h"

#define VALUE_NUMBER 24 /* bytes of a number's text */

/* --- writing --------------------------------------------------------------------------------- */

void
value_put_null(struct wire_out *out)
{
	wire_put_u8(out, 'n');
}

void
value_put_bool(struct wire_out *out, bool v)
{
	wire_put_u8(out, v ? 't' : 'f');
}

void
value_put_int(struct wire_out *out, int64_t v)
{
	char buf[VALUE_NUMBER];
	struct text t = text_over(buf, sizeof(buf));

	text_i64(&t, v);
	value_put_number(out, text_str(&t));
}

void
value_put_str(struct wire_out *out, struct str s)
{
	wire_put_u8(out, '"');
	wire_put_str(out, s);
}

void
value_open_object(struct wire_out *out)
{
	wire_put_u8(out, '{');
}

void
value_close_object(struct wire_out *out)
{
	wire_put_u8(out, '}');
}

void
value_open_array(struct wire_out *out)
{
	wire_put_u8(out, '[');
}

void
value_close_array(struct wire_out *out)
{
	wire_put_u8(out, ']');
}

void
value_put_key(struct wire_out *out, struct str key)
{
	if (key.n > VALUE_KEY)
		out->failed = true;
	value_put_str(out, key);
}

void
value_member_str(struct wire_out *out, struct str key, struct str s)
{
	value_put_key(out, key);
	value_put_str(out, s);
}

void
value_member_int(struct wire_out *out, struct str key, int64_t v)
{
	value_put_key(out, key);
	value_put_int(out, v);
}

void
value_member_bool(struct wire_out *out, struct str key, bool v)
{
	value_put_key(out, key);
	value_put_bool(out, v);
}

/* --- numbers --------------------------------------------------------------------------------- */

static size_t
number_digits(struct str s, size_t at)
{
	size_t i = at;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i - at;
}

/* Index after an exponent at i, i itself when there is none, 0 when it is malformed. */
static size_t
number_exponent(struct str s, size_t i, int *ret_exponent)
{
	bool minus;
	size_t n;

	if (i >= s.n || (s.p[i] != 'e' && s.p[i] != 'E'))
		return i;
	i++;
	minus = i < s.n && s.p[i] == '-';
	if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
		i++;
	n = number_digits(s, i);
	if (n == 0 || n > 4)
		return 0;
	for (size_t k = i; k < i + n; k++)
		*ret_exponent = *ret_exponent * 10 + (s.p[k] - '0');
	if (minus)
		*ret_exponent = -*ret_exponent;
	return i + n;
}

/* Digit i of whole and fraction taken as one; 0 beyond them. */
static uint64_t
number_digit(struct str whole, struct str fraction, size_t i)
{
	if (i < whole.n)
		return (uint64_t)(whole.p[i] - '0');
	return i - whole.n < fraction.n ? (uint64_t)(fraction.p[i - whole.n] - '0') : 0;
}

/*
 * Whether whole.fraction x 10^exponent is below 2^53 - 0.5, from where on a reader's double is 2^53:
 * shift the point, then compare the digits before it and the one behind it.
 */
static bool
number_in_range(struct str whole, struct str fraction, int exponent)
{
	long places = (long)whole.n + exponent; /* digits before the shifted point */
	uint64_t v = 0;

	for (long i = 0; i < places; i++) {
		if (v == 0 && (size_t)i >= whole.n + fraction.n)
			return true; /* nothing but zeros from here on */
		v = v * 10 + number_digit(whole, fraction, (size_t)i);
		if (v >= (uint64_t)LIMIT_JSON_INT)
			return false;
	}
	return v < (uint64_t)LIMIT_JSON_INT - 1 ||
	       number_digit(whole, fraction, (size_t)places) < 5;
}

/* RFC 8259 number, at most VALUE_NUMBER bytes, magnitude below 2^53. */
static bool
number_plain(struct str s)
{
	struct str whole, fraction = {"", 0};
	size_t i = s.n > 0 && s.p[0] == '-';
	int exponent = 0;

	if (s.n > VALUE_NUMBER)
		return false;
	whole = (struct str){s.p + i, number_digits(s, i)};
	if (whole.n == 0 || (whole.n > 1 && whole.p[0] == '0'))
		return false;
	i += whole.n;
	if (i < s.n && s.p[i] == '.') {
		fraction = (struct str){s.p + i + 1, number_digits(s, i + 1)};
		if (fraction.n == 0)
			return false;
		i += 1 + fraction.n;
	}
	i = number_exponent(s, i, &exponent);
	return i == s.n && i > 0 && number_in_range(whole, fraction, exponent);
}

void
value_put_number(struct wire_out *out, struct str text)
{
	if (!number_plain(text)) {
		out->failed = true;
		return;
	}
	wire_put_u8(out, '#');
	wire_put_u8(out, (uint8_t)text.n);
	wire_put_bytes(out, text);
}

/* --- checking -------------------------------------------------------------------------------- */

/* One open array or object. */
struct value_level {
	bool object;
	uint16_t members;
	struct str key[VALUE_MEMBERS];
};

struct value_checker {
	struct wire_in in;
	unsigned depth;
	struct value_level level[VALUE_DEPTH];
};

static bool
check_key(struct value_checker *c, struct value_level *level)
{
	struct str key;

	if (wire_get_u8(&c->in) != '"')
		return false;
	key = wire_get_str(&c->in);
	if (c->in.failed || key.n > VALUE_KEY || level->members == VALUE_MEMBERS)
		return false;
	/* Different invalid bytes, and NUL, would become the same key, and the line get a duplicate. */
	if (!utf8_valid(key) || (key.n > 0 && memchr(key.p, '\0', key.n)))
		return false;
	for (uint16_t i = 0; i < level->members; i++)
		if (str_eq(level->key[i], key))
			return false;
	level->key[level->members++] = key;
	return true;
}

static bool
check_open(struct value_checker *c, bool object)
{
	struct value_level *level;

	if (c->depth == VALUE_DEPTH)
		return false;
	level = &c->level[c->depth++];
	level->object = object;
	level->members = 0;
	return true;
}

/* One scalar, or the opening of an array or object. */
static bool
check_start(struct value_checker *c)
{
	switch (wire_get_u8(&c->in)) {
	case 'n':
	case 't':
	case 'f':
		return !c->in.failed;
	case '#':
		return number_plain(wire_get_bytes(&c->in, wire_get_u8(&c->in))) && !c->in.failed;
	case '"':
		(void)wire_get_str(&c->in);
		return !c->in.failed;
	case '[':
		return check_open(c, false);
	case '{':
		return check_open(c, true);
	default:
		return false;
	}
}

/* The next step inside the innermost open level: close it, or take one more value. */
static bool
check_step(struct value_checker *c)
{
	struct value_level *level = &c->level[c->depth - 1];

	if (c->in.left == 0)
		return false;
	if (*c->in.p == (level->object ? '}' : ']')) {
		(void)wire_get_u8(&c->in);
		c->depth--;
		return true;
	}
	if (level->object && !check_key(c, level))
		return false;
	return check_start(c);
}

int
value_check(struct str bytes)
{
	struct value_checker c;

	c.in = wire_in_over(bytes.p, bytes.n);
	c.depth = 0;
	if (!check_start(&c))
		return -EPROTO;
	while (c.depth > 0)
		if (!check_step(&c))
			return -EPROTO;
	return wire_in_done(&c.in) ? 0 : -EPROTO;
}

int
value_check_object(struct str bytes)
{
	return bytes.n > 0 && bytes.p[0] == '{' ? value_check(bytes) : -EPROTO;
}

/* --- reading checked values ------------------------------------------------------------------ */

/* Skip one whole value: walk until every level that it opened is closed. */
static void
value_skip(struct wire_in *in)
{
	unsigned depth = 0;

	do {
		switch (wire_get_u8(in)) {
		case '#':
			(void)wire_get_bytes(in, wire_get_u8(in));
			break;
		case '"': /* a key counts as a value here: only the nesting matters */
			(void)wire_get_str(in);
			break;
		case '[':
		case '{':
			depth++;
			break;
		case ']':
		case '}':
			depth--;
			break;
		default:
			break;
		}
	} while (depth > 0 && !in->failed);
}

struct wire_in
value_open(struct str bytes, char bracket)
{
	struct wire_in in = wire_in_over(bytes.p, bytes.n);

	in.failed = wire_get_u8(&in) != (uint8_t)bracket;
	return in;
}

bool
value_next(struct wire_in *in, struct str *ret)
{
	const char *start = (const char *)in->p;

	if (in->failed || in->left == 0 || *in->p == ']' || *in->p == '}')
		return false;
	value_skip(in);
	*ret = (struct str){start, (size_t)((const char *)in->p - start)};
	return !in->failed;
}

bool
value_next_member(struct wire_in *in, struct str *ret_name, struct str *ret)
{
	if (in->failed || wire_get_u8(in) != '"')
		return false;
	*ret_name = wire_get_str(in);
	return value_next(in, ret);
}

struct str
value_member(struct str object, struct str key)
{
	struct wire_in in = value_open(object, '{');
	struct str name, value;

	while (value_next_member(&in, &name, &value))
		if (str_eq(name, key))
			return value;
	return STR_NONE;
}

int64_t
value_int(struct str bytes, int64_t fallback)
{
	struct str digits = str_skip(bytes, 2);
	bool minus = digits.n > 0 && digits.p[0] == '-';
	int64_t v = 0;

	if (bytes.n < 3 || bytes.p[0] != '#')
		return fallback;
	for (size_t i = minus; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return fallback;
		v = v * 10 + (digits.p[i] - '0');
	}
	return minus ? -v : v;
}

struct str
value_text(struct str bytes)
{
	struct wire_in in;

	if (bytes.n < 3 || bytes.p[0] != '"')
		return STR("");
	in = wire_in_over(bytes.p + 1, bytes.n - 1);
	return wire_get_str(&in);
}

/* --- as JSON --------------------------------------------------------------------------------- */

struct value_printer {
	struct text *t;
	struct wire_in in;
	unsigned depth;
	bool object[VALUE_DEPTH];
	bool first; /* nothing was written yet in the innermost level */
};

static void
print_open(struct value_printer *p, char bracket)
{
	text_char(p->t, bracket);
	if (p->depth < VALUE_DEPTH)
		p->object[p->depth] = bracket == '{';
	p->depth++;
	p->first = true;
}

static void
print_start(struct value_printer *p)
{
	char kind = (char)wire_get_u8(&p->in);

	p->first = false;
	switch (kind) {
	case 'n':
		text_put(p->t, STR("null"));
		break;
	case 't':
		text_put(p->t, STR("true"));
		break;
	case 'f':
		text_put(p->t, STR("false"));
		break;
	case '#':
		text_put(p->t, wire_get_bytes(&p->in, wire_get_u8(&p->in)));
		break;
	case '"':
		text_json(p->t, wire_get_str(&p->in));
		break;
	default:
		print_open(p, kind);
	}
}

static void
print_step(struct value_printer *p)
{
	bool object = p->object[p->depth - 1];

	if (*p->in.p == (object ? '}' : ']')) {
		text_char(p->t, (char)wire_get_u8(&p->in));
		p->depth--;
		p->first = false;
		return;
	}
	if (!p->first)
		text_char(p->t, ',');
	if (object) {
		(void)wire_get_u8(&p->in);
		text_json(p->t, wire_get_str(&p->in));
		text_char(p->t, ':');
	}
	print_start(p);
}

void
value_to_json(struct text *t, struct str bytes)
{
	struct value_printer p = {.t = t, .in = wire_in_over(bytes.p, bytes.n)};

	print_start(&p);
	while (p.depth > 0 && p.depth <= VALUE_DEPTH && p.in.left > 0)
		print_step(&p);
}
