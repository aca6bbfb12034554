/* SPDX-License-Identifier: Apache-2.0 */
/* The key state: what is committed is read back, what is damaged is refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/keyslot.h"
#include "common/cleanup.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/keystate_fixture.h"

/* --- without trouble ---------------------------------------------------------------------------- */

static void
what_is_committed_is_read_back(void **state)
{
	static struct keystate s, before;
	static uint8_t image[KEYS_FILE];
	struct stat st;

	(void)state;
	keys_make(&s, 0, 0);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	keys_expect(&s, NULL);
	for (unsigned i = 1; i <= 20; i++) {
		before = s;
		keys_make(&s, i, i % (KEYSTATE_PENDING + 1) <= i ? i % (KEYSTATE_PENDING + 1) : i);
		assert_int_equal(keyfile_commit(&fx.k, &s), 0);
		image_get(image);
		assert_true(image_has_key(image, &s));
		assert_false(image_has_key(image, &before));
		if (i % 3 == 0)
			keys_expect(&s, NULL);
	}
	assert_int_equal(fstatat(fx.dir.fd, DIR_KEYSTATE, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, KEYS_FILE);
	assert_true(st.st_blocks * 512 >= KEYS_FILE);
}

static void
another_process_goes_on(void **state)
{
	static struct keystate s;

	(void)state;
	keys_make(&s, 0, 0);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	for (unsigned i = 1; i <= 6; i++) {
		keys_forget(&fx.k);
		assert_int_equal(keys_open(&fx.k, NULL), 0);
		assert_true(keys_same(&s, &fx.got));
		assert_int_equal(fx.k.generation, i);
		keys_make(&s, i, 1);
		assert_int_equal(keyfile_commit(&fx.k, &s), 0);
	}
}

/* --- with a secret ------------------------------------------------------------------------------ */

static void
a_wrapped_key_is_not_in_the_file(void **state)
{
	static struct keystate s;
	static uint8_t image[KEYS_FILE], again[KEYS_FILE];

	(void)state;
	keys_make(&s, 0, 0);
	keys_begin(&fx.k, keys_secret);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	for (unsigned i = 1; i < 5; i++) {
		image_get(image);
		assert_false(image_has_key(image, &s));
		assert_null(memmem(image, KEYS_FILE, keys_secret, 8));
		keys_expect(&s, keys_secret);
		keys_make(&s, i, 1);
		assert_int_equal(keyfile_commit(&fx.k, &s), 0);
	}
	/* Refused without a change. */
	image_get(image);
	keys_expect_refused(-EBADMSG, "sealwright.wrap is missing", NULL);
	keys_expect_refused(-EBADMSG, "not encrypted with this credential", keys_other_secret);
	image_get(again);
	assert_memory_equal(image, again, KEYS_FILE);
	keys_expect(&s, keys_secret);
}

static void
a_plain_state_is_wrapped_by_the_next_commit(void **state)
{
	static struct keystate s, before;
	static uint8_t image[KEYS_FILE];

	(void)state;
	keys_make(&before, 3, 2);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &before), 0);
	keys_forget(&fx.k);
	keys_expect(&before, keys_secret);
	image_get(image);
	assert_true(image_has_key(image, &before));
	assert_int_equal(keys_open(&fx.k, keys_secret), 0);
	keys_make(&s, 4, 1);
	assert_int_equal(keyfile_commit(&fx.k, &s), 0);
	image_get(image);
	assert_false(image_has_key(image, &before));
	assert_false(image_has_key(image, &s));
	keys_expect(&s, keys_secret);
	keys_expect_refused(-EBADMSG, "sealwright.wrap is missing", NULL);
}

/* A wrapped key of another state does not pass, even with a checksum made for it. */
static void
a_wrapped_key_fits_its_own_state_only(void **state)
{
	static uint8_t a[KEYSTATE_SLOT], b[KEYSTATE_SLOT];
	struct keywrap *w = keywrap_new(keys_secret);
	uint8_t nonce[KEYWRAP_NONCE];
	static struct keystate s;
	const char *why;
	uint32_t n;

	(void)state;
	assert_non_null(w);
	assert_int_equal(keywrap_nonce(nonce), 0);
	keys_make(&s, 1, 1);
	assert_int_equal(keyslot_encode(a, &s, 5, w, nonce, fx.sum), 0);
	keys_make(&s, 2, 1);
	assert_int_equal(keywrap_nonce(nonce), 0);
	assert_int_equal(keyslot_encode(b, &s, 6, w, nonce, fx.sum), 0);
	assert_int_equal(keyslot_decode(b, w, &fx.got, &why), 0);
	memcpy(&n, a + 12, sizeof(n));
	memcpy(b + n - HASH_SIZE - KEYWRAP_SIZE, a + n - HASH_SIZE - KEYWRAP_SIZE, KEYWRAP_SIZE);
	hash_begin(fx.sum);
	hash_add(fx.sum, (struct str){(const char *)b, n - HASH_SIZE});
	hash_end(fx.sum, b + n - HASH_SIZE);
	assert_int_equal(keyslot_decode(b, w, &fx.got, &why), -EBADMSG);
	assert_non_null(strstr(why, "not encrypted with this credential"));
	keywrap_free(w);
}

