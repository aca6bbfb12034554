/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals: the text alone, and a whole file. What is taken is what would be written. A fuzzer cannot
 * sign, so a file is also made from each text that is taken.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hash *sum;

static void
must(bool what)
{
	if (!what)
		abort();
}

/* Format and parse are one another's inverse. */
static void
check_text(struct str text, const struct seal *s)
{
	char buf[SEAL_TEXT];
	struct text t = text_over(buf, sizeof(buf));

	seal_format(&t, s, sum);
	must(text_ok(&t) && str_eq(text_str(&t), text));
	must(s->origin.p > text.p && s->boot_id.p + s->boot_id.n < text.p + text.n);
	must(s->records > 0 && s->last_seq - s->first_seq + 1 == s->records);
}

/* The same seal under a signature: by its own key it opens, by any other it does not. */
static void
check_file(const struct seal *parsed)
{
	static const uint8_t seed[ED25519_SEED] = {7};
	uint8_t signature[ED25519_SIGNATURE];
	char buf[SEAL_NOTE];
	struct text t = text_over(buf, sizeof(buf));
	struct seal s = *parsed, back;
	struct note_key key;
	struct str text = STR_NONE;
	const char *why;
	size_t at;

	must(ed25519_public(seed, s.key) == 0);
	seal_format(&t, &s, sum);
	must(ed25519_sign(seed, text_str(&t), signature) == 0);
	seal_key(&s, sum, &key);
	note_sign_put(&t, &key, signature);
	must(text_ok(&t) && seal_open(text_str(&t), sum, &back, &text, &why, &at) == 0);
	check_text(text, &back);
	t.p[t.n - 10] ^= 1;
	must(seal_open(text_str(&t), sum, &back, &text, &why, &at) < 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size}, text = STR_NONE;
	const char *why = NULL;
	struct seal s;
	size_t at = 0;
	int error;

	if (!sum && hash_init() == 0)
		sum = hash_new();
	must(sum);
	if (seal_parse(all, sum, &s, &why, &at) == 0) {
		check_text(all, &s);
		check_file(&s);
	} else {
		must(why && at <= size);
	}
	why = NULL;
	error = seal_open(all, sum, &s, &text, &why, &at);
	must(error == 0 || error == -EINVAL || error == -EBADMSG);
	if (error < 0)
		must(why && at <= size);
	/* The text of a file with a wrong signature is one all the same. */
	if (error == 0 || error == -EBADMSG)
		check_text(text, &s);
	return 0;
}
