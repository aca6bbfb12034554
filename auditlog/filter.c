/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/filter.h"

#include <stdio.h>

#include "auditlog/facet.h"
#include "auditlog/path.h"
#include "auditlog/when.h"
#include "common/glob.h"
#include "common/text.h"

/* --- the command line ------------------------------------------------------------------------ */

static struct cli_option
list_option(const char *name, const char *value, struct cli_list *list, const char *help)
{
	return (struct cli_option){.name = name, .value = value, .list = list, .help = help};
}

size_t
filter_options(struct filter_given *g, struct cli_option *options)
{
	const struct cli_option all[] = {
	    list_option("decision", "DECISION", &g->decision,
		"allow|deny; this and those below may be given again: one of them"),
	    list_option("action", "ACTION", &g->action,
		"as net:connect:tcp, or 'net:*': * is any text, here and below"),
	    list_option(
		"resource", "RESOURCE", &g->resource, "what was asked for, as the record shows it"),
	    list_option("user", "NAME", &g->user, "who asked: username, or a uid"),
	    list_option("rule", "ID", &g->rule, "the rule that decided"),
	    list_option("policy", "ID", &g->policy, "the policy that decided"),
	    list_option("client", "NAME", &g->client, "client_name"),
	    list_option("sandbox", "ID", &g->sandbox, "sandbox_id"),
	    list_option(
		"category", "CATEGORY", &g->category, "evaluation|execution|event|management"),
	    list_option("event", "EVENT", &g->event, "of an application event, as auth.fail"),
	    {.name = "level",
		.value = "LEVEL",
		.text = &g->level,
		.help = "of an event, at least: debug|info|warning|error"},
	    list_option("actor", "NAME", &g->actor, "of an application event"),
	    list_option(
		"session", "UUID", &g->session, "the run of the service (audit_session_id)"),
	    list_option("where", "FIELD=TEXT", &g->where,
		"any member, peer.uid=1000 inside one; != for not; if given again, all of "
		"them"),
	    {.name = "from",
		.value = "TIME",
		.text = &g->from,
		.help = "2026-11-21, '2026-11-21 09:00' (UTC), RFC 3339, now|today|yesterday, "
			"-90s, -1h, -7d"},
	    {.name = "to",
		.value = "TIME",
		.text = &g->to,
		.help = "the same; a day or a minute is meant to its end"},
	};

	_Static_assert(ARRAY_SIZE(all) == FILTER_OPTIONS, "room for all");
	memcpy(options, all, sizeof(all));
	return ARRAY_SIZE(all);
}

/* --- terms ----------------------------------------------------------------------------------- */

static struct filter_term *
add_term(struct filter *f, const struct cli_command *command, const char *option,
    enum recordline_member member, const char *pattern)
{
	if (!utf8_valid(str_from(pattern)))
		cli_wrong(command, "--%s: not UTF-8: %s", option, pattern);
	f->term[f->n] = (struct filter_term){.member = member, .pattern = str_from(pattern)};
	return &f->term[f->n++];
}

/* Any of them. */
static void
add_list(struct filter *f, const struct cli_command *command, const char *option,
    enum recordline_member member, const struct cli_list *given)
{
	for (size_t i = 0; i < given->n; i++)
		add_term(f, command, option, member, given->v[i])->or_next = i + 1 < given->n;
}

static void
add_users(struct filter *f, const struct cli_command *command, const struct cli_list *given)
{
	size_t first = f->n;

	add_list(f, command, "user", MEMBER_username, given);
	for (size_t i = first; i < f->n; i++) {
		struct str s = f->term[i].pattern;

		f->term[i].by_uid = str_starts(s, STR(FACET_UID)) ||
				    (s.n > 0 && strspn(s.p, "0123456789") == s.n);
	}
}

/* FIELD=TEXT or FIELD!=TEXT */
static void
add_where(struct filter *f, const struct cli_command *command, const char *text)
{
	const char *equals = strchr(text, '=');
	struct str path = {text, equals ? (size_t)(equals - text) : 0};
	bool negated = str_ends(path, STR("!"));
	struct filter_term *term;
	struct path known;

	path.n -= negated;
	if (path.n == 0)
		cli_wrong(command, "--where: not FIELD=TEXT: %s", text);
	if (!path_parse(&known, path))
		cli_wrong(command, "--where: no record has such a member: %.*s", STR_ARG(path));
	term = add_term(f, command, "where", recordline_find(path), equals + 1);
	term->path = path;
	term->negated = negated;
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
    enum recordline_member member, const struct cli_list *given, const char *const *names, size_t n)
{
	for (size_t i = 0; i < given->n; i++) {
		const char *name = enum_name(names, n, str_from(given->v[i]));

		if (!name)
			cli_wrong(
			    command, "--%s: there is no such %s: %s", option, option, given->v[i]);
		add_term(f, command, option, member, name)->or_next = i + 1 < given->n;
	}
}

