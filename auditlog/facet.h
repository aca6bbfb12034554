/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Members of a record as the texts that are counted of it. What finds no room counts with the others. */

#include "auditlog/tally.h"
#include "proto/recordline.h"

/* No record has more texts of a kind. */
#define FACET_TEXTS 8
/* Of a user without a name, before the number; --user takes it so. */
#define FACET_UID "uid "

/* Whether all that another record can have fits into each of n tallies. */
bool facet_fits(const struct tally *t, size_t n);

void facet_text(struct tally *t, struct str text);
/* The value's text; a record without it counts nowhere. */
void facet_value(struct tally *t, const struct recordline_value *v);
void facet_member(struct tally *t, const struct recordline *r, enum recordline_member m);
/* A name of ours, without what all of its kind begin with. */
void facet_name(
    struct tally *t, const struct recordline *r, enum recordline_member m, struct str prefix);
/* policy/rule; nothing where none decided. */
void facet_rule(struct tally *t, const struct recordline *r);
/* username, or FACET_UID and the number. */
void facet_user(struct tally *t, const struct recordline *r);
/* The usual reasons without what they name besides: operation and resource. */
void facet_reasons(struct tally *t, const struct recordline *r);
