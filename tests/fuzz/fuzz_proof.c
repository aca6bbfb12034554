/* SPDX-License-Identifier: Apache-2.0 */
/* A proof as anybody may have written it: its form, and then what it proves. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "auditlog/proof_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM (1u << 20)

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* What was read, written again, reads the same. */
static struct str
write_again(const struct proof_reader *r, char *buf)
{
	struct text t = text_over(buf, ROOM);
	uint32_t token = proof_first_seal(r);

	proof_put_head(&t, &r->proof);
	for (uint32_t i = 0; i < proof_seals(r); i++) {
		char note[SEAL_NOTE];
		size_t at;

		proof_put_seal(&t, proof_seal(r, &token, note, &at), i == 0);
		require(at < r->tape.text.n);
	}
	proof_put_end(&t);
	return text_ok(&t) ? text_str(&t) : STR_NONE;
}

static void
check(const struct proof_reader *r, struct proof_result *ret)
{
	static const struct trust nobody;
	static struct hash *h;

	if (!h)
		h = hash_init() < 0 ? NULL : hash_new();
	require(h && proof_check(r, &nobody, h, ret) == 0);
	require(!ret->pinned);
	if (ret->fault.kind != FAULT_NONE)
		require(ret->fault.what[0] != '\0' && ret->fault.offset <= r->tape.text.n);
	else
		require(ret->first <= r->proof.seal_index && r->proof.seal_index <= ret->last);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char buf[ROOM], twice_buf[ROOM];
	struct proof_reader r = {.seals = 0}, again = {.seals = 0};
	struct jscan_fault fault = {.at = 0};
	struct proof_result result = {.pinned = false}, same = {.pinned = false};
	struct str written;

	if (proof_get(&r, (struct str){(const char *)data, size}, &fault) < 0) {
		require(fault.what[0] != '\0' && fault.at <= size);
		proof_reader_free(&r);
		return 0;
	}
	check(&r, &result);
	written = write_again(&r, buf);
	if (str_given(written)) {
		require(proof_get(&again, written, &fault) == 0);
		require(str_eq(write_again(&again, twice_buf), written));
		check(&again, &same);
		require(same.fault.kind == result.fault.kind);
		proof_reader_free(&again);
	}
	proof_reader_free(&r);
	return 0;
}
