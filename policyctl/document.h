/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Policy documents for the commands that work without policyd: check, test, lint. */

#include <stdbool.h>

#include "policy/policy.h"

/* Read a file or directory; ends the program when it cannot be read. */
void document_read(const char *file_or_dir, struct policy_texts *texts);

/*
 * Read and compile a policy, local accounts included; its own tests are not run. Ends the program
 * when it is none. *ret_image is malloc'ed; command is for messages.
 */
void document_compile(const char *command, const char *file_or_dir, int64_t now,
    uint8_t **ret_image, struct policy_image *ret_view);

/* The findings as `FILE:LINE:COLUMN: text` lines, to stdout or (errors) to stderr. */
void document_print(const struct policy_report *report, bool errors);

/* Findings and counts as one JSON object. */
void document_print_json(const struct policy_report *report);
