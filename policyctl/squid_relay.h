/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests of Squid on their way to policyd, and answers on their way back, in buffers: squid.c reads
 * and writes those towards Squid, this the connection to policyd. Whatever is not an allow that is on
 * record becomes ERR.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policyctl/buf.h"
#include "policyctl/ctl.h"
#include "policyctl/squid_line.h"

#define SQUID_PENDING 512         /* requests under way; Squid's own concurrency= is less */
#define SQUID_BACKOFF_FIRST 20000 /* us */

struct squid_pending {
	uint64_t number;
	int64_t deadline; /* us, monotonic */
	char id[SQUID_ID];
	size_t id_n;
};

struct squid {
	const char *path;
	struct str client;
	int64_t timeout; /* us */

	int fd;           /* of policyd, -1: not connected */
	int64_t retry_at; /* not before this moment */
	int64_t backoff;
	bool complained; /* about policyd being away */

	uint64_t asked; /* number of the last request */
	struct squid_pending pending[SQUID_PENDING];
	size_t head, n;

	struct buf in;   /* from Squid */
	struct buf up;   /* to policyd */
	struct buf down; /* from policyd */
	struct buf
	    out;       /* to Squid: always room for a reply to each that is pending, and one more */
	bool eof;      /* of Squid */
	bool skipping; /* the rest of an over-long line */
	struct reply reply;
};

/* The oldest request under way; there must be one. */
static inline struct squid_pending *
squid_head(struct squid *s)
{
	return &s->pending[s->head];
}

/* Whether one more line can be taken whatever its answer will be. */
bool squid_may_take(struct squid *s);
/* One line off the input. False when there is none yet. */
bool squid_take(struct squid *s);

/* The connection takes bytes, or has some. */
void squid_send(struct squid *s);
void squid_receive(struct squid *s);
/* Give up a connection whose oldest answer is late. */
void squid_expire(struct squid *s);
