/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/payload.h"

#include <errno.h>

#include "common/clock.h"
#include "proto/value.h"

#define JSON_INT_MOST (LIMIT_JSON_INT - 1)
#define METHOD_MOST 32
#define SHA256_HEX 64
#define CLAIMED_GROUPS 64

struct form;
typedef bool fits_fn(const struct form *f, struct str value);

/* What a member's value must be. */
struct form {
	fits_fn *fits;
	int64_t least, most; /* of a number; of a string's bytes, in an array: of each */
	uint16_t items;      /* of an array, at most */
	const char *words;   /* with a bar between them */
};

struct member {
	const char *name;
	size_t n; /* bytes of name */
	bool needed;
	struct form form;
};

struct shape {
	enum record_action_type action;
	const struct member *members;
	size_t n;
};

/* --- forms ------------------------------------------------------------------------------------ */

static bool
string_of(struct str value, struct str *ret)
{
	if (value.n < 3 || value.p[0] != '"')
		return false;
	*ret = str_skip(value, 3);
	return true;
}

static bool
fits_string(const struct form *f, struct str value)
{
	struct str s;

	return string_of(value, &s) && s.n >= (uint64_t)f->least && s.n <= (uint64_t)f->most;
}

static bool
fits_word(const struct form *f, struct str value)
{
	struct str s;

	if (!string_of(value, &s))
		return false;
	for (const char *word = f->words; *word;) {
		size_t n = strcspn(word, "|");

		if (s.n == n && memcmp(s.p, word, n) == 0)
			return true;
		word += n + (word[n] == '|');
	}
	return false;
}

/* Plain digits: no fraction, no exponent, and no sign, since nothing here may be negative. */
static bool
fits_int(const struct form *f, struct str value)
{
	int64_t v = value_int(value, -1);

	return value.n > 2 && value.p[2] != '-' && v >= f->least && v <= f->most;
}

static bool
fits_bool(const struct form *f, struct str value)
{
	(void)f;
	return value.n == 1 && (value.p[0] == 't' || value.p[0] == 'f');
}

static bool
fits_true(const struct form *f, struct str value)
{
	(void)f;
	return value.n == 1 && value.p[0] == 't';
}

static bool
is_lower_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool
fits_sha256(const struct form *f, struct str value)
{
	struct str s;

	(void)f;
	if (!string_of(value, &s) || s.n != SHA256_HEX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_lower_hex(s.p[i]))
			return false;
	return true;
}

/* In the one spelling that a line has. */
static bool
fits_time(const struct form *f, struct str value)
{
	char spelling[RFC3339_SIZE];
	int64_t us;
	struct str s;

	(void)f;
	if (!string_of(value, &s) || clock_parse(s, &us) < 0)
		return false;
	clock_format(us, spelling);
	return str_eq(s, str_from(spelling));
}

static bool
is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A token of RFC 9110. */
static bool
fits_method(const struct form *f, struct str value)
{
	struct str s;

	(void)f;
	if (!string_of(value, &s) || s.n == 0 || s.n > METHOD_MOST)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alphanumeric(s.p[i]) &&
		    (s.p[i] == '\0' || !strchr("!#$%&'*+.^_`|~-", s.p[i])))
			return false;
	return true;
}

/* SIGSEGV, SIGRTMIN+1, SIG35; SIGSYS has a shape of its own. */
static bool
fits_signal(const struct form *f, struct str value)
{
	struct str s;

	(void)f;
	if (!string_of(value, &s) || s.n < 4 || memcmp(s.p, "SIG", 3) != 0 ||
	    str_eq(s, STR("SIGSYS")))
		return false;
	for (size_t i = 3; i < s.n; i++)
		if (s.p[i] != '+' && (!is_alphanumeric(s.p[i]) || s.p[i] >= 'a'))
			return false;
	return true;
}

static bool
fits_object(const struct form *f, struct str value)
{
	(void)f;
	return value.n > 0 && value.p[0] == '{';
}

/* --- arrays ----------------------------------------------------------------------------------- */

static bool
fits_strings(const struct form *f, struct str value)
{
	struct wire_in in = value_open(value, '[');
	struct str item;
	uint16_t n = 0;

	if (in.failed)
		return false;
	while (value_next(&in, &item))
		if (++n > f->items || !fits_string(f, item))
			return false;
	return true;
}

/* All different, as uids are. */
static bool
fits_numbers(const struct form *f, struct str value)
{
	struct wire_in in = value_open(value, '[');
	struct str item[64];
	uint16_t n = 0;

	if (in.failed || f->items > ARRAY_SIZE(item))
		return false;
	for (; n < f->items && value_next(&in, &item[n]); n++) {
		if (!fits_int(f, item[n]))
			return false;
		for (uint16_t i = 0; i < n; i++)
			if (str_eq(item[i], item[n]))
				return false;
	}
	return in.left == 1; /* the closing bracket */
}

