/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/outline.h"

#include <arpa/inet.h>

#include "auditlog/path.h"
#include "common/clock.h"

/* By action_type. A severity here is that of management records without a state of their own. */
static const struct outline_type {
	const char *action_type;
	enum outline_kind kind;
	enum outline_severity severity;
} types[] = {
    {"network_egress", OUTLINE_NETWORK, SEVERITY_INFO},
    {"filesystem_access", OUTLINE_FILE, SEVERITY_INFO},
    {"http_request", OUTLINE_HTTP, SEVERITY_INFO},
    {"process_exec", OUTLINE_PROCESS, SEVERITY_INFO},
    {"tool_invocation", OUTLINE_TOOL, SEVERITY_INFO},
    {"ssh_session", OUTLINE_SSH, SEVERITY_INFO},
    {"filesystem_mount", OUTLINE_MOUNT, SEVERITY_INFO},
    {"unknown_action", OUTLINE_UNKNOWN, SEVERITY_MEDIUM},
    {"execution", OUTLINE_EXECUTION, SEVERITY_INFO},
    {"application_event", OUTLINE_EVENT, SEVERITY_INFO},
    {"policy", OUTLINE_POLICY, SEVERITY_INFO},
    {"session", OUTLINE_SESSION, SEVERITY_INFO},
    {"storage", OUTLINE_MANAGEMENT, SEVERITY_HIGH},
    {"clock_step", OUTLINE_MANAGEMENT, SEVERITY_MEDIUM},
    {"process", OUTLINE_MANAGEMENT, SEVERITY_LOW},
    {"channel", OUTLINE_MANAGEMENT, SEVERITY_HIGH},
    {"input", OUTLINE_MANAGEMENT, SEVERITY_LOW},
    {"recovery", OUTLINE_MANAGEMENT, SEVERITY_MEDIUM},
    {"segments", OUTLINE_MANAGEMENT, SEVERITY_HIGH},
    {"unrecorded", OUTLINE_MANAGEMENT, SEVERITY_HIGH},
    {"configuration", OUTLINE_MANAGEMENT, SEVERITY_INFO},
    {"heartbeat", OUTLINE_MANAGEMENT, SEVERITY_INFO},
    {"counters", OUTLINE_MANAGEMENT, SEVERITY_INFO},
    {"admin", OUTLINE_MANAGEMENT, SEVERITY_LOW},
    {"origin", OUTLINE_MANAGEMENT, SEVERITY_INFO},
};

static const struct outline_type *
type_of(const struct recordline *r)
{
	static const struct outline_type none = {"", OUTLINE_OTHER, SEVERITY_LOW};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (recordline_is(
			recordline_value(r, MEMBER_action_type), str_from(types[i].action_type)))
			return &types[i];
	return &none;
}

static bool
payload_says(const struct recordline *r, struct str name, struct str value)
{
	struct recordline_value v;

	return path_step(recordline_value(r, MEMBER_payload), name, &v) &&
	       str_eq((struct str){v.p, v.n}, value);
}

static enum outline_severity
level_severity(const struct recordline_value *level)
{
	if (recordline_is(level, STR("error")))
		return SEVERITY_HIGH;
	if (recordline_is(level, STR("warning")))
		return SEVERITY_MEDIUM;
	return recordline_is(level, STR("debug")) ? SEVERITY_DEBUG : SEVERITY_INFO;
}

static void
outline_decision(struct outline *o, const struct recordline *r)
{
	bool allowed = recordline_is(
	    recordline_value(r, MEMBER_decision), STR("AUDIT_DECISION_ALLOW"));

	o->outcome = allowed ? OUTCOME_ALLOWED : OUTCOME_DENIED;
	o->severity = allowed ? SEVERITY_INFO : SEVERITY_MEDIUM;
}

static void
outline_result(struct outline *o, bool succeeded)
{
	o->outcome = succeeded ? OUTCOME_SUCCEEDED : OUTCOME_FAILED;
	o->severity = succeeded ? SEVERITY_INFO : SEVERITY_MEDIUM;
}

static void
outline_storage(struct outline *o, const struct recordline *r)
{
	if (payload_says(r, STR("state"), STR("ok")) ||
	    payload_says(r, STR("state"), STR("recovered")))
		o->severity = SEVERITY_INFO;
	else if (payload_says(r, STR("state"), STR("low")))
		o->severity = SEVERITY_MEDIUM;
}

