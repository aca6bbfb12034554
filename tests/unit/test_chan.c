/* SPDX-License-Identifier: Apache-2.0 */
/* Channels and descriptor placement, over real sockets and processes. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/chan.h"
#include "common/fds.h"
#include "common/limits.h"

static int ends[2];

static int
make_pair(void **state)
{
	(void)state;
	return chan_pair(1 << 20, ends);
}

static int
close_pair(void **state)
{
	(void)state;
	(void)close(ends[0]);
	(void)close(ends[1]);
	return 0;
}

static void
keeps_frames_apart(void **state)
{
	char buf[16];

	(void)state;
	assert_int_equal(chan_send(ends[0], "abc", 3, -1), 0);
	assert_int_equal(chan_send(ends[0], "de", 2, -1), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), 3);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), 2);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), -EAGAIN);
}

static void
refuses_what_is_too_long(void **state)
{
	static char big[LIMIT_FRAME + 1];
	char buf[4];

	(void)state;
	assert_int_equal(chan_send(ends[0], big, sizeof(big), -1), -EMSGSIZE);
	assert_int_equal(chan_send(ends[0], "abcde", 5, -1), 0);
	assert_int_equal(chan_send(ends[0], "fg", 2, -1), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), -EMSGSIZE);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), 2);
}

static void
passes_a_descriptor_only_where_wanted(void **state)
{
	struct stat a, b;
	char buf[4];
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), got = -1;
	int next;

	(void)state;
	assert_int_equal(chan_send(ends[0], "x", 1, null), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), &got), 1);
	assert_true(got >= 0);
	assert_int_equal(fcntl(got, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(null, &a), 0);
	assert_int_equal(fstat(got, &b), 0);
	assert_true(a.st_rdev == b.st_rdev);
	(void)close(got);
	next = dup(null);
	(void)close(next);
	assert_int_equal(chan_send(ends[0], "x", 1, null), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), -EBADMSG);
	assert_int_equal(dup(null), next); /* what came along was closed */
	(void)close(next);
	(void)close(null);
}

static void
send_descriptors(unsigned n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} control;
	const int fds[3] = {0, 1, 2};
	char buf[1] = "x";
	struct iovec iov = {buf, 1};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	assert_int_equal(sendmsg(ends[0], &msg, 0), 1);
}

/* Two are the hard case: the room for one is rounded up, and the kernel cuts nothing. */
static void
refuses_many_descriptors(void **state)
{
	int got = -1, next = dup(0);
	char buf[4];

	(void)state;
	(void)close(next);
	for (unsigned n = 2; n <= 3; n++) {
		send_descriptors(n);
		assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), &got), -EBADMSG);
		assert_int_equal(got, -1);
		send_descriptors(n);
		assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), -EBADMSG);
	}
	assert_int_equal(dup(0), next); /* all of them were closed */
	(void)close(next);
}

static void
tells_an_empty_datagram_from_the_end(void **state)
{
	char buf[4];

	(void)state;
	assert_int_equal(send(ends[0], "", 0, 0), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), -EBADMSG);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), 0);
	assert_int_equal(chan_send(ends[1], "x", 1, -1), -EPIPE);
	ends[0] = dup(ends[1]);
}

/* A peer that shuts down its half ends what comes from it; one that reads no more does not. */
static void
sees_a_half_that_is_shut_down(void **state)
{
	char buf[4];

	(void)state;
	assert_int_equal(shutdown(ends[0], SHUT_RD), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), -EAGAIN);
	assert_int_equal(chan_send(ends[1], "x", 1, -1), -EPIPE);
	assert_int_equal(chan_send(ends[0], "ab", 2, -1), 0);
	assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), 2);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), 0);
}

/* What a peer sent before it closed is read although it left our data unread. */
static void
reads_past_a_reset(void **state)
{
	char buf[4];

	(void)state;
	assert_int_equal(chan_send(ends[1], "unread", 6, -1), 0);
	assert_int_equal(chan_send(ends[0], "ab", 2, -1), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), 2);
	assert_int_equal(chan_recv(ends[1], buf, sizeof(buf), NULL), 0);
	ends[0] = dup(ends[1]);
}

static void
full_channel_says_again(void **state)
{
	static char frame[8192];
	int error = 0;

	(void)state;
	for (int i = 0; i < 100000 && error == 0; i++)
		error = chan_send(ends[0], frame, sizeof(frame), -1);
	assert_int_equal(error, -EAGAIN);
}

/* In a child: three pipes, each holding its name, placed crosswise at 3, 4 and 5. */
static int
placed_crosswise(void)
{
	int a[2], b[2], from[3];
	char got = 0;

	if (fds_close_from(3) < 0 || pipe(a) < 0 || pipe(b) < 0)
		return 1;
	if (write(a[1], "a", 1) != 1 || write(b[1], "b", 1) != 1)
		return 2;
	from[0] = b[0]; /* 5 -> 3 */
	from[1] = a[0]; /* 3 -> 4 */
	from[2] = -1;
	if (fds_place(from, 3, 3) < 0)
		return 3;
	if (read(3, &got, 1) != 1 || got != 'b' || read(4, &got, 1) != 1 || got != 'a')
		return 4;
	if (fcntl(3, F_GETFD) != 0)
		return 5;
	for (int fd = 5; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 6;
	return 0;
}

static void
places_descriptors(void **state)
{
	pid_t pid = fork();
	int status = -1;

	(void)state;
	if (pid == 0)
		_exit(placed_crosswise());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
reads_files_up_to_a_limit(void **state)
{
	char name[] = "/tmp/sealwright-test-XXXXXX";
	int fd = mkstemp(name);
	char *buf = NULL;
	size_t n = 0;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(fd_write_all(fd, "0123456789", 10), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_file(fd, 9, &buf, &n), -EFBIG);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_file(fd, 10, &buf, &n), 0);
	assert_int_equal(n, 10);
	assert_string_equal(buf, "0123456789");
	free(buf);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(keeps_frames_apart, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(refuses_what_is_too_long, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(
		passes_a_descriptor_only_where_wanted, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(refuses_many_descriptors, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(
		tells_an_empty_datagram_from_the_end, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(sees_a_half_that_is_shut_down, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(reads_past_a_reset, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(full_channel_says_again, make_pair, close_pair),
	    cmocka_unit_test(places_descriptors),
	    cmocka_unit_test(reads_files_up_to_a_limit),
	};

	return cmocka_run_group_tests_name("chan", tests, NULL, NULL);
}
