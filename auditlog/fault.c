/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/fault.h"

#include <stdio.h>

#include "common/hash.h"
#include "common/text.h"

void
fault_set(struct fault *f, enum fault_kind kind, const char *file, const char *fmt, ...)
{
	va_list args;

	*f = (struct fault){.kind = kind};
	(void)snprintf(f->file, sizeof(f->file), "%s", file);
	va_start(args, fmt);
	(void)vsnprintf(f->what, sizeof(f->what), fmt, args);
	va_end(args);
}

void
fault_io(struct fault *f, const char *file, const char *what, int error)
{
	fault_set(f, FAULT_IO, file, "%s: %s", what, strerrordesc_np(-error));
}

void
fault_at(struct fault *f, uint64_t line, uint64_t offset)
{
	f->line = line;
	f->offset = offset;
}

static void
fault_copy(char out[FAULT_TEXT], struct str s)
{
	size_t n = s.n < FAULT_TEXT - 1 ? s.n : FAULT_TEXT - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

void
fault_expect(struct fault *f, struct str expected, struct str found)
{
	fault_copy(f->expected, expected);
	fault_copy(f->found, found);
}

static void
fault_hex(char out[FAULT_TEXT], const uint8_t *hash)
{
	struct text t = text_over(out, FAULT_TEXT - 1);

	text_hex(&t, hash, HASH_SIZE);
	out[t.n] = '\0';
}

void
fault_expect_hash(struct fault *f, const uint8_t *expected, const uint8_t *found)
{
	fault_hex(f->expected, expected);
	fault_hex(f->found, found);
}

void
fault_expect_number(struct fault *f, uint64_t expected, uint64_t found)
{
	(void)snprintf(f->expected, sizeof(f->expected), "%llu", (unsigned long long)expected);
	(void)snprintf(f->found, sizeof(f->found), "%llu", (unsigned long long)found);
}
