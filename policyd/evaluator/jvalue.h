/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A scanned JSON value as it goes on record: from a jscan tape to the bytes of proto/value.h. */

#include <stdint.h>

#include "common/jscan.h"
#include "proto/wire.h"

/*
 * Whether the value at index i can go on record at all: at most depth levels (a scalar has none, a
 * flat object one), keys and numbers not longer than value.h allows. -EINVAL with *ret_why a static
 * text and *ret_token the index of the value (or key) at fault.
 */
int jvalue_check(const struct jscan_tape *tape, uint32_t i, uint32_t depth, const char **ret_why,
    uint32_t *ret_token);

/* Append a checked value. The cursor fails when it does not fit. */
void jvalue_put(struct wire_out *out, const struct jscan_tape *tape, uint32_t i);
