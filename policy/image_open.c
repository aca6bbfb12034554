/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checking an image, once and completely: afterwards every offset, run, string and enum in it may be
 * used without a look. What it says may still be nonsense; it cannot lead outside of it.
 */

#include <errno.h>

#include "policy/action.h"
#include "policy/document.h"
#include "policy/image.h"

static int
refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static int
check_header(const struct image_header *h, const uint8_t *base, size_t size, const char **ret_why)
{
	if (h->magic != IMAGE_MAGIC)
		return refuse(ret_why, "not a policy image");
	if (h->version != IMAGE_VERSION)
		return refuse(ret_why, "policy image of another version");
	if (h->size != size)
		return refuse(ret_why, "policy image has another size than its header says");
	if (!image_sealed(base, size))
		return refuse(ret_why, "policy image has a wrong checksum");
	return 0;
}

/* Each section begins where the one before it ends, rounded up; the last ends the image. */
static int
check_sections(const struct image_header *h, size_t size, const char **ret_why)
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
ref_ok(const struct policy_image *img, uint32_t i)
{
	struct image_str s;

	image_get(img, IMAGE_REFS, i, &s);
	return s.at != IMAGE_NONE && str_ok(img, s);
}

static bool
port_ok(const struct policy_image *img, uint32_t i)
{
	struct port_range range;

	image_get(img, IMAGE_PORTS, i, &range);
	return range.low > 0 && range.low <= range.high;
}

static bool
pattern_ok(const struct policy_image *img, uint32_t i)
{
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
context_ok(const struct policy_image *img, uint32_t i)
{
	struct image_context c;

	image_get(img, IMAGE_CONTEXTS, i, &c);
	return str_ok(img, c.key) && names_ok(img, c.values);
}

/* Within a zone times rise; only its first is from ever. */
static bool
shift_ok(const struct policy_image *img, uint32_t i)
{
	struct zone_shift shift, before = {.from = INT64_MIN};

	image_get(img, IMAGE_SHIFTS, i, &shift);
	if (i > 0)
		image_get(img, IMAGE_SHIFTS, i - 1, &before);
	return (shift.from == INT64_MIN || shift.from > before.from) &&
	       shift.offset >= -ZONE_OFFSET_MAX && shift.offset <= ZONE_OFFSET_MAX;
}

/* Each begins where the one before it ends, and has one shift at least. */
static bool
zone_ok(const struct policy_image *img, uint32_t i)
{
	struct image_run run, before = {0, 0};
	struct zone_shift shift;

	image_get(img, IMAGE_ZONES, i, &run);
	if (i > 0)
		image_get(img, IMAGE_ZONES, i - 1, &before);
	if (run.first != before.first + before.n || run.n == 0 || !run_ok(img, IMAGE_SHIFTS, run))
		return false;
	for (uint32_t k = 0; k < run.n; k++) {
		image_get(img, IMAGE_SHIFTS, run.first + k, &shift);
		if ((shift.from == INT64_MIN) != (k == 0))
			return false;
	}
	return true;
}

static bool
when_ok(const struct policy_image *img, uint32_t i)
{
	struct image_when w;

	image_get(img, IMAGE_WHENS, i, &w);
	if (w.from > DOC_DAY_MINUTES || w.to > DOC_DAY_MINUTES || w.days > DOC_EVERY_DAY ||
	    w.offset < -DOC_DAY_MINUTES || w.offset > DOC_DAY_MINUTES || w.has_time > 1 ||
	    (w.zone != IMAGE_NONE && w.zone >= image_section(img, IMAGE_ZONES).n))
		return false;
	return names_ok(img, w.client) && run_ok(img, IMAGE_CONTEXTS, w.contexts);
}

static bool
rule_ok(const struct policy_image *img, uint32_t i)
{
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
policy_ok(const struct policy_image *img, uint32_t i)
{
	struct image_policy p;

	image_get(img, IMAGE_POLICIES, i, &p);
	for (size_t k = 0; k < IMAGE_SCOPES; k++)
		if (!names_ok(img, p.scope[k]))
			return false;
	return str_ok(img, p.id) && str_ok(img, p.name) && p.source >= SOURCE_ORG &&
	       p.source <= SOURCE_SANDBOX && p.mode >= POLICY_ENFORCE && p.mode <= POLICY_AUDIT;
}

static bool
account_ok(const struct policy_image *img, uint32_t i)
{
	struct image_account a;

	image_get(img, IMAGE_ACCOUNTS, i, &a);
	return str_ok(img, a.name) && run_ok(img, IMAGE_REFS, a.groups);
}

static int
check_elements(const struct policy_image *img, const char **ret_why)
{
	static const struct {
		enum image_section section;
		bool (*ok)(const struct policy_image *img, uint32_t i);
		const char *why;
	} checks[] = {
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

	for (size_t k = 0; k < ARRAY_SIZE(checks); k++) {
		uint32_t n = image_section(img, checks[k].section).n;

		for (uint32_t i = 0; i < n; i++)
			if (!checks[k].ok(img, i))
				return refuse(ret_why, checks[k].why);
	}
	return 0;
}

int
policy_image_open(struct policy_image *img, const void *base, size_t size, const char **ret_why)
{
	struct policy_image view = {base, size};
	struct image_header h;

	if ((uintptr_t)base % 8 != 0)
		return refuse(ret_why, "policy image is not aligned");
	if (size < sizeof(h) || size > IMAGE_MAX)
		return refuse(ret_why, "policy image is too short or too long");
	memcpy(&h, base, sizeof(h));
	if (check_header(&h, base, size, ret_why) < 0 || check_sections(&h, size, ret_why) < 0)
		return -EINVAL;
	if (!str_ok(&view, h.revision) || !str_ok(&view, h.org_id) || !str_ok(&view, h.org_name))
		return refuse(ret_why, "policy image has a string out of bounds");
	if (check_elements(&view, ret_why) < 0)
		return -EINVAL;
	if (!index_ok(&view))
		return refuse(ret_why, "policy image has a bad index");
	*img = view;
	return 0;
}
