/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/reply.h"

#include <stdarg.h>
#include <stdio.h>

#define REPLY_ERROR_MAX 4096

void
reply_open(struct text *t, struct str id)
{
	text_put(t, STR("{\"id\":"));
	text_put(t, str_given(id) ? id : STR("null"));
}

void
reply_key(struct text *t, const char *key)
{
	text_put(t, STR(",\""));
	text_put(t, str_from(key));
	text_put(t, STR("\":"));
}

void
reply_member(struct text *t, const char *key, struct str value)
{
	if (!str_given(value))
		return;
	reply_key(t, key);
	text_json(t, value);
}

void
reply_close(struct text *t)
{
	text_put(t, STR("}\n"));
}

void
reply_error(struct text *t, struct str id, struct str what, size_t at)
{
	reply_open(t, id);
	reply_member(t, "error", what);
	if (at != REPLY_NO_PLACE) {
		reply_key(t, "at");
		text_u64(t, at);
	}
	reply_close(t);
}

void
reply_send_error(struct conn *c, struct str id, struct str what, size_t at)
{
	char buf[REPLY_ERROR_MAX];
	struct text t = text_over(buf, sizeof(buf));

	reply_error(&t, id, what, at);
	/* Only a very long id makes it too long: then without. */
	if (!text_ok(&t)) {
		t = text_over(buf, sizeof(buf));
		reply_error(&t, STR_NONE, what, at);
	}
	conn_reply(c, text_str(&t));
}

void
reply_to_fault(struct conn *c, const char *fmt, ...)
{
	char what[160], buf[REPLY_ERROR_MAX];
	struct text t = text_over(buf, sizeof(buf));
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	reply_error(&t, STR_NONE, str_from(what), REPLY_NO_PLACE);
	conn_notice(c, text_str(&t));
}
