/* SPDX-License-Identifier: Apache-2.0 */

/* What proofs prove, on a small log with every key at hand, so that a test can play anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditlog/proof_check.h"
#include "common/clock.h"

#define ORIGIN "build7/sealwright/0123456789abcde"
#define LOG_ID UINT64_C(0x123456789abcde)
#define SEALS 4
#define RECORDS 5 /* of each segment */
#define START INT64_C(1795232817123456)
#define ROOM 32768

struct log {
	char lines[SEALS][RECORDS][512];
	uint8_t leaves[SEALS][RECORDS][HASH_SIZE];
	uint8_t seeds[SEALS + 1][ED25519_SEED];
	char notes[SEALS][SEAL_NOTE];
	uint8_t hashes[SEALS][HASH_SIZE];
	struct note_key key; /* of seal 0 */
};

static struct hash *h;

/* --- a log ----------------------------------------------------------------------------------- */

static void
make_line(struct log *log, unsigned segment, unsigned record, const uint8_t prev[HASH_SIZE])
{
	uint64_t seq = segment * RECORDS + record + 1;
	char *out = log->lines[segment][record], id[UUID_TEXT + 1], time[RFC3339_SIZE];
	struct text t = text_over(out, sizeof(log->lines[0][0]) - 1);

	line_event_id(LOG_ID, seq, id);
	/* The keys of another log go with other times. */
	clock_format(START + (int64_t)seq + (log->seeds[0][0] - 1) * US_PER_S, time);
	text_put(&t, STR("{\"audit_event_id\":\""));
	text_put(&t, str_from(id));
	text_put(&t, STR("\",\"timestamp\":\""));
	text_put(&t, str_from(time));
	text_put(
	    &t, STR("\",\"schema_version\":\"1.0.0\",\"username\":\"j\xc3\xb6rg\","
		    "\"action_type\":\"tool_invocation\",\"resource_id\":\"a\\\"b\\\\\\u2028\","
		    "\"seq\":"));
	text_u64(&t, seq);
	text_put(&t, STR(",\"prev_hash\":\""));
	text_hex(&t, prev, HASH_SIZE);
	text_put(&t, STR("\"}\n"));
	assert_true(text_ok(&t));
	out[t.n] = '\0';
	hash_leaf(h, text_str(&t), log->leaves[segment][record]);
}

static void
tree_of(const struct log *log, unsigned segment, uint8_t root[HASH_SIZE])
{
	struct merkle m;

	merkle_init(&m);
	for (unsigned i = 0; i < RECORDS; i++)
		merkle_add(&m, h, log->leaves[segment][i]);
	merkle_root(&m, h, root);
}

static void
sign_seal(struct log *log, struct seal *s)
{
	unsigned i = (unsigned)s->index;
	struct text t = text_over(log->notes[i], SEAL_NOTE - 1);
	uint8_t signature[ED25519_SIGNATURE];
	struct note_key key;

	assert_int_equal(ed25519_public(log->seeds[i], s->key), 0);
	assert_int_equal(ed25519_public(log->seeds[i + 1], s->next_key), 0);
	seal_format(&t, s, h);
	hash_begin(h);
	hash_add(h, text_str(&t));
	hash_end(h, log->hashes[i]);
	assert_int_equal(ed25519_sign(log->seeds[i], text_str(&t), signature), 0);
	seal_key(s, h, &key);
	note_sign_put(&t, &key, signature);
	assert_true(text_ok(&t));
	log->notes[i][t.n] = '\0';
	if (i == 0) {
		log->key = key;
		log->key.name = STR(ORIGIN);
	}
}

