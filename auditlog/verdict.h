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
/* One line. */
void verdict_print_json(const struct verdict_report *v);

/* One sentence, without a full stop: why the verdict is what it is. */
void verdict_reason(const struct verdict_report *v, struct text *t);
