/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "common/jtree.h"
#include "policyd/accounts.h"

#define UID_NOBODY 65534 /* what a user namespace shows for every uid that it cannot map */

/* One text being read. */
struct reader {
	struct settings *s;
	const char *file;
	struct jtree tree;
	struct config_error *error;
};

/* Whose place an error names: the key of a member, or a value. */
struct spot {
	struct json_object *node, *parent;
	bool key;
};

static void __attribute__((format(printf, 3, 0)))
fill(struct config_error *error, size_t at, const char *fmt, va_list args)
{
	(void)vsnprintf(error->text + at, sizeof(error->text) - at, fmt, args);
}

static int __attribute__((format(printf, 3, 4)))
fault(struct reader *r, struct spot spot, const char *fmt, ...)
{
	uint32_t line = 0, column = 0;
	va_list args;
	int n;

	jtree_place(&r->tree, spot.node, spot.parent, spot.key, &line, &column);
	n = snprintf(r->error->text, sizeof(r->error->text), "%.600s:%" PRIu32 ":%" PRIu32 ": ",
	    r->file, line, column);
	va_start(args, fmt);
	fill(r->error, n < 0 ? 0 : (size_t)n, fmt, args);
	va_end(args);
	return -EINVAL;
}

static int __attribute__((format(printf, 2, 3)))
refuse(struct config_error *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(error, 0, fmt, args);
	va_end(args);
	return -EINVAL;
}

static struct spot
at_value(struct json_object *node, struct json_object *parent)
{
	return (struct spot){node, parent, false};
}

static struct spot
at_key(struct json_object *node, struct json_object *parent)
{
	return (struct spot){node, parent, true};
}

static struct str
string_of(struct json_object *node)
{
	return (struct str){json_object_get_string(node), (size_t)json_object_get_string_len(node)};
}

typedef int
member_fn(struct reader *r, const char *key, struct json_object *v, struct json_object *parent);

/* In the order of the text, up to the first error. */
static int
each_member(struct reader *r, struct json_object *object, member_fn *fn)
{
	struct json_object_iterator at = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);
	int error = 0;

	while (error == 0 && !json_object_iter_equal(&at, &end)) {
		error = fn(
		    r, json_object_iter_peek_name(&at), json_object_iter_peek_value(&at), object);
		json_object_iter_next(&at);
	}
	return error;
}

/* --- one value -------------------------------------------------------------------------------- */

static int
set_value(const struct setting *f, struct settings *s, struct json_object *v, struct text *why)
{
	enum json_type type = json_object_get_type(v);

	if (type == json_type_string)
		return setting_set_text(f, s, string_of(v), why);
	if (type == json_type_int)
		return setting_set_number(f, s, json_object_get_int64(v), why);
	/* Neither text nor integer: the setting itself says best what it wants. */
	if (f->form == SETTING_U32 || f->form == SETTING_U64)
		return setting_set_number(f, s, -1, why);
	return setting_set_number(f, s, 0, why);
}

static int
read_setting(struct reader *r, const struct setting *f, const char *key, struct json_object *v,
    struct json_object *parent)
{
	char buf[160];
	struct text why = text_over(buf, sizeof(buf));

	if (set_value(f, r->s, v, &why) == 0)
		return 0;
	return fault(r, at_value(v, parent), "%s %.*s", key, STR_ARG(text_str(&why)));
}

/* --- "limits" --------------------------------------------------------------------------------- */

static int
read_limit(struct reader *r, const char *key, struct json_object *v, struct json_object *limits)
{
	const struct setting *f = settings_find(str_from(key), true);

	if (!f)
		return fault(r, at_key(v, limits), "unknown key \"%s\" in limits", key);
	return read_setting(r, f, key, v, limits);
}

static int
read_limits(struct reader *r, struct json_object *limits, struct json_object *parent)
{
	if (!json_object_is_type(limits, json_type_object))
		return fault(r, at_value(limits, parent), "limits must be an object");
	return each_member(r, limits, read_limit);
}

/* --- "trusted_enforcement_points" ------------------------------------------------------------- */

static int
trusted_uid(struct reader *r, struct json_object *v, struct json_object *list, uid_t *ret)
{
	enum json_type type = json_object_get_type(v);
	int64_t n = type == json_type_int ? json_object_get_int64(v) : -1;
	gid_t gid;

	if (type == json_type_string) {
		int error = account_find(json_object_get_string(v), ret, &gid);

		return error == 0 ? 0
				  : fault(r, at_value(v, list), "no local account \"%s\"",
					json_object_get_string(v));
	}
	if (n < 0 || n >= UINT32_MAX)
		return fault(r, at_value(v, list),
		    "a trusted enforcement point must be a user name or a uid");
	*ret = (uid_t)n;
	return 0;
}