/* --- objects ---------------------------------------------------------------------------------- */

static const struct member *
find_member(const struct member *m, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].n == name.n && memcmp(m[i].name, name.p, name.n) == 0)
			return &m[i];
	return NULL;
}

/* Names in an object differ: so as many that are needed are all that are needed. */
static bool
fits_members(const struct member *m, size_t n, struct str object)
{
	struct wire_in in = value_open(object, '{');
	struct str name, value;
	size_t missing = 0;

	if (in.failed)
		return false;
	for (size_t i = 0; i < n; i++)
		missing += m[i].needed;
	while (value_next_member(&in, &name, &value)) {
		const struct member *found = find_member(m, n, name);

		if (!found || !found->form.fits(&found->form, value))
			return false;
		missing -= found->needed;
	}
	return missing == 0;
}

static bool
fits_counts(const struct form *f, struct str value)
{
	struct wire_in in = value_open(value, '{');
	struct str name, item;

	if (in.failed)
		return false;
	while (value_next_member(&in, &name, &item))
		if (!fits_int(f, item))
			return false;
	return true;
}

/* clang-format off */
#define NEEDED true
#define OPTIONAL false
#define WORD(list) {.fits = fits_word, .words = (list)}
#define STRING(shortest, longest) {.fits = fits_string, .least = (shortest), .most = (longest)}
#define TEXT STRING(1, INT64_MAX)
#define INT(smallest, largest) {.fits = fits_int, .least = (smallest), .most = (largest)}
#define COUNT INT(0, JSON_INT_MOST)
#define SEQ INT(1, JSON_INT_MOST)
#define BOOL {.fits = fits_bool}
#define TRUE {.fits = fits_true}
#define SHA256 {.fits = fits_sha256}
#define TIME {.fits = fits_time}
#define METHOD {.fits = fits_method}
#define SIGNAL {.fits = fits_signal}
#define OBJECT {.fits = fits_object}
#define CLAIMS {.fits = fits_claims}
#define COUNTS {.fits = fits_counts, .least = 0, .most = JSON_INT_MOST}
#define STRINGS(shortest, longest, number) \
	{.fits = fits_strings, .least = (shortest), .most = (longest), .items = (number)}
#define NUMBERS(number) {.fits = fits_numbers, .least = 0, .most = UINT32_MAX, .items = (number)}
#define MEMBER(json, form, need) {(json), sizeof(json) - 1, (need), form},

static const struct member claims[] = {
	MEMBER("user", STRING(0, LIMIT_NAME), OPTIONAL)
	MEMBER("groups", STRINGS(0, LIMIT_NAME, CLAIMED_GROUPS), OPTIONAL)
	MEMBER("email", STRING(0, LIMIT_NAME), OPTIONAL)
};
/* clang-format on */

/* Who a client says that it asks for: not empty. */
static bool
fits_claims(const struct form *f, struct str value)
{
	(void)f;
	return value.n > 2 && fits_members(claims, ARRAY_SIZE(claims), value);
}

/* --- the table -------------------------------------------------------------------------------- */

/* clang-format off */
#define SHAPE(name, action) static const struct member members_of_##name[] = {
#define SHAPE_END };
#include "proto/payload.def"

#define MEMBER(json, form, need) /* only their number is of interest now */
#define SHAPE(name, action) {ACTION_##action, members_of_##name, ARRAY_SIZE(members_of_##name)},
#define SHAPE_END
static const struct shape shapes[] = {
#include "proto/payload.def"
};
/* clang-format on */

static bool
fits_a_shape(const struct record *r, bool *ret_any)
{
	*ret_any = false;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (shapes[i].action != r->action_type)
			continue;
		*ret_any = true;
		if (fits_members(shapes[i].members, shapes[i].n, r->payload))
			return true;
	}
	return false;
}

int
payload_check(const struct record *r, const char **ret_why)
{
	bool any;

	if (!str_given(r->payload)) {
		*ret_why = "payload missing";
		return r->category == RECORD_MANAGEMENT ? -EPROTO : 0;
	}
	if (fits_a_shape(r, &any))
		return 0;
	*ret_why = any ? "payload that its action type does not have"
		       : "payload where there may be none";
	return -EPROTO;
}

bool
payload_fits(enum record_action_type action, struct str object)
{
	const struct record r = {
	    .category = RECORD_MANAGEMENT, .action_type = action, .payload = object};
	const char *why;

	return payload_check(&r, &why) == 0;
}
