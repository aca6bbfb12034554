/* SPDX-License-Identifier: Apache-2.0 */

/* Loading documents: what is complained about, where, and how several files become one policy. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "tests/unit/policy_fixture.h"

static struct policy_report report;

/* --- complaints and their places ------------------------------------------------------------- */

#define HEAD "{\"schema\":\"sealwright-policy/1\",\n"
/* A policy around rules, and a rule around its last members. */
#define RULES(rules) HEAD "\"policies\":[{\"id\":\"p\",\"rules\":[\n" rules "]}]}"
#define RULE(members)                                                               \
	RULES("{\"id\":\"r\",\"decision\":\"allow\",\"actions\":[\"connect:tcp\"]," \
	      "\"resources\":[\"a.example\"]," members "}")
#define TEST(members)                                                                           \
	HEAD "\"tests\":[{\"name\":\"t\",\"expect\":\"deny\",\"op\":{\"action\":\"proc:exec\"," \
	     "\"resource\":\"proc:path:/x\"}," members "}]}"

/* '~' marks the place and is taken out. */
static const struct {
	const char *text, *want;
} complaints[] = {
    {"~", "expected a value, found the end"},
    {"~[]", "a policy file must be an object, not array"},
    {"~null", "a policy file must be an object, not null"},
    {"~{}", "missing key \"schema\""},
    {"{~\"schema\":1}", "\"schema\" must be a string, not number"},
    {"{\"schema\":\n  ~\"docker/1\"}", "\"schema\" must be \"sealwright-policy/1\""},
    {HEAD "  ~\"polices\":[]}", "unknown key \"polices\" in a policy file"},
    {HEAD "~\"revision\":\"a\",\"revision\":\"b\"}", NULL},
    {HEAD "\"revision\":~\"\"}", "\"revision\" must have 1 to 256 bytes"},
    {HEAD "\"revision\":~\"a+b\"}", "\"revision\" must not contain '+'"},
    {HEAD "~\"policies\":null}", "\"policies\" must be an array, not null"},
    {HEAD "\"policies\":~[null]}", "a policy must be an object, not null"},
    {HEAD "\"policies\":[~1]}", "a policy must be an object, not number"},
    {HEAD "\"policies\":[~{\"rules\":[]}]}", "missing key \"id\""},
    {HEAD "\"policies\":[~{\"id\":\"p\"}]}", "missing key \"rules\""},
    {HEAD "\"policies\":[{\"id\":~\"a b\",\"rules\":[]}]}",
	"\"id\" must be letters, digits and . _ : @ + - and begin with a letter or digit"},
    {HEAD "\"policies\":[{\"id\":\"p\",\"mode\":~\"block\",\"rules\":[]}]}",
	"\"mode\" must be enforce, warn or audit"},
    {HEAD "\"policies\":[{\"id\":\"p\",\"rules\":[]},\n{\"id\":~\"p\",\"rules\":[]}]}",
	"duplicate policy id \"p\" (first in test.json)"},
    {HEAD "\"policies\":[{\"id\":\"p\",\"scope\":{\"users\":[\"a\",~2]},\"rules\":[]}]}",
	"each entry of \"users\" must be a string, not number"},
    {RULES("~7"), "a rule must be an object, not number"},
    {RULES("~{\"id\":\"r\",\"decision\":\"allow\",\"actions\":[\"exec\"]}"),
	"missing key \"resources\""},
    {RULES("{\"id\":\"r\",\"decision\":\"allow\",\"actions\":~[],\"resources\":[\"x\"]}"),
	"\"actions\" must not be empty"},
    {RULES("{\"id\":\"r\",\"decision\":\"allow\",\"actions\":[\"exec\"],\"resources\":~[]}"),
	"\"resources\" must not be empty"},
    {RULES("{\"id\":\"r\",\"decision\":\"allow\",\"actions\":[\"exec\",~\"connect\"],"
	   "\"resources\":[\"x\"]}"),
	"no such action: \"connect\""},
    {RULES("{\"id\":\"r\",\"decision\":\"allow\",\"actions\":[\"exec\",~\"read\"],"
	   "\"resources\":[\"x\"]}"),
	"program and file system actions in one rule: make two rules"},
    {RULES("{\"id\":\"r\",\"decision\":\"allow\",\"actions\":[~\"request:G T\"],"
	   "\"resources\":[\"x\"]}"),
	"no HTTP method: \"G T\""},
    {RULES("{\"id\":\"r\",\"decision\":\"allow\",\"actions\":[\"connect:tcp\"],"
	   "\"resources\":[\"a.example\",\n\t~\"10.0.0.1/8\"]}"),
	"bad network pattern \"10.0.0.1/8\": network has host bits set: did you mean 10.0.0.0/8?"},
    {RULES("{\"id\":\"r\",\"decision\":~\"permit\",\"actions\":[\"exec\"],\"resources\":[\"x\"]}"),
	"\"decision\" must be allow or deny"},
    {RULES("{\"id\":\"r\",\"decision\":\"deny\",\"actions\":[\"exec\"],\"resources\":[\"x\"]},\n"
	   "{\"id\":~\"r\",\"decision\":\"deny\",\"actions\":[\"exec\"],\"resources\":[\"x\"]}"),
	"duplicate rule id \"r\" in this policy"},
    {RULE("~\"dest\":1"), "unknown key \"dest\" in a rule"},
    {RULE("\"name\":~\"a\\u0007\""), "\"name\" must not contain control characters"},
    {RULE("\"expires\":~\"2026-02-29T00:00:00Z\""),
	"\"expires\" must be a date and time with offset, like 2026-12-31T00:00:00Z"},
    {RULE("~\"when\":[]"), "\"when\" must be an object, not array"},
    {RULE("\"when\":{~\"user\":\"x\"}"), "unknown key \"user\" in when"},
    {RULE("\"when\":{\"time\":{\"from\":~\"9:00\"}}"), "\"from\" must be a time of day, HH:MM"},
    {RULE("\"when\":{\"time\":{\"from\":~\"24:00\"}}"), "\"from\" must be a time of day, HH:MM"},
    {RULE("\"when\":{\"time\":{\"to\":~\"24:01\"}}"), "\"to\" must be a time of day, HH:MM"},
    {RULE("\"when\":{\"time\":~{\"from\":\"08:00\",\"to\":\"08:00\"}}"),
	"\"from\" and \"to\" are the same: leave both out for the whole day"},
    {RULE("\"when\":{\"time\":{\"days\":[\"mon\",~\"Tue\"]}}"),
	"days are mon, tue, wed, thu, fri, sat, sun"},
    {RULE("\"when\":{\"time\":{\"zone\":~\"Europe/Berlin\"}}"),
	"time zone \"Europe/Berlin\": there is no time zone database in /usr/share/zoneinfo"},
    {RULE("\"when\":{\"time\":{\"zone\":~\"Europe/../Berlin\"}}"),
	"\"zone\" must be \"UTC\", an offset like \"+01:00\", or a name like \"Europe/Berlin\""},
    {RULE("\"when\":{\"context\":{\"k\":~true}}"), "\"k\" must be a string or a list of strings"},
    {RULE("\"when\":{\"context\":{\"k\":~[]}}"), "\"k\" must not be empty"},
    {TEST("~\"sub\":{}"), "unknown key \"sub\" in a test"},
    {TEST("\"subject\":{~\"sandbox_id\":\"x\"}"), "unknown key \"sandbox_id\" in subject"},
    {TEST("\"time\":~\"noon\""),
	"\"time\" must be a date and time with offset, like 2026-12-31T00:00:00Z"},
    {HEAD "\"tests\":[{\"name\":\"t\",\"expect\":\"deny\",\"op\":~{\"action\":\"proc:exec\","
	  "\"resource\":\"proc:path:x\"}}]}",
	"op is not understood: path must be absolute"},
    {HEAD "\"tests\":[\n~{\"name\":\"t\",\"expect\":\"allow\",\"op\":{\"action\":\"proc:exec\","
	  "\"resource\":\"proc:path:/x\"}}]}",
	"test \"t\": expected allow, got: no applicable policies for op(action=proc:exec, "
	"resource=proc:path:/x)"},
};