static void
add_enums(struct filter *f, const struct cli_command *command, const struct filter_given *g)
{
	const char *const decisions[] = {
	    record_decision_name(DECISION_ALLOW), record_decision_name(DECISION_DENY)};
	const char *const categories[] = {record_category_name(RECORD_EVALUATION),
	    record_category_name(RECORD_MANAGEMENT), record_category_name(RECORD_EXECUTION),
	    record_category_name(RECORD_EVENT)};

	add_enum(f, command, "decision", MEMBER_decision, &g->decision, decisions,
	    ARRAY_SIZE(decisions));
	add_enum(f, command, "category", MEMBER_category, &g->category, categories,
	    ARRAY_SIZE(categories));
	f->level = g->level ? record_level_parse(str_from(g->level)) : LEVEL_NONE;
	if (g->level && f->level == LEVEL_NONE)
		cli_wrong(command, "--level: not debug, info, warning or error: %s", g->level);
}

static void
add_terms(struct filter *f, const struct cli_command *command, const struct filter_given *g)
{
	add_list(f, command, "action", MEMBER_action, &g->action);
	add_list(f, command, "resource", MEMBER_resource_id, &g->resource);
	add_users(f, command, &g->user);
	add_list(f, command, "rule", MEMBER_rule_id, &g->rule);
	add_list(f, command, "policy", MEMBER_policy_id, &g->policy);
	add_list(f, command, "client", MEMBER_client_name, &g->client);
	add_list(f, command, "sandbox", MEMBER_sandbox_id, &g->sandbox);
	add_list(f, command, "event", MEMBER_event, &g->event);
	add_list(f, command, "actor", MEMBER_actor, &g->actor);
	add_list(f, command, "session", MEMBER_audit_session_id, &g->session);
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

/* Whether every line that matches has what this term asks for. */
static bool
is_certain(const struct filter *f, size_t i)
{
	const struct filter_term *term = &f->term[i];

	return !term->or_next && !(i > 0 && term[-1].or_next) && !term->negated && !term->by_uid;
}

static void
make_needle(struct filter *f)
{
	size_t best = 0;

	for (size_t i = 0; i < f->n; i++) {
		char buf[FILTER_NEEDLE];
		struct str s = needle_of(&f->term[i], buf, sizeof(buf));
		size_t weight = needle_weight(&f->term[i]);

		if (s.n < 2 || weight <= best || !is_certain(f, i))
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

/* By its uid a user is found under any name; the uid that stands for a name is shown where there is none. */
static bool
uid_matches(const struct recordline *r, struct str pattern)
{
	const struct recordline_value *name = recordline_value(r, MEMBER_username);
	struct recordline_value uid;

	if (name && value_matches(name, pattern))
		return true;
	if (!path_step(recordline_value(r, MEMBER_peer), STR("uid"), &uid))
		return false;
	if (!str_starts(pattern, STR(FACET_UID)))
		return scalar_matches(&uid, pattern);
	return !name && scalar_matches(&uid, str_skip(pattern, sizeof(FACET_UID) - 1));
}

static bool
term_has(const struct filter_term *term, const struct recordline *r)
{
	const struct recordline_value *v;

	if (term->by_uid)
		return uid_matches(r, term->pattern);
	if (term->member == MEMBER_COUNT)
		return path_matches(term, r);
	v = recordline_value(r, term->member);
	return v && value_matches(v, term->pattern);
}

static bool
term_matches(const struct filter_term *term, const struct recordline *r)
{
	return term_has(term, r) != term->negated;
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
	for (size_t i = 0; i < f->n; i++) {
		bool found = term_matches(&f->term[i], r);

		while (f->term[i].or_next)
			found = term_matches(&f->term[++i], r) || found;
		if (!found)
			return false;
	}
	return level_matches(f, r) && time_matches(f, r);
}
