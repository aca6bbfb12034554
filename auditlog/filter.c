/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/filter.h"

#include <stdio.h>

#include "auditlog/path.h"
#include "auditlog/when.h"
#include "common/glob.h"
#include "common/text.h"

/* --- the command line ------------------------------------------------------------------------ */

size_t
filter_options(struct filter_given *g, struct cli_option *options)
{
	const struct cli_option all[] = {
	    {.name = "decision", .value = "DECISION", .text = &g->decision, .help = "allow|deny"},
	    {.name = "action",
		.value = "ACTION",
		.text = &g->action,
		.help = "as net:connect:tcp, or 'net:*': * is any text, here and below"},
	    {.name = "resource",
		.value = "RESOURCE",
		.text = &g->resource,
		.help = "what was asked for, as the record shows it"},
	    {.name = "user", .value = "NAME", .text = &g->user, .help = "who asked (username)"},
	    {.name = "rule", .value = "ID", .text = &g->rule, .help = "the rule that decided"},
	    {.name = "policy",
		.value = "ID",
		.text = &g->policy,
		.help = "the policy that decided"},
	    {.name = "client", .value = "NAME", .text = &g->client, .help = "client_name"},
	    {.name = "sandbox", .value = "ID", .text = &g->sandbox, .help = "sandbox_id"},
	    {.name = "category",
		.value = "CATEGORY",
		.text = &g->category,
		.help = "evaluation|execution|event|management"},
	    {.name = "event",
		.value = "EVENT",
		.text = &g->event,
		.help = "of an application event, as auth.fail"},
	    {.name = "level",
		.value = "LEVEL",
		.text = &g->level,
		.help = "of an event, at least: debug|info|warning|error"},
	    {.name = "actor",
		.value = "NAME",
		.text = &g->actor,
		.help = "of an application event"},
	    {.name = "session",
		.value = "UUID",
		.text = &g->session,
		.help = "the run of the service (audit_session_id)"},
	    {.name = "where",
		.value = "FIELD=TEXT",
		.list = &g->where,
		.help = "any member, peer.uid=1000 inside one (may be given again)"},
	    {.name = "from",
		.value = "TIME",
		.text = &g->from,
		.help = "2026-11-21T09:00:00Z, a date (UTC), now|today|yesterday, -90s, -10m, -1h, "
			"-7d"},
	    {.name = "to",
		.value = "TIME",
		.text = &g->to,
		.help = "the same; a day is meant to its end"},
	};

	_Static_assert(ARRAY_SIZE(all) == FILTER_OPTIONS, "room for all");
	memcpy(options, all, sizeof(all));
	return ARRAY_SIZE(all);
}

/* --- terms ----------------------------------------------------------------------------------- */

static void
add_term(struct filter *f, const struct cli_command *command, const char *option,
    enum recordline_member member, const char *pattern)
{
	if (!pattern)
		return;
	if (!utf8_valid(str_from(pattern)))
		cli_wrong(command, "--%s: not UTF-8: %s", option, pattern);
	f->term[f->n++] = (struct filter_term){.member = member, .pattern = str_from(pattern)};
}

static void
add_where(struct filter *f, const struct cli_command *command, const char *text)
{
	const char *equals = strchr(text, '=');
	struct str path = {text, equals ? (size_t)(equals - text) : 0};
	enum recordline_member member = recordline_find(path);

	if (path.n == 0)
		cli_wrong(command, "--where: not FIELD=TEXT: %s", text);
	add_term(f, command, "where", member, equals + 1);
	f->term[f->n - 1].path = path;
}

/* "deny" and the whole name alike. names(i) of 1 to n. */
static const char *
enum_name(const char *const *names, size_t n, struct str given)
{
	char upper[64];
	struct text t = text_over(upper, sizeof(upper));

	for (size_t i = 0; i < given.n; i++)
		text_char(&t,
		    given.p[i] >= 'a' && given.p[i] <= 'z' ? (char)(given.p[i] - 32) : given.p[i]);
	for (size_t i = 0; i < n && text_ok(&t) && given.n > 0; i++) {
		struct str name = str_from(names[i]);

		if (str_eq(name, given) ||
		    (str_ends(name, text_str(&t)) && name.p[name.n - t.n - 1] == '_'))
			return names[i];
	}
	return NULL;
}

