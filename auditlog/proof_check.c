/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/proof_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditlog/record.h"
#include "auditlog/sealchain.h"

/* A seal of the proof, and the text that its slices point into. */
struct link {
	struct sealchain_seal seal;
	char note[SEAL_NOTE];
	size_t at; /* byte of the proof */
};

struct checker {
	const struct proof_reader *r;
	const struct trust *trust;
	struct hash *h;
	struct proof_result *result;
	struct link links[2]; /* the seal at hand and the one before it, by turns */
	/* Of the seal of the record's segment. */
	bool found;
	uint64_t first_seq, records;
	uint8_t root[HASH_SIZE];
};

static bool
broken(struct checker *c, size_t at, const char *what)
{
	fault_set(&c->result->fault, FAULT_BROKEN, "", "%s", what);
	fault_at(&c->result->fault, 0, at);
	return false;
}

/* --- seals ----------------------------------------------------------------------------------- */

static bool
open_link(struct checker *c, struct link *l, uint32_t *token)
{
	struct fault *f = &c->result->fault;
	struct sealchain_seal *s = &l->seal;
	struct str note = proof_seal(c->r, token, l->note, &l->at), text;
	const char *why;
	size_t in_seal = 0;

	if (seal_open(note, c->h, &s->seal, &text, &why, &in_seal) < 0) {
		fault_set(f, FAULT_BROKEN, "", "seals: byte %zu of this one: %s", in_seal, why);
		fault_at(f, 0, l->at);
		return false;
	}
	/* A segment's name, so it has room. */
	memcpy(s->base, s->seal.file.p, s->seal.file.n);
	s->base[s->seal.file.n] = '\0';
	hash_begin(c->h);
	hash_add(c->h, text);
	hash_end(c->h, s->hash);
	return true;
}

/* The first one may have any index: who trusts it is asked later. */
static bool
follows(struct checker *c, const struct link *before, const struct link *l)
{
	struct fault *f = &c->result->fault;

	if (before || l->seal.seal.index == 0)
		sealchain_follow(before ? &before->seal : NULL, &l->seal, c->h, f);
	if (f->kind != FAULT_NONE)
		fault_at(f, 0, l->at);
	return f->kind == FAULT_NONE;
}

/* Seal 0 is the one that the verifier key is for. */
static bool
meets_key(struct checker *c, const struct link *l)
{
	const struct note_key *key = &c->trust->key;
	const struct seal *s = &l->seal.seal;

	if (!c->trust->pinned)
		return true;
	if (!str_eq(key->name, s->origin)) {
		broken(c, l->at, "seals: not of the origin that the pinned key is for");
		fault_expect(&c->result->fault, key->name, s->origin);
		return false;
	}
	if (s->index > 0)
		return true;
	if (memcmp(key->key, s->key, sizeof(s->key)) != 0)
		return broken(c, l->at, "seals: seal 0 is not signed by the pinned key");
	c->result->pinned = true;
	return true;
}

static bool
meets_pins(struct checker *c, const struct link *l)
{
	for (size_t i = 0; i < c->trust->n_pins; i++) {
		const struct trust_pin *pin = &c->trust->pins[i];

		if (pin->index != l->seal.seal.index)
			continue;
		if (memcmp(pin->hash, l->seal.hash, HASH_SIZE) != 0) {
			broken(c, l->at, "seals: not the pinned seal");
			fault_expect_hash(&c->result->fault, pin->hash, l->seal.hash);
			return false;
		}
		c->result->pinned = true;
	}
	return true;
}

static void
remember(struct checker *c, const struct link *l)
{
	const struct seal *s = &l->seal.seal;

	c->result->last = s->index;
	memcpy(c->result->newest, l->seal.hash, HASH_SIZE);
	if (s->index != c->r->proof.seal_index)
		return;
	c->found = true;
	c->first_seq = s->first_seq;
	c->records = s->records;
	memcpy(c->root, s->root, HASH_SIZE);
	c->result->state = s->state;
}

