/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTML on standard output. Markup is only ever a constant of this program, put out by cli_puts(); every other text
 * goes through here, ours and that of records alike, so that none of it can become markup, in text or in an
 * attribute between double quotes.
 */

#include <stdint.h>

#include "common/str.h"

#define HTML_MOST 4096 /* characters of one text; what is more becomes an ellipsis */

void html_text(struct str s);
/* The same, and at most so many characters of it. */
void html_text_cut(struct str s, size_t most);
void html_z(const char *z);
/* 1,234 */
void html_number(uint64_t v);
/* 1234, for attributes */
void html_plain_number(uint64_t v);
