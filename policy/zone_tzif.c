/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A file of the system's time zone database: a header and its data with 32-bit times, which is passed
 * over, the same with 64-bit times, and a rule for what comes after the last of them.
 */
#include <errno.h>

#include "common/clock.h"
#include "policy/zone.h"

#define HEADER 44
#define COUNTS 20 /* offset of six numbers of 32 bits in it */
#define TYPE 6    /* bytes of a kind of local time */
#define TYPES_MAX 256
#define CHARS_MAX 2048
#define DAY INT64_C(86400)
#define TIME_MAX (INT64_C(1) << 59) /* RFC 9636: the age of the universe */

/* --- names ------------------------------------------------------------------------------------ */

static bool
is_name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '+' || c == '-';
}

/* Lower case comes first in what is no zone of its own: posix/, right/, localtime, posixrules. */
bool
zone_name_ok(struct str name)
{
	if (name.n == 0 || name.n > ZONE_NAME_MAX || name.p[0] < 'A' || name.p[0] > 'Z')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		bool part = name.p[i] == '/' && i + 1 < name.n && name.p[i - 1] != '/';

		if (!part && !is_name_byte(name.p[i]))
			return false;
	}
	return true;
}

/* --- files ------------------------------------------------------------------------------------ */

struct tzif {
	struct str rest;
	uint32_t isut, isstd, leaps, times, types, chars;
	const char *why; /* NULL as long as nothing is wrong */
};

static void
refuse(struct tzif *z, const char *why)
{
	if (!z->why)
		z->why = why;
}

/* n bytes; none of them, and a refusal, when fewer are left. */
static struct str
take(struct tzif *z, size_t n)
{
	struct str s = {z->rest.p, n};

	if (z->why || n > z->rest.n) {
		refuse(z, "its file is cut off");
		return STR_NONE;
	}
	z->rest = str_skip(z->rest, n);
	return s;
}

