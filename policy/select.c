/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/select.h"

#include "policy/action.h"

/* Rules of HTTP may name methods; no list means any. */
static bool
method_matches(const struct policy_image *img, struct image_run methods, struct str method)
{
	for (uint32_t i = 0; i < methods.n; i++)
		if (str_eq(image_ref(img, methods.first + i), method))
			return true;
	return methods.n == 0;
}

static bool
rule_speaks_of(
    const struct policy_image *img, const struct image_rule *r, const struct policy_op *op)
{
	if (!(r->actions & ACTION_BIT(op->action)) || !method_matches(img, r->methods, op->method))
		return false;
	for (uint32_t i = 0; i < r->patterns.n; i++) {
		struct pattern p;

		image_pattern(img, r->patterns.first + i, &p);
		if (pattern_matches(&p, op))
			return true;
	}
	return false;
}

void
select_begin(struct selection *s, const struct policy_image *img, const struct policy_op *op)
{
	*s = (struct selection){img, op, 0};
}

bool
select_next(struct selection *s, uint32_t *ret_index, struct image_rule *ret_rule)
{
	uint32_t n = image_section(s->img, IMAGE_RULES).n;

	while (s->next < n) {
		uint32_t i = s->next++;

		image_get(s->img, IMAGE_RULES, i, ret_rule);
		if (rule_speaks_of(s->img, ret_rule, s->op)) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}