static void
seal_segment(struct log *log, unsigned i)
{
	struct seal s = {
	    .origin = STR(ORIGIN),
	    .index = i,
	    .file = STR("audit-20261121T034657Z-f6049a6c-091c-4f1e-82f6-d6d32d1b566f-000001.jsonl"),
	    .bytes = 4711,
	    .records = RECORDS,
	    .first_seq = (uint64_t)i * RECORDS + 1,
	    .last_seq = (uint64_t)(i + 1) * RECORDS,
	    .first_time = START + i * RECORDS + 1,
	    .last_time = START + (i + 1) * RECORDS,
	    .session = STR("f6049a6c-091c-4f1e-82f6-d6d32d1b566f"),
	    .boot_id = STR("unknown"),
	};

	memcpy(s.head, log->leaves[i][RECORDS - 1], HASH_SIZE);
	tree_of(log, i, s.root);
	if (i > 0)
		memcpy(s.prev_seal, log->hashes[i - 1], HASH_SIZE);
	sign_seal(log, &s);
}

static void
make_log(struct log *log, uint8_t seed)
{
	static const uint8_t zeros[HASH_SIZE];
	const uint8_t *prev = zeros;

	for (unsigned i = 0; i <= SEALS; i++)
		memset(log->seeds[i], seed + (int)i, ED25519_SEED);
	for (unsigned i = 0; i < SEALS; i++) {
		for (unsigned k = 0; k < RECORDS; k++) {
			make_line(log, i, k, prev);
			prev = log->leaves[i][k];
		}
		seal_segment(log, i);
	}
}

/* --- proofs ---------------------------------------------------------------------------------- */

/* What a proof is made of; tests change it before it is written. */
struct draft {
	struct proof proof;
	struct str seals[2 * SEALS];
	size_t n;
	char id[UUID_TEXT + 1];
};

static struct draft
draft_of(struct log *log, unsigned segment, unsigned record, unsigned first, unsigned last)
{
	struct draft d = {.n = 0};
	int n;

	d.proof.origin = STR(ORIGIN);
	memcpy(d.id, log->lines[segment][record] + strlen("{\"audit_event_id\":\""), UUID_TEXT);
	d.proof.record = str_from(log->lines[segment][record]);
	d.proof.leaf_index = record;
	d.proof.seal_index = segment;
	n = merkle_path(h, log->leaves[segment], RECORDS, record, d.proof.path);
	assert_true(n >= 0);
	d.proof.n_path = (size_t)n;
	for (unsigned i = first; i <= last; i++)
		d.seals[d.n++] = str_from(log->notes[i]);
	return d;
}

static struct str
write_draft(struct draft *d, char buf[ROOM])
{
	struct text t = text_over(buf, ROOM);

	if (!str_given(d->proof.event_id))
		d->proof.event_id = str_from(d->id);
	proof_put_head(&t, &d->proof);
	for (size_t i = 0; i < d->n; i++)
		proof_put_seal(&t, d->seals[i], i == 0);
	proof_put_end(&t);
	assert_true(text_ok(&t));
	return text_str(&t);
}

/* Whom the reviewer trusts. */
static struct trust
trust_key_of(const struct log *log)
{
	return (struct trust){.pinned = true, .known = true, .key = log->key};
}

static struct trust
trust_pin_of(const struct log *log, unsigned index)
{
	struct trust t = {.n_pins = 1};

	t.pins[0].index = index;
	memcpy(t.pins[0].hash, log->hashes[index], HASH_SIZE);
	return t;
}

static const struct trust nobody;

enum outcome {
	PROVEN,
	UNPINNED,
	REFUSED,
};

static struct proof_result last;

static enum outcome
judge_text(struct str text, const struct trust *trust)
{
	struct proof_reader r = {.seals = 0};
	struct jscan_fault fault;
	int error = proof_get(&r, text, &fault);

	memset(&last, 0, sizeof(last));
	if (error == 0)
		assert_int_equal(proof_check(&r, trust, h, &last), 0);
	else
		fault_set(&last.fault, FAULT_BROKEN, "", "%s", fault.what);
	proof_reader_free(&r);
	if (last.fault.kind != FAULT_NONE) {
		assert_false(last.pinned);
		assert_true(last.fault.what[0] != '\0');
		return REFUSED;
	}
	return last.pinned ? PROVEN : UNPINNED;
}

