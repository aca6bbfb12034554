/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Replies, the parts that every one has (proto/reply.schema.json, proto/admin.schema.json). All
 * write to a bounded text; a reply ends with a newline.
 */

#include <stdint.h>

#include "common/log.h"
#include "common/str.h"
#include "common/text.h"
#include "policyd/client/server.h"

#define REPLY_NO_PLACE SIZE_MAX

/* `{"id":ID`; id is the request's own JSON text, or STR_NONE: null. */
void reply_open(struct text *t, struct str id);
/* `,"KEY":"VALUE"`; nothing when value is STR_NONE. */
void reply_member(struct text *t, const char *key, struct str value);
/* `,"KEY":` */
void reply_key(struct text *t, const char *key);
/* `}` and the newline. */
void reply_close(struct text *t);

/* A whole reply `{"id":ID,"error":"WHAT","at":AT}`; no "at" for REPLY_NO_PLACE. */
void reply_error(struct text *t, struct str id, struct str what, size_t at);
/* Send that. */
void reply_send_error(struct conn *c, struct str id, struct str what, size_t at);
/* The same for input that has no request, from a format. */
void reply_to_fault(struct conn *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
