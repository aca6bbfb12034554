/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/jtree.h"
#include "common/limits.h"
#include "common/text.h"

static const char document[] = "// a policy\n"
			       "{\n"
			       "\t\"schema\": \"sealwright-policy/1\",\n"
			       "\t\"na\\u00efve\\n\": [1, -2, 1.5, true, null, \"x\\ty\"],\n"
			       "\t\"o\": { \"p\" : {}, \"q\":/* here */null, \"r\":\n"
			       "\t\t\"far\" }\n"
			       "}\n";

static struct json_object *
member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static void
test_tree(void **state)
{
	struct jscan_fault fault;
	struct jtree tree;
	struct json_object *list;

	(void)state;
	assert_int_equal(jtree_parse(&tree, STR(document), &fault), 0);
	assert_int_equal(json_object_object_length(tree.root), 3);
	assert_string_equal(
	    json_object_get_string(member(tree.root, "schema")), "sealwright-policy/1");
	list = member(tree.root, "na\xc3\xafve\n");
	assert_int_equal(json_object_array_length(list), 6);
	assert_true(json_object_is_type(json_object_array_get_idx(list, 1), json_type_int));
	assert_int_equal(json_object_get_int64(json_object_array_get_idx(list, 1)), -2);
	assert_true(json_object_is_type(json_object_array_get_idx(list, 2), json_type_double));
	assert_true(json_object_get_double(json_object_array_get_idx(list, 2)) * 2 == 3);
	assert_true(json_object_get_boolean(json_object_array_get_idx(list, 3)));
	assert_null(json_object_array_get_idx(list, 4));
	assert_string_equal(json_object_get_string(json_object_array_get_idx(list, 5)), "x\ty");
	assert_null(member(member(tree.root, "o"), "q"));
	jtree_free(&tree);
	assert_null(tree.root);
	jtree_free(&tree);
}

static void
assert_place(const struct jtree *tree, const struct json_object *node,
    const struct json_object *parent, bool key, uint32_t want_line, uint32_t want_column)
{
	uint32_t line, column;

	jtree_place(tree, node, parent, key, &line, &column);
	assert_int_equal(line, want_line);
	assert_int_equal(column, want_column);
}

static void
test_places(void **state)
{
	struct jscan_fault fault;
	struct json_object *list, *o;
	struct jtree tree;

	(void)state;
	assert_int_equal(jtree_parse(&tree, STR(document), &fault), 0);
	list = member(tree.root, "na\xc3\xafve\n");
	o = member(tree.root, "o");
	assert_place(&tree, tree.root, NULL, false, 2, 1);
	assert_place(&tree, tree.root, NULL, true, 2, 1);
	assert_place(&tree, member(tree.root, "schema"), tree.root, false, 3, 12);
	assert_place(&tree, member(tree.root, "schema"), tree.root, true, 3, 2);
	assert_place(&tree, list, tree.root, false, 4, 18);
	assert_place(&tree, list, tree.root, true, 4, 2);
	/* An element has no key: its own place, whatever stands before it. */
	assert_place(&tree, json_object_array_get_idx(list, 0), list, true, 4, 19);
	assert_place(&tree, json_object_array_get_idx(list, 1), list, false, 4, 22);
	assert_place(&tree, json_object_array_get_idx(list, 5), list, true, 4, 43);
	/* null has no node. */
	assert_place(&tree, NULL, list, false, 4, 18);
	assert_place(&tree, NULL, o, true, 5, 7);
	assert_place(&tree, NULL, NULL, false, 2, 1);
	assert_place(&tree, member(o, "p"), o, false, 5, 15);
	assert_place(&tree, member(o, "p"), o, true, 5, 9);
	assert_place(&tree, member(o, "r"), o, false, 6, 3);
	assert_place(&tree, member(o, "r"), o, true, 5, 39);
	jtree_free(&tree);
}

/* Strings side by side: the one before is not a key. */
static void
test_places_in_arrays_of_strings(void **state)
{
	struct jscan_fault fault;
	struct jtree tree;

	(void)state;
	assert_int_equal(jtree_parse(&tree, STR("[\"a\",\"b\"]"), &fault), 0);
	assert_place(&tree, json_object_array_get_idx(tree.root, 1), tree.root, true, 1, 6);
	jtree_free(&tree);
}

