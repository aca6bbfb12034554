/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/keyslot.h"

#include <errno.h>
#include <string.h>

#include "proto/segname.h"
#include "proto/wire.h"

#define MAGIC STR("sealkeys")
#define VERSION 1
#define LENGTH_AT 12
#define HEADER 24 /* magic, version, storage, length, generation */
#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)
#define LOG_ID_MAX ((UINT64_C(1) << 60) - 1)

/* How the private key is stored. */
enum storage {
	STORAGE_PLAIN,
	STORAGE_WRAPPED,
};

/* Header; log id to the previous seal; origin; pending; private key; checksum. */
#define SLOT_MAX                                                \
	(HEADER + 4 * 8 + 3 * HASH_SIZE + 2 + SEAL_ORIGIN + 2 + \
	    KEYSTATE_PENDING * (2 + SEGNAME_SIZE - 1 + 2 + SEAL_NOTE) + KEYWRAP_SIZE + HASH_SIZE)
_Static_assert(SLOT_MAX <= KEYSTATE_SLOT, "the largest state does not fit into a slot");

/* --- form ------------------------------------------------------------------------------------- */

static bool
all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static struct str
array_str(const char *p, size_t size)
{
	return (struct str){p, strnlen(p, size)};
}

/* Whether the seal in it is a good one is for those to ask who read seals. */
static bool
pending_ok(const struct keystate_pending *p)
{
	struct str note = {p->note, p->n};
	struct segname name;

	return segname_parse(array_str(p->base, sizeof(p->base)), &name) &&
	       name.kind == SEGNAME_CLOSED && p->n > 0 && p->n <= SEAL_NOTE && utf8_valid(note) &&
	       !memchr(note.p, '\0', note.n) && str_ends(note, STR("\n"));
}

static bool
nothing_sealed(const struct keystate *s)
{
	return s->seq == 0 && s->last_time == 0 && all_zero(s->head, sizeof(s->head)) &&
	       all_zero(s->prev_seal, sizeof(s->prev_seal));
}

static bool
state_ok(const struct keystate *s)
{
	struct str origin = array_str(s->origin, sizeof(s->origin));

	if (origin.n > SEAL_ORIGIN || !seal_origin_ok(origin) || s->log_id == 0 ||
	    s->log_id > LOG_ID_MAX || s->next_index > NUMBER_MAX || s->seq > NUMBER_MAX)
		return false;
	if (s->next_index == 0 ? !nothing_sealed(s) : s->seq == 0)
		return false;
	if (s->n_pending > KEYSTATE_PENDING || s->n_pending > s->next_index)
		return false;
	for (unsigned i = 0; i < s->n_pending; i++)
		if (!pending_ok(&s->pending[i]))
			return false;
	return true;
}

/* --- to bytes --------------------------------------------------------------------------------- */

static void
put_hash(struct wire_out *out, const uint8_t hash[HASH_SIZE])
{
	wire_put_bytes(out, (struct str){(const char *)hash, HASH_SIZE});
}

static void
put_header(struct wire_out *out, enum storage storage, uint64_t generation)
{
	wire_put_bytes(out, MAGIC);
	wire_put_u16(out, VERSION);
	wire_put_u16(out, (uint16_t)storage);
	wire_put_u32(out, 0); /* the length: once it is known */
	wire_put_u64(out, generation);
}

static void
put_state(struct wire_out *out, const struct keystate *s)
{
	wire_put_u64(out, s->log_id);
	put_hash(out, s->first_key);
	wire_put_u64(out, s->next_index);
	wire_put_u64(out, s->seq);
	wire_put_u64(out, (uint64_t)s->last_time);
	put_hash(out, s->head);
	put_hash(out, s->prev_seal);
	wire_put_str(out, str_from(s->origin));
	wire_put_u16(out, (uint16_t)s->n_pending);
	for (unsigned i = 0; i < s->n_pending; i++) {
		wire_put_str(out, str_from(s->pending[i].base));
		wire_put_str(out, (struct str){s->pending[i].note, s->pending[i].n});
	}
}

static void
put_length(uint8_t *slot, size_t n)
{
	struct wire_out out = wire_out_over(slot + LENGTH_AT, sizeof(uint32_t));

	wire_put_u32(&out, (uint32_t)n);
}

/* Behind everything that a wrapped key is bound to. */
static int
put_seed(struct wire_out *out, const uint8_t *slot, const struct keystate *s, struct keywrap *w,
    const uint8_t nonce[KEYWRAP_NONCE])
{
	struct str beside = {(const char *)slot, KEYSTATE_SLOT - out->left};
	uint8_t wrapped[KEYWRAP_SIZE];
	int error;

	if (!w) {
		wire_put_bytes(out, (struct str){(const char *)s->seed, ED25519_SEED});
		return 0;
	}
	error = keywrap_close(w, beside, nonce, s->seed, wrapped);
	wire_put_bytes(out, (struct str){(const char *)wrapped, sizeof(wrapped)});
	return error;
}

static void
slot_sum(const uint8_t *slot, size_t n, struct hash *h, uint8_t sum[HASH_SIZE])
{
	hash_begin(h);
	hash_add(h, (struct str){(const char *)slot, n});
	hash_end(h, sum);
}

int
keyslot_encode(uint8_t slot[KEYSTATE_SLOT], const struct keystate *s, uint64_t generation,
    struct keywrap *w, const uint8_t nonce[KEYWRAP_NONCE], struct hash *h)
{
	struct wire_out out = wire_out_over(slot, KEYSTATE_SLOT);
	uint8_t sum[HASH_SIZE];
	size_t n;
	int error;

