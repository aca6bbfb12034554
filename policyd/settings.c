/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/settings.h"

#include <errno.h>
#include <string.h>

static const struct setting table[] = {
#define MEMBER(m) offsetof(struct settings, m), sizeof(((struct settings *)0)->m)
#define SETTING(k, m, f, lo, hi, arg, help) {#k, SETTING_##f, false, MEMBER(m), lo, hi, arg, help},
#define LIMIT(m, f, lo, hi, help) {#m, SETTING_##f, true, MEMBER(m), lo, hi, "N", help},
#include "policyd/settings.def"
#undef MEMBER
};

const struct setting *
settings_table(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(table);
	return table;
}

const struct setting *
settings_find(struct str key, bool limit)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].limit == limit && str_eq(str_from(table[i].key), key))
			return &table[i];
	return NULL;
}

/* --- members by their offset ------------------------------------------------------------------ */

static char *
member(const struct setting *f, struct settings *s)
{
	return (char *)s + f->offset;
}

static const char *
member_const(const struct setting *f, const struct settings *s)
{
	return (const char *)s + f->offset;
}

uint64_t
setting_number(const struct setting *f, const struct settings *s)
{
	uint64_t wide = 0;
	uint32_t narrow = 0;

	if (f->form == SETTING_U64) {
		memcpy(&wide, member_const(f, s), sizeof(wide));
		return wide;
	}
	if (f->form == SETTING_U32)
		memcpy(&narrow, member_const(f, s), sizeof(narrow));
	return narrow;
}

static void
store_number(const struct setting *f, struct settings *s, uint64_t v)
{
	uint32_t narrow = (uint32_t)v;

	if (f->form == SETTING_U64)
		memcpy(member(f, s), &v, sizeof(v));
	else
		memcpy(member(f, s), &narrow, sizeof(narrow));
}

static bool
in_range(const struct setting *f, uint64_t v)
{
	return v >= f->min && v <= f->max;
}

/* --- setting one ------------------------------------------------------------------------------ */

static int
complain(struct text *why, const char *what)
{
	text_put(why, str_from(what));
	return -EINVAL;
}

static int
complain_range(const struct setting *f, struct text *why)
{
	text_put(why, STR("must be an integer from "));
	text_u64(why, f->min);
	text_put(why, STR(" to "));
	text_u64(why, f->max);
	return -EINVAL;
}

/* The two words of a form that has only these; NULL: it is none. */
static const struct str *
choice_of(const struct setting *f)
{
	static const struct str durability[] = {{"sync", 4}, {"commit", 6}};
	static const struct str landlock[] = {{"required", 8}, {"optional", 8}};

	if (f->form == SETTING_DURABILITY)
		return durability;
	return f->form == SETTING_LANDLOCK ? landlock : NULL;
}

static int
complain_choice(const struct str words[2], struct text *why)
{
	text_put(why, STR("must be \""));
	text_put(why, words[0]);
	text_put(why, STR("\" or \""));
	text_put(why, words[1]);
	return complain(why, "\"");
}

static int
set_choice(const struct setting *f, struct settings *s, struct str v, struct text *why)
{
	const struct str *words = choice_of(f);
	bool second = str_eq(v, words[1]);

	if (!second && !str_eq(v, words[0]))
		return complain_choice(words, why);
	memcpy(member(f, s), &second, sizeof(second));
	return 0;
}

static bool
is_text(const struct setting *f)
{
	return f->form == SETTING_TEXT || f->form == SETTING_ORIGIN || f->form == SETTING_SUCCEEDS;
}

int
setting_set_text(const struct setting *f, struct settings *s, struct str v, struct text *why)
{
	struct succession parsed;

	if (choice_of(f))
		return set_choice(f, s, v, why);
	if (!is_text(f))
		return complain_range(f, why);
	if (f->form == SETTING_ORIGIN && !origin_ok(v))
		return complain(why, ORIGIN_RULE);
	if (f->form == SETTING_SUCCEEDS && !succession_parse(v, &parsed))
		return complain(why, SUCCESSION_RULE);
	if (v.n == 0)
		return complain(why, "must not be empty");
	if (memchr(v.p, '\0', v.n))
		return complain(why, "must not hold a NUL");
	if (v.n >= f->size) {
		text_put(why, STR("must be shorter than "));
		text_u64(why, f->size);
		return complain(why, " bytes");
	}
	memset(member(f, s), 0, f->size);
	memcpy(member(f, s), v.p, v.n);
	return 0;
}

