/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes: the example of Go's sumdb/note, whose form C2SP took over; a checkpoint of a public
 * log with its witnesses' cosignatures; and everything that is not a note.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base64.h"
#include "proto/note.h"

#define DASH "\xe2\x80\x94 "

static struct hash *sum;

static struct note_key
key_of(const char *text)
{
	struct note_key k;

	assert_int_equal(note_key_get(str_from(text), sum, &k), 0);
	return k;
}

static struct note
parsed(const char *text)
{
	struct note n;
	const char *why;
	size_t at;

	assert_int_equal(note_parse(str_from(text), &n, &why, &at), 0);
	return n;
}

/* --- the published example ------------------------------------------------------------------- */

#define NEUMANN_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define NEUMANN_SEED "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM="
#define NEUMANN_TEXT                                                 \
	"If you think cryptography is the answer to your problem,\n" \
	"then you don't know what your problem is.\n"
#define NEUMANN_LINE                                                                             \
	DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf" \
	     "qdngotpRZb6KE6RyyBwJnAM=\n"

static void
published_note(void **state)
{
	struct note n = parsed(NEUMANN_TEXT "\n" NEUMANN_LINE);
	struct note_key k = key_of(NEUMANN_KEY);

	(void)state;
	assert_true(str_eq(n.text, STR(NEUMANN_TEXT)));
	assert_int_equal(n.n, 1);
	assert_true(str_eq(n.signatures[0].name, STR("PeterNeumann")));
	assert_memory_equal(n.signatures[0].id, "\xc7\x4f\x20\xa3", NOTE_ID);
	assert_int_equal(n.signatures[0].n, ED25519_SIGNATURE);
	assert_int_equal(n.signatures[0].at, sizeof(NEUMANN_TEXT));
	assert_int_equal(note_verify(&n, &k), 0);
}

/* The same note made by us, byte for byte, and the key's text from what is in it. */
static void
published_note_made(void **state)
{
	uint8_t seed[ED25519_SEED], signature[ED25519_SIGNATURE];
	struct note_key k = {.name = STR("PeterNeumann"), .algorithm = NOTE_ED25519};
	char buf[512];
	struct text t = text_over(buf, sizeof(buf));

	(void)state;
	assert_int_equal(base64_get(STR(NEUMANN_SEED), seed, sizeof(seed)), 0);
	assert_int_equal(ed25519_public(seed, k.key), 0);
	note_key_identify(&k, sum);
	note_key_put(&t, &k);
	assert_true(str_eq(text_str(&t), STR(NEUMANN_KEY)));

	t.n = 0;
	text_put(&t, STR(NEUMANN_TEXT));
	assert_int_equal(ed25519_sign(seed, text_str(&t), signature), 0);
	note_sign_put(&t, &k, signature);
	assert_true(str_eq(text_str(&t), STR(NEUMANN_TEXT "\n" NEUMANN_LINE)));
}

/* --- a public log's checkpoint --------------------------------------------------------------- */

#define CHECKPOINT_TEXT                             \
	"arche2025h1.staging.ct.transparency.dev\n" \
	"1432088532\n"                              \
	"U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n"
#define CHECKPOINT                                                                              \
	CHECKPOINT_TEXT                                                                         \
	"\n" DASH                                                                               \
	"arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX"   \
	"6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n" DASH      \
	"arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefw"   \
	"hUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n" DASH                              \
	"transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/"   \
	"KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==\n" DASH               \
	"witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH"  \
	"+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n" DASH                              \
	"remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCI"  \
	"obWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n" DASH                                            \
	"witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvV" \
	"r+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n"
#define CHECKPOINT_TIME 0x6a122120

static const char *const witnesses[] = {
    ("transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPd"
     "iVEPM"),
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
};

static void
published_cosignatures(void **state)
{
	struct note n = parsed(CHECKPOINT);
	struct note_key log = key_of(
	    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM"
	    "+dJ472xgFYh15f");

	(void)state;
	assert_true(str_eq(n.text, STR(CHECKPOINT_TEXT)));
	assert_int_equal(n.n, 6);
	assert_int_equal(note_verify(&n, &log), 0);
	for (size_t i = 0; i < ARRAY_SIZE(witnesses); i++) {
		struct note_key k = key_of(witnesses[i]);
		uint64_t time = 0;

		assert_int_equal(k.algorithm, NOTE_COSIGNATURE);
		assert_int_equal(note_verify_cosignature(&n, &k, &time), 0);
		assert_int_equal(time, CHECKPOINT_TIME);
		assert_int_equal(note_verify(&n, &k), -EINVAL);
	}
	assert_int_equal(note_verify_cosignature(&n, &log, &(uint64_t){0}), -EINVAL);
}

