/* SPDX-License-Identifier: Apache-2.0 */

/* Canonical forms: what the tables of docs/POLICY.md do not say, and comparisons with libc. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "common/glob.h"
#include "policy/canon.h"
#include "policy/glob_path.h"
#include "policy/policy.h"

static unsigned seed;

static unsigned
pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static void
append(char *out, size_t size, const char *s)
{
	(void)snprintf(out + strlen(out), size - strlen(out), "%s", s);
}

static int
start_seed(void **state)
{
	const char *given = getenv("TEST_SEED");

	(void)state;
	seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	print_message("# TEST_SEED=%u\n", seed);
	return 0;
}

/* --- addresses ------------------------------------------------------------------------------- */

static void
text_of(const struct canon_ip *ip, char out[64])
{
	struct text t = text_over(out, 63);

	canon_ip_text(&t, ip, false);
	assert_true(text_ok(&t));
	out[t.n] = '\0';
}

/* Zeros are common, so that every shape of "::" comes up. */
static void
test_ip_text_and_back(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct canon_ip ip = {.n = pick(4) ? 16 : 4}, back;
		char ours[64];
		struct in6_addr libc;

		for (size_t k = 0; k < ip.n; k++)
			ip.bytes[k] = pick(3) ? 0 : (uint8_t)pick(256);
		text_of(&ip, ours);
		assert_int_equal(canon_ip_parse_raw(str_from(ours), &back), 0);
		assert_int_equal(back.n, ip.n);
		assert_memory_equal(back.bytes, ip.bytes, ip.n);
		assert_int_equal(inet_pton(ip.n == 4 ? AF_INET : AF_INET6, ours, &libc), 1);
		assert_memory_equal(&libc, ip.bytes, ip.n);
		if (ip.n == 4 || canon_ip_is_mapped(&ip))
			continue;
		/* RFC 5952 as libc writes it, where libc does not write the last 32 bits as IPv4. */
		char theirs[INET6_ADDRSTRLEN];
		assert_non_null(inet_ntop(AF_INET6, ip.bytes, theirs, sizeof(theirs)));
		if (!strchr(theirs, '.'))
			assert_string_equal(ours, theirs);
	}
}

/* Whatever the text: both take it as the same address, or both refuse it. */
static void
test_ip_agrees_with_libc(void **state)
{
	static const char *const parts[] = {"0", "1", "ffff", "10", "255", "256", ":", "::", ".",
	    "01", "abcd", "12345", "1.2.3.4", "::1", "%", " ", "x", "-1", "ffff:", ":0"};
	unsigned taken = 0;

	(void)state;
	for (int i = 0; i < 400000; i++) {
		char s[128] = "";
		unsigned n = 1 + pick(9);
		struct canon_ip ip;
		uint8_t libc[16];
		int ours, theirs;

		for (unsigned k = 0; k < n; k++)
			append(s, sizeof(s), parts[pick(ARRAY_SIZE(parts))]);
		ours = canon_ip_parse_raw(str_from(s), &ip);
		theirs = inet_pton(strchr(s, ':') ? AF_INET6 : AF_INET, s, libc);
		if ((ours == 0) != (theirs == 1))
			fail_msg("\"%s\": ours %d, libc %d", s, ours, theirs);
		if (ours == 0)
			assert_memory_equal(ip.bytes, libc, ip.n);
		taken += ours == 0;
	}
	print_message("# %u addresses\n", taken);
	assert_true(taken > 1000);
}

