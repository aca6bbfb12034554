/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every limit of the product that is a contract or a default, in one place. Units are in the name
 * or in the comment. What is configurable names its key in sealwright.conf.
 */

/* The audit line (docs/FORMAT.md). Bytes, with the closing newline. */
#define LIMIT_LINE 8192
/* resource_id of a request that was too large to record is cut to this many bytes. */
#define LIMIT_RESOURCE_CUT 1024
/* Largest integer that every JSON reader keeps exact is below this. */
#define LIMIT_JSON_INT (INT64_C(1) << 53)

/* Frames between processes (proto/PROTOCOL.md). Bytes, with the header. */
#define LIMIT_FRAME 65536

/* Requests. */
#define LIMIT_REQUEST_LINE 65536 /* bytes, with the newline */
#define LIMIT_REQUEST_ID 128     /* bytes */
#define LIMIT_JSON_DEPTH 16      /* requests */
#define LIMIT_JSON_MEMBERS 64    /* members of one object that is recorded as given */
#define LIMIT_DOC_DEPTH 32       /* policies and configuration */
#define LIMIT_POLICY_BYTES (64u << 20)
#define LIMIT_DOC_VALUES (8u << 20) /* values and keys of one such document */

/* Short names: users, sandboxes, agents, clients, events, actors. Bytes. */
#define LIMIT_NAME 256
/* Canonical resources. Bytes. A path or a URL may be this long, a host name 253. */
#define LIMIT_RESOURCE 4096
#define LIMIT_GROUPS 64 /* groups of one subject */

/* One evaluator. */
#define LIMIT_UNACKED 4096 /* messages sent to the writer and not yet acknowledged */

/* Processes. */
#define LIMIT_EVALUATORS 64
#define LIMIT_WAITING_SEGMENTS 4
