/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "policy/accounts.h"
#include "policy/condition.h"
#include "policy/document.h"
#include "policy/image.h"
#include "policy/index_build.h"

/* One section while it grows. */
struct part {
	uint8_t *p;
	size_t n, cap; /* bytes */
};

/* Errors stick: add everything, ask once. */
struct build {
	struct part parts[IMAGE_SECTIONS];
	struct strmap strings; /* each string is kept once; values are offsets */
	int error;
};

static void
build_fail(struct build *b, int error)
{
	if (b->error == 0)
		b->error = error;
}

static bool
part_room(struct build *b, struct part *part, size_t n)
{
	size_t cap = part->cap ? part->cap : 4096;
	uint8_t *grown;

	if (b->error < 0)
		return false;
	if (n > IMAGE_MAX - part->n) {
		build_fail(b, -EFBIG);
		return false;
	}
	while (cap - part->n < n)
		cap *= 2;
	if (cap == part->cap)
		return true;
	grown = realloc(part->p, cap);
	if (!grown) {
		build_fail(b, -ENOMEM);
		return false;
	}
	part->p = grown;
	part->cap = cap;
	return true;
}

/* Append one element; returns its index. */
static uint32_t
build_add(struct build *b, enum image_section s, const void *element)
{
	struct part *part = &b->parts[s];
	size_t n = image_element(s);

	if (!part_room(b, part, n))
		return 0;
	memcpy(part->p + part->n, element, n);
	part->n += n;
	return (uint32_t)(part->n / n - 1);
}

static uint32_t
build_count(const struct build *b, enum image_section s)
{
	return (uint32_t)(b->parts[s].n / image_element(s));
}

static struct image_str
build_str(struct build *b, struct str s)
{
	struct part *part = &b->parts[IMAGE_STRINGS];
	struct image_str ret = {IMAGE_NONE, 0};
	uint32_t at = (uint32_t)part->n;
	int known;

	if (!str_given(s) || b->error < 0)
		return ret;
	known = strmap_add(&b->strings, s, at, &at);
	if (known < 0)
		build_fail(b, known);
	if (known == 0 && part_room(b, part, s.n)) {
		if (s.n > 0)
			memcpy(part->p + part->n, s.p, s.n);
		part->n += s.n;
	}
	ret.at = at;
	ret.n = (uint32_t)s.n;
	return ret;
}

static struct image_run
build_list(struct build *b, const struct str *v, uint32_t n)
{
	struct image_run run = {build_count(b, IMAGE_REFS), n};

	for (uint32_t i = 0; i < n; i++) {
		struct image_str ref = build_str(b, v[i]);

		(void)build_add(b, IMAGE_REFS, &ref);
	}
	return run;
}

static bool
is_exact(struct str name)
{
	return name.n == 0 || !memchr(name.p, '*', name.n);
}

/* Exact names first, in order. */
static int
by_name(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	bool exact = is_exact(*x);

	if (exact != is_exact(*y))
		return exact ? -1 : 1;
	return condition_name_order(*x, *y);
}

static struct image_names
build_names(struct build *b, const struct doc_list *list)
{
	CLEANUP_FREE struct str *v = calloc(list->n ? list->n : 1, sizeof(*v));
	struct image_names names = {.n = list->n};
	struct image_run run;

	if (!v) {
		build_fail(b, -ENOMEM);
		return names;
	}
	if (list->n > 0) {
		memcpy(v, list->v, list->n * sizeof(*v));
		qsort(v, list->n, sizeof(*v), by_name);
	}
	while (names.exact < list->n && is_exact(v[names.exact]))
		names.exact++;
	run = build_list(b, v, list->n);
	names.first = run.first;
	return names;
}

static void
build_pattern(struct build *b, const struct pattern *p)
{
	struct image_pattern e = {
	    .text = build_str(b, p->text),
	    .host_name = build_str(b, p->host_name),
	    .path_text = build_str(b, p->path_text),
	    .ports = {build_count(b, IMAGE_PORTS), p->n_ports},
	    .host = p->host,
	    .path = p->path,
	    .scheme = p->scheme,
	    .ip_bytes = p->ip_bytes,
	    .prefix = p->prefix,
	};

	memcpy(e.ip, p->ip, sizeof(e.ip));
	for (uint32_t i = 0; i < p->n_ports; i++) {
		struct port_range range = pattern_port(p, i);

		(void)build_add(b, IMAGE_PORTS, &range);
	}
	(void)build_add(b, IMAGE_PATTERNS, &e);
}

static_assert(DOC_NO_ZONE == IMAGE_NONE, "no zone is no zone");

static void
build_zones(struct build *b, const struct doc *doc)
{
	for (uint32_t i = 0; i < doc->shifts.n; i++)
		(void)build_add(b, IMAGE_SHIFTS, (struct zone_shift *)doc->shifts.p + i);
	for (uint32_t i = 0; i < doc->zones.n; i++) {
		struct image_run run = {doc_zone(doc, i)->first_shift, doc_zone(doc, i)->n_shifts};

		(void)build_add(b, IMAGE_ZONES, &run);
	}
}

static uint32_t
build_when(struct build *b, const struct doc_when *w)
{
	struct image_when e = {.has_time = 0};

	if (!w)
		return IMAGE_NONE;
	e = (struct image_when){
	    .from = w->from,
	    .to = w->to,
	    .offset = w->offset,
	    .zone = w->has_time ? w->zone : IMAGE_NONE,
	    .days = w->days,
	    .has_time = w->has_time,
	    .client = build_names(b, &w->client),
	    .contexts = {build_count(b, IMAGE_CONTEXTS), w->n_context},
	};
	for (uint32_t i = 0; i < w->n_context; i++) {
		const struct doc_context *c = &w->context[i];
		struct image_context context = {
		    .key = build_str(b, c->key),
		    .values = build_names(b, &c->values),
		};

		(void)build_add(b, IMAGE_CONTEXTS, &context);
	}
	return build_add(b, IMAGE_WHENS, &e);
}

