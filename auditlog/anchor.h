/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The three things that `auditlog anchor` does, one file each. They return the exit code. */

#include "common/cli.h"

struct anchor_order {
	const char *dir;
	const char *key;               /* the pinned verifier key; NULL: the log's own */
	const char *sign, *name, *out; /* make */
	const char *tsq;               /* request */
	const char *add, *anchors;     /* add */
	const char *tsa_ca;            /* add */
	struct cli_list witnesses;     /* add */
	const char *checkpoint;        /* request, add */
};

/* The log's newest checkpoint, to stdout or a file, signed if a key is given. */
int anchor_make(const struct anchor_order *o);
/* A checkpoint's request for a timestamp, to a file. */
int anchor_request(const struct anchor_order *o);
/* A timestamp or a cosignature, checked against its checkpoint and the log, and stored. */
int anchor_add(const struct anchor_order *o);
