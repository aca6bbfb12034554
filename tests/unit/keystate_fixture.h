/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A key directory, states to put into it, and the key state's file as bytes. */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/keystate.h"

#define KEYS_FILE (2 * KEYSTATE_SLOT)
#define KEYS_LOG_ID UINT64_C(0x123456789abcdef)

struct keys_fixture {
	char top[64];
	struct dir dir;
	struct hash *sum;
	struct keyfile k;
	struct keystate got; /* by the newest keys_open() */
	char complaint[512]; /* of it, if it failed */
};

extern struct keys_fixture fx;

extern const uint8_t keys_secret[KEYSTATE_SECRET];
extern const uint8_t keys_other_secret[KEYSTATE_SECRET];

/* For cmocka. In memory where that is possible: thousands of syncs cost nothing there. */
int keys_setup(void **state);
int keys_teardown(void **state);
/* Print the seed of random(), or take it from the environment. */
void keys_seed(void);

/* Remove everything in the directory. */
void keys_clear(void);
/* A state of its own for each i from 1 on: after seal i - 1, with so many pending. 0: of a new log. */
void keys_make(struct keystate *s, unsigned i, unsigned n_pending);
bool keys_same(const struct keystate *a, const struct keystate *b);

/* keyfile_init() for the directory; keys_forget() when it is done. */
void keys_begin(struct keyfile *f, const uint8_t *secret);
void keys_forget(struct keyfile *f);
/* As a new process would; after an error f is forgotten. */
int keys_open(struct keyfile *f, const uint8_t *secret);
/* A new process finds this state. */
void keys_expect(const struct keystate *s, const uint8_t *secret);
/* A new process refuses with this error, names this and says where help is. */
void keys_expect_refused(int error, const char *text, const uint8_t *secret);

void image_get(uint8_t image[KEYS_FILE]);
/* The file becomes these n bytes; it is made if need be. */
void image_put(const uint8_t *image, size_t n);
/* Whether any eighth of this state's private key is in it. */
bool image_has_key(const uint8_t image[KEYS_FILE], const struct keystate *s);
