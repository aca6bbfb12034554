/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checking an image, once and completely: afterwards every offset, run, string and enum in it may be
 * used without a look. What it says may still be nonsense; it cannot lead outside of it.
 *
 * Nothing is followed before the checksum is right and the sections are known to be within the image.
 */

#include <errno.h>

#include "policy/action.h"
#include "policy/document.h"
#include "policy/image.h"
#include "policy/image_check.h"

static int
refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* --- stages: 1 at their end, 0 when the budget is used up ------------------------------------- */

static int
check_sum(struct policy_image_check *c, size_t *budget, const char **ret_why)
{
	const struct image_header h = image_head(&c->view);
	size_t left = c->view.size - c->summed, n = *budget < left ? *budget : left;
	uint8_t sum[IMAGE_SHA256];

	sha256_add(&c->sum, (struct str){(const char *)c->view.base + c->summed, n});
	c->summed += n;
	image_spend(budget, n);
	if (n < left)
		return 0;
	sha256_end(&c->sum, sum);
	if (memcmp(sum, h.sha256, sizeof(sum)) != 0)
		return refuse(ret_why, "policy image has a wrong checksum");
	return 1;
}

/* Each section begins where the one before it ends, rounded up; the last ends the image. */
static int
place_sections(const struct image_header *h, size_t size, const char **ret_why)
{
	size_t at = sizeof(*h);

	for (unsigned i = 0; i < IMAGE_SECTIONS; i++) {
		size_t element = image_element((enum image_section)i);

		at = index_round(at, IMAGE_ALIGN);
		if (at > size || h->section[i].first != at ||
		    h->section[i].n > (size - at) / element)
			return refuse(ret_why, "policy image has a section out of bounds");
		at += h->section[i].n * element;
	}
	return at == size ? 0 : refuse(ret_why, "policy image has bytes after its last section");
}

static bool
str_ok(const struct policy_image *img, struct image_str s)
{
	uint32_t n = image_section(img, IMAGE_STRINGS).n;

	return s.at == IMAGE_NONE ? s.n == 0 : s.at <= n && s.n <= n - s.at;
}

static bool
run_ok(const struct policy_image *img, enum image_section section, struct image_run run)
{
	uint32_t n = image_section(img, section).n;

	return run.first <= n && run.n <= n - run.first;
}

static bool
names_ok(const struct policy_image *img, struct image_names names)
{
	return run_ok(img, IMAGE_REFS, (struct image_run){names.first, names.n}) &&
	       names.exact <= names.n;
}

static bool
ref_ok(struct policy_image_check *c, uint32_t i)
{
	const struct policy_image *img = &c->view;
	struct image_str s;

	image_get(img, IMAGE_REFS, i, &s);
	return s.at != IMAGE_NONE && str_ok(img, s);
}

static bool
port_ok(struct policy_image_check *c, uint32_t i)
{
	const struct policy_image *img = &c->view;
	struct port_range range;

	image_get(img, IMAGE_PORTS, i, &range);
	return range.low > 0 && range.low <= range.high;
}

static bool
pattern_ok(struct policy_image_check *c, uint32_t i)
{
	const struct policy_image *img = &c->view;
	struct image_pattern p;

	image_get(img, IMAGE_PATTERNS, i, &p);
	if (!str_ok(img, p.text) || !str_ok(img, p.host_name) || !str_ok(img, p.path_text) ||
	    !run_ok(img, IMAGE_PORTS, p.ports) || p.ports.n > PATTERN_PORTS)
		return false;
	if (p.host >= HOST_KINDS || p.path >= PATH_KINDS || p.scheme > SCHEME_HTTPS)
		return false;
	return p.host == HOST_NETWORK
		   ? (p.ip_bytes == 4 || p.ip_bytes == 16) && p.prefix <= 8 * p.ip_bytes
		   : p.ip_bytes == 0 && p.prefix == 0;
}

static bool
context_ok(struct policy_image_check *c, uint32_t i)
{
	const struct policy_image *img = &c->view;
	struct image_context context;

	image_get(img, IMAGE_CONTEXTS, i, &context);
	return str_ok(img, context.key) && names_ok(img, context.values);
}

