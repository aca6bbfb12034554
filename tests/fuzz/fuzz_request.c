/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger can send to an evaluator as one line, up to the bytes of the record. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/evaluator/details.h"
#include "policyd/evaluator/jvalue.h"
#include "policyd/evaluator/request.h"
#include "proto/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct request_reader reader;

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* What was accepted can be put on record, unless it is too long, and the writer will take it. */
static void
check_value(uint32_t token)
{
	static uint8_t buf[6000];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	if (token == 0)
		return;
	jvalue_put(&out, &reader.tape, token);
	if (wire_out_ok(&out))
		require(value_check_object(
			    (struct str){(const char *)buf, (size_t)(out.p - buf)}) == 0);
}

static void
check_details(uint32_t token)
{
	static const struct settings settings = {
	    .n_metadata = 2, .metadata = {{"a", "1"}, {"site", "lab"}}};
	static uint8_t buf[6000];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	event_put_details(&out, &settings, &reader.tape, token);
}

static void
check_attributes(const struct request *rq)
{
	struct request_attribute a;
	uint32_t iterator = 0;
	size_t n = 0;

	while (request_context_next(&reader, rq, &iterator, &a)) {
		require(str_given(a.key) && a.key.n <= VALUE_KEY);
		require(++n <= LIMIT_JSON_MEMBERS);
	}
}

static void
check_bounds(const struct request *rq)
{
	require(rq->id.n <= LIMIT_REQUEST_ID && rq->id_json.n <= 6 * LIMIT_REQUEST_ID + 2);
	require(rq->client_name.n <= LIMIT_NAME && rq->sandbox_id.n <= LIMIT_NAME);
	require(rq->agent.n <= LIMIT_NAME && rq->user.n <= LIMIT_NAME);
	require(rq->event.n <= LIMIT_NAME && rq->actor.n <= LIMIT_NAME);
	require(rq->error_class.n <= LIMIT_NAME && rq->n_groups <= LIMIT_GROUPS);
	require(rq->duration_ms < LIMIT_JSON_INT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request_fault fault = {0};
	struct request rq;

	if (size > LIMIT_REQUEST_LINE)
		return 0;
	if (request_parse(&reader, (struct str){(const char *)data, size}, &rq, &fault) < 0) {
		require(fault.what[0] != '\0' && fault.at <= size);
		check_bounds(&rq);
		return 0;
	}
	check_bounds(&rq);
	check_attributes(&rq);
	check_value(rq.context);
	check_value(rq.details);
	check_details(rq.details);
	return 0;
}
