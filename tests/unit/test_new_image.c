/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large policy image that comes while clients ask: it is checked in pieces, requests are answered in
 * between, and every way in which that can end leaves nothing behind. Where an order matters the process
 * is stopped until all that it is to find is there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "policyd/client/image_queue.h"
#include "policyd/client/role.h"
#include "tests/unit/evaluator_case.h"

#define RULES 100000
#define ASKS_ENOUGH 100000

/* Images of so many rules, one of them about this path; made once. */
static struct made {
	const char *id, *path;
	int rules;
	int fd;
	uint64_t size;
} b = {"b", "/b", RULES, -1, 0}, c2 = {"c", "/c", RULES, -1, 0}, d = {"d", "/d", 1, -1, 0};

static void
make(struct made *m)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	(void)fprintf(f,
	    "{\"schema\":\"sealwright-policy/1\",\"revision\":\"r%s\",\"policies\":[{\"id\":\"p\","
	    "\"rules\":[{\"id\":\"%s\",\"actions\":[\"read\"],\"resources\":[\"%s\"],"
	    "\"decision\":\"allow\"}",
	    m->id, m->id, m->path);
	for (int i = 1; i < m->rules; i++)
		(void)fprintf(f,
		    ",{\"id\":\"%d\",\"actions\":[\"read\"],\"resources\":[\"/x/%d\"],"
		    "\"decision\":\"allow\"}",
		    i, i);
	(void)fprintf(f, "]}]}");
	assert_int_equal(fclose(f), 0);
	m->fd = harness_image(text, true, &m->size);
	free(text);
}

static int
make_images(void **state)
{
	(void)state;
	make(&b);
	make(&c2);
	make(&d);
	return 0;
}

static int
drop_images(void **state)
{
	(void)state;
	(void)close(b.fd);
	(void)close(c2.fd);
	(void)close(d.fd);
	return 0;
}

/* A sealed copy of it, of which the last byte is another. */
static int
spoil(const struct made *m)
{
	int fd = memfd_create("test-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *p = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, m->fd, 0);

	assert_true(fd >= 0 && p != MAP_FAILED);
	p[m->size - 1] ^= 1;
	assert_int_equal(fd_write_all(fd, p, m->size), 0);
	(void)munmap(p, m->size);
	assert_int_equal(
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	return fd;
}

/* --- the queue by itself ---------------------------------------------------------------------- */

static struct image_queue q;

static int
images_mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4096];
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "test-image") != NULL;
	(void)fclose(f);
	return n;
}

static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static void
put(const struct made *m)
{
	const char *why;

	assert_int_equal(image_queue_put(&q, m->fd, m->size, &why), 0);
}

/* Pieces until an image is ready or one is refused. */
static struct image *
next_of_queue(unsigned *ret_pieces)
{
	struct image *image = NULL;
	const char *why;
	int state = 0;

	for (*ret_pieces = 0; state == 0; ++*ret_pieces) {
		assert_true(image_queue_busy(&q));
		state = image_queue_step(&q, 0, &image, &why);
	}
	return state > 0 ? image : NULL;
}

static void
drain_queue(void)
{
	struct image *image;
	const char *why;

	while (image_queue_busy(&q))
		assert_int_equal(image_queue_step(&q, 0, &image, &why), 0);
}

/* Out of use; nothing is left. */
static void
give_back(struct image *image)
{
	image_queue_retire(&q, image);
	drain_queue();
	assert_int_equal(images_mapped(), 0);
}

static void
test_queue(void **state)
{
	unsigned pieces, fewer;
	struct image *image;
	int before = descriptors();

	(void)state;
	put(&b);
	image = next_of_queue(&pieces);
	assert_is(image->revision, "rb");
	assert_int_equal(images_mapped(), 1);
	/* All of it was summed, and it was checked. */
	assert_in_range(pieces, b.size / IMAGE_PIECE, 3 * b.size / IMAGE_PIECE);
	assert_false(image_queue_busy(&q));
	/* Two references: it goes with the second. */
	image_queue_retire(&q, image_ref(image));
	assert_false(image_queue_busy(&q));
	image_queue_retire(&q, image);
	assert_true(image_queue_busy(&q));
	drain_queue();
	assert_int_equal(images_mapped(), 0);
	/* One piece is enough for a small one. */
	put(&d);
	image = next_of_queue(&fewer);
	assert_int_equal(fewer, 1);
	assert_is(image->revision, "rd");
	give_back(image);
	assert_int_equal(descriptors(), before);
}

/* The more is asked, the larger a piece is. */
static void
test_queue_under_load(void **state)
{
	struct image *image;
	const char *why;
	unsigned pieces = 0;

	(void)state;
	put(&b);
	while (image_queue_step(&q, 1000, &image, &why) == 0)
		pieces++;
	assert_in_range(pieces, 1, 3 * b.size / (1000 * IMAGE_PIECE_PER_REQUEST) + 1);
	give_back(image);
}

/* The first one is finished; of those that come meanwhile the last. */
static void
test_queue_of_several(void **state)
{
	struct image *image;
	const char *why;
	unsigned pieces;

	(void)state;
	put(&b);
	assert_int_equal(image_queue_step(&q, 0, &image, &why), 0);
	put(&c2);
	put(&c2);
	put(&d);
	assert_is((image = next_of_queue(&pieces))->revision, "rb");
	image_queue_retire(&q, image);
	assert_is((image = next_of_queue(&pieces))->revision, "rd");
	give_back(image);
}

