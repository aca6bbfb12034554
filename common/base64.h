/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Base64 (RFC 4648, section 4) of short things, canonical: padded, no white space, and the bits
 * behind the last byte are zero. So every byte string has exactly one text.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"
#include "common/text.h"

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4) /* characters for n bytes */

void base64_put(struct text *t, const uint8_t *bytes, size_t n);

/* Exactly n bytes. -EINVAL: not the canonical text of n bytes. */
int base64_get(struct str s, uint8_t *out, size_t n);