static void
test_null(void **state)
{
	struct jscan_fault fault;
	struct jtree tree;

	(void)state;
	assert_int_equal(jtree_parse(&tree, STR("\n null"), &fault), 0);
	assert_null(tree.root);
	assert_place(&tree, tree.root, NULL, false, 2, 2);
	jtree_free(&tree);
}

static void
assert_refused(struct str text, int want, uint32_t line, uint32_t column, const char *what)
{
	struct jscan_fault fault;
	struct jtree tree;

	assert_int_equal(jtree_parse(&tree, text, &fault), want);
	assert_string_equal(fault.what, what);
	assert_int_equal(fault.line, line);
	assert_int_equal(fault.column, column);
	/* Nothing is left to free. */
	assert_null(tree.root);
	assert_null(tree.tape.tokens);
}

static void
test_refused(void **state)
{
	char deep[2 * LIMIT_DOC_DEPTH + 2];
	struct jscan_fault fault;
	struct jtree tree;

	(void)state;
	assert_refused(STR(""), -EINVAL, 1, 1, "expected a value, found the end");
	assert_refused(STR("{\"a\":1,\n  \"\\u0061\":2}"), -EINVAL, 2, 3, "duplicate key \"a\"");
	assert_refused(
	    STR("{\n\t'a':1}"), -EINVAL, 2, 2, "expected a key in double quotes, found '''");
	assert_refused(STR("[\n1,\n]"), -EINVAL, 3, 1, "expected a value, found ']'");
	assert_refused(STR("[1,\n9007199254740992]"), -EINVAL, 2, 1,
	    "number too large: magnitude must be below 2^53");
	memset(deep, '[', LIMIT_DOC_DEPTH + 1);
	memset(deep + LIMIT_DOC_DEPTH + 1, ']', LIMIT_DOC_DEPTH + 1);
	assert_refused((struct str){deep, sizeof(deep)}, -E2BIG, 1, LIMIT_DOC_DEPTH + 1,
	    "nested deeper than 32");
	deep[LIMIT_DOC_DEPTH] = '7';
	assert_int_equal(
	    jtree_parse(&tree, (struct str){deep, 2 * LIMIT_DOC_DEPTH + 1}, &fault), 0);
	jtree_free(&tree);
}

/* --- against json-c's own parser ---------------------------------------------------------------- */

static const struct str_case {
	const char *text;
	size_t n;
} good[] = {
#define ACCEPT(text) {text, sizeof(text) - 1},
#define ACCEPT_COMMENT(text) {text, sizeof(text) - 1},
#include "tests/unit/jscan_cases.def"
};

static struct json_object *
json_c_parse(const struct str_case *c)
{
	/* Not its strict mode: that has no comments. */
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *tree;

	assert_non_null(tokener);
	tree = json_tokener_parse_ex(tokener, c->text, (int)c->n + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		fail_msg("json-c: %s", c->text);
	json_tokener_free(tokener);
	return tree;
}

static void check_node(const struct jtree *tree, struct json_object *node);

static void
check_members(const struct jtree *tree, struct json_object *object, uint32_t i)
{
	struct json_object_iterator at = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);

	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		struct json_object *value = json_object_iter_peek_value(&at);
		uint32_t token = jscan_member(
		    &tree->tape, i, str_from(json_object_iter_peek_name(&at)));

		assert_true(token > 0);
		if (value)
			assert_ptr_equal(
			    json_object_get_userdata(value), &tree->tape.tokens[token]);
		check_node(tree, value);
	}
}

