/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests from stdin to policyd, replies to stdout, a line each, in order. Reads and writes go on
 * side by side, so that neither end can make the other wait for ever; what is buffered is bounded
 * on every side. Lines are passed on as they are. An over-long line is not sent (policyd would have
 * to close the connection): its reply is made here.
 */

#include <stdint.h>

#define JSONL_IN_FLIGHT 256 /* below policyd's own default of requests per connection */

/* Returns the exit code, after messages. */
int jsonl_run(const char *path, uint32_t timeout_s, uint32_t in_flight);