static int
add_trusted(struct reader *r, struct json_object *v, struct json_object *list)
{
	struct settings *s = r->s;
	uid_t uid = 0;
	int error = trusted_uid(r, v, list, &uid);

	if (error < 0)
		return error;
	if (uid == UID_NOBODY)
		return fault(r, at_value(v, list), "uid 65534 (nobody) cannot be trusted");
	for (uint32_t i = 0; i < s->n_trusted; i++)
		if (s->trusted[i] == uid)
			return fault(
			    r, at_value(v, list), "uid %u stands here twice", (unsigned)uid);
	if (s->n_trusted == SETTINGS_TRUSTED)
		return fault(r, at_value(v, list), "more than %d trusted enforcement points",
		    SETTINGS_TRUSTED);
	s->trusted[s->n_trusted++] = uid;
	return 0;
}

static int
read_trusted(struct reader *r, struct json_object *list, struct json_object *parent)
{
	if (!json_object_is_type(list, json_type_array))
		return fault(
		    r, at_value(list, parent), "trusted_enforcement_points must be an array");
	r->s->n_trusted = 0;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		int error = add_trusted(r, json_object_array_get_idx(list, i), list);

		if (error < 0)
			return error;
	}
	return 0;
}

/* s is shorter than size. The rest is zeroed: settings are compared as bytes in tests. */
static void
copy_text(char *buf, size_t size, struct str s)
{
	memset(buf, 0, size);
	if (s.n > 0)
		memcpy(buf, s.p, s.n);
}

/* --- "events" --------------------------------------------------------------------------------- */

/* Letters, digits and . _ - ; with `tail`, also one ".*" (or a lone "*") at the end. */
static bool
is_plain_name(struct str s, size_t max, bool tail)
{
	if (tail && str_ends(s, STR("*")) && (s.n == 1 || s.p[s.n - 2] == '.'))
		return s.n <= max &&
		       (s.n <= 2 || is_plain_name((struct str){s.p, s.n - 2}, max, false));
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '.' || c == '_' || c == '-'))
			return false;
	}
	return s.n > 0 && s.n <= max;
}

static int
read_min_level(struct reader *r, struct json_object *v, struct json_object *events)
{
	enum record_level level = LEVEL_NONE;

	if (json_object_is_type(v, json_type_string))
		level = record_level_parse(string_of(v));
	if (level == LEVEL_NONE)
		return fault(r, at_value(v, events),
		    "min_level must be \"debug\", \"info\", \"warning\" or \"error\"");
	r->s->min_level = level;
	return 0;
}

static int
add_excluded(struct reader *r, struct json_object *v, struct json_object *list)
{
	struct settings *s = r->s;
	struct str name = STR_NONE;

	if (json_object_is_type(v, json_type_string))
		name = string_of(v);
	if (!str_given(name) || !is_plain_name(name, LIMIT_NAME - 1, true))
		return fault(r, at_value(v, list),
		    "an excluded event must be a name such as \"task.start\" or \"task.*\"");
	if (s->n_excluded == SETTINGS_EXCLUDED)
		return fault(
		    r, at_value(v, list), "more than %d excluded events", SETTINGS_EXCLUDED);
	copy_text(s->excluded[s->n_excluded++], LIMIT_NAME, name);
	return 0;
}

static int
read_excluded(struct reader *r, struct json_object *list, struct json_object *events)
{
	if (!json_object_is_type(list, json_type_array))
		return fault(r, at_value(list, events), "excluded must be an array");
	r->s->n_excluded = 0;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		int error = add_excluded(r, json_object_array_get_idx(list, i), list);

		if (error < 0)
			return error;
	}
	return 0;
}

static int
add_metadata(struct reader *r, const char *key, struct json_object *v, struct json_object *map)
{
	struct settings *s = r->s;
	struct settings_pair *pair = &s->metadata[s->n_metadata];
	struct str name = str_from(key), value = STR_NONE;

	if (s->n_metadata == SETTINGS_METADATA)
		return fault(r, at_key(v, map), "more than %d metadata keys", SETTINGS_METADATA);
	if (!is_plain_name(name, sizeof(pair->key) - 1, false))
		return fault(r, at_key(v, map),
		    "a metadata key must be 1 to %zu of A-Z a-z 0-9 . _ -", sizeof(pair->key) - 1);
	if (json_object_is_type(v, json_type_string))
		value = string_of(v);
	if (!str_given(value) || value.n >= sizeof(pair->value))
		return fault(r, at_value(v, map),
		    "metadata must be a string of less than %zu bytes", sizeof(pair->value));
	copy_text(pair->key, sizeof(pair->key), name);
	copy_text(pair->value, sizeof(pair->value), value);
	s->n_metadata++;
	return 0;
}

