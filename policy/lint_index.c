/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "policy/glob_path.h"
#include "policy/lint.h"

#define CHAIN_END UINT32_MAX
#define WORD_MAX ((size_t)64) /* bytes of a name's beginning that are looked at */
#define NETWORK_KEY 18        /* bytes of address, prefix, address */

static bool
one_host(const struct pattern *p)
{
	return p->host == HOST_EXACT || (p->host == HOST_NETWORK && p->prefix == 8 * p->ip_bytes);
}

/* Matches more than one host, path or tool, so it may cover an item that is not its equal. */
static bool
is_wide(const struct lint_item *item)
{
	const struct pattern *p = lint_pattern(item);

	switch (item->rule->family) {
	case FAMILY_NET:
		return !one_host(p);
	case FAMILY_HTTP:
		return !one_host(p) || p->path != PATH_EXACT;
	case FAMILY_FS:
	case FAMILY_PROC:
	case FAMILY_TOOL:
		break;
	}
	return p->path != PATH_EXACT;
}

/* --- what an item is found by ----------------------------------------------------------------- */

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

static struct str
network_key(const struct pattern *p, unsigned prefix, uint8_t key[NETWORK_KEY])
{
	memset(key, 0, NETWORK_KEY);
	key[0] = p->ip_bytes;
	key[1] = (uint8_t)prefix;
	memcpy(key + 2, p->ip, prefix / 8);
	if (prefix % 8)
		key[2 + prefix / 8] = p->ip[prefix / 8] & (uint8_t)(0xff00 >> prefix % 8);
	return (struct str){(const char *)key, NETWORK_KEY};
}

static int
add_network(struct lint_index *index, const struct pattern *p, uint32_t item)
{
	uint8_t buf[NETWORK_KEY];
	struct str key = arena_str(&index->arena, network_key(p, p->prefix, buf));

	if (!str_given(key))
		return -ENOMEM;
	index->lengths[p->ip_bytes][p->prefix] = true;
	return chain(index, &index->networks, key, item);
}

/* What stands before the first star, in whole segments; all of what has none. */
static struct str
literal_directory(struct str path)
{
	const char *star = path.n ? memchr(path.p, '*', path.n) : NULL;
	const char *slash = star ? memrchr(path.p, '/', (size_t)(star - path.p)) : NULL;

	return star ? (struct str){path.p, slash ? (size_t)(slash - path.p) : 0} : path;
}

static struct str
literal_beginning(struct str name)
{
	const char *star = name.n ? memchr(name.p, '*', name.n) : NULL;
	size_t n = star ? (size_t)(star - name.p) : name.n;

	return (struct str){name.p, n < WORD_MAX ? n : WORD_MAX};
}

static int
add_general(struct lint_index *index, uint32_t item)
{
	uint32_t *general = vec_add(&index->general, sizeof(*general));

	if (!general)
		return -ENOMEM;
	*general = item;
	return 0;
}

static int
index_add(struct lint_index *index, const struct pattern *p, uint32_t item)
{
	if (p->host == HOST_EXACT || p->host == HOST_ONE || p->host == HOST_DEEP)
		return chain(index, &index->names, p->host_name, item);
	if (p->host == HOST_NETWORK)
		return add_network(index, p, item);
	switch ((enum pattern_path)p->path) {
	case PATH_UNDER:
		return chain(index, &index->paths, p->path_text, item);
	case PATH_EXACT:
	case PATH_GLOB:
		return chain(index, &index->paths, literal_directory(p->path_text), item);
	case PATH_BASE:
	case PATH_NAME:
		return chain(index, &index->prefixes, literal_beginning(p->path_text), item);
	case PATH_ANY:
	case PATH_KINDS:
		break;
	}
	return add_general(index, item);
}

