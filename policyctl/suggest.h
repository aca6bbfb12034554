/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From recorded denials to the rules that would allow them. A piece is what one rule with one
 * resource would be for: first one for each request, then several become one, as far as that is
 * prudent.
 */

#include <stdbool.h>
#include <stdint.h>

#include "policyctl/recorded.h"

/* So many of a kind before one rule stands for all of the kind. */
#define SUGGEST_HOSTS 4 /* names directly below one parent (--merge) */
#define SUGGEST_NEVER UINT32_MAX
#define SUGGEST_ACTIONS 64 /* of one rule, at most */

struct piece {
	struct str user, sandbox; /* whom the rule is for; STR_NONE: anybody */
	enum policy_family family;
	struct str action; /* as rules write it; several are joined with ',' */
	struct str head;   /* network: the host; HTTP: scheme, host, port */
	struct str tail;   /* network: ports; else the path, or the tool's name */
	uint8_t ip[4];
	bool is_ip4;    /* head is that address */
	bool forbidden; /* denied by a rule: only here to be left out of what is merged */
	uint16_t port;
	uint64_t denials;
	uint32_t requests; /* different ones */
	int64_t first, last;
	const struct recorded *example;
	struct str more; /* what the rule allows beyond what was seen; STR_NONE: nothing */
};

struct suggest {
	struct arena arena;
	struct vec pieces; /* struct piece */
	uint32_t merge;    /* so many of a kind become one */
	bool per_user, per_sandbox;
};

static inline struct piece *
suggest_piece(const struct suggest *s, uint32_t i)
{
	return (struct piece *)s->pieces.p + i;
}

/* Add the piece of one request. 0; -EINVAL: it is no request, or no pattern can name it; -ENOMEM. */
int suggest_add(struct suggest *s, const struct recorded *q, uint64_t denials, bool forbidden);

/* Merge the pieces, and drop those that are forbidden. 0 or -ENOMEM. (suggest_merge.c) */
int suggest_merge(struct suggest *s);

/* What the piece's rule has as its resource. */
void suggest_resource(struct text *t, const struct piece *p);

/* Whether names directly below it may belong to strangers to each other: "co.uk", "github.io". */
bool suggest_is_shared(struct str host);

/* --- the suggestion as a whole (suggest.c, suggest_show.c, suggest_json.c) ---------------------- */

#define SUGGEST_RULES 5000                 /* at most, those with most denials first */
#define SUGGEST_BYTES (UINT64_C(48) << 20) /* of a document, which may have 64 MiB */
#define SUGGEST_FRAME 1024                 /* bytes of a rule and its policy beyond their strings */

struct suggestion {
	const char *from, *policy; /* policy: NULL for none */
	bool audit_mode;           /* only what was not enforced */
	struct suggest suggest;
	struct recordings recorded;
	struct policy_image now; /* of the policy, if there is one */
	struct vec claimed;      /* uint32_t, of the recordings: what the rules shall allow */
	struct vec forbidden;    /* the same: what a rule denies */
	uint64_t allowed_now;    /* requests that the policy allows by now */
	uint64_t no_rule;        /* requests that no rule can name */
	uint64_t left_out;       /* rules beyond SUGGEST_RULES and SUGGEST_BYTES */
	bool unmerged;           /* a merged rule would have allowed what a rule denies */
	bool contradicts;        /* even so one does: for everybody, where the rule is about some */
	bool inactive;           /* the policy has an org source: others allow nothing */
};

/* The policy that the pieces make, with the evidence as comments: malloc'ed. Ends without memory. */
char *suggestion_document(const struct suggestion *s, size_t *ret_n);

/* The same as JSON to stdout, the document with it. */
void suggestion_json(const struct suggestion *s, struct str document);