static void
test_ip_refuses_aton(void **state)
{
	static const char *const lax[] = {"1", "127.1", "127.0.1", "0x7f.0.0.1", "0177.0.0.1",
	    "127.0.0.01", "127.0.0.1.", " 127.0.0.1", "127.0.0.1 ", "127.0.0.1\n", "+1.0.0.1",
	    "1.2.3.4.5", "", ".", "1..2.3", "1.2.3.", ":", ":::", "1::2::3", "::1%lo", "[::1]",
	    "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "::00001", "1:2:3:4:5:6:7:1.2.3.4",
	    "::1.2.3.4:5", "::1.2.3", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::g"};
	struct canon_ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lax); i++)
		if (canon_ip_parse(str_from(lax[i]), &ip) == 0)
			fail_msg("\"%s\" was taken", lax[i]);
	/* A NUL within is not the end. */
	assert_int_not_equal(canon_ip_parse((struct str){"1.2.3.4\0", 8}, &ip), 0);
}

/* Bit by bit, the other way to say it. */
static void
test_within(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		unsigned bytes = pick(2) ? 4 : 16, prefix = pick(8 * bytes + 1);
		uint8_t net[16], a[16];
		bool same = true;

		for (unsigned k = 0; k < 16; k++)
			a[k] = net[k] = (uint8_t)pick(256);
		if (pick(4))
			a[pick(bytes)] ^= (uint8_t)(1u << pick(8));
		for (unsigned bit = 0; bit < prefix; bit++)
			same = same && !((net[bit / 8] ^ a[bit / 8]) >> (7 - bit % 8) & 1);
		assert_int_equal(canon_ip_within(net, prefix, a), same);
	}
}

/* --- names and ports ------------------------------------------------------------------------- */

static int
host_of(struct str s, char out[512])
{
	struct text t = text_over(out, 511);
	const char *why = NULL;
	int error = canon_host(s, &t, &why);

	out[t.n] = '\0';
	assert_true(error == 0 || why);
	return error;
}

static void
test_host_lengths(void **state)
{
	char long_name[260], out[512];

	(void)state;
	memset(long_name, 'a', sizeof(long_name));
	for (size_t i = 63; i < sizeof(long_name); i += 64)
		long_name[i] = '.';
	assert_int_equal(host_of((struct str){long_name, 63}, out), 0);
	assert_int_equal(host_of((struct str){long_name, 253}, out), 0);
	assert_int_not_equal(host_of((struct str){long_name, 254}, out), 0);
	long_name[253] = '.';
	assert_int_equal(host_of((struct str){long_name, 254}, out), 0);
	assert_int_equal(strlen(out), 253);
	memset(long_name, 'a', sizeof(long_name));
	assert_int_not_equal(host_of((struct str){long_name, 64}, out), 0);
}

/* Every byte that may not stand in a name is refused, wherever it stands. */
static void
test_host_bytes(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char s[] = "ab.cd", out[512];
		bool good = canon_is_alpha((char)c) || canon_is_digit((char)c) || c == '-' ||
			    c == '_';

		s[1] = (char)c;
		assert_int_equal(host_of((struct str){s, 5}, out) == 0, good && c != '-');
		s[1] = 'b';
		s[4] = (char)c;
		/* A dot at the end is the root. */
		assert_int_equal(
		    host_of((struct str){s, 5}, out) == 0, (good && c != '-') || c == '.');
	}
}

static void
test_ports(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 70000; i++) {
		char s[16];
		uint16_t port = 0;
		int error;

		(void)snprintf(s, sizeof(s), "%u", i);
		error = canon_port(str_from(s), &port);
		assert_int_equal(error == 0, i >= 1 && i <= 65535);
		if (error == 0)
			assert_int_equal(port, i);
	}
}

/* --- operations ------------------------------------------------------------------------------ */

