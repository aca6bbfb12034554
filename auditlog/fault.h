/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is wrong with a log, and where: filled in by what checks, shown by the commands. */

#include <stdint.h>

#include "common/log.h"
#include "common/str.h"
#include "proto/segname.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_BROKEN, /* the log is not as it was written */
	FAULT_IO,     /* it could not be read: nothing is known */
};

#define FAULT_TEXT 256 /* bytes of each text, with its NUL; what is longer is cut */

struct fault {
	enum fault_kind kind;
	char file[SEGNAME_SIZE]; /* its name in the directory; empty: no file */
	uint64_t line;           /* from 1; 0: the file as a whole */
	uint64_t offset;         /* byte in the file */
	/* Data of the log may be in any of them: show them escaped. */
	char what[FAULT_TEXT];
	char expected[FAULT_TEXT]; /* empty: nothing to say */
	char found[FAULT_TEXT];
};

/* Fill in all but expected and found, which become empty. */
void fault_set(struct fault *f, enum fault_kind kind, const char *file, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* A FAULT_IO: what could not be done with the file, and the negative errno. */
void fault_io(struct fault *f, const char *file, const char *what, int error);
/* Place within the file. */
void fault_at(struct fault *f, uint64_t line, uint64_t offset);

void fault_expect(struct fault *f, struct str expected, struct str found);
void fault_expect_hash(struct fault *f, const uint8_t *expected, const uint8_t *found);
void fault_expect_number(struct fault *f, uint64_t expected, uint64_t found);
