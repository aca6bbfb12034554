/* SPDX-License-Identifier: Apache-2.0 */

/* The form of a proof; what it proves is tested in test_proof_check.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "auditlog/proof.h"
#include "common/cleanup.h"

#define ID "01234567-89ab-8cde-8000-000000000007"
#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEAD "{\"type\":\"sealwright-proof/v1\",\"origin\":\"a/b\",\"event_id\":\"" ID "\","
#define RECORD "\"record\":\"{\\\"a\\\":\\\"\xc3\xbc\\\\u2028\\\"}\\n\",\"leaf_index\":2,"
#define PATH "\"path\":[\"" HEX "\"],\"seal_index\":1,"
#define SEALS "\"seals\":[\"zero\\n\\n\xe2\x80\x94 s\\n\",\"one\"]}"
#define TEXT HEAD RECORD PATH SEALS "\n"

static struct str
seal_at(const struct proof_reader *r, uint32_t n, char buf[SEAL_NOTE])
{
	uint32_t token = proof_first_seal(r);
	struct str note = STR_NONE;
	size_t at;

	for (uint32_t i = 0; i <= n; i++)
		note = proof_seal(r, &token, buf, &at);
	return note;
}

static void
test_put(void **state)
{
	struct proof p = {
	    .origin = STR("a/b"),
	    .event_id = STR(ID),
	    .record = STR("{\"a\":\"\xc3\xbc\\u2028\"}\n"),
	    .leaf_index = 2,
	    .n_path = 1,
	    .seal_index = 1,
	};
	static char buf[PROOF_HEAD + 2 * PROOF_SEAL];
	struct text t = text_over(buf, sizeof(buf));

	(void)state;
	for (uint8_t i = 0; i < HASH_SIZE; i++)
		p.path[0][i] = i;
	proof_put_head(&t, &p);
	proof_put_seal(&t, STR("zero\n\n\xe2\x80\x94 s\n"), true);
	proof_put_seal(&t, STR("one"), false);
	proof_put_end(&t);
	assert_true(text_ok(&t));
	assert_int_equal(t.n, sizeof(TEXT) - 1);
	assert_memory_equal(buf, TEXT, t.n);
}

static void
test_get(void **state)
{
	struct proof_reader r = {0};
	struct jscan_fault fault;
	char buf[SEAL_NOTE];

	(void)state;
	if (proof_get(&r, STR(TEXT), &fault) < 0)
		fail_msg("%zu: %s", fault.at, fault.what);
	assert_true(str_eq(r.proof.origin, STR("a/b")));
	assert_true(str_eq(r.proof.event_id, STR(ID)));
	assert_true(str_eq(r.proof.record, STR("{\"a\":\"\xc3\xbc\\u2028\"}\n")));
	assert_int_equal(r.proof.leaf_index, 2);
	assert_int_equal(r.proof.seal_index, 1);
	assert_int_equal(r.proof.n_path, 1);
	for (uint8_t i = 0; i < HASH_SIZE; i++)
		assert_int_equal(r.proof.path[0][i], i);
	assert_int_equal(proof_seals(&r), 2);
	assert_true(str_eq(seal_at(&r, 0, buf), STR("zero\n\n\xe2\x80\x94 s\n")));
	assert_true(str_eq(seal_at(&r, 1, buf), STR("one")));
	proof_reader_free(&r);
}

/* White space and escapes are free. */
static void
test_spaces(void **state)
{
	static const char text[] =
	    " { \"type\" : \"sealwright\\u002dproof/v1\" "
	    ",\n\"origin\":\"a\\/b\",\t\"event_id\":\"" ID "\", " RECORD
	    "\"path\":[ ] ,\"seal_index\": 1,\"seals\":[ \"o\\u006ee\" ]}\r\n\n";
	struct proof_reader r = {0};
	struct jscan_fault fault;
	char buf[SEAL_NOTE];

	(void)state;
	assert_int_equal(proof_get(&r, STR(text), &fault), 0);
	assert_true(str_eq(r.proof.origin, STR("a/b")));
	assert_int_equal(r.proof.n_path, 0);
	assert_true(str_eq(seal_at(&r, 0, buf), STR("one")));
	proof_reader_free(&r);
}

