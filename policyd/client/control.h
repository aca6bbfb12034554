/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Our end of the control channel to the supervisor. Its end, or a fault in it, ends this process at
 * once: without a supervisor nothing may go on.
 */

#include <event2/event.h>
#include <stdint.h>

#include "proto/msg.h"

struct control_calls {
	/* A message. attached is the descriptor that came with it, or -1; closed after the call. */
	void (*message)(void *ctx, enum msg_type type, struct wire_in *body, int attached);
	/* The supervisor is gone; does not return. */
	void (*lost)(void *ctx, const char *why);
};

struct control {
	int fd;
	enum peer self;
	uint64_t next; /* number of the next message that we send, from 1 */
	const struct control_calls *calls;
	void *ctx;
	struct event *readable;
	uint8_t in[LIMIT_FRAME];
	uint8_t out[LIMIT_FRAME / 2];
};

/* The control is large and zeroed: keep it static. -ENOMEM. */
int control_init(struct control *c, struct event_base *base, int fd, enum peer self,
    const struct control_calls *calls, void *ctx);

/*
 * Send one message with this body. -EAGAIN: the channel is full (the supervisor takes nothing);
 * -EMSGSIZE.
 */
int control_send(struct control *c, enum msg_type type, struct str body);
/* A message of a request number alone. */
int control_ask(struct control *c, enum msg_type type, uint32_t request);