/* --- verifying ------------------------------------------------------------------------------- */

static struct note_key
test_key(uint8_t algorithm, uint8_t seed[ED25519_SEED], int which)
{
	struct note_key k = {.name = STR("test.example/log"), .algorithm = algorithm};

	memset(seed, which, ED25519_SEED);
	assert_int_equal(ed25519_public(seed, k.key), 0);
	note_key_identify(&k, sum);
	return k;
}

static void
signatures_of_others(void **state)
{
	struct note n = parsed(NEUMANN_TEXT "\n" NEUMANN_LINE);
	struct note_key k = key_of(NEUMANN_KEY);

	(void)state;
	/* Another name or another id: not by this key, whatever the bytes are. */
	k.name = STR("PeterNeumanN");
	assert_int_equal(note_verify(&n, &k), -ENOENT);
	k.name = STR("PeterNeumann");
	k.id[3] ^= 1;
	assert_int_equal(note_verify(&n, &k), -ENOENT);
	k.id[3] ^= 1;
	/* Both as expected, and another key. */
	k.key[0] ^= 1;
	assert_int_equal(note_verify(&n, &k), -EBADMSG);
	k.key[0] ^= 1;
	n.signatures[0].n--;
	assert_int_equal(note_verify(&n, &k), -EBADMSG);
	n.signatures[0].n++;
	n.signatures[0].blob[63] ^= 1;
	assert_int_equal(note_verify(&n, &k), -EBADMSG);
	n.signatures[0].blob[63] ^= 1;
	assert_int_equal(note_verify(&n, &k), 0);
	n.text.n--;
	assert_int_equal(note_verify(&n, &k), -EBADMSG);
}

/* A second signature by the same key must be good as well, wherever it stands. */
static void
twice_by_one_key(void **state)
{
	struct note n = parsed(NEUMANN_TEXT "\n" NEUMANN_LINE NEUMANN_LINE);
	struct note_key k = key_of(NEUMANN_KEY);

	(void)state;
	assert_int_equal(note_verify(&n, &k), 0);
	for (size_t i = 0; i < 2; i++) {
		n.signatures[i].blob[0] ^= 1;
		assert_int_equal(note_verify(&n, &k), -EBADMSG);
		n.signatures[i].blob[0] ^= 1;
	}
}

/* A note of `text` with cosignatures at these times. */
static size_t
cosigned(
    char *buf, size_t cap, struct str text, const uint64_t *times, size_t n, struct note_key *ret)
{
	static char message[2 * NOTE_COSIGNED];
	uint8_t seed[ED25519_SEED], blob[NOTE_ID + 8 + ED25519_SIGNATURE];
	struct text t = text_over(buf, cap);

	*ret = test_key(NOTE_COSIGNATURE, seed, 9);
	text_put(&t, text);
	text_char(&t, '\n');
	memcpy(blob, ret->id, NOTE_ID);
	for (size_t i = 0; i < n; i++) {
		struct text m = text_over(message, sizeof(message));

		text_put(&m, STR("cosignature/v1\ntime "));
		text_u64(&m, times[i]);
		text_char(&m, '\n');
		text_put(&m, text);
		for (unsigned b = 0; b < 8; b++)
			blob[NOTE_ID + b] = (uint8_t)(times[i] >> (56 - 8 * b));
		assert_int_equal(ed25519_sign(seed, text_str(&m), blob + NOTE_ID + 8), 0);
		text_put(&t, STR(DASH "test.example/log "));
		base64_put(&t, blob, sizeof(blob));
		text_char(&t, '\n');
	}
	assert_true(text_ok(&t));
	return t.n;
}

