/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines of a file, one after the other, up to the first byte that is not part of a whole line: the
 * end, a NUL (space allocated ahead), or more than LIMIT_LINE bytes without a newline. Reads ahead in
 * large pieces; allocates nothing.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/str.h"

#define LINESCAN_ROOM (256u << 10)

struct linescan {
	int fd;
	int64_t at;         /* of the next line in the file */
	int64_t size;       /* of the file */
	size_t start, fill; /* of what room holds and was not handed out yet */
	char room[LINESCAN_ROOM];
};

/* From the front of an open file. Negative errno. */
int linescan_open(struct linescan *s, int fd);

/*
 * 1: a line, newline included, good until the next call; s->at is behind it. 0: no whole line is
 * there any more, s->at is behind the last one. Negative errno.
 */
int linescan_next(struct linescan *s, struct str *ret);

/* Index after the last byte of the file that is not NUL, but at least s->at. Negative errno. */
int64_t linescan_content_end(struct linescan *s);
