/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/proof.h"

#include <errno.h>
#include <stdio.h>

#include "common/ascii.h"

enum proof_member {
	MEMBER_TYPE,
	MEMBER_ORIGIN,
	MEMBER_EVENT_ID,
	MEMBER_RECORD,
	MEMBER_LEAF_INDEX,
	MEMBER_PATH,
	MEMBER_SEAL_INDEX,
	MEMBER_SEALS,
	MEMBERS,
};

static const struct {
	const char *name;
	enum jscan_type type;
} members[MEMBERS] = {
    [MEMBER_TYPE] = {"type", JSCAN_STRING},
    [MEMBER_ORIGIN] = {"origin", JSCAN_STRING},
    [MEMBER_EVENT_ID] = {"event_id", JSCAN_STRING},
    [MEMBER_RECORD] = {"record", JSCAN_STRING},
    [MEMBER_LEAF_INDEX] = {"leaf_index", JSCAN_NUMBER},
    [MEMBER_PATH] = {"path", JSCAN_ARRAY},
    [MEMBER_SEAL_INDEX] = {"seal_index", JSCAN_NUMBER},
    [MEMBER_SEALS] = {"seals", JSCAN_ARRAY},
};

/* --- put ------------------------------------------------------------------------------------- */

static void
put_key(struct text *t, enum proof_member m)
{
	text_char(t, m == 0 ? '{' : ',');
	text_json(t, str_from(members[m].name));
	text_char(t, ':');
}

static void
put_str(struct text *t, enum proof_member m, struct str s)
{
	put_key(t, m);
	text_json(t, s);
}

static void
put_number(struct text *t, enum proof_member m, uint64_t v)
{
	put_key(t, m);
	text_u64(t, v);
}

static void
put_path(struct text *t, const struct proof *p)
{
	put_key(t, MEMBER_PATH);
	text_char(t, '[');
	for (size_t i = 0; i < p->n_path; i++) {
		text_put(t, i > 0 ? STR(",\"") : STR("\""));
		text_hex(t, p->path[i], HASH_SIZE);
		text_char(t, '"');
	}
	text_char(t, ']');
}

void
proof_put_head(struct text *t, const struct proof *p)
{
	put_str(t, MEMBER_TYPE, STR(PROOF_TYPE));
	put_str(t, MEMBER_ORIGIN, p->origin);
	put_str(t, MEMBER_EVENT_ID, p->event_id);
	put_str(t, MEMBER_RECORD, p->record);
	put_number(t, MEMBER_LEAF_INDEX, p->leaf_index);
	put_path(t, p);
	put_number(t, MEMBER_SEAL_INDEX, p->seal_index);
	put_key(t, MEMBER_SEALS);
	text_char(t, '[');
}

void
proof_put_seal(struct text *t, struct str note, bool first)
{
	if (!first)
		text_char(t, ',');
	text_json(t, note);
}

void
proof_put_end(struct text *t)
{
	text_put(t, STR("]}\n"));
}

/* --- get ------------------------------------------------------------------------------------- */

/* A member's value that was found where it belongs. */
struct getter {
	struct proof_reader *r;
	uint32_t value[MEMBERS]; /* tokens */
	struct jscan_fault *fault;
};

static int
refuse(struct getter *g, uint32_t token, const char *name, const char *what)
{
	const struct jscan_tape *tape = &g->r->tape;

	g->fault->at = tape->tokens[token].at;
	jscan_place(tape->text, g->fault->at, &g->fault->line, &g->fault->column);
	(void)snprintf(g->fault->what, sizeof(g->fault->what), "%s: %s", name, what);
	return -EINVAL;
}

static int
refuse_member(struct getter *g, enum proof_member m, const char *what)
{
	return refuse(g, g->value[m], members[m].name, what);
}

/* The member m at token *key; moves *key to the next one. */
static int
get_member(struct getter *g, enum proof_member m, uint32_t *key)
{
	const struct jscan_tape *tape = &g->r->tape;
	char what[64];

	if (*key >= tape->n || !jscan_string_is(tape, *key, str_from(members[m].name)))
		return refuse(
		    g, *key < tape->n ? *key : 0, members[m].name, "this member is expected here");
	g->value[m] = *key + 1;
	if (tape->tokens[*key + 1].type != members[m].type) {
		(void)snprintf(
		    what, sizeof(what), "not of type %s", jscan_type_name(members[m].type));
		return refuse_member(g, m, what);
	}
	*key = tape->tokens[*key + 1].next;
	return 0;
}

static int
get_members(struct getter *g)
{
	const struct jscan_token *root = &g->r->tape.tokens[0];
	uint32_t key = 1;
	int error = 0;

	if (root->type != JSCAN_OBJECT)
		return refuse(g, 0, "proof", "not a JSON object");
	for (enum proof_member m = 0; m < MEMBERS && !error; m++)
		error = get_member(g, m, &key);
	if (!error && root->count != MEMBERS)
		return refuse(g, key, "proof", "a member that no proof has");
	return error;
}