#define N1 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define N4 N1 N1 N1 N1

static const struct {
	const char *text;
	const char *what;
	size_t at;
} refused[] = {
    {"", "value", 0},
    {"[]", "proof: not a JSON object", 0},
    {"{}", "type: this member is expected here", 0},
    {"{\"type\":\"sealwright-proof/v1\"}", "origin: this member is expected here", 0},
    {"{\"origin\":\"a\"}", "type: this member is expected here", 2},
    {"{\"type\":1}", "type: not of type string", 8},
    {"{\"type\":\"sealwright-proof/v2\",\"origin\":\"a/b\",\"event_id\":\"" ID
     "\"," RECORD PATH SEALS,
	"type: not \"sealwright-proof/v1\"", 9},
    {HEAD PATH RECORD SEALS, "record: this member is expected here", sizeof(HEAD)},
    {HEAD RECORD PATH "\"seals\":[\"one\"],\"more\":1}", "proof: a member that no proof has",
	sizeof(HEAD RECORD PATH "\"seals\":[\"one\"],")},
    {HEAD RECORD PATH "\"seals\":[\"one\"]} {}", "expected the end", sizeof(HEAD RECORD PATH) + 16},
    {HEAD RECORD PATH "\"seals\":[]}", "seals: none", sizeof(HEAD RECORD PATH) + 7},
    {HEAD RECORD PATH "\"seals\":[1]}", "seals: not a string", sizeof(HEAD RECORD PATH) + 8},
    {HEAD RECORD PATH "\"seals\":[\"one\",1]}", "seals: not a string",
	sizeof(HEAD RECORD PATH) + 14},
    {HEAD RECORD PATH "\"seals\":[[]]}", "nested deeper than 2", sizeof(HEAD RECORD PATH) + 8},
    {HEAD RECORD "\"path\":[\"" HEX "0\"],\"seal_index\":1," SEALS,
	"path: not a SHA-256 in lower-case hex", sizeof(HEAD RECORD) + 8},
    {HEAD RECORD "\"path\":[\"" N4 "\"],\"seal_index\":1," SEALS,
	"path: not a SHA-256 in lower-case hex", sizeof(HEAD RECORD) + 8},
    {HEAD RECORD "\"path\":[\"0001020304050607\"],\"seal_index\":1," SEALS,
	"path: not a SHA-256 in lower-case hex", sizeof(HEAD RECORD) + 8},
    {HEAD RECORD "\"path\":[\"000102030405060708090A0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"],"
		 "\"seal_index\":1," SEALS,
	"path: not a SHA-256 in lower-case hex", sizeof(HEAD RECORD) + 8},
    {HEAD RECORD "\"path\":[],\"seal_index\":-1," SEALS, "seal_index: not a whole number from 0",
	sizeof(HEAD RECORD) + 22},
    {HEAD RECORD "\"path\":[],\"seal_index\":1.0," SEALS, "seal_index: not a whole number from 0",
	sizeof(HEAD RECORD) + 22},
    {HEAD RECORD "\"path\":[],\"seal_index\":9007199254740992," SEALS, "2^53",
	sizeof(HEAD RECORD) + 22},
    {"{\"type\":\"sealwright-proof/v1\",\"origin\":\"" N4 "\",\"event_id\":\"" ID
     "\"," RECORD PATH SEALS,
	"origin: too long", 40},
    {"{\"type\":\"sealwright-proof/v1\",\"origin\":\"a/b\",\"event_id\":\"" ID
     "0\"," RECORD PATH SEALS,
	"event_id: too long", 57},
    {"{\"type\":\"sealwright-proof/v1\",\"type\":\"sealwright-proof/v1\"", "duplicate", 30},
};

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct proof_reader r = {0};
		struct jscan_fault fault = {0};
		int error = proof_get(&r, str_from(refused[i].text), &fault);

		if (error == 0)
			fail_msg("taken: %s", refused[i].text);
		if (!strstr(fault.what, refused[i].what))
			fail_msg("%s: %s", refused[i].text, fault.what);
		if (fault.at != refused[i].at)
			fail_msg("%s: %s: at %zu, expected %zu", refused[i].text, fault.what,
			    fault.at, refused[i].at);
		proof_reader_free(&r);
	}
}

