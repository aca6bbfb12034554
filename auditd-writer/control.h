/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The supervisor's channel: what it asks for, what it is told. Messages to it are numbered from 1
 * without a gap; what its channel does not take now waits in w->outbox.
 */

#include <stdint.h>

#include "proto/msg.h"

struct writer;

/* One message of an opened frame, numbered `number` (a NOTE is dispatch.c's). 0 or -EPROTO. */
int control_take(struct writer *w, enum msg_type type, struct wire_in *body);

void control_tell_ready(struct writer *w, uint64_t records_recovered);
/* -ENOBUFS: the outbox is full. */
int control_tell_faulted(struct writer *w, uint32_t channel);
int control_tell_cleared(struct writer *w, const struct msg_cleared *m);
/* Answer to ROTATE. */
void control_tell_rotated(struct writer *w, uint32_t request, int error, struct str name);

/* Send what waits, then acknowledgements of its notes. */
void control_flush(struct writer *w);
