/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/image.h"

struct str
policy_image_revision(const struct policy_image *img)
{
	return image_str(img, image_head(img).revision);
}

struct str
policy_image_org_id(const struct policy_image *img)
{
	return image_str(img, image_head(img).org_id);
}

struct str
policy_image_org_name(const struct policy_image *img)
{
	return image_str(img, image_head(img).org_name);
}

uint32_t
policy_image_policies(const struct policy_image *img)
{
	return image_section(img, IMAGE_POLICIES).n;
}

/* Accounts are sorted by uid. */
static bool
find_account(const struct policy_image *img, uint32_t uid, struct image_account *ret)
{
	uint32_t low = 0, high = image_section(img, IMAGE_ACCOUNTS).n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		image_get(img, IMAGE_ACCOUNTS, middle, ret);
		if (ret->uid == uid)
			return true;
		if (ret->uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

struct str
policy_image_user(const struct policy_image *img, uint32_t uid)
{
	struct image_account account;

	return find_account(img, uid, &account) ? image_str(img, account.name) : STR_NONE;
}

size_t
policy_image_groups(
    const struct policy_image *img, uint32_t uid, struct str *ret, size_t cap, bool *ret_more)
{
	struct image_account account;
	size_t n = 0;

	*ret_more = false;
	if (!find_account(img, uid, &account))
		return 0;
	for (uint32_t i = 0; i < account.groups.n && n < cap; i++)
		ret[n++] = image_ref(img, account.groups.first + i);
	*ret_more = n < account.groups.n;
	return n;
}

uint32_t
policy_image_rules(const struct policy_image *img)
{
	return image_section(img, IMAGE_RULES).n;
}

void
policy_image_rule(const struct policy_image *img, uint32_t i, struct policy_rule_view *ret)
{
	struct image_rule r;
	struct image_policy p;

	image_get(img, IMAGE_RULES, i, &r);
	image_get(img, IMAGE_POLICIES, r.policy, &p);
	*ret = (struct policy_rule_view){
	    .policy_id = image_str(img, p.id),
	    .policy_name = image_str(img, p.name),
	    .rule_id = image_str(img, r.id),
	    .rule_name = image_str(img, r.name),
	    .source = (enum policy_source)p.source,
	    .mode = (enum policy_mode)p.mode,
	    .deny = r.deny,
	    .inactive = r.inactive,
	    .expires = r.expires,
	    .n_actions = r.actions_text.n,
	    .n_resources = r.patterns.n,
	};
}

struct str
policy_image_rule_action(const struct policy_image *img, uint32_t i, uint32_t k)
{
	struct image_rule r;

	image_get(img, IMAGE_RULES, i, &r);
	return k < r.actions_text.n ? image_ref(img, r.actions_text.first + k) : STR_NONE;
}

struct str
policy_image_rule_resource(const struct policy_image *img, uint32_t i, uint32_t k)
{
	struct image_rule r;
	struct image_pattern p;

	image_get(img, IMAGE_RULES, i, &r);
	if (k >= r.patterns.n)
		return STR_NONE;
	image_get(img, IMAGE_PATTERNS, r.patterns.first + k, &p);
	return image_str(img, p.text);
}

void
image_pattern(const struct policy_image *img, uint32_t i, struct pattern *ret)
{
	struct image_pattern p;

	image_get(img, IMAGE_PATTERNS, i, &p);
	*ret = (struct pattern){
	    .text = image_str(img, p.text),
	    .host = p.host,
	    .path = p.path,
	    .scheme = p.scheme,
	    .ip_bytes = p.ip_bytes,
	    .prefix = p.prefix,
	    .n_ports = (uint16_t)p.ports.n,
	    .host_name = image_str(img, p.host_name),
	    .path_text = image_str(img, p.path_text),
	    .ports = image_at(img, IMAGE_PORTS, p.ports.first),
	};
	memcpy(ret->ip, p.ip, sizeof(ret->ip));
}
