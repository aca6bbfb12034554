/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes and verifier keys, as strangers write them: checkpoints, cosignatures, keys to pin. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base64.h"
#include "proto/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hash *sum;

static void
must(bool what)
{
	if (!what)
		abort();
}

/* A key that is taken has one text. */
static void
check_key(struct str s)
{
	char buf[NOTE_VKEY];
	struct text t = text_over(buf, sizeof(buf));
	struct note_key k;

	if (note_key_get(s, sum, &k) < 0)
		return;
	note_key_put(&t, &k);
	must(text_ok(&t) && str_eq(text_str(&t), s));
}

/* The line that these parts make is the one they came from. */
static void
check_line(struct str line, const struct note_signature *s)
{
	char buf[512];
	uint8_t bytes[NOTE_ID + NOTE_BLOB];
	struct text t = text_over(buf, sizeof(buf));

	if (s->n > NOTE_BLOB)
		return;
	memcpy(bytes, s->id, NOTE_ID);
	memcpy(bytes + NOTE_ID, s->blob, s->n);
	text_put(&t, STR("\xe2\x80\x94 "));
	text_put(&t, s->name);
	text_char(&t, ' ');
	base64_put(&t, bytes, NOTE_ID + s->n);
	text_char(&t, '\n');
	must(text_ok(&t) && str_starts(line, text_str(&t)));
}

/* By whatever key: no signature in a random note is good, but checking must find its bounds. */
static void
check_signature(const struct note *n, const struct note_signature *s)
{
	struct note_key k = {.name = s->name, .algorithm = NOTE_ED25519};
	uint64_t time;

	memcpy(k.id, s->id, NOTE_ID);
	(void)note_verify(n, &k);
	k.algorithm = NOTE_COSIGNATURE;
	(void)note_verify_cosignature(n, &k, &time);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct note n;
	struct str all = {(const char *)data, size};
	const char *why = NULL;
	size_t at = 0;

	if (!sum && hash_init() == 0)
		sum = hash_new();
	must(sum);
	check_key(all);
	if (note_parse(all, &n, &why, &at) < 0) {
		must(why && at <= size);
		return 0;
	}
	must(n.n > 0 && n.n <= NOTE_SIGNATURES && utf8_valid(all));
	must(n.text.p == all.p && n.text.n > 0 && n.text.p[n.text.n - 1] == '\n');
	must(n.signatures[0].at == n.text.n + 1);
	for (size_t i = 0; i < n.n; i++) {
		must(note_name_ok(n.signatures[i].name) && n.signatures[i].n > 0);
		check_line(str_skip(all, n.signatures[i].at), &n.signatures[i]);
	}
	check_signature(&n, &n.signatures[n.n - 1]);
	return 0;
}
