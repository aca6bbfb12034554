/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/request.h"

struct object
object_open(struct text *t)
{
	text_char(t, '{');
	return (struct object){t, false};
}

void
object_key(struct object *o, struct str key)
{
	if (o->any)
		text_char(o->t, ',');
	o->any = true;
	text_json(o->t, key);
	text_char(o->t, ':');
}

void
object_str(struct object *o, const char *key, struct str s)
{
	if (!str_given(s))
		return;
	object_key(o, str_from(key));
	text_json(o->t, s);
}

void
object_close(struct object *o)
{
	text_char(o->t, '}');
}

bool
request_pair(const char *pair, struct str *ret_key, struct str *ret_value)
{
	const char *equals = strchr(pair, '=');

	if (!equals || equals == pair)
		return false;
	*ret_key = (struct str){pair, (size_t)(equals - pair)};
	*ret_value = str_from(equals + 1);
	return true;
}

static void
request_subject(struct object *request, const struct asker *asker)
{
	struct object subject;

	if (!asker->user && asker->groups.n == 0)
		return;
	object_key(request, STR("subject"));
	subject = object_open(request->t);
	object_str(&subject, "user", str_from(asker->user));
	if (asker->groups.n > 0)
		object_key(&subject, STR("groups"));
	for (size_t i = 0; i < asker->groups.n; i++) {
		text_char(request->t, i == 0 ? '[' : ',');
		text_json(request->t, str_from(asker->groups.v[i]));
	}
	if (asker->groups.n > 0)
		text_char(request->t, ']');
	object_close(&subject);
}

static void
request_context(struct object *request, const struct cli_list *pairs)
{
	struct object context;

	if (pairs->n == 0)
		return;
	object_key(request, STR("context"));
	context = object_open(request->t);
	for (size_t i = 0; i < pairs->n; i++) {
		struct str key, value;

		if (!request_pair(pairs->v[i], &key, &value))
			continue;
		object_key(&context, key);
		text_json(request->t, value);
	}
	object_close(&context);
}

void
request_evaluate(struct text *t, struct str action, struct str resource, const struct asker *asker)
{
	struct object request = object_open(t);

	object_str(&request, "id", STR("1"));
	object_str(&request, "action", action);
	object_str(&request, "resource", resource);
	request_subject(&request, asker);
	object_str(&request, "client_name", str_from(asker->client));
	object_str(&request, "sandbox_id", str_from(asker->sandbox));
	object_str(&request, "agent", str_from(asker->agent));
	request_context(&request, &asker->context);
	object_close(&request);
	text_char(t, '\n');
}
