/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "policy/load.h"

static bool
same_org(const struct doc *d, struct str id, struct str name)
{
	return str_eq(d->org_id, id) && str_eq(d->org_name, name);
}

static void
load_org(const struct reader *r, struct json_object *top)
{
	static const char *const keys[] = {"id", "name"};
	struct str id = STR_NONE, name = STR_NONE;
	struct doc *d = r->doc;
	struct json_object *org;

	if (!read_member(r, top, "org", json_type_object, OPTIONAL, &org))
		return;
	if (!read_object(r, org, top, "org", keys, ARRAY_SIZE(keys)))
		return;
	(void)read_string(r, org, "id", OPTIONAL, LIMIT_NAME, &id);
	(void)read_string(r, org, "name", OPTIONAL, LIMIT_NAME, &name);
	if ((str_given(d->org_id) || str_given(d->org_name)) && !same_org(d, id, name)) {
		read_complain(r, org, top, "another org than the one in %s",
		    d->texts->v[d->org_place.file].file);
		return;
	}
	d->org_id = id;
	d->org_name = name;
	d->org_place = read_place(r, org, top);
}

/* Whether one of the revisions joined so far is this one. */
static bool
has_revision(struct str joined, struct str revision)
{
	while (joined.n > 0) {
		const char *plus = memchr(joined.p, '+', joined.n);
		struct str one = plus ? (struct str){joined.p, (size_t)(plus - joined.p)} : joined;

		if (str_eq(one, revision))
			return true;
		joined = str_skip(joined, one.n + 1);
	}
	return false;
}

/* Several documents are in force together: the revision names them all, each once. */
static void
load_revision(const struct reader *r, struct json_object *top)
{
	char buf[LIMIT_NAME];
	struct text joined = text_over(buf, sizeof(buf));
	struct doc *d = r->doc;
	struct json_object *node;
	struct str revision, kept;

	if (!read_member(r, top, "revision", json_type_string, OPTIONAL, &node) ||
	    !read_string(r, top, "revision", OPTIONAL, LIMIT_NAME, &revision))
		return;
	if (memchr(revision.p, '+', revision.n)) {
		read_complain(r, node, top, "\"revision\" must not contain '+'");
		return;
	}
	if (has_revision(d->revision, revision))
		return;
	if (str_given(d->revision)) {
		text_put(&joined, d->revision);
		text_char(&joined, '+');
	}
	text_put(&joined, revision);
	if (!text_ok(&joined)) {
		read_complain(r, node, top, "the revisions of all files together are over %d bytes",
		    LIMIT_NAME);
		return;
	}
	kept = arena_str(&d->arena, text_str(&joined));
	d->no_memory = d->no_memory || !str_given(kept);
	d->revision = kept;
}

/* Another schema would have other keys: one complaint, not one for each of them. */
static bool
load_schema(const struct reader *r, struct json_object *top)
{
	struct json_object *node;

	if (!read_member(r, top, "schema", json_type_string, REQUIRED, &node))
		return !json_object_object_get_ex(top, "schema", NULL);
	if (str_eq(load_text(node), STR(DOC_SCHEMA)))
		return true;
	read_complain(r, node, top, "\"schema\" must be \"%s\"", DOC_SCHEMA);
	return false;
}

static void
load_top(const struct reader *r)
{
	static const char *const keys[] = {"schema", "revision", "org", "policies", "tests"};
	struct json_object *top = r->tree->root, *list;

	if (json_object_is_type(top, json_type_object) && !load_schema(r, top))
		return;
	if (!read_object(r, top, NULL, "a policy file", keys, ARRAY_SIZE(keys)))
		return;
	load_revision(r, top);
	load_org(r, top);
	if (read_member(r, top, "policies", json_type_array, OPTIONAL, &list))
		load_policies(r, list);
	if (read_member(r, top, "tests", json_type_array, OPTIONAL, &list))
		load_tests(r, list);
}

static int
load_text_file(struct doc *doc, uint32_t file)
{
	struct jscan_fault fault;
	struct jtree tree;
	struct reader r = {.doc = doc, .tree = &tree, .file = file};
	int error = jtree_parse(&tree, doc->texts->v[file].text, &fault);

	if (error == -ENOMEM)
		return error;
	if (error < 0) {
		report_add(doc->report, doc->texts, (struct place){file, (uint32_t)fault.at}, "%s",
		    fault.what);
		return 0;
	}
	load_top(&r);
	jtree_free(&tree);
	return doc->no_memory ? -ENOMEM : 0;
}

static bool
too_large(struct doc *doc, uint32_t file)
{
	if (doc->texts->v[file].text.n <= LIMIT_POLICY_BYTES)
		return false;
	report_add(doc->report, doc->texts, (struct place){file, 0}, "file is over %u MiB",
	    LIMIT_POLICY_BYTES >> 20);
	return true;
}

int
doc_load(struct doc *doc, const struct policy_texts *texts, struct policy_report *report)
{
	int error = 0;

	*doc = (struct doc){.texts = texts, .report = report};
	if (texts->n == 0)
		report_add(report, texts, PLACE_NOWHERE, "no policy file");
	for (uint32_t i = 0; error == 0 && i < texts->n; i++)
		if (!too_large(doc, i))
			error = load_text_file(doc, i);
	report->policies = doc->policies.n;
	report->rules = doc->rules.n;
	return error;
}

void
doc_free(struct doc *doc)
{
	vec_free(&doc->policies);
	vec_free(&doc->rules);
	vec_free(&doc->tests);
	vec_free(&doc->zones);
	vec_free(&doc->shifts);
	strmap_free(&doc->zone_names);
	strmap_free(&doc->policy_ids);
	arena_free(&doc->arena);
	*doc = (struct doc){.texts = NULL};
}
