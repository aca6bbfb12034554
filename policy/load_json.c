/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "common/clock.h"
#include "policy/canon.h"
#include "policy/load.h"

struct place
read_place(const struct reader *r, struct json_object *node, struct json_object *parent)
{
	struct json_object *shown = node ? node : parent;
	const struct jscan_token *token = shown ? json_object_get_userdata(shown) : NULL;

	if (!token)
		token = r->tree->tape.tokens;
	return (struct place){r->file, token->at - (token->type == JSCAN_STRING)};
}

/*
 * The key of a member: the token before its value, which a null has, too. Looks through the whole
 * object, so not for complaints that nobody will see.
 */
static struct place
key_place(const struct reader *r, struct json_object *object, const char *key)
{
	const struct jscan_token *token;
	uint32_t value;

	if (r->doc->report->n == POLICY_COMPLAINTS)
		return PLACE_NOWHERE;
	token = json_object_get_userdata(object);
	value = jscan_member(
	    &r->tree->tape, (uint32_t)(token - r->tree->tape.tokens), str_from(key));
	if (value == 0)
		return read_place(r, object, NULL);
	return (struct place){r->file, r->tree->tape.tokens[value - 1].at - 1};
}

#define complain_key(r, object, key, ...) \
	report_add((r)->doc->report, (r)->doc->texts, key_place((r), (object), (key)), __VA_ARGS__)

static const char *
type_name(struct json_object *node)
{
	return json_object_get_type(node) == json_type_int ||
		       json_object_get_type(node) == json_type_double
		   ? "number"
		   : json_type_to_name(json_object_get_type(node));
}

static bool
is_known(const char *key, const char *const *keys, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

bool
read_object(const struct reader *r, struct json_object *node, struct json_object *parent,
    const char *what, const char *const *keys, size_t n_keys)
{
	struct json_object_iter it;

	if (!json_object_is_type(node, json_type_object)) {
		read_complain(
		    r, node, parent, "%s must be an object, not %s", what, type_name(node));
		return false;
	}
	json_object_object_foreachC(node, it)
	{
		if (!is_known(it.key, keys, n_keys))
			complain_key(r, node, it.key, "unknown key \"%s\" in %s", it.key, what);
	}
	return true;
}

bool
read_member(const struct reader *r, struct json_object *object, const char *key,
    enum json_type type, enum presence presence, struct json_object **ret)
{
	struct json_object *node;

	if (!json_object_object_get_ex(object, key, &node)) {
		if (presence == REQUIRED)
			read_complain(r, object, NULL, "missing key \"%s\"", key);
		return false;
	}
	if (!json_object_is_type(node, type) || !node) {
		complain_key(r, object, key, "\"%s\" must be %s %s, not %s", key,
		    type == json_type_array || type == json_type_object ? "an" : "a",
		    json_type_to_name(type), type_name(node));
		return false;
	}
	*ret = node;
	return true;
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool
keep_string(const struct reader *r, struct str s, struct str *ret)
{
	struct str kept = arena_str(&r->doc->arena, s);

	if (!str_given(kept)) {
		r->doc->no_memory = true;
		return false;
	}
	*ret = kept;
	return true;
}

bool
read_string_value(const struct reader *r, struct json_object *node, struct json_object *parent,
    const char *what, size_t max, struct str *ret)
{
	struct str s;

	if (!json_object_is_type(node, json_type_string)) {
		read_complain(
		    r, node, parent, "%s must be a string, not %s", what, type_name(node));
		return false;
	}
	s = load_text(node);
	if (s.n == 0 || s.n > max || has_control(s)) {
		read_complain(r, node, parent,
		    s.n > 0 && s.n <= max ? "%s must not contain control characters"
					  : "%s must have 1 to %zu bytes",
		    what, max);
		return false;
	}
	return keep_string(r, s, ret);
}

bool
read_string(const struct reader *r, struct json_object *object, const char *key,
    enum presence presence, size_t max, struct str *ret)
{
	struct json_object *node;
	char what[64];

	if (!read_member(r, object, key, json_type_string, presence, &node))
		return false;
	(void)snprintf(what, sizeof(what), "\"%s\"", key);
	return read_string_value(r, node, object, what, max, ret);
}

static bool
is_id(struct str s)
{
	bool ok = s.n > 0 && (canon_is_alpha(s.p[0]) || canon_is_digit(s.p[0]));

	for (size_t i = 0; ok && i < s.n; i++)
		ok = canon_is_alpha(s.p[i]) || canon_is_digit(s.p[i]) || strchr("._:@+-", s.p[i]);
	return ok;
}

bool
read_id(const struct reader *r, struct json_object *object, const char *key, struct str *ret)
{
	struct json_object *node;
	struct str s;

	if (!read_member(r, object, key, json_type_string, REQUIRED, &node))
		return false;
	if (!read_string(r, object, key, REQUIRED, DOC_ID_MAX, &s))
		return false;
	if (!is_id(s)) {
		read_complain(r, node, object,
		    "\"%s\" must be letters, digits and . _ : @ + - and begin with a letter or "
		    "digit",
		    key);
		return false;
	}
	*ret = s;
	return true;
}

/* "a, b or c" */
static void
put_names(struct text *t, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			text_put(t, i + 1 == n ? STR(" or ") : STR(", "));
		text_put(t, str_from(names[i]));
	}
	text_char(t, '\0');
}

bool
read_choice(const struct reader *r, struct json_object *object, const char *key,
    enum presence presence, const char *const *names, size_t n_names, unsigned *ret)
{
	struct json_object *node;
	char buf[128];
	struct text t = text_over(buf, sizeof(buf));

	if (!read_member(r, object, key, json_type_string, presence, &node))
		return false;
	for (size_t i = 0; i < n_names; i++)
		if (str_eq(load_text(node), str_from(names[i]))) {
			*ret = (unsigned)i;
			return true;
		}
	put_names(&t, names, n_names);
	read_complain(r, node, object, "\"%s\" must be %s", key, buf);
	return false;
}

void
read_list(const struct reader *r, struct json_object *object, const char *key, size_t max,
    struct doc_list *ret)
{
	struct json_object *list;
	struct doc_list kept = {NULL, 0};
	size_t n;
	char what[64];

	if (!read_member(r, object, key, json_type_array, OPTIONAL, &list))
		return;
	n = json_object_array_length(list);
	kept.v = read_room(r, n, sizeof(*kept.v));
	(void)snprintf(what, sizeof(what), "each entry of \"%s\"", key);
	for (size_t i = 0; kept.v && i < n; i++)
		if (read_string_value(r, load_element(list, i), list, what, max, &kept.v[kept.n]))
			kept.n++;
	*ret = kept;
}

bool
read_time(const struct reader *r, struct json_object *object, const char *key, int64_t *ret)
{
	struct json_object *node;

	if (!read_member(r, object, key, json_type_string, OPTIONAL, &node))
		return false;
	if (clock_parse(load_text(node), ret) == 0)
		return true;
	read_complain(r, node, object,
	    "\"%s\" must be a date and time with offset, like 2026-12-31T00:00:00Z", key);
	return false;
}

void *
read_room(const struct reader *r, size_t n, size_t size)
{
	void *room = n <= SIZE_MAX / size ? arena_take(&r->doc->arena, n * size) : NULL;

	if (!room)
		r->doc->no_memory = true;
	return room;
}