struct outline
outline_of(const struct recordline *r)
{
	const struct outline_type *type = type_of(r);
	struct outline o = {type->kind, type->severity, OUTCOME_NONE};

	if (recordline_has(r, MEMBER_decision))
		outline_decision(&o, r);
	else if (o.kind == OUTLINE_EXECUTION)
		outline_result(&o, payload_says(r, STR("success"), STR("true")));
	else if (o.kind == OUTLINE_EVENT)
		o.severity = level_severity(recordline_value(r, MEMBER_level));
	else if (o.kind == OUTLINE_POLICY)
		outline_result(&o, payload_says(r, STR("result"), STR("loaded")));
	else if (str_eq(str_from(type->action_type), STR("storage")))
		outline_storage(&o, r);
	return o;
}

/* --- parts ----------------------------------------------------------------------------------- */

static bool
parse_port(struct str s, unsigned *ret)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n && i < 6; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(s.p[i] - '0');
	}
	*ret = n;
	return s.n > 0 && s.n < 6 && n <= 65535;
}

static bool
is_address(struct str s, int family)
{
	char text[INET6_ADDRSTRLEN], binary[16];

	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family, text, binary) == 1;
}

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 0x20);

		if (!(c >= 'a' && c <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '.' &&
		    s.p[i] != '-' && s.p[i] != '_')
			return false;
	}
	return s.n > 0 && s.n <= 253;
}

static bool
parse_name(struct str s, struct outline_host *ret)
{
	bool bracketed = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';

	ret->name = bracketed ? (struct str){s.p + 1, s.n - 2} : s;
	ret->address = is_address(ret->name, bracketed ? AF_INET6 : AF_INET);
	return ret->address || (!bracketed && is_name(ret->name));
}

/* STR_NONE: it is no text that can be looked at as it is written. */
static struct str
resource_of(const struct recordline *r)
{
	const struct recordline_value *v = recordline_value(r, MEMBER_resource_id);

	if (!v || v->type != RECORDLINE_STRING || v->escaped)
		return STR_NONE;
	return (struct str){v->p, v->n};
}

bool
outline_host(const struct recordline *r, struct outline_host *ret)
{
	struct str s = resource_of(r);
	const char *colon = s.n > 0 ? memrchr(s.p, ':', s.n) : NULL;
	size_t n = colon ? (size_t)(colon - s.p) : 0;

	return colon && parse_port(str_skip(s, n + 1), &ret->port) &&
	       parse_name((struct str){s.p, n}, ret);
}

/* What stands before the first of these. */
static struct str
before_any(struct str s, const char *characters)
{
	size_t n = 0;

	while (n < s.n && !strchr(characters, s.p[n]))
		n++;
	return (struct str){s.p, n};
}

static bool
parse_authority(struct str s, struct outline_host *ret)
{
	const char *colon = s.n > 0 && s.p[s.n - 1] != ']' ? memrchr(s.p, ':', s.n) : NULL;
	size_t n = colon ? (size_t)(colon - s.p) : s.n;

	return parse_name((struct str){s.p, n}, ret) &&
	       (!colon || parse_port(str_skip(s, n + 1), &ret->port));
}

bool
outline_url(const struct recordline *r, struct outline_url *ret)
{
	struct str s = resource_of(r);
	const char *colon = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
	bool https;

	if (!colon)
		return false;
	ret->scheme = (struct str){s.p, (size_t)(colon - s.p)};
	https = str_eq(ret->scheme, STR("https"));
	ret->host.port = https ? 443 : 80;
	s = str_skip(s, ret->scheme.n + 1);
	if ((!https && !str_eq(ret->scheme, STR("http"))) || s.n < 2 || memcmp(s.p, "//", 2) != 0)
		return false;
	return parse_authority(before_any(str_skip(s, 2), "/?#"), &ret->host);
}

bool
outline_us(const struct recordline *r, int64_t *ret)
{
	const struct recordline_value *v = recordline_value(r, MEMBER_timestamp);

	return v && v->type == RECORDLINE_STRING && !v->escaped &&
	       clock_parse((struct str){v->p, v->n}, ret) == 0;
}

bool
outline_ms(const struct recordline *r, int64_t *ret)
{
	int64_t us;

	if (!outline_us(r, &us) || us < 0)
		return false;
	*ret = us / 1000;
	return true;
}
