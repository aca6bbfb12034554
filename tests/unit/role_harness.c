/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/role_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/chan.h"
#include "common/fds.h"
#include "common/log.h"
#include "policy/policy.h"
#include "proto/line.h"

#define PATIENCE_MS 5000

/* --- start and end ---------------------------------------------------------------------------- */

void
harness_init(struct harness *h)
{
	*h = (struct harness){
	    .settings =
		{
		    .connections = 100,
		    .connections_per_uid = 100,
		    .in_flight = 1000,
		    .line_bytes = LIMIT_REQUEST_LINE,
		    .line_seconds = 30,
		    .answer_ms = 5000,
		    .min_level = LEVEL_INFO,
		},
	};
}

static int
listen_at(struct harness *h)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(h->path, sizeof(h->path), "/tmp/sealwright-test.%d.%ld", (int)getpid(),
	    random() % 1000000);
	memcpy(address.sun_path, h->path, sizeof(address.sun_path));
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

int
harness_image(const char *policy, bool sealed, uint64_t *ret_size)
{
	static struct policy_report report;
	struct policy_text document = {"policy.json", str_from(policy)};
	const struct policy_texts texts = {.v = &document, .n = 1};
	const struct policy_compile_options options = {.accounts = true};
	uint8_t *image;
	size_t n;
	int fd = memfd_create("test-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (policy_compile(&texts, &options, &image, &n, &report) < 0)
		fail_msg("%s", report.complaint[0].text);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, image, n), 0);
	free(image);
	if (sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS,
				     F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
		    0);
	*ret_size = n;
	return fd;
}

void
harness_start(struct harness *h, enum peer self, harness_main *run, const char *policy)
{
	int control[2], record[2], fds[4];
	uint64_t size;

	h->self = self;
	assert_int_equal(chan_pair(1 << 20, control), 0);
	assert_int_equal(chan_pair(1 << 20, record), 0);
	fds[0] = control[1];
	fds[1] = record[1];
	fds[2] = listen_at(h);
	fds[3] = harness_image(policy, true, &size);
	h->pid = fork();
	assert_true(h->pid >= 0);
	if (h->pid == 0) {
		log_init("role");
		if (fds_place(fds, ARRAY_SIZE(fds), 3) < 0)
			_exit(99);
		_exit(run(1, HARNESS_GENERATION, &h->settings));
	}
	h->control = control[0];
	h->record = record[0];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
}

void
harness_serve(struct harness *h, enum peer self, harness_main *run, const char *policy)
{
	harness_start(h, self, run, policy);
	harness_hello(h);
	harness_welcome(h, HARNESS_GENERATION, STORAGE_OK, 1000);
}

void
harness_sleep(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&t, NULL);
}

int
harness_wait(struct harness *h)
{
	int status;

	for (int i = 0; i < 3000; i++) {
		if (waitpid(h->pid, &status, WNOHANG) == h->pid) {
			h->pid = 0;
			assert_true(WIFEXITED(status));
			return WEXITSTATUS(status);
		}
		harness_sleep(10);
	}
	harness_stop(h);
	fail_msg("the process does not end");
	return -1;
}

void
harness_stop(struct harness *h)
{
	if (h->pid > 0) {
		(void)kill(h->pid, SIGKILL);
		(void)waitpid(h->pid, NULL, 0);
	}
	(void)close(h->control);
	(void)close(h->record);
	(void)unlink(h->path);
	h->pid = 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

static bool
comes(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) > 0;
}

static void
send_frame(int fd, enum msg_type type, uint64_t sequence, struct str body, int attached)
{
	static uint8_t buf[LIMIT_FRAME];
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, sizeof(buf), (uint16_t)type, sequence);
	out = frame_message(&f);
	wire_put_bytes(&out, body);
	assert_int_equal(frame_commit(&f, &out), 0);
	frame_end(&f);
	assert_int_equal(chan_send(fd, f.buf, f.n, attached), 0);
}

/* The next frame of it is in h->frame. */
static void
take_frame(struct harness *h, int fd, enum peer as, enum chan_state state)
{
	const char *why = "";
	ssize_t n;

	assert_true(comes(fd, PATIENCE_MS));
	n = chan_recv(fd, h->frame, sizeof(h->frame), NULL);
	assert_true(n > 0);
	if (frame_open(&h->open, h->frame, (size_t)n, h->self, as, state, false, &why) < 0)
		fail_msg("%s", why);
}

/* --- the writer ------------------------------------------------------------------------------- */

void
harness_hello(struct harness *h)
{
	struct msg_hello hello;
	struct wire_in body;

	take_frame(h, h->record, PEER_WRITER, CHAN_NEW);
	assert_int_equal(h->open.type, MSG_HELLO);
	assert_int_equal(h->open.sequence, 0);
	assert_true(frame_next(&h->open, &body));
	assert_int_equal(msg_hello_get(&body, &hello), 0);
	assert_int_equal(hello.generation, HARNESS_GENERATION);
	assert_int_equal(hello.pid, h->pid);
}

