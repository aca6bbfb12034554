/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/action.h"

#include <errno.h>

#define S(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const struct action_row action_rows[] = {
    {POLICY_CONNECT_TCP, FAMILY_NET, S("net:connect:tcp"), S("connect:tcp"), {NULL, 0}},
    {POLICY_CONNECT_UDP, FAMILY_NET, S("net:connect:udp"), S("connect:udp"), {NULL, 0}},
    {POLICY_SSH_CONNECT, FAMILY_NET, S("ssh:connect"), S("ssh:connect"), {NULL, 0}},
    {POLICY_READ, FAMILY_FS, S("fs:read"), S("read"), {NULL, 0}},
    {POLICY_WRITE, FAMILY_FS, S("fs:write"), S("write"), {NULL, 0}},
    {POLICY_MOUNT_READ, FAMILY_FS, S("fs:mount:read"), S("read"), S("mount:read")},
    {POLICY_MOUNT_WRITE, FAMILY_FS, S("fs:mount:write"), S("write"), S("mount:write")},
    {POLICY_EXEC, FAMILY_PROC, S("proc:exec"), S("exec"), {NULL, 0}},
    {POLICY_HTTP_REQUEST, FAMILY_HTTP, S("http:request:"), S("request:"), {NULL, 0}},
    {POLICY_TOOL_INVOKE, FAMILY_TOOL, S("tool:invoke"), S("invoke"), {NULL, 0}},
};

const struct action_row *
action_find(struct str name, struct str *ret_method)
{
	for (size_t i = 0; i < ARRAY_SIZE(action_rows); i++) {
		const struct action_row *row = &action_rows[i];
		bool http = row->family == FAMILY_HTTP;

		if (http ? !str_starts(name, row->name) : !str_eq(name, row->name))
			continue;
		*ret_method = http ? str_skip(name, row->name.n) : STR_NONE;
		return row;
	}
	return NULL;
}

static bool
action_row_is(const struct action_row *row, struct str name)
{
	return str_eq(name, row->name) || str_eq(name, row->rule_name) ||
	       (str_given(row->also) && str_eq(name, row->also));
}

/* "request:GET" is looked up as "request:", "request" and "request:*" mean any method. */
static struct str
action_split_method(struct str *name)
{
	static const struct str prefixes[] = {S("http:request"), S("request")};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		struct str rest;

		if (!str_starts(*name, prefixes[i]))
			continue;
		rest = str_skip(*name, prefixes[i].n);
		if (rest.n > 0 && rest.p[0] != ':')
			continue;
		*name = i == 0 ? STR("http:request:") : STR("request:");
		return str_skip(rest, 1);
	}
	return STR_NONE;
}

int
action_of_rule(
    struct str name, uint32_t *ret_bits, enum policy_family *ret_family, struct str *ret_method)
{
	struct str method = action_split_method(&name);
	uint32_t bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(action_rows); i++) {
		const struct action_row *row = &action_rows[i];

		if (!action_row_is(row, name))
			continue;
		bits |= ACTION_BIT(row->action);
		*ret_family = row->family;
	}
	if (bits == 0)
		return -EINVAL;
	*ret_bits = bits;
	*ret_method = method;
	return 0;
}

int
action_method(struct str s, struct text *out)
{
	if (s.n == 0 || s.n > CANON_METHOD_MAX || !canon_is_alpha(s.p[0]))
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!canon_is_alpha(c) && !canon_is_digit(c) && c != '-' && c != '_')
			return -EINVAL;
		text_char(out, canon_upper(c));
	}
	return text_ok(out) ? 0 : -EINVAL;
}

const char *
action_family_name(enum policy_family family)
{
	static const char *const names[] = {
	    [FAMILY_NET] = "network",
	    [FAMILY_FS] = "file system",
	    [FAMILY_PROC] = "program",
	    [FAMILY_HTTP] = "HTTP",
	    [FAMILY_TOOL] = "tool",
	};

	return names[family];
}
