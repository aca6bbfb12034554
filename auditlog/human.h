/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A record as one line for people:
 *
 *     2026-11-21 03:46:57.124  4711  DENY   alice  net:connect:tcp  example.com:443  [egress/mirrors] client=sbx: why
 *
 * time (UTC), seq, what came of it, who, what, and the rest. Columns are aligned as far as they fit. Data
 * of the record is escaped: it can neither drive a terminal nor end the line.
 */

#include <stdbool.h>

#include "common/text.h"
#include "proto/recordline.h"

#define HUMAN_LINE (5 * LIMIT_LINE) /* room for any record */

/* Append the line with its newline. */
void human_line(struct text *t, const struct recordline *r, bool colours);
