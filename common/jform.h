/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Many JSON texts that differ in their values only, as the lines of a log do: once jscan() has taken
 * one, another is known to be strict JSON when it is the same but for strings, in which nothing needs
 * a look, and plain numbers. Whatever does not match is for jscan() to judge. Some texts are
 * remembered; another is compared with all of them in one pass, as far as they begin alike.
 *
 * No allocation.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/jscan.h"
#include "common/str.h"

#define JFORM_VALUES 64  /* of a text that is remembered, at most */
#define JFORM_BYTES 4096 /* of it, at most */
#define JFORMS 16        /* remembered: more kinds than a log mostly has in turn */

/* A value that may differ: a string without its quotes, or an integer of 1 to 15 digits. */
struct jform_value {
	uint16_t at, end; /* bytes of the text */
	bool number;
};

/* A text that was taken. All zero it matches nothing. */
struct jform {
	uint32_t n; /* bytes; 0: none */
	uint32_t values;
	struct jform_value value[JFORM_VALUES + 1]; /* and one that no byte belongs to */
	char bytes[JFORM_BYTES];
};

/* All zero at first. */
struct jforms {
	struct jform form[JFORMS];
	unsigned last;   /* that matched, or was learned */
	unsigned oldest; /* to be replaced next, without regard to JFORMS */
	/* How many values, and what stands before them, two forms have alike from the start. */
	uint8_t alike[JFORMS][JFORMS];
};

/*
 * Remember a text that jscan() has just taken onto this tape instead of the oldest, if it is not
 * empty, too long or of too many values.
 */
void jforms_learn(struct jforms *f, const struct jscan_tape *tape);

/*
 * Whether text is one of these but for its values, with strings of plain bytes (ascii_plain) and
 * integers of 1 to 15 digits: then jscan() takes it by the same rules, with the same keys, types and
 * nesting. False says nothing about it.
 */
bool jforms_match(struct jforms *f, struct str text);