static enum outcome
judge(struct draft *d, const struct trust *trust)
{
	static char buf[ROOM];

	return judge_text(write_draft(d, buf), trust);
}

static void
expect_refused(struct draft *d, const struct trust *trust, const char *why)
{
	assert_int_equal(judge(d, trust), REFUSED);
	if (!strstr(last.fault.what, why))
		fail_msg("refused for \"%s\", expected \"%s\"", last.fault.what, why);
}

/* --- tests ----------------------------------------------------------------------------------- */

static struct log log_a, log_b;

static void
test_every_record(void **state)
{
	struct trust key = trust_key_of(&log_a);

	(void)state;
	for (unsigned i = 0; i < SEALS; i++) {
		for (unsigned k = 0; k < RECORDS; k++) {
			struct draft d = draft_of(&log_a, i, k, 0, i);

			assert_int_equal(judge(&d, &key), PROVEN);
			assert_int_equal(last.seq, i * RECORDS + k + 1);
			assert_int_equal(last.time, START + (int64_t)last.seq);
			assert_int_equal(last.first, 0);
			assert_int_equal(last.last, i);
			assert_memory_equal(last.newest, log_a.hashes[i], HASH_SIZE);
			assert_int_equal(judge(&d, &nobody), UNPINNED);
		}
	}
}

static void
test_pins(void **state)
{
	struct trust key = trust_key_of(&log_a);

	(void)state;
	for (unsigned first = 0; first < SEALS; first++) {
		for (unsigned end = first; end < SEALS; end++) {
			for (unsigned pin = 0; pin < SEALS; pin++) {
				struct draft d = draft_of(&log_a, first, 2, first, end);
				struct trust t = trust_pin_of(&log_a, pin);
				bool there = pin >= first && pin <= end;

				assert_int_equal(judge(&d, &t), there ? PROVEN : REFUSED);
				t = trust_pin_of(&log_b, pin);
				expect_refused(&d, &t, there ? "not the pinned seal" : "not among");
				assert_int_equal(judge(&d, &key), first == 0 ? PROVEN : UNPINNED);
			}
		}
	}
}

/* One good pin does not make up for one that is not. */
static void
test_pins_together(void **state)
{
	struct draft d = draft_of(&log_a, 1, 2, 0, 3);
	struct trust t = trust_pin_of(&log_a, 0);

	(void)state;
	t.n_pins = 2;
	t.pins[1].index = 3;
	memcpy(t.pins[1].hash, log_a.hashes[3], HASH_SIZE);
	assert_int_equal(judge(&d, &t), PROVEN);
	t.pins[1].hash[31] ^= 1;
	expect_refused(&d, &t, "not the pinned seal");
	t = trust_pin_of(&log_a, 0);
	t.pinned = t.known = true;
	t.key = log_b.key;
	expect_refused(&d, &t, "seal 0 is not signed by the pinned key");
}

/* Another log of the same name: all of it is good by itself. */
static void
test_other_log(void **state)
{
	struct draft d = draft_of(&log_b, 1, 2, 0, 1);
	struct trust key = trust_key_of(&log_a), other = trust_key_of(&log_b);

	(void)state;
	assert_int_equal(judge(&d, &nobody), UNPINNED);
	expect_refused(&d, &key, "seal 0 is not signed by the pinned key");
	assert_int_equal(judge(&d, &other), PROVEN);
	other.key.name = STR("another/origin");
	expect_refused(&d, &other, "not of the origin that the pinned key is for");
	d = draft_of(&log_b, 1, 2, 1, 1);
	expect_refused(&d, &other, "not of the origin that the pinned key is for");
}

