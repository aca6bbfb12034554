/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/load/talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define AGAIN_US 5000
#define SLOW_US 20000
#define SEND_BYTES (32 << 10) /* what waits in a socket is answered in the end: not too much */
#define STUCK_US 1000000
#define RUDE_US 50000
#define HOSTS 16
#define LINES_AT_ONCE 32

static void
keep(const struct talk *t, uint32_t number, uint64_t what)
{
	const struct fate fate = {t->connection, number, what};

	if (t->load->fates && fwrite(&fate, sizeof(fate), 1, t->load->fates) != 1)
		fatal(errno, "fates");
}

/* --- begin and end ----------------------------------------------------------------------------- */

static int
make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int room = SEND_BYTES;

	if (fd < 0)
		fatal(errno, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0)
		fatal(errno, "SO_SNDBUF");
	return fd;
}

void
talk_open(struct talk *t, int64_t now)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct load *load = t->load;

	if (strlen(load->path) >= sizeof(address.sun_path))
		fatalx("%s: path too long for a socket", load->path);
	memcpy(address.sun_path, load->path, strlen(load->path) + 1);
	t->at = now + AGAIN_US;
	t->fd = make_socket();
	if (connect(t->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(t->fd);
		t->fd = -1;
		load->failed += errno != EAGAIN; /* EAGAIN: the backlog is full */
		return;
	}
	load->connected++;
	t->came = true;
	t->connection = load->next++;
	t->composed = t->sent = t->got = 0;
	t->out_n = t->out_sent = t->in_n = 0;
	t->half_closed = t->stuck = false;
	t->due = load->manner == MANNER_RUDE ? 1 : t->due > t->sent ? t->due : 0;
}

/* What was handed over and not answered stays open: it may be on record. */
void
talk_close(struct talk *t, int64_t now)
{
	if (t->fd < 0)
		return;
	keep(t, t->sent, FATE_SENT);
	(void)close(t->fd);
	t->fd = -1;
	t->due -= t->due < t->sent ? t->due : t->sent;
	t->at = now + (int64_t)random() % AGAIN_US + 1;
}

static void
talk_ended(struct talk *t, int64_t now)
{
	bool owed = t->got < t->sent || (!t->half_closed && !t->stuck);

	t->load->broken += owed && t->load->manner != MANNER_RUDE;
	talk_close(t, now);
}

/* --- out --------------------------------------------------------------------------------------- */

static uint32_t
may_compose(const struct talk *t)
{
	uint64_t room = t->load->window ? t->load->window - (t->composed - t->got) : LINES_AT_ONCE;
	uint64_t due = t->due > t->composed ? t->due - t->composed : 0;

	if (t->load->ending || t->stuck || t->half_closed)
		return 0;
	if (due < room)
		room = due;
	return (uint32_t)(room < LINES_AT_ONCE ? room : LINES_AT_ONCE);
}

static void
compose_line(struct talk *t, int64_t now)
{
	int n = snprintf(t->out + t->out_n, TALK_OUT - t->out_n,
	    "{\"id\":\"%s.%u.%u\",\"action\":\"net:connect:tcp\",\"resource\":\"net:domain:h%u."
	    "example:443\",\"client_name\":\"load\"}\n",
	    t->load->id, t->connection, t->composed, (t->composed * 7 + t->connection) % HOSTS);

	if (n < 0 || (size_t)n >= TALK_OUT - t->out_n)
		fatalx("lines too long");
	t->out_n += (size_t)n;
	if (t->asked_at)
		t->asked_at[t->composed % t->load->window] = now;
	t->composed++;
}

/* Something that no service should choke on. */
static void
compose_rubbish(struct talk *t, int64_t now)
{
	static const char *const lines[] = {"rubbish\n", "\n", "{}\n", "{\"op\":\"x\"}\n",
	    "[[[[[[[[[[", "{\"id\":1,\"id\":2,\"action\":\"fs:read\"}\n",
	    "{\"action\":\"net:connect:tcp\"}\n",
	    "{\"op\":\"emit\",\"event\":\"e\",\"details\":[]}\n", "{\"id\":\"\\ud800\"}\n"};
	size_t kind = (size_t)random() % (sizeof(lines) / sizeof(lines[0]) + 2);

	t->stuck = true;
	t->at = now + (int64_t)random() % RUDE_US;
	if (kind < sizeof(lines) / sizeof(lines[0])) {
		t->out_n = strlen(lines[kind]);
		memcpy(t->out, lines[kind], t->out_n);
		return;
	}
	t->out_n = TALK_OUT;
	for (size_t i = 0; i < t->out_n; i++)
		t->out[i] = kind & 1 ? (char)random() : 'a';
}

static void
compose(struct talk *t, int64_t now)
{
	uint32_t lines = may_compose(t);

	t->out_n = t->out_sent = 0;
	if (t->load->manner == MANNER_RUDE && lines > 0)
		compose_rubbish(t, now);
	else
		for (uint32_t i = 0; i < lines; i++)
			compose_line(t, now);
	if (t->load->manner == MANNER_STOPS && lines > 0) {
		t->out_n -= 1 + (size_t)random() % 60;
		t->stuck = true;
		t->at = now + (int64_t)random() % STUCK_US;
	}
}

static void
count_sent(struct talk *t, size_t n)
{
	const char *p = t->out + t->out_sent, *end = p + n;

	t->out_sent += n;
	if (t->load->manner == MANNER_RUDE)
		return;
	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		t->sent++;
		t->load->sent++;
	}
}

