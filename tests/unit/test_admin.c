/* SPDX-License-Identifier: Apache-2.0 */
/* The admin process with a writer and a supervisor that do what a test wants. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/text.h"
#include "policyd/admin/admin.h"
#include "policyd/client/role.h"
#include "proto/value.h"
#include "tests/unit/role_harness.h"

#define POLICY_OF(revision, rules)                                     \
	"{\"schema\":\"sealwright-policy/1\",\"revision\":\"" revision \
	"\",\"policies\":[{\"id\":\"p\",\"name\":\"P\","               \
	"\"source\":\"host\",\"mode\":\"enforce\",\"rules\":[" rules "]}]}"
#define RULE(id, path)                                                                    \
	"{\"id\":\"" id "\",\"name\":\"n\",\"actions\":[\"read\"],\"resources\":[\"" path \
	"\"],\"decision\":\"allow\"}"
#define POLICY POLICY_OF("r1", RULE("a", "/a"))

#define STATUS "{\"id\":1,\"op\":\"status\"}\n"
#define ROTATE "{\"id\":2,\"op\":\"rotate\"}\n"
#define RELOAD "{\"id\":3,\"op\":\"reload\"}\n"
#define PING "{\"id\":4,\"op\":\"ping\"}\n"
#define LS "{\"id\":5,\"op\":\"ls\"}\n"
#define COUNTERS "{\"id\":6,\"op\":\"counters\"}\n"
#define PONG "{\"id\":4,\"pong\":true}"

static struct harness h;

static int
setup(void **state)
{
	(void)state;
	harness_init(&h);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	harness_stop(&h);
	return 0;
}

static int
serve(void)
{
	harness_serve(&h, PEER_ADMIN, admin_main, POLICY);
	return harness_connect(&h);
}

/* The record of a request, acknowledged; then the question to the supervisor. Its number. */
static uint32_t
expect_asked(const char *request, enum msg_type type)
{
	struct record r;
	struct str body, name;
	struct wire_in in;

	harness_take(&h, &r);
	assert_int_equal(r.category, RECORD_MANAGEMENT);
	assert_int_equal(r.action_type, ACTION_ADMIN);
	assert_int_equal(r.peer.uid, getuid());
	assert_int_equal(r.peer.pid, getpid());
	name = value_member(r.payload, STR("request"));
	assert_int_equal(name.n, strlen(request) + 3);
	assert_memory_equal(name.p + 3, request, strlen(request));
	/* Not passed on before it is on record. */
	assert_false(harness_comes(h.control, 100));
	harness_ack(&h, 1);
	assert_int_equal(harness_told(&h, &body), type);
	in = wire_in_over(body.p, body.n);
	return wire_get_u32(&in);
}

static void
tell_result(uint32_t request, int error, const char *text)
{
	const struct msg_result m = {request, error, str_from(text)};
	uint8_t buf[512];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	msg_result_put(&out, &m);
	harness_tell(&h, MSG_ASKED, (struct str){(char *)buf, (size_t)(out.p - buf)}, -1);
}

/* first: NULL for a policy that is loaded; with a second complaint, and 38 that were not kept. */
static void
tell_load(uint32_t request, int error, const char *first)
{
	uint8_t account[512], buf[1024];
	struct wire_out a = wire_out_over(account, sizeof(account));
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	value_open_object(&a);
	if (first) {
		value_member_str(&a, STR("result"), STR("refused"));
		value_member_int(&a, STR("errors"), 40);
		value_member_str(&a, STR("first"), str_from(first));
		value_put_key(&a, STR("complaints"));
		value_open_array(&a);
		value_put_str(&a, str_from(first));
		value_put_str(&a, STR("p.json:2:1: worse"));
		value_close_array(&a);
	} else {
		value_member_str(&a, STR("revision"), STR("r1"));
		value_member_int(&a, STR("policies"), 2);
		value_member_int(&a, STR("rules"), 5);
		value_member_int(&a, STR("tests"), 0);
	}
	value_close_object(&a);
	msg_result_put(&out,
	    &(struct msg_result){request, error, {(const char *)account, (size_t)(a.p - account)}});
	harness_tell(&h, MSG_ASKED, (struct str){(char *)buf, (size_t)(out.p - buf)}, -1);
}