/* Without the mark; its line and column from 1. */
static void
take_mark(const char *text, char *out, uint32_t *ret_line, uint32_t *ret_column)
{
	const char *mark = strchr(text, '~');
	uint32_t line = 1, column = 1;

	assert_non_null(mark);
	for (const char *p = text; p < mark; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	(void)sprintf(out, "%.*s%s", (int)(mark - text), text, mark + 1);
	*ret_line = line;
	*ret_column = column;
}

static void
test_complaints(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
		const struct policy_complaint *c = &report.complaint[0];
		char text[2048];
		struct fixture f;
		uint32_t line, column;

		take_mark(complaints[i].text, text, &line, &column);
		assert_int_equal(fixture_try(&f, text, &report), -EINVAL);
		if (!complaints[i].want)
			continue; /* the scanner's own complaint, tested with the scanner */
		if (report.n != 1 || strcmp(c->text, complaints[i].want) != 0 || c->line != line ||
		    c->column != column)
			fail_msg("case %zu: %u complaints, \"%s\" at %u:%u, want \"%s\" at %u:%u",
			    i, report.n, c->text, c->line, c->column, complaints[i].want, line,
			    column);
		assert_string_equal(c->file, "test.json");
	}
}

/* One run finds everything, in the order of the text, and counts what it does not keep. */
static void
test_all_complaints(void **state)
{
	char text[65536];
	struct text t = text_over(text, sizeof(text) - 1);
	struct fixture f;

	(void)state;
	text_put(
	    &t, STR(HEAD "\"what\":1,\"policies\":[{\"id\":\"p\",\"mode\":\"x\",\"rules\":[\n"));
	for (unsigned i = 0; i < 100; i++) {
		text_put(&t, i ? STR(",\n{\"id\":\"r") : STR("{\"id\":\"r"));
		text_u64(&t, i / 2);
		text_put(&t, STR("\",\"actions\":[\"exec\"],\"resources\":[\"a/"
				 "b\"],\"decision\":\"deny\"}"));
	}
	text_put(&t, STR("]}]}"));
	assert_true(text_ok(&t));
	text[t.n] = '\0';
	assert_int_equal(fixture_try(&f, text, &report), -EINVAL);
	assert_int_equal(report.n, POLICY_COMPLAINTS);
	/* Key, mode, a pattern each, every second id. */
	assert_int_equal(report.n + report.dropped, 1 + 1 + 100 + 50);
	assert_int_equal(report.policies, 1);
	assert_int_equal(report.rules, 100);
	assert_string_equal(report.complaint[0].text, "unknown key \"what\" in a policy file");
	for (uint32_t i = 1; i < report.n; i++)
		assert_true(report.complaint[i].line >= report.complaint[i - 1].line);
}