static uint64_t
big_endian(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static uint32_t
count_at(struct str header, size_t i)
{
	return (uint32_t)big_endian(header.p + COUNTS + 4 * i, 4);
}

static void
check_counts(struct tzif *z)
{
	if (z->leaps > 0)
		refuse(z, "it counts leap seconds");
	if (z->times > ZONE_TIMES_MAX || z->types > TYPES_MAX || z->chars > CHARS_MAX)
		refuse(z, "its file has a size that no zone has");
	if ((z->isut != 0 && z->isut != z->types) || (z->isstd != 0 && z->isstd != z->types))
		refuse(z, "its file contradicts itself");
}

static void
take_header(struct tzif *z)
{
	struct str h = take(z, HEADER);

	if (!str_given(h))
		return;
	if (!str_starts(h, STR("TZif")))
		refuse(z, "its file is no time zone");
	else if (h.p[4] < '2' || h.p[4] > '4')
		refuse(z, "its file has another version than 2 to 4");
	z->isut = count_at(h, 0);
	z->isstd = count_at(h, 1);
	z->leaps = count_at(h, 2);
	z->times = count_at(h, 3);
	z->types = count_at(h, 4);
	z->chars = count_at(h, 5);
	check_counts(z);
}

/* Bytes after times, indices and types: of names, and of whether times were given in local time. */
static size_t
ignored(const struct tzif *z)
{
	return z->chars + (size_t)z->isstd + z->isut;
}

static void
skip_first(struct tzif *z)
{
	take_header(z);
	if (!z->why)
		(void)take(z, (size_t)z->times * 5 + (size_t)z->types * TYPE + ignored(z));
}

/* --- shifts ----------------------------------------------------------------------------------- */

/* first: where this zone's begin in the vector. One that changes nothing is left out. */
static int
add_shift(struct vec *shifts, uint32_t first, int64_t from, int32_t offset)
{
	struct zone_shift *all = shifts->p, *last = shifts->n > first ? &all[shifts->n - 1] : NULL;

	if (last && last->from == from)
		shifts->n--;
	last = shifts->n > first ? &all[shifts->n - 1] : NULL;
	if (last && last->offset == offset)
		return 0;
	last = vec_add(shifts, sizeof(*last));
	if (!last)
		return -ENOMEM;
	*last = (struct zone_shift){.from = from, .offset = offset};
	return 0;
}

static int32_t
offset_of(struct tzif *z, struct str types, unsigned type)
{
	int32_t offset;

	if (type >= z->types) {
		refuse(z, "its file names a kind of time that it has not");
		return 0;
	}
	offset = (int32_t)big_endian(types.p + (size_t)TYPE * type, 4);
	if (offset < -ZONE_OFFSET_MAX || offset > ZONE_OFFSET_MAX)
		refuse(z, "its clocks are further from UTC than any");
	return offset;
}

/* Times, which must rise, and what holds from each. */
static int
take_table(struct tzif *z, struct vec *shifts, uint32_t first, int64_t *ret_last)
{
	struct str times = take(z, (size_t)z->times * 8), kinds = take(z, z->times);
	struct str types = take(z, (size_t)z->types * TYPE);
	int error;

	*ret_last = INT64_MIN;
	(void)take(z, ignored(z));
	if (z->why)
		return 0;
	error = add_shift(shifts, first, INT64_MIN, offset_of(z, types, 0));
	for (uint32_t i = 0; error == 0 && !z->why && i < z->times; i++) {
		int64_t at = (int64_t)big_endian(times.p + (size_t)8 * i, 8);

		if (at <= *ret_last || at < -TIME_MAX || at > TIME_MAX)
			refuse(z, "its times are not in order");
		else
			error = add_shift(
			    shifts, first, at, offset_of(z, types, (unsigned char)kinds.p[i]));
		*ret_last = at;
	}
	return error;
}

/* --- the rule --------------------------------------------------------------------------------- */

struct rule_shifts {
	struct vec *shifts;
	uint32_t first;
	int64_t last; /* of the table */
};

static int
add_later(struct tzif *z, const struct rule_shifts *s, int64_t from, int32_t offset)
{
	const struct zone_shift *all = s->shifts->p;

	if (from <= s->last)
		return 0;
	if (from < all[s->shifts->n - 1].from)
		refuse(z, "its rule is out of order");
	if (s->shifts->n - s->first >= ZONE_SHIFTS_MAX)
		refuse(z, "its file has a size that no zone has");
	return z->why ? 0 : add_shift(s->shifts, s->first, from, offset);
}

static int
add_year(struct tzif *z, const struct rule_shifts *s, const struct zone_rule *r, int year)
{
	int64_t begins = zone_rule_begins(r, year), ends = zone_rule_ends(r, year);
	bool north = begins < ends;
	int error = add_later(z, s, north ? begins : ends, north ? r->dst_offset : r->offset);

	if (error == 0)
		error = add_later(z, s, north ? ends : begins, north ? r->offset : r->dst_offset);
	return error;
}

/* The year of the last time in the table, at least 1970. */
static int
first_year(int64_t last)
{
	int year = 1970, month, day;

	if (last / DAY >= clock_days(ZONE_LAST_YEAR + 1, 1, 1))
		return ZONE_LAST_YEAR + 1;
	if (last > 0)
		clock_civil(last / DAY, &year, &month, &day);
	return year;
}

/* It goes on from the end of the table. Without a table it holds from ever. */
static int
join_rule(struct tzif *z, const struct rule_shifts *s, const struct zone_rule *r)
{
	const struct zone_shift *all = s->shifts->p;
	int32_t offset = all[s->shifts->n - 1].offset;

	if (z->times == 0)
		return add_shift(s->shifts, s->first, INT64_MIN, r->offset);
	if (offset != r->offset && !(r->dst && offset == r->dst_offset))
		refuse(z, "its rule contradicts its times");
	return 0;
}

/* "" says that nothing is known of what comes after the table. */
static int
write_out(struct tzif *z, const struct rule_shifts *s, struct str text)
{
	struct zone_rule r;
	int error = 0;

	if (text.n == 0)
		return 0;
	if (zone_rule_parse(text, &r) < 0) {
		refuse(z, "its rule is not understood");
		return 0;
	}
	error = join_rule(z, s, &r);
	if (!r.dst)
		return error;
	for (int year = first_year(s->last); error == 0 && !z->why && year <= ZONE_LAST_YEAR;
	     year++)
		error = add_year(z, s, &r, year);
	return error;
}

static struct str
take_footer(struct tzif *z)
{
	struct str s = z->rest;

	if (z->why || s.n < 2 || s.p[0] != '\n' || s.p[s.n - 1] != '\n') {
		refuse(z, "its file is cut off");
		return STR("");
	}
	return (struct str){s.p + 1, s.n - 2};
}

int
zone_parse(struct str file, struct vec *shifts, const char **ret_why)
{
	struct tzif z = {.rest = file};
	struct rule_shifts s = {.shifts = shifts, .first = shifts->n};
	int error = 0;

	skip_first(&z);
	take_header(&z);
	if (z.types == 0)
		refuse(&z, "its file has a size that no zone has");
	if (!z.why)
		error = take_table(&z, shifts, s.first, &s.last);
	if (error == 0 && !z.why)
		error = write_out(&z, &s, take_footer(&z));
	if (error == 0 && z.why)
		error = -EINVAL;
	if (error < 0)
		shifts->n = s.first;
	*ret_why = z.why;
	return error;
}
