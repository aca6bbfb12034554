/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the commands of policyctl share. One file per command. */

#include <stdint.h>

#include "common/cli.h"
#include "common/limits.h"
#include "common/text.h"
#include "policyctl/client.h"
#include "policyctl/reply.h"

/* Longer than policyd's own deadline of an answer, so that its verdict on itself comes first. */
#define CTL_TIMEOUT 10 /* seconds */

/* Options that may stand before the command or behind it. */
struct ctl {
	const char *socket;       /* NULL: the default */
	const char *admin_socket; /* NULL: the default */
	uint32_t timeout;         /* seconds, for each wait; 0: the default */
	bool json;
};

#define CTL_OPTION_SOCKET(c)                                                   \
	{                                                                      \
		.name = "socket", .value = "PATH", .help = "policyd's socket", \
		.text = &(c)->socket                                           \
	}
#define CTL_OPTION_ADMIN(c)                                                                \
	{                                                                                  \
		.name = "admin-socket", .value = "PATH", .help = "policyd's admin socket", \
		.text = &(c)->admin_socket                                                 \
	}
#define CTL_OPTION_TIMEOUT(c)                                                                 \
	{                                                                                     \
		.name = "timeout", .value = "SECONDS",                                        \
		.help = "wait at most this long for an answer (10)", .number = &(c)->timeout, \
		.min = 1, .max = 3600                                                         \
	}
#define CTL_OPTION_JSON(c)                                               \
	{                                                                \
		.name = "json", .help = "print JSON", .flag = &(c)->json \
	}

#define CTL_EXITS_DONE "0 done, 1 refused, 2 error"

int cmd_allow(struct ctl *ctl, int argc, char **argv);
int cmd_check(struct ctl *ctl, int argc, char **argv);
int cmd_deny(struct ctl *ctl, int argc, char **argv);
int cmd_diff(struct ctl *ctl, int argc, char **argv);
int cmd_emit(struct ctl *ctl, int argc, char **argv);
int cmd_enroll(struct ctl *ctl, int argc, char **argv);
int cmd_evaluate(struct ctl *ctl, int argc, char **argv);
int cmd_lint(struct ctl *ctl, int argc, char **argv);
int cmd_ls(struct ctl *ctl, int argc, char **argv);
int cmd_outcome(struct ctl *ctl, int argc, char **argv);
int cmd_ping(struct ctl *ctl, int argc, char **argv);
int cmd_reload(struct ctl *ctl, int argc, char **argv);
int cmd_rm(struct ctl *ctl, int argc, char **argv);
int cmd_rotate(struct ctl *ctl, int argc, char **argv);
int cmd_squid(struct ctl *ctl, int argc, char **argv);
int cmd_status(struct ctl *ctl, int argc, char **argv);
int cmd_suggest(struct ctl *ctl, int argc, char **argv);
int cmd_test(struct ctl *ctl, int argc, char **argv);

/*
 * The path of a socket: as given, else the user's own (below $XDG_RUNTIME_DIR, else the state
 * directory) when the caller is not root and it exists, else the system's. Lives as long as the
 * process.
 */
const char *ctl_socket(const struct ctl *ctl);
const char *ctl_admin_socket(const struct ctl *ctl);

/* The policy that policyd of the caller loads by default: the user's own, if there is one. */
const char *ctl_policy(void);

/*
 * A moment that the command line names: RFC 3339, or a number and s, m, h or d from now, into the
 * future (sign 1) or the past (-1). False: neither.
 */
bool ctl_moment(const char *s, int sign, int64_t *ret);

/* Where policyd keeps what is a user's own: name below the state directory. False: nowhere. */
bool ctl_state_path(char *buf, size_t n, const char *name);

/* Seconds to wait for an answer. */
uint32_t ctl_timeout(const struct ctl *ctl);

/*
 * Connect, send one request line, read one reply; ends the program with a message when that fails.
 * The reply's line lives as long as the client.
 */
void ctl_ask(struct client *c, const char *path, uint32_t timeout_s, size_t max, struct str request,
    struct reply *reply, struct str *ret_line);

/*
 * Ask what puts something on record (emit, outcome): print the record's id, or the reply as JSON.
 * CLI_YES, or CLI_ERROR after saying what policyd said. what is the command's name.
 */
int ctl_record(const struct ctl *ctl, const char *what, const struct text *request);
