/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The report of a judgement: for a person, or as one JSON object (docs/man/auditlog.1). */

#include "auditlog/judge.h"

struct verdict_report {
	const struct judgement *judgement;
	const struct judge_order *order;
	const struct sealchain *chain;
	const struct logdir *dir;
};

/* To stdout. The judgement is one (its fault is no FAULT_IO). */
void verdict_print(const struct verdict_report *v);
/* One line; put: without its newline. */
void verdict_print_json(const struct verdict_report *v);
void verdict_put_json(const struct verdict_report *v);

/* One sentence, without a full stop: why the verdict is what it is. */
#define VERDICT_REASON 2048 /* bytes are room for any */
void verdict_reason(const struct verdict_report *v, struct text *t);

/* Whether this word is to be said, too, and the sentence for it. */
bool verdict_says(const struct verdict_report *v, enum verdict word);
void verdict_reason_of(const struct verdict_report *v, enum verdict word, struct text *t);

/* What is said of it besides, name by name. Values may hold any bytes. */
struct verdict_rows {
	void (*row)(void *context, const char *name, struct str value);
	void *context;
};
void verdict_rows(const struct verdict_report *v, const struct verdict_rows *rows);
