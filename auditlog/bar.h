/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A bar on stderr that says how far long work is: only on a terminal that can wipe a line, only as wide
 * as that is, and gone when the work ends or anything else is to be said there.
 */

#include <stdbool.h>
#include <stdint.h>

/* How wide the terminal is (of none, no bar is shown): asked for once, before the jail. */
void bar_look(void);
bool bar_possible(void);

/* Show it, or show it anew. what: "verifying"; total: not 0. */
void bar_show(const char *what, uint64_t done, uint64_t total);
void bar_wipe(void);

/* Around a message of another thread while there may be a bar. */
void bar_hold(void);
void bar_release(void);