static void
cosignatures_of_ours(void **state)
{
	static char buf[2 * NOTE_COSIGNED];
	static char text[NOTE_COSIGNED + 2];
	const uint64_t times[] = {1700000001, 1700000000, 0x7fffffffffffffff};
	const uint64_t late[] = {UINT64_C(1) << 63};
	struct note_key k, other;
	struct note n;
	const char *why;
	size_t at, size;
	uint64_t time = 0;

	(void)state;
	size = cosigned(buf, sizeof(buf), STR("x\n"), times, 3, &k);
	assert_int_equal(note_parse((struct str){buf, size}, &n, &why, &at), 0);
	assert_int_equal(note_verify_cosignature(&n, &k, &time), 0);
	assert_int_equal(time, 1700000000);
	other = k;
	other.id[0] ^= 1;
	assert_int_equal(note_verify_cosignature(&n, &other, &time), -ENOENT);
	/* The time is signed, too. */
	n.signatures[1].blob[7] ^= 1;
	assert_int_equal(note_verify_cosignature(&n, &k, &time), -EBADMSG);
	n.signatures[1].blob[7] ^= 1;
	n.signatures[1].n = ED25519_SIGNATURE;
	assert_int_equal(note_verify_cosignature(&n, &k, &time), -EBADMSG);

	size = cosigned(buf, sizeof(buf), STR("x\n"), late, 1, &k);
	assert_int_equal(note_parse((struct str){buf, size}, &n, &why, &at), 0);
	assert_int_equal(note_verify_cosignature(&n, &k, &time), -EBADMSG);

	memset(text, 'x', sizeof(text));
	text[NOTE_COSIGNED - 1] = '\n';
	size = cosigned(buf, sizeof(buf), (struct str){text, NOTE_COSIGNED}, times, 1, &k);
	assert_int_equal(note_parse((struct str){buf, size}, &n, &why, &at), 0);
	assert_int_equal(note_verify_cosignature(&n, &k, &time), 0);
	text[NOTE_COSIGNED - 1] = 'x';
	text[NOTE_COSIGNED] = '\n';
	size = cosigned(buf, sizeof(buf), (struct str){text, NOTE_COSIGNED + 1}, times, 1, &k);
	assert_int_equal(note_parse((struct str){buf, size}, &n, &why, &at), 0);
	assert_int_equal(note_verify_cosignature(&n, &k, &time), -EMSGSIZE);
}

/* --- names and keys -------------------------------------------------------------------------- */

#define X16 "xxxxxxxxxxxxxxxx"
#define X128 X16 X16 X16 X16 X16 X16 X16 X16

