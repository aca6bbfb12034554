/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A member of a record by its name on the command line: "username", "peer.uid", "payload.method" (payload is
 * the object that is named as action_type says), "details.a.b".
 */

#include <stdbool.h>

#include "proto/recordline.h"

struct path {
	struct str text;               /* all of it */
	struct str below;              /* what stands behind the first dot; empty: nothing */
	enum recordline_member member; /* MEMBER_COUNT: the payload of one action type */
};

/* False: no record can have it. text must outlive the path. */
bool path_parse(struct path *p, struct str text);

/* Takes the first name off. */
struct str path_next(struct str *rest);

/* The member of an object by its name. False: there is none, or v is NULL or no object. */
bool path_step(const struct recordline_value *v, struct str name, struct recordline_value *ret);

/* The value; NULL when this record does not have it. room: what one inside another is put into. */
const struct recordline_value *
path_find(const struct path *p, const struct recordline *r, struct recordline_value *room);
