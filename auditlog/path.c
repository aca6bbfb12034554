/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/path.h"

#include "common/text.h"
#include "proto/record.h"

struct str
path_next(struct str *rest)
{
	const char *dot = rest->n > 0 ? memchr(rest->p, '.', rest->n) : NULL;
	struct str name = {rest->p, dot ? (size_t)(dot - rest->p) : rest->n};

	*rest = str_skip(*rest, name.n + 1);
	return name;
}

static bool
is_action_type(struct str name)
{
	static const char *const all[] = {
#define ACTION_TYPE(tag, number, json, category, noters) json,
#include "proto/action.def"
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (str_eq(str_from(all[i]), name))
			return true;
	return false;
}

static bool
is_of_peer(struct str name)
{
	return str_eq(name, STR("uid")) || str_eq(name, STR("gid")) || str_eq(name, STR("pid"));
}

/* No name is empty. */
static bool
is_whole(struct str text)
{
	bool whole = text.n > 0 && text.p[text.n - 1] != '.';

	while (whole && text.n > 0)
		whole = path_next(&text).n > 0;
	return whole;
}

bool
path_parse(struct path *p, struct str text)
{
	struct str rest = text, name = path_next(&rest);

	*p = (struct path){.text = text, .below = rest, .member = recordline_find(name)};
	if (str_eq(name, STR("payload")))
		p->member = MEMBER_payload;
	if (!is_whole(text) || !utf8_valid(text))
		return false;
	if (p->member == MEMBER_COUNT)
		return is_action_type(name);
	if (p->member == MEMBER_peer)
		return rest.n == 0 || is_of_peer(rest);
	return rest.n == 0 || p->member == MEMBER_payload || p->member == MEMBER_details;
}

bool
path_step(const struct recordline_value *v, struct str name, struct recordline_value *ret)
{
	struct recordline_walk w = recordline_walk(v);
	struct recordline_value key;

	if (!v || v->type != RECORDLINE_OBJECT)
		return false;
	while (recordline_next(&w, &key, ret))
		if (recordline_is(&key, name))
			return true;
	return false;
}

const struct recordline_value *
path_find(const struct path *p, const struct recordline *r, struct recordline_value *room)
{
	struct str rest = p->below, first = {p->text.p, p->text.n - rest.n - (rest.n > 0)};
	const struct recordline_value *v = p->member == MEMBER_COUNT
					       ? recordline_named(r, first)
					       : recordline_value(r, p->member);

	if (!v || rest.n == 0)
		return v;
	for (; rest.n > 0; v = room) {
		struct recordline_value inner;

		if (!path_step(v, path_next(&rest), &inner))
			return NULL;
		*room = inner;
	}
	return v;
}
