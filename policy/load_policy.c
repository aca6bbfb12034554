/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "policy/action.h"
#include "policy/canon.h"
#include "policy/load.h"

/* --- rules ----------------------------------------------------------------------------------- */

static void
add_method(const struct reader *r, struct json_object *node, struct json_object *list,
    struct str method, struct doc_rule *rule, bool *any)
{
	char buf[CANON_METHOD_MAX];
	struct text t = text_over(buf, sizeof(buf));
	struct str kept;

	if (method.n == 0 || str_eq(method, STR("*"))) {
		*any = true;
		return;
	}
	if (action_method(method, &t) < 0) {
		read_complain(r, node, list, "no HTTP method: \"%.*s\"", STR_ARG(method));
		return;
	}
	kept = arena_str(&r->doc->arena, text_str(&t));
	r->doc->no_memory = r->doc->no_memory || !str_given(kept);
	rule->methods.v[rule->methods.n++] = kept;
}

static void
load_action(const struct reader *r, struct json_object *node, struct json_object *list,
    struct doc_rule *rule, bool *any_method)
{
	enum policy_family family;
	struct str name, method;
	uint32_t bits;

	if (!read_string_value(r, node, list, "each entry of \"actions\"", LIMIT_NAME, &name))
		return;
	if (action_of_rule(name, &bits, &family, &method) < 0) {
		read_complain(r, node, list, "no such action: \"%.*s\"", STR_ARG(name));
		return;
	}
	if (rule->family && rule->family != family) {
		read_complain(r, node, list, "%s and %s actions in one rule: make two rules",
		    action_family_name(rule->family), action_family_name(family));
		return;
	}
	rule->family = family;
	rule->actions |= bits;
	rule->actions_text.v[rule->actions_text.n++] = name;
	if (family == FAMILY_HTTP)
		add_method(r, node, list, method, rule, any_method);
}

static void
load_actions(const struct reader *r, struct json_object *object, struct doc_rule *rule)
{
	struct json_object *list;
	bool any_method = false;
	size_t n;

	if (!read_member(r, object, "actions", json_type_array, REQUIRED, &list))
		return;
	n = json_object_array_length(list);
	if (n == 0)
		read_complain(r, list, object, "\"actions\" must not be empty");
	rule->actions_text.v = read_room(r, n, sizeof(struct str));
	rule->methods.v = read_room(r, n, sizeof(struct str));
	for (size_t i = 0; !r->doc->no_memory && i < n; i++)
		load_action(r, load_element(list, i), list, rule, &any_method);
	if (any_method)
		rule->methods.n = 0;
}

static void
load_resource(const struct reader *r, struct json_object *node, struct json_object *list,
    struct doc_rule *rule)
{
	struct pattern *p = &rule->patterns[rule->n_patterns];
	char buf[160] = "";
	struct text why = text_over(buf, sizeof(buf) - 1);
	struct str s;
	int error;

	if (!read_string_value(r, node, list, "each entry of \"resources\"", LIMIT_RESOURCE, &s))
		return;
	if (rule->family == 0)
		return; /* the actions were wrong: nobody knows what kind of pattern this is */
	error = pattern_parse(s, rule->family, &r->doc->arena, p, &why);
	if (error == 0) {
		rule->pattern_places[rule->n_patterns++] = read_place(r, node, list);
		return;
	}
	if (error == -ENOMEM)
		r->doc->no_memory = true;
	else
		read_complain(r, node, list, "bad %s pattern \"%.*s\": %.*s",
		    action_family_name(rule->family), (int)(s.n > 64 ? 64 : s.n), s.p,
		    STR_ARG(text_str(&why)));
}

static void
load_resources(const struct reader *r, struct json_object *object, struct doc_rule *rule)
{
	struct json_object *list;
	size_t n;

	if (!read_member(r, object, "resources", json_type_array, REQUIRED, &list))
		return;
	n = json_object_array_length(list);
	if (n == 0)
		read_complain(r, list, object, "\"resources\" must not be empty");
	rule->patterns = read_room(r, n, sizeof(*rule->patterns));
	rule->pattern_places = read_room(r, n, sizeof(*rule->pattern_places));
	for (size_t i = 0; !r->doc->no_memory && i < n; i++)
		load_resource(r, load_element(list, i), list, rule);
}

static void
check_rule_id(const struct reader *r, struct json_object *object, struct str id, struct strmap *ids)
{
	struct json_object *node = json_object_object_get(object, "id");
	uint32_t before;
	int found = strmap_add(ids, id, 0, &before);

	if (found < 0)
		r->doc->no_memory = true;
	if (found > 0)
		read_complain(
		    r, node, object, "duplicate rule id \"%.*s\" in this policy", STR_ARG(id));
}