static int
get_str(struct getter *g, enum proof_member m, char *buf, size_t cap, struct str *ret)
{
	if (jscan_string(&g->r->tape, g->value[m], buf, cap, ret) < 0 || ret->n > cap)
		return refuse_member(g, m, "too long");
	return 0;
}

static int
get_number(struct getter *g, enum proof_member m, uint64_t *ret)
{
	int64_t v;

	if (jscan_int(&g->r->tape, g->value[m], &v) < 0 || v < 0)
		return refuse_member(g, m, "not a whole number from 0");
	*ret = (uint64_t)v;
	return 0;
}

static int
get_path(struct getter *g)
{
	const struct jscan_tape *tape = &g->r->tape;
	uint32_t at = g->value[MEMBER_PATH], n = tape->tokens[at].count;
	struct proof *p = &g->r->proof;
	char buf[2 * HASH_SIZE];

	if (n > MERKLE_DEPTH)
		return refuse_member(g, MEMBER_PATH, "more hashes than any tree has levels");
	at++;
	for (uint32_t i = 0; i < n; i++, at = tape->tokens[at].next) {
		struct str hex;

		if (jscan_string(tape, at, buf, sizeof(buf), &hex) < 0 || hex.n != sizeof(buf) ||
		    !ascii_unhex(hex.p, p->path[i], HASH_SIZE))
			return refuse(g, at, "path", "not a SHA-256 in lower-case hex");
	}
	p->n_path = n;
	return 0;
}

/* Every element a string short enough for a seal; what is in it is for others to say. */
static int
get_seals(struct getter *g)
{
	const struct jscan_tape *tape = &g->r->tape;
	uint32_t at = g->value[MEMBER_SEALS], n = tape->tokens[at].count;
	char buf[SEAL_NOTE];

	g->r->seals = at;
	g->r->record_at = tape->tokens[g->value[MEMBER_RECORD]].at;
	g->r->path_at = tape->tokens[g->value[MEMBER_PATH]].at;
	if (n == 0)
		return refuse_member(g, MEMBER_SEALS, "none");
	at++;
	for (uint32_t i = 0; i < n; i++, at = tape->tokens[at].next) {
		struct str note;
		int error = jscan_string(tape, at, buf, sizeof(buf), &note);

		if (error == -EINVAL)
			return refuse(g, at, "seals", "not a string");
		if (error || note.n > SEAL_NOTE)
			return refuse(g, at, "seals", "too long for a seal");
	}
	return 0;
}

static int
get_values(struct getter *g)
{
	struct proof_reader *r = g->r;
	struct proof *p = &r->proof;
	int error;

	if (!jscan_string_is(&r->tape, g->value[MEMBER_TYPE], STR(PROOF_TYPE)))
		return refuse_member(g, MEMBER_TYPE, "not \"" PROOF_TYPE "\"");
	error = get_str(g, MEMBER_ORIGIN, r->origin, sizeof(r->origin), &p->origin);
	if (!error)
		error = get_str(g, MEMBER_EVENT_ID, r->event_id, sizeof(r->event_id), &p->event_id);
	if (!error)
		error = get_str(g, MEMBER_RECORD, r->record, sizeof(r->record), &p->record);
	if (!error)
		error = get_number(g, MEMBER_LEAF_INDEX, &p->leaf_index);
	if (!error)
		error = get_path(g);
	if (!error)
		error = get_number(g, MEMBER_SEAL_INDEX, &p->seal_index);
	return error ? error : get_seals(g);
}

int
proof_get(struct proof_reader *r, struct str text, struct jscan_fault *ret_fault)
{
	const struct jscan_rules rules = {
	    .max_depth = 2,
	    .max_members = 2 * MEMBERS,
	    .max_tokens = PROOF_SEALS + MERKLE_DEPTH + 2 * MEMBERS + 1,
	    .grow = true,
	};
	struct getter g = {.r = r, .fault = ret_fault};
	int error;

	if (text.n > PROOF_SIZE) {
		*ret_fault = (struct jscan_fault){PROOF_SIZE, 1, 1, "longer than any proof"};
		return -E2BIG;
	}
	error = jscan(text, &rules, &r->tape, ret_fault);
	if (!error)
		error = get_members(&g);
	return error ? error : get_values(&g);
}

void
proof_reader_free(struct proof_reader *r)
{
	jscan_tape_free(&r->tape);
}

uint32_t
proof_first_seal(const struct proof_reader *r)
{
	return r->seals + 1;
}

uint32_t
proof_seals(const struct proof_reader *r)
{
	return r->tape.tokens[r->seals].count;
}

struct str
proof_seal(const struct proof_reader *r, uint32_t *token, char buf[SEAL_NOTE], size_t *ret_at)
{
	const struct jscan_token *t = &r->tape.tokens[*token];
	struct str note = STR("");

	*ret_at = t->at;
	(void)jscan_string(&r->tape, *token, buf, SEAL_NOTE, &note);
	*token = t->next;
	return note;
}
