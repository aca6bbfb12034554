/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "policyctl/squid_line.h"

#define ASSERT_STR(s, literal)                                           \
	do {                                                             \
		struct str s_ = (s);                                     \
		assert_int_equal(s_.n, sizeof(literal) - 1);             \
		assert_memory_equal(s_.p, literal, sizeof(literal) - 1); \
	} while (0)

static int
parse(const char *z, struct squid_query *q, const char **why)
{
	static char line[SQUID_LINE];
	size_t n = strlen(z);

	memcpy(line, z, n + 1);
	return squid_parse(line, n, q, why);
}

static void
test_parse(void **state)
{
	struct squid_query q;
	const char *why;

	(void)state;
	assert_int_equal(parse("42 www.example.com 443 CONNECT 127.0.0.1 alice -", &q, &why), 0);
	ASSERT_STR(q.id, "42");
	ASSERT_STR(q.host, "www.example.com");
	ASSERT_STR(q.port, "443");
	ASSERT_STR(q.method, "CONNECT");
	ASSERT_STR(q.source, "127.0.0.1");
	ASSERT_STR(q.login, "alice");
	assert_int_equal(parse("0 a 1 GET - - -", &q, &why), 0);
	assert_false(str_given(q.login));
	ASSERT_STR(q.source, "-");
	assert_int_equal(parse("18446744073709551615 a 1 GET - - -", &q, &why), 0);
	ASSERT_STR(q.id, "18446744073709551615");
}

static void
test_unescape(void **state)
{
	struct squid_query q;
	const char *why;

	(void)state;
	assert_int_equal(
	    parse("1 %61%2fB%2Dc 80 G%20T x%25y %22%0a%c3%a4%01%7F%20 -", &q, &why), 0);
	ASSERT_STR(q.host, "a/B-c");
	ASSERT_STR(q.method, "G T");
	ASSERT_STR(q.source, "x%y");
	ASSERT_STR(q.login, "\"\n\xc3\xa4\x01\x7f ");
	/* Unescaped once, not twice. */
	assert_int_equal(parse("1 %2561 80 GET x - -", &q, &why), 0);
	ASSERT_STR(q.host, "%61");
	/* An escaped minus is a minus, not an absent value. */
	assert_int_equal(parse("1 a 80 GET x %2D -", &q, &why), 0);
	ASSERT_STR(q.login, "-");
}

static void
test_refused(void **state)
{
	static const char *const lines[] = {"", " ", "1", "a", "1 ", "1 a 80 GET x",
	    "1 a 80 GET x y", "1 a 80 GET x y z", "1 a 80 GET x y - z", "1 a 80 GET x y - ",
	    "1 a 80 GET x y  -", "1 a 80 GET  x -", "1  a 80 GET x y -", "1 a 80 GET x  -",
	    "1 a 80 GET x a b -", "1 a 80 GET x joe - -", "a 80 GET x y -", "1 - 80 GET x y -",
	    "1 a - GET x y -", "1 a 8.0 GET x y -", "1 a 12345678901 GET x y -",
	    "1 a% 80 GET x y -", "1 a%6 80 GET x y -", "1 a%6g 80 GET x y -", "1 a%g6 80 GET x y -",
	    "1 a%00 80 GET x y -", "1 a 80 %80 x y -", "1 a 80 GET %ff y -", "1 a 80 GET x \xff -",
	    "1 a 80 GET x j\xc3\xb6 -", "1 a\x7f 80 GET x y -", "1 a 80 GET x a\"b -",
	    "1 a 80 GET x a\\b -", "1 [::1] 80 GET x y -", "1 a 80 GET x y -\r",
	    "1 a 80 GET\tx y z -", "-1 a 80 GET x y -", "+1 a 80 GET x y -", " 1 a 80 GET x y -",
	    "123456789012345678901 a 80 GET x y -", "1a a 80 GET x y -"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct squid_query q;
		const char *why = NULL;

		assert_int_not_equal(parse(lines[i], &q, &why), 0);
		assert_non_null(why);
		assert_int_equal(str_given(q.id),
		    lines[i][0] == '1' && lines[i][1] != 'a' && strncmp(lines[i], "1234", 4) != 0);
	}
}

static void
request_is(const char *line, const char *want)
{
	char buf[1024];
	struct text t = text_over(buf, sizeof(buf) - 1);
	struct squid_query q;
	const char *why;

	assert_int_equal(parse(line, &q, &why), 0);
	squid_request(&t, 7, &q, STR("squid"));
	assert_true(text_ok(&t));
	buf[t.n] = '\0';
	assert_string_equal(buf, want);
}

