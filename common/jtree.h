/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A json-c tree of a configuration or policy text that jscan() has accepted, with the place of
 * every value, so that an error about a value can name file, line and column. Linked only into
 * programs that read such files (never into the writer).
 */

#include <json-c/json.h>

#include "common/jscan.h"

struct jtree {
	struct str text;          /* the caller's; must outlive the tree */
	struct json_object *root; /* the owner of all nodes; may be NULL for the text "null" */
	struct jscan_tape tape;   /* places; each node's userdata is its token there */
};

/*
 * Comments allowed, LIMIT_DOC_DEPTH, LIMIT_DOC_VALUES, tape grows. Errors as jscan(). The nodes are
 * made from the tape, not by a second parser that might read the text in another way. Numbers:
 * int64 when written without fraction and exponent, else double.
 */
int jtree_parse(struct jtree *tree, struct str text, struct jscan_fault *ret_fault);
void jtree_free(struct jtree *tree);

/*
 * Where node stands in the text: of its key when it is an object's member and `key` is set, else of
 * the value. A JSON null has no node of its own (json-c gives NULL): then the place of `parent`.
 * Line and column from 1; of the text's value when both are NULL.
 */
void jtree_place(const struct jtree *tree, const struct json_object *node,
    const struct json_object *parent, bool key, uint32_t *ret_line, uint32_t *ret_column);
