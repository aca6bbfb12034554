/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/facts.h"

#include "common/clock.h"
#include "common/limits.h"

#define HEAD_ID "{\"audit_event_id\":\""
#define HEAD_TIME "\",\"timestamp\":\""
#define HEAD_END "\",\"schema_version\":\""
#define TAIL_SEQ ",\"seq\":"
#define TAIL_HASH ",\"prev_hash\":\""
#define TAIL_END "\"}\n"
#define TIME_TEXT (RFC3339_SIZE - 1)
#define HASH_TEXT ((size_t)2 * LINE_HASH)
#define LENGTH(literal) (sizeof(literal) - 1)

/* Take a literal from the front. */
static bool
take(struct str *s, struct str literal)
{
	if (!str_starts(*s, literal))
		return false;
	*s = str_skip(*s, literal.n);
	return true;
}

/* Take n bytes from the front. */
static bool
take_bytes(struct str *s, size_t n, struct str *ret)
{
	if (n > s->n)
		return false;
	*ret = (struct str){s->p, n};
	*s = str_skip(*s, n);
	return true;
}

/* Take a literal from the back. */
static bool
drop(struct str *s, struct str literal)
{
	if (!str_ends(*s, literal))
		return false;
	s->n -= literal.n;
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The 64 hex digits at the end of s. */
static bool
drop_hash(struct str *s, uint8_t out[LINE_HASH])
{
	const char *p;

	if (s->n < HASH_TEXT)
		return false;
	s->n -= HASH_TEXT;
	p = s->p + s->n;
	for (size_t i = 0; i < LINE_HASH; i++) {
		int high = hex_digit(p[2 * i]), low = hex_digit(p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The digits at the end of s: no leading zero, below 2^53. */
static bool
drop_number(struct str *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	while (n < s->n && s->p[s->n - n - 1] >= '0' && s->p[s->n - n - 1] <= '9')
		n++;
	if (n == 0 || n > 16)
		return false;
	s->n -= n;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint64_t)(s->p[s->n + i] - '0');
	*ret = v;
	return s->p[s->n] != '0' && v < (uint64_t)LIMIT_JSON_INT;
}

static bool
clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

bool
facts_parse(struct str line, struct facts *ret)
{
	struct str s = line, id, time;
	struct facts f;
	uint64_t id_seq;

	if (line.n > LIMIT_LINE || !drop(&s, STR(TAIL_END)) || !drop_hash(&s, f.prev_hash) ||
	    !drop(&s, STR(TAIL_HASH)) || !drop_number(&s, &f.seq) || !drop(&s, STR(TAIL_SEQ)))
		return false;
	if (!take(&s, STR(HEAD_ID)) || !take_bytes(&s, UUID_TEXT, &id) ||
	    !take(&s, STR(HEAD_TIME)) || !take_bytes(&s, TIME_TEXT, &time) ||
	    !take(&s, STR(HEAD_END)))
		return false;
	if (line_event_id_parse(id, &f.log_id, &id_seq) < 0 || id_seq != f.seq ||
	    clock_parse(time, &f.time) < 0)
		return false;
	if (!clean((struct str){line.p, line.n - 1}))
		return false;
	*ret = f;
	return true;
}
