/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is kept for each uid that connects: how many connections it has, how fast it asks, whether
 * it is believed, and its local names. An account outlives its connections until its bucket is full
 * again, else connecting anew would refill it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "policyd/client/bucket.h"
#include "policyd/client/image.h"
#include "policyd/client/image_queue.h"
#include "policyd/settings.h"

/* What a peer looks like whose uid has no number in our user namespace. Nobody: never believed. */
#define UID_UNMAPPED UINT32_C(65534)

struct account {
	struct account *next;
	uint32_t uid;
	uint32_t connections;
	bool trusted;       /* a trusted enforcement point */
	uint64_t owed;      /* bytes of replies that wait or are not read yet */
	uint32_t in_flight; /* requests not yet answered, of closed connections too */
	struct bucket bucket;
	const struct image *named_by; /* the image that the names below are from, NULL: none yet */
	struct str user;              /* STR_NONE: unknown */
	uint16_t n_groups;
	bool more_groups; /* than groups holds */
	struct str groups[LIMIT_GROUPS];
};

#define ACCOUNT_CHAINS 256
#define ACCOUNTS_IDLE_MAX 4096 /* accounts without connections that are remembered */

struct accounts {
	struct account *chain[ACCOUNT_CHAINS];
	uint32_t idle; /* accounts without connections */
};

/* The account of uid, made when needed, with one connection more. NULL: no memory. */
struct account *
accounts_enter(struct accounts *a, const struct settings *s, uint32_t uid, int64_t now);
/* One connection less. */
void accounts_leave(struct accounts *a, struct account *account);

/* Forget idle accounts whose bucket is full, or all idle ones when there are too many. */
void accounts_sweep(struct accounts *a, int64_t now);

/* Bring user and groups up to date with this image. */
void account_name(struct account *account, const struct image *image);

/*
 * A piece of work on the images of q, after so many requests; when the next one is ready, from now on
 * *image is that one, and so are names. -errno: it is refused (*ret_why static), *image stays.
 */
int accounts_next_image(struct accounts *a, struct image_queue *q, uint64_t requests,
    struct image **image, const char **ret_why);