#define BEFORE "{\"id\":7,\"action\":\"net:connect:tcp\",\"resource\":\""
#define AFTER "\"client_name\":\"squid\",\"context\":{\"src\":\"1.2.3.4\",\"method\":\"GET\"}}\n"

static void
test_request(void **state)
{
	(void)state;
	request_is("1 a.b 80 GET 1.2.3.4 - -", BEFORE "net:domain:a.b:80\"," AFTER);
	request_is("1 a 80 GET 1.2.3.4 joe%22%0a -",
	    BEFORE "net:domain:a:80\",\"subject\":{\"user\":\"joe\\\"\\n\"}," AFTER);
	request_is("1 1.2.3.4 080 GET 1.2.3.4 - -", BEFORE "net:ip:1.2.3.4:080\"," AFTER);
	request_is("1 %5B1.2.3.4%5D 80 GET 1.2.3.4 - -", BEFORE "net:domain:[1.2.3.4]:80\"," AFTER);
	request_is(
	    "1 %5B::1%25eth0%5D 80 GET 1.2.3.4 - -", BEFORE "net:domain:[::1%eth0]:80\"," AFTER);
	request_is("1 %5b::ffff:1.2.3.4%5d 80 GET 1.2.3.4 - -",
	    BEFORE "net:ip:[::ffff:1.2.3.4]:80\"," AFTER);
	request_is("1 2001:db8::1 80 GET 1.2.3.4 - -", BEFORE "net:ip:[2001:db8::1]:80\"," AFTER);
	/* A port or a quote in the host stays inside the one string. */
	request_is(
	    "1 a:443%22,%22x 80 GET 1.2.3.4 - -", BEFORE "net:domain:a:443\\\",\\\"x:80\"," AFTER);
}

static void
reply_is(struct str id, bool allow, struct str message, struct str event, const char *want)
{
	char buf[SQUID_REPLY + 1];
	struct text t = text_over(buf, SQUID_REPLY);

	squid_reply(&t, id, allow, message, event);
	assert_true(text_ok(&t));
	buf[t.n] = '\0';
	assert_string_equal(buf, want);
}

static void
test_reply(void **state)
{
	(void)state;
	reply_is(STR("1"), true, STR("no word of it"), STR("1b4e-28"), "1 OK log=1b4e-28\n");
	reply_is(STR("1"), true, STR_NONE, STR_NONE, "1 OK\n");
	reply_is(STR("1"), false, STR("a b\n\"%41\\\xc3\xa4\xff="), STR_NONE,
	    "1 ERR message=a%20b%5cx0a%22%2541%5c%c3%a4%5cxff%3d\n");
	reply_is(STR_NONE, false, STR("x"), STR("a b"), "ERR message=x log=a%20b\n");
	reply_is(STR("1"), false, STR(""), STR(""), "1 ERR message= log=\n");
}

static void
test_longest_reply_fits(void **state)
{
	static char message[10000];
	char buf[SQUID_REPLY];
	struct text t = text_over(buf, sizeof(buf));
	struct str all = {message, sizeof(message)};

	(void)state;
	memset(message, '/', sizeof(message));
	squid_reply(&t, STR("18446744073709551615"), false, all, all);
	assert_true(text_ok(&t));
	assert_int_equal(buf[t.n - 1], '\n');
}

/* Whatever the values are: what Squid escapes arrives as it was. */
static void
test_round_trip(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		char line[512], login[64];
		struct text t = text_over(line, sizeof(line));
		size_t n = 1 + (size_t)random() % sizeof(login);
		struct squid_query q;
		const char *why;

		text_put(&t, STR("1 a 80 GET x "));
		for (size_t i = 0; i < n; i++) {
			login[i] = (char)(1 + random() % 127);
			text_char(&t, '%');
			text_hex(&t, (const uint8_t *)&login[i], 1);
		}
		text_put(&t, STR(" -"));
		assert_true(text_ok(&t));
		assert_int_equal(squid_parse(line, t.n, &q, &why), 0);
		assert_int_equal(q.login.n, n);
		assert_memory_equal(q.login.p, login, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_unescape),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_request),
	    cmocka_unit_test(test_reply),
	    cmocka_unit_test(test_longest_reply_fits),
	    cmocka_unit_test(test_round_trip),
	};
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("# SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
