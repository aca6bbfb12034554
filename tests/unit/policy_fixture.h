/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of policy/ share: from a document's text to an open image and to verdicts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/policy.h"

#define NOON INT64_C(1795262400000000) /* 2026-11-21T12:00:00Z, a Saturday */

struct fixture {
	uint8_t *bytes;
	size_t size;
	struct policy_image image;
};

/* Compile one text (its own tests are run); 0 or what policy_compile() returned. */
int fixture_try(struct fixture *f, const char *json, struct policy_report *report);
/* The same; complaints are printed and fail the test. */
void fixture_open(struct fixture *f, const char *json);
void fixture_close(struct fixture *f);

/* A document of one policy whose head is e.g. "\"mode\":\"warn\"," and of these rules. */
const char *fixture_document(const char *policy_head, const char *rules);

struct policy_verdict fixture_ask(const struct fixture *f, const char *action, const char *resource,
    const struct policy_subject *subject, int64_t now);
/* The answer for nobody in particular, at NOON. */
bool fixture_allows(const struct fixture *f, const char *action, const char *resource);

void assert_str(struct str got, const char *want);