static void
add_enum(struct filter *f, const struct cli_command *command, const char *option,
    enum recordline_member member, const char *given, const char *const *names, size_t n)
{
	const char *name = given ? enum_name(names, n, str_from(given)) : NULL;

	if (given && !name)
		cli_wrong(command, "--%s: there is no such %s: %s", option, option, given);
	add_term(f, command, option, member, name);
}

static void
add_enums(struct filter *f, const struct cli_command *command, const struct filter_given *g)
{
	const char *const decisions[] = {
	    record_decision_name(DECISION_ALLOW), record_decision_name(DECISION_DENY)};
	const char *const categories[] = {record_category_name(RECORD_EVALUATION),
	    record_category_name(RECORD_MANAGEMENT), record_category_name(RECORD_EXECUTION),
	    record_category_name(RECORD_EVENT)};

	add_enum(
	    f, command, "decision", MEMBER_decision, g->decision, decisions, ARRAY_SIZE(decisions));
	add_enum(f, command, "category", MEMBER_category, g->category, categories,
	    ARRAY_SIZE(categories));
	f->level = g->level ? record_level_parse(str_from(g->level)) : LEVEL_NONE;
	if (g->level && f->level == LEVEL_NONE)
		cli_wrong(command, "--level: not debug, info, warning or error: %s", g->level);
}

static void
add_terms(struct filter *f, const struct cli_command *command, const struct filter_given *g)
{
	add_term(f, command, "action", MEMBER_action, g->action);
	add_term(f, command, "resource", MEMBER_resource_id, g->resource);
	add_term(f, command, "user", MEMBER_username, g->user);
	add_term(f, command, "rule", MEMBER_rule_id, g->rule);
	add_term(f, command, "policy", MEMBER_policy_id, g->policy);
	add_term(f, command, "client", MEMBER_client_name, g->client);
	add_term(f, command, "sandbox", MEMBER_sandbox_id, g->sandbox);
	add_term(f, command, "event", MEMBER_event, g->event);
	add_term(f, command, "actor", MEMBER_actor, g->actor);
	add_term(f, command, "session", MEMBER_audit_session_id, g->session);
	for (size_t i = 0; i < g->where.n; i++)
		add_where(f, command, g->where.v[i]);
	add_enums(f, command, g);
}

/* --- time ------------------------------------------------------------------------------------ */

static bool
add_time(const struct cli_command *command, const char *option, const char *given, int64_t now,
    bool end, int64_t *ret, char text[RFC3339_SIZE])
{
	if (!given)
		return false;
	if (!when_parse(str_from(given), now, end, ret))
		cli_wrong(command, "--%s: not a time: %s", option, given);
	clock_format(*ret, text);
	return true;
}

bool
filter_has_time(const struct filter *f, int64_t first, int64_t last)
{
	return when_meets(first, last, f->has_from ? &f->from : NULL, f->has_to ? &f->to : NULL);
}

/* --- the needle ------------------------------------------------------------------------------ */

/* As the line has it: strings escaped, behind their key if they begin there. */
static struct str
needle_of(const struct filter_term *term, char *buf, size_t cap)
{
	struct str literal = glob_literal(term->pattern);
	const char *name = recordline_name(term->member);
	struct text t = text_over(buf, cap);
	size_t quote;

	if (literal.n == 0)
		return STR_NONE;
	if (name && literal.p == term->pattern.p && term->path.n == 0) {
		text_char(&t, '"');
		text_put(&t, str_from(name));
		text_put(&t, STR("\":"));
	}
	quote = t.n;
	text_json(&t, literal);
	if (!text_ok(&t))
		return STR_NONE;
	/* Without the quotes where the value may go on, or may be none of a string. */
	if (literal.n < term->pattern.n || term->path.n > 0)
		t.n--;
	if (quote == 0)
		return (struct str){buf + 1, t.n - 1};
	return text_str(&t);
}

/* Decisions and categories are on many lines, and their names are long. */
static size_t
needle_weight(const struct filter_term *term)
{
	bool common = term->member == MEMBER_decision || term->member == MEMBER_category;

	return common ? 1 : 1 + glob_literal(term->pattern).n;
}

