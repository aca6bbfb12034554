/* SPDX-License-Identifier: Apache-2.0 */

/* The steps, each with its key (what the pieces of a group must have in common) and how they become one. */

#include <stdio.h>
#include <stdlib.h>

#include "policy/pattern.h"
#include "policyctl/suggest_step.h"

#define DIRECTORY_DEPTH 2 /* segments of a directory that may stand for its files */
#define TREE_DEPTH 3      /* of one that may stand for all below it */

static struct str
keep(struct suggest *s, const struct text *t)
{
	return text_ok(t) ? arena_str(&s->arena, text_str(t)) : STR_NONE;
}

static void
put_part(struct text *t, struct str s)
{
	text_put(t, s);
	text_char(t, '\0');
}

/* Who may do what kind of thing. */
static void
put_who(struct text *t, const struct piece *p)
{
	text_char(t, (char)('0' + p->family));
	text_char(t, str_given(p->user) ? 'u' : '-');
	put_part(t, p->user);
	text_char(t, str_given(p->sandbox) ? 's' : '-');
	put_part(t, p->sandbox);
}

/* --- the same resource, seen with several requests ---------------------------------------------- */

static bool
key_same(const struct suggest *s, const struct piece *p, struct text *t)
{
	(void)s;
	put_part(t, p->action);
	put_part(t, p->head);
	put_part(t, p->tail);
	text_char(t, p->forbidden ? 'f' : '-');
	return true;
}

static bool
merge_same(struct suggest *s, const struct group *g)
{
	(void)s;
	return g->n > 1;
}

/* --- ports of a host ----------------------------------------------------------------------------- */

static bool
key_host(const struct suggest *s, const struct piece *p, struct text *t)
{
	(void)s;
	put_part(t, p->action);
	put_part(t, p->head);
	return p->family == FAMILY_NET && !p->forbidden;
}

static int
by_port(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return (int)x->piece->port - (int)y->piece->port;
}

/* "80,443,8000-8003": exactly these. How many ranges. */
static uint32_t
put_ports(struct text *t, const struct group *g)
{
	uint32_t ranges = 0;

	for (uint32_t i = 0; i < g->n; ranges++) {
		uint32_t last = i;

		while (last + 1 < g->n && g->v[last + 1].piece->port <= g->v[last].piece->port + 1)
			last++;
		if (ranges > 0)
			text_char(t, ',');
		text_u64(t, g->v[i].piece->port);
		if (g->v[last].piece->port != g->v[i].piece->port) {
			text_char(t, '-');
			text_u64(t, g->v[last].piece->port);
		}
		i = last + 1;
	}
	return ranges;
}

static bool
merge_ports(struct suggest *s, const struct group *g)
{
	char buf[16 * PATTERN_PORTS];
	struct text t = text_over(buf, sizeof(buf));
	struct str tail;

	if (g->n < 2)
		return false;
	qsort(g->v, g->n, sizeof(*g->v), by_port);
	if (put_ports(&t, g) > PATTERN_PORTS || !text_ok(&t))
		return false;
	tail = keep(s, &t);
	if (str_given(tail))
		g->v[0].piece->tail = tail;
	return str_given(tail);
}

/* --- names below one parent ---------------------------------------------------------------------- */

static struct str
parent_of(struct str host)
{
	const char *dot = host.n ? memchr(host.p, '.', host.n) : NULL;

	return dot ? str_skip(host, (size_t)(dot - host.p) + 1) : STR_NONE;
}

static bool
key_parent(const struct suggest *s, const struct piece *p, struct text *t)
{
	struct str parent = parent_of(p->head);

	(void)s;
	if (p->family != FAMILY_NET || p->is_ip4 || str_starts(p->head, STR("[")) ||
	    !str_given(parent) || suggest_is_shared(parent))
		return false;
	put_part(t, p->action);
	put_part(t, parent);
	put_part(t, p->tail);
	return true;
}

static bool
merge_names(struct suggest *s, const struct group *g)
{
	char buf[512];
	struct text head = text_over(buf, sizeof(buf));
	struct piece *p = g->v[0].piece;
	struct str parent = parent_of(p->head);

	if (g->n < s->merge)
		return false;
	text_put(&head, STR("*."));
	text_put(&head, parent);
	p->head = keep(s, &head);
	head.n = 0;
	text_put(&head, STR("any other name directly below "));
	text_put(&head, parent);
	p->more = keep(s, &head);
	return true;
}

/* --- addresses of one network -------------------------------------------------------------------- */

static bool
key_network(const struct suggest *s, const struct piece *p, struct text *t)
{
	(void)s;
	put_part(t, p->action);
	put_part(t, p->tail);
	text_put(t, (struct str){(const char *)p->ip, 3});
	return p->family == FAMILY_NET && p->is_ip4;
}

/* The longest prefix that all have in common, within the last byte. */
static unsigned
common_prefix(const struct group *g)
{
	uint8_t differ = 0;
	unsigned prefix = 32;

	for (uint32_t i = 1; i < g->n; i++)
		differ |= g->v[i].piece->ip[3] ^ g->v[0].piece->ip[3];
	for (; differ; differ >>= 1)
		prefix--;
	return prefix;
}