void
harness_welcome(
    struct harness *h, uint32_t generation, enum storage_state state, uint64_t max_unacked)
{
	const struct msg_welcome m = {
	    .generation = generation,
	    .log_id = HARNESS_LOG_ID,
	    .session = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	    .state = (uint8_t)state,
	    .next_seq = h->seq + 1,
	    .max_unacked = max_unacked,
	};
	uint8_t buf[64];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	msg_welcome_put(&out, &m);
	send_frame(h->record, MSG_WELCOME, 0, (struct str){(char *)buf, (size_t)(out.p - buf)}, -1);
}

bool
harness_record_comes(struct harness *h, int ms)
{
	return h->open.rest.left > 0 || comes(h->record, ms);
}

void
harness_take(struct harness *h, struct record *ret)
{
	const char *why = "";
	struct wire_in body;

	if (h->open.rest.left == 0) {
		take_frame(h, h->record, PEER_WRITER, CHAN_OPEN);
		assert_int_equal(h->open.sequence, h->seen + 1);
	}
	assert_true(frame_next(&h->open, &body));
	h->seen++;
	if (record_get(&body, (enum msg_type)h->open.type, h->self, ret, &why) < 0)
		fail_msg("%s", why);
	assert_true(line_measure(ret) <= LIMIT_LINE);
}

void
harness_ack_state(struct harness *h, uint64_t through, uint32_t count, enum refusal refusal,
    enum storage_state state)
{
	static struct msg_ack m;
	uint8_t buf[64];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	m = (struct msg_ack){.through = through, .state = (uint8_t)state, .runs = count > 0};
	m.run[0].count = count;
	m.run[0].refusal = (uint8_t)refusal;
	if (refusal == REFUSAL_NONE) {
		m.run[0].first_seq = h->seq + 1;
		h->seq += count;
	}
	msg_ack_put(&out, &m);
	send_frame(
	    h->record, MSG_ACK, ++h->sent, (struct str){(char *)buf, (size_t)(out.p - buf)}, -1);
}

void
harness_ack(struct harness *h, uint32_t count)
{
	harness_ack_state(h, h->seen, count, REFUSAL_NONE, STORAGE_OK);
}

void
harness_writer_sends(struct harness *h, const void *frame, size_t n)
{
	assert_int_equal(chan_send(h->record, frame, n, -1), 0);
}

/* --- the supervisor --------------------------------------------------------------------------- */

void
harness_tell(struct harness *h, enum msg_type type, struct str body, int attached)
{
	send_frame(h->control, type, ++h->told, body, attached);
}

void
harness_tell_number(struct harness *h, enum msg_type type, uint32_t number)
{
	uint8_t buf[4];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u32(&out, number);
	harness_tell(h, type, (struct str){(char *)buf, sizeof(buf)}, -1);
}

void
harness_tell_image(struct harness *h, int fd, uint64_t size)
{
	uint8_t buf[8];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u64(&out, size);
	harness_tell(h, MSG_IMAGE, (struct str){(char *)buf, sizeof(buf)}, fd);
}

enum msg_type
harness_told(struct harness *h, struct str *ret_body)
{
	struct wire_in body;

	take_frame(h, h->control, PEER_SUPERVISOR, CHAN_OPEN);
	assert_true(frame_next(&h->open, &body));
	*ret_body = (struct str){(const char *)body.p, body.left};
	h->open.rest.left = 0;
	return (enum msg_type)h->open.type;
}

/* --- a client --------------------------------------------------------------------------------- */

int
harness_connect(const struct harness *h)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, h->path, sizeof(address.sun_path));
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void
harness_send(int fd, const char *text)
{
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

const char *
harness_line(int fd)
{
	static char line[65536];

	for (size_t n = 0; n < sizeof(line); n++) {
		assert_true(comes(fd, PATIENCE_MS));
		if (read(fd, line + n, 1) != 1)
			fail_msg("the connection ended within a line: %.*s", (int)n, line);
		if (line[n] != '\n')
			continue;
		line[n] = '\0';
		return line;
	}
	fail_msg("a line without an end");
	return NULL;
}

bool
harness_comes(int fd, int ms)
{
	return comes(fd, ms);
}

void
harness_ends(int fd)
{
	char c;
	ssize_t n;

	assert_true(comes(fd, PATIENCE_MS));
	n = read(fd, &c, 1);
	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

void
harness_expect(int fd, const char *want, uint64_t seq)
{
	const char *event = strstr(want, "EVENT");
	char id[UUID_TEXT + 1], text[65536];

	line_event_id(HARNESS_LOG_ID, seq, id);
	if (event)
		(void)snprintf(
		    text, sizeof(text), "%.*s%s%s", (int)(event - want), want, id, event + 5);
	assert_string_equal(harness_line(fd), event ? text : want);
}
