/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A decision as a person reads it:
 *
 *     deny   rule no-metadata in policy guard
 *            denied by rule no-metadata in policy guard for op(...)
 */

#include "policyctl/reply.h"

/* The first line. mode is shown when it is given: "warn" */
void show_decision(const struct answer *a, struct str mode);

/* A line below it. */
void show_more(struct str s);
