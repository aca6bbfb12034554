/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Many JSON texts that differ in their values only, as the lines of a log do: once jscan() has taken
 * one, another of its form is known to be strict JSON by comparing what stands between the values and
 * looking that the values are plain. Whatever does not match is for jscan() to judge.
 *
 * No allocation.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/jscan.h"
#include "common/str.h"

#define JFORM_VALUES 64  /* of a form at most */
#define JFORM_BYTES 2048 /* between them, at most */

/* All zero it matches nothing. */
struct jform {
	bool known;
	uint32_t n; /* values that may differ */
	struct {
		uint16_t end; /* in bytes, of what stands before it */
		bool number;  /* an integer; else a string */
	} value[JFORM_VALUES];
	uint16_t end; /* of what stands behind the last: all of bytes */
	char bytes[JFORM_BYTES];
};

/*
 * The form of a text that jscan() has just taken onto this tape. False: it has too many values or
 * too much else, and *f matches nothing.
 */
bool jform_learn(struct jform *f, const struct jscan_tape *tape);

/*
 * Whether text has this form, with strings in which nothing needs a look (ascii_plain) and integers of
 * 1 to 15 digits: then jscan() takes it by the same rules, with the same keys, types and nesting.
 * False says nothing about it.
 */
bool jform_match(const struct jform *f, struct str text);