/* --- what no state can be ----------------------------------------------------------------------- */

static void
the_largest_state_fits(void **state)
{
	static struct keystate s;

	(void)state;
	keys_make(&s, KEYSTATE_PENDING, KEYSTATE_PENDING);
	memset(s.origin, 'x', SEAL_ORIGIN);
	s.origin[SEAL_ORIGIN] = '\0';
	s.next_index = s.seq = (UINT64_C(1) << 53) - 1;
	s.last_time = INT64_MIN;
	for (unsigned i = 0; i < KEYSTATE_PENDING; i++) {
		memset(s.pending[i].note, 'n', SEAL_NOTE - 1);
		s.pending[i].note[SEAL_NOTE - 1] = '\n';
		s.pending[i].n = SEAL_NOTE;
	}
	keys_begin(&fx.k, keys_secret);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	keys_expect(&s, keys_secret);
	assert_int_equal(keyfile_commit(&fx.k, &s), 0);
	keys_expect(&s, keys_secret);
}

static void
refuse_form(const struct keystate *bad, const struct keystate *good)
{
	static uint8_t before[KEYS_FILE], after[KEYS_FILE];

	image_get(before);
	assert_int_equal(keyfile_commit(&fx.k, bad), -EINVAL);
	image_get(after);
	assert_memory_equal(before, after, KEYS_FILE);
	keys_expect(good, NULL);
}

#define SPOILT 21

/* Change a good state in one way. */
static void
spoil_state(struct keystate *s, unsigned how)
{
	if (how == 0)
		s->origin[0] = '\0';
	if (how == 1)
		s->origin[3] = '+';
	if (how == 2)
		memset(s->origin, 'x', sizeof(s->origin));
	if (how == 3)
		s->log_id = 0;
	if (how == 4)
		s->log_id |= UINT64_C(1) << 60;
	if (how == 5)
		s->next_index = UINT64_C(1) << 53;
	if (how == 6)
		s->seq = UINT64_C(1) << 53;
	if (how == 7)
		s->seq = 0;
	if (how == 8)
		s->next_index = 0;
	if (how == 9)
		s->n_pending = KEYSTATE_PENDING + 1;
	if (how == 10)
		s->next_index = s->n_pending - 1;
}

static void
spoil_pending(struct keystate_pending *p, unsigned how)
{
	if (how == 11)
		p->n = 0;
	if (how == 12)
		p->n = SEAL_NOTE + 1;
	if (how == 13)
		p->note[2] = '\0';
	if (how == 14)
		p->note[2] = (char)0xff;
	if (how == 15)
		p->n--; /* its newline */
	if (how == 16)
		p->base[0] = '\0';
	if (how == 17)
		p->base[0] = 'b';
	if (how == 18)
		memcpy(p->base, "../etc/passwd", sizeof("../etc/passwd"));
	if (how == 19)
		memset(p->base, 'a', SEGNAME_SIZE);
	if (how == 20)
		memcpy(p->base + strlen(p->base), ".seal", sizeof(".seal"));
}

static struct keystate *
spoilt(const struct keystate *good, unsigned how)
{
	static struct keystate bad;

	bad = *good;
	spoil_state(&bad, how);
	spoil_pending(&bad.pending[1], how);
	assert_false(keys_same(good, &bad));
	return &bad;
}

static void
states_of_bad_form_are_not_written(void **state)
{
	static struct keystate good, bad;

	(void)state;
	keys_make(&good, 5, 2);
	keys_begin(&fx.k, NULL);
	for (unsigned how = 0; how < SPOILT; how++) {
		assert_int_equal(keyfile_create(&fx.k, spoilt(&good, how)), -EINVAL);
		assert_int_equal(faccessat(fx.dir.fd, DIR_KEYSTATE, F_OK, 0), -1);
	}
	assert_int_equal(keyfile_create(&fx.k, &good), 0);
	for (unsigned how = 0; how < SPOILT; how++)
		refuse_form(spoilt(&good, how), &good);
	keys_make(&bad, 0, 0);
	bad.last_time = 1;
	refuse_form(&bad, &good);
	assert_int_equal(keyfile_commit(&fx.k, &good), 0);
}