/* Only where at least half of the network was seen. */
static bool
merge_network(struct suggest *s, const struct group *g)
{
	unsigned prefix = common_prefix(g), size = 1U << (32 - prefix);
	struct piece *p = g->v[0].piece;
	char buf[96];
	int n;

	if (g->n < s->merge || size > 2 * g->n)
		return false;
	n = snprintf(buf, sizeof(buf), "%u.%u.%u.%u/%u", p->ip[0], p->ip[1], p->ip[2],
	    p->ip[3] & ~(size - 1) & 0xff, prefix);
	p->head = arena_str(&s->arena, (struct str){buf, (size_t)n});
	n = snprintf(buf, sizeof(buf), "%u more addresses of the network", size - g->n);
	if (size > g->n)
		p->more = arena_str(&s->arena, (struct str){buf, (size_t)n});
	return true;
}

/* --- files of one directory ---------------------------------------------------------------------- */

static size_t
depth_of(struct str path)
{
	size_t n = 0;

	for (size_t i = 0; i < path.n; i++)
		n += path.p[i] == '/';
	return n;
}

/* Without its last segment; empty for the root. */
static struct str
directory_of(struct str path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	return slash ? (struct str){path.p, (size_t)(slash - path.p)} : STR_NONE;
}

/* A program is never named by its directory alone: what lies there tomorrow may be anything. */
static bool
has_directories(const struct piece *p)
{
	return p->family == FAMILY_FS || p->family == FAMILY_HTTP;
}

static bool
key_directory(const struct suggest *s, const struct piece *p, struct text *t)
{
	struct str dir = directory_of(p->tail);
	size_t least = p->family == FAMILY_FS ? DIRECTORY_DEPTH : 1;

	(void)s;
	if (!has_directories(p) || !str_given(dir) || depth_of(dir) < least ||
	    str_ends(p->tail, STR("*")))
		return false;
	put_part(t, p->action);
	put_part(t, p->head);
	put_part(t, dir);
	return true;
}

static bool
become_below(struct suggest *s, struct piece *p, struct str dir, const char *star, const char *more)
{
	char buf[LIMIT_RESOURCE + 64];
	struct text t = text_over(buf, sizeof(buf));
	struct str tail;

	text_put(&t, dir);
	text_put(&t, str_from(star));
	tail = keep(s, &t);
	t.n = 0;
	text_put(&t, str_from(more));
	text_put(&t, dir);
	if (!str_given(tail) || !text_ok(&t))
		return false;
	p->more = keep(s, &t);
	p->tail = tail;
	return true;
}

static bool
merge_directory(struct suggest *s, const struct group *g)
{
	struct piece *p = g->v[0].piece;

	return g->n >= s->merge &&
	       become_below(s, p, directory_of(p->tail), "/*", "anything else directly below ");
}

/* --- directories of one tree --------------------------------------------------------------------- */

/* Only those that stand for their files already. */
static bool
key_tree(const struct suggest *s, const struct piece *p, struct text *t)
{
	struct str dir = directory_of(p->tail), above = directory_of(dir);

	(void)s;
	if (!has_directories(p) || !str_ends(p->tail, STR("/*")) || !str_given(above) ||
	    depth_of(above) < (p->family == FAMILY_FS ? TREE_DEPTH : DIRECTORY_DEPTH))
		return false;
	put_part(t, p->action);
	put_part(t, p->head);
	put_part(t, above);
	return true;
}

static bool
merge_tree(struct suggest *s, const struct group *g)
{
	struct piece *p = g->v[0].piece;

	return g->n >= s->merge && become_below(s, p, directory_of(directory_of(p->tail)), "/**",
				       "everything else below ");
}

/* --- tools of one server ------------------------------------------------------------------------- */

static bool
key_server(const struct suggest *s, const struct piece *p, struct text *t)
{
	struct str server = directory_of(p->tail);

	(void)s;
	put_part(t, p->action);
	put_part(t, server);
	return p->family == FAMILY_TOOL && server.n > 0 && !memchr(p->tail.p, '*', p->tail.n);
}

static bool
merge_tools(struct suggest *s, const struct group *g)
{
	struct piece *p = g->v[0].piece;

	return g->n >= s->merge &&
	       become_below(s, p, directory_of(p->tail), "/*", "every other tool of ");
}

/* --- actions on one resource --------------------------------------------------------------------- */

static bool
key_resource(const struct suggest *s, const struct piece *p, struct text *t)
{
	(void)s;
	put_part(t, p->head);
	put_part(t, p->tail);
	return !p->forbidden;
}

static int
by_action(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return strcmp(x->piece->action.p, y->piece->action.p);
}

static bool
merge_actions(struct suggest *s, const struct group *g)
{
	char buf[4096];
	struct text t = text_over(buf, sizeof(buf));
	struct str action;

	if (g->n < 2 || g->n > SUGGEST_ACTIONS)
		return false;
	qsort(g->v, g->n, sizeof(*g->v), by_action);
	for (uint32_t i = 0; i < g->n; i++) {
		if (i > 0)
			text_char(&t, ',');
		text_put(&t, g->v[i].piece->action);
	}
	action = keep(s, &t);
	if (str_given(action))
		g->v[0].piece->action = action;
	return str_given(action);
}

/* --- all of them -------------------------------------------------------------------------------- */

const struct suggest_step *
suggest_steps(size_t *ret_n)
{
	static const struct suggest_step steps[] = {
	    {key_same, merge_same, false},
	    {key_host, merge_ports, false},
	    {key_parent, merge_names, true},
	    {key_network, merge_network, true},
	    {key_directory, merge_directory, true},
	    {key_tree, merge_tree, true},
	    {key_server, merge_tools, true},
	    {key_resource, merge_actions, false},
	};

	*ret_n = ARRAY_SIZE(steps);
	return steps;
}

bool
suggest_step_key(
    const struct suggest_step *step, const struct suggest *s, const struct piece *p, struct text *t)
{
	put_who(t, p);
	return step->key(s, p, t);
}
