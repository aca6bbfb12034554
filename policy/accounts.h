/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Local account names from passwd(5) and group(5) files, read as files: NSS would load libraries and
 * may ask the network. The first entry of a uid, a name or a gid counts.
 */

#include <stdint.h>
#include <stdio.h>

#include "policy/store.h"

struct account {
	uint32_t uid, gid;
	struct str name;
	uint32_t first_group, n_groups; /* in struct accounts' group_names */
};

struct accounts {
	struct arena arena;
	struct vec v;           /* struct account, by uid */
	struct vec group_names; /* struct str: the primary group first, then in the file's order */
};

/* -ENOMEM, or -errno of reading. accounts_free() in any case. */
int accounts_read(struct accounts *a, FILE *passwd, FILE *group);
/* From /etc. A file that is not there is empty; *a must be zero before. */
int accounts_read_etc(struct accounts *a);
void accounts_free(struct accounts *a);

static inline struct account *
accounts_at(const struct accounts *a, uint32_t i)
{
	return (struct account *)a->v.p + i;
}
