/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How formats put values into text that another program takes apart: what could end a field is escaped. */

#include <stdbool.h>

#include "common/text.h"
#include "proto/recordline.h"

typedef void format_escape(struct text *t, struct str s);

/*
 * What a value says: a string decoded, a number or word as written, the elements of an array with "; " between,
 * an object as its JSON. Each through escape. NULL: nothing.
 */
void format_value(struct text *t, const struct recordline_value *v, format_escape *escape);

/* text_safe(), faster. */
void format_safe(struct text *t, struct str s);
/* A backslash before each of these characters from byte `from` on. */
void format_guard(struct text *t, size_t from, const char *special);
/* No more than so many bytes from there on, cut between characters. */
void format_cut(struct text *t, size_t from, size_t most);

/*
 * Like text_safe(), and as \xhh: these characters, the backslash, and what is no graphic ASCII character where
 * `rest` asks for it. Nothing else in it has a backslash, so that it can be read back.
 */
enum format_hexed {
	HEXED_TEXT,  /* any text */
	HEXED_TOKEN, /* white space of any kind, too */
	HEXED_ASCII, /* all that is not ASCII, too */
};
void format_hexed(struct text *t, struct str s, const char *special, enum format_hexed rest);

/* The JSON of a value as it is written; null when there is none. */
void format_raw(struct text *t, const struct recordline_value *v);
/* A JSON string: a string as it is written, anything else as its JSON in one. */
void format_string(struct text *t, const struct recordline_value *v);
/* open, the strings of an array with "; " between, and a quote that ends them. False: there are none, nothing is put. */
bool format_strings(struct text *t, struct str open, const struct recordline_value *array);
