/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The lines that Squid and its external ACL helper exchange (squid.conf, external_acl_type), for
 *
 *     external_acl_type NAME concurrency=N ... %#DST %PORT %#METHOD %SRC %#un HELPER
 *
 * Squid sends `ID DST PORT METHOD SRC LOGIN DATA`, one blank between: each value URL-escaped, "-"
 * when there is none (a value that is "-" looks the same), DATA being the acl line's arguments,
 * which Squid appends by itself: always "-" here. ID is a number up to 64 bits that only ever grows,
 * whatever the manual says of concurrency (Squid 5.7, helperDispatch).
 *
 * The # matters: Squid 5.7 escapes no '%' without it, and of user names nothing at all, whatever the
 * manual says (Format::assemble), so that a user "joe " would come in as "joe". What can be told
 * from the line is refused: more blanks, bytes that must have been escaped.
 *
 * The reply is `ID OK|ERR key=value ...`; a value without quotes is unescaped by
 * rfc1738_unescape(), for which %00 is no escape.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"
#include "common/text.h"

#define SQUID_LINE 16384   /* bytes of a line that is taken, without the newline */
#define SQUID_ID 20        /* digits */
#define SQUID_MESSAGE 1024 /* bytes of message= before URL escaping; more is cut */
#define SQUID_REPLY 4096   /* bytes that no reply line exceeds */

struct squid_query {
	struct str id; /* digits; STR_NONE when the line has none: concurrency= is missing */
	struct str host, port, method, source;
	struct str login; /* STR_NONE: nobody logged in */
};

/* The channel-ID that a line begins with, STR_NONE when it begins otherwise. */
struct str squid_id(struct str line);

/*
 * Read a line (without newline), unescaping in place: the query points into it. -EINVAL with
 * *ret_why (static); ret->id is set all the same when the line has one.
 */
int squid_parse(char *line, size_t n, struct squid_query *ret, const char **ret_why);

/* The request to policyd, with its newline: net:connect:tcp to the host (or address) and port. */
void squid_request(struct text *t, uint64_t number, const struct squid_query *q, struct str client);

/* `ID OK log=...` or `ID ERR message=... log=...`, with its newline. event_id may be STR_NONE. */
void
squid_reply(struct text *t, struct str id, bool allow, struct str message, struct str event_id);