/* Within a zone times rise; only its first is from ever. */
static bool
shift_ok(struct policy_image_check *c, uint32_t i)
{
	struct zone_shift shift, before = {.from = INT64_MIN};

	image_get(&c->view, IMAGE_SHIFTS, i, &shift);
	if (i > 0)
		image_get(&c->view, IMAGE_SHIFTS, i - 1, &before);
	if (shift.from == INT64_MIN)
		c->eras++;
	return (shift.from == INT64_MIN || shift.from > before.from) &&
	       shift.offset >= -ZONE_OFFSET_MAX && shift.offset <= ZONE_OFFSET_MAX;
}

/*
 * Each begins where the one before it ends, with a shift that is from ever; the last ends with the
 * shifts. When there are as many such shifts as zones, none lies within a zone.
 */
static bool
zone_ok(struct policy_image_check *c, uint32_t i)
{
	struct image_run run, before = {0, 0};
	struct zone_shift first;

	image_get(&c->view, IMAGE_ZONES, i, &run);
	if (i > 0)
		image_get(&c->view, IMAGE_ZONES, i - 1, &before);
	if (run.first != before.first + before.n || run.n == 0 ||
	    !run_ok(&c->view, IMAGE_SHIFTS, run))
		return false;
	image_get(&c->view, IMAGE_SHIFTS, run.first, &first);
	if (first.from != INT64_MIN)
		return false;
	return i + 1 < image_section(&c->view, IMAGE_ZONES).n ||
	       run.first + run.n == image_section(&c->view, IMAGE_SHIFTS).n;
}

static bool
when_ok(struct policy_image_check *c, uint32_t i)
{
	const struct policy_image *img = &c->view;
	struct image_when w;

	image_get(img, IMAGE_WHENS, i, &w);
	if (w.from > DOC_DAY_MINUTES || w.to > DOC_DAY_MINUTES || w.days > DOC_EVERY_DAY ||
	    w.offset < -DOC_DAY_MINUTES || w.offset > DOC_DAY_MINUTES || w.has_time > 1 ||
	    (w.zone != IMAGE_NONE && w.zone >= image_section(img, IMAGE_ZONES).n))
		return false;
	return names_ok(img, w.client) && run_ok(img, IMAGE_CONTEXTS, w.contexts);
}

static bool
rule_ok(struct policy_image_check *c, uint32_t i)
{
	const struct policy_image *img = &c->view;
	struct image_rule r;

	image_get(img, IMAGE_RULES, i, &r);
	if (!str_ok(img, r.id) || !str_ok(img, r.name) || r.deny > 1 || r.inactive > 1)
		return false;
	if (r.policy >= image_section(img, IMAGE_POLICIES).n ||
	    (r.when != IMAGE_NONE && r.when >= image_section(img, IMAGE_WHENS).n))
		return false;
	return run_ok(img, IMAGE_REFS, r.actions_text) && run_ok(img, IMAGE_REFS, r.methods) &&
	       run_ok(img, IMAGE_PATTERNS, r.patterns);
}

static bool
policy_ok(struct policy_image_check *c, uint32_t i)
{
	const struct policy_image *img = &c->view;
	struct image_policy p;

	image_get(img, IMAGE_POLICIES, i, &p);
	for (size_t k = 0; k < IMAGE_SCOPES; k++)
		if (!names_ok(img, p.scope[k]))
			return false;
	return str_ok(img, p.id) && str_ok(img, p.name) && p.source >= SOURCE_ORG &&
	       p.source <= SOURCE_SANDBOX && p.mode >= POLICY_ENFORCE && p.mode <= POLICY_AUDIT;
}

static bool
account_ok(struct policy_image_check *c, uint32_t i)
{
	const struct policy_image *img = &c->view;
	struct image_account a;

	image_get(img, IMAGE_ACCOUNTS, i, &a);
	return str_ok(img, a.name) && run_ok(img, IMAGE_REFS, a.groups);
}

static int
check_sections(struct policy_image_check *c, size_t *budget, const char **ret_why)
{
	const struct image_header h = image_head(&c->view);

	image_spend(budget, sizeof(h));
	if (place_sections(&h, c->view.size, ret_why) < 0)
		return -EINVAL;
	if (!str_ok(&c->view, h.revision) || !str_ok(&c->view, h.org_id) ||
	    !str_ok(&c->view, h.org_name))
		return refuse(ret_why, "policy image has a string out of bounds");
	return 1;
}

