/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What must hold of the order of calls in a trace (plan.h), whatever a file system makes of it:
 *
 * - no acknowledgement leaves before its record is written, and where it promises so, synced;
 * - no segment is written to before an fsync has made it and its name is durable, no file gets its last
 *   name before an fsync has made it;
 * - the key state is not written before the names are durable that the state before was to give;
 * - no segment is closed one of whose writes or syncs has failed: its good part is copied.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fault/plan.h"

#define TRACE_CONTROL_FD 3 /* of the writer; then channel by channel */

/* The step at *at, moving behind it; its data. */
const uint8_t *trace_next(const uint8_t *trace, size_t *at, struct plan_step *ret);

/* An acknowledgement on one of so many channels. */
bool trace_is_ack(const struct plan_step *s, unsigned channels);

/* Fails the running test. commit: an acknowledgement promises only that its record is written. */
void trace_expect(const uint8_t *trace, size_t n, unsigned channels, bool commit);
