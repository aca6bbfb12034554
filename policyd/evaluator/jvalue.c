/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/evaluator/jvalue.h"

#include <errno.h>

#include "proto/record.h"
#include "proto/value.h"

#define NUMBER_MAX 24 /* bytes of a number in a value */
#define DEPTH_MAX 64  /* of any tape */

/* Arrays and objects that are open at a point of a walk through the tape. */
struct walk {
	const struct jscan_tape *tape;
	uint32_t depth;
	uint32_t open[DEPTH_MAX];
};

static bool
is_container(const struct jscan_token *t)
{
	return t->type == JSCAN_ARRAY || t->type == JSCAN_OBJECT;
}

/* The innermost open container, once all that it holds has been seen before index i; else NULL. */
static const struct jscan_token *
walk_ended(const struct walk *w, uint32_t i)
{
	const struct jscan_token *t;

	if (w->depth == 0)
		return NULL;
	t = &w->tape->tokens[w->open[w->depth - 1]];
	return t->next == i ? t : NULL;
}

/* --- checking -------------------------------------------------------------------------------- */

/* Unescaped length, without unescaping: a key is short. */
static bool
key_is_short(const struct jscan_tape *tape, uint32_t i)
{
	char buf[VALUE_KEY];
	struct str key;

	return jscan_string(tape, i, buf, sizeof(buf), &key) == 0 && key.n <= VALUE_KEY;
}

static const char *
token_fault(const struct walk *w, uint32_t i, uint32_t depth)
{
	const struct jscan_token *t = &w->tape->tokens[i];

	if (is_container(t) && w->depth >= depth)
		return "nested too deeply";
	if (t->type == JSCAN_OBJECT && t->count > VALUE_MEMBERS)
		return "more than 64 members in an object";
	if (t->type == JSCAN_NUMBER && t->n > NUMBER_MAX)
		return "number longer than 24 bytes";
	if (t->key && !key_is_short(w->tape, i))
		return "key longer than 128 bytes";
	return NULL;
}

int
jvalue_check(const struct jscan_tape *tape, uint32_t i, uint32_t depth, const char **ret_why,
    uint32_t *ret_token)
{
	struct walk w = {.tape = tape};
	uint32_t end = tape->tokens[i].next;

	for (; i < end; i++) {
		const char *why;

		while (walk_ended(&w, i))
			w.depth--;
		why = token_fault(&w, i, depth < DEPTH_MAX ? depth : DEPTH_MAX);
		if (why) {
			*ret_why = why;
			*ret_token = i;
			return -EINVAL;
		}
		if (is_container(&tape->tokens[i]))
			w.open[w.depth++] = i;
	}
	return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

/* A string that is too long for the buffer is too long for any record. */
static struct str
string_at(struct wire_out *out, const struct jscan_tape *tape, uint32_t i, char *buf, size_t cap)
{
	struct str s = STR("");

	if (jscan_string(tape, i, buf, cap, &s) < 0)
		out->failed = true;
	return s;
}

static void
token_put(struct wire_out *out, const struct jscan_tape *tape, uint32_t i)
{
	const struct jscan_token *t = &tape->tokens[i];
	static char buf[LIMIT_LINE]; /* on the stack it would be cleared for every token */

	switch ((enum jscan_type)t->type) {
	case JSCAN_NULL:
		value_put_null(out);
		break;
	case JSCAN_FALSE:
	case JSCAN_TRUE:
		value_put_bool(out, t->type == JSCAN_TRUE);
		break;
	case JSCAN_NUMBER:
		value_put_number(out, jscan_raw(tape, i));
		break;
	case JSCAN_STRING:
		if (t->key)
			value_put_key(out, string_at(out, tape, i, buf, sizeof(buf)));
		else
			value_put_str(out, string_at(out, tape, i, buf, sizeof(buf)));
		break;
	case JSCAN_ARRAY:
		value_open_array(out);
		break;
	case JSCAN_OBJECT:
		value_open_object(out);
		break;
	}
}

static void
walk_close(struct wire_out *out, struct walk *w, uint32_t i)
{
	const struct jscan_token *t;

	while ((t = walk_ended(w, i)) != NULL) {
		if (t->type == JSCAN_ARRAY)
			value_close_array(out);
		else
			value_close_object(out);
		w->depth--;
	}
}

void
jvalue_put(struct wire_out *out, const struct jscan_tape *tape, uint32_t i)
{
	struct walk w = {.tape = tape};
	uint32_t end = tape->tokens[i].next;

	for (; i < end && wire_out_ok(out); i++) {
		walk_close(out, &w, i);
		token_put(out, tape, i);
		if (is_container(&tape->tokens[i]))
			w.open[w.depth++] = i;
	}
	walk_close(out, &w, end);
}
