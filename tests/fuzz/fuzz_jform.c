/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, each against the forms of those before it: what matches is what the scanner takes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/jform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKENS 512
#define LINES 20 /* more than are remembered */

static const struct jscan_rules rules = {.max_depth = 16, .max_members = 64, .max_tokens = TOKENS};

struct scan {
	struct jscan_token tokens[TOKENS];
	struct jscan_tape tape;
	bool good;
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

static bool
same(const struct jscan_tape *a, const struct jscan_tape *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct jscan_token *x = &a->tokens[i], *y = &b->tokens[i];

		if (x->type != y->type || x->key != y->key || x->next != y->next ||
		    x->count != y->count)
			return false;
		if (x->key && !str_eq(written(a, i), written(b, i)))
			return false;
	}
	return true;
}

static void
take(struct scan *s, struct str text)
{
	struct jscan_fault fault;

	s->tape = (struct jscan_tape){.tokens = s->tokens, .cap = TOKENS};
	s->good = jscan(text, &rules, &s->tape, &fault) == 0;
}

/* Of what matches, some line before has the structure. */
static void
check_matched(const struct scan *scans, unsigned n)
{
	bool found = false;

	must(scans[n].good);
	for (unsigned i = 0; i < n && !found; i++)
		found = scans[i].good && same(&scans[i].tape, &scans[n].tape);
	must(found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scan scans[LINES];
	static struct jforms forms;
	struct str rest = {size ? (const char *)data : "", size};

	memset(&forms, 0, sizeof(forms));
	for (unsigned n = 0; n < LINES && rest.n > 0; n++) {
		const char *newline = memchr(rest.p, '\n', rest.n);
		struct str line = {rest.p, newline ? (size_t)(newline - rest.p) : rest.n};

		take(&scans[n], line);
		if (jforms_match(&forms, line))
			check_matched(scans, n);
		else if (scans[n].good)
			jforms_learn(&forms, &scans[n].tape);
		rest = str_skip(rest, line.n + 1);
	}
	return 0;
}