	if (!state_ok(s))
		return -EINVAL;
	memset(slot, 0, KEYSTATE_SLOT);
	put_header(&out, w ? STORAGE_WRAPPED : STORAGE_PLAIN, generation);
	put_state(&out, s);
	n = KEYSTATE_SLOT - out.left + (w ? KEYWRAP_SIZE : ED25519_SEED);
	put_length(slot, n + HASH_SIZE);
	error = put_seed(&out, slot, s, w, nonce);
	if (error < 0)
		return error;
	slot_sum(slot, n, h, sum);
	put_hash(&out, sum);
	return wire_out_ok(&out) ? 0 : -EINVAL;
}

/* --- from bytes ------------------------------------------------------------------------------- */

struct header {
	uint16_t version, storage;
	uint32_t length; /* what is used, checksum included */
	uint64_t generation;
};

static bool
header_get(struct wire_in *in, struct header *ret)
{
	struct str magic = wire_get_bytes(in, MAGIC.n);

	ret->version = wire_get_u16(in);
	ret->storage = wire_get_u16(in);
	ret->length = wire_get_u32(in);
	ret->generation = wire_get_u64(in);
	return str_eq(magic, MAGIC) && ret->length >= HEADER + HASH_SIZE &&
	       ret->length <= KEYSTATE_SLOT;
}

enum keyslot_kind
keyslot_look(const uint8_t slot[KEYSTATE_SLOT], struct hash *h, uint64_t *ret_generation)
{
	struct wire_in in = wire_in_over(slot, KEYSTATE_SLOT);
	uint8_t sum[HASH_SIZE];
	struct header header;

	*ret_generation = 0;
	if (all_zero(slot, KEYSTATE_SLOT))
		return KEYSLOT_BLANK;
	if (!header_get(&in, &header))
		return KEYSLOT_TORN;
	slot_sum(slot, header.length - HASH_SIZE, h, sum);
	if (memcmp(sum, slot + header.length - HASH_SIZE, HASH_SIZE) != 0)
		return KEYSLOT_TORN;
	*ret_generation = header.generation;
	return KEYSLOT_WHOLE;
}

static void
get_hash(struct wire_in *in, uint8_t hash[HASH_SIZE])
{
	struct str s = wire_get_bytes(in, HASH_SIZE);

	if (s.n == HASH_SIZE)
		memcpy(hash, s.p, HASH_SIZE);
}

/* With a NUL behind it; fails the cursor when it is longer than that, or has one inside. */
static void
get_text(struct wire_in *in, char *buf, size_t size)
{
	struct str s = wire_get_str(in);

	if (s.n >= size || memchr(s.p, '\0', s.n)) {
		in->failed = true;
		return;
	}
	memcpy(buf, s.p, s.n);
	buf[s.n] = '\0';
}

static void
get_pending(struct wire_in *in, struct keystate_pending *p)
{
	struct str note;

	get_text(in, p->base, sizeof(p->base));
	note = wire_get_str(in);
	if (note.n > sizeof(p->note)) {
		in->failed = true;
		return;
	}
	memcpy(p->note, note.p, note.n);
	p->n = note.n;
}

static void
get_state(struct wire_in *in, struct keystate *s)
{
	s->log_id = wire_get_u64(in);
	get_hash(in, s->first_key);
	s->next_index = wire_get_u64(in);
	s->seq = wire_get_u64(in);
	s->last_time = (int64_t)wire_get_u64(in);
	get_hash(in, s->head);
	get_hash(in, s->prev_seal);
	get_text(in, s->origin, sizeof(s->origin));
	s->n_pending = wire_get_u16(in);
	if (s->n_pending > KEYSTATE_PENDING)
		in->failed = true;
	for (unsigned i = 0; i < s->n_pending && !in->failed; i++)
		get_pending(in, &s->pending[i]);
}

static int
get_seed(struct wire_in *in, const uint8_t *slot, enum storage storage, struct keywrap *w,
    struct keystate *s, const char **ret_why)
{
	struct str beside = {(const char *)slot, (size_t)(in->p - slot)};
	struct str stored = wire_get_bytes(
	    in, storage == STORAGE_WRAPPED ? KEYWRAP_SIZE : ED25519_SEED);

	if (!wire_in_done(in) || !state_ok(s))
		return -EBADMSG;
	if (storage == STORAGE_PLAIN) {
		memcpy(s->seed, stored.p, ED25519_SEED);
		return 0;
	}
	*ret_why = "holds an encrypted private key, and the credential sealwright.wrap is missing";
	if (!w)
		return -EBADMSG;
	*ret_why = "was not encrypted with this credential sealwright.wrap";
	return keywrap_open(w, beside, (const uint8_t *)stored.p, s->seed);
}

int
keyslot_decode(const uint8_t slot[KEYSTATE_SLOT], struct keywrap *w, struct keystate *ret,
    const char **ret_why)
{
	struct wire_in in = wire_in_over(slot, KEYSTATE_SLOT);
	struct header header;

	memset(ret, 0, sizeof(*ret));
	*ret_why = "is damaged";
	if (!header_get(&in, &header))
		return -EBADMSG;
	in.left = header.length - HEADER - HASH_SIZE;
	*ret_why = "has a form that this version does not know";
	if (header.version != VERSION || header.storage > STORAGE_WRAPPED)
		return -EBADMSG;
	*ret_why = "holds what no state can hold";
	get_state(&in, ret);
	return get_seed(&in, slot, (enum storage)header.storage, w, ret, ret_why);
}