static bool
check_seals(struct checker *c)
{
	uint32_t token = proof_first_seal(c->r), n = proof_seals(c->r);
	const struct link *before = NULL;

	for (uint32_t i = 0; i < n; i++) {
		struct link *l = &c->links[i % 2];

		if (!open_link(c, l, &token) || !follows(c, before, l))
			return false;
		if (i == 0)
			c->result->first = l->seal.seal.index;
		if (!str_eq(l->seal.seal.origin, c->r->proof.origin))
			return broken(c, l->at, "seals: of another origin than the proof's");
		if ((i == 0 && !meets_key(c, l)) || !meets_pins(c, l))
			return false;
		remember(c, l);
		before = l;
	}
	if (!c->found)
		return broken(c, 0, "seal_index: that seal is not among the seals");
	return true;
}

/* A pin that says nothing about this proof was asked for all the same. */
static bool
check_pins(struct checker *c)
{
	for (size_t i = 0; i < c->trust->n_pins; i++) {
		uint64_t index = c->trust->pins[i].index;

		if (index >= c->result->first && index <= c->result->last)
			continue;
		fault_set(&c->result->fault, FAULT_BROKEN, "",
		    "seals: the pinned seal %" PRIu64 " is not among them", index);
		return false;
	}
	return true;
}

/* --- record ---------------------------------------------------------------------------------- */

static bool
check_record(struct checker *c, struct record_reader *reader, uint8_t leaf[HASH_SIZE])
{
	const struct proof *p = &c->r->proof;
	struct record_chain chain = {.seq = c->first_seq + p->leaf_index};
	char what[FAULT_TEXT], id[UUID_TEXT + 1];
	struct fault *f = &c->result->fault;

	if (p->leaf_index >= c->records)
		return broken(c, 0, "leaf_index: beyond the records that are sealed");
	if (!record_check(reader, p->record, &chain, f)) {
		memcpy(what, f->what, sizeof(what));
		(void)snprintf(f->what, sizeof(f->what), "record: byte %" PRIu64 " of it: %.200s",
		    f->offset, what);
		f->offset = c->r->record_at;
		return false;
	}
	line_event_id(chain.log_id, chain.seq - 1, id);
	if (!str_eq(p->event_id, str_from(id)))
		return broken(c, c->r->record_at, "record: its id is not event_id");
	c->result->seq = chain.seq - 1;
	c->result->time = chain.time;
	memcpy(leaf, chain.head, HASH_SIZE);
	return true;
}

static bool
check_path(struct checker *c, const uint8_t leaf[HASH_SIZE])
{
	const struct proof *p = &c->r->proof;
	uint8_t path[MERKLE_DEPTH][HASH_SIZE], root[HASH_SIZE];

	memcpy(path, p->path, sizeof(path));
	if (merkle_climb(c->h, leaf, c->records, p->leaf_index, path, p->n_path, root) < 0)
		return broken(c, c->r->path_at, "path: not as long as the tree is high");
	if (memcmp(root, c->root, HASH_SIZE) == 0)
		return true;
	broken(c, c->r->path_at, "path: does not lead from the record to the sealed root");
	fault_expect_hash(&c->result->fault, c->root, root);
	return false;
}

int
proof_check(const struct proof_reader *r, const struct trust *trust, struct hash *h,
    struct proof_result *ret)
{
	struct checker c = {.r = r, .trust = trust, .h = h, .result = ret};
	struct record_reader reader;
	uint8_t leaf[HASH_SIZE];
	int error = record_reader_init(&reader, h);

	*ret = (struct proof_result){.pinned = false};
	if (error == 0 && check_seals(&c) && check_pins(&c) && check_record(&c, &reader, leaf))
		(void)check_path(&c, leaf);
	if (ret->fault.kind != FAULT_NONE)
		ret->pinned = false;
	record_reader_free(&reader);
	return error;
}
