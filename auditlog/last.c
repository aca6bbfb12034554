/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/last.h"

#include <errno.h>
#include <stdlib.h>

struct last_text {
	struct last_text *next;
	size_t n;
	char bytes[];
};

static void
drop_first(struct last *l)
{
	struct last_text *x = l->first;

	l->first = x->next;
	l->n--;
	l->bytes -= sizeof(*x) + x->n;
	free(x);
}

int
last_add(struct last *l, struct str text)
{
	struct last_text *x;

	if (l->most == 0)
		return 0;
	if (l->n == l->most)
		drop_first(l);
	if (text.n > LAST_BYTES - sizeof(*x) || l->bytes > LAST_BYTES - sizeof(*x) - text.n)
		return -E2BIG;
	x = malloc(sizeof(*x) + text.n);
	if (!x)
		return -ENOMEM;
	x->next = NULL;
	x->n = text.n;
	if (text.n > 0)
		memcpy(x->bytes, text.p, text.n);
	if (l->n > 0)
		l->newest->next = x;
	else
		l->first = x;
	l->newest = x;
	l->n++;
	l->bytes += sizeof(*x) + text.n;
	return 0;
}

void
last_take(struct last *l, void (*put)(void *context, struct str text), void *context)
{
	while (l->n > 0) {
		if (put)
			put(context, (struct str){l->first->bytes, l->first->n});
		drop_first(l);
	}
}
