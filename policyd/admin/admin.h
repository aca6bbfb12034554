/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The admin process: serves operators on admin.sock. It asks the supervisor for status, rotation and
 * reload and for nothing else, each at most once a second and each on record before it is passed on.
 * Descriptors 3 to 6 as policyd/client/role.h says. Returns an enum role_exit.
 */

#include <stdint.h>

#include "policyd/settings.h"

int admin_main(uint32_t channel, uint32_t generation, const struct settings *s);
/* Ends in jail (role_seal()), or does not return. */
void admin_jail(const struct settings *s);