/* Every node's token is the text of that node; recursion is bounded by the scanner's depth. */
static void
check_node(const struct jtree *tree, struct json_object *node)
{
	struct jscan_token *token = json_object_get_userdata(node);
	uint32_t i = token ? (uint32_t)(token - tree->tape.tokens) : 0;
	struct jscan_fault fault;
	struct jtree again;

	if (!node)
		return;
	assert_non_null(token);
	assert_true(i < tree->tape.n);
	assert_int_equal(jtree_parse(&again, jscan_raw(&tree->tape, i), &fault), 0);
	assert_true(json_object_equal(again.root, node));
	jtree_free(&again);
	if (json_object_is_type(node, json_type_array))
		for (size_t k = 0; k < json_object_array_length(node); k++)
			check_node(tree, json_object_array_get_idx(node, k));
	if (json_object_is_type(node, json_type_object))
		check_members(tree, node, i);
}

static void
test_same_as_json_c(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct json_object *theirs = json_c_parse(&good[i]);
		struct jscan_fault fault;
		struct jtree tree;

		assert_int_equal(
		    jtree_parse(&tree, (struct str){good[i].text, good[i].n}, &fault), 0);
		if (!json_object_equal(tree.root, theirs))
			fail_msg("%s: %s", good[i].text, json_object_to_json_string(tree.root));
		check_node(&tree, tree.root);
		jtree_free(&tree);
		(void)json_object_put(theirs);
	}
}

#define LARGE_BYTES (8u << 20)
#define LARGE_RULES 50000

static struct str
large_document(char *buf)
{
	struct text t = text_over(buf, LARGE_BYTES);

	for (unsigned i = 0; i < LARGE_RULES; i++) {
		text_put(&t, i ? STR(",\n\"rule-") : STR("{\"rule-"));
		text_u64(&t, i);
		text_put(
		    &t, STR("\":{\"actions\":[\"connect:tcp\"],\"resources\":[\"*.example:443\"],"
			    "\"decision\":\"allow\"}"));
	}
	text_char(&t, '}');
	assert_true(text_ok(&t));
	return text_str(&t);
}

/* As large as a real policy may be: many rules, many members. */
static void
test_large(void **state)
{
	CLEANUP_FREE char *buf = malloc(LARGE_BYTES);
	struct jscan_fault fault;
	struct jtree tree;
	uint32_t line, column;

	(void)state;
	assert_non_null(buf);
	assert_int_equal(jtree_parse(&tree, large_document(buf), &fault), 0);
	assert_int_equal(json_object_object_length(tree.root), LARGE_RULES);
	jtree_place(
	    &tree, member(member(tree.root, "rule-49999"), "decision"), NULL, true, &line, &column);
	assert_int_equal(line, LARGE_RULES);
	assert_int_equal(column, 71);
	jtree_free(&tree);
}

#ifndef SANITIZED /* address sanitizers want all the address space there is */

/* In a child with this much address space beside what it has: the exit status is the outcome. */
static int
parse_within(struct str text, size_t bytes)
{
	struct rlimit limit = {bytes, bytes};
	struct jscan_fault fault;
	struct jtree tree;
	int status, error;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setrlimit(RLIMIT_AS, &limit) < 0)
			_exit(1);
		error = jtree_parse(&tree, text, &fault);
		if (error == -ENOMEM && strcmp(fault.what, "out of memory") != 0)
			_exit(2);
		jtree_free(&tree);
		_exit(error == 0 ? 0 : error == -ENOMEM ? ENOMEM : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whatever allocation is the one that fails: an error, and nothing is used or freed twice. */
static void
test_out_of_memory(void **state)
{
	CLEANUP_FREE char *buf = malloc(LARGE_BYTES);
	struct str text;
	size_t failed = 0, bytes = 4u << 20;
	int outcome;

	(void)state;
	assert_non_null(buf);
	text = large_document(buf);
	do {
		outcome = parse_within(text, bytes);
		failed += outcome == ENOMEM;
		bytes += 6500000; /* no multiple of what any one step takes */
		assert_true(outcome == 0 || outcome == ENOMEM);
	} while (outcome != 0 && bytes < 512u << 20);
	assert_int_equal(outcome, 0);
	assert_true(failed > 5);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tree),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_places_in_arrays_of_strings),
	    cmocka_unit_test(test_null),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_same_as_json_c),
	    cmocka_unit_test(test_large),
#ifndef SANITIZED
	    cmocka_unit_test(test_out_of_memory),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