/* Tests are run only when everything else is right; all of them. */
static void
test_failing_tests(void **state)
{
	const char *text = HEAD
	    "\"policies\":[{\"id\":\"p\",\"rules\":[{\"id\":\"r\",\"actions\":[\"exec\"],"
	    "\"resources\":[\"/bin/*\"],\"decision\":\"allow\"}]}],\n"
	    "\"tests\":[\n"
	    "{\"name\":\"a\",\"op\":{\"action\":\"proc:exec\",\"resource\":\"proc:path:/bin/a\"},"
	    "\"expect\":\"deny\"},\n"
	    "{\"name\":\"b\",\"op\":{\"action\":\"proc:exec\",\"resource\":\"proc:path:/bin/a\"},"
	    "\"expect\":\"allow\",\"rule\":\"q\"},\n"
	    "{\"name\":\"c\",\"op\":{\"action\":\"proc:exec\",\"resource\":\"proc:path:/bin/a\"},"
	    "\"expect\":\"allow\",\"rule\":\"p/r\"},\n"
	    "{\"name\":\"d\",\"op\":{\"action\":\"proc:exec\",\"resource\":\"proc:path:/bin/a\"},"
	    "\"expect\":\"allow\",\"record\":\"deny\"},\n"
	    "{\"name\":\"e\",\"op\":{\"action\":\"proc:exec\",\"resource\":\"proc:path:/a\"},"
	    "\"expect\":\"deny\",\"rule\":\"r\"}]}";
	struct fixture f;

	(void)state;
	assert_int_equal(fixture_try(&f, text, &report), -EINVAL);
	assert_int_equal(report.tests, 5);
	assert_int_equal(report.n, 4);
	assert_string_equal(report.complaint[0].text,
	    "test \"a\": expected deny, got: allowed by rule r in policy p");
	assert_int_equal(report.complaint[0].line, 4);
	assert_int_equal(report.complaint[0].column, 1);
	assert_string_equal(report.complaint[1].text,
	    "test \"b\": expected rule q, got: allowed by rule r in policy p");
	assert_string_equal(report.complaint[2].text,
	    "test \"d\": expected deny on record, got: allowed by rule r in policy p");
	assert_string_equal(report.complaint[3].text,
	    "test \"e\": expected rule r, got: no applicable policies for "
	    "op(action=proc:exec, resource=proc:path:/a)");
}

