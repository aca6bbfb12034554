/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a taken process can put into a record: well-framed messages with hostile members, through the
 * writer's checks to the line. With SEALWRIGHT_LINES=PATH the lines that came through are left there, for
 * a validator that is not ours (tests/system/test_payload.py).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "proto/line.h"
#include "proto/payload.h"
#include "proto/value.h"

#define ROUNDS 40000

/* --- values ------------------------------------------------------------------------------------ */

/* A number whose text is as it stands, whatever value_put_number() would say. */
static void
put_number(struct wire_out *out, const char *text)
{
	wire_put_u8(out, '#');
	wire_put_u8(out, (uint8_t)strlen(text));
	wire_put_bytes(out, str_from(text));
}

static void
put_run(struct wire_out *out, char c, size_t n)
{
	static char run[8192];

	memset(run, c, n);
	value_put_str(out, (struct str){run, n});
}

static bool
one_in(long n)
{
	return random() % n == 0;
}

static size_t
pick(size_t n)
{
	return (size_t)random() % n;
}

static const char *const evil_strings[] = {
    "",
    "tcp",
    "write",
    "loaded",
    "SIGSYS",
    "SIGSEGV",
    "SIG",
    "sigsegv",
    "https",
    "GET ",
    "\"}\n{\"audit_event_id\":\"x\",\"seq\":1",
    "a\\u000ab\\\"",
    "\xff\xfe\xc0\x80\xed\xa0\x80",
    "\xe2\x80\xa8\xe2\x80\xa9\xef\xbf\xbf",
    "\x01\x1b[2J\x7f",
    "2026-11-21T00:00:00Z",
    "2026-13-01T00:00:00.000000Z",
    "2026-11-21T00:00:00.000000Z",
    "2026-11-21T00:00:00.000000+00:00",
    "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n",
};

static const char *const evil_numbers[] = {"0", "1", "-1", "-0", "1.5", "1.0", "1e3", "64", "65",
    "66", "255", "256", "4294967295", "4294967296", "9007199254740991", "0.1", "1E-2", "2"};

static void
put_evil_array(struct wire_out *out)
{
	long n = one_in(4) ? 65 : random() % 4;

	value_open_array(out);
	for (long i = 0; i < n; i++) {
		if (one_in(3))
			put_run(out, 'a', one_in(2) ? 256 : 257);
		else
			value_put_int(out, one_in(4) ? 7 : i);
	}
	value_close_array(out);
}

static void
put_evil_object(struct wire_out *out)
{
	value_open_object(out);
	if (one_in(2))
		value_member_str(
		    out, STR("user"), str_from(evil_strings[pick(ARRAY_SIZE(evil_strings))]));
	if (one_in(4))
		value_member_int(out, STR("seq"), 1);
	if (one_in(4)) {
		value_put_key(out, STR("groups"));
		put_evil_array(out);
	}
	value_close_object(out);
}

static void
put_evil(struct wire_out *out)
{
	switch (random() % 8) {
	case 0:
		value_put_null(out);
		break;
	case 1:
		value_put_bool(out, one_in(2));
		break;
	case 2:
		put_number(out, evil_numbers[pick(ARRAY_SIZE(evil_numbers))]);
		break;
	case 3:
		put_evil_array(out);
		break;
	case 4:
		put_evil_object(out);
		break;
	case 5:
		put_run(out, one_in(2) ? 'x' : '\x02',
		    (size_t[]){1, 32, 33, 255, 256, 257}[random() % 6]);
		break;
	default:
		value_put_str(out, str_from(evil_strings[pick(ARRAY_SIZE(evil_strings))]));
	}
}

/* --- what an honest sender puts there ---------------------------------------------------------- */

static void
put_words(struct wire_out *out, const char *words)
{
	size_t n = strcspn(words, "|");

	for (; words[n] && one_in(2); n = strcspn(words, "|"))
		words += n + 1;
	value_put_str(out, (struct str){words, n});
}

static void
put_strings(struct wire_out *out, size_t least, size_t most, long items)
{
	value_open_array(out);
	for (long n = random() % (items + 1); n > 0 && out->left > 600; n--)
		put_run(out, 's', one_in(2) ? least : one_in(4) ? most : 3);
	value_close_array(out);
}

static void
put_numbers(struct wire_out *out, long items)
{
	value_open_array(out);
	for (long n = random() % (items + 1); n > 0; n--)
		value_put_int(out, n);
	value_close_array(out);
}

