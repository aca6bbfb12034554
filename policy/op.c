/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "policy/action.h"
#include "policy/canon.h"
#include "policy/policy.h"

static int
refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* What has been written since start. */
static struct str
written(const struct text *t, size_t start)
{
	return (struct str){t->p + start, t->n - start};
}

static bool
take_prefix(struct str *s, struct str prefix)
{
	if (!str_starts(*s, prefix))
		return false;
	*s = str_skip(*s, prefix.n);
	return true;
}

static int
op_net(struct policy_op *op, struct text *t, struct str s, const char **ret_why)
{
	bool as_ip = take_prefix(&s, STR("net:ip:"));
	struct canon_endpoint e;
	size_t start = t->n, target;

	if (!as_ip && !take_prefix(&s, STR("net:domain:")))
		return refuse(ret_why, "this action needs a net:domain: or net:ip: resource");
	if (canon_endpoint(s, 0, &e, ret_why) < 0)
		return -EINVAL;
	if (as_ip && e.ip.n == 0)
		return refuse(ret_why, "net:ip: needs an IP address");
	/* An address is an address, whatever it came as: domain rules must never decide on it. */
	text_put(t, e.ip.n > 0 ? STR("net:ip:") : STR("net:domain:"));
	target = t->n;
	if (e.ip.n > 0)
		canon_ip_text(t, &e.ip, true);
	else
		text_put(t, (struct str){e.name, e.name_n});
	op->host = e.ip.n > 0 ? STR("") : written(t, target);
	text_char(t, ':');
	text_u64(t, e.port);
	op->resource = written(t, start);
	op->target = written(t, target);
	op->ip_bytes = e.ip.n;
	memcpy(op->ip, e.ip.bytes, sizeof(op->ip));
	op->port = e.port;
	return 0;
}

static int
op_path(struct policy_op *op, struct text *t, struct str s, struct str kind, const char **ret_why)
{
	size_t start = t->n, target;

	if (!take_prefix(&s, kind))
		return refuse(ret_why, op->family == FAMILY_FS
					   ? "this action needs an fs:path: resource"
					   : "this action needs a proc:path: resource");
	text_put(t, kind);
	target = t->n;
	if (canon_path(s, t, ret_why) < 0)
		return -EINVAL;
	op->resource = written(t, start);
	op->target = op->path = written(t, target);
	return 0;
}

static int
op_http(struct policy_op *op, struct text *t, struct str s, const char **ret_why)
{
	struct canon_url url;
	size_t start = t->n, target;

	if (!take_prefix(&s, STR("http:url:")))
		return refuse(ret_why, "this action needs an http:url: resource");
	if (canon_url_parse(s, &url, ret_why) < 0)
		return -EINVAL;
	text_put(t, STR("http:url:"));
	target = t->n;
	if (canon_url_text(&url, t, ret_why) < 0)
		return -EINVAL;
	op->resource = written(t, start);
	op->target = written(t, target);
	op->scheme = canon_scheme_name(url.scheme);
	op->ip_bytes = url.endpoint.ip.n;
	memcpy(op->ip, url.endpoint.ip.bytes, sizeof(op->ip));
	op->port = url.endpoint.port;
	op->host = url.endpoint.ip.n > 0
		       ? STR("")
		       : (struct str){op->target.p + op->scheme.n + 3, url.endpoint.name_n};
	start = t->n;
	if (canon_url_path(url.path, true, t, ret_why) < 0)
		return -EINVAL;
	op->path = written(t, start);
	return 0;
}

static int
op_tool(struct policy_op *op, struct text *t, struct str s, const char **ret_why)
{
	size_t start = t->n;

	op->resource = s;
	if (!take_prefix(&s, STR("tool:name:")))
		return refuse(ret_why, "this action needs a tool:name: resource");
	if (s.n == 0 || s.n > LIMIT_NAME)
		return refuse(ret_why, "tool name must have 1 to 256 bytes");
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return refuse(ret_why, "tool name must not contain control characters");
	if (!utf8_valid(s))
		return refuse(ret_why, "tool name must be UTF-8");
	text_put(t, op->resource);
	op->resource = written(t, start);
	op->target = op->path = str_skip(op->resource, STR("tool:name:").n);
	return 0;
}

static int
op_action(struct policy_op *op, struct text *t, struct str name, const char **ret_why)
{
	struct str method;
	const struct action_row *row = action_find(name, &method);

	if (!row)
		return refuse(ret_why, "no such action");
	op->family = row->family;
	op->action = row->action;
	op->action_name = row->name;
	if (row->family != FAMILY_HTTP)
		return 0;
	text_put(t, row->name);
	if (action_method(method, t) < 0)
		return refuse(ret_why, "http:request: needs an HTTP method");
	op->action_name = written(t, 0);
	op->method = str_skip(op->action_name, row->name.n);
	return 0;
}

static int
op_resource(struct policy_op *op, struct text *t, struct str resource, const char **ret_why)
{
	switch (op->family) {
	case FAMILY_NET:
		return op_net(op, t, resource, ret_why);
	case FAMILY_FS:
		return op_path(op, t, resource, STR("fs:path:"), ret_why);
	case FAMILY_PROC:
		return op_path(op, t, resource, STR("proc:path:"), ret_why);
	case FAMILY_HTTP:
		return op_http(op, t, resource, ret_why);
	case FAMILY_TOOL:
		return op_tool(op, t, resource, ret_why);
	}
	return refuse(ret_why, "no such action");
}

int
policy_op_parse(struct policy_op *op, struct str action, struct str resource, const char **ret_why)
{
	struct text t = text_over(op->buf, sizeof(op->buf));

	/* Everything but buf, which is large and written before it is read. */
	memset(op, 0, offsetof(struct policy_op, buf));
	if (op_action(op, &t, action, ret_why) < 0)
		return -EINVAL;
	if (op_resource(op, &t, resource, ret_why) < 0)
		return -EINVAL;
	if (!text_ok(&t) || op->target.n > LIMIT_RESOURCE)
		return refuse(ret_why, "resource is over 4096 bytes");
	return 0;
}
