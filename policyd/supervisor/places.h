/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The directories that must be there before anything starts. What exists is left as it is. The
 * audit directory (0750) and the key directory (0700) are made when only their last part is missing,
 * with the writer's owner; whole paths only at the default places.
 */

#include "policyd/settings.h"
#include "policyd/supervisor/spawn.h"

/* 0, or -errno with *ret_what the directory (in settings). */
int places_make(const struct settings *s, const struct identity *user,
    const struct identity *writer, const char **ret_what);