static void
tell_status(uint32_t request, uint32_t source, int64_t asked)
{
	uint8_t buf[512];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u32(&out, request);
	wire_put_u32(&out, source);
	value_open_object(&out);
	value_member_int(&out, STR("asked"), asked);
	value_close_object(&out);
	harness_tell(&h, MSG_STATUS, (struct str){(char *)buf, (size_t)(out.p - buf)}, -1);
}

static void
sleep_a_second(void)
{
	harness_sleep(1050);
}

/* --- small requests --------------------------------------------------------------------------- */

static void
test_ping_and_errors(void **state)
{
	int c = serve();

	(void)state;
	harness_send(
	    c, PING "{}\n[]\n\n{\"id\":{},\"op\":\"ping\"}\n{\"id\":\"x\",\"op\":\"halt\"}\n" PING);
	harness_expect(c, PONG, 0);
	harness_expect(c, "{\"id\":null,\"error\":\"op is missing\",\"at\":0}", 0);
	harness_expect(c, "{\"id\":null,\"error\":\"a request must be an object\",\"at\":0}", 0);
	assert_non_null(strstr(harness_line(c), "\"error\""));
	assert_non_null(strstr(harness_line(c), "id must be a string or an integer"));
	assert_non_null(strstr(harness_line(c), "{\"id\":\"x\",\"error\":\"op must be"));
	harness_expect(c, PONG, 0);
	(void)close(c);
}

static void
test_ls(void **state)
{
	int c = serve();

	(void)state;
	harness_send(c, LS PING);
	harness_expect(c,
	    "{\"id\":5,\"revision\":\"r1\",\"policies\":[{\"policy_id\":\"p\",\"policy_name\":"
	    "\"P\","
	    "\"rule_id\":\"a\",\"rule_name\":\"n\",\"source\":\"host\",\"mode\":\"enforce\","
	    "\"decision\":\"allow\",\"inactive\":false,\"actions\":[\"read\"],\"resources\":[\"/"
	    "a\"]}]}",
	    0);
	harness_expect(c, PONG, 0);
	assert_false(harness_record_comes(&h, 50));
	(void)close(c);
}

/* A listing far longer than any buffer, read slowly, with a new policy in between. */
static char document[4 << 20];

static void
make_long_document(int rules)
{
	struct text t = text_over(document, sizeof(document));

	text_put(&t, STR("{\"schema\":\"sealwright-policy/1\",\"revision\":\"long\",\"policies\":["
			 "{\"id\":\"p\",\"name\":\"P\",\"source\":\"host\",\"mode\":\"enforce\","
			 "\"rules\":["));
	for (int i = 0; i < rules; i++) {
		text_put(&t, i ? STR(",{\"id\":\"r") : STR("{\"id\":\"r"));
		text_i64(&t, i);
		text_put(&t, STR("\",\"name\":\"n\",\"actions\":[\"read\"],\"decision\":\"allow\","
				 "\"resources\":[\"/a/long/path/of/rule/number/"));
		text_i64(&t, i);
		text_put(&t, STR("\"]}"));
	}
	text_put(&t, STR("]}]}"));
	assert_true(text_ok(&t));
	document[t.n] = '\0';
}

static size_t
read_to_newline(int c, bool *ret_ok)
{
	static char buf[65536];
	size_t n = 0;

	while (harness_comes(c, 5000)) {
		ssize_t got = read(c, buf, sizeof(buf));

		if (got <= 0)
			break;
		n += (size_t)got;
		*ret_ok = buf[got - 1] == '\n';
		if (*ret_ok)
			return n;
	}
	*ret_ok = false;
	return n;
}

static void
test_long_listing(void **state)
{
	uint64_t size;
	bool whole;
	int c, image;

	(void)state;
	make_long_document(10000);
	harness_serve(&h, PEER_ADMIN, admin_main, document);
	c = harness_connect(&h);
	harness_send(c, LS);
	assert_true(harness_comes(c, 5000));
	image = harness_image(POLICY, true, &size);
	harness_tell_image(&h, image, size);
	(void)close(image);
	harness_sleep(200);
	assert_in_range(read_to_newline(c, &whole), 1500000, 4000000);
	assert_true(whole);
	harness_send(c, LS);
	assert_in_range(read_to_newline(c, &whole), 100, 1000);
	(void)close(c);
}

