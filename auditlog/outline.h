/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What kind of record it is, how much it matters and how it went: what formats of other programs ask for. */

#include <stdbool.h>

#include "proto/recordline.h"

enum outline_kind {
	OUTLINE_NETWORK,
	OUTLINE_SSH,
	OUTLINE_FILE,
	OUTLINE_MOUNT,
	OUTLINE_PROCESS,
	OUTLINE_HTTP,
	OUTLINE_TOOL,
	OUTLINE_UNKNOWN, /* a request that was not understood */
	OUTLINE_EXECUTION,
	OUTLINE_EVENT,
	OUTLINE_POLICY,
	OUTLINE_SESSION,
	OUTLINE_MANAGEMENT,
	OUTLINE_OTHER, /* of no kind that is known here */
	OUTLINE_KINDS
};

enum outline_severity {
	SEVERITY_DEBUG,
	SEVERITY_INFO,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITIES
};

enum outline_outcome {
	OUTCOME_NONE, /* it is no question of that */
	OUTCOME_ALLOWED,
	OUTCOME_DENIED,
	OUTCOME_SUCCEEDED,
	OUTCOME_FAILED,
};

struct outline {
	enum outline_kind kind;
	enum outline_severity severity;
	enum outline_outcome outcome;
};

struct outline outline_of(const struct recordline *r);

/* The parts of a resource that is HOST:PORT: a name, an address, or [an IPv6 address]. False: it is none. */
struct outline_host {
	struct str name; /* without brackets */
	unsigned port;   /* up to 65535 */
	bool address;    /* the name is an IP address */
};
bool outline_host(const struct recordline *r, struct outline_host *ret);

/* Those of a resource that is http://HOST[:PORT]... or https://. False: it is none. */
struct outline_url {
	struct str scheme;
	struct outline_host host; /* port: the scheme's own when there is none */
};
bool outline_url(const struct recordline *r, struct outline_url *ret);

/* The time in us since 1970. False: there is none. */
bool outline_us(const struct recordline *r, int64_t *ret);
/* In milliseconds. False: there is none from 1970 on. */
bool outline_ms(const struct recordline *r, int64_t *ret);
