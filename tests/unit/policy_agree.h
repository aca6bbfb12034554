/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The index against the plain reading: a document that a test writes, and questions that
 * policy_evaluate() and policy_explain() must answer with the same rules.
 */

#include "tests/unit/policy_fixture.h"

#define AGREE_ROOM ((size_t)4 << 20)

/* The document that is being written. */
extern char agree_json[AGREE_ROOM];
extern size_t agree_n;

__attribute__((format(printf, 1, 2))) void agree_add(const char *format, ...);

#define LINE_TEXT 700

struct line {
	char s[LINE_TEXT];
	size_t n;
};

__attribute__((format(printf, 2, 3))) void line_put(struct line *l, const char *format, ...);

struct question {
	char action[64];
	struct line resource;
	char room[8][16];
	struct policy_subject subject;
	struct policy_attribute context;
};

/* Whether the verdicts are the same. What became of each rule is checked, too, and added to parts. */
bool agree(const struct fixture *f, const struct question *q, unsigned parts[PART_KINDS]);