static void
names(void **state)
{
	static const char *const good[] = {"a", "example.com/log", "gr\xc3\xbc\xc3\x9f.example",
	    "transparency.dev/DEV:witness", "\xf0\x9f\x94\x91", "a-b_c@d:e=f", X128};
	static const char *const bad[] = {"", "a b", "a\tb", "a\nb", "a+b", "+", " ", "a\x7f",
	    "\x01", X128 "x", "\xff", "a\xc3", "\xed\xa0\x80", /* not UTF-8 */
	    "a\xc2\x85", "a\xc2\xa0", "a\xe1\x9a\x80", "a\xe2\x80\x80", "a\xe2\x80\x8a",
	    "a\xe2\x80\xa8", "a\xe2\x80\xa9", "a\xe2\x80\xaf", "a\xe2\x81\x9f", "a\xe3\x80\x80"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(note_name_ok(str_from(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(note_name_ok(str_from(bad[i])));
	assert_false(note_name_ok((struct str){"a\0b", 3}));
	assert_false(note_name_ok(STR_NONE));
}

static void
keys_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "+",
	    "++",
	    "PeterNeumann",
	    "PeterNeumann+c74f20a3",
	    "PeterNeumann+c74f20a3+",
	    "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    /* the id: of another name, in capitals, too short, too long */
	    "PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+0c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    /* the key: another, shorter, with white space, with a newline */
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAAAA",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
	    "PeterNeumann+c74f20a3+ ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    /* the name */
	    "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	};
	struct note_key k = {.algorithm = 0x7f};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(note_key_get(str_from(bad[i]), sum, &k), -EINVAL);
	assert_int_equal(note_key_get(STR_NONE, sum, &k), -EINVAL);
	assert_int_equal(k.algorithm, 0x7f);
}

/* Ids fit, algorithms that we do not know. */
static void
algorithms(void **state)
{
	uint8_t seed[ED25519_SEED];
	char buf[NOTE_VKEY];

	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		struct note_key k = test_key((uint8_t)a, seed, 3), back;
		struct text t = text_over(buf, sizeof(buf));
		int error;

		note_key_put(&t, &k);
		assert_true(text_ok(&t));
		error = note_key_get(text_str(&t), sum, &back);
		if (a != NOTE_ED25519 && a != NOTE_COSIGNATURE) {
			assert_int_equal(error, -EINVAL);
			continue;
		}
		assert_int_equal(error, 0);
		assert_true(str_eq(back.name, k.name));
		assert_int_equal(back.algorithm, a);
		assert_memory_equal(back.key, k.key, sizeof(k.key));
		assert_memory_equal(back.id, k.id, sizeof(k.id));
	}
}

static void
longest_key(void **state)
{
	struct note_key k = {.name = STR(X128), .algorithm = NOTE_ED25519}, back;
	char buf[NOTE_VKEY];
	struct text t = text_over(buf, sizeof(buf));

	(void)state;
	note_key_identify(&k, sum);
	note_key_put(&t, &k);
	assert_true(text_ok(&t));
	assert_int_equal(t.n, NOTE_VKEY);
	assert_int_equal(note_key_get(text_str(&t), sum, &back), 0);
}

/* --- what is no note ------------------------------------------------------------------------- */

#define LINE DASH "a AAAAAAA=\n"
#define LINES4 LINE LINE LINE LINE
#define LINES16 LINES4 LINES4 LINES4 LINES4

static void
notes_refused(void **state)
{
	const struct {
		struct str s;
		size_t at;
		const char *why;
	} cases[] = {
	    {STR(""), 0, "does not end"},
	    {STR_NONE, 0, "does not end"},
	    {STR("text"), 4, "does not end"},
	    {STR("\n"), 1, "no empty line"},
	    {STR("text\n"), 5, "no empty line"},
	    {STR("text\n" LINE), 20, "no empty line"},
	    {STR("\n" LINE), 16, "no empty line"},
	    {STR("text\n\n"), 6, "no signature"},
	    {STR("text\n\n" LINE "\n"), 22, "no signature"},
	    {STR("text\n\n" DASH "a AAAAAAA="), 20, "does not end"},
	    {STR("xy\xffxt\n\n" LINE), 2, "a control"},
	    {STR("xy\xc0\xaft\n\n" LINE), 2, "a control"},
	    {STR("xy\0xt\n\n" LINE), 2, "a control"},
	    {STR("xy\txt\n\n" LINE), 2, "a control"},
	    {STR("text\r\n\r\n" LINE), 4, "a control"},
	    {STR("text\n\n" LINE "\x1b[2J\n"), 21, "a control"},
	    {STR("text\n\nmore\n"), 6, "not a signature line"},
	    {STR("text\n\n" LINE "more\n"), 21, "not a signature line"},
	    {STR("text\n\n- a AAAAAAA=\n"), 6, "not a signature line"},
	    {STR("text\n\n\xe2\x80\x93 a AAAAAAA=\n"), 6, "not a signature line"},
	    {STR("text\n\n\xe2\x80\x94"
		 "a AAAAAAA=\n"),
		6, "not a signature line"},
	    {STR("text\n\n " LINE), 6, "not a signature line"},
	    {STR("text\n\n" DASH "aAAAAAAA=\n"), 6, "a signature line without a proper name"},
	    {STR("text\n\n" DASH " AAAAAAA=\n"), 6, "a signature line without a proper name"},
	    {STR("text\n\n" DASH "\n"), 6, "a signature line without a proper name"},
	    {STR("text\n\n" DASH "a+b AAAAAAA=\n"), 6, "a signature line without a proper name"},
	    {STR("text\n\n" DASH "a\xc2\xa0 AAAAAAA=\n"), 6, "a signature line without a proper"},
	    {STR("text\n\n" DASH X128 "x AAAAAAA=\n"), 6, "a signature line without a proper name"},
	    {STR("text\n\n" DASH "a \n"), 6, "a signature that is not"},
	    {STR("text\n\n" DASH "a  AAAAAAA=\n"), 6, "a signature that is not"},
	    {STR("text\n\n" DASH "a AAAAAAA= \n"), 6, "a signature that is not"},
	    {STR("text\n\n" DASH "a AAAAAAA\n"), 6, "a signature that is not"},
	    {STR("text\n\n" DASH "a AAAAAA==\n"), 6, "a signature that is not"}, /* only an id */
	    {STR("text\n\n" DASH "a AAAA\n"), 6, "a signature that is not"},
	    {STR("text\n\n" DASH "a ====\n"), 6, "a signature that is not"},
	    {STR("text\n\n" DASH "a =\n"), 6, "a signature that is not"},
	    {STR("text\n\n" DASH "a AAAAAAB=\n"), 6, "a signature that is not"}, /* pad bits */
	    {STR("text\n\n" DASH "a AAAAAA-_\n"), 6, "a signature that is not"},
	    {STR("text\n\n" DASH "a AAA=AAA=\n"), 6, "a signature that is not"},
	    {STR("text\n\n" LINES16 LINE), 6 + 16 * 15, "more than 16"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = "";
		size_t at = SIZE_MAX;
		struct note n;

		assert_int_equal(note_parse(cases[i].s, &n, &why, &at), -EINVAL);
		if (at != cases[i].at || !str_starts(str_from(why), str_from(cases[i].why)))
			fail_msg("case %zu: %s at %zu", i, why, at);
	}
}

static void
notes_taken(void **state)
{
	struct note n;

	(void)state;
	n = parsed("text\n\n" LINES16);
	assert_int_equal(n.n, 16);
	/* Empty lines belong to the text, but for the last. */
	n = parsed("\ntext\n\n\nmore\n\n\n" LINE);
	assert_true(str_eq(n.text, STR("\ntext\n\n\nmore\n\n")));
	/* A text may look like a signature. */
	n = parsed(LINE "\n" LINE);
	assert_true(str_eq(n.text, STR(LINE)));
	assert_int_equal(n.n, 1);
	assert_int_equal(n.signatures[0].n, 1);
}

/* Signatures of keys that we do not know may be of any length (ML-DSA has 2,420 bytes): no trouble. */
static void
long_signatures(void **state)
{
	static uint8_t bytes[3000];
	static char buf[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t n = NOTE_ID + 1; n < sizeof(bytes); n += n < 200 ? 1 : 37) {
		struct text t = text_over(buf, sizeof(buf));
		size_t kept = n - NOTE_ID < NOTE_BLOB ? n - NOTE_ID : NOTE_BLOB;
		struct note note;
		const char *why;
		size_t at;

		text_put(&t, STR("text\n\n" DASH "a "));
		base64_put(&t, bytes, n);
		text_char(&t, '\n');
		assert_int_equal(note_parse(text_str(&t), &note, &why, &at), 0);
		assert_int_equal(note.signatures[0].n, n - NOTE_ID);
		assert_memory_equal(note.signatures[0].id, bytes, NOTE_ID);
		assert_memory_equal(note.signatures[0].blob, bytes + NOTE_ID, kept);
		/* Bad far behind what is kept is bad. */
		t.p[t.n - 6] = '!';
		assert_int_equal(note_parse(text_str(&t), &note, &why, &at), -EINVAL);
	}
}

static void
control_bytes_above_the_limit_pass(void **state)
{
	(void)state;
	/* C2SP forbids those below U+0020 only. */
	assert_true(str_eq(parsed("a\x7f\xc2\x85\n\n" LINE).text, STR("a\x7f\xc2\x85\n")));
}

static int
setup(void **state)
{
	(void)state;
	if (hash_init() < 0)
		return -1;
	sum = hash_new();
	return sum ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	hash_free(sum);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_note),
	    cmocka_unit_test(published_note_made),
	    cmocka_unit_test(published_cosignatures),
	    cmocka_unit_test(signatures_of_others),
	    cmocka_unit_test(twice_by_one_key),
	    cmocka_unit_test(cosignatures_of_ours),
	    cmocka_unit_test(names),
	    cmocka_unit_test(keys_refused),
	    cmocka_unit_test(algorithms),
	    cmocka_unit_test(longest_key),
	    cmocka_unit_test(notes_refused),
	    cmocka_unit_test(notes_taken),
	    cmocka_unit_test(long_signatures),
	    cmocka_unit_test(control_bytes_above_the_limit_pass),
	};

	return cmocka_run_group_tests_name("note", tests, setup, teardown);
}
