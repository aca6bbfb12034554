/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The writer's counters as a value: for STATUS, and for the records that carry them. */

#include "proto/wire.h"

struct writer;

/* One object with everything. */
void status_put(const struct writer *w, struct wire_out *out);
/* The counters alone, as members of an object that is open. */
void status_members(const struct writer *w, struct wire_out *out);
