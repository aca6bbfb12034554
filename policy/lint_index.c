/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "policy/lint.h"

#define CHAIN_END UINT32_MAX

/* Matches more than one name, address or path, so it may cover a pattern that is not its equal. */
static bool
is_wide(const struct pattern *p)
{
	bool one_host = p->host == HOST_EXACT ||
			(p->host == HOST_NETWORK && p->prefix == 8 * p->ip_bytes);

	return p->path != PATH_EXACT && !(one_host && p->path == PATH_ANY);
}

/* A map takes the item as the head of key's chain. */
static int
chain(struct lint_index *index, struct strmap *map, struct str key, uint32_t item)
{
	uint32_t *head = strmap_get(map, key), before;

	index->next[item] = head ? *head : CHAIN_END;
	if (!head)
		return strmap_add(map, key, item, &before);
	*head = item;
	return 0;
}

static int
index_add(struct lint_index *index, const struct pattern *p, uint32_t item)
{
	uint32_t *general;

	if (p->host == HOST_EXACT || p->host == HOST_ONE || p->host == HOST_DEEP)
		return chain(index, &index->names, p->host_name, item);
	if (p->host == HOST_ANY && p->path == PATH_UNDER)
		return chain(index, &index->paths, p->path_text, item);
	general = vec_add(&index->general, sizeof(*general));
	if (!general)
		return -ENOMEM;
	*general = item;
	return 0;
}

int
lint_index_build(struct lint_index *index, const struct lint_item *items, uint32_t n)
{
	int error = 0;

	*index = (struct lint_index){.next = calloc(n, sizeof(*index->next))};
	if (!index->next)
		return -ENOMEM;
	for (uint32_t i = 0; error == 0 && i < n; i++)
		if (is_wide(lint_pattern(&items[i])))
			error = index_add(index, lint_pattern(&items[i]), i);
	return error;
}

void
lint_index_free(struct lint_index *index)
{
	free(index->next);
	vec_free(&index->general);
	strmap_free(&index->names);
	strmap_free(&index->paths);
}

void
lint_walk_begin(struct lint_walk *w, const struct lint_index *index, const struct lint_item *item)
{
	const struct pattern *p = lint_pattern(item);

	*w = (struct lint_walk){index, p->host_name, p->path_text, CHAIN_END, 0};
}

/* The head of the chain of what is left of a name; then leave its first label out. */
static uint32_t
next_name(struct lint_walk *w)
{
	const char *dot = memchr(w->name.p, '.', w->name.n);
	const uint32_t *head = strmap_get(&w->index->names, w->name);

	w->name = dot ? str_skip(w->name, (size_t)(dot - w->name.p) + 1) : STR_NONE;
	return head ? *head : CHAIN_END;
}

/* The same for the directory, whose last segment goes; the root is the empty path. */
static uint32_t
next_path(struct lint_walk *w)
{
	const char *slash = w->path.n ? memrchr(w->path.p, '/', w->path.n) : NULL;
	const uint32_t *head = strmap_get(&w->index->paths, w->path);

	w->path = slash ? (struct str){w->path.p, (size_t)(slash - w->path.p)} : STR_NONE;
	return head ? *head : CHAIN_END;
}

bool
lint_walk_next(struct lint_walk *w, uint32_t *ret_item)
{
	while (w->chain == CHAIN_END && str_given(w->name))
		w->chain = next_name(w);
	while (w->chain == CHAIN_END && str_given(w->path))
		w->chain = next_path(w);
	if (w->chain != CHAIN_END) {
		*ret_item = w->chain;
		w->chain = w->index->next[w->chain];
		return true;
	}
	if (w->general == w->index->general.n)
		return false;
	*ret_item = ((const uint32_t *)w->index->general.p)[w->general++];
	return true;
}
