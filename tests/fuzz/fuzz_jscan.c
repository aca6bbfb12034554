/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The scanner on any bytes. The first byte chooses the rules, the rest is the text. Beyond what the
 * sanitizers see: what is taken must hold together, and what is refused must name a place in it.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/jscan.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_TOKENS 2048

#define MUST(condition)                                                          \
	do {                                                                     \
		if (!(condition)) {                                              \
			fprintf(stderr, "fuzz_jscan: broken: %s\n", #condition); \
			abort();                                                 \
		}                                                                \
	} while (0)

static void
check_string(const struct jscan_tape *tape, uint32_t i)
{
	const struct jscan_token *token = &tape->tokens[i];
	char *buf = malloc(token->n ? token->n : 1);
	struct str s;

	MUST(buf);
	MUST(jscan_string(tape, i, buf, token->n, &s) == 0);
	MUST(s.n <= token->n && (token->escaped ? s.n < token->n : s.n == token->n));
	MUST(utf8_valid(s));
	MUST(jscan_string_is(tape, i, s));
	MUST(s.n == 0 || !jscan_string_is(tape, i, (struct str){s.p, s.n - 1}));
	free(buf);
}

/* Each key leads to its own value: which it would not, were there two of it. */
static void
check_members(const struct jscan_tape *tape, uint32_t object)
{
	uint32_t key = object + 1;

	for (uint32_t k = 0; k < tape->tokens[object].count; k++) {
		struct str written = {tape->text.p + tape->tokens[key].at, tape->tokens[key].n};

		MUST(tape->tokens[key].key && tape->tokens[key].type == JSCAN_STRING);
		MUST(tape->tokens[key].next == key + 1 && !tape->tokens[key + 1].key);
		if (!tape->tokens[key].escaped)
			MUST(jscan_member(tape, object, written) == key + 1);
		key = tape->tokens[key + 1].next;
	}
	MUST(key == tape->tokens[object].next);
}

static void
check_token(const struct jscan_tape *tape, uint32_t i, const struct jscan_rules *rules)
{
	const struct jscan_token *token = &tape->tokens[i];
	struct str raw = jscan_raw(tape, i);
	int64_t v = 0;

	MUST(token->next > i && token->next <= tape->n);
	MUST(raw.n > 0 && raw.p >= tape->text.p && raw.p + raw.n <= tape->text.p + tape->text.n);
	if (token->type == JSCAN_STRING)
		check_string(tape, i);
	if (token->type == JSCAN_OBJECT) {
		MUST(token->count <= rules->max_members);
		check_members(tape, i);
	}
	if (jscan_int(tape, i, &v) == 0)
		MUST(v > -(INT64_C(1) << 53) && v < INT64_C(1) << 53);
}

/* The value alone is good as well, and reads the same. */
static void
check_again(const struct jscan_tape *tape, const struct jscan_rules *rules)
{
	static struct jscan_token tokens[FUZZ_TOKENS];
	struct jscan_tape again = {.tokens = tokens, .cap = FUZZ_TOKENS};
	struct jscan_rules fixed = *rules;
	struct jscan_fault fault;

	fixed.grow = false;
	MUST(jscan(jscan_raw(tape, 0), &fixed, &again, &fault) == 0);
	MUST(again.n == tape->n);
	for (uint32_t i = 0; i < again.n; i++) {
		MUST(str_eq(jscan_raw(tape, i), jscan_raw(&again, i)));
		MUST(tape->tokens[i].next == again.tokens[i].next);
	}
}

static void
check_fault(struct str text, const struct jscan_fault *fault)
{
	uint32_t line, column;

	jscan_place(text, fault->at, &line, &column);
	MUST(fault->at <= text.n);
	MUST(fault->line == line && fault->column == column);
	MUST(fault->what[0] && memchr(fault->what, '\0', sizeof(fault->what)));
	MUST(utf8_valid(str_from(fault->what)));
}

static struct jscan_rules
choose_rules(uint8_t choice)
{
	return (struct jscan_rules){
	    .comments = choice & 1,
	    .grow = choice & 2,
	    .max_depth = choice & 4 ? 3 : 16,
	    .max_members = choice & 8 ? 4 : FUZZ_TOKENS,
	    .max_tokens = choice & 16 ? 24 : FUZZ_TOKENS,
	};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jscan_token tokens[FUZZ_TOKENS];
	struct jscan_rules rules = choose_rules(size ? data[0] : 0);
	struct jscan_tape tape = {
	    .tokens = rules.grow ? NULL : tokens, .cap = rules.grow ? 0 : FUZZ_TOKENS};
	struct str text = size ? (struct str){(const char *)data + 1, size - 1} : STR_NONE;
	struct jscan_fault fault;

	if (jscan(text, &rules, &tape, &fault) == 0) {
		for (uint32_t i = 0; i < tape.n; i++)
			check_token(&tape, i, &rules);
		check_again(&tape, &rules);
	} else {
		check_fault(text, &fault);
	}
	if (rules.grow)
		jscan_tape_free(&tape);
	return 0;
}
