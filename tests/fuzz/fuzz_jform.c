/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, each against the form of each before it: what matches is what the scanner takes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/jform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKENS 512
#define LINES 8

static const struct jscan_rules rules = {.max_depth = 16, .max_members = 64, .max_tokens = TOKENS};

struct scan {
	struct jscan_token tokens[TOKENS];
	struct jscan_tape tape;
	bool good;
	struct jform form;
};

static void
must(bool what)
{
	if (!what)
		abort();
}

static struct str
written(const struct jscan_tape *tape, uint32_t i)
{
	return (struct str){tape->text.p + tape->tokens[i].at, tape->tokens[i].n};
}

static void
check_same(const struct jscan_tape *a, const struct jscan_tape *b)
{
	must(a->n == b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct jscan_token *x = &a->tokens[i], *y = &b->tokens[i];

		must(x->type == y->type && x->key == y->key && x->next == y->next &&
		     x->count == y->count);
		must(!x->key || str_eq(written(a, i), written(b, i)));
	}
}

static void
take(struct scan *s, struct str text)
{
	struct jscan_fault fault;

	s->tape = (struct jscan_tape){.tokens = s->tokens, .cap = TOKENS};
	s->good = jscan(text, &rules, &s->tape, &fault) == 0;
	if (s->good)
		(void)jform_learn(&s->form, &s->tape);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scan scans[LINES];
	struct str rest = {size ? (const char *)data : "", size};

	for (unsigned n = 0; n < LINES && rest.n > 0; n++) {
		const char *newline = memchr(rest.p, '\n', rest.n);
		struct str line = {rest.p, newline ? (size_t)(newline - rest.p) : rest.n};

		take(&scans[n], line);
		for (unsigned i = 0; i < n; i++) {
			if (!scans[i].good || !jform_match(&scans[i].form, line))
				continue;
			must(scans[n].good);
			check_same(&scans[i].tape, &scans[n].tape);
		}
		rest = str_skip(rest, line.n + 1);
	}
	return 0;
}
