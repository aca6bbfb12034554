/* SPDX-License-Identifier: Apache-2.0 */

/* Account names from passwd and group files, into the image and out of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/accounts.h"
#include "policy/document.h"
#include "policy/image.h"

static void
read_texts(struct accounts *a, const char *passwd, const char *group)
{
	FILE *p = fmemopen((void *)(uintptr_t)passwd, strlen(passwd), "r");
	FILE *g = fmemopen((void *)(uintptr_t)group, strlen(group), "r");

	assert_non_null(p);
	assert_non_null(g);
	assert_int_equal(accounts_read(a, p, g), 0);
	(void)fclose(p);
	(void)fclose(g);
}

/* An image of nothing but accounts. */
static void
open_image(const struct accounts *a, uint8_t **ret_bytes, struct policy_image *ret)
{
	struct doc doc = {.texts = NULL};
	const char *why;
	size_t size;

	assert_int_equal(image_build(&doc, a, ret_bytes, &size), 0);
	assert_int_equal(policy_image_open(ret, *ret_bytes, size, &why), 0);
}

static void
assert_account(const struct policy_image *img, uint32_t uid, const char *user, const char *groups)
{
	struct str names[LIMIT_GROUPS], name = policy_image_user(img, uid);
	bool more;
	size_t n = policy_image_groups(img, uid, names, ARRAY_SIZE(names), &more);
	char joined[512] = "";

	assert_false(more);
	for (size_t i = 0; i < n; i++)
		(void)sprintf(joined + strlen(joined), "%s%.*s", i ? "," : "", STR_ARG(names[i]));
	assert_string_equal(joined, groups);
	if (!user)
		assert_false(str_given(name));
	else
		assert_true(str_eq(name, str_from(user)));
}

static void
test_names_and_groups(void **state)
{
	struct accounts a;
	struct policy_image img;
	uint8_t *bytes;

	(void)state;
	read_texts(&a,
	    "root:x:0:0:root:/root:/bin/bash\n"
	    "toor:x:0:0:second name of uid 0:/root:/bin/bash\n"
	    "alice:x:1001:1001::/home/alice:/bin/sh\n"
	    "bob:x:1000:100:,,,:/home/bob:/bin/sh\n"
	    "nogroup:x:7:4711::/:\n"
	    "+nis::::::\n"
	    "broken line\n"
	    "alice:x:1002:100:second uid of a name:/:/bin/sh\n"
	    "last:x:4294967294:100::/:/bin/sh\n",
	    "root:x:0:\n"
	    "users:x:100:alice,bob\n"
	    "alice:x:1001:\n"
	    "docker:x:999:bob,alice,nobody-knows\n"
	    "docker2:x:999:alice\n"
	    "wheel:x:10:toor,root\n");
	open_image(&a, &bytes, &img);
	assert_account(&img, 0, "root", "root,wheel");
	assert_account(&img, 1000, "bob", "users,docker");
	assert_account(&img, 1001, "alice", "alice,users,docker,docker2");
	assert_account(&img, 1002, "alice", "users");
	assert_account(&img, 7, "nogroup", "");
	assert_account(&img, 4294967294u, "last", "users");
	assert_account(&img, 4294967295u, NULL, "");
	assert_account(&img, 1, NULL, "");
	free(bytes);
	accounts_free(&a);
}

/* As many as were asked for, the primary group among them. */
static void
test_many_groups(void **state)
{
	static char group[16384] = "main:x:500:\n";
	struct str names[LIMIT_GROUPS];
	struct accounts a;
	struct policy_image img;
	uint8_t *bytes;
	bool more;

	(void)state;
	for (int i = 0; i < 500; i++)
		(void)sprintf(group + strlen(group), "g%d:x:%d:u\n", i, 1000 + i);
	read_texts(&a, "u:x:5:500::/:\n", group);
	open_image(&a, &bytes, &img);
	assert_int_equal(policy_image_groups(&img, 5, names, LIMIT_GROUPS, &more), LIMIT_GROUPS);
	assert_true(more);
	assert_true(str_eq(names[0], STR("main")));
	assert_true(str_eq(names[63], STR("g62")));
	assert_int_equal(policy_image_groups(&img, 5, names, 0, &more), 0);
	assert_true(more);
	free(bytes);
	accounts_free(&a);
}

static void
test_empty_files(void **state)
{
	struct accounts a;
	struct policy_image img;
	uint8_t *bytes;

	(void)state;
	assert_int_equal(accounts_read(&a, NULL, NULL), 0);
	open_image(&a, &bytes, &img);
	assert_account(&img, 0, NULL, "");
	free(bytes);
	accounts_free(&a);
}

/* Whoever runs this has an entry there, or there are no such files. */
static void
test_etc(void **state)
{
	struct accounts a;
	FILE *passwd = fopen("/etc/passwd", "re");

	(void)state;
	if (!passwd)
		skip();
	(void)fclose(passwd);
	assert_int_equal(accounts_read_etc(&a), 0);
	assert_true(a.v.n > 0);
	for (uint32_t i = 1; i < a.v.n; i++)
		assert_true(accounts_at(&a, i - 1)->uid < accounts_at(&a, i)->uid);
	accounts_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names_and_groups),
	    cmocka_unit_test(test_many_groups),
	    cmocka_unit_test(test_empty_files),
	    cmocka_unit_test(test_etc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
