/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint, alone or in a signed note, as anybody may have written it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "auditlog/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* What was taken has one text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str file = {(const char *)data, size}, text;
	char buf[CHECKPOINT_TEXT];
	struct text t = text_over(buf, sizeof(buf));
	struct checkpoint c;
	const char *why = NULL;
	size_t at = SIZE_MAX;

	if (checkpoint_open(file, &c, &text, &why, &at) < 0) {
		require(why != NULL && at <= size);
		return 0;
	}
	require(c.seals > 0 && seal_origin_ok(c.origin));
	checkpoint_format(&t, &c);
	require(text_ok(&t) && str_eq(text, text_str(&t)));
	return 0;
}
