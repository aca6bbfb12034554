/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One page that stands alone: it names no other file or place, has no script, and its policy says that it needs none.
 * The style sheet is known by its hash, so that no other would be taken either.
 */

#include <errno.h>

#include "auditlog/html.h"
#include "auditlog/paper.h"
#include "auditlog/shown.h"
#include "common/base64.h"
#include "common/cli.h"
#include "common/hash.h"

static struct {
	bool in_section;
	const struct paper_column *columns;
	size_t n_columns, at; /* of the table, and the cell that is next */
	bool stacked;
} page;

static const char *const tones[] = {
    [PAPER_PLAIN] = "plain", [PAPER_GOOD] = "good", [PAPER_WARN] = "warn", [PAPER_BAD] = "bad"};

/* --- the page -------------------------------------------------------------------------------- */

static void
put_policy(void)
{
	uint8_t sum[HASH_SIZE];
	char buf[BASE64_SIZE(HASH_SIZE)];
	struct text t = text_over(buf, sizeof(buf));
	struct hash *h = hash_new();

	if (!h)
		cli_fatal(ENOMEM, "report");
	hash_begin(h);
	for (const char *const *part = paper_style; *part; part++)
		hash_add(h, str_from(*part));
	hash_end(h, sum);
	hash_free(h);
	base64_put(&t, sum, sizeof(sum));
	cli_puts("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		 "base-uri 'none'; form-action 'none'; style-src 'sha256-");
	cli_put(text_str(&t));
	cli_puts("'\">\n");
}

static void
page_begin(struct str title)
{
	page.in_section = false;
	cli_puts("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	put_policy();
	cli_puts(
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n"
	    "<meta name=\"generator\" content=\"Sealwright " SEALWRIGHT_VERSION "\">\n<title>");
	html_text(title);
	cli_puts("</title>\n<style>");
	for (const char *const *part = paper_style; *part; part++)
		cli_puts(*part);
	cli_puts("</style>\n</head>\n<body>\n<main>\n<h1><bdi>");
	html_text(title);
	cli_puts("</bdi></h1>\n");
}

static void
end_section(void)
{
	if (page.in_section)
		cli_puts("</section>\n");
	page.in_section = false;
}

static void
page_end(void)
{
	end_section();
	cli_puts("</main>\n</body>\n</html>\n");
}

static void
page_contents(const char *const *sections)
{
	cli_puts("<nav aria-label=\"Contents\"><ol>\n");
	for (; sections[0]; sections += 2) {
		cli_puts("<li><a href=\"#");
		html_z(sections[0]);
		cli_puts("\">");
		html_z(sections[1]);
		cli_puts("</a></li>\n");
	}
	cli_puts("</ol></nav>\n");
}

static void
page_section(const char *id, const char *title)
{
	end_section();
	page.in_section = true;
	cli_puts("<section id=\"");
	html_z(id);
	cli_puts("\">\n<h2>");
	html_z(title);
	cli_puts("</h2>\n");
}

static void
page_heading(const char *title)
{
	cli_puts("<h3>");
	html_z(title);
	cli_puts("</h3>\n");
}

/* --- texts and figures ----------------------------------------------------------------------- */

static void
page_para(enum paper_tone tone, struct str text)
{
	cli_puts("<p class=\"");
	html_z(tones[tone]);
	cli_puts("\"><bdi>");
	html_text(text);
	cli_puts("</bdi></p>\n");
}

static void
page_verdict(enum paper_tone tone, struct str word, struct str why)
{
	cli_puts("<div class=\"verdict ");
	html_z(tones[tone]);
	cli_puts("\"><strong>");
	html_text(word);
	cli_puts("</strong><p><bdi>");
	html_text(why);
	cli_puts("</bdi></p></div>\n");
}

static void
page_figures(void)
{
	cli_puts("<ul class=\"figures\">\n");
}

static void
page_figure(const char *name, uint64_t n, enum paper_tone tone, struct str note)
{
	cli_puts("<li class=\"");
	html_z(tones[tone]);
	cli_puts("\"><span>");
	html_z(name);
	cli_puts("</span><b>");
	html_number(n);
	cli_puts("</b><small>");
	html_text(note);
	cli_puts("</small></li>\n");
}

static void
page_figures_end(void)
{
	cli_puts("</ul>\n");
}

static void
page_facts(void)
{
	cli_puts("<dl>\n");
}

static void
page_fact(const char *name, struct str value)
{
	cli_puts("<dt>");
	html_z(name);
	cli_puts("</dt><dd><bdi>");
	html_text(value);
	cli_puts("</bdi></dd>\n");
}

static void
page_facts_end(void)
{
	cli_puts("</dl>\n");
}

/* --- tables ---------------------------------------------------------------------------------- */

static const char *const kinds[] = {[COLUMN_TEXT] = "text",
    [COLUMN_TIME] = "time",
    [COLUMN_CODE] = "code",
    [COLUMN_NUMBER] = "number",
    [COLUMN_SHARE] = "share",
    [COLUMN_PROSE] = "prose"};

static void
page_table(const char *caption, const struct paper_column *columns, size_t n)
{
	page.columns = columns;
	page.n_columns = n;
	page.at = 0;
	page.stacked = columns[n - 1].kind == COLUMN_PROSE || columns[0].kind == COLUMN_TIME;
	cli_puts("<div class=\"wide\"><table");
	if (page.stacked)
		cli_puts(
		    columns[0].kind == COLUMN_TIME ? " class=\"stack list\"" : " class=\"stack\"");
	cli_puts(">");
	if (caption) {
		cli_puts("<caption>");
		html_z(caption);
		cli_puts("</caption>");
	}
	cli_puts("\n<thead><tr>");
	for (size_t i = 0; i < n; i++) {
		cli_puts("<th scope=\"col\" class=\"");
		html_z(kinds[columns[i].kind]);
		cli_puts("\">");
		html_z(columns[i].name);
		cli_puts("</th>");
	}
	cli_puts("</tr></thead>\n<tbody>\n");
}

static void
cell_begin(void)
{
	const struct paper_column *c = &page.columns[page.at];

	cli_puts(page.at == 0 ? "<tr><td class=\"" : "<td class=\"");
	html_z(kinds[c->kind]);
	if (page.stacked) {
		cli_puts("\" data-label=\"");
		html_z(c->name);
	}
	cli_puts("\">");
}

static void
cell_end(void)
{
	page.at++;
	cli_puts(page.at == page.n_columns ? "</td></tr>\n" : "</td>");
	page.at %= page.n_columns;
}

static void
page_cell(struct str text)
{
	cell_begin();
	if (text.n > 0) {
		cli_puts("<bdi>");
		html_text_cut(text, paper_most(page.columns[page.at].kind));
		cli_puts("</bdi>");
	}
	cell_end();
}

static void
page_number(uint64_t n)
{
	cell_begin();
	html_number(n);
	cell_end();
}

static void
page_share(uint64_t part, uint64_t whole)
{
	char buf[32];
	struct text t = text_over(buf, sizeof(buf));

	shown_percent(&t, part, whole);
	text_put(&t, STR(" %"));
	cell_begin();
	cli_puts("<span>");
	html_text(text_str(&t));
	cli_puts(
	    "</span><svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
	    "<rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"other\" width=\"");
	html_plain_number(whole > 0 ? (uint64_t)((double)part / (double)whole * 100 + 0.5) : 0);
	cli_puts("\" height=\"8\"/></svg>");
	cell_end();
}

static void
page_table_end(void)
{
	cli_puts("</tbody></table></div>\n");
}

/* --- charts ---------------------------------------------------------------------------------- */

static void
legend(const struct chart *c)
{
	cli_puts("<div class=\"legend\">");
	for (size_t i = 0; i < c->n; i++) {
		cli_puts("<span><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"");
		html_z(c->series[i].style);
		cli_puts("\" width=\"10\" height=\"10\"/></svg>");
		html_z(c->series[i].name);
		cli_puts("</span>");
	}
	cli_puts("</div>\n");
}

static void
chart_row(const struct chart *c, size_t bar)
{
	char label[TIMELINE_LABEL];

	timeline_label(c->line, bar, label);
	page_cell(str_from(label));
	for (size_t i = 0; i < c->n; i++)
		page_number(c->series[i].count[bar]);
}

/* The same as a table, for who cannot see the bars; those without a record are left out. */
static void
chart_table(const struct chart *c)
{
	struct paper_column columns[1 + CHART_SERIES] = {{timeline_unit(c->line), COLUMN_TEXT}};

	for (size_t i = 0; i < c->n; i++)
		columns[i + 1] = (struct paper_column){c->series[i].name, COLUMN_NUMBER};
	cli_puts("<details><summary>The figures of this chart</summary>\n");
	page_table(NULL, columns, c->n + 1);
	for (size_t bar = 0; bar < c->line->n; bar++)
		if (chart_sum(c, bar) > 0)
			chart_row(c, bar);
	page_table_end();
	cli_puts("</details>\n");
}

static void
page_chart(const struct chart *c)
{
	cli_puts("<figure><figcaption>");
	html_z(c->title);
	cli_puts(", by ");
	html_z(timeline_unit(c->line));
	cli_puts("</figcaption>\n");
	legend(c);
	cli_puts("<div class=\"wide\">");
	paper_chart_svg(c);
	cli_puts("</div>\n");
	chart_table(c);
	cli_puts("</figure>\n");
}

const struct paper paper_html = {
    .begin = page_begin,
    .end = page_end,
    .contents = page_contents,
    .section = page_section,
    .heading = page_heading,
    .para = page_para,
    .verdict = page_verdict,
    .figures = page_figures,
    .figure = page_figure,
    .figures_end = page_figures_end,
    .facts = page_facts,
    .fact = page_fact,
    .facts_end = page_facts_end,
    .table = page_table,
    .cell = page_cell,
    .number = page_number,
    .share = page_share,
    .table_end = page_table_end,
    .chart = page_chart,
};
