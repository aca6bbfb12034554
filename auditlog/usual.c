/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/usual.h"

#include "common/clock.h"
#include "common/text.h"

#define HEAD_ID "{\"audit_event_id\":\""
#define HEAD_TIME "\",\"timestamp\":\""
#define TAIL_SEQ ",\"seq\":"
#define TAIL_HASH ",\"prev_hash\":\""
#define TAIL_END "\"}\n"
#define LENGTH(literal) (sizeof(literal) - 1)

#define TIME_TEXT (RFC3339_SIZE - 1)
#define SECOND_TEXT 20 /* characters up to the fraction */
#define FRACTION 6     /* digits */
#define HASH_TEXT ((size_t)2 * LINE_HASH)

_Static_assert(LENGTH(HEAD_ID) + UUID_TEXT + LENGTH(HEAD_TIME) == USUAL_BEGIN, "the first bytes");
_Static_assert(
    LENGTH(TAIL_SEQ) + 16 + LENGTH(TAIL_HASH) + 2 * LINE_HASH + LENGTH(TAIL_END) <= USUAL_END,
    "room for the last bytes of any seq below 2^53");

/* --- what is expected ------------------------------------------------------------------------ */

static void
usual_make(struct usual *u, uint64_t log_id, uint64_t seq)
{
	struct text begin = text_over(u->begin, sizeof(u->begin));
	struct text end = text_over(u->end, sizeof(u->end));
	char id[UUID_TEXT + 1];

	line_event_id(log_id, seq, id);
	text_put(&begin, STR(HEAD_ID));
	text_put(&begin, str_from(id));
	text_put(&begin, STR(HEAD_TIME));
	text_put(&end, STR(TAIL_SEQ));
	text_u64(&end, seq);
	u->digits = end.n - LENGTH(TAIL_SEQ);
	text_put(&end, STR(TAIL_HASH));
	end.n += HASH_TEXT;
	text_put(&end, STR(TAIL_END));
	u->n_end = end.n;
	u->log_id = log_id;
	u->seq = seq;
	u->ready = true;
}

/* Add 1 to n digits of base 10 or 16. False: they were all the highest. */
static bool
digits_next(char *digits, size_t n, char highest)
{
	for (size_t i = n; i > 0; i--) {
		char *c = &digits[i - 1];

		if (*c == highest) {
			*c = '0';
			continue;
		}
		*c = *c == '9' ? 'a' : (char)(*c + 1);
		return true;
	}
	return false;
}

#define ID_LAST 12 /* hex digits of an id behind its last dash */

static void
usual_next(struct usual *u, uint64_t log_id, uint64_t seq)
{
	char *last = u->begin + LENGTH(HEAD_ID) + UUID_TEXT - ID_LAST;

	if (u->ready && u->log_id == log_id && u->seq + 1 == seq &&
	    digits_next(last, ID_LAST, 'f') &&
	    digits_next(u->end + LENGTH(TAIL_SEQ), u->digits, '9'))
		u->seq = seq;
	else if (!u->ready || u->log_id != log_id || u->seq != seq)
		usual_make(u, log_id, seq);
}

static void
put_hash(char *out, const uint8_t hash[LINE_HASH])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < LINE_HASH; i++) {
		out[2 * i] = hex[hash[i] >> 4];
		out[2 * i + 1] = hex[hash[i] & 15];
	}
}

/* --- times ----------------------------------------------------------------------------------- */

/* Six digits and a Z; -1 for anything else. */
static int
fraction_read(const char *p)
{
	int v = 0;

	for (int i = 0; i < FRACTION; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return p[FRACTION] == 'Z' ? v : -1;
}

static bool
time_read(struct usual *u, const char *p, int64_t *ret)
{
	struct str s = {p, TIME_TEXT};
	int fraction = fraction_read(p + SECOND_TEXT);
	char again[RFC3339_SIZE];

	if (fraction < 0)
		return false;
	if (memcmp(p, u->second, SECOND_TEXT) != 0) {
		if (clock_parse(s, ret) < 0)
			return false;
		clock_format(*ret, again);
		if (!str_eq(s, str_from(again)))
			return false;
		memcpy(u->second, again, SECOND_TEXT);
		u->second_us = *ret - fraction;
	}
	*ret = u->second_us + fraction;
	return true;
}

bool
usual_matches(struct usual *u, struct str line, uint64_t log_id, uint64_t seq,
    const uint8_t prev_hash[LINE_HASH], int64_t *ret_time)
{
	const char *time = line.p + USUAL_BEGIN;

	usual_next(u, log_id, seq);
	put_hash(u->end + u->n_end - LENGTH(TAIL_END) - HASH_TEXT, prev_hash);
	return line.n > USUAL_BEGIN + TIME_TEXT + u->n_end &&
	       memcmp(line.p, u->begin, USUAL_BEGIN) == 0 &&
	       memcmp(line.p + line.n - u->n_end, u->end, u->n_end) == 0 &&
	       time[TIME_TEXT] == '"' && time_read(u, time, ret_time);
}