bool
talk_wants_out(const struct talk *t)
{
	return t->out_sent < t->out_n || may_compose(t) > 0 || (t->load->ending && !t->half_closed);
}

static void
all_is_said(struct talk *t, int64_t now)
{
	if (t->load->manner == MANNER_LEAVES && t->sent > 0) {
		talk_close(t, now);
	} else if (t->load->ending) {
		(void)shutdown(t->fd, SHUT_WR);
		t->half_closed = true;
	}
}

void
talk_write(struct talk *t, int64_t now)
{
	ssize_t n;

	if (t->out_sent == t->out_n)
		compose(t, now);
	n = send(t->fd, t->out + t->out_sent, t->out_n - t->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		count_sent(t, (size_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		/* What it has said to us before it closed is there to be read. */
		t->out_n = t->out_sent = 0;
		t->stuck = true;
		t->at = now + STUCK_US;
		if (t->load->manner == MANNER_NEVER)
			talk_ended(t, now);
		return;
	}
	if (t->out_sent == t->out_n)
		all_is_said(t, now);
}

/* --- in ---------------------------------------------------------------------------------------- */

/* The number of a record: the last 62 bits of its id, 8-4-4-4-12 hexadecimal digits. */
static uint64_t
record_number(const char *id)
{
	char digits[17];

	memcpy(digits, id + 19, 4);
	memcpy(digits + 4, id + 24, 12);
	digits[16] = '\0';
	return strtoull(digits, NULL, 16) & ((UINT64_C(1) << 62) - 1);
}

static void
take_answer(struct talk *t, const char *line, size_t n, int64_t now)
{
	static const char id_key[] = "\"audit_event_id\":\"", allow[] = "\"decision\":\"allow\"";
	struct load *load = t->load;
	const char *id = memmem(line, n, id_key, sizeof(id_key) - 1);
	uint64_t decision = memmem(line, n, allow, sizeof(allow) - 1) ? FATE_ALLOW : FATE_DENY;
	uint64_t seq = 0;

	if (id && id + sizeof(id_key) - 1 + 36 < line + n)
		seq = record_number(id + sizeof(id_key) - 1);
	load->recorded += seq != 0;
	load->unrecorded += seq == 0;
	load->answered++;
	if (seq == 0 && decision == FATE_ALLOW)
		load->wrong++;
	keep(t, t->got, seq << 2 | decision);
	if (t->asked_at) {
		uint64_t us = (uint64_t)(now - t->asked_at[t->got % load->window]);

		load->waited_us = us > load->waited_us ? us : load->waited_us;
	}
	t->got++;
}

static void
take_other(struct talk *t, const char *line, size_t n)
{
	static const char nobody[] = "{\"id\":null,\"error\":\"", many[] = "too many connections";

	if (n < sizeof(nobody) || memcmp(line, nobody, sizeof(nobody) - 1) != 0) {
		if (t->load->wrong++ == 0)
			log_warn("not what was asked: connection %u, line %u: %.*s", t->connection,
			    t->got, (int)n, line);
	} else if (memmem(line, n, many, sizeof(many) - 1))
		t->load->refused++;
	else
		t->load->errors++;
	t->stuck = true; /* the service ends it */
}

static void
take_line(struct talk *t, const char *line, size_t n, int64_t now)
{
	char want[96];
	int m = snprintf(want, sizeof(want), "{\"id\":\"%s.%u.%u\",\"decision\":\"", t->load->id,
	    t->connection, t->got);

	if (t->load->manner == MANNER_RUDE)
		t->load->errors++;
	else if (t->got < t->composed && n > (size_t)m && memcmp(line, want, (size_t)m) == 0)
		take_answer(t, line, n, now);
	else
		take_other(t, line, n);
}

static void
take_lines(struct talk *t, int64_t now)
{
	char *p = t->in, *end = t->in + t->in_n, *newline;

	while ((newline = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		take_line(t, p, (size_t)(newline - p), now);
		p = newline + 1;
	}
	t->in_n = (size_t)(end - p);
	memmove(t->in, p, t->in_n);
	if (t->in_n == TALK_IN)
		fatalx("a reply of %d bytes", TALK_IN);
}

bool
talk_wants_in(const struct talk *t, int64_t now)
{
	if (t->load->manner == MANNER_NEVER)
		return t->load->ending;
	return t->load->manner != MANNER_SLOWLY || t->load->ending || t->at <= now;
}

void
talk_read(struct talk *t, int64_t now)
{
	bool slowly = t->load->manner == MANNER_SLOWLY && !t->load->ending;
	ssize_t n = recv(t->fd, t->in + t->in_n, slowly ? 1 : TALK_IN - t->in_n, MSG_DONTWAIT);

	if (slowly)
		t->at = now + SLOW_US;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		talk_ended(t, now);
		return;
	}
	t->in_n += (size_t)n;
	take_lines(t, now);
}

/* --- time -------------------------------------------------------------------------------------- */

void
talk_tick(struct talk *t, int64_t now)
{
	if (t->fd < 0) {
		if (t->at <= now && !t->load->ending && (t->load->again || !t->came))
			talk_open(t, now);
		return;
	}
	if ((t->load->manner == MANNER_STOPS || t->load->manner == MANNER_RUDE) && t->stuck &&
	    t->at <= now)
		talk_close(t, now);
}
