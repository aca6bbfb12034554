/* SPDX-License-Identifier: Apache-2.0 */

/* What auditlog's formats are made of: members by name, escapes that hold whatever is escaped, parts of resources. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "auditlog/format.h"
#include "auditlog/outline.h"

#define RANDOM_TEXTS 20000
#define TEXT 64

static char out[16 * TEXT];

static struct recordline
cut(const char *line)
{
	struct recordline r;
	struct recordline_fault fault;

	assert_int_equal(recordline_cut(&r, str_from(line), &fault), 0);
	return r;
}

static void
expect(const struct text *t, const char *wanted)
{
	assert_true(text_ok(t));
	assert_int_equal(t->n, strlen(wanted));
	assert_memory_equal(t->p, wanted, t->n);
}

/* --- members --------------------------------------------------------------------------------- */

static void
test_paths(void **state)
{
	const struct recordline r = cut(
	    "{\"action_type\":\"execution\",\"execution\":{\"a\":{\"b\":\"x\"},\"c\\n\":2},"
	    "\"peer\":{\"uid\":5},\"details\":7}");
	static const struct {
		const char *path, *value;
	} cases[] = {{"action_type", "execution"}, {"payload.a.b", "x"}, {"execution.a.b", "x"},
	    {"payload.c\n", "2"}, {"peer.uid", "5"}, {"peer.gid", NULL}, {"details", "7"},
	    {"details.x", NULL}, {"payload.a.b.c", NULL}, {"session.a", NULL}, {"seq", NULL}};
	struct recordline_value room;
	struct path p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct recordline_value *v;

		assert_true(path_parse(&p, str_from(cases[i].path)));
		v = path_find(&p, &r, &room);
		assert_int_equal(v != NULL, cases[i].value != NULL);
		if (v)
			assert_true(str_eq((struct str){v->p, v->n}, str_from(cases[i].value)));
	}
}

static void
test_no_paths(void **state)
{
	static const char *const wrong[] = {"", ".", "seq.", ".seq", "seq.x", "nothing", "peer.x",
	    "peer.uid.x", "details..x", "details.", "payload.x.", "\xff", "details.\xff"};
	struct path p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(path_parse(&p, str_from(wrong[i])));
}

/* --- escapes --------------------------------------------------------------------------------- */

static void
test_guard(void **state)
{
	struct text t = text_over(out, sizeof(out));

	(void)state;
	text_put(&t, STR("=a"));
	format_safe(&t, STR("b=\\c\n]"));
	format_guard(&t, 2, "\\=");
	expect(&t, "=ab\\=\\\\c\\\\x0a]");
	t = text_over(out, 4);
	text_put(&t, STR("==="));
	format_guard(&t, 0, "=");
	assert_false(text_ok(&t)); /* no room, and nothing behind it was written */
}

static void
test_cut(void **state)
{
	struct text t = text_over(out, sizeof(out));

	(void)state;
	text_put(&t, STR("xa\u00fc\u00fc"));
	format_cut(&t, 1, 4);
	expect(&t, "xa\u00fc");
	format_cut(&t, 1, 3);
	expect(&t, "xa\u00fc");
	format_cut(&t, 1, 2);
	expect(&t, "xa");
	format_cut(&t, 1, 0);
	expect(&t, "x");
}

static void
test_hexed(void **state)
{
	struct text t = text_over(out, sizeof(out));

	(void)state;
	format_hexed(&t, STR("a b[\u00a0\\\u00fc\x1b"), "[]", HEXED_TOKEN);
	expect(&t, "a\\x20b\\x5b\\xc2\\xa0\\x5c\u00fc\\x1b");
	t = text_over(out, sizeof(out));
	format_hexed(&t, STR("a b[\u00a0\u00fc"), "", HEXED_ASCII);
	expect(&t, "a b[\\xc2\\xa0\\xc3\\xbc");
	t = text_over(out, sizeof(out));
	format_hexed(&t, STR("\xff\u2028"), "", HEXED_TEXT);
	expect(&t, "\\xff\\xe2\\x80\\xa8");
	format_hexed(&t, STR_NONE, "", HEXED_TEXT);
}

/* Read back as a reader of the format would. Returns the bytes. */
static size_t
unhex(struct str s, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; n++) {
		char hex[3] = {0};

		if (s.p[i] != '\\') {
			to[n] = s.p[i++];
			continue;
		}
		assert_true(i + 4 <= s.n && s.p[i + 1] == 'x');
		memcpy(hex, s.p + i + 2, 2);
		to[n] = (char)strtol(hex, NULL, 16);
		i += 4;
	}
	return n;
}

