/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A JSON value in a form that needs no JSON parser: what an evaluator sends for `details`, and what
 * any process sends as the payload of a record or as counters. The receiver checks it completely
 * (value_check) before it is written out as JSON.
 *
 *     'n' 't' 'f'            null, true, false
 *     '#' u8 length, text    a number: JSON grammar, at most 24 bytes, magnitude below 2^53
 *     '"' u16 length, bytes  a string
 *     '[' values ']'         an array
 *     '{' (u16 length, key bytes as '"'), value ... '}'   an object; keys are UTF-8, all different
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"
#include "common/text.h"
#include "proto/wire.h"

#define VALUE_DEPTH 8
#define VALUE_MEMBERS 64 /* of one object; keys are compared pair by pair */
#define VALUE_KEY 128    /* bytes */

void value_put_null(struct wire_out *out);
void value_put_bool(struct wire_out *out, bool v);
void value_put_int(struct wire_out *out, int64_t v);
/* text must be a number by the rule above, else the cursor fails. */
void value_put_number(struct wire_out *out, struct str text);
void value_put_str(struct wire_out *out, struct str s);
void value_open_object(struct wire_out *out);
void value_close_object(struct wire_out *out);
void value_open_array(struct wire_out *out);
void value_close_array(struct wire_out *out);
/* Inside an object: the key of the value that comes next. */
void value_put_key(struct wire_out *out, struct str key);

/* Members in one go. */
void value_member_str(struct wire_out *out, struct str key, struct str s);
void value_member_int(struct wire_out *out, struct str key, int64_t v);
void value_member_bool(struct wire_out *out, struct str key, bool v);

/*
 * Exactly one well-formed value that fills bytes: structure, depth, members, key length, no
 * duplicate keys (bytewise), number grammar. 0 or -EPROTO. No recursion.
 */
int value_check(struct str bytes);
/* The same, and it is an object. */
int value_check_object(struct str bytes);

/*
 * Through the parts of a checked value: bracket is '{' or '[', and a value that is neither is failed from
 * the start. False when there is no more.
 */
struct wire_in value_open(struct str bytes, char bracket);
bool value_next(struct wire_in *in, struct str *ret);
bool value_next_member(struct wire_in *in, struct str *ret_name, struct str *ret);

/* Of a checked object: the value of a top-level member (its bytes); STR_NONE when there is none. */
struct str value_member(struct str object, struct str key);
/* The integer that a checked value is; fallback when it is none. */
int64_t value_int(struct str bytes, int64_t fallback);

/* The string that a checked value is; empty when it is none. */
struct str value_text(struct str bytes);

/* JSON text of a value that value_check() has accepted, without spaces. */
void value_to_json(struct text *t, struct str bytes);