static void
test_record(void **state)
{
	struct trust key = trust_key_of(&log_a);
	struct draft d = draft_of(&log_a, 1, 2, 0, 1);
	char line[512];

	(void)state;
	d.proof.record = str_from(log_a.lines[1][3]);
	expect_refused(&d, &key, "seq: does not follow");
	d.proof.record = str_from(log_b.lines[1][2]);
	expect_refused(&d, &key, "does not lead from the record to the sealed root");
	memcpy(line, log_a.lines[1][2], sizeof(line));
	*strstr(line, "rg\"") = 'x';
	d.proof.record = str_from(line);
	expect_refused(&d, &key, "does not lead from the record to the sealed root");
	d.proof.record.n--;
	expect_refused(&d, &key, "does not end with a newline");
	d.proof.record = STR("");
	expect_refused(&d, &key, "record: byte 0 of it");
	d.proof.record = STR("{}\n");
	expect_refused(&d, &key, "record: byte 0 of it");
	d = draft_of(&log_a, 1, 2, 0, 1);
	d.id[35] = '0';
	expect_refused(&d, &key, "its id is not event_id");
	d.proof.event_id = STR("");
	expect_refused(&d, &key, "its id is not event_id");
}

static void
test_place(void **state)
{
	struct trust key = trust_key_of(&log_a);
	struct draft d = draft_of(&log_a, 1, 2, 0, 1);

	(void)state;
	d.proof.leaf_index = 3;
	expect_refused(&d, &key, "seq: does not follow");
	d.proof.leaf_index = RECORDS;
	expect_refused(&d, &key, "leaf_index: beyond");
	d.proof.leaf_index = (UINT64_C(1) << 53) - 1;
	expect_refused(&d, &key, "leaf_index: beyond");
	d.proof.leaf_index = 2;
	d.proof.seal_index = 0;
	expect_refused(&d, &key, "seq: does not follow");
	d.proof.seal_index = 2;
	expect_refused(&d, &key, "that seal is not among the seals");
	d.proof.seal_index = 1;
	d.proof.n_path--;
	expect_refused(&d, &key, "path: not as long as the tree is high");
	d.proof.n_path += 2;
	expect_refused(&d, &key, "path: not as long as the tree is high");
	d.proof.n_path--;
	d.proof.path[0][0] ^= 1;
	expect_refused(&d, &key, "does not lead from the record to the sealed root");
}

static void
test_chain(void **state)
{
	struct trust key = trust_key_of(&log_a);
	struct draft d = draft_of(&log_a, 2, 2, 0, 2);
	struct str note = d.seals[1];

	(void)state;
	d.seals[1] = d.seals[2];
	d.n = 2;
	expect_refused(&d, &key, "index: does not follow");
	d = draft_of(&log_a, 2, 2, 0, 2);
	d.seals[1] = d.seals[0];
	expect_refused(&d, &key, "index: does not follow");
	d.seals[0] = note;
	expect_refused(&d, &key, "index: does not follow");
	d = draft_of(&log_a, 2, 2, 0, 2);
	d.seals[2] = str_from(log_b.notes[2]);
	expect_refused(&d, &key, "key: not the one that the seal before it names");
	d = draft_of(&log_a, 2, 2, 0, 2);
	d.proof.origin = STR("another/origin");
	expect_refused(&d, &key, "of another origin than the proof's");
	d = draft_of(&log_a, 2, 2, 0, 2);
	d.seals[1] = STR("");
	expect_refused(&d, &key, "seals: byte");
	d.seals[1] = STR("a text without a signature\n");
	expect_refused(&d, &key, "seals: byte");
}

