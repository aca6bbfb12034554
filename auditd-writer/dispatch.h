/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages in: takes frames from all channels in turn, a few from each, checks them, and gives every
 * message its record or its refusal. A channel that breaks the protocol is shut until the supervisor has
 * announced its next process and that one says HELLO; the others are not touched.
 */

#include <stdbool.h>
#include <stdint.h>

struct writer;
struct channel;

/* Take what has arrived on readable channels, at most a few rounds. False: nothing was there. */
bool dispatch_drain(struct writer *w);

/* Write the records that tell of faults, where the last one is a minute old (or all). */
void dispatch_tell_faults(struct writer *w, bool all);
/* Monotonic time of the next one; INT64_MAX: none. */
int64_t dispatch_deadline(const struct writer *w);
