/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line cut into members: what is taken, the strict scanner takes, too, with the same members and the
 * same strings; what the scanner finds fault with besides is known.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/jscan.h"
#include "proto/recordline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKENS 8192

static struct jscan_token tokens[TOKENS];
static struct jscan_tape tape;

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
check_string(const struct recordline_value *v, uint32_t i)
{
	char ours[LIMIT_LINE], theirs[LIMIT_LINE];
	struct str a = recordline_string(v, ours, sizeof(ours)), b;

	must(jscan_string(&tape, i, theirs, sizeof(theirs), &b) == 0);
	must(str_eq(a, b) && recordline_is(v, b));
}

static void check_inside(const struct recordline_value *v, uint32_t i);

static void
check_value(const struct recordline_value *v, uint32_t i)
{
	static const uint8_t types[] = {[JSCAN_NULL] = RECORDLINE_WORD,
	    [JSCAN_FALSE] = RECORDLINE_WORD,
	    [JSCAN_TRUE] = RECORDLINE_WORD,
	    [JSCAN_NUMBER] = RECORDLINE_NUMBER,
	    [JSCAN_STRING] = RECORDLINE_STRING,
	    [JSCAN_ARRAY] = RECORDLINE_ARRAY,
	    [JSCAN_OBJECT] = RECORDLINE_OBJECT};
	const struct jscan_token *t = &tape.tokens[i];
	int64_t a, b;

	must(v->type == types[t->type] && v->n == t->n && v->p == tape.text.p + t->at);
	if (t->type == JSCAN_STRING)
		check_string(v, i);
	if (t->type == JSCAN_NUMBER && t->integer)
		must(recordline_int(v, &a) && jscan_int(&tape, i, &b) == 0 && a == b);
	check_inside(v, i);
}

/* As deep as the scanner lets it be. */
static void
check_inside(const struct recordline_value *v, uint32_t i)
{
	struct recordline_walk w = recordline_walk(v);
	struct recordline_value key, value;
	uint32_t n = 0, at = i + 1;

	while (recordline_next(&w, &key, &value)) {
		must(n++ < tape.tokens[i].count);
		if (v->type == RECORDLINE_OBJECT)
			check_string(&key, at++);
		check_value(&value, at);
		at = tape.tokens[at].next;
	}
	must((v->type != RECORDLINE_OBJECT && v->type != RECORDLINE_ARRAY) ||
	     n == tape.tokens[i].count);
}

static void
check_members(const struct recordline *r)
{
	uint32_t key = 1, n = 0;

	for (; n < tape.tokens[0].count; n++) {
		struct str name = {tape.text.p + tape.tokens[key].at, tape.tokens[key].n};
		const struct recordline_value *v = recordline_named(r, name);

		must(v && !tape.tokens[key].escaped);
		check_value(v, key + 1);
		key = tape.tokens[key + 1].next;
	}
	must(n == r->n_others +
		      (uint32_t)__builtin_popcountll(r->have & ~(UINT64_C(1) << MEMBER_payload)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jscan_rules rules = {
	    .max_depth = 64, .max_members = TOKENS, .max_tokens = TOKENS};
	struct str line = {size ? (const char *)data : "", size};
	struct recordline_fault why = {SIZE_MAX, NULL};
	struct jscan_fault fault;
	struct recordline r;

	if (recordline_cut(&r, line, &why) < 0) {
		must(why.why && why.at <= line.n);
		return 0;
	}
	if (str_ends(line, STR("\n")))
		line.n--;
	tape = (struct jscan_tape){.tokens = tokens, .cap = TOKENS};
	if (jscan(line, &rules, &tape, &fault) == 0)
		check_members(&r);
	else
		must(strstr(fault.what, "duplicate") || strstr(fault.what, "number"));
	return 0;
}
