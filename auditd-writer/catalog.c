/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
catalog_add(void *ctx, const char *name)
{
	struct catalog *c = ctx;
	struct segname s;

	if (!segname_parse(str_from(name), &s))
		return 0;
	if (c->n == CATALOG_MAX)
		return -E2BIG;
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 256;
		struct segname *grown = reallocarray(c->files, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		c->files = grown;
		c->cap = cap;
	}
	c->files[c->n++] = s;
	return 0;
}

static int
by_session(const void *a, const void *b)
{
	const struct segname *x = a, *y = b;
	int order = strcmp(x->session, y->session);

	if (order == 0)
		order = (x->number > y->number) - (x->number < y->number);
	if (order == 0)
		order = strcmp(x->base, y->base);
	return order != 0 ? order : (int)x->kind - (int)y->kind;
}

int
catalog_read(struct catalog *c, const struct dir *d)
{
	int error;

	*c = (struct catalog){0};
	error = dir_each(d, catalog_add, c);
	if (error < 0) {
		catalog_deinit(c);
		return error;
	}
	if (c->n > 0)
		qsort(c->files, c->n, sizeof(*c->files), by_session);
	return 0;
}

void
catalog_deinit(struct catalog *c)
{
	free(c->files);
	*c = (struct catalog){0};
}

bool
catalog_has(const struct catalog *c, size_t i, enum segname_kind kind)
{
	const char *base = c->files[i].base;
	size_t from = i >= SEGNAME_KINDS ? i - SEGNAME_KINDS : 0;

	for (size_t k = from; k < c->n && k <= i + SEGNAME_KINDS; k++)
		if (c->files[k].kind == kind && strcmp(c->files[k].base, base) == 0)
			return true;
	return false;
}
