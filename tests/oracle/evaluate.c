/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The engine for tests that compare it with another reading of docs/POLICY.md. Each line on stdin is
 * a JSON object, each line on stdout its answer:
 *
 *     {"documents":["TEXT", ...]}             ok N, or refused FILE:LINE:COLUMN: TEXT (the first)
 *     {"action":..., "resource":..., "now":us, "user":..., "groups":[...], "more_groups":true,
 *      "sandbox":..., "agent":..., "client":..., "context":{...}}
 *                                             RESOURCE<tab>FINDING<tab>FINDING, or refused WHY
 *
 * FINDING (answer, record): DECISION MODE POLICY RULE, "-" for no policy and no rule.
 */

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "policy/policy.h"
#include "policy/zone.h"

#define DOCUMENTS 8
#define CONTEXT 8
#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z */

static struct policy_zones zones;
static struct policy_image image;
static uint8_t *image_bytes;

static _Noreturn void
die(const char *why)
{
	(void)fprintf(stderr, "policy_evaluate: %s\n", why);
	exit(2);
}

static struct str
text_of(struct json_object *o)
{
	if (!o)
		return STR_NONE;
	return (struct str){json_object_get_string(o), (size_t)json_object_get_string_len(o)};
}

static struct str
member(struct json_object *o, const char *key)
{
	return text_of(json_object_object_get(o, key));
}

/* --- policies --------------------------------------------------------------------------------- */

static void
show_refusal(const struct policy_report *report)
{
	const struct policy_complaint *c = &report->complaint[0];

	printf("refused %s:%u:%u: %s\n", c->file, c->line, c->column, c->text);
}

static void
compile(struct json_object *documents)
{
	static const char *const names[DOCUMENTS] = {"1", "2", "3", "4", "5", "6", "7", "8"};
	static struct policy_report report;
	const struct policy_compile_options options = {.run_tests = true, .now = NOON};
	struct policy_text v[DOCUMENTS];
	struct policy_texts texts = {.v = v, .zones = zones};
	const char *why;
	size_t size;

	texts.n = json_object_array_length(documents);
	if (texts.n > DOCUMENTS)
		die("too many documents");
	for (size_t i = 0; i < texts.n; i++)
		v[i] = (struct policy_text){
		    names[i], text_of(json_object_array_get_idx(documents, i))};
	free(image_bytes);
	image_bytes = NULL;
	if (policy_compile(&texts, &options, &image_bytes, &size, &report) < 0)
		show_refusal(&report);
	else if (policy_image_open(&image, image_bytes, size, &why) < 0)
		die(why);
	else
		printf("ok %zu\n", size);
}

/* --- requests --------------------------------------------------------------------------------- */

static const char *
mode_name(enum policy_mode mode)
{
	return mode == POLICY_ENFORCE ? "enforce" : mode == POLICY_WARN ? "warn" : "audit";
}

static void
show_finding(const struct policy_finding *f)
{
	struct str policy = str_given(f->policy_id) ? f->policy_id : STR("-");
	struct str rule = str_given(f->rule_id) ? f->rule_id : STR("-");

	printf("\t%s %s %.*s %.*s", f->allow ? "allow" : "deny", mode_name(f->mode),
	    STR_ARG(policy), STR_ARG(rule));
}

static void
read_subject(
    struct json_object *o, struct policy_subject *s, struct policy_attribute context[CONTEXT])
{
	struct json_object *groups = json_object_object_get(o, "groups");
	struct json_object *pairs = json_object_object_get(o, "context");
	struct json_object_iter it;

	*s = (struct policy_subject){.user = member(o, "user"),
	    .sandbox = member(o, "sandbox"),
	    .agent = member(o, "agent"),
	    .client = member(o, "client"),
	    .context = context,
	    .more_groups = json_object_get_boolean(json_object_object_get(o, "more_groups"))};
	for (size_t i = 0; groups && i < json_object_array_length(groups) && i < LIMIT_GROUPS; i++)
		s->groups[s->n_groups++] = text_of(json_object_array_get_idx(groups, i));
	if (!pairs)
		return;
	json_object_object_foreachC(pairs, it)
	{
		if (s->n_context < CONTEXT)
			context[s->n_context++] = (struct policy_attribute){
			    str_from(it.key), text_of(it.val)};
	}
}

static void
evaluate(struct json_object *o)
{
	static struct policy_op op;
	struct policy_attribute context[CONTEXT];
	struct policy_subject subject;
	struct policy_verdict verdict;
	const char *why;

	if (policy_op_parse(&op, member(o, "action"), member(o, "resource"), &why) < 0) {
		printf("refused %s\n", why);
		return;
	}
	if (!image_bytes)
		die("no policy");
	read_subject(o, &subject, context);
	policy_evaluate(&image, &op, &subject,
	    json_object_get_int64(json_object_object_get(o, "now")), &verdict);
	printf("%.*s", STR_ARG(op.resource));
	show_finding(&verdict.answer);
	show_finding(&verdict.record);
	(void)putchar('\n');
}

int
main(void)
{
	CLEANUP_FREE char *line = NULL;
	size_t room = 0;

	zones.directory = open(ZONE_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	zones.there = zones.directory >= 0;
	while (getline(&line, &room, stdin) >= 0) {
		struct json_object *o = json_tokener_parse(line), *documents;

		if (!o)
			die("a line that is no JSON");
		if (json_object_object_get_ex(o, "documents", &documents))
			compile(documents);
		else
			evaluate(o);
		json_object_put(o);
	}
	free(image_bytes);
	return fflush(stdout) == 0 ? 0 : 2;
}
