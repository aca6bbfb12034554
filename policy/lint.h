/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/document.h"

/* "rule "ID": what" at a place. */
void
lint_complain(const struct doc *d, struct place place, const struct doc_rule *r, const char *what);

/*
 * Rules that say what another rule says already, and allows that a deny always overrides. 0 or
 * -ENOMEM. (lint_overlap.c)
 */
int lint_overlaps(const struct doc *d, int64_t now);
