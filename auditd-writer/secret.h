/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The secret that the private key is stored under, from the descriptor that policyd handed over. */

#include <stdint.h>

#include "auditd-writer/keystate.h"

/*
 * All of what fd holds: KEYSTATE_SECRET bytes, or twice as many hex digits with or without a newline.
 * Closes fd in any case. -EINVAL for anything else, with *ret_why (static text); other errors of
 * reading with *ret_why NULL. The caller overwrites out when it is done with it.
 */
int secret_take(int fd, uint8_t out[KEYSTATE_SECRET], const char **ret_why);