/* What is wrong with one of them names its sort. */
static const struct {
	enum image_section section;
	bool (*ok)(struct policy_image_check *c, uint32_t i);
	const char *why;
} sorts[] = {
    {IMAGE_REFS, ref_ok, "policy image has a string list out of bounds"},
    {IMAGE_PORTS, port_ok, "policy image has a bad port range"},
    {IMAGE_PATTERNS, pattern_ok, "policy image has a bad pattern"},
    {IMAGE_CONTEXTS, context_ok, "policy image has a bad context"},
    {IMAGE_SHIFTS, shift_ok, "policy image has a bad shift of clocks"},
    {IMAGE_ZONES, zone_ok, "policy image has a bad time zone"},
    {IMAGE_WHENS, when_ok, "policy image has a bad condition"},
    {IMAGE_RULES, rule_ok, "policy image has a bad rule"},
    {IMAGE_POLICIES, policy_ok, "policy image has a bad policy"},
    {IMAGE_ACCOUNTS, account_ok, "policy image has a bad account"},
};

/* True at the end of this sort. */
static bool
check_sort(struct policy_image_check *c, size_t *budget, bool *ret_ok)
{
	enum image_section section = sorts[c->sort].section;
	uint32_t n = image_section(&c->view, section).n;

	*ret_ok = true;
	for (; c->element<n && * ret_ok && * budget> 0; c->element++) {
		*ret_ok = sorts[c->sort].ok(c, c->element);
		image_spend(budget, image_element(section));
	}
	return c->element == n;
}

static int
check_elements(struct policy_image_check *c, size_t *budget, const char **ret_why)
{
	bool ok;

	for (; c->sort < ARRAY_SIZE(sorts); c->sort++, c->element = 0) {
		bool ended = check_sort(c, budget, &ok);

		if (!ok)
			return refuse(ret_why, sorts[c->sort].why);
		if (!ended)
			return 0;
	}
	if (c->eras != image_section(&c->view, IMAGE_ZONES).n)
		return refuse(ret_why, "policy image has a bad time zone");
	return index_check_begin(&c->index, &c->view)
		   ? 1
		   : refuse(ret_why, "policy image has a bad index");
}

static int
check_index(struct policy_image_check *c, size_t *budget, const char **ret_why)
{
	int state = index_check_step(&c->index, &c->view, budget);

	return state < 0 ? refuse(ret_why, "policy image has a bad index") : state;
}

static int (*const stages[])(struct policy_image_check *c, size_t *budget, const char **ret_why) = {
    check_sum, check_sections, check_elements, check_index};

/* --- the whole -------------------------------------------------------------------------------- */

int
policy_image_check_begin(
    struct policy_image_check *c, const void *base, size_t size, const char **ret_why)
{
	struct image_header h;

	if ((uintptr_t)base % 8 != 0)
		return refuse(ret_why, "policy image is not aligned");
	if (size < sizeof(h) || size > IMAGE_MAX)
		return refuse(ret_why, "policy image is too short or too long");
	*c = (struct policy_image_check){.view = {base, size}, .summed = IMAGE_SUMMED_FROM};
	h = image_head(&c->view);
	if (h.magic != IMAGE_MAGIC)
		return refuse(ret_why, "not a policy image");
	if (h.version != IMAGE_VERSION)
		return refuse(ret_why, "policy image of another version");
	if (h.size != size)
		return refuse(ret_why, "policy image has another size than its header says");
	sha256_begin(&c->sum);
	return 0;
}

int
policy_image_check_step(
    struct policy_image_check *c, size_t budget, struct policy_image *ret, const char **ret_why)
{
	if (budget == 0)
		budget = 1;
	while (c->stage < ARRAY_SIZE(stages)) {
		int state = stages[c->stage](c, &budget, ret_why);

		if (state <= 0)
			return state;
		c->stage++;
	}
	*ret = c->view;
	return 1;
}

int
policy_image_open(struct policy_image *img, const void *base, size_t size, const char **ret_why)
{
	struct policy_image_check c;
	int state = policy_image_check_begin(&c, base, size, ret_why);

	while (state == 0)
		state = policy_image_check_step(&c, SIZE_MAX, img, ret_why);
	return state < 0 ? state : 0;
}
