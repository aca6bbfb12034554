/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/policy.h"

/*
 * Use an open image in every way there is, whatever it says: read all listings and accounts, ask
 * about all kinds of operations for subjects with and without attributes. Reads every byte that
 * comes out, so that a sanitizer or a guard page notices one that is not there. Returns a sum of
 * them, to keep the reads.
 */
unsigned policy_exercise(const struct policy_image *img);
