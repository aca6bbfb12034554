/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Requests to the admin socket (proto/admin.schema.json). */

#include "policyctl/ctl.h"

struct admin {
	struct client client;
	struct reply reply;
};

struct admin_command {
	const char *op; /* also the command's name */
	const char *about;
	uint32_t timeout; /* seconds; policyd's own patience is less */
	uint32_t again;   /* so often at most when policyd says that it was asked a second ago */
};

/*
 * Parse the command line (--json, --admin-socket, --timeout; no operands), ask, and print the reply
 * as JSON when that is wanted. Returns CLI_YES, or CLI_NO after saying what policyd refused and why.
 * The reply is in *ret until admin_end().
 */
int admin_ask(
    struct ctl *ctl, int argc, char **argv, const struct admin_command *what, struct admin *ret);
void admin_end(struct admin *a);

/* The same without a command line; the reply is left to the caller to print. */
int admin_request(const struct ctl *ctl, const struct admin_command *what, struct admin *ret,
    struct str *ret_line);

/*
 * Have policyd load its policy again and say which it is now (reload.c); and say so when that is not the
 * revision that we wrote in dir. The exit status.
 */
int reload_now(const struct ctl *ctl, const char *dir, struct str revision);
