/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading one document's tree into struct doc (inside of the load half only). Whatever is wrong is
 * complained about and left out, so that one run finds everything; want of memory sets
 * doc->no_memory.
 */

#include <json-c/json.h>

#include "common/jtree.h"
#include "policy/document.h"

struct reader {
	struct doc *doc;
	const struct jtree *tree;
	uint32_t file;
};

enum presence {
	OPTIONAL,
	REQUIRED,
};

/* Where a value stands; that of parent when the value is null. */
struct place
read_place(const struct reader *r, struct json_object *node, struct json_object *parent);
/* Complain about node. */
#define read_complain(r, node, parent, ...) \
	report_add(                         \
	    (r)->doc->report, (r)->doc->texts, read_place((r), (node), (parent)), __VA_ARGS__)

/* node is an object with none but these keys. False, after a complaint, when it is no object. */
bool read_object(const struct reader *r, struct json_object *node, struct json_object *parent,
    const char *what, const char *const *keys, size_t n_keys);

/*
 * Member key of object, of this type. False when it is not there or, after a complaint, when it
 * has another type or is missing though required.
 */
bool read_member(const struct reader *r, struct json_object *object, const char *key,
    enum json_type type, enum presence presence, struct json_object **ret);

/* A string of 1 to max bytes without control characters; *ret stays as it is on failure. */
bool read_string(const struct reader *r, struct json_object *object, const char *key,
    enum presence presence, size_t max, struct str *ret);
/* The same for a value that has been found already. */
bool read_string_value(const struct reader *r, struct json_object *node, struct json_object *parent,
    const char *what, size_t max, struct str *ret);

/* [A-Za-z0-9][A-Za-z0-9._:@+-]*, at most DOC_ID_MAX: ids stand unquoted in reasons. */
bool read_id(const struct reader *r, struct json_object *object, const char *key, struct str *ret);

/* One of names; *ret is its index, unchanged when the key is not there. */
bool read_choice(const struct reader *r, struct json_object *object, const char *key,
    enum presence presence, const char *const *names, size_t n_names, unsigned *ret);

/* A list of strings (1 to max bytes each), perhaps empty. */
void read_list(const struct reader *r, struct json_object *object, const char *key, size_t max,
    struct doc_list *ret);

/* RFC 3339 date-time. */
bool read_time(const struct reader *r, struct json_object *object, const char *key, int64_t *ret);

/* Room in the arena for n things of size bytes; NULL (and no_memory) when there is none. */
void *read_room(const struct reader *r, size_t n, size_t size);

/* --- the parts of a document ----------------------------------------------------------------- */

void load_policies(const struct reader *r, struct json_object *list);
void load_rules(const struct reader *r, struct json_object *list, uint32_t policy);
const struct doc_when *
load_when(const struct reader *r, struct json_object *node, struct json_object *rule);
/*
 * The document's zone that this node names; after a complaint one that nobody must use.
 */
uint32_t
load_named_zone(const struct reader *r, struct json_object *node, struct json_object *time);
void load_tests(const struct reader *r, struct json_object *list);

/* An array's i-th element. */
static inline struct json_object *
load_element(const struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

static inline struct str
load_text(struct json_object *node)
{
	return (struct str){json_object_get_string(node), (size_t)json_object_get_string_len(node)};
}