static void
make_needle(struct filter *f)
{
	size_t best = 0;

	for (size_t i = 0; i < f->n; i++) {
		char buf[FILTER_NEEDLE];
		struct str s = needle_of(&f->term[i], buf, sizeof(buf));
		size_t weight = needle_weight(&f->term[i]);

		if (s.n < 2 || weight <= best)
			continue;
		best = weight;
		memcpy(f->needle, s.p, s.n);
		f->n_needle = s.n;
	}
}

void
filter_make(
    struct filter *f, const struct cli_command *command, const struct filter_given *g, int64_t now)
{
	*f = (struct filter){.n = 0};
	add_terms(f, command, g);
	f->has_from = add_time(command, "from", g->from, now, false, &f->from, f->from_text);
	f->has_to = add_time(command, "to", g->to, now, true, &f->to, f->to_text);
	if (f->has_from && f->has_to && f->from > f->to)
		cli_wrong(command, "--from is later than --to");
	make_needle(f);
}

bool
filter_empty(const struct filter *f)
{
	return f->n == 0 && f->level == LEVEL_NONE && !f->has_from && !f->has_to;
}

/* --- a record -------------------------------------------------------------------------------- */

/* Apart, as the buffer is cleared whenever it is entered. */
static __attribute__((noinline)) bool
escaped_matches(const struct recordline_value *v, struct str pattern)
{
	char buf[LIMIT_LINE];

	return glob_name(pattern, recordline_string(v, buf, sizeof(buf)));
}

static bool
scalar_matches(const struct recordline_value *v, struct str pattern)
{
	return v->escaped ? escaped_matches(v, pattern)
			  : glob_name(pattern, (struct str){v->p, v->n});
}

/* An object is compared as it is written, an array element by element. */
static bool
value_matches(const struct recordline_value *v, struct str pattern)
{
	struct recordline_walk w = recordline_walk(v);
	struct recordline_value key, element;

	if (v->type != RECORDLINE_ARRAY)
		return scalar_matches(v, pattern);
	while (recordline_next(&w, &key, &element))
		if (scalar_matches(&element, pattern))
			return true;
	return false;
}

/* A name may hold dots itself; the outermost object is asked for the whole of it before. */
static bool
path_matches(const struct filter_term *term, const struct recordline *r)
{
	struct str rest = term->path, name = path_next(&rest);
	const struct recordline_value *at = recordline_named(r, term->path);
	struct recordline_value v, inner;

	if (at)
		return value_matches(at, term->pattern);
	at = str_eq(name, STR("payload")) ? recordline_value(r, MEMBER_payload)
					  : recordline_named(r, name);
	if (!at || rest.n == 0)
		return false;
	v = *at;
	for (; rest.n > 0; v = inner)
		if (!path_step(&v, path_next(&rest), &inner))
			return false;
	return value_matches(&v, term->pattern);
}

static bool
term_matches(const struct filter_term *term, const struct recordline *r)
{
	const struct recordline_value *v;

	if (term->member == MEMBER_COUNT)
		return path_matches(term, r);
	v = recordline_value(r, term->member);
	return v && value_matches(v, term->pattern);
}

static bool
level_matches(const struct filter *f, const struct recordline *r)
{
	const struct recordline_value *v = recordline_value(r, MEMBER_level);

	return f->level == LEVEL_NONE ||
	       (v && v->type == RECORDLINE_STRING &&
		   record_level_parse((struct str){v->p, v->n}) >= f->level);
}

/* Times of our form sort as texts. */
static bool
time_matches(const struct filter *f, const struct recordline *r)
{
	const struct recordline_value *v = recordline_value(r, MEMBER_timestamp);

	if (!f->has_from && !f->has_to)
		return true;
	if (!v || v->type != RECORDLINE_STRING || v->n != RFC3339_SIZE - 1)
		return false;
	return !(f->has_from && memcmp(v->p, f->from_text, v->n) < 0) &&
	       !(f->has_to && memcmp(v->p, f->to_text, v->n) > 0);
}

bool
filter_matches(const struct filter *f, const struct recordline *r)
{
	for (size_t i = 0; i < f->n; i++)
		if (!term_matches(&f->term[i], r))
			return false;
	return level_matches(f, r) && time_matches(f, r);
}
