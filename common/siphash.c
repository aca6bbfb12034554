/* SPDX-License-Identifier: Apache-2.0 */
#include "common/siphash.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <sys/random.h>

#define WORD sizeof(uint64_t)
#define FINAL_ROUNDS 3

struct state {
	uint64_t v0, v1, v2, v3;
};

int
siphash_key_make(struct siphash_key *ret)
{
	ssize_t n = getrandom(ret, sizeof(*ret), 0);

	if (n < 0)
		return -errno;
	return n == sizeof(*ret) ? 0 : -EIO;
}

static inline uint64_t
rotate(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

static inline void
mix(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void
take(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s);
	s->v0 ^= word;
}

/* The first n bytes, up to eight, the lowest first. */
static inline uint64_t
load(const char *p, size_t n)
{
	uint64_t word = 0;

	if (n > 0)
		memcpy(&word, p, n);
	return le64toh(word);
}

uint64_t
siphash(const struct siphash_key *key, struct str s)
{
	uint64_t length = (uint64_t)s.n << 56;
	struct state state = {
	    UINT64_C(0x736f6d6570736575) ^ key->k[0],
	    UINT64_C(0x646f72616e646f6d) ^ key->k[1],
	    UINT64_C(0x6c7967656e657261) ^ key->k[0],
	    UINT64_C(0x7465646279746573) ^ key->k[1],
	};

	for (; s.n >= WORD; s = str_skip(s, WORD))
		take(&state, load(s.p, WORD));
	take(&state, length | load(s.p, s.n));
	state.v2 ^= 0xff;
	for (unsigned i = 0; i < FINAL_ROUNDS; i++)
		mix(&state);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
