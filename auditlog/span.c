/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/span.h"

#include "auditlog/when.h"
#include "common/clock.h"
#include "common/limits.h"

#define AGE_MAX (INT64_C(36500) * 86400) /* seconds */

/* Digits at the front of s, at most `max`. False: there are none, or too many. */
static bool
span_number(struct str *s, uint64_t max, uint64_t *ret)
{
	size_t n = 0;

	for (*ret = 0; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
		*ret = *ret * 10 + (uint64_t)(s->p[n] - '0');
		if (*ret > max)
			return false;
	}
	*s = str_skip(*s, n);
	return n > 0;
}

void
span_parse(struct span_end *ret, const struct cli_command *command, const char *option,
    const char *text, int64_t now, bool end)
{
	struct str s = str_from(text);

	*ret = (struct span_end){.given = text};
	if (!text)
		return;
	if (span_number(&s, (uint64_t)LIMIT_JSON_INT - 1, &ret->index) && s.n == 0)
		return;
	ret->is_time = true;
	if (!when_parse(str_from(text), now, end, &ret->time))
		cli_wrong(command, "--%s: neither a seal's index nor a time: %s", option, text);
}

bool
span_given(const struct span *s)
{
	return s->since.given || s->until.given;
}

bool
span_has(const struct span *s, const struct seal *seal)
{
	const int64_t *from = s->since.given && s->since.is_time ? &s->since.time : NULL;
	const int64_t *to = s->until.given && s->until.is_time ? &s->until.time : NULL;

	if (s->since.given && !from && seal->index < s->since.index)
		return false;
	if (s->until.given && !to && seal->index > s->until.index)
		return false;
	return when_meets(seal->first_time, seal->last_time, from, to);
}

int64_t
span_age(const struct cli_command *command, const char *option, const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct str s = str_from(text);
	uint64_t n;

	if (!text)
		return SPAN_NO_AGE;
	if (span_number(&s, AGE_MAX, &n) && s.n == 1)
		for (size_t i = 0; i < ARRAY_SIZE(units); i++)
			if (s.p[0] == units[i].unit && (int64_t)n <= AGE_MAX / units[i].seconds)
				return (int64_t)n * units[i].seconds * US_PER_S;
	cli_wrong(command, "--%s: not an age like 90s, 10m, 24h or 7d: %s", option, text);
}