static int
read_metadata(struct reader *r, struct json_object *map, struct json_object *events)
{
	if (!json_object_is_type(map, json_type_object))
		return fault(r, at_value(map, events), "metadata must be an object");
	r->s->n_metadata = 0;
	return each_member(r, map, add_metadata);
}

static int
read_event_key(struct reader *r, const char *key, struct json_object *v, struct json_object *events)
{
	if (strcmp(key, "min_level") == 0)
		return read_min_level(r, v, events);
	if (strcmp(key, "excluded") == 0)
		return read_excluded(r, v, events);
	if (strcmp(key, "metadata") == 0)
		return read_metadata(r, v, events);
	return fault(r, at_key(v, events), "unknown key \"%s\" in events", key);
}

static int
read_events(struct reader *r, struct json_object *events, struct json_object *parent)
{
	if (!json_object_is_type(events, json_type_object))
		return fault(r, at_value(events, parent), "events must be an object");
	return each_member(r, events, read_event_key);
}

/* --- the document ----------------------------------------------------------------------------- */

static int
read_member(struct reader *r, const char *key, struct json_object *v, struct json_object *root)
{
	const struct setting *f = settings_find(str_from(key), false);

	if (f)
		return read_setting(r, f, key, v, root);
	if (strcmp(key, "limits") == 0)
		return read_limits(r, v, root);
	if (strcmp(key, "trusted_enforcement_points") == 0)
		return read_trusted(r, v, root);
	if (strcmp(key, "events") == 0)
		return read_events(r, v, root);
	return fault(r, at_key(v, root), "unknown key \"%s\"", key);
}

static int
read_document(struct reader *r)
{
	struct json_object *root = r->tree.root;

	if (!json_object_is_type(root, json_type_object))
		return refuse(
		    r->error, "%s:1:1: the configuration must be one JSON object", r->file);
	return each_member(r, root, read_member);
}

int
config_text(struct settings *s, const char *file, struct str text, struct config_error *error)
{
	struct reader r = {.s = s, .file = file, .error = error};
	struct jscan_fault at;
	int result = jtree_parse(&r.tree, text, &at);

	if (result < 0) {
		(void)refuse(
		    error, "%.600s:%" PRIu32 ":%" PRIu32 ": %s", file, at.line, at.column, at.what);
		return result == -E2BIG ? -EINVAL : result;
	}
	result = read_document(&r);
	jtree_free(&r.tree);
	return result;
}

int
config_file(struct settings *s, const char *file, struct config_error *error)
{
	CLEANUP_FD int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	CLEANUP_FREE char *buf = NULL;
	size_t n = 0;
	int result = fd < 0 ? -errno : fd_read_file(fd, CONFIG_BYTES, &buf, &n);

	if (result < 0) {
		(void)refuse(error, "%.600s: %s", file, strerrordesc_np(-result));
		return result;
	}
	return config_text(s, file, (struct str){buf, n}, error);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int
check_given(const struct settings *s, struct config_error *error)
{
	const struct {
		const char *key, *value;
	} needed[] = {
	    {"audit_dir", s->audit_dir},
	    {"key_dir", s->key_dir},
	    {"policy", s->policy},
	    {"socket", s->socket},
	    {"admin_socket", s->admin_socket},
	};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (needed[i].value[0] == '\0')
			return refuse(
			    error, "%s is not configured and has no default here", needed[i].key);
	return 0;
}

static bool
succeeds_itself(const struct settings *s)
{
	struct succession old;

	return succession_parse(str_from(s->succeeds), &old) &&
	       str_eq(str_from(s->origin), old.origin);
}

int
config_check(const struct settings *s, struct config_error *error)
{
	if (check_given(s, error) < 0)
		return -EINVAL;
	if (strcmp(s->audit_dir, s->key_dir) == 0)
		return refuse(error, "audit_dir and key_dir must be different directories");
	if (strcmp(s->socket, s->admin_socket) == 0)
		return refuse(error, "socket and admin_socket must be different");
	if (succeeds_itself(s))
		return refuse(
		    error, "origin must be another one than that of the log that it succeeds");
	return 0;
}
