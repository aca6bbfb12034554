/* SPDX-License-Identifier: Apache-2.0 */
/* What Squid, or whoever has its pipe, can send to its helper: to the request, and to the reply. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/jscan.h"
#include "common/limits.h"
#include "policyctl/squid_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A request is one line of JSON, whatever the values were, and names one action and one resource. */
static void
check_request(const struct squid_query *q)
{
	static char buf[LIMIT_REQUEST_LINE];
	static struct jscan_token tokens[64];
	const struct jscan_rules rules = {.max_depth = 2, .max_members = 8, .max_tokens = 64};
	struct jscan_tape tape = {.tokens = tokens, .cap = ARRAY_SIZE(tokens)};
	struct text t = text_over(buf, sizeof(buf));
	struct jscan_fault fault;
	uint32_t resource;

	squid_request(&t, 1, q, STR("squid"));
	if (!text_ok(&t) || memchr(buf, '\n', t.n) != buf + t.n - 1)
		abort();
	if (jscan((struct str){buf, t.n - 1}, &rules, &tape, &fault) != 0)
		abort();
	resource = jscan_member(&tape, 0, STR("resource"));
	if (resource == 0 || tokens[resource].n < 4 ||
	    memcmp(buf + tokens[resource].at, "net:", 4) != 0)
		abort();
}

/* A reply is one line that Squid cannot read as anything but this result. */
static void
check_reply(struct str id, bool allow, struct str message)
{
	char buf[SQUID_REPLY];
	struct text t = text_over(buf, sizeof(buf));
	size_t word = str_given(id) ? id.n + 1 : 0;

	squid_reply(&t, id, allow, message, message);
	if (!text_ok(&t) || memchr(buf, '\n', t.n) != buf + t.n - 1)
		abort();
	if (memcmp(buf + word, allow ? "OK " : "ERR", 3) != 0)
		abort();
	for (size_t i = 0; i + 1 < t.n; i++)
		if (buf[i] < ' ' || buf[i] > '~' || buf[i] == '"' || buf[i] == '\\')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[SQUID_LINE];
	struct str message = {(const char *)data, size};
	struct squid_query q;
	const char *why = NULL;

	if (size > sizeof(line) || memchr(data, '\n', size))
		return 0;
	memcpy(line, data, size);
	if (squid_parse(line, size, &q, &why) == 0)
		check_request(&q);
	else if (!why)
		abort();
	check_reply(q.id, false, message);
	check_reply(q.id, true, message);
	return 0;
}
