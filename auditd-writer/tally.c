/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/tally.h"

#include <errno.h>

int
tally_init(struct tally *t)
{
	*t = (struct tally){.sum = hash_new(), .node = hash_new()};
	if (t->sum && t->node)
		return 0;
	tally_deinit(t);
	return -ENOMEM;
}

void
tally_deinit(struct tally *t)
{
	hash_free(t->sum);
	hash_free(t->node);
	*t = (struct tally){0};
}

void
tally_begin(struct tally *t)
{
	t->total = (struct tally_total){0};
	merkle_init(&t->tree);
	hash_begin(t->sum);
}

void
tally_add(struct tally *t, struct str lines, const struct mark *marks, uint64_t n)
{
	struct tally_total *total = &t->total;
	const struct mark *last;

	if (n == 0)
		return;
	last = marks + n - 1;
	hash_add(t->sum, lines);
	for (uint64_t i = 0; i < n; i++)
		merkle_add(&t->tree, t->node, marks[i].leaf);
	if (total->records == 0) {
		total->first_seq = marks->seq;
		total->first_time = marks->time;
	}
	total->records += n;
	total->bytes += (int64_t)lines.n;
	total->last_seq = last->seq;
	total->last_time = last->time;
	memcpy(total->head, last->leaf, HASH_SIZE);
}

void
tally_end(struct tally *t, struct tally_total *ret)
{
	hash_end(t->sum, t->total.sha256);
	merkle_root(&t->tree, t->node, t->total.root);
	*ret = t->total;
}