/* Who has the key of seal 2 rewrites segment 2: what came before stays as it was. */
static void
test_forger(void **state)
{
	static struct log forged;
	struct trust key = trust_key_of(&log_a), pin = trust_pin_of(&log_a, 2);
	struct draft d;

	(void)state;
	forged = log_a;
	make_line(&forged, 2, 1, forged.leaves[2][4]);
	seal_segment(&forged, 2);
	d = draft_of(&forged, 2, 1, 0, 2);
	/* The line's prev_hash is not looked at here: the seal is what counts. */
	assert_int_equal(judge(&d, &key), PROVEN);
	expect_refused(&d, &pin, "not the pinned seal");
	/* The key of seal 1 is erased: any other does not do. */
	forged = log_a;
	memset(forged.seeds[1], 77, ED25519_SEED);
	make_line(&forged, 1, 1, forged.leaves[2][4]);
	seal_segment(&forged, 1);
	d = draft_of(&forged, 1, 1, 0, 1);
	expect_refused(&d, &key, "key: not the one that the seal before it names");
}

/* Whatever was changed: it is refused, or it still says the very same. */
static void
expect_same_or_refused(struct str text, struct draft *d, const struct trust *trust)
{
	static char buf[ROOM], again[ROOM];
	struct draft read = {.n = 0};
	struct proof_reader r = {.seals = 0};
	struct jscan_fault fault;
	char notes[SEALS][SEAL_NOTE];
	uint32_t token;

	if (judge_text(text, trust) != PROVEN)
		return;
	assert_int_equal(proof_get(&r, text, &fault), 0);
	read.proof = r.proof;
	token = proof_first_seal(&r);
	for (uint32_t i = 0; i < proof_seals(&r) && i < SEALS; i++) {
		size_t at;

		read.seals[read.n++] = proof_seal(&r, &token, notes[i], &at);
	}
	assert_true(str_eq(write_draft(&read, again), write_draft(d, buf)));
	proof_reader_free(&r);
}

static void
test_every_bit(void **state)
{
	struct trust key = trust_key_of(&log_a);
	struct draft d = draft_of(&log_a, 1, 2, 0, 1);
	static char buf[ROOM];
	struct str text = write_draft(&d, buf);
	size_t proven = 0;

	(void)state;
	for (size_t i = 0; i < 8 * text.n; i++) {
		buf[i / 8] = (char)(buf[i / 8] ^ (1 << i % 8));
		expect_same_or_refused(text, &d, &key);
		proven += last.pinned;
		buf[i / 8] = (char)(buf[i / 8] ^ (1 << i % 8));
	}
	/* There is no bit between tokens to be turned into other white space. */
	assert_int_equal(proven, 0);
	assert_int_equal(judge_text(text, &key), PROVEN);
}

/* Cut, repeated, overwritten at random. */
static void
test_random(void **state)
{
	unsigned seed = (unsigned)clock_real();
	struct trust key = trust_key_of(&log_a);
	struct draft d = draft_of(&log_a, 1, 2, 0, 1);
	static char buf[ROOM], changed[2 * ROOM];
	struct str text = write_draft(&d, buf);

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 20000; i++) {
		size_t from = (size_t)random() % text.n, to = (size_t)random() % text.n;
		size_t n = (size_t)random() % 8;

		memcpy(changed, buf, to);
		n = n < text.n - from ? n : text.n - from;
		memcpy(changed + to, buf + from, n);
		from = random() % 2 ? to + n : to;
		from = from < text.n ? from : text.n;
		memcpy(changed + to + n, buf + from, text.n - from);
		expect_same_or_refused((struct str){changed, to + n + text.n - from}, &d, &key);
	}
}

static int
setup(void **state)
{
	(void)state;
	h = hash_new();
	if (!h)
		return -1;
	make_log(&log_a, 1);
	make_log(&log_b, 101);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	hash_free(h);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_record),
	    cmocka_unit_test(test_pins),
	    cmocka_unit_test(test_pins_together),
	    cmocka_unit_test(test_other_log),
	    cmocka_unit_test(test_record),
	    cmocka_unit_test(test_place),
	    cmocka_unit_test(test_chain),
	    cmocka_unit_test(test_forger),
	    cmocka_unit_test(test_every_bit),
	    cmocka_unit_test(test_random),
	};

	if (hash_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
