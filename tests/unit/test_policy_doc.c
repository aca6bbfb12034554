/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tables of docs/POLICY.md, row by row: the document says what the code does, or this fails.
 * Run in the top directory of the tree.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "tests/unit/policy_fixture.h"

#define DOCUMENT "docs/POLICY.md"
#define CELLS 4

struct table {
	struct str rest; /* lines not yet read */
	unsigned rows;
};

static char *document;
static size_t document_n;

static int
load_document(void **state)
{
	CLEANUP_FD int fd = open(DOCUMENT, O_RDONLY | O_CLOEXEC);

	(void)state;
	return fd_read_file(fd, 1 << 20, &document, &document_n);
}

static int
free_document(void **state)
{
	(void)state;
	free(document);
	return 0;
}

static struct str
take_line(struct str *s)
{
	const char *end = s->n ? memchr(s->p, '\n', s->n) : NULL;
	struct str line = end ? (struct str){s->p, (size_t)(end - s->p)} : *s;

	*s = str_skip(*s, line.n + 1);
	return line;
}

/* What lies between the table's mark and <!-- end -->, without head and ruler. */
static struct table
find_table(const char *name)
{
	char mark[64];
	struct table t;
	const char *found;

	(void)snprintf(mark, sizeof(mark), "<!-- table: %s -->\n", name);
	found = memmem(document, document_n, mark, strlen(mark));
	assert_non_null(found);
	t = (struct table){{found, (size_t)(document + document_n - found)}, 0};
	for (int i = 0; i < 3; i++)
		(void)take_line(&t.rest);
	return t;
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && s.p[0] == ' ')
		s = str_skip(s, 1);
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static bool
next_row(struct table *t, struct str cells[CELLS], size_t n)
{
	struct str line = take_line(&t->rest);

	if (str_eq(line, STR("<!-- end -->")))
		return false;
	assert_true(str_starts(line, STR("|")) && str_ends(line, STR("|")));
	line = str_skip(line, 1);
	for (size_t i = 0; i < n; i++) {
		const char *bar = memchr(line.p, '|', line.n);

		assert_non_null(bar);
		cells[i] = trim((struct str){line.p, (size_t)(bar - line.p)});
		line = str_skip(line, (size_t)(bar - line.p) + 1);
	}
	assert_int_equal(line.n, 0);
	t->rows++;
	return true;
}

/* The next `span` of a cell; STR_NONE when there is none. */
static struct str
take_span(struct str *cell)
{
	const char *open = cell->n ? memchr(cell->p, '`', cell->n) : NULL;
	struct str span;
	const char *close;

	if (!open)
		return STR_NONE;
	*cell = str_skip(*cell, (size_t)(open - cell->p) + 1);
	close = memchr(cell->p, '`', cell->n);
	assert_non_null(close);
	span = (struct str){cell->p, (size_t)(close - cell->p)};
	*cell = str_skip(*cell, span.n + 1);
	return span;
}

static struct str
only_span(struct str cell)
{
	struct str span = take_span(&cell);

	assert_true(str_given(span) && cell.n == 0);
	return span;
}

/* --- canonical forms ------------------------------------------------------------------------- */

static void
check_canonical(struct str action, struct str given, struct str want)
{
	bool good = str_starts(want, STR("`"));
	struct policy_op op;
	const char *why = NULL;
	int error = policy_op_parse(&op, action, given, &why);
	struct str got = error == 0 ? op.resource : str_from(why);

	if (good)
		want = only_span(want);
	if ((error == 0) != good || !str_eq(got, want))
		fail_msg("%.*s %.*s: got \"%.*s\"", STR_ARG(action), STR_ARG(given), STR_ARG(got));
	if (good && !str_eq(action, op.action_name) && op.family != FAMILY_HTTP)
		fail_msg("%.*s became %.*s", STR_ARG(action), STR_ARG(op.action_name));
}

static void
test_canonical(void **state)
{
	struct table t = find_table("canonical");
	struct str cells[CELLS];

	(void)state;
	while (next_row(&t, cells, 3))
		check_canonical(only_span(cells[0]), only_span(cells[1]), cells[2]);
	print_message("# %u rows\n", t.rows);
	assert_true(t.rows > 60);
}

