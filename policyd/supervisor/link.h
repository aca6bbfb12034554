/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The supervisor's end of a control channel. Frames that the channel cannot take now wait in a
 * bounded queue; nothing here blocks. Message numbers count from 1 in both directions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/msg.h"

#define LINK_QUEUE 256 /* frames that may wait */

struct link_frame;

struct link {
	int fd;                  /* -1: closed */
	enum peer peer;          /* who is at the other end */
	uint64_t sent, received; /* messages */
	struct link_frame *first, *last;
	size_t queued;
};

#define LINK_CLOSED ((struct link){.fd = -1})

/* A new channel; *ret_other is the peer's end (close-on-exec, the caller's). */
int link_open(struct link *l, enum peer peer, int *ret_other);
/* Also drops what waits. Idempotent. */
void link_close(struct link *l);

/*
 * Send one message, or let it wait. attached (or -1) stays the caller's. -ENOTCONN: closed;
 * -EPIPE, -ECONNRESET: the peer is gone; -ENOBUFS: LINK_QUEUE frames wait; -EMSGSIZE.
 */
int link_put(struct link *l, enum msg_type type, struct str body, int attached);

/* Send what waits, as far as it goes. 0 or -errno when the peer is gone. */
int link_flush(struct link *l);
static inline bool
link_waits(const struct link *l)
{
	return l->queued > 0;
}

/*
 * One received frame, checked. 1 and *ret (slices stay good until the next call for any link);
 * 0: nothing there now; -EPIPE: the peer has closed; -EPROTO and others: it broke the protocol,
 * *ret_why says how.
 */
int link_take(struct link *l, struct frame_in *ret, const char **ret_why);
