/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "auditlog/json.h"
#include "auditlog/summary.h"
#include "common/cleanup.h"
#include "common/cli.h"

#define BAR_WIDTH 30
#define JSON_KEY (6 * TALLY_KEY + 64) /* room for a text and its number as JSON */

static struct tally_row *
rows_of(const struct summary *s, enum summary_of of)
{
	bool by_key = of == SUMMARY_TIME || of == SUMMARY_DENIED;
	struct tally_row *rows = tally_rows(&s->tally[of], by_key);

	if (!rows)
		cli_fatal(ENOMEM, "summary");
	return rows;
}

/* How many of its rows are shown. Times are, all of them. */
static size_t
shown_of(const struct summary *s, enum summary_of of, uint32_t top)
{
	size_t n = s->tally[of].n;

	return of == SUMMARY_TIME || of == SUMMARY_DENIED || n < top ? n : top;
}

/* --- for people ------------------------------------------------------------------------------ */

static void
print_bar(uint64_t count, uint64_t most)
{
	static const char full[BAR_WIDTH + 1] = "##############################";
	uint64_t width = most > 0 ? (count * BAR_WIDTH + most - 1) / most : 0;

	if (width > 0)
		cli_paint(CLI_DIM, (struct str){full, width});
}

static void
print_row(struct str key, uint64_t count, uint64_t all, uint64_t most)
{
	char line[64];
	uint64_t permille = all > 0 ? count * 1000 / all : 0;

	(void)snprintf(line, sizeof(line), "  %10" PRIu64 "  %3" PRIu64 ".%" PRIu64 " %%  ", count,
	    permille / 10, permille % 10);
	cli_puts(line);
	print_bar(count, most);
	cli_puts(count > 0 && most > 0 ? "  " : "");
	cli_put_safe(key);
	cli_puts("\n");
}

static void
print_heading(const char *name, size_t shown, const struct tally *t)
{
	char line[96];

	if (shown < t->n)
		(void)snprintf(line, sizeof(line), "\n%s (%zu of %zu)", name, shown, t->n);
	else
		(void)snprintf(line, sizeof(line), "\n%s", name);
	cli_puts(line);
	cli_puts("\n");
}

static void
print_kind(const struct summary *s, enum summary_of of, uint32_t top)
{
	const struct tally *t = &s->tally[of];
	CLEANUP_FREE struct tally_row *rows = rows_of(s, of);
	size_t shown = shown_of(s, of, top);
	uint64_t most = 0;

	if (t->n == 0)
		return;
	print_heading(summary_name(of), shown, t);
	for (size_t i = 0; i < t->n; i++)
		most = rows[i].count > most ? rows[i].count : most;
	for (size_t i = 0; i < shown; i++)
		print_row(rows[i].key, rows[i].count, s->records, most);
	if (t->others > 0)
		print_row(STR("(others, too many to tell apart)"), t->others, s->records, 0);
}

/* Records and denials of each hour or day side by side. */
static void
print_times(const struct summary *s)
{
	CLEANUP_FREE struct tally_row *all = rows_of(s, SUMMARY_TIME);
	CLEANUP_FREE struct tally_row *denied = rows_of(s, SUMMARY_DENIED);
	uint64_t most = 0;
	size_t at = 0;

	if (s->tally[SUMMARY_TIME].n == 0)
		return;
	cli_puts(s->by_day ? "\nper day (UTC): records, of them denied\n"
			   : "\nper hour (UTC): records, of them denied\n");
	for (size_t i = 0; i < s->tally[SUMMARY_TIME].n; i++)
		most = all[i].count > most ? all[i].count : most;
	for (size_t i = 0; i < s->tally[SUMMARY_TIME].n; i++) {
		bool has = at < s->tally[SUMMARY_DENIED].n && str_eq(denied[at].key, all[i].key);
		char line[64];

		(void)snprintf(line, sizeof(line), "  %10" PRIu64 "  %10" PRIu64 "  ", all[i].count,
		    has ? denied[at].count : 0);
		at += has;
		cli_put_safe(all[i].key);
		cli_puts(line);
		print_bar(all[i].count, most);
		cli_puts("\n");
	}
}

void
summary_print(const struct summary *s, uint32_t top)
{
	for (unsigned of = 0; of < SUMMARY_TIME; of++)
		print_kind(s, of, top);
	print_times(s);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void
print_rows_json(const struct summary *s, enum summary_of of, uint32_t top)
{
	CLEANUP_FREE struct tally_row *rows = rows_of(s, of);
	size_t shown = shown_of(s, of, top);

	for (size_t i = 0; i < shown; i++) {
		char buf[JSON_KEY];
		struct text t = text_over(buf, sizeof(buf));

		text_put(&t, i == 0 ? STR("{") : STR(",{"));
		text_put(&t, STR("\"value\":"));
		text_json(&t, rows[i].key);
		text_put(&t, STR(",\"records\":"));
		text_u64(&t, rows[i].count);
		text_char(&t, '}');
		cli_put_json_part(text_str(&t));
	}
}

void
summary_print_json(const struct summary *s, uint32_t top, int64_t from, int64_t to)
{
	char buf[256];
	struct text t = text_over(buf, sizeof(buf));
	struct json j = json_object(&t);

	json_time(&j, "from", from);
	json_time(&j, "to", to);
	json_number(&j, "records", s->records);
	json_z(&j, "time_unit", s->by_day ? "day" : "hour");
	cli_put(text_str(&t));
	for (unsigned of = 0; of < SUMMARY_KINDS; of++) {
		cli_puts(",\"");
		cli_puts(summary_name(of));
		cli_puts("\":{\"distinct\":");
		t.n = 0;
		text_u64(&t, s->tally[of].n);
		text_put(&t, STR(",\"others\":"));
		text_u64(&t, s->tally[of].others);
		text_put(&t, STR(",\"top\":["));
		cli_put(text_str(&t));
		print_rows_json(s, of, top);
		cli_puts("]}");
	}
	cli_puts("}\n");
}