/* A canonical form is its own canonical form. */
static void
test_canonical_is_stable(void **state)
{
	struct table t = find_table("canonical");
	struct str cells[CELLS];

	(void)state;
	while (next_row(&t, cells, 3))
		if (str_starts(cells[2], STR("`")))
			check_canonical(only_span(cells[0]), only_span(cells[2]), cells[2]);
}

/* --- patterns -------------------------------------------------------------------------------- */

static const char *
one_rule(struct str action, struct str pattern, const char *decision)
{
	static char buf[4096];
	struct text t = text_over(buf, sizeof(buf) - 1);

	text_put(&t, STR("{\"id\":\"r\",\"actions\":["));
	text_json(&t, action);
	text_put(&t, STR("],\"resources\":["));
	text_json(&t, pattern);
	text_put(&t, STR("],\"decision\":\""));
	text_put(&t, str_from(decision));
	text_put(&t, STR("\"}"));
	assert_true(text_ok(&t));
	buf[t.n] = '\0';
	return fixture_document("", buf);
}

/* The request's action for a rule's action and a resource of its table. */
static const char *
request_action(struct str action)
{
	static const struct {
		struct str rule;
		const char *request;
	} names[] = {
	    {{"connect:tcp", 11}, "net:connect:tcp"},
	    {{"connect:udp", 11}, "net:connect:udp"},
	    {{"ssh:connect", 11}, "ssh:connect"},
	    {{"read", 4}, "fs:read"},
	    {{"exec", 4}, "proc:exec"},
	    {{"request:GET", 11}, "http:request:GET"},
	    {{"invoke", 6}, "tool:invoke"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(action, names[i].rule))
			return names[i].request;
	fail_msg("no request for \"%.*s\"", STR_ARG(action));
	return NULL;
}

static unsigned
check_resources(
    const struct fixture *f, struct str action, struct str pattern, struct str cell, bool matches)
{
	unsigned n = 0;
	struct str resource;

	for (; str_given(resource = take_span(&cell)); n++) {
		char z[512];

		(void)snprintf(z, sizeof(z), "%.*s", STR_ARG(resource));
		if (fixture_allows(f, request_action(action), z) != matches)
			fail_msg("%.*s %s match %s", STR_ARG(pattern),
			    matches ? "should" : "must not", z);
	}
	return n;
}

static void
test_patterns(void **state)
{
	struct table t = find_table("patterns");
	struct str cells[CELLS];
	unsigned n = 0;

	(void)state;
	while (next_row(&t, cells, 4)) {
		struct str action = only_span(cells[0]), pattern = only_span(cells[1]);
		struct fixture f;

		fixture_open(&f, one_rule(action, pattern, "allow"));
		n += check_resources(&f, action, pattern, cells[2], true);
		n += check_resources(&f, action, pattern, cells[3], false);
		fixture_close(&f);
	}
	print_message("# %u rows, %u questions\n", t.rows, n);
	assert_true(t.rows > 60 && n > 150);
}

static void
check_bad_pattern(struct str action, struct str pattern, struct str why)
{
	static struct policy_report report;
	struct fixture f;
	char want[64];

	assert_int_equal(fixture_try(&f, one_rule(action, pattern, "deny"), &report), -EINVAL);
	assert_int_equal(report.n, 1);
	(void)snprintf(want, sizeof(want), "pattern \"%.*s\": ", STR_ARG(pattern));
	if (!strstr(report.complaint[0].text, want) ||
	    !str_ends(str_from(report.complaint[0].text), why))
		fail_msg("%.*s: %s", STR_ARG(pattern), report.complaint[0].text);
}

static void
test_bad_patterns(void **state)
{
	struct table t = find_table("bad patterns");
	struct str cells[CELLS];

	(void)state;
	while (next_row(&t, cells, 3))
		check_bad_pattern(only_span(cells[0]), only_span(cells[1]), cells[2]);
	print_message("# %u rows\n", t.rows);
	assert_true(t.rows > 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_canonical),
	    cmocka_unit_test(test_canonical_is_stable),
	    cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_bad_patterns),
	};

	return cmocka_run_group_tests(tests, load_document, free_document);
}