/* A slot whose bytes were changed on purpose, with a checksum that is right. */
static void
forge(uint8_t image[KEYS_FILE], unsigned at, uint8_t value)
{
	uint32_t n;

	memcpy(&n, image + 12, sizeof(n));
	image[at] = value;
	hash_begin(fx.sum);
	hash_add(fx.sum, (struct str){(const char *)image, n - HASH_SIZE});
	hash_end(fx.sum, image + n - HASH_SIZE);
	image_put(image, KEYS_FILE);
}

static void
good_checksums_do_not_help_bad_forms(void **state)
{
	static uint8_t image[KEYS_FILE], changed[KEYS_FILE];
	static struct keystate s;
	struct keyfile f;
	uint32_t n;

	(void)state;
	keys_make(&s, 5, 2);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	image_get(image);
	memcpy(&n, image + 12, sizeof(n));
	memcpy(changed, image, KEYS_FILE);
	forge(changed, 8, 2); /* version */
	keys_expect_refused(-EBADMSG, "form that this version does not know", NULL);
	memcpy(changed, image, KEYS_FILE);
	forge(changed, 10, 2); /* storage */
	keys_expect_refused(-EBADMSG, "form that this version does not know", NULL);
	for (unsigned at = 0; at < n - HASH_SIZE; at++) {
		int error;

		memcpy(changed, image, KEYS_FILE);
		forge(changed, at, (uint8_t)(image[at] ^ 0x80));
		error = keys_open(&f, NULL);
		assert_true(error == 0 || error == -EBADMSG);
		if (error < 0)
			continue;
		/* It was a value that a state may have: it is written again in the same form. */
		assert_false(keys_same(&s, &fx.got) && at >= 24);
		assert_int_equal(keyfile_commit(&f, &fx.got), 0);
		keys_forget(&f);
	}
}

/* --- damage ------------------------------------------------------------------------------------- */

static void
other_sizes_are_refused(void **state)
{
	static const size_t sizes[] = {
	    0, 1, 23, 512, KEYSTATE_SLOT - 1, KEYSTATE_SLOT, KEYSTATE_SLOT + 1, KEYS_FILE - 1};
	static uint8_t image[KEYS_FILE];
	static struct keystate s;
	struct stat st;

	(void)state;
	keys_make(&s, 5, 2);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	image_get(image);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		image_put(image, sizes[i]);
		keys_expect_refused(-EBADMSG, "bytes instead of 65536", NULL);
		assert_int_equal(fstatat(fx.dir.fd, DIR_KEYSTATE, &st, 0), 0);
		assert_int_equal(st.st_size, sizes[i]);
	}
	image_put(image, KEYS_FILE);
	keys_expect(&s, NULL);
}

