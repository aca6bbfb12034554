/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Segments: when the open one is closed, the standby that follows it, those that wait for the closer
 * (at most LIMIT_WAITING_SEGMENTS: then appending waits), and ROTATE requests.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

struct writer;

/* 0 or -ENOMEM. */
int rotation_init(struct writer *w);

/* Whether the open segment has to be closed before this much more is written to it. */
bool rotation_due(const struct writer *w, uint64_t records, size_t bytes);

/*
 * Close the open segment and go on in the next. Adds a counters record to one that log shippers
 * would skip. When there is no next one, the open one goes on beyond its limits for now; when too many
 * wait to be closed, storage has failed until one of them is.
 */
void rotation_turn(struct writer *w);

/*
 * Before the end: have everything closed that waits, so that what came of it can be recorded. While
 * storage fails, a bad file stays what the next start finds: it may be all there is of some records.
 */
void rotation_settle(struct writer *w);

/* Close the open segment without a next one, at the end. Negative errno when something is not on disk. */
int rotation_end(struct writer *w);

/* Hand the open segment, all of which is covered, to the closer; go on in the standby. */
int rotation_hand_over(struct writer *w);

/*
 * The standby becomes the open segment; waits until there is one or making it has failed. Fails while
 * too many wait to be closed.
 */
int rotation_take_standby(struct writer *w);

/* Leave the open segment, which is poisoned by this error. */
void rotation_retire(struct writer *w, int error);

/*
 * Give the open segment back, in which nothing is that anybody relies on: the next one that is made
 * takes its place in the directory.
 */
void rotation_give_back(struct writer *w);

/*
 * The open segment is as large as it may be, or as old, and those that wait to be closed are as many
 * as may: a negative errno that says why they wait. 0: nothing is in the way.
 */
int rotation_obstacle(const struct writer *w);

/* What retired segments did not cover is safe elsewhere: have them repaired. */
void rotation_release(struct writer *w);

/* Something failed that the closer does: it is tried again later, each time later than before. */
void rotation_try_later(struct writer *w);

/* What the closer failed at for want of something that there is again: at once. */
void rotation_try_now(struct writer *w);

/* Take what the closer has done; ask again for what failed, when it is time. */
void rotation_reap(struct writer *w);

/* A ROTATE of the supervisor. */
void rotation_ask(struct writer *w, uint32_t request);

/* Monotonic time of what is due next; INT64_MAX: nothing. */
int64_t rotation_deadline(const struct writer *w);