static void
test_gone_while_listing(void **state)
{
	int c;

	(void)state;
	make_long_document(10000);
	harness_serve(&h, PEER_ADMIN, admin_main, document);
	for (int i = 0; i < 20; i++) {
		c = harness_connect(&h);
		harness_send(c, LS);
		assert_true(harness_comes(c, 5000));
		(void)close(c);
	}
	c = harness_connect(&h);
	harness_send(c, PING);
	harness_expect(c, PONG, 0);
	(void)close(c);
}

/* --- what goes to the supervisor -------------------------------------------------------------- */

#define TOTALS(asked)                                                                    \
	"{\"connections\":0,\"accepted\":0,\"refused\":0,\"asked\":" asked               \
	",\"answered\":0,\"unanswered\":0,\"waiting\":0,\"allowed\":0,\"denied\":0,"     \
	"\"recorded\":0,\"unrecorded\":0,\"without_record\":0,\"unrecorded_denials\":0," \
	"\"notes\":0,\"malformed\":0,\"timeouts\":0,\"unacked\":0}"
#define STATUS_REPLY(id)                                                                   \
	"{\"id\":" id ",\"status\":{\"session\":\"01020304-0506-0708-090a-0b0c0d0e0f10\"," \
	"\"revision\":\"r1\",\"writer\":{\"asked\":7},\"supervisor\":{\"asked\":8},"       \
	"\"evaluators\":[{\"asked\":5},{\"asked\":6}],\"totals\":" TOTALS("11")

static void
answer_status(uint32_t request, int error, const char *text)
{
	tell_status(request, UINT32_MAX, 8);
	tell_status(request, 0, 7);
	tell_status(request, 1, 5);
	tell_status(request + 17, 1, 1000); /* of some other question */
	tell_status(request, 2, 6);
	tell_result(request, error, text);
}

static void
test_status(void **state)
{
	int c = serve(), other = harness_connect(&h);
	uint32_t request;

	(void)state;
	harness_send(c, STATUS PING);
	request = expect_asked("status", MSG_STATUS_ASK);
	/* Who asks meanwhile waits for the same. */
	harness_send(other, "{\"op\":\"status\",\"id\":\"o\"}\n");
	assert_false(harness_comes(other, 100));
	answer_status(request, 0, "");
	harness_expect(c, STATUS_REPLY("1") "}}", 0);
	harness_expect(c, PONG, 0);
	harness_expect(other, STATUS_REPLY("\"o\"") "}}", 0);
	/* Within the second: again, and nobody is asked. */
	harness_send(c, STATUS);
	harness_expect(c, STATUS_REPLY("1") "}}", 0);
	assert_false(harness_record_comes(&h, 50));
	sleep_a_second();
	harness_send(c, STATUS);
	answer_status(expect_asked("status", MSG_STATUS_ASK), -ETIMEDOUT, "no answer from writer");
	harness_expect(c, STATUS_REPLY("1") ",\"missing\":\"no answer from writer\"}}", 0);
	harness_send(c, COUNTERS);
	assert_non_null(strstr(harness_line(c), "\"totals\":" TOTALS("11")));
	(void)close(c);
	(void)close(other);
}

static void
test_rotate(void **state)
{
	int c = serve(), other = harness_connect(&h);
	uint32_t request;

	(void)state;
	harness_send(c, ROTATE);
	request = expect_asked("rotate", MSG_ASK_ROTATE);
	harness_send(other, ROTATE);
	harness_expect(other, "{\"id\":2,\"error\":\"at most once a second\"}", 0);
	tell_result(request, 0, "audit-x.jsonl");
	harness_expect(c, "{\"id\":2,\"rotated\":true,\"segment\":\"audit-x.jsonl\"}", 0);
	harness_send(c, ROTATE);
	harness_expect(c, "{\"id\":2,\"error\":\"at most once a second\"}", 0);
	assert_false(harness_record_comes(&h, 50));
	sleep_a_second();
	harness_send(c, ROTATE);
	tell_result(expect_asked("rotate", MSG_ASK_ROTATE), 0, "");
	harness_expect(c, "{\"id\":2,\"rotated\":false}", 0);
	sleep_a_second();
	harness_send(c, ROTATE);
	tell_result(expect_asked("rotate", MSG_ASK_ROTATE), -EIO, "");
	harness_expect(c, "{\"id\":2,\"error\":\"Input/output error\"}", 0);
	(void)close(c);
	(void)close(other);
}