static void
test_long_resources(void **state)
{
	const struct str file = STR("fs:path:/"), url = STR("http:url:https://h.example/");
	static char s[80000];
	struct policy_op op;
	const char *why;

	(void)state;
	memset(s, 'x', sizeof(s));
	memcpy(s, file.p, file.n);
	assert_int_equal(policy_op_parse(&op, STR("fs:read"), (struct str){s, 8 + 4096}, &why), 0);
	assert_int_equal(op.target.n, 4096);
	assert_int_equal(
	    policy_op_parse(&op, STR("fs:read"), (struct str){s, 8 + 4097}, &why), -EINVAL);
	assert_int_equal(
	    policy_op_parse(&op, STR("fs:read"), (struct str){s, sizeof(s)}, &why), -EINVAL);
	/* Escapes make it grow: the canonical form is what counts. */
	memset(s, '"', sizeof(s));
	memcpy(s, url.p, url.n);
	assert_int_equal(
	    policy_op_parse(&op, STR("http:request:GET"), (struct str){s, 27 + 1359}, &why), 0);
	assert_in_range(op.target.n, 4080, 4096);
	for (size_t n = 27 + 1360; n < sizeof(s); n += 997)
		assert_int_equal(
		    policy_op_parse(&op, STR("http:request:GET"), (struct str){s, n}, &why),
		    -EINVAL);
}

static void
test_op_fields(void **state)
{
	struct policy_op op;
	const char *why;

	(void)state;
	assert_int_equal(policy_op_parse(&op, STR("http:request:post"),
			     STR("http:url:HTTP://Api.Example.COM:8080//a/b/?x=1"), &why),
	    0);
	assert_true(str_eq(op.action_name, STR("http:request:POST")));
	assert_true(str_eq(op.method, STR("POST")));
	assert_true(str_eq(op.scheme, STR("http")));
	assert_true(str_eq(op.host, STR("api.example.com")));
	assert_true(str_eq(op.path, STR("/a/b")));
	assert_true(str_eq(op.target, STR("http://api.example.com:8080//a/b/?x=1")));
	assert_int_equal(op.port, 8080);
	assert_int_equal(op.ip_bytes, 0);
	assert_int_equal(
	    policy_op_parse(&op, STR("net:connect:udp"), STR("net:ip:[::1]:53"), &why), 0);
	assert_int_equal(op.ip_bytes, 16);
	assert_int_equal(op.host.n, 0);
	assert_true(str_eq(op.target, STR("[::1]:53")));
	assert_int_equal(op.family, FAMILY_NET);
	assert_int_equal(op.action, POLICY_CONNECT_UDP);
}

/* Bytes at random after a right beginning: refused, or stable when asked again. */
static void
test_random_resources(void **state)
{
	static const struct {
		const char *action, *kind;
	} kinds[] = {
	    {"net:connect:tcp", "net:domain:"},
	    {"net:connect:tcp", "net:ip:"},
	    {"fs:read", "fs:path:/"},
	    {"http:request:GET", "http:url:https://h"},
	    {"tool:invoke", "tool:name:"},
	};
	static const char alphabet[] = "ab0.:/%2eE?#@[]*\\-_ x1\xc3\xa9\n\0";
	unsigned taken = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		static struct policy_op op, again;
		size_t kind = pick(ARRAY_SIZE(kinds)), n = strlen(kinds[kind].kind),
		       extra = pick(24);
		char s[64];
		const char *why = NULL;

		memcpy(s, kinds[kind].kind, n);
		for (size_t k = 0; k < extra; k++)
			s[n + k] = alphabet[pick(sizeof(alphabet))];
		if (policy_op_parse(
			&op, str_from(kinds[kind].action), (struct str){s, n + extra}, &why) < 0) {
			assert_non_null(why);
			continue;
		}
		taken++;
		assert_int_equal(policy_op_parse(&again, op.action_name, op.resource, &why), 0);
		assert_true(str_eq(op.resource, again.resource));
		assert_true(str_eq(op.path, again.path));
		assert_true(utf8_valid(op.resource));
	}
	print_message("# %u resources\n", taken);
	assert_true(taken > 10000);
}

/* --- globs ----------------------------------------------------------------------------------- */

/* The definition itself, as a table of which prefixes match. */
static bool
slow_name(const char *p, const char *s)
{
	bool row[32] = {true};
	size_t n = strlen(s);

	for (; *p; p++) {
		bool next[32] = {*p == '*' && row[0]};

		for (size_t i = 0; i < n; i++)
			next[i + 1] = *p == '*' ? row[i + 1] || next[i] : row[i] && *p == s[i];
		memcpy(row, next, sizeof(row));
	}
	return row[n];
}

