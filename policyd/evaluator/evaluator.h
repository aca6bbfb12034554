/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The evaluator: takes requests from strangers, decides by the policy image, has each decision
 * recorded, and answers when it is. Descriptors 3 to 6 as policyd/client/role.h says. Returns an
 * enum role_exit.
 */

#include <stdint.h>

#include "policyd/settings.h"

int evaluator_main(uint32_t channel, uint32_t generation, const struct settings *s);
/* Ends in jail (role_seal()), or does not return. */
void evaluator_jail(const struct settings *s);
