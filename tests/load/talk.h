/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection of a load on policyd's socket, and what it is told. Requests of a connection carry the
 * ids "LOAD.CONNECTION.NUMBER", numbers from 0; so whoever has the log can say which of them is on record.
 *
 * What became of each is kept in a file of struct fate, read by tests/lib/fates.py.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* How a connection behaves. */
enum manner {
	MANNER_READS,  /* well */
	MANNER_SLOWLY, /* takes a byte of its replies now and then */
	MANNER_NEVER,  /* takes none */
	MANNER_STOPS,  /* in the middle of a line; goes some time later, and comes again */
	MANNER_LEAVES, /* without waiting for replies; comes again */
	MANNER_RUDE,   /* sends what is no request, or no line; comes again */
	MANNERS,
};

/* Native byte order. */
struct fate {
	uint32_t connection, number;
	uint64_t what; /* record number << 2 | decision */
};
enum {
	FATE_ALLOW = 1,
	FATE_DENY = 2
};
/* number: how many lines of this connection were handed to the kernel in full. */
#define FATE_SENT UINT64_MAX

struct load {
	const char *path, *id;
	enum manner manner;
	uint32_t window; /* requests in flight of a connection; 0: as many as the socket takes */
	bool again;      /* connect again when a connection ends */
	bool ending;
	uint32_t next; /* number of the next connection */
	FILE *fates;
	/* Connections: made, not made, told that there are too many, ended by the service while they owed something. */
	uint64_t connected, failed, refused, broken;
	/* Lines handed to the kernel in full; replies; of these with a record, denied without one, errors. */
	uint64_t sent, answered, recorded, unrecorded, errors;
	uint64_t wrong;     /* replies that are not to what was asked next */
	uint64_t waited_us; /* the longest from a request to its reply; only with a window */
};

#define TALK_OUT 8192
#define TALK_IN 8192 /* no reply is longer here */
#define TALK_WINDOW_MAX 1024

struct talk {
	struct load *load;
	int fd; /* -1: not connected */
	uint32_t connection;
	uint64_t due; /* lines that it is to have sent by now */
	uint32_t composed, sent, got;
	bool came;               /* has been connected once */
	bool half_closed, stuck; /* has said all; waits in mid-line, or for its end */
	int64_t at;              /* when to come again, or to go (stuck); or to read again */
	size_t out_n, out_sent, in_n;
	int64_t *asked_at; /* a ring of window times; NULL without a window */
	char out[TALK_OUT], in[TALK_IN];
};

/* Connect, or try again a little later. */
void talk_open(struct talk *t, int64_t now);
void talk_close(struct talk *t, int64_t now);
/* Whether it wants to hear when it may write, or read. */
bool talk_wants_out(const struct talk *t);
bool talk_wants_in(const struct talk *t, int64_t now);
void talk_write(struct talk *t, int64_t now);
void talk_read(struct talk *t, int64_t now);
/* What time brings. */
void talk_tick(struct talk *t, int64_t now);
