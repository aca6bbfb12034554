/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "policy/canon.h"
#include "policy/load.h"

/* Two digits up to max. */
static int
parse_two(const char *p, int max, int *ret)
{
	if (!canon_is_digit(p[0]) || !canon_is_digit(p[1]))
		return -EINVAL;
	*ret = (p[0] - '0') * 10 + (p[1] - '0');
	return *ret <= max ? 0 : -EINVAL;
}

/* "HH:MM" in minutes; 24:00 is the end of the day. */
static int
parse_clock(struct str s, int *ret)
{
	int hours, minutes;

	if (s.n != 5 || s.p[2] != ':' || parse_two(s.p, 24, &hours) < 0 ||
	    parse_two(s.p + 3, 59, &minutes) < 0)
		return -EINVAL;
	*ret = hours * 60 + minutes;
	return *ret <= DOC_DAY_MINUTES ? 0 : -EINVAL;
}

/* "UTC", "Z", "+HH:MM", "-HH:MM" in minutes east; no place on Earth is more than 14 hours away. */
static int
parse_zone(struct str s, int16_t *ret)
{
	int minutes;

	if (str_eq(s, STR("UTC")) || str_eq(s, STR("Z"))) {
		*ret = 0;
		return 0;
	}
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') ||
	    parse_clock(str_skip(s, 1), &minutes) < 0 || minutes > 14 * 60)
		return -EINVAL;
	*ret = (int16_t)(s.p[0] == '-' ? -minutes : minutes);
	return 0;
}

static void
load_clock(
    const struct reader *r, struct json_object *time, const char *key, int max, uint16_t *ret)
{
	struct json_object *node;
	int minutes;

	if (!read_member(r, time, key, json_type_string, OPTIONAL, &node))
		return;
	if (parse_clock(load_text(node), &minutes) == 0 && minutes <= max)
		*ret = (uint16_t)minutes;
	else
		read_complain(r, node, time, "\"%s\" must be a time of day, HH:MM", key);
}

static void
load_zone(const struct reader *r, struct json_object *time, struct doc_when *w)
{
	struct json_object *node;

	if (!read_member(r, time, "zone", json_type_string, OPTIONAL, &node))
		return;
	if (parse_zone(load_text(node), &w->offset) < 0)
		w->zone = load_named_zone(r, node, time);
}

static void
load_day(const struct reader *r, struct json_object *node, struct json_object *list, uint8_t *days)
{
	static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
	struct str name;

	if (!read_string_value(r, node, list, "each entry of \"days\"", LIMIT_NAME, &name))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(name, str_from(names[i]))) {
			*days |= (uint8_t)(1u << i);
			return;
		}
	read_complain(r, node, list, "days are mon, tue, wed, thu, fri, sat, sun");
}

static void
load_days(const struct reader *r, struct json_object *time, uint8_t *ret)
{
	struct json_object *list;
	size_t n;

	if (!read_member(r, time, "days", json_type_array, OPTIONAL, &list))
		return;
	n = json_object_array_length(list);
	if (n == 0)
		read_complain(r, list, time, "\"days\" must not be empty");
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		load_day(r, load_element(list, i), list, ret);
}

static void
load_window(const struct reader *r, struct json_object *when, struct doc_when *w)
{
	static const char *const keys[] = {"from", "to", "days", "zone"};
	struct json_object *time;

	if (!read_member(r, when, "time", json_type_object, OPTIONAL, &time) ||
	    !read_object(r, time, when, "time", keys, ARRAY_SIZE(keys)))
		return;
	w->has_time = true;
	w->to = DOC_DAY_MINUTES;
	w->zone = DOC_NO_ZONE;
	w->days = DOC_EVERY_DAY;
	load_clock(r, time, "from", DOC_DAY_MINUTES - 1, &w->from);
	load_clock(r, time, "to", DOC_DAY_MINUTES, &w->to);
	load_days(r, time, &w->days);
	load_zone(r, time, w);
	if (w->from == w->to)
		read_complain(r, time, when,
		    "\"from\" and \"to\" are the same: leave both out for "
		    "the whole day");
}

static void
load_context_member(const struct reader *r, const char *key, struct json_object *value,
    struct json_object *context, struct doc_context *c)
{
	struct str one;

	if (json_object_is_type(value, json_type_array)) {
		read_list(r, context, key, LIMIT_NAME, &c->values);
		if (json_object_array_length(value) == 0)
			read_complain(r, value, context, "\"%s\" must not be empty", key);
	} else if (json_object_is_type(value, json_type_string)) {
		c->values.v = read_room(r, 1, sizeof(struct str));
		if (c->values.v && read_string(r, context, key, REQUIRED, LIMIT_NAME, &one))
			c->values.v[c->values.n++] = one;
	} else {
		read_complain(
		    r, value, context, "\"%s\" must be a string or a list of strings", key);
	}
	c->key = arena_str(&r->doc->arena, str_from(key));
	r->doc->no_memory = r->doc->no_memory || !str_given(c->key);
}

static void
load_context(const struct reader *r, struct json_object *when, struct doc_when *w)
{
	struct json_object *context;
	struct json_object_iter it;

	if (!read_member(r, when, "context", json_type_object, OPTIONAL, &context))
		return;
	w->context = read_room(
	    r, (size_t)json_object_object_length(context), sizeof(struct doc_context));
	if (!w->context)
		return;
	json_object_object_foreachC(context, it)
	{
		load_context_member(r, it.key, it.val, context, &w->context[w->n_context++]);
	}
}

const struct doc_when *
load_when(const struct reader *r, struct json_object *node, struct json_object *rule)
{
	static const char *const keys[] = {"time", "context", "client"};
	struct doc_when *w = read_room(r, 1, sizeof(*w));

	if (!w || !read_object(r, node, rule, "when", keys, ARRAY_SIZE(keys)))
		return NULL;
	load_window(r, node, w);
	load_context(r, node, w);
	read_list(r, node, "client", LIMIT_NAME, &w->client);
	return w;
}
