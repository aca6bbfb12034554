/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl emit: put an application's event on record. */

#include "policyctl/ctl.h"
#include "policyctl/request.h"

struct event {
	const char *level, *actor, *details;
	struct cli_list detail; /* KEY=VALUE */
};

/*
 * The members of --details, without its braces and on one line: a raw newline can stand only
 * between tokens, where a blank does as well.
 */
static void
emit_members(const struct cli_command *command, struct object *details, const char *json)
{
	struct reply object = {0};
	struct str text = str_from(json), inside;

	if (reply_read(&object, text) != 0)
		cli_wrong(command, "--details: not a JSON object: %s", json);
	inside = jscan_raw(&object.tape, REPLY_ROOT);
	details->any = object.tape.tokens[REPLY_ROOT].count > 0;
	for (size_t i = 1; i + 1 < inside.n; i++) {
		char c = inside.p[i];

		text_char(details->t, c == '\n' || c == '\r' ? ' ' : c);
	}
	reply_free(&object);
}

static void
emit_details(const struct cli_command *command, struct object *request, const struct event *e)
{
	struct object details;

	if (!e->details && e->detail.n == 0)
		return;
	object_key(request, STR("details"));
	details = object_open(request->t);
	if (e->details)
		emit_members(command, &details, e->details);
	for (size_t i = 0; i < e->detail.n; i++) {
		struct str key, value;

		if (!request_pair(e->detail.v[i], &key, &value))
			cli_wrong(command, "--detail: not KEY=VALUE: %s", e->detail.v[i]);
		object_key(&details, key);
		text_json(request->t, value);
	}
	object_close(&details);
}

static int
emit_send(const struct ctl *ctl, const struct cli_command *command, const char *name,
    const struct event *e)
{
	static char buf[LIMIT_REQUEST_LINE];
	struct text t = text_over(buf, sizeof(buf));
	struct object request = object_open(&t);

	object_str(&request, "id", STR("1"));
	object_str(&request, "op", STR("emit"));
	object_str(&request, "event", str_from(name));
	object_str(&request, "level", str_from(e->level));
	object_str(&request, "actor", str_from(e->actor));
	emit_details(command, &request, e);
	object_close(&request);
	text_char(&t, '\n');
	return ctl_record(ctl, "emit", &t);
}

int
cmd_emit(struct ctl *ctl, int argc, char **argv)
{
	struct event e = {.level = "info"};
	const struct cli_option options[] = {
	    {.name = "level",
		.value = "LEVEL",
		.text = &e.level,
		.help = "debug|info|warning|error (info)"},
	    {.name = "actor", .value = "NAME", .text = &e.actor, .help = "who did it"},
	    {.name = "detail",
		.value = "KEY=VALUE",
		.list = &e.detail,
		.help = "a string to record with it (may be repeated)"},
	    {.name = "details",
		.value = "JSON",
		.text = &e.details,
		.help = "a JSON object to record with it"},
	    CTL_OPTION_JSON(ctl),
	    CTL_OPTION_SOCKET(ctl),
	    CTL_OPTION_TIMEOUT(ctl),
	};
	const struct cli_command command = {
	    .name = "emit",
	    .operands = "EVENT",
	    .about =
		"Put an event of an application (auth.fail, task.start, ...) on record and print\n"
		"the record's id.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 1,
	    .most = 1,
	    .exits = "0 on record, 2 error",
	};
	const char *name;

	(void)cli_parse(&command, argc, argv, &name);
	return emit_send(ctl, &command, name, &e);
}
