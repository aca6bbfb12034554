/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A request line, read by the strict scanner alone into fixed memory (proto/request.schema.json).
 * Every member that is known is checked for type and length, whatever the op; members that are not
 * known are ignored. No I/O, no allocation.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/jscan.h"
#include "common/limits.h"
#include "common/str.h"
#include "proto/record.h"
#include "proto/value.h"

#define REQUEST_TOKENS 4096
/* What the nested part of a request may hold: inside a payload, and as details. */
#define REQUEST_CONTEXT_DEPTH (VALUE_DEPTH - 1)
#define REQUEST_DETAILS_DEPTH VALUE_DEPTH

enum request_op {
	REQUEST_EVALUATE,
	REQUEST_EMIT,
	REQUEST_OUTCOME,
	REQUEST_PING,
	REQUEST_NO_OP, /* op is there but names none */
};

/* Strings are unescaped; they lie in the line or in the reader. STR_NONE, 0: not given. */
struct request {
	enum request_op op;
	struct str id_json; /* as written, for the reply */
	struct str id;      /* as a string, for the record */

	/* evaluate */
	struct str action, resource;
	bool has_subject;
	struct str user, email;
	uint16_t n_groups;
	struct str groups[LIMIT_GROUPS];
	uint32_t context; /* token of an object; 0: none */

	struct str client_name, sandbox_id, agent;

	/* emit */
	struct str event, actor;
	enum record_level level; /* LEVEL_INFO when not given */
	uint32_t details;        /* token of an object; 0: none */

	/* outcome */
	struct str evaluation_id;
	bool has_success, success;
	bool has_duration;
	int64_t duration_ms;
	struct str error_class;

	size_t action_at, resource_at; /* where the values stand in the line */
};

/* The first fault. what needs no freeing and holds no byte of the request. */
struct request_fault {
	bool json; /* the line is not JSON, or over a limit of the scanner */
	size_t at;
	char what[160];
};

/* Memory of one request at a time; large. */
struct request_reader {
	struct jscan_tape tape;
	struct jscan_token tokens[REQUEST_TOKENS];
	size_t used;
	char strings[LIMIT_REQUEST_LINE]; /* unescaped strings; never more than the line's bytes */
};

/*
 * 0, or -EINVAL with *ret_fault. Even then *ret holds what could be read: id, and action and
 * resource when both are given as strings (action may be over LIMIT_NAME then). line must stay as
 * long as *ret is used, and is at most LIMIT_REQUEST_LINE.
 */
int request_parse(struct request_reader *reader, struct str line, struct request *ret,
    struct request_fault *ret_fault);

/* An attribute for conditions. */
struct request_attribute {
	struct str key, value;
};

/*
 * The member of the context after the one at *iterator (0 at first): its key and, when it is a
 * string, number or boolean, its value as text; else STR_NONE. False at the end.
 */
bool request_context_next(struct request_reader *reader, const struct request *r,
    uint32_t *iterator, struct request_attribute *ret);
