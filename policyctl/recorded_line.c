/* SPDX-License-Identifier: Apache-2.0 */

/* From a line of a log to the request that it records. */

#include <errno.h>

#include "common/clock.h"
#include "policy/canon.h"
#include "policyctl/recorded.h"
#include "proto/recordline.h"

/* The kind of a resource follows from the action; an address goes by net:domain: as well. */
static struct str
resource_kind(struct str action)
{
	static const struct {
		struct str action, kind;
	} kinds[] = {
	    {{"net:", 4}, {"net:domain:", 11}},
	    {{"ssh:", 4}, {"net:domain:", 11}},
	    {{"fs:", 3}, {"fs:path:", 8}},
	    {{"proc:", 5}, {"proc:path:", 10}},
	    {{"http:", 5}, {"http:url:", 9}},
	    {{"tool:", 5}, {"tool:name:", 10}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(action, kinds[i].action))
			return kinds[i].kind;
	return STR_NONE;
}

/* A record that was too long has only the beginning of its resource. */
static bool
is_cut(const struct recordline *line)
{
	char buf[LIMIT_NAME];
	struct str type = recordline_string(
	    recordline_value(line, MEMBER_action_type), buf, sizeof(buf));
	struct recordline_walk walk = recordline_walk(
	    str_given(type) ? recordline_named(line, type) : NULL);
	struct recordline_value key, value;

	while (recordline_next(&walk, &key, &value))
		if (recordline_is(&key, STR("resource_sha256")))
			return true;
	return false;
}

static struct str
text_of(const struct recordline *line, enum recordline_member m, char buf[LIMIT_LINE])
{
	return recordline_string(recordline_value(line, m), buf, LIMIT_LINE);
}

/* The operation in its one form, in *op. */
static bool
read_request(const struct recordline *line, struct policy_op *op)
{
	char action_buf[LIMIT_LINE], target_buf[LIMIT_LINE], buf[LIMIT_LINE + 16];
	struct str action = text_of(line, MEMBER_action, action_buf);
	struct str target = text_of(line, MEMBER_resource_id, target_buf);
	struct text resource = text_over(buf, sizeof(buf));
	const char *why;

	if (!str_given(action) || !str_given(target))
		return false;
	text_put(&resource, resource_kind(action));
	text_put(&resource, target);
	return text_ok(&resource) && policy_op_parse(op, action, text_str(&resource), &why) == 0;
}

static bool
read_time(const struct recordline *line, int64_t *ret)
{
	char buf[LIMIT_LINE];
	struct str s = text_of(line, MEMBER_timestamp, buf);

	return str_given(s) && clock_parse(s, ret) == 0;
}

/* Who asked and what came of it; what was asked is another matter. The strings lie in buf. */
static void
read_decision(const struct recordline *line, char buf[RECORDED_FIELDS + 2][LIMIT_LINE],
    struct recorded_decision *d)
{
	d->deny = !recordline_is(
	    recordline_value(line, MEMBER_decision), STR("AUDIT_DECISION_ALLOW"));
	d->enforced = recordline_is(
	    recordline_value(line, MEMBER_enforcement_mode), STR("enforce"));
	d->field[RECORDED_USER] = text_of(line, MEMBER_username, buf[RECORDED_USER]);
	d->field[RECORDED_SANDBOX] = text_of(line, MEMBER_sandbox_id, buf[RECORDED_SANDBOX]);
	d->field[RECORDED_AGENT] = text_of(line, MEMBER_agent, buf[RECORDED_AGENT]);
	d->field[RECORDED_CLIENT] = text_of(line, MEMBER_client_name, buf[RECORDED_CLIENT]);
	d->policy = text_of(line, MEMBER_policy_id, buf[RECORDED_FIELDS]);
	d->rule = text_of(line, MEMBER_rule_id, buf[RECORDED_FIELDS + 1]);
	/* The writer never leaves out one of them. */
	if (str_given(d->rule) && !str_given(d->policy))
		d->policy = STR("");
}

int
recordings_line(struct recordings *r, struct str text)
{
	static char buf[RECORDED_FIELDS + 2][LIMIT_LINE];
	static struct policy_op op;
	struct recorded_decision d = {.deny = false};
	struct recordline_fault fault;
	struct recordline line;

	if (recordline_cut(&line, text, &fault) < 0 || !read_time(&line, &d.at)) {
		r->not_read++;
		return 0;
	}
	if (!recordline_is(
		recordline_value(&line, MEMBER_category), STR("AUDIT_CATEGORY_EVALUATION")) ||
	    d.at < r->since)
		return 0;
	read_decision(&line, buf, &d);
	if (is_cut(&line))
		return recordings_add_cut(r, &d);
	if (!read_request(&line, &op)) {
		r->decisions++;
		r->no_request++;
		return 0;
	}
	d.field[RECORDED_ACTION] = op.action_name;
	d.field[RECORDED_RESOURCE] = op.resource;
	return recordings_add(r, &d);
}
