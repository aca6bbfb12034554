/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/recorded.h"

#include <errno.h>

#include "common/log.h"
#include "common/sha256.h"

#define KEY_SIZE 16 /* bytes of a sum that stand for a request */

/*
 * What a log says must not be able to make our tables slow: they are filled with sums over a secret
 * and the strings, each with its length.
 */
static struct str
make_key(const struct recordings *r, const struct str *fields, size_t n, uint8_t sum[SHA256_SIZE])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, (struct str){(const char *)r->seed, sizeof(r->seed)});
	for (size_t i = 0; i < n; i++) {
		uint64_t length = str_given(fields[i]) ? fields[i].n : UINT64_MAX;

		sha256_add(&s, (struct str){(const char *)&length, sizeof(length)});
		if (str_given(fields[i]))
			sha256_add(&s, fields[i]);
	}
	sha256_end(&s, sum);
	return (struct str){(const char *)sum, KEY_SIZE};
}

static struct str
keep(struct recordings *r, struct str s)
{
	r->bytes += s.n + sizeof(struct recorded) / RECORDED_FIELDS;
	return str_given(s) ? arena_str(&r->arena, s) : STR_NONE;
}

static bool
has_room(const struct recordings *r, const struct str *fields, size_t n)
{
	uint64_t bytes = r->bytes;

	for (size_t i = 0; i < n; i++)
		bytes += fields[i].n + sizeof(struct recorded);
	return bytes <= RECORDED_BYTES;
}

/* A new request. */
static struct recorded *
add_request(struct recordings *r, const struct recorded_decision *d, struct str key)
{
	struct recorded *q;
	struct str kept = keep(r, key);
	uint32_t there;

	if (!str_given(kept) || strmap_add(&r->ids, kept, r->all.n, &there) < 0)
		return NULL;
	q = vec_add(&r->all, sizeof(*q));
	if (!q)
		return NULL;
	q->first = q->last = d->at;
	for (size_t i = 0; i < RECORDED_FIELDS; i++) {
		q->field[i] = keep(r, d->field[i]);
		if (str_given(d->field[i]) != str_given(q->field[i]))
			return NULL;
	}
	return q;
}

static int
count_rule(struct recordings *r, struct str policy, struct str rule, struct recorded_rule *ret)
{
	uint8_t sum[SHA256_SIZE];
	struct str names[] = {policy, rule};
	struct str key = make_key(r, names, ARRAY_SIZE(names), sum);
	uint32_t *found = strmap_get(&r->rule_ids, key), there;
	struct recorded_rule *made;
	struct str kept;

	if (found) {
		made = (struct recorded_rule *)r->rules.p + *found;
		made->count++;
		*ret = *made;
		return 0;
	}
	if (r->rules.n >= RECORDED_RULES_MAX || !has_room(r, names, ARRAY_SIZE(names)))
		return -ENOSPC;
	kept = keep(r, key);
	if (!str_given(kept) || strmap_add(&r->rule_ids, kept, r->rules.n, &there) < 0)
		return -ENOMEM;
	made = vec_add(&r->rules, sizeof(*made));
	if (!made)
		return -ENOMEM;
	*made = (struct recorded_rule){keep(r, policy), keep(r, rule), 1};
	*ret = *made;
	return str_given(made->policy) && str_given(made->rule) ? 0 : -ENOMEM;
}

uint64_t
recordings_rule_count(const struct recordings *r, struct str policy, struct str rule)
{
	uint8_t sum[SHA256_SIZE];
	struct str names[] = {policy, rule};
	const uint32_t *found = strmap_get(
	    &r->rule_ids, make_key(r, names, ARRAY_SIZE(names), sum));

	return found ? ((const struct recorded_rule *)r->rules.p)[*found].count : 0;
}

static void
count_denial(
    struct recorded *q, const struct recorded_decision *d, const struct recorded_rule *rule)
{
	if (str_given(d->rule)) {
		q->by_rule++;
		q->policy = rule->policy;
		q->rule = rule->rule;
	} else if (d->enforced) {
		q->by_default++;
	} else {
		q->watched++;
	}
}

int
recordings_add(struct recordings *r, const struct recorded_decision *d)
{
	uint8_t sum[SHA256_SIZE];
	struct str key = make_key(r, d->field, RECORDED_FIELDS, sum);
	struct recorded_rule rule = {STR_NONE, STR_NONE, 0};
	uint32_t *found = strmap_get(&r->ids, key);
	struct recorded *q;
	int error = 0;

	r->decisions++;
	if (str_given(d->rule))
		error = count_rule(r, d->policy, d->rule, &rule);
	if (error == -ENOSPC ||
	    (!found && (r->all.n >= RECORDED_MAX || !has_room(r, d->field, RECORDED_FIELDS)))) {
		r->outside++;
		return 0;
	}
	q = found ? (struct recorded *)r->all.p + *found : add_request(r, d, key);
	if (!q || error < 0)
		return -ENOMEM;
	q->count++;
	q->first = d->at < q->first ? d->at : q->first;
	q->last = d->at > q->last ? d->at : q->last;
	if (d->deny)
		count_denial(q, d, &rule);
	return 0;
}

int
recordings_add_cut(struct recordings *r, const struct recorded_decision *d)
{
	struct recorded_rule rule;
	int error = str_given(d->rule) ? count_rule(r, d->policy, d->rule, &rule) : 0;

	r->decisions++;
	if (error == -ENOSPC)
		r->outside++;
	else
		r->cut++;
	return error == -ENOMEM ? error : 0;
}

int
recorded_op(const struct recorded *q, struct policy_op *op, struct policy_subject *subject)
{
	const char *why;

	*subject = (struct policy_subject){
	    .user = q->field[RECORDED_USER],
	    .sandbox = q->field[RECORDED_SANDBOX],
	    .agent = q->field[RECORDED_AGENT],
	    .client = q->field[RECORDED_CLIENT],
	};
	return policy_op_parse(op, q->field[RECORDED_ACTION], q->field[RECORDED_RESOURCE], &why);
}

bool
recordings_warn(const struct recordings *r, const char *command)
{
	if (r->not_read > 0)
		log_warn("%s: %llu lines of the log are no records: left out", command,
		    (unsigned long long)r->not_read);
	if (r->cut > 0)
		log_warn("%s: %llu records have only the beginning of their resource: left out",
		    command, (unsigned long long)r->cut);
	if (r->no_request > 0)
		log_warn("%s: %llu records name no request that could be asked again: left out",
		    command, (unsigned long long)r->no_request);
	if (r->outside > 0)
		log_warn("%s: more than %u different requests or %u MiB of them: %llu records "
			 "were left out",
		    command, RECORDED_MAX, (unsigned)(RECORDED_BYTES >> 20),
		    (unsigned long long)r->outside);
	return r->outside + r->cut > 0;
}

void
recordings_free(struct recordings *r)
{
	vec_free(&r->all);
	vec_free(&r->rules);
	strmap_free(&r->ids);
	strmap_free(&r->rule_ids);
	arena_free(&r->arena);
}