static void
build_rule(struct build *b, const struct doc *doc, const struct doc_rule *r)
{
	struct image_rule e = {
	    .id = build_str(b, r->id),
	    .name = build_str(b, r->name),
	    .actions_text = build_list(b, r->actions_text.v, r->actions_text.n),
	    .methods = build_list(b, r->methods.v, r->methods.n),
	    .patterns = {build_count(b, IMAGE_PATTERNS), r->n_patterns},
	    .policy = r->policy,
	    .actions = r->actions,
	    .when = build_when(b, r->when),
	    .deny = r->deny,
	    .inactive = doc_rule_inactive(doc, r),
	    .expires = r->expires,
	};

	for (uint32_t i = 0; i < r->n_patterns; i++)
		build_pattern(b, &r->patterns[i]);
	(void)build_add(b, IMAGE_RULES, &e);
}

static void
build_policy(struct build *b, const struct doc_policy *p)
{
	struct image_policy e = {
	    .id = build_str(b, p->id),
	    .name = build_str(b, p->name),
	    .source = (uint8_t)p->source,
	    .mode = (uint8_t)p->mode,
	};

	for (size_t i = 0; i < IMAGE_SCOPES; i++)
		e.scope[i] = build_names(b, &p->scope[i]);
	(void)build_add(b, IMAGE_POLICIES, &e);
}

static void
build_accounts(struct build *b, const struct accounts *accounts)
{
	for (uint32_t i = 0; i < accounts->v.n; i++) {
		const struct account *a = accounts_at(accounts, i);
		const struct str *groups = accounts->group_names.p;
		struct image_account e = {.uid = a->uid, .name = build_str(b, a->name)};

		if (a->n_groups > 0)
			e.groups = build_list(b, groups + a->first_group, a->n_groups);
		(void)build_add(b, IMAGE_ACCOUNTS, &e);
	}
}

/* A section that was made elsewhere. */
static void
build_section(struct build *b, enum image_section s, const void *bytes, size_t n)
{
	struct part *part = &b->parts[s];

	if (!part_room(b, part, n))
		return;
	memcpy(part->p, bytes, n);
	part->n = n;
}

static void
build_index(struct build *b, const struct doc *doc, struct image_header *h)
{
	struct index_bytes bytes = {.groups = NULL};
	const struct image_rule *rules = (const void *)b->parts[IMAGE_RULES].p;
	struct index_tree tree;
	int error;

	if (b->error < 0)
		return;
	error = index_tree_build(&tree, doc, rules);

	if (error == 0)
		error = index_place(&tree, &bytes);
	index_tree_free(&tree);
	if (error == 0) {
		build_section(
		    b, IMAGE_GROUPS, bytes.groups, bytes.n_groups * sizeof(*bytes.groups));
		build_section(b, IMAGE_NODES, bytes.nodes, bytes.nodes_size);
		build_section(b, IMAGE_HINTS, bytes.hints, bytes.n_hints * sizeof(*bytes.hints));
		memcpy(h->root, bytes.root, sizeof(h->root));
	}
	free(bytes.groups);
	free(bytes.nodes);
	free(bytes.hints);
	if (error < 0)
		build_fail(b, error);
}

/* Where each section comes to lie. Returns the size of the image, 0 when it is too large. */
static size_t
build_layout(const struct build *b, struct image_header *h)
{
	size_t at = sizeof(*h);

	for (unsigned i = 0; i < IMAGE_SECTIONS; i++) {
		at = index_round(at, IMAGE_ALIGN);
		h->section[i].first = (uint32_t)at;
		h->section[i].n = build_count(b, (enum image_section)i);
		at += b->parts[i].n;
		if (at > IMAGE_MAX)
			return 0;
	}
	return at;
}

static int
build_finish(struct build *b, struct image_header *h, uint8_t **ret_image, size_t *ret_size)
{
	CLEANUP_FREE uint8_t *image = NULL;
	size_t size = build_layout(b, h);

	if (b->error < 0)
		return b->error;
	if (size == 0)
		return -EFBIG;
	image = calloc(1, size);
	if (!image)
		return -ENOMEM;
	h->size = size;
	memcpy(image, h, sizeof(*h));
	for (unsigned i = 0; i < IMAGE_SECTIONS; i++)
		if (b->parts[i].n > 0)
			memcpy(image + h->section[i].first, b->parts[i].p, b->parts[i].n);
	image_seal(image, size);
	*ret_image = take_ptr(&image);
	*ret_size = size;
	return 0;
}

int
image_build(
    const struct doc *doc, const struct accounts *accounts, uint8_t **ret_image, size_t *ret_size)
{
	struct build b = {.error = 0};
	struct image_header h = {.magic = IMAGE_MAGIC, .version = IMAGE_VERSION};
	int error;

	h.revision = build_str(&b, doc->revision);
	h.org_id = build_str(&b, doc->org_id);
	h.org_name = build_str(&b, doc->org_name);
	build_zones(&b, doc);
	for (uint32_t i = 0; i < doc->policies.n; i++)
		build_policy(&b, doc_policy(doc, i));
	for (uint32_t i = 0; i < doc->rules.n; i++)
		build_rule(&b, doc, doc_rule(doc, i));
	if (accounts)
		build_accounts(&b, accounts);
	build_index(&b, doc, &h);
	error = build_finish(&b, &h, ret_image, ret_size);
	for (unsigned i = 0; i < IMAGE_SECTIONS; i++)
		free(b.parts[i].p);
	strmap_free(&b.strings);
	return error;
}