static void
load_rule(const struct reader *r, struct json_object *object, struct json_object *list,
    uint32_t policy, struct strmap *ids)
{
	static const char *const keys[] = {
	    "id", "name", "actions", "resources", "decision", "when", "expires"};
	static const char *const decisions[] = {"allow", "deny"};
	struct doc_rule rule = {.policy = policy, .expires = INT64_MAX};
	struct json_object *when;
	struct doc_rule *kept;
	unsigned decision = 0;

	if (!read_object(r, object, list, "a rule", keys, ARRAY_SIZE(keys)))
		return;
	rule.place = read_place(r, object, list);
	if (read_id(r, object, "id", &rule.id))
		check_rule_id(r, object, rule.id, ids);
	(void)read_string(r, object, "name", OPTIONAL, LIMIT_NAME, &rule.name);
	load_actions(r, object, &rule);
	load_resources(r, object, &rule);
	(void)read_choice(
	    r, object, "decision", REQUIRED, decisions, ARRAY_SIZE(decisions), &decision);
	rule.deny = decision == 1;
	if (read_member(r, object, "when", json_type_object, OPTIONAL, &when))
		rule.when = load_when(r, when, object);
	(void)read_time(r, object, "expires", &rule.expires);
	kept = vec_add(&r->doc->rules, sizeof(*kept));
	if (kept)
		*kept = rule;
	else
		r->doc->no_memory = true;
}

void
load_rules(const struct reader *r, struct json_object *list, uint32_t policy)
{
	struct strmap ids = {NULL, 0, 0};
	size_t n = json_object_array_length(list);

	for (size_t i = 0; !r->doc->no_memory && i < n; i++)
		load_rule(r, load_element(list, i), list, policy, &ids);
	strmap_free(&ids);
}

/* --- policies -------------------------------------------------------------------------------- */

static void
load_scope(const struct reader *r, struct json_object *object, struct doc_policy *policy)
{
	static const char *const keys[] = {
	    [SCOPE_USERS] = "users",
	    [SCOPE_GROUPS] = "groups",
	    [SCOPE_SANDBOXES] = "sandboxes",
	    [SCOPE_AGENTS] = "agents",
	};
	struct json_object *scope;

	if (!read_member(r, object, "scope", json_type_object, OPTIONAL, &scope) ||
	    !read_object(r, scope, object, "scope", keys, ARRAY_SIZE(keys)))
		return;
	for (size_t i = 0; i < SCOPE_KINDS; i++)
		read_list(r, scope, keys[i], LIMIT_NAME, &policy->scope[i]);
}

static void
check_policy_id(const struct reader *r, struct json_object *object, struct str id, uint32_t index)
{
	struct json_object *node = json_object_object_get(object, "id");
	uint32_t before;
	int found = strmap_add(&r->doc->policy_ids, id, index, &before);

	if (found < 0)
		r->doc->no_memory = true;
	if (found > 0)
		read_complain(r, node, object, "duplicate policy id \"%.*s\" (first in %s)",
		    STR_ARG(id), r->doc->texts->v[doc_policy(r->doc, before)->place.file].file);
}

static void
load_policy(const struct reader *r, struct json_object *object, struct json_object *list)
{
	static const char *const keys[] = {"id", "name", "source", "mode", "scope", "rules"};
	static const char *const sources[] = {"org", "host", "sandbox"};
	static const char *const modes[] = {"enforce", "warn", "audit"};
	unsigned source = SOURCE_HOST - SOURCE_ORG, mode = 0;
	struct doc_policy policy = {.first_rule = r->doc->rules.n};
	uint32_t index = r->doc->policies.n;
	struct json_object *rules;
	struct doc_policy *kept;

	if (!read_object(r, object, list, "a policy", keys, ARRAY_SIZE(keys)))
		return;
	policy.place = read_place(r, object, list);
	if (read_id(r, object, "id", &policy.id))
		check_policy_id(r, object, policy.id, index);
	(void)read_string(r, object, "name", OPTIONAL, LIMIT_NAME, &policy.name);
	(void)read_choice(r, object, "source", OPTIONAL, sources, ARRAY_SIZE(sources), &source);
	(void)read_choice(r, object, "mode", OPTIONAL, modes, ARRAY_SIZE(modes), &mode);
	policy.source = (enum policy_source)(SOURCE_ORG + source);
	policy.mode = (enum policy_mode)(POLICY_ENFORCE + mode);
	r->doc->has_org_source = r->doc->has_org_source || policy.source == SOURCE_ORG;
	load_scope(r, object, &policy);
	if (read_member(r, object, "rules", json_type_array, REQUIRED, &rules))
		load_rules(r, rules, index);
	policy.n_rules = r->doc->rules.n - policy.first_rule;
	kept = vec_add(&r->doc->policies, sizeof(*kept));
	if (kept)
		*kept = policy;
	else
		r->doc->no_memory = true;
}

void
load_policies(const struct reader *r, struct json_object *list)
{
	size_t n = json_object_array_length(list);

	for (size_t i = 0; !r->doc->no_memory && i < n; i++)
		load_policy(r, load_element(list, i), list);
}
