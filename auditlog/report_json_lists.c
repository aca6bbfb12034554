/* SPDX-License-Identifier: Apache-2.0 */

/* Of the report for a program: of whom and what, what happened, what the controls are shown. */

#include <errno.h>

#include "auditlog/report_json.h"
#include "common/cleanup.h"

/* --- of whom and what ------------------------------------------------------------------------ */

/* The most frequent, how many there are, and what counted with none of them. denied: how many were, of each. */
static void
put_table(
    const struct report *r, struct json *j, const char *name, enum report_tally of, bool denied)
{
	const struct tally *t = &r->all.tally[of];
	CLEANUP_FREE struct tally_row *rows = tally_rows(t, false);
	struct json table = report_json_open(j, name), list;

	if (!rows)
		cli_fatal(ENOMEM, "report");
	json_number(&table, "distinct", t->n);
	json_number(&table, "others", t->others);
	list = report_json_list(&table, "top");
	for (size_t i = 0; i < t->n && i < r->top; i++) {
		struct json row = report_json_element(&list);

		json_str(&row, "value", rows[i].key);
		json_number(&row, "records", rows[i].count);
		if (denied)
			json_number(&row, "denied",
			    tally_count(&r->all.tally[of + TALLY_DENIED], rows[i].key));
		json_object_end(&row);
	}
	report_json_list_end(&list);
	json_object_end(&table);
}

struct named_tally {
	const char *name;
	enum report_tally of;
};

static void
put_group(const struct report *r, struct json *j, const char *name, const struct named_tally *all,
    size_t n, bool denied)
{
	struct json group = report_json_open(j, name);

	for (size_t i = 0; i < n; i++)
		put_table(r, &group, all[i].name, all[i].of, denied);
	json_object_end(&group);
}

void
report_json_tables(const struct report *r, struct json *j)
{
	static const struct named_tally requests[] = {{"user", TALLY_USER},
	    {"client", TALLY_CLIENT}, {"sandbox", TALLY_SANDBOX}, {"action", TALLY_ACTION},
	    {"rule", TALLY_RULE}};
	static const struct named_tally denials[] = {{"resource", TALLY_DENIED_RESOURCE},
	    {"rule", TALLY_DENIED_RULE}, {"user", TALLY_DENIED_USER},
	    {"client", TALLY_DENIED_CLIENT}, {"reason", TALLY_REASON}};

	put_table(r, j, "hosts", TALLY_HOST, false);
	put_table(r, j, "versions", TALLY_VERSION, false);
	put_group(r, j, "denials", denials, ARRAY_SIZE(denials), false);
	put_group(r, j, "requests", requests, ARRAY_SIZE(requests), true);
	put_table(r, j, "revisions", TALLY_REVISION, false);
	put_table(r, j, "events", TALLY_EVENT, false);
}

/* --- what happened --------------------------------------------------------------------------- */

static void
put_first(struct json *j, const struct incident_list *l)
{
	struct json list = report_json_list(j, "first");

	for (size_t i = 0; i < l->kept; i++) {
		const struct incident *x = &l->v[i];
		struct json one = report_json_element(&list);

		json_z(&one, "time", x->time);
		json_number(&one, "seq", x->seq);
		json_z(&one, "who", x->who);
		json_z(&one, "what", x->text);
		json_z(&one, "file", x->file);
		json_number(&one, "byte", x->at);
		json_object_end(&one);
	}
	report_json_list_end(&list);
}

static void
put_incident(const struct report *r, struct json *j, enum incident_kind k)
{
	const struct incident_about *about = incident_about(k);
	const struct incident_list *l = &r->incidents.list[k];
	char name[32], buf[256];
	struct text search = text_over(buf, sizeof(buf));
	struct json one;
	size_t n = 0;

	for (; about->name[n] && n + 1 < sizeof(name); n++)
		name[n] = (char)(about->name[n] | 0x20); /* its letters are capitals */
	name[n] = '\0';
	incident_search(&search, k);
	one = report_json_open(j, name);
	json_z(&one, "title", about->title);
	json_number(&one, "records", l->n);
	if (about->unit[0])
		json_number(&one, "sum", l->sum);
	else
		json_str(&one, "sum", STR_NONE);
	json_z(&one, "unit", about->unit);
	json_str(&one, "search", text_str(&search));
	put_first(&one, l);
	json_object_end(&one);
}

void
report_json_incidents(const struct report *r, struct json *j)
{
	struct json all = report_json_open(j, "incidents");

	for (unsigned k = 0; k < INCIDENTS; k++)
		put_incident(r, &all, k);
	json_object_end(&all);
}

/* --- segments -------------------------------------------------------------------------------- */

static void
put_segment(struct json *j, const struct source *s)
{
	json_z(j, "file", s->base);
	json_str(j, "state", s->bad_seal ? STR_NONE : str_from(seal_state_name(s->state)));
	if (s->sealed) {
		json_number(j, "records", s->records);
		json_time(j, "last_time", s->last_time);
	} else {
		json_str(j, "records", STR_NONE);
		json_str(j, "last_time", STR_NONE);
	}
}

void
report_json_segments(const struct report *r, struct json *j)
{
	const struct judgement *x = &r->examine.judgement;
	struct json gaps = report_json_open(j, "gaps"), list;

	json_number(&gaps, "seals_missing_at_front",
	    x->seals > 0 ? r->examine.chain.seals[0]->seal.index : 0);
	json_number(&gaps, "segments_pruned", x->pruned);
	json_object_end(&gaps);
	list = report_json_list(j, "segments_closed_unusually");
	for (size_t i = 0; i < r->query.sources.n; i++) {
		struct json one;

		if (!report_is_odd(&r->query.sources.all[i]))
			continue;
		one = report_json_element(&list);
		put_segment(&one, &r->query.sources.all[i]);
		json_object_end(&one);
	}
	report_json_list_end(&list);
}

/* --- controls -------------------------------------------------------------------------------- */

void
report_json_controls(const struct report *r, struct json *j)
{
	struct json list = report_json_list(j, "controls");
	struct report_control c;

	for (size_t i = 0; report_control(r, i, &c); i++) {
		struct json one = report_json_element(&list);

		json_z(&one, "catalogue", c.catalogue);
		json_z(&one, "control", c.clause);
		json_z(&one, "asks", c.asks);
		json_str(&one, "shows", c.shown);
		json_z(&one, "cannot_show", c.cannot);
		json_object_end(&one);
	}
	report_json_list_end(&list);
}
