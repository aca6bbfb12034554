/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a log has to say, and must not say, when all is over. */

#include "tests/fault/life.h"

/* Fails when a decision is there that was not sent, or twice; or when nothing tells of what went wrong. */
void told_expect(const struct trial *t, const struct log *log);