static void
test_reload(void **state)
{
	int c = serve();

	(void)state;
	harness_send(c, RELOAD);
	tell_load(expect_asked("reload", MSG_ASK_RELOAD), 0, NULL);
	harness_expect(c,
	    "{\"id\":3,\"reloaded\":true,\"revision\":\"r1\",\"policies\":2,\"rules\":5,"
	    "\"tests\":0}",
	    0);
	sleep_a_second();
	harness_send(c, RELOAD);
	tell_load(expect_asked("reload", MSG_ASK_RELOAD), -EINVAL, "p.json:1:2: \"bad\"");
	harness_expect(c,
	    "{\"id\":3,\"error\":\"policy refused: p.json:1:2: \\\"bad\\\"\",\"errors\":40,"
	    "\"complaints\":[\"p.json:1:2: \\\"bad\\\"\",\"p.json:2:1: worse\"]}",
	    0);
	sleep_a_second();
	harness_send(c, RELOAD);
	tell_result(expect_asked("reload", MSG_ASK_RELOAD), -EBUSY, "shutting down");
	harness_expect(c, "{\"id\":3,\"error\":\"shutting down\"}", 0);
	(void)close(c);
}

/* No record, no deed. */
static void
test_not_recorded(void **state)
{
	struct record r;
	int c = serve();

	(void)state;
	harness_send(c, ROTATE PING);
	harness_take(&h, &r);
	harness_ack_state(&h, 1, 1, REFUSAL_NO_SPACE, STORAGE_FAILED);
	harness_expect(c, "{\"id\":2,\"error\":\"audit log unavailable: no space left\"}", 0);
	harness_expect(c, PONG, 0);
	assert_false(harness_comes(h.control, 100));
	(void)close(c);
}

static void
test_writer_silent(void **state)
{
	struct record r;
	int c;

	(void)state;
	h.settings.answer_ms = 200;
	c = serve();
	harness_send(c, ROTATE);
	harness_take(&h, &r);
	harness_expect(
	    c, "{\"id\":2,\"error\":\"audit log unavailable: the writer does not answer\"}", 0);
	/* Too late: whoever asked was told that it was not done, so it is not. */
	harness_ack(&h, 1);
	assert_false(harness_comes(h.control, 200));
	(void)close(c);
}

static void
test_asker_gone(void **state)
{
	int c = serve();
	uint32_t request;

	(void)state;
	harness_send(c, ROTATE);
	request = expect_asked("rotate", MSG_ASK_ROTATE);
	(void)close(c);
	c = harness_connect(&h);
	harness_send(c, PING);
	harness_expect(c, PONG, 0);
	tell_result(request, 0, "audit-x.jsonl");
	harness_send(c, PING);
	harness_expect(c, PONG, 0);
	(void)close(c);
}

/* As nc and socat do it. */
static void
test_half_closed(void **state)
{
	int c = serve();

	(void)state;
	harness_send(c, ROTATE);
	(void)shutdown(c, SHUT_WR);
	tell_result(expect_asked("rotate", MSG_ASK_ROTATE), 0, "audit-x.jsonl");
	harness_expect(c, "{\"id\":2,\"rotated\":true,\"segment\":\"audit-x.jsonl\"}", 0);
	harness_ends(c);
	(void)close(c);
}

static void
test_finish(void **state)
{
	int c = serve();

	(void)state;
	harness_send(c, ROTATE);
	(void)expect_asked("rotate", MSG_ASK_ROTATE);
	harness_tell(&h, MSG_FINISH, STR(""), -1);
	harness_expect(c, "{\"id\":2,\"error\":\"shutting down\"}", 0);
	harness_ends(c);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_DONE);
	(void)close(c);
}

static void
test_channels_gone(void **state)
{
	int c = serve();

	(void)state;
	(void)shutdown(h.record, SHUT_RDWR);
	harness_ends(c);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_WRITER);
	harness_stop(&h);
	(void)close(c);
	harness_init(&h);
	c = serve();
	(void)shutdown(h.control, SHUT_RDWR);
	harness_ends(c);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_SUPERVISOR);
	(void)close(c);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_ping_and_errors),
	    TEST(test_ls),
	    TEST(test_long_listing),
	    TEST(test_gone_while_listing),
	    TEST(test_status),
	    TEST(test_rotate),
	    TEST(test_reload),
	    TEST(test_not_recorded),
	    TEST(test_writer_silent),
	    TEST(test_asker_gone),
	    TEST(test_half_closed),
	    TEST(test_finish),
	    TEST(test_channels_gone),
	};

	srandom((unsigned)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
