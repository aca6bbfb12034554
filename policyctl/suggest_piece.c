/* SPDX-License-Identifier: Apache-2.0 */

/* From a request to the one resource that names it and nothing else. */

#include <errno.h>

#include "policy/canon.h"
#include "policy/pattern.h"
#include "policyctl/suggest.h"

static struct str
keep(struct suggest *s, const struct text *t)
{
	return text_ok(t) ? arena_str(&s->arena, text_str(t)) : STR_NONE;
}

/* The action as a rule writes it, which covers this one alone. */
static struct str
rule_action(struct suggest *s, const struct policy_op *op)
{
	char buf[LIMIT_NAME + 32];
	struct text t = text_over(buf, sizeof(buf));

	switch (op->family) {
	case FAMILY_HTTP:
		text_put(&t, STR("request:"));
		text_put(&t, op->method);
		break;
	case FAMILY_PROC:
		text_put(&t, STR("exec"));
		break;
	case FAMILY_TOOL:
		text_put(&t, STR("invoke"));
		break;
	case FAMILY_NET:
		text_put(&t, op->action == POLICY_SSH_CONNECT ? op->action_name
							      : str_skip(op->action_name, 4));
		break;
	case FAMILY_FS:
		text_put(&t, op->action_name);
		break;
	}
	return keep(s, &t);
}

/* "https://h.example:8443": what stands before the path. */
static struct str
url_site(const struct policy_op *op)
{
	size_t at = op->scheme.n + STR("://").n;
	struct str rest = str_skip(op->target, at);
	const char *slash = rest.n ? memchr(rest.p, '/', rest.n) : NULL;

	return (struct str){op->target.p, at + (slash ? (size_t)(slash - rest.p) : rest.n)};
}

/* As rules match it: several spellings are one. */
static struct str
url_path(struct suggest *s, const struct policy_op *op)
{
	char buf[LIMIT_RESOURCE];
	struct text t = text_over(buf, sizeof(buf));
	struct str path = str_skip(op->target, url_site(op).n);
	const char *query = path.n ? memchr(path.p, '?', path.n) : NULL, *why;

	path.n = query ? (size_t)(query - path.p) : path.n;
	return canon_url_path(path, true, &t, &why) == 0 ? keep(s, &t) : STR_NONE;
}

/* The host as it stands in the target, without its port. */
static struct str
net_host(const struct policy_op *op)
{
	const char *colon = memrchr(op->target.p, ':', op->target.n);

	return (struct str){op->target.p, colon ? (size_t)(colon - op->target.p) : op->target.n};
}

static void
take_net(struct suggest *s, const struct policy_op *op, struct piece *p)
{
	char buf[8];
	struct text t = text_over(buf, sizeof(buf));

	text_u64(&t, op->port);
	p->head = arena_str(&s->arena, net_host(op));
	p->tail = keep(s, &t);
	p->port = op->port;
	p->is_ip4 = op->ip_bytes == 4;
	if (p->is_ip4)
		memcpy(p->ip, op->ip, sizeof(p->ip));
}

static void
take_other(struct suggest *s, const struct policy_op *op, struct piece *p)
{
	bool url = op->family == FAMILY_HTTP;

	p->head = url ? arena_str(&s->arena, url_site(op)) : STR("");
	p->tail = url ? url_path(s, op) : arena_str(&s->arena, op->path);
	if (p->tail.n > 0 && memchr(p->tail.p, '*', p->tail.n))
		p->more = STR("all that its '*' stands for: a rule cannot name a star");
}