int
lint_index_build(struct lint_index *index, const struct lint_item *items, uint32_t n)
{
	uint32_t same = 0;
	int error = 0;

	*index = (struct lint_index){.next = calloc(n, sizeof(*index->next))};
	if (!index->next)
		return -ENOMEM;
	for (uint32_t i = 0; error == 0 && i < n; i++) {
		same = i > 0 && lint_compare_items(&items[i - 1], &items[i]) == 0 ? same + 1 : 0;
		if (is_wide(&items[i]) && same < LINT_SAME)
			error = index_add(index, lint_pattern(&items[i]), i);
		else if (is_wide(&items[i]) || same >= LINT_BESIDE)
			index->left_out = true;
	}
	return error;
}

void
lint_index_free(struct lint_index *index)
{
	free(index->next);
	vec_free(&index->general);
	strmap_free(&index->names);
	strmap_free(&index->paths);
	strmap_free(&index->prefixes);
	strmap_free(&index->networks);
	arena_free(&index->arena);
}

/* --- looking up --------------------------------------------------------------------------------- */

void
lint_walk_begin(struct lint_walk *w, const struct lint_index *index, const struct lint_item *item)
{
	const struct pattern *p = lint_pattern(item);

	*w = (struct lint_walk){
	    .index = index,
	    .of = p,
	    .name = p->host_name,
	    .path = p->path_text,
	    .chain = CHAIN_END,
	};
	/* Only what is a whole name has beginnings; a program is known by its last segment. */
	if (p->path == PATH_EXACT && item->rule->family == FAMILY_PROC)
		w->word = glob_base(p->path_text);
	if (p->path == PATH_EXACT && item->rule->family == FAMILY_TOOL)
		w->word = p->path_text;
}

static uint32_t
look_up(const struct strmap *map, struct str key)
{
	const uint32_t *head = strmap_get(map, key);

	return head ? *head : CHAIN_END;
}

/* The head of the chain of what is left of a name; then leave its first label out. */
static uint32_t
next_name(struct lint_walk *w)
{
	const char *dot = memchr(w->name.p, '.', w->name.n);
	uint32_t head = look_up(&w->index->names, w->name);

	w->name = dot ? str_skip(w->name, (size_t)(dot - w->name.p) + 1) : STR_NONE;
	return head;
}

/* The same for the directory, whose last segment goes; the root is the empty path. */
static uint32_t
next_path(struct lint_walk *w)
{
	const char *slash = w->path.n ? memrchr(w->path.p, '/', w->path.n) : NULL;
	uint32_t head = look_up(&w->index->paths, w->path);

	w->path = slash ? (struct str){w->path.p, (size_t)(slash - w->path.p)} : STR_NONE;
	return head;
}

/* The networks around an address or network, the widest first. */
static uint32_t
next_network(struct lint_walk *w)
{
	uint8_t key[NETWORK_KEY];
	unsigned prefix = w->prefix++;

	if (!w->index->lengths[w->of->ip_bytes][prefix])
		return CHAIN_END;
	return look_up(&w->index->networks, network_key(w->of, prefix, key));
}

/* Names that begin like this one. */
static uint32_t
next_beginning(struct lint_walk *w)
{
	uint32_t head = look_up(&w->index->prefixes, (struct str){w->word.p, w->begin});

	if (w->begin == w->word.n || w->begin == WORD_MAX)
		w->word = STR_NONE;
	w->begin++;
	return head;
}

static bool
has_networks(const struct lint_walk *w)
{
	return w->of->host == HOST_NETWORK && w->prefix <= w->of->prefix;
}

bool
lint_walk_next(struct lint_walk *w, uint32_t *ret_item)
{
	while (w->chain == CHAIN_END && str_given(w->name))
		w->chain = next_name(w);
	while (w->chain == CHAIN_END && has_networks(w))
		w->chain = next_network(w);
	while (w->chain == CHAIN_END && str_given(w->path))
		w->chain = next_path(w);
	while (w->chain == CHAIN_END && str_given(w->word))
		w->chain = next_beginning(w);
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
