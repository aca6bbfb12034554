/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Text that others chose, as a report shows it: nothing in it is hidden, and none of it is endless. */

#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/*
 * At most `most` characters of s, then an ellipsis. Controls, invalid UTF-8, what orders text from right to left,
 * and characters without width or shape come out as \xhh for each byte. A character takes up to 16 bytes.
 */
void shown_put(struct text *t, struct str s, size_t most);

/* 1,234,567 */
void shown_number(struct text *t, uint64_t v);

/* Part of a whole in percent with one digit behind the point, "0.0" of none; "<0.1" rather than nothing. */
void shown_percent(struct text *t, uint64_t part, uint64_t whole);

/* "1 record", "2 records" */
void shown_count(struct text *t, uint64_t n, const char *one);

/* 2026-11-21 03:46:57 UTC */
void shown_time(struct text *t, int64_t us);
