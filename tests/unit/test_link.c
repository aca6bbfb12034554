/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's end of a control channel, against a peer that does not read, lies or is gone. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/chan.h"
#include "policyd/supervisor/link.h"

struct pair {
	struct link link;
	int other;
};

static int
setup(void **state)
{
	static struct pair p;

	assert_int_equal(link_open(&p.link, PEER_ADMIN, &p.other), 0);
	*state = &p;
	return 0;
}

static int
teardown(void **state)
{
	struct pair *p = *state;

	link_close(&p->link);
	link_close(&p->link);
	if (p->other >= 0)
		(void)close(p->other);
	return 0;
}

/* Receive one frame as the peer would; its type, 0 when nothing is there. */
static uint16_t
receive(struct pair *p, uint64_t *ret_sequence, int *ret_fd)
{
	static uint8_t buf[LIMIT_FRAME];
	struct frame_in f;
	const char *why = "";
	ssize_t n = chan_recv(p->other, buf, sizeof(buf), ret_fd);

	if (n == -EAGAIN)
		return 0;
	assert_true(n > 0);
	if (frame_open(
		&f, buf, (size_t)n, PEER_SUPERVISOR, PEER_ADMIN, CHAN_OPEN, *ret_fd >= 0, &why) < 0)
		fail_msg("%s", why);
	*ret_sequence = f.sequence;
	return f.type;
}

/* n messages of 4 bytes in one frame. */
static void
send_from_peer(struct pair *p, enum msg_type type, uint64_t sequence, uint32_t n)
{
	static uint8_t buf[4096];
	struct frame_out f;

	frame_begin(&f, buf, sizeof(buf), (uint16_t)type, sequence);
	for (uint32_t i = 0; i < n; i++) {
		struct wire_out out = frame_message(&f);

		wire_put_u32(&out, i);
		assert_int_equal(frame_commit(&f, &out), 0);
	}
	frame_end(&f);
	assert_int_equal(chan_send(p->other, buf, f.n, -1), 0);
}

/* What the channel cannot take waits, in order, up to a bound; nothing is lost or doubled. */
static void
test_queue(void **state)
{
	struct pair *p = *state;
	static char text[4000];
	const struct str body = {text, sizeof(text)};
	uint64_t put = 0, sequence = 0;
	int error, fd = -1;

	do {
		error = link_put(&p->link, MSG_ASKED, body, -1);
		put += error == 0;
	} while (error == 0);
	assert_int_equal(error, -ENOBUFS);
	assert_int_equal(p->link.queued, LINK_QUEUE);
	assert_int_equal(p->link.sent, put);
	for (uint64_t want = 1; want <= put; want++) {
		assert_int_equal(receive(p, &sequence, &fd), MSG_ASKED);
		assert_int_equal(sequence, want);
		assert_int_equal(link_flush(&p->link), 0);
	}
	assert_false(link_waits(&p->link));
	assert_int_equal(receive(p, &sequence, &fd), 0);
	assert_int_equal(link_put(&p->link, MSG_ASKED, body, -1), 0);
	assert_int_equal(receive(p, &sequence, &fd), MSG_ASKED);
	assert_int_equal(sequence, put + 1);
}

/* A waiting message keeps the file alive although the sender closed its descriptor. */
static void
test_attached_while_waiting(void **state)
{
	struct pair *p = *state;
	static char text[4000];
	uint64_t sequence = 0;
	struct stat before, after;
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC), fd = -1;

	assert_true(file >= 0);
	assert_int_equal(fstat(file, &before), 0);
	while (!link_waits(&p->link))
		assert_int_equal(
		    link_put(&p->link, MSG_ASKED, (struct str){text, sizeof(text)}, -1), 0);
	assert_int_equal(link_put(&p->link, MSG_IMAGE, (struct str){text, 8}, file), 0);
	assert_int_equal(close(file), 0);
	while (receive(p, &sequence, &fd) != MSG_IMAGE)
		assert_int_equal(link_flush(&p->link), 0);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(close(fd), 0);
}

static void
test_peer_is_gone(void **state)
{
	struct pair *p = *state;
	struct frame_in f;
	const char *why = NULL;
	int error;

	assert_int_equal(close(p->other), 0);
	p->other = -1;
	error = link_put(&p->link, MSG_FINISH, STR(""), -1);
	assert_true(error == -EPIPE || error == -ECONNRESET);
	assert_int_equal(link_take(&p->link, &f, &why), -EPIPE);
	assert_null(why);
	link_close(&p->link);
	assert_int_equal(link_put(&p->link, MSG_FINISH, STR(""), -1), -ENOTCONN);
}

static void
test_take(void **state)
{
	struct pair *p = *state;
	struct frame_in f;
	struct wire_in body;
	const char *why = NULL;
	uint32_t n = 0;

	assert_int_equal(link_take(&p->link, &f, &why), 0);
	send_from_peer(p, MSG_ASK_ROTATE, 1, 3);
	send_from_peer(p, MSG_ASK_RELOAD, 4, 1);
	assert_int_equal(link_take(&p->link, &f, &why), 1);
	assert_int_equal(f.type, MSG_ASK_ROTATE);
	while (frame_next(&f, &body))
		assert_int_equal(wire_get_u32(&body), n++);
	assert_int_equal(n, 3);
	assert_int_equal(link_take(&p->link, &f, &why), 1);
	assert_int_equal(f.type, MSG_ASK_RELOAD);
	assert_int_equal(link_take(&p->link, &f, &why), 0);
}

static void
refuses(struct pair *p, const char *want)
{
	struct frame_in f;
	const char *why = NULL;

	assert_true(link_take(&p->link, &f, &why) < 0);
	assert_non_null(why);
	assert_string_equal(why, want);
}

static void
test_faults(void **state)
{
	struct pair *p = *state;
	static const uint8_t junk[30] = "not a frame at all, but bytes";

	send_from_peer(p, MSG_ASK_ROTATE, 2, 1);
	refuses(p, "message numbers do not follow each other");
	send_from_peer(p, MSG_ASK_ROTATE, 0, 1);
	refuses(p, "message numbers do not follow each other");
	send_from_peer(p, MSG_ROTATE, 1, 1);
	refuses(p, "message type not for this direction");
	send_from_peer(p, MSG_FINISH, 1, 1);
	refuses(p, "message type not for this direction");
	assert_int_equal(chan_send(p->other, junk, sizeof(junk), -1), 0);
	refuses(p, "wrong magic");
	assert_int_equal(chan_send(p->other, junk, 3, -1), 0);
	refuses(p, "shorter than a frame header");
	assert_int_equal(chan_send(p->other, junk, sizeof(junk), p->other), 0);
	refuses(p, "not a frame");
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(test_queue),
	    CASE(test_attached_while_waiting),
	    CASE(test_peer_is_gone),
	    CASE(test_take),
	    CASE(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