void
suggest_resource(struct text *t, const struct piece *p)
{
	text_put(t, p->head);
	if (p->family == FAMILY_NET)
		text_char(t, ':');
	text_put(t, p->tail);
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* In a scope a star is no star, and a name has its limits; who is on record may have claimed any bytes. */
static bool
can_scope(struct str who)
{
	return !str_given(who) || (who.n > 0 && who.n <= LIMIT_NAME && !has_control(who) &&
				      !memchr(who.p, '*', who.n));
}

/* A file name with a newline, say, or with two stars: no pattern says that. */
static bool
can_name(const struct piece *p)
{
	char resource_buf[LIMIT_RESOURCE + 64], why_buf[256];
	struct text resource = text_over(resource_buf, sizeof(resource_buf));
	struct text why = text_over(why_buf, sizeof(why_buf));
	struct arena arena = {NULL};
	struct pattern pattern;
	bool ok;

	suggest_resource(&resource, p);
	ok = text_ok(&resource) && !has_control(text_str(&resource)) && can_scope(p->user) &&
	     can_scope(p->sandbox) &&
	     pattern_parse(text_str(&resource), p->family, &arena, &pattern, &why) == 0;
	arena_free(&arena);
	return ok;
}

int
suggest_add(struct suggest *s, const struct recorded *q, uint64_t denials, bool forbidden)
{
	static struct policy_op op;
	static struct policy_subject subject;
	struct piece p =
			 {
			     .forbidden = forbidden,
			     .denials = denials,
			     .requests = 1,
			     .first = q->first,
			     .last = q->last,
			     .example = q,
			 },
		     *added;

	if (recorded_op(q, &op, &subject) < 0)
		return -EINVAL;
	p.user = s->per_user ? subject.user : STR_NONE;
	p.sandbox = s->per_sandbox ? subject.sandbox : STR_NONE;
	p.family = op.family;
	p.action = rule_action(s, &op);
	(op.family == FAMILY_NET ? take_net : take_other)(s, &op, &p);
	if (!str_given(p.action) || !str_given(p.head) || !str_given(p.tail))
		return -ENOMEM;
	if (!can_name(&p))
		return -EINVAL;
	added = vec_add(&s->pieces, sizeof(*added));
	if (!added)
		return -ENOMEM;
	*added = p;
	return 0;
}

/* --- names that strangers share ------------------------------------------------------------------ */

/* Below a country: "co.uk", "com.au". */
static bool
is_second_level(struct str label)
{
	static const char *const labels[] = {"ac", "co", "com", "edu", "gob", "gov", "go", "id",
	    "info", "ltd", "me", "mil", "ne", "net", "nhs", "nom", "or", "org", "plc", "police",
	    "sch", "web"};

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (str_eq(label, str_from(labels[i])))
			return true;
	return false;
}

/* A part of what is known; the two-label rule catches none of these. */
static bool
is_shared_site(struct str host)
{
	static const char *const sites[] = {"appspot.com", "azurewebsites.net", "blogspot.com",
	    "cloudapp.net", "cloudfront.net", "deno.dev", "firebaseapp.com", "fly.dev", "github.io",
	    "gitlab.io", "herokuapp.com", "netlify.app", "ngrok.io", "ngrok-free.app",
	    "onrender.com", "pages.dev", "r2.dev", "readthedocs.io", "repl.co", "surge.sh",
	    "trycloudflare.com", "vercel.app", "web.app", "workers.dev"};
	/* And all below them. */
	static const char *const realms[] = {".amazonaws.com", ".windows.net", ".azure.com",
	    ".googleusercontent.com", ".digitaloceanspaces.com", ".run.app"};

	for (size_t i = 0; i < ARRAY_SIZE(sites); i++)
		if (str_eq(host, str_from(sites[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(realms); i++)
		if (str_ends(host, str_from(realms[i])) ||
		    str_eq(host, str_skip(str_from(realms[i]), 1)))
			return true;
	return false;
}

bool
suggest_is_shared(struct str host)
{
	const char *dot = host.n ? memchr(host.p, '.', host.n) : NULL;
	struct str rest = dot ? str_skip(host, (size_t)(dot - host.p) + 1) : STR("");

	if (!dot || rest.n == 0)
		return true;
	if (rest.n == 2 && is_second_level((struct str){host.p, (size_t)(dot - host.p)}))
		return true;
	return is_shared_site(host);
}
