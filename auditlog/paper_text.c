/* SPDX-License-Identifier: Apache-2.0 */

/* The same for a terminal or a mail: aligned columns, nothing that could drive the terminal. */

#include "auditlog/paper.h"
#include "auditlog/shown.h"
#include "common/cli.h"

#define BAR_WIDTH 40
#define NUMBER_WIDTH 12
#define SHARE_WIDTH 7
#define FOLD 100 /* characters of a line of prose */

static struct {
	struct cli_table table;
	const struct paper_column *columns;
	size_t n_columns, at;
	bool prose; /* each row below the other, no table */
} sheet;

static void
put_cut(struct str s, size_t most)
{
	static char buf[16 * (PAPER_LINE + 1)];
	struct text t = text_over(buf, sizeof(buf));

	shown_put(&t, s, most);
	cli_put_safe(text_str(&t));
}

static void
underline(struct str s, const char *with)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && i < FOLD; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	put_cut(s, FOLD);
	cli_puts("\n");
	for (size_t i = 0; i < n; i++)
		cli_puts(with);
	cli_puts("\n");
}

/* Words, folded, each line behind so many spaces. */
static void
put_folded(struct str s, const char *indent)
{
	static char buf[16 * (PAPER_LINE + 1)];
	struct text t = text_over(buf, sizeof(buf));
	struct str left;

	shown_put(&t, s, PAPER_LINE);
	left = text_str(&t);
	while (left.n > 0) {
		size_t n = left.n <= FOLD ? left.n : FOLD;

		while (n < left.n && n > FOLD / 2 && left.p[n] != ' ')
			n--;
		if (n < left.n && left.p[n] != ' ') /* one long word: up to its end */
			while (n < left.n && left.p[n] != ' ')
				n++;
		cli_puts(indent);
		cli_put_safe((struct str){left.p, n});
		cli_puts("\n");
		left = str_skip(left, n < left.n ? n + 1 : n);
	}
}

static void
sheet_begin(struct str title)
{
	underline(title, "=");
}

static void
sheet_end(void)
{
}

static void
sheet_contents(const char *const *sections)
{
	(void)sections;
}

static void
sheet_section(const char *id, const char *title)
{
	(void)id;
	cli_puts("\n\n");
	underline(str_from(title), "=");
}

static void
sheet_heading(const char *title)
{
	cli_puts("\n");
	underline(str_from(title), "-");
}

static void
sheet_para(enum paper_tone tone, struct str text)
{
	if (tone == PAPER_BAD || tone == PAPER_WARN)
		put_folded(text, "  ! ");
	else
		put_folded(text, "");
}

static void
sheet_verdict(enum paper_tone tone, struct str word, struct str why)
{
	cli_puts("\n  ");
	cli_paint(tone == PAPER_BAD ? CLI_BAD : tone == PAPER_GOOD ? CLI_GOOD : CLI_PLAIN, word);
	cli_puts("\n");
	put_folded(why, "  ");
	cli_puts("\n");
}

/* --- figures and facts ----------------------------------------------------------------------- */

static void
right_cell(struct str s, size_t width)
{
	char buf[64];
	struct text t = text_over(buf, sizeof(buf));

	for (size_t i = s.n; i < width; i++)
		text_char(&t, ' ');
	text_put(&t, s);
	cli_table_cell(&sheet.table, text_str(&t));
}

static void
table_number(uint64_t n)
{
	char buf[32];
	struct text digits = text_over(buf, sizeof(buf));

	shown_number(&digits, n);
	right_cell(text_str(&digits), NUMBER_WIDTH);
}

static void
sheet_figures(void)
{
	cli_table_init(&sheet.table, 3, false);
}

static void
sheet_figure(const char *name, uint64_t n, enum paper_tone tone, struct str note)
{
	(void)tone;
	cli_table_cell(&sheet.table, str_from(name));
	table_number(n);
	cli_table_cell(&sheet.table, note);
}

static void
sheet_facts(void)
{
	cli_table_init(&sheet.table, 2, false);
}

static void
table_text(struct str s, size_t most)
{
	static char buf[16 * (PAPER_LINE + 1)];
	struct text t = text_over(buf, sizeof(buf));

	shown_put(&t, s, most);
	cli_table_cell(&sheet.table, text_str(&t));
}

static void
sheet_fact(const char *name, struct str value)
{
	cli_table_cell(&sheet.table, str_from(name));
	table_text(value, PAPER_LINE);
}

