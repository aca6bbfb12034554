/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Requests as policyd reads them: one line of JSON each (proto/request.schema.json). */

#include "common/cli.h"
#include "common/limits.h"
#include "common/str.h"
#include "common/text.h"

/* An object that is written member by member. */
struct object {
	struct text *t;
	bool any;
};
struct object object_open(struct text *t);
/* Write `"key":`; the value is the caller's to write. */
void object_key(struct object *o, struct str key);
/* A string member; nothing when s is STR_NONE. */
void object_str(struct object *o, const char *key, struct str s);
void object_close(struct object *o);

/* Who asks, as the command line says it. NULL: not given. */
struct asker {
	const char *user, *client, *sandbox, *agent;
	struct cli_list groups;
	struct cli_list context; /* KEY=VALUE */
};

/* The options of struct asker, for the tables of evaluate and check. */
/* clang-format off */
#define ASKER_OPTIONS(a) \
	{.name = "user", .value = "USER", .help = "who asks, instead of the calling user", .text = &(a)->user}, \
	{.name = "group", .value = "GROUP", .help = "a group of the user (may be repeated)", .list = &(a)->groups}, \
	{.name = "client", .value = "NAME", .help = "name of the asking program", .text = &(a)->client}, \
	{.name = "sandbox", .value = "ID", .help = "sandbox that it runs in", .text = &(a)->sandbox}, \
	{.name = "agent", .value = "NAME", .help = "agent on whose behalf it asks", .text = &(a)->agent}, \
	{.name = "context", .value = "KEY=VALUE", .help = "an attribute for conditions (may be repeated)", .list = &(a)->context}
/* clang-format on */

/* Split KEY=VALUE. False when there is no '=' or the key is empty. */
bool request_pair(const char *pair, struct str *ret_key, struct str *ret_value);

/* `{"id":"1","action":...}` and a newline. The pairs of asker->context were checked. */
void
request_evaluate(struct text *t, struct str action, struct str resource, const struct asker *asker);