static void
what_is_no_file_of_ours_is_refused(void **state)
{
	static struct keystate s;
	struct keyfile f;

	(void)state;
	assert_int_equal(keys_open(&f, NULL), -ENOENT);
	assert_string_equal(fx.complaint, "");
	keys_make(&s, 5, 2);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	assert_int_equal(fchmodat(fx.dir.fd, DIR_KEYSTATE, 0640, 0), 0);
	keys_expect_refused(-EKEYREJECTED, "group or others", NULL);
	assert_int_equal(fchmodat(fx.dir.fd, DIR_KEYSTATE, 0600, 0), 0);
	keys_expect(&s, NULL);
	assert_int_equal(renameat(fx.dir.fd, DIR_KEYSTATE, fx.dir.fd, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", fx.dir.fd, DIR_KEYSTATE), 0);
	keys_expect_refused(-EBADMSG, "not a regular file", NULL);
	assert_int_equal(unlinkat(fx.dir.fd, DIR_KEYSTATE, 0), 0);
	assert_int_equal(mkfifoat(fx.dir.fd, DIR_KEYSTATE, 0600), 0);
	keys_expect_refused(-EBADMSG, "not a regular file", NULL);
	assert_int_equal(unlinkat(fx.dir.fd, DIR_KEYSTATE, 0), 0);
	assert_int_equal(mkdirat(fx.dir.fd, DIR_KEYSTATE, 0700), 0);
	keys_expect_refused(-EBADMSG, "not a regular file", NULL);
	assert_int_equal(unlinkat(fx.dir.fd, DIR_KEYSTATE, AT_REMOVEDIR), 0);
}

/* Open what is there now: one of these states, or refused in so many words. */
static bool
old_new_or_refused(const struct keystate *old, const struct keystate *new)
{
	struct keyfile f;
	int error = keys_open(&f, NULL);

	if (error < 0) {
		assert_int_equal(error, -EBADMSG);
		assert_non_null(strstr(fx.complaint, "auditd-writer(8)"));
		return false;
	}
	keys_forget(&f);
	assert_true(keys_same(&fx.got, old) || keys_same(&fx.got, new));
	return true;
}

/* Every byte of the file in turn, once in a file of one slot, once in the middle of a commit. */
static void
flip_each_byte(const uint8_t whole[KEYS_FILE], const struct keystate *old,
    const struct keystate *new, unsigned *ret_refused)
{
	static uint8_t image[KEYS_FILE];
	CLEANUP_FD int fd = -1;

	image_put(whole, KEYS_FILE);
	fd = openat(fx.dir.fd, DIR_KEYSTATE, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	*ret_refused = 0;
	for (unsigned at = 0; at < KEYS_FILE; at++) {
		memcpy(image, whole, KEYS_FILE);
		image[at] ^= (uint8_t)(1 + random() % 255);
		assert_int_equal(pwrite(fd, image, KEYS_FILE, 0), KEYS_FILE);
		*ret_refused += !old_new_or_refused(old, new);
	}
}

static void
each_byte_of_a_settled_file(void **state)
{
	static struct keystate s;
	static uint8_t image[KEYS_FILE];
	unsigned refused;
	uint32_t n;

	(void)state;
	keys_make(&s, 5, 1);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	image_get(image);
	memcpy(&n, image + 12, sizeof(n));
	flip_each_byte(image, &s, &s, &refused);
	assert_int_equal(refused, n);
}

static void
each_byte_in_mid_commit(void **state)
{
	static struct keystate old, new;
	static uint8_t image[KEYS_FILE];
	unsigned refused;

	(void)state;
	keys_make(&old, 5, 1);
	keys_make(&new, 6, 1);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &old), 0);
	dir_fault_only("pwrite");
	dir_fault_set(DIR_FAULT_FAIL, 2, 1, EIO); /* of the zeros */
	assert_int_equal(keyfile_commit(&fx.k, &new), -EIO);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	image_get(image);
	assert_true(image_has_key(image, &old) && image_has_key(image, &new));
	flip_each_byte(image, &old, &new, &refused);
	assert_int_equal(refused, 0);
}

static void
two_of_one_generation_are_refused(void **state)
{
	static struct keystate a, b;
	static uint8_t image[KEYS_FILE];

	(void)state;
	keys_make(&a, 5, 1);
	keys_make(&b, 6, 1);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &a), 0);
	image_get(image);
	assert_int_equal(keyslot_encode(image + KEYSTATE_SLOT, &b, 1, NULL, NULL, fx.sum), 0);
	image_put(image, KEYS_FILE);
	keys_expect_refused(-EBADMSG, "one generation", NULL);
	/* The higher one wins, wherever it stands, and the other is gone afterwards. */
	assert_int_equal(keyslot_encode(image + KEYSTATE_SLOT, &b, 9, NULL, NULL, fx.sum), 0);
	image_put(image, KEYS_FILE);
	keys_expect(&b, NULL);
	image_get(image);
	assert_false(image_has_key(image, &a));
	assert_int_equal(keyslot_encode(image, &a, 10, NULL, NULL, fx.sum), 0);
	image_put(image, KEYS_FILE);
	keys_expect(&a, NULL);
	image_get(image);
	assert_false(image_has_key(image, &b));
	memset(image, 0, KEYS_FILE);
	image_put(image, KEYS_FILE);
	keys_expect_refused(-EBADMSG, "neither of its two slots", NULL);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, keys_setup, keys_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_committed_is_read_back),
	    TEST(another_process_goes_on),
	    TEST(a_wrapped_key_is_not_in_the_file),
	    TEST(a_plain_state_is_wrapped_by_the_next_commit),
	    TEST(a_wrapped_key_fits_its_own_state_only),
	    TEST(the_largest_state_fits),
	    TEST(states_of_bad_form_are_not_written),
	    TEST(good_checksums_do_not_help_bad_forms),
	    TEST(other_sizes_are_refused),
	    TEST(what_is_no_file_of_ours_is_refused),
	    TEST(each_byte_of_a_settled_file),
	    TEST(each_byte_in_mid_commit),
	    TEST(two_of_one_generation_are_refused),
	};

	keys_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
