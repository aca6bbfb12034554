/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The members of a payload against the table of its action type (payload.def). With it, and with what
 * record_get() has checked, whatever a process sends makes a line that conforms to record.schema.json
 * or none.
 */

#include "proto/record.h"

/*
 * r as record_get() has accepted it. 0 or -EPROTO with *ret_why a static text: a member that the action
 * type has not, a value of another form or over its bound, a member missing; a payload where there may be
 * none, or none where there must be one.
 */
int payload_check(const struct record *r, const char **ret_why);

/* Whether a management record of this kind may have this object, which value_check_object() accepted. */
bool payload_fits(enum record_action_type action, struct str object);
