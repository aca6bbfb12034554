/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between the files of the server: server.c, accept.c, conn.c, promise.c. */

#include "policyd/client/server.h"

/* Unsent bytes of one connection never exceed this. */
#define OUTBUF_MAX (REPLIES_MAX + REPLY_MAX)

/* Make what accepting needs. -errno. */
int accept_init(struct server *s);

/* Take over a freshly accepted socket. -ENOMEM (fd stays the caller's). */
int conn_open(struct server *s, int fd, const struct record_peer *peer, struct account *account);
/* Free what is left of a closed connection. */
void conn_free(struct conn *c);

/* Take lines as far as limits allow, then wait for what stands in the way. */
void conn_run(struct conn *c);
/* End of turn: write what is there; close when all is done. */
void conn_flush(struct conn *c);
/* Deadlines. */
void conn_check(struct conn *c, int64_t now);

/* Bytes of replies more (or fewer) that c has yet to take. */
void conn_owe(struct conn *c, size_t n);
void conn_paid(struct conn *c, size_t n);
/* Its own limits may let it go on. */
void conn_wake(struct conn *c);
/* Stand in the queue for a turn. */
void conn_ready(struct conn *c);
