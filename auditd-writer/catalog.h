/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What lies in the audit directory at start: the files that are ours by name, in order of session
 * and number. Everything else there is none of our business.
 */

#include <stdbool.h>
#include <stddef.h>

#include "auditd-writer/dir.h"
#include "proto/segname.h"

/* Its entries: what segname_parse() takes, and .torn.1 to .torn.9 with that number in `again`. */
#define CATALOG_MAX (4u << 20) /* files */

struct catalog {
	struct segname *files;
	size_t n, cap;
};

/* 0, or a negative errno (-E2BIG beyond CATALOG_MAX). Release with catalog_deinit(). */
int catalog_read(struct catalog *c, const struct dir *d);
void catalog_deinit(struct catalog *c);

/* Whether base exists in this kind (.torn: or .torn.1 to 9); i: index of any file of that base. */
bool catalog_has(const struct catalog *c, size_t i, enum segname_kind kind);
