/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From the batch to the disk, and what happens when that does not work:
 *
 *     write or sync fails       the segment is poisoned: everything not covered by a sync is written
 *                               again, to the standby segment; the closer repairs the poisoned one
 *     no space left to write    the segment ends at its last line; the standby is the reserve
 *     ... and that fails, too   FAILED: new messages are refused with the cause; what is in the batch
 *                               stays there and is tried again after 1 s, 2 s, ... 30 s, each time
 *                               in a new file that takes the place of the one before; want of space,
 *                               when there is some again (space.h)
 *     too many wait for a seal  FAILED, until one of them has it (rotation.h)
 */

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"

struct writer;

/*
 * Write the batch; make it durable when sync, or when the durability asks for it now. Then
 * everything answered so far is ready to be acknowledged. Negative errno: storage has failed.
 */
int storage_flush(struct writer *w, bool sync);

/* Storage has failed with this, if it is an error, though nothing that was recorded is at stake. */
void storage_stop(struct writer *w, int error);

/* Why messages are refused now. */
enum refusal storage_refusal(const struct writer *w);

/* While failed: try again, if it is time (or now). */
void storage_retry(struct writer *w, bool now);

/* Recompute OK or LOW after something that they depend on has changed. */
void storage_set_state(struct writer *w);

/* Monotonic time at which a sync or another try is due; INT64_MAX: none. */
int64_t storage_deadline(const struct writer *w);
