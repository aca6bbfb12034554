/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests that are on record in an audit directory, each once, with how often, when and how it was
 * decided. The log's content is any bytes: it is read in a jail, memory is bounded.
 *
 * A record has the action, the resource, the user, sandbox, agent and client. It has not the groups
 * that the user had, nor whether claims were believed; context is not taken from it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "policy/store.h"

#define RECORDED_MAX (UINT32_C(1) << 18)       /* different requests */
#define RECORDED_BYTES (UINT64_C(256) << 20)   /* of their strings */
#define RECORDED_RULES_MAX (UINT32_C(1) << 20) /* different rules that decided */

enum recorded_field {
	RECORDED_ACTION,
	RECORDED_RESOURCE, /* canonical, with its kind: "net:domain:example.com:443" */
	RECORDED_USER,
	RECORDED_SANDBOX,
	RECORDED_AGENT,
	RECORDED_CLIENT,
	RECORDED_FIELDS,
};

struct recorded {
	struct str field[RECORDED_FIELDS]; /* STR_NONE: not on record */
	uint64_t count;
	int64_t first, last;     /* us since 1970 */
	uint64_t by_default;     /* denied because no rule allowed it, enforced */
	uint64_t watched;        /* the same in mode warn or audit: it would have been denied */
	uint64_t by_rule;        /* denied by a rule, in whatever mode */
	struct str policy, rule; /* the last of those */
};

/* How often a rule decided. */
struct recorded_rule {
	struct str policy, rule;
	uint64_t count;
};

struct recordings {
	int64_t since;       /* records before are passed over; INT64_MIN: none */
	struct vec all;      /* struct recorded */
	struct vec rules;    /* struct recorded_rule */
	uint64_t segments;   /* files read */
	uint64_t decisions;  /* evaluation records since then */
	uint64_t outside;    /* of them: beyond the limits of memory */
	uint64_t cut;        /* of them: only the beginning of their resource is on record */
	uint64_t no_request; /* of them: not understood by policyd: cannot be asked again */
	uint64_t not_read;   /* lines that are no records */
	/* inside */
	struct arena arena;
	uint64_t bytes;
	struct strmap ids, rule_ids; /* of keys that begin with a secret */
	uint8_t seed[32];
};

/*
 * Read a log, in a jail that the program stays in: open everything else before. Ends the program when
 * the directory cannot be read. command is for messages.
 */
void recordings_read(struct recordings *r, const char *command, const char *dir, int64_t since);
void recordings_free(struct recordings *r);

static inline const struct recorded *
recordings_at(const struct recordings *r, uint32_t i)
{
	return (const struct recorded *)r->all.p + i;
}

/* What could not be used, on stderr. True: requests are among it that policyd understood. */
bool recordings_warn(const struct recordings *r, const char *command);

/* The rule's count; 0 when it decided nothing. */
uint64_t recordings_rule_count(const struct recordings *r, struct str policy, struct str rule);

/*
 * The operation and the subject of a request, as far as they are on record; -EINVAL when it is none
 * any more. ctl: the groups are missing, and so is the context.
 */
int recorded_op(const struct recorded *q, struct policy_op *op, struct policy_subject *subject);

/* --- filling (recorded.c) ----------------------------------------------------------------------- */

/* One evaluation record. deny, and how. Strings are copied. -ENOMEM. */
struct recorded_decision {
	struct str field[RECORDED_FIELDS];
	int64_t at;
	bool deny, enforced;
	struct str policy, rule; /* STR_NONE: none decided */
};
int recordings_add(struct recordings *r, const struct recorded_decision *d);

/* One whose resource was cut: only its rule counts. -ENOMEM. */
int recordings_add_cut(struct recordings *r, const struct recorded_decision *d);

/* A line of a log, without its newline. -ENOMEM. (recorded_line.c) */
int recordings_line(struct recordings *r, struct str text);