static void
sheet_table_print(void)
{
	cli_table_print(&sheet.table);
}

/* --- tables ---------------------------------------------------------------------------------- */

/* Over numbers at their right. */
static void
heading_cell(const char *name, enum paper_column_kind kind)
{
	size_t width = kind == COLUMN_NUMBER  ? NUMBER_WIDTH
		       : kind == COLUMN_SHARE ? SHARE_WIDTH
					      : 0;

	right_cell(str_from(name), width);
}

static void
sheet_table(const char *caption, const struct paper_column *columns, size_t n)
{
	sheet.columns = columns;
	sheet.n_columns = n;
	sheet.at = 0;
	sheet.prose = columns[n - 1].kind == COLUMN_PROSE;
	if (caption) {
		cli_puts("\n");
		cli_puts(caption);
		cli_puts("\n");
	}
	if (sheet.prose)
		return;
	cli_table_init(&sheet.table, n, true);
	for (size_t i = 0; i < n; i++)
		heading_cell(columns[i].name, columns[i].kind);
}

static void
cell_next(void)
{
	sheet.at = (sheet.at + 1) % sheet.n_columns;
}

static void
prose_cell(struct str text)
{
	if (sheet.at == 0) {
		cli_puts("\n");
		put_folded(text, "");
		return;
	}
	cli_puts("  ");
	cli_puts(sheet.columns[sheet.at].name);
	cli_puts(":\n");
	put_folded(text, "    ");
}

static void
sheet_cell(struct str text)
{
	if (sheet.prose)
		prose_cell(text);
	else if (sheet.columns[sheet.at].kind == COLUMN_NUMBER)
		right_cell(text, NUMBER_WIDTH);
	else
		table_text(text, paper_most(sheet.columns[sheet.at].kind));
	cell_next();
}

static void
sheet_number(uint64_t n)
{
	table_number(n);
	cell_next();
}

static void
sheet_share(uint64_t part, uint64_t whole)
{
	char buf[32];
	struct text percent = text_over(buf, sizeof(buf));

	shown_percent(&percent, part, whole);
	text_put(&percent, STR(" %"));
	right_cell(text_str(&percent), SHARE_WIDTH);
	cell_next();
}

static void
sheet_table_end(void)
{
	if (!sheet.prose)
		cli_table_print(&sheet.table);
}

/* --- charts ---------------------------------------------------------------------------------- */

static void
chart_bar(const struct chart *c, size_t bar, uint64_t most)
{
	uint64_t n = chart_sum(c, bar);
	uint64_t width = (uint64_t)((double)n / (double)most * BAR_WIDTH + 0.999);
	char buf[BAR_WIDTH + 1];
	struct text t = text_over(buf, sizeof(buf));

	for (uint64_t i = 0; i < width; i++)
		text_char(&t, '#');
	cli_table_cell(&sheet.table, text_str(&t));
}

static void
sheet_chart(const struct chart *c)
{
	uint64_t most = chart_most(c);

	cli_puts("\n");
	cli_puts(c->title);
	cli_puts("\n");
	cli_table_init(&sheet.table, c->n + 2, true);
	cli_table_cell(&sheet.table, str_from(timeline_unit(c->line)));
	for (size_t i = 0; i < c->n; i++)
		heading_cell(c->series[i].name, COLUMN_NUMBER);
	cli_table_cell(&sheet.table, STR(""));
	for (size_t bar = 0; bar < c->line->n; bar++) {
		char label[TIMELINE_LABEL];

		if (chart_sum(c, bar) == 0)
			continue;
		timeline_label(c->line, bar, label);
		cli_table_cell(&sheet.table, str_from(label));
		for (size_t i = 0; i < c->n; i++)
			table_number(c->series[i].count[bar]);
		chart_bar(c, bar, most);
	}
	cli_table_print(&sheet.table);
}

const struct paper paper_text = {
    .begin = sheet_begin,
    .end = sheet_end,
    .contents = sheet_contents,
    .section = sheet_section,
    .heading = sheet_heading,
    .para = sheet_para,
    .verdict = sheet_verdict,
    .figures = sheet_figures,
    .figure = sheet_figure,
    .figures_end = sheet_table_print,
    .facts = sheet_facts,
    .fact = sheet_fact,
    .facts_end = sheet_table_print,
    .table = sheet_table,
    .cell = sheet_cell,
    .number = sheet_number,
    .share = sheet_share,
    .table_end = sheet_table_end,
    .chart = sheet_chart,
};
