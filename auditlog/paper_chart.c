/* SPDX-License-Identifier: Apache-2.0 */

/* Stacked bars as SVG inside of a page. Lengths are whole units of its view box. */

#include <stdarg.h>
#include <stdio.h>

#include "auditlog/html.h"
#include "auditlog/paper.h"
#include "auditlog/shown.h"
#include "common/cli.h"

#define WIDTH 900
#define HEIGHT 250
#define LEFT 64 /* for numbers */
#define RIGHT 890
#define TOP 12
#define BOTTOM 220
#define LEAST 2 /* what is there is seen */
#define LABELS 8
#define WIDEST 56 /* of a bar */
#define TENTHS 10

/* At most so high that the steps have round numbers: 1, 2 or 5 and zeros, up to 5 of them. */
static uint64_t
step_for(uint64_t most)
{
	static const uint64_t round[] = {1, 2, 5};

	for (uint64_t power = 1; power <= UINT64_MAX / 100; power *= 10)
		for (size_t i = 0; i < ARRAY_SIZE(round); i++)
			if (round[i] * power * 5 >= most)
				return round[i] * power;
	return most;
}

static void put(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Markup of ours, and numbers in it. */
static void
put(const char *fmt, ...)
{
	char line[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	cli_puts(line);
}

static void
grid(uint64_t step, uint64_t top)
{
	for (uint64_t i = 0; i * step <= top; i++) {
		unsigned y = BOTTOM - (unsigned)((double)(i * step) / (double)top * (BOTTOM - TOP));

		put("<line class=\"%s\" x1=\"%d\" y1=\"%u\" x2=\"%d\" y2=\"%u\"/>",
		    i == 0 ? "axis" : "grid", LEFT, y, RIGHT, y);
		put("<text x=\"%d\" y=\"%u\" text-anchor=\"end\">", LEFT - 8, y + 4);
		html_number(i * step);
		cli_puts("</text>\n");
	}
}

/* Where the bar begins, in tenths. */
static unsigned
bar_x(const struct chart *c, size_t bar)
{
	return LEFT * TENTHS + (unsigned)((RIGHT - LEFT) * TENTHS * bar / c->line->n);
}

static void
bar_title(const struct chart *c, size_t bar, const char *label)
{
	cli_puts("<title>");
	html_z(label);
	for (size_t i = 0; i < c->n; i++) {
		cli_puts(i == 0 ? ": " : ", ");
		html_number(c->series[i].count[bar]);
		cli_puts(" ");
		html_z(c->series[i].name);
	}
	cli_puts("</title>");
}

static void
put_bar(const struct chart *c, size_t bar, uint64_t top)
{
	char label[TIMELINE_LABEL];
	unsigned from = bar_x(c, bar), to = bar_x(c, bar + 1), y = BOTTOM;
	unsigned gap = to - from > 4 * TENTHS ? TENTHS : 2, width = to - from - gap;

	if (width > WIDEST * TENTHS) {
		from += (width - WIDEST * TENTHS) / 2;
		width = WIDEST * TENTHS;
	}
	timeline_label(c->line, bar, label);
	cli_puts("<g>");
	bar_title(c, bar, label);
	for (size_t i = 0; i < c->n; i++) {
		uint64_t n = c->series[i].count[bar];
		unsigned height = (unsigned)((double)n / (double)top * (BOTTOM - TOP));

		height = n > 0 && height < LEAST ? LEAST : height;
		height = height > y - TOP ? y - TOP : height;
		y -= height;
		if (height > 0)
			put("<rect class=\"%s\" x=\"%u.%u\" y=\"%u\" width=\"%u.%u\" "
			    "height=\"%u\"/>",
			    c->series[i].style, from / TENTHS, from % TENTHS, y, width / TENTHS,
			    width % TENTHS, height);
	}
	cli_puts("</g>\n");
}

/* So many that they do not touch. */
static void
times(const struct chart *c)
{
	size_t every = (c->line->n + LABELS - 1) / LABELS;

	for (size_t bar = 0; bar < c->line->n; bar += every) {
		char label[TIMELINE_LABEL];
		unsigned x = (bar_x(c, bar) + bar_x(c, bar + 1)) / 2 / TENTHS;

		timeline_label(c->line, bar, label);
		put("<line class=\"axis\" x1=\"%u\" y1=\"%d\" x2=\"%u\" y2=\"%d\"/>", x, BOTTOM, x,
		    BOTTOM + 5);
		put("<text x=\"%u\" y=\"%d\" text-anchor=\"middle\">", x, BOTTOM + 20);
		html_z(label);
		cli_puts("</text>\n");
	}
}

static void
describe(const struct chart *c)
{
	char label[TIMELINE_LABEL];

	put("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"", WIDTH, HEIGHT);
	html_z(c->id);
	cli_puts("-title ");
	html_z(c->id);
	cli_puts("-desc\">\n<title id=\"");
	html_z(c->id);
	cli_puts("-title\">");
	html_z(c->title);
	cli_puts("</title>\n<desc id=\"");
	html_z(c->id);
	cli_puts("-desc\">One bar for each ");
	html_z(timeline_unit(c->line));
	timeline_label(c->line, 0, label);
	cli_puts(" from ");
	html_z(label);
	timeline_label(c->line, c->line->n - 1, label);
	cli_puts(" to ");
	html_z(label);
	cli_puts("; the highest is ");
	html_number(chart_most(c));
	cli_puts(". The table below has the figures.</desc>\n");
}

void
paper_chart_svg(const struct chart *c)
{
	uint64_t most = chart_most(c), step = step_for(most > 0 ? most : 1);
	uint64_t top = ((most > 0 ? most : 1) + step - 1) / step * step;

	describe(c);
	grid(step, top);
	for (size_t bar = 0; bar < c->line->n; bar++)
		if (chart_sum(c, bar) > 0)
			put_bar(c, bar, top);
	times(c);
	cli_puts("</svg>");
}
