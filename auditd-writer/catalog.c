/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Also what repair_set_aside() makes where there is a .torn. */
static bool
parse(struct str name, struct segname *ret)
{
	unsigned again;

	if (segname_parse(name, ret))
		return true;
	if (name.n < 2 || name.p[name.n - 2] != '.')
		return false;
	again = (unsigned)(name.p[name.n - 1] - '0');
	if (again < 1 || again > SEGNAME_TORN_AGAIN)
		return false;
	if (!segname_parse((struct str){name.p, name.n - 2}, ret) || ret->kind != SEGNAME_TORN)
		return false;
	ret->again = again;
	return true;
}

static int
catalog_add(void *ctx, const char *name)
{
	struct catalog *c = ctx;
	struct segname s;

	if (!parse(str_from(name), &s))
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
	if (order == 0)
		order = (int)x->kind - (int)y->kind;
	return order != 0 ? order : (int)x->again - (int)y->again;
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

/* Index of the first file of the same base: they lie side by side. */
static size_t
first_of(const struct catalog *c, size_t i)
{
	while (i > 0 && strcmp(c->files[i - 1].base, c->files[i].base) == 0)
		i--;
	return i;
}

bool
catalog_has(const struct catalog *c, size_t i, enum segname_kind kind)
{
	const char *base = c->files[i].base;

	for (size_t k = first_of(c, i); k < c->n && strcmp(c->files[k].base, base) == 0; k++)
		if (c->files[k].kind == kind)
			return true;
	return false;
}
