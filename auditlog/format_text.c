/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/format_text.h"

#include "auditlog/format.h"
#include "common/ascii.h"

/* Apart, as the buffer is cleared whenever it is entered. */
static __attribute__((noinline)) void
put_decoded(struct text *t, const struct recordline_value *v, format_escape *escape)
{
	char buf[LIMIT_LINE];

	escape(t, recordline_string(v, buf, sizeof(buf)));
}

static void
put_scalar(struct text *t, const struct recordline_value *v, format_escape *escape)
{
	if (v->escaped)
		put_decoded(t, v, escape);
	else
		escape(t, (struct str){v->p, v->n});
}

void
format_value(struct text *t, const struct recordline_value *v, format_escape *escape)
{
	struct recordline_walk w = recordline_walk(v);
	struct recordline_value key, element;
	bool behind = false;

	if (!v)
		return;
	if (v->type != RECORDLINE_ARRAY) {
		put_scalar(t, v, escape);
		return;
	}
	for (; recordline_next(&w, &key, &element); behind = true) {
		if (behind)
			text_put(t, STR("; "));
		put_scalar(t, &element, escape);
	}
}

/* Some characters of ASCII. */
struct charset {
	uint64_t bits[2];
};

static struct charset
charset_of(const char *characters)
{
	struct charset set = {{0, 0}};

	for (; *characters; characters++)
		set.bits[*characters >> 6] |= UINT64_C(1) << (*characters & 63);
	return set;
}

static inline bool
charset_has(const struct charset *set, char c)
{
	return c >= 0 && (set->bits[c >> 6] >> (c & 63) & 1);
}

static size_t
count_special(struct str s, const struct charset *special)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += charset_has(special, s.p[i]);
	return n;
}

/* Backslashes are put in from the end, where there is room. */
void
format_guard(struct text *t, size_t from, const char *special)
{
	struct charset set = charset_of(special);
	size_t more = count_special((struct str){t->p + from, t->n - from}, &set);
	size_t to = t->n + more;

	if (t->full || more > t->cap - t->n) {
		t->full = true;
		return;
	}
	for (size_t i = t->n; to > i;) {
		t->p[--to] = t->p[--i];
		if (charset_has(&set, t->p[i]))
			t->p[--to] = '\\';
	}
	t->n += more;
}

void
format_cut(struct text *t, size_t from, size_t most)
{
	if (t->n - from <= most)
		return;
	t->n = from + most;
	while (t->n > from && ((unsigned char)t->p[t->n] & 0xc0) == 0x80)
		t->n--;
}

void
format_safe(struct text *t, struct str s)
{
	if (ascii_plain(s.p, s.n) == s.n)
		text_put(t, s);
	else
		text_safe(t, s);
}

/* White space of Unicode that text_safe() takes for harmless. */
static bool
is_space(uint32_t code)
{
	return code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200b) ||
	       code == 0x202f || code == 0x205f || code == 0x3000 || code == 0xfeff;
}

static bool
is_hexed(struct str c, const struct charset *special, enum format_hexed rest)
{
	if (c.n == 1)
		return charset_has(special, *c.p);
	return rest == HEXED_ASCII || (rest == HEXED_TOKEN && is_space(utf8_code(c.p, c.n)));
}

static void
put_hex(struct text *t, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		text_put(t, STR("\\x"));
		text_hex(t, (const uint8_t *)bytes.p + i, 1);
	}
}

/* What needs no look at the start of s. */
static size_t
plain_start(struct str s, const struct charset *special)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= ' ' && s.p[n] < 0x7f && !charset_has(special, s.p[n]))
		n++;
	return n;
}

static size_t
put_character(struct text *t, struct str s, const struct charset *special, enum format_hexed rest)
{
	size_t n = utf8_length(s.p, s.n);
	struct str c = {s.p, n > 0 ? n : 1};

	if (n > 0 && is_hexed(c, special, rest))
		put_hex(t, c);
	else
		text_safe(t, c);
	return c.n;
}

void
format_hexed(struct text *t, struct str s, const char *special, enum format_hexed rest)
{
	struct charset set = charset_of(special);

	set.bits['\\' >> 6] |= UINT64_C(1) << ('\\' & 63);
	if (rest == HEXED_TOKEN)
		set.bits[0] |= UINT64_C(1) << ' ';
	while (str_given(s) && s.n > 0) {
		size_t n = plain_start(s, &set);

		text_put(t, (struct str){s.p, n});
		s = str_skip(s, n);
		if (s.n > 0)
			s = str_skip(s, put_character(t, s, &set, rest));
	}
}

void
format_raw(struct text *t, const struct recordline_value *v)
{
	bool quoted = v && v->type == RECORDLINE_STRING;

	if (quoted)
		text_char(t, '"');
	text_put(t, v ? (struct str){v->p, v->n} : STR("null"));
	if (quoted)
		text_char(t, '"');
}

void
format_string(struct text *t, const struct recordline_value *v)
{
	if (v->type == RECORDLINE_STRING)
		format_raw(t, v);
	else
		text_json(t, (struct str){v->p, v->n});
}

bool
format_strings(struct text *t, struct str open, const struct recordline_value *array)
{
	struct recordline_walk w = recordline_walk(array);
	struct recordline_value key, v;
	bool behind = false;

	while (recordline_next(&w, &key, &v)) {
		if (v.type != RECORDLINE_STRING)
			continue;
		text_put(t, behind ? STR("; ") : open);
		text_put(t, (struct str){v.p, v.n});
		behind = true;
	}
	if (behind)
		text_char(t, '"');
	return behind;
}

const char *
format_member(struct format_use *use, struct str name)
{
	if (use->n == FORMAT_MEMBERS)
		return "more than 48 members";
	if (!path_parse(&use->member[use->n], name))
		return "not a member of a record";
	use->n++;
	return NULL;
}
