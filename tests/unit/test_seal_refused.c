/* SPDX-License-Identifier: Apache-2.0 */
/* Seals: there is one text only for each and one file only; whatever else is refused, with why and where. */
#include "tests/unit/seal_case.h"

/* --- the text --------------------------------------------------------------------------------- */

/* The example with its first `from` replaced by `to`. */
static struct str
edited(const char *from, const char *to)
{
	static char buf[2 * SEAL_TEXT];
	const char *at = strstr(EXAMPLE, from);
	struct text t = text_over(buf, sizeof(buf));

	assert_non_null(at);
	text_put(&t, (struct str){EXAMPLE, (size_t)(at - EXAMPLE)});
	text_put(&t, str_from(to));
	text_put(&t, str_from(at + strlen(from)));
	assert_true(text_ok(&t));
	return text_str(&t);
}

struct edit {
	const char *from, *to;
	const char *why; /* begins so */
};

static const struct edit edits[] = {
    /* the frame */
    {"{\"type", " {\"type", "type:"},
    {"{\"type", "{ \"type", "type:"},
    {"{\"type\":", "{\"type\": ", "type:"},
    {"seal/v1", "seal/v2", "type:"},
    {"\"}\n", "\"}", "anything but"},
    {"\"}\n", "\"}\r\n", "anything but"},
    {"\"}\n", "\"}\n\n", "anything but"},
    {"\"}\n", "\" }\n", "anything but"},
    {"\"}\n", "\",\"more\":1}\n", "anything but"},
    {"\"}\n", "\"}\n{}\n", "anything but"},
    /* order, repetition, absence */
    {",\"index\":0", "", "index: missing"},
    {",\"index\":0", ",\"index\":0,\"index\":0", "file: missing"},
    {",\"index\":0", ", \"index\":0", "index: missing"},
    {",\"index\":0", ",\"Index\":0", "index: missing"},
    {",\"index\"", ",\"ind\\u0065x\"", "index: missing"},
    {"\"head\"", "\"root\"", "head: missing"},
    {",\"torn_bytes\":0", "", "torn_bytes: missing"},
    /* origin */
    {"host-1/sealwright/0123456789abcde", "", "origin: not"},
    {"host-1/sealwright/0123456789abcde", "a b", "origin: not"},
    {"host-1/sealwright/0123456789abcde", "a+b", "origin: not"},
    {"host-1/sealwright/0123456789abcde", "a\\nb", "origin: not"},
    {"host-1/sealwright/0123456789abcde", "\xc3\xbc", "origin: not"},
    {"\"host-1/sealwright/0123456789abcde\"", "null", "origin: not"},
    {"host-1/sealwright/0123456789abcde", "host-2", "key: not"},
    /* numbers */
    {"\"index\":0", "\"index\":00", "index: not"},
    {"\"index\":0", "\"index\":01", "index: not"},
    {"\"index\":0", "\"index\":-0", "index: not"},
    {"\"index\":0", "\"index\":-1", "index: not"},
    {"\"index\":0", "\"index\":+1", "index: not"},
    {"\"index\":0", "\"index\":", "index: not"},
    {"\"index\":0", "\"index\":\"0\"", "index: not"},
    {"\"index\":0", "\"index\":0.0", "file: missing"},
    {"\"index\":0", "\"index\":1e1", "file: missing"},
    {"\"index\":0", "\"index\":0 ", "file: missing"},
    {"\"index\":0", "\"index\":9007199254740992", "index: not"},
    {"\"index\":0", "\"index\":18446744073709551616", "index: not"},
    {"\"index\":0", "\"index\":99999999999999999999999999999999999", "index: not"},
    {"\"bytes\":655360", "\"bytes\":0655360", "bytes: not"},
    {"\"records\":1000", "\"records\":999", "records: not the number"},
    {"\"records\":1000", "\"records\":1001", "records: not the number"},
    {"\"first_seq\":1,", "\"first_seq\":0,", "records: not the number"},
    {"\"first_seq\":1,", "\"first_seq\":1001,", "records: not the number"},
    {"\"last_seq\":1000", "\"last_seq\":0", "records: not the number"},
    /* file */
    {"audit-2026", "audit-202", "file: not"},
    {"-000007.jsonl", "-000007.jsonl.tmp", "file: not"},
    {"-000007.jsonl", "-000007.jsonl.seal", "file: not"},
    {"-000007.jsonl", "-000000.jsonl", "file: not"},
    {"-000007.jsonl", "-7.jsonl", "file: not"},
    {"\"audit-", "\"../audit-", "file: not"},
    {"\"audit-", "\"/audit-", "file: not"},
    {NAME, "", "file: not"},
    /* hashes */
    {"\"sha256\":\"ab", "\"sha256\":\"AB", "sha256: not"},
    {"\"sha256\":\"ab", "\"sha256\":\"aB", "sha256: not"},
    {"\"sha256\":\"ab", "\"sha256\":\"gb", "sha256: not"},
    {"\"sha256\":\"ab", "\"sha256\":\"", "sha256: not"},
    {"\"sha256\":\"ab", "\"sha256\":\"abab", "sha256: not"},
    {"\"head\":\"cd", "\"head\":\" c", "head: not"},
    {"\"root\":\"e", "\"root\":\"\\", "root: not"},
    {"\"prev_seal\":\"0", "\"prev_seal\":\"x", "prev_seal: not"},
    /* times: valid ones of RFC 3339 in another form */
    {"57.123456Z", "57.1234560Z", "first_time: not"},
    {"57.123456Z", "57.12345Z", "first_time: not"},
    {"57.123456Z", "57Z", "first_time: not"},
    {"57.123456Z", "57.123456z", "first_time: not"},
    {"57.123456Z", "57.123456+00:00", "first_time: not"},
    {"57.123456Z", "57.1+01:00", "first_time: not"},
    {"11-21T03:46:57", "11-21t03:46:57", "first_time: not"},
    {"11-21T03:46:57", "11-31T03:46:57", "first_time: not"},
    {"11-21T03:46:57", "11-20T23:59:60", "first_time: not"},
    {"58.000000Z", "58Z", "last_time: not"},
    {"\"2026-11-21T03:46:58.000000Z\"", "1795232818000000", "last_time: not"},
    /* state */
    {"\"clean\"", "\"Clean\"", "state: not"},
    {"\"clean\"", "\"\"", "state: not"},
    {"\"clean\"", "\"cleaned\"", "state: not"},
    {"\"clean\"", "0", "state: not"},
    /* session and boot */
    {"\"session\":\"0d1e", "\"session\":\"0D1E", "session: not"},
    {"\"session\":\"0d1e", "\"session\":\"{0d1", "session: not"},
    {"\"session\":\"0d1e2f30-", "\"session\":\"0d1e2f300", "session: not"},
    {"\"session\":\"" SESSION, "\"session\":\"unknown", "session: not"},
    {"\"boot_id\":\"" BOOT, "\"boot_id\":\"", "boot_id: not"},
    {"\"boot_id\":\"" BOOT, "\"boot_id\":\"Unknown", "boot_id: not"},
    {"\"boot_id\":\"5f0c", "\"boot_id\":\"5F0C", "boot_id: not"},
    {"\"boot_id\":\"" BOOT, "\"boot_id\":\"unknown\\", "boot_id: not"},
    /* keys */
    {"\"key\":\"host-1", "\"key\":\"host-2", "key: not"},
    {"\"key\":\"", "\"key\":\" ", "key: not"},
    {"+AYqI49", "+AYqI4", "key: not"},
    {"+d84df790+", "+0123abcd+", "key: not"},
    {"\"next_key\":\"gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q=", "\"next_key\":\"",
	"next_key: not"},
    {"\"next_key\":\"", "\"next_key\":\" ", "next_key: not"},
    {"/Js5Q=", "/Js5R=", "next_key: not"},
};

