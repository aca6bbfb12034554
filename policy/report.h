/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Complaints about documents, with their places. */

#include <stdint.h>

#include "policy/policy.h"

/* A byte of one of the texts. Line and column are found only when somebody complains. */
struct place {
	uint32_t file; /* index into the texts */
	uint32_t at;
};

#define PLACE_NOWHERE ((struct place){UINT32_MAX, 0})

/* Beyond POLICY_COMPLAINTS only counted. */
void report_add(struct policy_report *report, const struct policy_texts *texts, struct place place,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
