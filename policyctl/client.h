/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A connection to one of policyd's sockets, one JSON text per line in both directions. Every wait
 * ends: at the latest after the connection's timeout. Negative errno on failure; main-level code
 * says it.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/* Longest reply to a request. Bytes; a reason of 8,000 bytes may be six times that as JSON. */
#define CLIENT_REPLY (256u << 10)
/* Longest reply of the admin socket: a listing of a large policy. */
#define CLIENT_LISTING (64u << 20)

struct client {
	int fd;
	int64_t timeout; /* us, for each call below */
	size_t max;      /* bytes of the longest line taken */
	char *buf;       /* what has come and was not taken */
	size_t cap, start, end;
};

/* A non-blocking, close-on-exec stream socket connected to path; -ENAMETOOLONG beyond sun_path. */
int client_connect(const char *path, int *ret_fd);

int client_open(struct client *c, const char *path, uint32_t timeout_s, size_t max);
void client_close(struct client *c);

/* Send s, all of it. -ETIMEDOUT, -EPIPE, ... */
int client_send(struct client *c, struct str s);

/*
 * The next line, without its newline, valid until the next call. -ECONNRESET: the other side closed
 * before a whole line had come; -ETIMEDOUT; -EMSGSIZE: longer than max.
 */
int client_line(struct client *c, struct str *ret);

/* What such an error means to a person. */
const char *client_why(int error);