static void
edits_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		struct str text = edited(edits[i].from, edits[i].to);
		const char *why = "";
		struct seal s;
		size_t at = SIZE_MAX;

		assert_int_equal(seal_parse(text, sum, &s, &why, &at), -EINVAL);
		if (!str_starts(str_from(why), str_from(edits[i].why)) || at > text.n)
			fail_msg("%s -> %s: %s at %zu", edits[i].from, edits[i].to, why, at);
	}
}

static void
faults_have_a_place(void **state)
{
	static const struct {
		const char *from, *to, *at;
	} cases[] = {
	    {"{\"type", "[\"type", "[\"type"},
	    {",\"index\":0", ",\"index\":007", "007,\"file"},
	    {",\"file\"", ",\"File\"", ",\"File"},
	    {"\"clean\"", "\"dirty\"", "\"dirty"},
	    {"\"}\n", "\",\"x\":1}\n", ",\"x\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str text = edited(cases[i].from, cases[i].to);
		const char *why;
		struct seal s;
		size_t at;

		assert_int_equal(seal_parse(text, sum, &s, &why, &at), -EINVAL);
		assert_true(str_starts(str_skip(text, at), str_from(cases[i].at)));
	}
}

/* Every shorter text is refused. */
static void
cut_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(EXAMPLE) - 1; n++) {
		char *cut = malloc(n + 1);
		const char *why;
		struct seal s;
		size_t at;

		assert_non_null(cut);
		memcpy(cut, EXAMPLE, n);
		assert_int_equal(seal_parse((struct str){cut, n}, sum, &s, &why, &at), -EINVAL);
		assert_true(at <= n);
		free(cut);
	}
	assert_int_equal(
	    seal_parse(STR_NONE, sum, &(struct seal){0}, &(const char *){NULL}, &(size_t){0}),
	    -EINVAL);
}

