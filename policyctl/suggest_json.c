/* SPDX-License-Identifier: Apache-2.0 */

/* A suggestion as JSON. */

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/cli.h"
#include "common/clock.h"
#include "policyctl/request.h"
#include "policyctl/suggest_show.h"

static void
json_number(struct object *o, const char *key, uint64_t v)
{
	object_key(o, str_from(key));
	text_u64(o->t, v);
}

static void
json_time(struct object *o, const char *key, int64_t us)
{
	char buf[RFC3339_SIZE];

	clock_format(us, buf);
	object_str(o, key, str_from(buf));
}

static void
json_request(struct object *o, const char *key, const struct recorded *q)
{
	static const char *const keys[] = {
	    "action", "resource", "username", "sandbox_id", "agent", "client_name"};
	struct object r;

	object_key(o, str_from(key));
	r = object_open(o->t);
	for (size_t i = 0; i < RECORDED_FIELDS; i++)
		object_str(&r, keys[i], q->field[i]);
	object_close(&r);
}

static void
json_piece(struct text *t, const struct piece *p, uint32_t number)
{
	char id[DOC_ID_MAX], resource_buf[LIMIT_RESOURCE + 64];
	struct text resource = text_over(resource_buf, sizeof(resource_buf));
	struct object o = object_open(t);

	suggest_resource(&resource, p);
	object_str(&o, "rule_id", suggest_id(p, number, id));
	object_str(&o, "actions", p->action);
	object_str(&o, "resource", text_str(&resource));
	object_str(&o, "user", p->user);
	object_str(&o, "sandbox", p->sandbox);
	json_number(&o, "denials", p->denials);
	json_number(&o, "requests", p->requests);
	json_time(&o, "first", p->first);
	json_time(&o, "last", p->last);
	json_request(&o, "example", p->example);
	object_str(&o, "more", p->more);
	object_close(&o);
}

static void
json_pieces(const struct suggestion *s)
{
	static char buf[SUGGEST_TEXT];
	CLEANUP_FREE struct suggest_shown *v = suggest_sorted(s);

	for (uint32_t i = 0; i < s->suggest.pieces.n; i++) {
		struct text t = text_over(buf, sizeof(buf));

		json_piece(&t, v[i].p, i);
		cli_puts(i > 0 ? ",\n" : "");
		cli_put_json_part(text_str(&t));
	}
}

static void
json_forbidden(const struct suggestion *s)
{
	static char buf[SUGGEST_TEXT];
	const uint32_t *which = s->forbidden.p;

	for (uint32_t i = 0; i < s->forbidden.n; i++) {
		const struct recorded *q = recordings_at(&s->recorded, which[i]);
		struct text t = text_over(buf, sizeof(buf));
		struct object o = object_open(&t);

		json_request(&o, "request", q);
		json_number(&o, "denials", q->by_rule);
		object_str(&o, "policy_id", q->policy);
		object_str(&o, "rule_id", q->rule);
		object_close(&o);
		cli_puts(i > 0 ? ",\n" : "");
		cli_put_json_part(text_str(&t));
	}
}

static void
json_document(struct str document)
{
	size_t room = 6 * document.n + 2;
	CLEANUP_FREE char *buf = malloc(room);
	struct text t = text_over(buf, room);

	if (!buf)
		cli_fatal(ENOMEM, "suggest");
	text_json(&t, document);
	cli_put_json_part(text_str(&t));
}

void
suggestion_json(const struct suggestion *s, struct str document)
{
	char buf[256];
	struct text t = text_over(buf, sizeof(buf));
	struct object o = object_open(&t);

	json_number(&o, "requests", suggest_requests(s));
	json_number(&o, "allowed_now", s->allowed_now);
	json_number(&o, "no_rule", s->no_rule);
	json_number(&o, "left_out", s->left_out);
	object_key(&o, STR("rules"));
	cli_put(text_str(&t));
	cli_puts("[");
	json_pieces(s);
	cli_puts("],\"forbidden\":[");
	json_forbidden(s);
	cli_puts("],\"document\":");
	json_document(document);
	cli_puts("}\n");
}
