/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/paper.h"

#include <stdarg.h>
#include <stdio.h>

static struct str
format(char out[PAPER_LINE], const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

static struct str
format(char out[PAPER_LINE], const char *fmt, va_list args)
{
	int n = vsnprintf(out, PAPER_LINE, fmt, args);

	if (n < 0)
		return (struct str){out, 0};
	return (struct str){out, n < PAPER_LINE ? (size_t)n : PAPER_LINE - 1};
}

void
paper_say(const struct paper *p, enum paper_tone tone, const char *fmt, ...)
{
	char line[PAPER_LINE];
	va_list args;

	va_start(args, fmt);
	p->para(tone, format(line, fmt, args));
	va_end(args);
}

void
paper_fact(const struct paper *p, const char *name, const char *fmt, ...)
{
	char line[PAPER_LINE];
	va_list args;

	va_start(args, fmt);
	p->fact(name, format(line, fmt, args));
	va_end(args);
}

uint64_t
chart_sum(const struct chart *c, size_t bar)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < c->n; i++)
		sum += c->series[i].count[bar];
	return sum;
}

uint64_t
chart_most(const struct chart *c)
{
	uint64_t most = 0;

	for (size_t i = 0; i < c->line->n; i++)
		most = chart_sum(c, i) > most ? chart_sum(c, i) : most;
	return most;
}

size_t
paper_most(enum paper_column_kind kind)
{
	if (kind == COLUMN_PROSE)
		return PAPER_LINE;
	return kind == COLUMN_CODE ? PAPER_CODE : PAPER_CELL;
}