/* Any bytes come back from \xhh, and none of the forbidden ones are in it. */
static void
test_random(void **state)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	static const char bytes[] = "a \\[]()=|\"\n\t\x1b\x7f\xc3\xbc\xc2\xa0\xe2\x80\xa8\xff,-";

	(void)state;
	printf("# SEED=%u\n", seed);
	srandom(seed);
	for (unsigned i = 0; i < RANDOM_TEXTS; i++) {
		char text[TEXT], back[sizeof(out)];
		struct text t = text_over(out, sizeof(out));
		size_t n = (size_t)random() % TEXT;

		for (size_t k = 0; k < n; k++)
			text[k] = bytes[(size_t)random() % sizeof(bytes)];
		format_hexed(&t, (struct str){text, n}, "()[]", HEXED_TOKEN);
		assert_true(text_ok(&t) && utf8_valid(text_str(&t)));
		for (size_t k = 0; k < t.n; k++)
			assert_null(t.p[k] ? strchr("()[] \n\t\x1b\x7f", t.p[k]) : t.p);
		assert_int_equal(unhex(text_str(&t), back), n);
		assert_memory_equal(back, text, n);
	}
}

/* --- records --------------------------------------------------------------------------------- */

static void
test_csv(void **state)
{
	const struct recordline r = cut(
	    "{\"username\":\"=a\\\"b\\n\",\"deny_reason\":[\"x\",\"y,z\"],\"seq\":-5}");
	static struct format_use use;
	struct text t = text_over(out, sizeof(out));
	struct str wrong;

	(void)state;
	assert_null(format_csv_parse(&use, STR("username,deny_reason,seq,agent"), &wrong));
	format_csv.record(&use, &t, &r, STR_NONE);
	expect(&t, "\"'=a\"\"b\n\",\"x; y,z\",-5,\r\n");
	assert_int_equal(format_csv.size(text_str(&t)), t.n);
	format_csv.record(&use, &t, &r, STR_NONE);
	assert_int_equal(format_csv.size(text_str(&t)), t.n / 2);
	assert_non_null(format_csv_parse(&use, STR("seq,,seq"), &wrong));
}

static void
test_template(void **state)
{
	const struct recordline r = cut("{\"username\":\"a\\u001b\",\"seq\":5}");
	static struct format_use use;
	struct text t = text_over(out, sizeof(out));
	struct str wrong;

	(void)state;
	assert_null(format_template_parse(&use, STR("<{seq}{username}> {agent}}"), &wrong));
	format_template.record(&use, &t, &r, STR_NONE);
	expect(&t, "<5a\\x1b> -}\n");
	assert_non_null(format_template_parse(&use, STR("{seq}\n"), &wrong));
	assert_non_null(format_template_parse(&use, STR("{seq"), &wrong));
}

static void
test_hosts(void **state)
{
	struct recordline r = cut("{\"resource_id\":\"[fe80::1]:443\"}");
	struct outline_host host;

	(void)state;
	assert_true(outline_host(&r, &host) && host.address && host.port == 443);
	assert_true(str_eq(host.name, STR("fe80::1")));
	r = cut("{\"resource_id\":\"a.example:80\"}");
	assert_true(outline_host(&r, &host) && !host.address && host.port == 80);
	r = cut("{\"resource_id\":\"a\\u002eexample:80\"}");
	assert_false(outline_host(&r, &host));
	r = cut("{\"resource_id\":\"1.2.3.4:99999\"}");
	assert_false(outline_host(&r, &host));
	r = cut("{\"resource_id\":5}");
	assert_false(outline_host(&r, &host));
}

static void
test_urls(void **state)
{
	static const struct {
		const char *text, *scheme, *host; /* scheme: NULL, it is no URL */
		unsigned port;
		bool address;
	} cases[] = {{"http://h.example/x", "http", "h.example", 80, false},
	    {"https://h.example?x:1", "https", "h.example", 443, false},
	    {"https://h:8443#:5", "https", "h", 8443, false},
	    {"http://[::1]:81/", "http", "::1", 81, true},
	    {"http://[::1]", "http", "::1", 80, true},
	    {"http://1.2.3.4", "http", "1.2.3.4", 80, true}, {"ftp://h/", NULL, NULL, 0, false},
	    {"HTTP://h/", NULL, NULL, 0, false}, {"http:/h", NULL, NULL, 0, false},
	    {"http://", NULL, NULL, 0, false}, {"http://:80", NULL, NULL, 0, false},
	    {"http://h:", NULL, NULL, 0, false}, {"http://h:65536/", NULL, NULL, 0, false},
	    {"http://u@h/", NULL, NULL, 0, false}, {"http://[::1/", NULL, NULL, 0, false},
	    {"http://[h]/", NULL, NULL, 0, false}, {"http:", NULL, NULL, 0, false},
	    {"", NULL, NULL, 0, false}, {"h:80", NULL, NULL, 0, false}};
	struct outline_url url;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[128];
		struct recordline r;

		(void)snprintf(line, sizeof(line), "{\"resource_id\":\"%s\"}", cases[i].text);
		r = cut(line);
		assert_int_equal(outline_url(&r, &url), cases[i].scheme != NULL);
		if (!cases[i].scheme)
			continue;
		assert_true(str_eq(url.scheme, str_from(cases[i].scheme)));
		assert_true(str_eq(url.host.name, str_from(cases[i].host)));
		assert_int_equal(url.host.port, cases[i].port);
		assert_int_equal(url.host.address, cases[i].address);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_urls),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_no_paths),
	    cmocka_unit_test(test_guard),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_hexed),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_csv),
	    cmocka_unit_test(test_template),
	    cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