static void
put_claims(struct wire_out *out)
{
	value_open_object(out);
	value_member_str(out, STR("user"), STR("mallory"));
	value_put_key(out, STR("groups"));
	put_strings(out, 0, LIMIT_NAME, 4);
	value_close_object(out);
}

static void
put_counts(struct wire_out *out)
{
	value_open_object(out);
	value_member_int(out, STR("connections"), random());
	value_member_int(out, STR("\"\n"), 0);
	value_close_object(out);
}

static void
put_object(struct wire_out *out)
{
	value_open_object(out);
	value_put_key(out, STR("\"},\"seq\":7"));
	put_evil(out);
	value_put_key(out, STR("\xe2\x80\xa8"));
	put_evil(out);
	value_close_object(out);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
/* A few of the values that each form takes, the least and the most among them. */
#define WORD(list) put_words(out, list)
#define STRING(least, most) put_run(out, 'q', one_in(2) ? (least) : (most))
#define TEXT put_run(out, '\t', one_in(2) ? 1 : 700)
#define INT(least, most) value_put_int(out, one_in(2) ? (int64_t)(least) : (int64_t)(most))
#define COUNT INT(0, LIMIT_JSON_INT - 1)
#define SEQ INT(1, LIMIT_JSON_INT - 1)
#define BOOL value_put_bool(out, one_in(2))
#define TRUE value_put_bool(out, true)
#define SHA256 value_put_str(out, STR(HEX))
#define TIME value_put_str(out, STR("2026-11-21T03:46:57.123456Z"))
#define METHOD value_put_str(out, STR("!#$%&'*+.^_`|~-09AZaz"))
#define SIGNAL value_put_str(out, one_in(2) ? STR("SIGRTMIN+1") : STR("SIG9"))
#define OBJECT put_object(out)
#define CLAIMS put_claims(out)
#define COUNTS put_counts(out)
#define STRINGS(least, most, items) put_strings(out, least, most, items)
#define NUMBERS(items) put_numbers(out, items)

/* How often a member is another than it should be: one of so many. */
#define SPOILT 25
#define NEEDED 1
#define OPTIONAL 2

#define MEMBER(json, form, need)                      \
	if (one_in(SPOILT)) {                         \
		value_put_key(out, STR(json));        \
		put_evil(out);                        \
	} else if (!one_in(SPOILT) && one_in(need)) { \
		value_put_key(out, STR(json));        \
		form;                                 \
	}
/* clang-format off */
#define SHAPE(name, action)                          \
	static void put_##name(struct wire_out *out) \
	{
#define SHAPE_END }
#include "proto/payload.def"

struct maker {
	enum record_action_type action;
	void (*put)(struct wire_out *out);
};

#define MEMBER(json, form, need)
#define SHAPE(name, action) {ACTION_##action, put_##name},
#define SHAPE_END
static const struct maker makers[] = {
#include "proto/payload.def"
};
/* clang-format on */

/* --- records ----------------------------------------------------------------------------------- */

static uint8_t payload[6000], details[2000];

static struct str
make_payload(const struct maker *m)
{
	struct wire_out out = wire_out_over(payload, sizeof(payload));

	value_open_object(&out);
	m->put(&out);
	if (one_in(SPOILT)) {
		value_put_key(&out, one_in(2) ? STR("evaluation_peer") : STR("more"));
		put_evil(&out);
	}
	value_close_object(&out);
	return wire_out_ok(&out) ? (struct str){(const char *)payload, (size_t)(out.p - payload)}
				 : STR_NONE;
}

static struct str
some_string(size_t most)
{
	static char run[4097];
	const char *evil = evil_strings[pick(ARRAY_SIZE(evil_strings))];

	memset(run, one_in(2) ? 'n' : '"', sizeof(run));
	if (one_in(3))
		return (struct str){run, one_in(8) ? most + 1 : most};
	return one_in(4) ? STR_NONE : str_from(evil);
}

/* Any record at all of the maker's kind; fields foreign to its category may be among them. */
static void
make_record(struct record *r, const struct maker *m, enum msg_type type)
{
	struct wire_out out = wire_out_over(details, sizeof(details));

	*r = (struct record){
	    .action_type = one_in(60) ? (enum record_action_type)(random() % 48) : m->action};
	r->payload = one_in(60) ? STR_NONE : make_payload(m);
	r->username = some_string(LIMIT_NAME);
	r->org_id = some_string(LIMIT_NAME);
	r->has_peer = !one_in(40);
	r->peer = (struct record_peer){(uint32_t)random(), UINT32_MAX, 0};
	if (type == MSG_NOTE)
		return;
	r->sandbox_id = some_string(LIMIT_NAME);
	r->agent = some_string(LIMIT_NAME);
	r->request_id = some_string(LIMIT_REQUEST_ID);
	if (type == MSG_OUTCOME)
		r->evaluation_id = one_in(10) ? STR("0123456789ab-cdef0123456789abcdef0123")
					      : STR("01234567-89ab-cdef-0123-456789abcdef");
	if (type == MSG_OUTCOME)
		return;
	r->user_email = one_in(20) ? some_string(LIMIT_NAME) : STR_NONE;
	value_open_object(&out);
	value_put_key(&out, STR("k"));
	put_evil(&out);
	value_close_object(&out);
	if (type == MSG_EVENT) {
		r->event = some_string(LIMIT_NAME);
		r->level = (enum record_level)(random() % 6);
		r->actor = some_string(LIMIT_NAME);
		r->details = (struct str){(const char *)details, (size_t)(out.p - details)};
		r->payload = one_in(20) ? r->payload : STR_NONE;
		return;
	}
	r->decision = one_in(40) ? DECISION_NONE : one_in(2) ? DECISION_ALLOW : DECISION_DENY;
	if (r->action_type == ACTION_UNKNOWN_ACTION && !one_in(20))
		r->decision = DECISION_DENY;
	r->enforcement_mode = (enum record_mode)(1 + random() % 3);
	r->resource_id = some_string(one_in(4) ? LIMIT_RESOURCE : 30);
	r->action = some_string(LIMIT_NAME);
	r->policy_id = some_string(LIMIT_NAME);
	r->rule_id = str_given(r->policy_id) && !one_in(40) ? some_string(LIMIT_NAME) : STR_NONE;
	if (r->decision == DECISION_DENY || one_in(40))
		r->reasons = (uint16_t)(one_in(10) ? 4 : 1);
	for (uint16_t i = 0; i < r->reasons; i++)
		r->deny_reason[i] = some_string(300);
	for (uint16_t i = 0; i < r->reasons; i++)
		if (!str_given(r->deny_reason[i]))
			r->deny_reason[i] = STR("");
}

static enum msg_type
type_of(enum record_action_type action)
{
	if (action < ACTION_EXECUTION)
		return MSG_DECISION;
	return action == ACTION_EXECUTION ? MSG_OUTCOME : MSG_NOTE;
}

static enum peer
sender_of(enum record_action_type action)
{
	if (action == ACTION_ADMIN)
		return PEER_ADMIN;
	return action == ACTION_INPUT || action == ACTION_UNRECORDED || action < ACTION_SESSION
		   ? PEER_EVALUATOR
		   : PEER_SUPERVISOR;
}

/* --- to the line ------------------------------------------------------------------------------- */

struct sent {
	uint8_t bytes[16384];
	size_t n;
};

/* As the writer: 0 and the line, or -errno. */
static int
receive(
    const struct sent *sent, enum msg_type type, enum peer from, uint64_t seq, struct text *line)
{
	struct wire_in in = wire_in_over(sent->bytes, sent->n);
	struct line_stamp stamp = {.seq = seq,
	    .time = 1795264017123456,
	    .session = "01234567-89ab-4def-8123-456789abcdef",
	    .hostname = "host",
	    .channel = from == PEER_SUPERVISOR ? LINE_NO_CHANNEL : LIMIT_EVALUATORS + 1,
	    .evaluation_peer = "unknown"};
	struct record r;
	const char *why = NULL;
	int error = record_get(&in, type, from, &r, &why);

	if (error == 0)
		error = payload_check(&r, &why);
	if (error < 0)
		assert_non_null(why);
	return error < 0 ? error : line_format(line, &r, &stamp);
}

static void
one_round(FILE *lines, size_t i, unsigned *accepted, uint64_t seq)
{
	static struct sent sent;
	static struct record r;
	struct wire_out out = wire_out_over(sent.bytes, sizeof(sent.bytes));
	bool event = one_in(12);
	enum msg_type type = event ? MSG_EVENT : type_of(makers[i].action);
	enum peer from = event ? PEER_EVALUATOR : sender_of(makers[i].action);
	struct maker maker = makers[i];
	char buf[LIMIT_LINE];
	struct text line = text_over(buf, sizeof(buf));

	if (event)
		maker.action = ACTION_APPLICATION_EVENT;
	make_record(&r, &maker, type);
	record_put(&out, &r);
	sent.n = (size_t)(out.p - sent.bytes);
	if (!wire_out_ok(&out) || receive(&sent, type, from, seq, &line) < 0)
		return;
	accepted[i] += !event;
	if (lines)
		assert_int_equal(fwrite(buf, 1, line.n, lines), line.n);
}

static void
whatever_is_sent(void **state)
{
	const char *path = getenv("SEALWRIGHT_LINES"), *given = getenv("SEALWRIGHT_SEED"),
		   *rounds = getenv("SEALWRIGHT_ROUNDS");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	unsigned long n = rounds ? strtoul(rounds, NULL, 10) : ROUNDS;
	FILE *lines = path ? fopen(path, "w") : NULL;
	unsigned accepted[ARRAY_SIZE(makers)] = {0};

	(void)state;
	print_message("# seed %u\n", seed);
	srandom(seed);
	for (unsigned long i = 0; i < n; i++)
		one_round(lines, i % ARRAY_SIZE(makers), accepted, i + 1);
	if (lines)
		assert_int_equal(fclose(lines), 0);
	/* All kinds come through, each many times, and each is refused many times. */
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		assert_true(accepted[i] > n / ARRAY_SIZE(makers) / 50);
		assert_true(accepted[i] < n / ARRAY_SIZE(makers) * 9 / 10);
	}
}

/* --- cases ------------------------------------------------------------------------------------- */

static int
check(enum record_category category, enum record_action_type action, struct str object)
{
	struct record r = {.category = category, .action_type = action, .payload = object};
	const char *why = NULL;

	return payload_check(&r, &why);
}

#define BYTES(literal) ((struct str){(literal), sizeof(literal) - 1})

static void
needed_members(void **state)
{
	(void)state;
	assert_int_equal(
	    check(RECORD_EVALUATION, ACTION_NETWORK_EGRESS, BYTES("{\"\x08\0protocol\"\x03\0tcp}")),
	    0);
	assert_int_equal(check(RECORD_EVALUATION, ACTION_NETWORK_EGRESS, BYTES("{}")), -EPROTO);
	assert_int_equal(
	    check(RECORD_EVALUATION, ACTION_SSH_SESSION, BYTES("{\"\x08\0protocol\"\x03\0udp}")),
	    -EPROTO);
	assert_int_equal(check(RECORD_EVALUATION, ACTION_PROCESS_EXEC, BYTES("{}")), 0);
	assert_int_equal(
	    check(RECORD_EVALUATION, ACTION_PROCESS_EXEC, BYTES("{\"\x08\0protocol\"\x03\0tcp}")),
	    -EPROTO);
}

/* "tc", "tcp|udp", "" and "tcpx" are no words of tcp|udp; neither is a number or an object. */
static void
words_are_whole(void **state)
{
	const struct str wrong[] = {
	    BYTES("{\"\x08\0protocol\"\x02\0tc}"),
	    BYTES("{\"\x08\0protocol\"\x07\0tcp|udp}"),
	    BYTES("{\"\x08\0protocol\"\0\0}"),
	    BYTES("{\"\x08\0protocol\"\x04\0tcpx}"),
	    BYTES("{\"\x08\0protocol#\x01"
		  "1}"),
	    BYTES("{\"\x08\0protocol{}}"),
	    BYTES("{\"\x08\0protocoln}"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(value_check_object(wrong[i]), 0);
		assert_int_equal(
		    check(RECORD_EVALUATION, ACTION_NETWORK_EGRESS, wrong[i]), -EPROTO);
	}
}

static void
where_there_may_be_none(void **state)
{
	(void)state;
	assert_int_equal(check(RECORD_EVENT, ACTION_APPLICATION_EVENT, BYTES("{}")), -EPROTO);
	assert_int_equal(check(RECORD_EVENT, ACTION_APPLICATION_EVENT, STR_NONE), 0);
	assert_int_equal(check(RECORD_EVALUATION, ACTION_UNKNOWN_ACTION, STR_NONE), 0);
	assert_int_equal(check(RECORD_MANAGEMENT, ACTION_ADMIN, STR_NONE), -EPROTO);
	assert_int_equal(check(RECORD_MANAGEMENT, ACTION_SESSION, BYTES("{}")), -EPROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(needed_members),
	    cmocka_unit_test(words_are_whole),
	    cmocka_unit_test(where_there_may_be_none),
	    cmocka_unit_test(whatever_is_sent),
	};

	return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