/* A proof whose record, path or seal is as long as it may be, and one longer. */
static int
get_of_lengths(size_t record, size_t path, size_t seal)
{
	static char buf[4 * PROOF_HEAD], bytes[16384];
	struct text t = text_over(buf, sizeof(buf));
	struct proof_reader r = {0};
	struct jscan_fault fault;
	int error;

	memset(bytes, '\n', sizeof(bytes));
	text_put(&t, STR(HEAD "\"record\":"));
	text_json(&t, (struct str){bytes, record});
	text_put(&t, STR(",\"leaf_index\":2,\"path\":["));
	for (size_t i = 0; i < path; i++)
		text_put(&t, i == 0 ? STR("\"" HEX "\"") : STR(",\"" HEX "\""));
	text_put(&t, STR("],\"seal_index\":1,\"seals\":["));
	text_json(&t, (struct str){bytes, seal});
	proof_put_end(&t);
	assert_true(text_ok(&t));
	error = proof_get(&r, text_str(&t), &fault);
	proof_reader_free(&r);
	return error;
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(get_of_lengths(LIMIT_LINE, MERKLE_DEPTH, SEAL_NOTE), 0);
	assert_int_equal(get_of_lengths(LIMIT_LINE + 1, MERKLE_DEPTH, SEAL_NOTE), -EINVAL);
	assert_int_equal(get_of_lengths(LIMIT_LINE, MERKLE_DEPTH + 1, SEAL_NOTE), -EINVAL);
	assert_int_equal(get_of_lengths(LIMIT_LINE, MERKLE_DEPTH, SEAL_NOTE + 1), -EINVAL);
}

/* The room that is said to be enough is, for whatever has to be escaped. */
static void
test_room(void **state)
{
	static char buf[PROOF_HEAD], seal_buf[PROOF_SEAL], bytes[LIMIT_LINE];
	struct text t = text_over(buf, sizeof(buf)), seal = text_over(seal_buf, sizeof(seal_buf));
	struct proof p = {
	    .origin = {bytes, SEAL_ORIGIN},
	    .event_id = {bytes, UUID_TEXT},
	    .record = {bytes, LIMIT_LINE},
	    .leaf_index = UINT64_MAX,
	    .n_path = MERKLE_DEPTH,
	    .seal_index = UINT64_MAX,
	};

	(void)state;
	memset(bytes, 1, sizeof(bytes));
	proof_put_head(&t, &p);
	assert_true(text_ok(&t));
	proof_put_seal(&seal, (struct str){bytes, SEAL_NOTE}, false);
	assert_true(text_ok(&seal));
}

/* More seals than there is room for in any proof. */
static void
test_too_many_seals(void **state)
{
	const size_t n = PROOF_SEALS + 100, room = sizeof(TEXT) + 3 * n;
	CLEANUP_FREE char *buf = malloc(room);
	struct text t = text_over(buf, room);
	struct proof_reader r = {0};
	struct jscan_fault fault;

	(void)state;
	assert_non_null(buf);
	text_put(&t, STR(HEAD RECORD PATH "\"seals\":[\"\""));
	for (size_t i = 1; i < n; i++)
		text_put(&t, STR(",\"\""));
	proof_put_end(&t);
	assert_true(text_ok(&t));
	assert_int_equal(proof_get(&r, text_str(&t), &fault), -E2BIG);
	proof_reader_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put),
	    cmocka_unit_test(test_get),
	    cmocka_unit_test(test_spaces),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_room),
	    cmocka_unit_test(test_too_many_seals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