static void
random_word(char *out, const char *alphabet, unsigned max)
{
	unsigned n = pick(max + 1);

	for (unsigned i = 0; i < n; i++)
		*out++ = alphabet[pick((unsigned)strlen(alphabet))];
	*out = '\0';
}

static void
test_glob_name(void **state)
{
	(void)state;
	for (int i = 0; i < 300000; i++) {
		char p[16], s[16];

		random_word(p, "ab**", 9);
		random_word(s, "ab*", 12);
		if (glob_name(str_from(p), str_from(s)) != slow_name(p, s))
			fail_msg("\"%s\" on \"%s\"", p, s);
	}
}

/* What matches holds it. */
static void
test_glob_literal(void **state)
{
	unsigned matched = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char p[16], s[16];
		struct str literal;

		random_word(p, "ab**", 9);
		random_word(s, "ab", 12);
		literal = glob_literal(str_from(p));
		assert_null(memchr(literal.p, '*', literal.n));
		if (!glob_name(str_from(p), str_from(s)) || literal.n == 0)
			continue;
		assert_non_null(memmem(s, strlen(s), literal.p, literal.n));
		matched++;
	}
	assert_true(matched > 1000);
	assert_true(str_eq(glob_literal(STR("*bc*d*")), STR("bc")));
	assert_int_equal(glob_literal(STR("**")).n, 0);
}

/* Segments as letters: then a path glob is a name glob in which '+' takes one or more. */
static bool
slow_path(const char *const *p, size_t np, const char *const *s, size_t ns)
{
	bool row[16] = {true};

	for (size_t k = 0; k < np; k++) {
		bool deep = strcmp(p[k], "**") == 0;
		bool next[16] = {false};

		for (size_t i = 0; i < ns; i++)
			next[i + 1] = deep ? row[i] || next[i] : row[i] && slow_name(p[k], s[i]);
		memcpy(row, next, sizeof(row));
	}
	return row[ns];
}

static size_t
random_path(char out[64], const char **segments, const char *const *words, unsigned n_words)
{
	size_t n = pick(8);

	*out = '\0';
	for (size_t i = 0; i < n; i++) {
		segments[i] = words[pick(n_words)];
		append(out, 64, "/");
		append(out, 64, segments[i]);
	}
	if (n == 0)
		append(out, 64, "/");
	return n;
}

static void
test_glob_path(void **state)
{
	static const char *const patterns[] = {"a", "b", "**", "**", "*", "a*"};
	static const char *const words[] = {"a", "b", "ab"};
	unsigned yes = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		const char *ps[8], *ss[8];
		char p[64], s[64];
		size_t np = random_path(p, ps, patterns, ARRAY_SIZE(patterns));
		size_t ns = random_path(s, ss, words, ARRAY_SIZE(words));
		bool want = slow_path(ps, np, ss, ns);

		if (glob_path(str_from(p), str_from(s)) != want)
			fail_msg("\"%s\" on \"%s\"", p, s);
		yes += want;
	}
	print_message("# %u of 300000 match\n", yes);
	assert_true(yes > 3000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ip_text_and_back),
	    cmocka_unit_test(test_ip_agrees_with_libc),
	    cmocka_unit_test(test_ip_refuses_aton),
	    cmocka_unit_test(test_within),
	    cmocka_unit_test(test_host_lengths),
	    cmocka_unit_test(test_host_bytes),
	    cmocka_unit_test(test_ports),
	    cmocka_unit_test(test_long_resources),
	    cmocka_unit_test(test_op_fields),
	    cmocka_unit_test(test_random_resources),
	    cmocka_unit_test(test_glob_name),
	    cmocka_unit_test(test_glob_literal),
	    cmocka_unit_test(test_glob_path),
	};

	return cmocka_run_group_tests(tests, start_seed, NULL);
}
