/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Policy documents for the commands that work without policyd: check, test, lint. */

#include <stdbool.h>

#include "policy/policy.h"

/* Read a file or directory; ends the program when it cannot be read. */
void document_read(const char *file_or_dir, struct policy_texts *texts);

/* The findings as `FILE:LINE:COLUMN: text` lines, to stdout or (errors) to stderr. */
void document_print(const struct policy_report *report, bool errors);

/* Findings and counts as one JSON object. */
void document_print_json(const struct policy_report *report);
