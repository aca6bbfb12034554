/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JSON written member by member into a bounded text; the text says in the end whether all of it fitted. */

#include <stdbool.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/text.h"

struct json {
	struct text *t;
	bool more; /* a comma is due */
};

struct json json_object(struct text *t);
void json_object_end(struct json *j);
/* The key of the value that is put into the text next. */
void json_key(struct json *j, const char *key);

/* A member each. STR_NONE and an empty z: null. */
void json_str(struct json *j, const char *key, struct str s);
void json_z(struct json *j, const char *key, const char *z);
void json_number(struct json *j, const char *key, uint64_t v);
/* As the log writes times. */
void json_time(struct json *j, const char *key, int64_t us);
/* "INDEX:HASH", as --pin takes it. */
void json_pin(struct json *j, const char *key, uint64_t index, const uint8_t hash[HASH_SIZE]);
/* That alone. */
void json_pin_value(struct text *t, uint64_t index, const uint8_t hash[HASH_SIZE]);
