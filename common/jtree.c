/* SPDX-License-Identifier: Apache-2.0 */
#include "common/jtree.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/limits.h"

/* An array or object whose elements or members are being made. */
struct jtree_open {
	struct json_object *node;
	uint32_t end; /* the token after it */
};

struct jtree_build {
	struct jtree *tree;
	char *scratch; /* for strings and numbers, with a NUL; as long as the longest */
	size_t room;
	uint32_t depth;
	struct jtree_open open[LIMIT_DOC_DEPTH];
};

static size_t
jtree_longest(const struct jscan_tape *tape)
{
	size_t longest = 0;

	for (uint32_t i = 0; i < tape->n; i++)
		if (tape->tokens[i].type < JSCAN_ARRAY && tape->tokens[i].n > longest)
			longest = tape->tokens[i].n;
	return longest;
}

static struct json_object *
jtree_string(struct jtree_build *b, uint32_t i)
{
	struct str s;

	if (jscan_string(&b->tree->tape, i, b->scratch, b->room, &s) < 0)
		return NULL;
	return json_object_new_string_len(s.p, (int)s.n);
}

/* strtod() is for the C locale, which no program here leaves. */
static struct json_object *
jtree_number(struct jtree_build *b, uint32_t i)
{
	struct str raw = jscan_raw(&b->tree->tape, i);
	int64_t v;

	if (jscan_int(&b->tree->tape, i, &v) == 0)
		return json_object_new_int64(v);
	memcpy(b->scratch, raw.p, raw.n);
	b->scratch[raw.n] = '\0';
	return json_object_new_double(strtod(b->scratch, NULL));
}

static struct json_object *
jtree_node(struct jtree_build *b, uint32_t i)
{
	const struct jscan_token *token = &b->tree->tape.tokens[i];

	switch ((enum jscan_type)token->type) {
	case JSCAN_NULL:
		return NULL;
	case JSCAN_FALSE:
	case JSCAN_TRUE:
		return json_object_new_boolean(token->type == JSCAN_TRUE);
	case JSCAN_NUMBER:
		return jtree_number(b, i);
	case JSCAN_STRING:
		return jtree_string(b, i);
	case JSCAN_ARRAY:
		return json_object_new_array_ext(token->count ? (int)token->count : 1);
	case JSCAN_OBJECT:
		return json_object_new_object();
	}
	return NULL;
}

/* The key that stands before token i, as a C string: jscan lets no NUL into a string. */
static int
jtree_add_member(
    struct jtree_build *b, struct json_object *object, uint32_t i, struct json_object *node)
{
	struct str key;

	if (jscan_string(&b->tree->tape, i - 1, b->scratch, b->room, &key) < 0)
		return -ENOMEM;
	if (key.p != b->scratch && key.n > 0)
		memcpy(b->scratch, key.p, key.n);
	b->scratch[key.n] = '\0';
	/* New: the scan has found no duplicates. */
	return json_object_object_add_ex(object, b->scratch, node, JSON_C_OBJECT_ADD_KEY_IS_NEW);
}

/* Hand node on to what holds it. */
static int
jtree_attach(struct jtree_build *b, uint32_t i, struct json_object *node)
{
	struct json_object *parent;

	if (b->depth == 0) {
		b->tree->root = node;
		return 0;
	}
	parent = b->open[b->depth - 1].node;
	if (json_object_is_type(parent, json_type_object))
		return jtree_add_member(b, parent, i, node);
	return json_object_array_add(parent, node);
}

static int
jtree_add(struct jtree_build *b, uint32_t i)
{
	struct jscan_token *token = &b->tree->tape.tokens[i];
	struct json_object *node = jtree_node(b, i);

	if (!node && token->type != JSCAN_NULL)
		return -ENOMEM;
	if (node)
		json_object_set_userdata(node, token, NULL);
	if (jtree_attach(b, i, node) < 0) {
		(void)json_object_put(node);
		return -ENOMEM;
	}
	if (token->type == JSCAN_ARRAY || token->type == JSCAN_OBJECT)
		b->open[b->depth++] = (struct jtree_open){node, token->next};
	return 0;
}

static int
jtree_build(struct jtree *tree)
{
	struct jtree_build b = {.tree = tree, .room = jtree_longest(&tree->tape)};
	CLEANUP_FREE char *scratch = malloc(b.room + 1);
	int error = 0;

	if (!scratch)
		return -ENOMEM;
	b.scratch = scratch;
	for (uint32_t i = 0; error == 0 && i < tree->tape.n; i++) {
		while (b.depth > 0 && b.open[b.depth - 1].end == i)
			b.depth--;
		if (!tree->tape.tokens[i].key)
			error = jtree_add(&b, i);
	}
	return error;
}

int
jtree_parse(struct jtree *tree, struct str text, struct jscan_fault *ret_fault)
{
	static const struct jscan_rules rules = {
	    .comments = true,
	    .max_depth = LIMIT_DOC_DEPTH,
	    .max_members = LIMIT_DOC_VALUES,
	    .max_tokens = LIMIT_DOC_VALUES,
	    .grow = true,
	};
	int error;

	*tree = (struct jtree){.text = text};
	error = jscan(text, &rules, &tree->tape, ret_fault);
	if (error == 0) {
		error = jtree_build(tree);
		if (error < 0)
			*ret_fault = (struct jscan_fault){0, 1, 1, "out of memory"};
	}
	if (error < 0)
		jtree_free(tree);
	return error;
}

void
jtree_free(struct jtree *tree)
{
	(void)json_object_put(tree->root);
	jscan_tape_free(&tree->tape);
	*tree = (struct jtree){.root = NULL};
}

static const struct jscan_token *
jtree_token(const struct json_object *node)
{
	/* json-c does not change what it only looks up. */
	return node ? json_object_get_userdata((struct json_object *)(uintptr_t)node) : NULL;
}

void
jtree_place(const struct jtree *tree, const struct json_object *node,
    const struct json_object *parent, bool key, uint32_t *ret_line, uint32_t *ret_column)
{
	const struct jscan_token *token = jtree_token(node);

	if (!token) {
		token = jtree_token(parent);
		key = false;
	}
	if (!token)
		token = tree->tape.tokens;
	if (key && token > tree->tape.tokens && token[-1].key)
		token--;
	jscan_place(tree->text, token->at - (token->type == JSCAN_STRING), ret_line, ret_column);
}