/* Every byte of the text replaced by every other: refused, or another seal with that very text. */
static void
every_byte_of_the_text(void **state)
{
	char text[sizeof(EXAMPLE)];
	const size_t n = sizeof(EXAMPLE) - 1;
	size_t taken = 0;

	(void)state;
	memcpy(text, EXAMPLE, n);
	for (size_t i = 0; i < n; i++) {
		for (unsigned c = 0; c < 256; c++) {
			const char *why;
			struct seal s;
			size_t at;

			if ((char)c == EXAMPLE[i])
				continue;
			text[i] = (char)c;
			if (seal_parse((struct str){text, n}, sum, &s, &why, &at) == 0) {
				assert_true(str_eq(formatted(&s), (struct str){text, n}));
				taken++;
			}
			text[i] = EXAMPLE[i];
		}
	}
	/* Digits of index, name, hashes, times, UUIDs and next_key: so many. */
	print_message("%zu of %zu texts are seals\n", taken, n * 255);
	assert_true(taken > 4 * 64 * 15 && taken < n * 255 / 8);
}

/* --- whole files ----------------------------------------------------------------------------- */

/* A signed file has no second form: every changed byte is a fault. */
static void
every_byte_of_the_file(void **state)
{
	char file[SEAL_NOTE];
	struct seal s = example(), back;
	struct str good = sealed(&s), text;
	const char *why = NULL;
	size_t at;

	(void)state;
	memcpy(file, good.p, good.n);
	for (size_t i = 0; i < good.n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			int error;

			file[i] ^= (char)(1 << bit);
			at = SIZE_MAX;
			error = seal_open((struct str){file, good.n}, sum, &back, &text, &why, &at);
			assert_true(error == -EINVAL || error == -EBADMSG);
			assert_non_null(why);
			assert_true(at <= good.n);
			file[i] ^= (char)(1 << bit);
		}
	}
	for (size_t n = 0; n < good.n; n++)
		assert_int_equal(
		    seal_open((struct str){file, n}, sum, &back, &text, &why, &at), -EINVAL);
	assert_int_equal(seal_open((struct str){file, good.n}, sum, &back, &text, &why, &at), 0);
}

static void
assert_fault(struct str file, int error, const char *why)
{
	const char *got = "";
	struct str text;
	struct seal s;
	size_t at = SIZE_MAX;

	assert_int_equal(seal_open(file, sum, &s, &text, &got, &at), error);
	if (!str_starts(str_from(got), str_from(why)) || at > file.n)
		fail_msg("%s at %zu, not %s", got, at, why);
}

static void
files_refused(void **state)
{
	struct seal s = example();
	struct str file = sealed(&s);
	static char big[SEAL_NOTE + 2];
	size_t line = file.n - sizeof(EXAMPLE);

	(void)state;
	assert_fault(STR(""), -EINVAL, "does not end");
	assert_fault(STR(EXAMPLE), -EINVAL, "no empty line");
	/* The signature line twice. */
	memcpy(big, file.p, file.n);
	memcpy(big + file.n, file.p + sizeof(EXAMPLE), line);
	assert_fault((struct str){big, file.n + line}, -EINVAL, "more than one signature");
	/* Text before and behind. */
	memcpy(big + 1, file.p, file.n);
	big[0] = '\n';
	assert_fault((struct str){big, file.n + 1}, -EINVAL, "type: not");
	memset(big, '\n', sizeof(big));
	assert_fault((struct str){big, sizeof(big)}, -EINVAL, "longer than");
	memset(big, ' ', sizeof(big));
	memcpy(big + SEAL_TEXT + 1, file.p + sizeof(EXAMPLE) - 2, line + 2);
	assert_fault((struct str){big, SEAL_TEXT + 1 + line + 2}, -EINVAL, "longer than");
}

/* By another key, under another name: not by the seal's key. */
static void
signed_by_another(void **state)
{
	struct seal s = example();
	uint8_t seed[ED25519_SEED], signature[ED25519_SIGNATURE];
	char buf[SEAL_NOTE];
	struct note_key key;

	(void)state;
	for (int how = 0; how < 3; how++) {
		struct text t = text_over(buf, sizeof(buf));

		seal_format(&t, &s, sum);
		seed_of(how == 0 ? 1 : 0, seed);
		seal_key(&s, sum, &key);
		if (how == 1)
			key.name = STR("host-2");
		if (how == 2)
			assert_int_equal(ed25519_public(seed, key.key), 0);
		if (how == 2)
			key.algorithm = NOTE_COSIGNATURE;
		if (how > 0)
			note_key_identify(&key, sum);
		assert_int_equal(ed25519_sign(seed, text_str(&t), signature), 0);
		note_sign_put(&t, &key, signature);
		assert_fault(text_str(&t), -EBADMSG,
		    how == 0 ? "the signature is wrong" : "the signature is not by");
	}
}
int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(edits_refused),
	    cmocka_unit_test(faults_have_a_place),
	    cmocka_unit_test(cut_anywhere),
	    cmocka_unit_test(every_byte_of_the_text),
	    cmocka_unit_test(every_byte_of_the_file),
	    cmocka_unit_test(files_refused),
	    cmocka_unit_test(signed_by_another),
	};

	return cmocka_run_group_tests_name("seal, refused", tests, setup, teardown);
}