int
setting_set_number(const struct setting *f, struct settings *s, int64_t v, struct text *why)
{
	if (choice_of(f))
		return complain_choice(choice_of(f), why);
	if (is_text(f))
		return complain(why, "must be a string");
	if (v < 0 || !in_range(f, (uint64_t)v))
		return complain_range(f, why);
	store_number(f, s, (uint64_t)v);
	return 0;
}

/* Decimal digits, nothing else; -EINVAL also for what no setting could hold. */
static int
parse_digits(struct str v, int64_t *ret)
{
	int64_t n = 0;

	if (v.n == 0 || v.n > 18)
		return -EINVAL;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return -EINVAL;
		n = n * 10 + (v.p[i] - '0');
	}
	*ret = n;
	return 0;
}

int
setting_set_argument(const struct setting *f, struct settings *s, struct str v, struct text *why)
{
	int64_t n;

	if (is_text(f) || choice_of(f))
		return setting_set_text(f, s, v, why);
	if (parse_digits(v, &n) < 0)
		return complain_range(f, why);
	return setting_set_number(f, s, n, why);
}

/* --- as bytes --------------------------------------------------------------------------------- */

static void
put_text(struct wire_out *out, const char *z)
{
	wire_put_str(out, str_from(z));
}

static void
put_one(struct wire_out *out, const struct setting *f, const struct settings *s)
{
	if (is_text(f))
		put_text(out, member_const(f, s));
	else if (choice_of(f))
		wire_put_u8(out, *member_const(f, s) != 0);
	else
		wire_put_u64(out, setting_number(f, s));
}

void
settings_put(struct wire_out *out, const struct settings *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		put_one(out, &table[i], s);
	wire_put_u32(out, s->n_trusted);
	for (uint32_t i = 0; i < s->n_trusted; i++)
		wire_put_u32(out, s->trusted[i]);
	wire_put_u8(out, (uint8_t)s->min_level);
	wire_put_u32(out, s->n_excluded);
	for (uint32_t i = 0; i < s->n_excluded; i++)
		put_text(out, s->excluded[i]);
	wire_put_u32(out, s->n_metadata);
	for (uint32_t i = 0; i < s->n_metadata; i++) {
		put_text(out, s->metadata[i].key);
		put_text(out, s->metadata[i].value);
	}
}

static void
get_text(struct wire_in *in, char *buf, size_t size)
{
	struct str v = wire_get_str(in);

	if (v.n >= size || (v.n > 0 && memchr(v.p, '\0', v.n))) {
		in->failed = true;
		return;
	}
	if (v.n > 0)
		memcpy(buf, v.p, v.n);
	buf[v.n] = '\0';
}

static void
get_one(struct wire_in *in, const struct setting *f, struct settings *s)
{
	uint64_t v;
	bool second;

	if (is_text(f)) {
		get_text(in, member(f, s), f->size);
	} else if (choice_of(f)) {
		second = wire_get_u8(in) != 0;
		memcpy(member(f, s), &second, sizeof(second));
	} else {
		v = wire_get_u64(in);
		if (!in_range(f, v))
			in->failed = true;
		store_number(f, s, v);
	}
}

/* A count that the member's array holds; else 0 and the cursor fails. */
static uint32_t
get_count(struct wire_in *in, size_t max)
{
	uint32_t n = wire_get_u32(in);

	if (n <= max)
		return n;
	in->failed = true;
	return 0;
}

int
settings_get(struct wire_in *in, struct settings *ret)
{
	struct settings s = {0};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		get_one(in, &table[i], &s);
	s.n_trusted = get_count(in, ARRAY_SIZE(s.trusted));
	for (uint32_t i = 0; i < s.n_trusted; i++)
		s.trusted[i] = wire_get_u32(in);
	s.min_level = (enum record_level)wire_get_u8(in);
	s.n_excluded = get_count(in, ARRAY_SIZE(s.excluded));
	for (uint32_t i = 0; i < s.n_excluded; i++)
		get_text(in, s.excluded[i], sizeof(s.excluded[i]));
	s.n_metadata = get_count(in, ARRAY_SIZE(s.metadata));
	for (uint32_t i = 0; i < s.n_metadata; i++) {
		get_text(in, s.metadata[i].key, sizeof(s.metadata[i].key));
		get_text(in, s.metadata[i].value, sizeof(s.metadata[i].value));
	}
	if (!wire_in_done(in) || s.min_level < LEVEL_DEBUG || s.min_level > LEVEL_ERROR)
		return -EPROTO;
	*ret = s;
	return 0;
}
