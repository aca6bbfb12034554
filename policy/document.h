/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Policies as they were written, all documents merged: what loading makes, and what compiling and
 * lint read. Strings, lists and patterns live in the document's arena.
 */

#include <stdbool.h>
#include <stdint.h>

#include "policy/pattern.h"
#include "policy/policy.h"
#include "policy/report.h"
#include "policy/store.h"

#define DOC_SCHEMA "sealwright-policy/1"
#define DOC_ID_MAX 128 /* bytes of the id of a policy or rule */
#define DOC_DAY_MINUTES 1440
#define DOC_EVERY_DAY 0x7f /* bit 0: Sunday */

struct doc_list {
	struct str *v;
	uint32_t n;
};

struct doc_context {
	struct str key;
	struct doc_list values; /* globs */
};

#define DOC_NO_ZONE UINT32_MAX

/* A named time zone, looked up once. */
struct doc_zone {
	uint32_t first_shift, n_shifts; /* of the document's shifts */
	const char *why;                /* it cannot be had (static); NULL: it can */
};

struct doc_when {
	bool has_time;
	uint16_t from, to; /* minutes of the day; from > to: over midnight */
	uint8_t days;      /* on which the window begins */
	int16_t offset;    /* minutes east of UTC, without a zone */
	uint32_t zone;     /* of the document's zones; DOC_NO_ZONE: none */
	struct doc_list client;
	struct doc_context *context;
	uint32_t n_context;
};

enum doc_scope {
	SCOPE_USERS,
	SCOPE_GROUPS,
	SCOPE_SANDBOXES,
	SCOPE_AGENTS,
	SCOPE_KINDS,
};

struct doc_policy {
	struct place place;
	struct str id, name;
	enum policy_source source;
	enum policy_mode mode;
	struct doc_list scope[SCOPE_KINDS]; /* globs; an empty list holds for everybody */
	uint32_t first_rule, n_rules;
};

struct doc_rule {
	struct place place;
	uint32_t policy;
	struct str id, name;
	enum policy_family family; /* 0 when no action was right */
	uint32_t actions;          /* ACTION_BIT */
	struct doc_list actions_text;
	struct doc_list methods; /* upper case; empty: any */
	struct pattern *patterns;
	struct place *pattern_places;
	uint32_t n_patterns;
	bool deny;
	const struct doc_when *when; /* NULL: always */
	int64_t expires;             /* us; INT64_MAX: never */
};

struct doc_test {
	struct place place;
	struct str name, action, resource;
	struct str user, sandbox, agent, client;
	struct doc_list groups;
	struct policy_attribute *context;
	uint32_t n_context;
	bool has_time;
	int64_t time;
	bool expect_allow;
	bool has_record, record_allow; /* also what goes on record */
	struct str rule;               /* "RULE" or "POLICY/RULE"; STR_NONE: any */
};

struct doc {
	const struct policy_texts *texts;
	struct policy_report *report;
	struct arena arena;
	struct vec policies, rules, tests;
	struct strmap policy_ids;
	struct vec zones, shifts; /* struct zone_shift */
	struct strmap zone_names; /* values: of zones */
	struct str revision;      /* of all documents, joined with '+' */
	struct str org_id, org_name;
	struct place org_place;
	bool has_org_source;
	bool no_memory; /* something is missing from the document for want of memory */
};

static inline struct doc_policy *
doc_policy(const struct doc *d, uint32_t i)
{
	return (struct doc_policy *)d->policies.p + i;
}

static inline struct doc_rule *
doc_rule(const struct doc *d, uint32_t i)
{
	return (struct doc_rule *)d->rules.p + i;
}

static inline struct doc_zone *
doc_zone(const struct doc *d, uint32_t i)
{
	return (struct doc_zone *)d->zones.p + i;
}

static inline struct doc_test *
doc_test(const struct doc *d, uint32_t i)
{
	return (struct doc_test *)d->tests.p + i;
}

/* An allow of a host or sandbox source grants nothing while an org source is loaded. */
static inline bool
doc_rule_inactive(const struct doc *d, const struct doc_rule *r)
{
	return d->has_org_source && !r->deny && doc_policy(d, r->policy)->source != SOURCE_ORG;
}

/*
 * Load all texts. Complaints go to report, whose policies and rules are counted. 0, also with
 * complaints; -ENOMEM. doc_free() in any case.
 */
int doc_load(struct doc *doc, const struct policy_texts *texts, struct policy_report *report);
void doc_free(struct doc *doc);