/* --- files and directories ------------------------------------------------------------------- */

static char directory[] = "/tmp/sw-policy-XXXXXX";

static int
make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static void
path_of(const char *name, char out[256])
{
	(void)snprintf(out, 256, "%s/%s", directory, name);
}

static void
put_file(const char *name, const char *text)
{
	char path[256];
	int fd;

	path_of(name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(close(fd), 0);
}

static void
remove_file(const char *name)
{
	char path[256];

	path_of(name, path);
	(void)unlink(path);
	(void)rmdir(path);
}

static int
remove_directory(void **state)
{
	static const char *const names[] = {
	    "10.json", "9.json", "a.json", "b.json", "c.txt", ".hidden.json", "d.json", "big.json"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove_file(names[i]);
	return rmdir(directory);
}

#define ONE_POLICY(id)                                                                      \
	"\"policies\":[{\"id\":\"" id "\",\"rules\":[{\"id\":\"r\",\"actions\":[\"exec\"]," \
	"\"resources\":[\"" id "\"],\"decision\":\"allow\"}]}]}"

/* Compile the directory; the revision or NULL. */
static const char *
compile_directory(struct fixture *f)
{
	static const struct policy_compile_options options = {.run_tests = true, .now = NOON};
	static char revision[LIMIT_NAME + 1];
	struct policy_texts texts;
	const char *why;
	int error;

	assert_int_equal(policy_texts_read(&texts, directory, &why), 0);
	error = policy_compile(&texts, &options, &f->bytes, &f->size, &report);
	policy_texts_free(&texts);
	if (error < 0)
		return NULL;
	assert_int_equal(policy_image_open(&f->image, f->bytes, f->size, &why), 0);
	(void)snprintf(
	    revision, sizeof(revision), "%.*s", STR_ARG(policy_image_revision(&f->image)));
	return revision;
}

static void
test_directory(void **state)
{
	struct fixture f;
	struct policy_rule_view rule;

	(void)state;
	put_file("10.json", HEAD "\"revision\":\"x\",\"org\":{\"id\":\"o\"}," ONE_POLICY("ten"));
	put_file("9.json", HEAD "\"revision\":\"y\",\"org\":{\"id\":\"o\"}," ONE_POLICY("nine"));
	put_file("a.json", HEAD "\"revision\":\"x\"," ONE_POLICY("a"));
	put_file("c.txt", "no policy");
	put_file(".hidden.json", "no policy");
	/* Tests of one file are about all of them. */
	put_file("b.json",
	    HEAD "\"tests\":[{\"name\":\"t\",\"expect\":\"allow\",\"rule\":\"nine/r\","
		 "\"op\":{\"action\":\"proc:exec\",\"resource\":\"proc:path:/nine\"}}]}");
	assert_string_equal(compile_directory(&f), "x+y");
	assert_int_equal(report.tests, 1);
	assert_int_equal(policy_image_rules(&f.image), 3);
	policy_image_rule(&f.image, 0, &rule);
	assert_str(rule.policy_id, "ten");
	policy_image_rule(&f.image, 2, &rule);
	assert_str(rule.policy_id, "a");
	assert_str(policy_image_org_id(&f.image), "o");
	assert_false(str_given(policy_image_org_name(&f.image)));
	fixture_close(&f);
}

static void
test_directory_conflicts(void **state)
{
	struct fixture f;

	(void)state;
	put_file("d.json", HEAD "\"org\":{\"id\":\"other\"}," ONE_POLICY("ten"));
	assert_null(compile_directory(&f));
	assert_int_equal(report.n, 2);
	assert_non_null(strstr(report.complaint[0].text, "another org than the one in "));
	assert_non_null(strstr(report.complaint[0].file, "/d.json"));
	assert_non_null(strstr(report.complaint[1].text, "duplicate policy id \"ten\" (first in "));
	assert_non_null(strstr(report.complaint[1].text, "/10.json"));
	remove_file("d.json");
}

static void
test_directory_faults(void **state)
{
	struct policy_texts texts;
	char path[256];
	const char *why;

	(void)state;
	path_of("d.json", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(policy_texts_read(&texts, directory, &why), -EISDIR);
	assert_string_equal(why, path);
	policy_texts_free(&texts);
	assert_int_equal(rmdir(path), 0);
	/* Must neither wait for a writer nor be read. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(policy_texts_read(&texts, directory, &why), -EINVAL);
	policy_texts_free(&texts);
	remove_file("d.json");
	assert_int_equal(policy_texts_read(&texts, "/nonexistent/x", &why), -ENOENT);
	assert_string_equal(why, "/nonexistent/x");
	policy_texts_free(&texts);
}

static void
test_too_large(void **state)
{
	struct policy_texts texts;
	char path[256];
	const char *why;

	(void)state;
	put_file("big.json", "{");
	path_of("big.json", path);
	assert_int_equal(truncate(path, LIMIT_POLICY_BYTES + 1), 0);
	assert_int_equal(policy_texts_read(&texts, path, &why), -EFBIG);
	policy_texts_free(&texts);
	/* Together with the others of the directory: the sum counts. */
	assert_int_equal(truncate(path, LIMIT_POLICY_BYTES - 16), 0);
	assert_int_equal(policy_texts_read(&texts, directory, &why), -EFBIG);
	assert_string_equal(why, path);
	policy_texts_free(&texts);
	remove_file("big.json");
}

static void
test_no_files(void **state)
{
	static const struct policy_compile_options options = {.now = NOON};
	struct policy_texts none = {.v = NULL};
	uint8_t *image;
	size_t size;

	(void)state;
	assert_int_equal(policy_compile(&none, &options, &image, &size, &report), -EINVAL);
	assert_int_equal(report.n, 1);
	assert_string_equal(report.complaint[0].text, "no policy file");
	assert_string_equal(report.complaint[0].file, "");
	assert_int_equal(report.complaint[0].line, 0);
}

/* --- revisions ------------------------------------------------------------------------------- */

static void
test_revision_of_hash(void **state)
{
	struct fixture f;

	(void)state;
	/* printf '{"schema":"sealwright-policy/1"}' | sha256sum */
	fixture_open(&f, "{\"schema\":\"sealwright-policy/1\"}");
	assert_str(policy_image_revision(&f.image), "sha256:b803d5b33ca742d7");
	fixture_close(&f);
}

static void
test_revisions_too_long(void **state)
{
	static char a[512], b[512];
	struct policy_text v[] = {{"a", {a, 0}}, {"b", {b, 0}}};
	struct policy_texts texts = {.v = v, .n = 2};
	static const struct policy_compile_options options = {.now = NOON};
	uint8_t *image;
	size_t size;

	(void)state;
	v[0].text.n = (size_t)snprintf(a, sizeof(a), HEAD "\"revision\":\"%0128d\"}", 1);
	v[1].text.n = (size_t)snprintf(b, sizeof(b), HEAD "\"revision\":\"%0127d\"}", 2);
	assert_int_equal(policy_compile(&texts, &options, &image, &size, &report), 0);
	free(image);
	v[1].text.n = (size_t)snprintf(b, sizeof(b), HEAD "\"revision\":\"%0128d\"}", 2);
	assert_int_equal(policy_compile(&texts, &options, &image, &size, &report), -EINVAL);
	assert_string_equal(
	    report.complaint[0].text, "the revisions of all files together are over 256 bytes");
	assert_string_equal(report.complaint[0].file, "b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_complaints),
	    cmocka_unit_test(test_all_complaints),
	    cmocka_unit_test(test_failing_tests),
	    cmocka_unit_test(test_directory),
	    cmocka_unit_test(test_directory_conflicts),
	    cmocka_unit_test(test_directory_faults),
	    cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_no_files),
	    cmocka_unit_test(test_revision_of_hash),
	    cmocka_unit_test(test_revisions_too_long),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