static void
test_queue_refuses(void **state)
{
	CLEANUP_FD int spoilt = spoil(&b);
	struct image *image;
	const char *why;
	unsigned pieces;

	(void)state;
	assert_int_equal(image_queue_put(&q, b.fd, b.size - 1, &why), -EINVAL);
	assert_string_equal(why, "not of the announced size");
	assert_int_equal(image_queue_put(&q, spoilt, b.size, &why), 0);
	put(&d);
	assert_null(next_of_queue(&pieces));
	assert_is((image = next_of_queue(&pieces))->revision, "rd");
	give_back(image);
}

static void
test_queue_cleared(void **state)
{
	struct image *image;
	const char *why;

	(void)state;
	put(&b);
	assert_int_equal(image_queue_step(&q, 0, &image, &why), 0);
	put(&c2);
	image_queue_clear(&q);
	drain_queue();
	assert_int_equal(images_mapped(), 0);
}

/* --- an evaluator ----------------------------------------------------------------------------- */

static void
hold(void)
{
	int status;

	assert_int_equal(kill(h.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(h.pid, &status, WUNTRACED), h.pid);
	assert_true(WIFSTOPPED(status));
}

static void
go_on(void)
{
	assert_int_equal(kill(h.pid, SIGCONT), 0);
}

/* The record of what was asked; its reply comes. */
static struct record
decided(int c)
{
	struct record r;

	harness_take(&h, &r);
	harness_ack(&h, 1);
	(void)harness_line(c);
	return r;
}

/* Ask until this revision decides; before it the first one does, or perhaps that of b. */
static void
ask_until(int c, const char *line, const char *revision)
{
	for (int asked = 0; asked < ASKS_ENOUGH; asked++) {
		struct record r;

		harness_send(c, line);
		r = decided(c);
		if (str_eq(r.policy_revision, str_from(revision)))
			return;
		assert_true(
		    str_eq(r.policy_revision, STR("r1")) || str_eq(r.policy_revision, STR("rb")));
	}
	fail_msg("%s does not come into force", revision);
}

static void
test_answered_meanwhile(void **state)
{
	struct record r;
	int c, other;

	(void)state;
	serve();
	c = harness_connect(&h);
	other = harness_connect(&h);
	harness_send(other, PING);
	(void)harness_line(other);
	hold();
	harness_tell_image(&h, b.fd, b.size);
	harness_send(c, ALLOWED);
	harness_send(other, DENIED);
	go_on();
	/* Sent after the image, decided before it is in force. */
	for (int i = 0; i < 2; i++) {
		harness_take(&h, &r);
		assert_is(r.policy_revision, "r1");
		harness_ack(&h, 1);
	}
	(void)harness_line(c);
	(void)harness_line(other);
	ask_until(c, DENIED, "rb");
	harness_send(c, DENIED);
	r = decided(c);
	assert_is(r.rule_id, "b");
	(void)close(c);
	(void)close(other);
}

/* Before anything else is read. */
static void
test_small_one_at_once(void **state)
{
	struct record r;
	int c;

	(void)state;
	serve();
	hold();
	harness_tell_image(&h, d.fd, d.size);
	c = harness_connect(&h);
	harness_send(c, ALLOWED);
	go_on();
	r = decided(c);
	assert_is(r.policy_revision, "rd");
	(void)close(c);
}

static void
test_newer_ones_meanwhile(void **state)
{
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	hold();
	harness_tell_image(&h, b.fd, b.size);
	harness_tell_image(&h, c2.fd, c2.size);
	harness_tell_image(&h, d.fd, d.size);
	go_on();
	ask_until(c, ALLOWED, "rd");
	(void)close(c);
}

static void
test_refused_at_its_end(void **state)
{
	CLEANUP_FD int spoilt = spoil(&b);
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	hold();
	harness_tell_image(&h, spoilt, b.size);
	harness_tell_image(&h, d.fd, d.size);
	go_on();
	ask_until(c, ALLOWED, "rd");
	(void)close(c);
}

static void
test_finish_meanwhile(void **state)
{
	struct record r;
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_send(c, ALLOWED);
	harness_take(&h, &r);
	hold();
	harness_tell_image(&h, b.fd, b.size);
	harness_tell_image(&h, c2.fd, c2.size);
	harness_tell(&h, MSG_FINISH, STR(""), -1);
	go_on();
	harness_ack(&h, 1);
	harness_expect(c, YES, 1);
	harness_ends(c);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_DONE);
	(void)close(c);
}

static void
test_channels_end_meanwhile(void **state)
{
	(void)state;
	serve();
	hold();
	harness_tell_image(&h, b.fd, b.size);
	(void)shutdown(h.control, SHUT_RDWR);
	go_on();
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_SUPERVISOR);
	harness_stop(&h);
	harness_init(&h);
	serve();
	hold();
	harness_tell_image(&h, b.fd, b.size);
	(void)shutdown(h.record, SHUT_RDWR);
	go_on();
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_WRITER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_queue),
	    cmocka_unit_test(test_queue_under_load),
	    cmocka_unit_test(test_queue_of_several),
	    cmocka_unit_test(test_queue_refuses),
	    cmocka_unit_test(test_queue_cleared),
	    TEST(test_answered_meanwhile),
	    TEST(test_small_one_at_once),
	    TEST(test_newer_ones_meanwhile),
	    TEST(test_refused_at_its_end),
	    TEST(test_finish_meanwhile),
	    TEST(test_channels_end_meanwhile),
	};

	srandom((unsigned)getpid());
	return cmocka_run_group_tests(tests, make_images, drop_images);
}
