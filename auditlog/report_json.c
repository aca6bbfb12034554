/* SPDX-License-Identifier: Apache-2.0 */

/* The report for a program: the same figures under names that stay. */

#include "auditlog/report_json.h"

/* --- pieces ---------------------------------------------------------------------------------- */

void
report_json_flush(struct json *j)
{
	if (!text_ok(j->t))
		cli_fatal(0, "report: a text does not fit");
	cli_put_json_part(text_str(j->t));
	j->t->n = 0;
}

struct json
report_json_open(struct json *j, const char *key)
{
	json_key(j, key);
	return json_object(j->t);
}

struct json
report_json_list(struct json *j, const char *key)
{
	json_key(j, key);
	text_char(j->t, '[');
	return (struct json){.t = j->t};
}

void
report_json_list_end(struct json *list)
{
	text_char(list->t, ']');
	report_json_flush(list);
}

struct json
report_json_element(struct json *list)
{
	if (list->more)
		text_char(list->t, ',');
	list->more = true;
	report_json_flush(list);
	return json_object(list->t);
}

/* --- what it is about ------------------------------------------------------------------------ */

static void
put_head(const struct report *r, struct json *j)
{
	json_z(j, "type", "sealwright-report/1");
	json_str(j, "title", r->title);
	json_str(j, "origin", report_origin(r));
	json_z(j, "directory", r->path);
	report_json_flush(j);
	json_time(j, "made", r->now);
	json_z(j, "version", SEALWRIGHT_VERSION);
	json_time(j, "from", r->from);
	json_time(j, "to", r->to);
	json_z(j, "first_time", r->all.first);
	json_z(j, "last_time", r->all.last);
	json_str(j, "narrowed", r->asked.n > 0 ? r->asked : STR_NONE);
	report_json_flush(j);
}

static void
put_tree(const struct report *r, struct json *j)
{
	uint8_t root[HASH_SIZE];
	struct json tree;

	if (!report_root(r, root)) {
		json_str(j, "tree", STR_NONE);
		return;
	}
	tree = report_json_open(j, "tree");
	json_number(&tree, "seals", r->examine.judgement.seals);
	json_key(&tree, "root");
	text_char(j->t, '"');
	text_hex(j->t, root, sizeof(root));
	text_char(j->t, '"');
	json_object_end(&tree);
}

/* The verdict, as verify has it, and what was asked of it. */
static void
put_verdict(const struct report *r, struct json *j)
{
	const struct verdict_report v = examine_report(&r->examine);
	const struct trust *trust = &r->examine.trust;
	struct json pins;

	json_key(j, "verify");
	report_json_flush(j);
	verdict_put_json(&v);
	pins = report_json_list(j, "pins_given");
	for (size_t i = 0; i < trust->n_pins; i++) {
		if (i > 0)
			text_char(j->t, ',');
		json_pin_value(j->t, trust->pins[i].index, trust->pins[i].hash);
	}
	report_json_list_end(&pins);
	json_str(j, "max_age", str_from(r->examine.max_age));
	put_tree(r, j);
	report_json_flush(j);
}

/* --- figures --------------------------------------------------------------------------------- */

static void
put_figures(const struct report *r, struct json *j)
{
	static const char *const names[REPORT_FIGURES] = {
	    [FIGURE_RECORDS] = "records",
	    [FIGURE_LEFT_OUT] = "left_out",
	    [FIGURE_EVALUATION] = "decisions",
	    [FIGURE_EXECUTION] = "outcomes",
	    [FIGURE_EVENT] = "events",
	    [FIGURE_MANAGEMENT] = "own_records",
	    [FIGURE_ALLOWED] = "allowed",
	    [FIGURE_AUDITED] = "denied_on_record_only",
	    [FIGURE_DENIED] = "denied",
	    [FIGURE_UNMATCHED] = "denied_without_rule",
	    [FIGURE_UNKNOWN] = "denied_not_understood",
	    [FIGURE_DECIDED_NAMED] = "decisions_with_username",
	    [FIGURE_DECIDED_PEER] = "decisions_with_peer",
	    [FIGURE_FAILED] = "outcomes_without_success",
	    [FIGURE_ERRORS] = "events_error",
	    [FIGURE_WARNINGS] = "events_warning",
	    [FIGURE_HEARTBEATS] = "heartbeats",
	    [FIGURE_AGREES] = "records_that_agree_with_seals",
	    [FIGURE_UNSEALED] = "records_not_sealed",
	    [FIGURE_UNVOUCHED] = "records_without_good_seal",
	    [FIGURE_SEALED] = "segments_sealed",
	    [FIGURE_OPEN] = "segments_not_sealed",
	    [FIGURE_OUTSIDE] = "records_outside_of_bars",
	};
	struct json figures = report_json_open(j, "figures");

	for (unsigned i = 0; i < REPORT_FIGURES; i++)
		json_number(&figures, names[i], report_figure(r, i));
	json_number(&figures, "denied_without_record", r->incidents.list[INCIDENT_UNRECORDED].sum);
	json_number(&figures, "runs", r->all.tally[TALLY_SESSION].n);
	json_number(&figures, "places_unreadable", (uint64_t)r->query.damage.n);
	json_object_end(&figures);
	report_json_flush(j);
}

/* --- over time ------------------------------------------------------------------------------- */

static bool
bar_is_empty(const struct report *r, size_t bar)
{
	uint64_t sum = 0;

	for (unsigned of = 0; of < REPORT_BARS; of++)
		sum += r->all.bar[of][bar];
	return sum == 0;
}

static void
put_bars(const struct report *r, struct json *j)
{
	static const char *const names[REPORT_BARS] = {
	    [BAR_ALLOWED] = "allowed",
	    [BAR_AUDITED] = "denied_on_record_only",
	    [BAR_DENIED] = "denied",
	    [BAR_EVENT] = "events",
	    [BAR_OUTCOME] = "outcomes",
	    [BAR_OWN] = "own_records",
	};
	struct json list;

	json_z(j, "bar_unit", timeline_unit(&r->line));
	list = report_json_list(j, "bars");
	for (size_t bar = 0; bar < r->line.n; bar++) {
		struct json one;

		if (bar_is_empty(r, bar))
			continue;
		one = report_json_element(&list);
		json_time(&one, "time", timeline_start(&r->line, bar));
		for (unsigned of = 0; of < REPORT_BARS; of++)
			json_number(&one, names[of], r->all.bar[of][bar]);
		json_object_end(&one);
	}
	report_json_list_end(&list);
}

/* --- all of it ------------------------------------------------------------------------------- */

void
report_print_json(const struct report *r)
{
	static char buf[REPORT_JSON];
	struct text t = text_over(buf, sizeof(buf));
	struct json j = json_object(&t);

	put_head(r, &j);
	put_verdict(r, &j);
	put_figures(r, &j);
	put_bars(r, &j);
	report_json_tables(r, &j);
	report_json_incidents(r, &j);
	report_json_segments(r, &j);
	report_json_controls(r, &j);
	json_object_end(&j);
	text_char(&t, '\n');
	cli_put(text_str(&t));
}
