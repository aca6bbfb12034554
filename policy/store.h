/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory of the load half (never of evaluation): an arena whose contents live as long as the
 * document, vectors that grow, and a set of strings. Failure is -ENOMEM or NULL; nothing aborts.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/* --- arena ----------------------------------------------------------------------------------- */

struct arena_chunk;

struct arena {
	struct arena_chunk *last;
};

/* n bytes, zeroed, aligned for anything. NULL when there is no memory. */
void *arena_take(struct arena *a, size_t n);
/* A copy of s (NUL added after it). STR_NONE when there is no memory. */
struct str arena_str(struct arena *a, struct str s);
void arena_free(struct arena *a);

/* --- vectors --------------------------------------------------------------------------------- */

/* Elements of one size; p is theirs, cast by the owner. May move when it grows. */
struct vec {
	void *p;
	uint32_t n, cap;
};

/* Room for one more element of size bytes, zeroed; NULL when there is no memory. */
void *vec_add(struct vec *v, size_t size);
void vec_free(struct vec *v);

/* --- sets of strings ------------------------------------------------------------------------- */

/* Open addressing. Keys are the caller's and must stay. */
struct strmap {
	struct strmap_slot *slots;
	uint32_t n, cap; /* cap is a power of two or 0 */
};

/*
 * Enter key with value unless it is there. 0: entered; 1: was there, *ret_value is its value;
 * -ENOMEM.
 */
int strmap_add(struct strmap *m, struct str key, uint32_t value, uint32_t *ret_value);
/* The value of key, which may be changed until the next entry is made; NULL when it is not there. */
uint32_t *strmap_get(const struct strmap *m, struct str key);
void strmap_free(struct strmap *m);
