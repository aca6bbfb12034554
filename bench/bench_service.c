/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load on policyd's socket: so many requests in flight over so many connections, for so long.
 * Prints one line: requests per second, and the median and 99th percentile of the answer time.
 *     bench_service SOCKET IN_FLIGHT CONNECTIONS SECONDS
 *     bench_service --floor DIR BATCH SECONDS sync|commit
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/floor.h"
#include "common/clock.h"
#include "common/fds.h"
#include "common/log.h"
#include "common/str.h"

#define CONNECTIONS_MAX 256
#define SAMPLES_MAX (4u << 20)
#define PIPELINE_MAX 1024

struct connection {
	unsigned in_flight;
	unsigned head;               /* oldest request not yet answered */
	int64_t asked[PIPELINE_MAX]; /* when each was sent, a ring */
	unsigned allowed;            /* in flight at most */
};

struct load {
	unsigned n;
	struct pollfd polls[CONNECTIONS_MAX];
	struct connection connections[CONNECTIONS_MAX];
	uint64_t asked, answered;
	uint32_t *samples; /* microseconds */
	uint32_t n_samples;
};

static void
load_connect(struct load *load, const char *path, unsigned i, unsigned allowed)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		fatalx("%s: path too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fatal(errno, "%s", path);
	load->polls[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	load->connections[i].allowed = allowed;
}

/* Fill one connection up to what it may have in flight, with one write. */
static void
load_ask(struct load *load, unsigned i)
{
	struct connection *c = &load->connections[i];
	char buf[PIPELINE_MAX * 160];
	size_t n = 0;
	int64_t now = clock_monotonic();

	while (c->in_flight < c->allowed) {
		int w = snprintf(buf + n, sizeof(buf) - n,
		    "{\"id\":%llu,\"action\":\"net:connect:tcp\",\"resource\":\"net:domain:host-%"
		    "llu."
		    "example.com:443\",\"client_name\":\"bench\"}\n",
		    (unsigned long long)load->asked, (unsigned long long)load->asked % 1000);

		if (w < 0 || (size_t)w >= sizeof(buf) - n)
			break;
		n += (size_t)w;
		c->asked[(c->head + c->in_flight) % PIPELINE_MAX] = now;
		c->in_flight++;
		load->asked++;
	}
	if (fd_write_all(load->polls[i].fd, buf, n) < 0)
		fatal(errno, "write to the service");
}

static void
load_answered(struct load *load, struct connection *c, int64_t now)
{
	int64_t took = now - c->asked[c->head];

	if (c->in_flight == 0)
		fatalx("an answer without a request");
	if (load->n_samples < SAMPLES_MAX)
		load->samples[load->n_samples++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	c->head = (c->head + 1) % PIPELINE_MAX;
	c->in_flight--;
	load->answered++;
}

/* Answers are counted by their newlines; the first of a connection is looked at in tests, not here. */
static void
load_read(struct load *load, unsigned i)
{
	char buf[65536];
	ssize_t n = read(load->polls[i].fd, buf, sizeof(buf));
	int64_t now = clock_monotonic();

	if (n <= 0)
		fatal(n < 0 ? errno : EPIPE, "the service closed the connection");
	for (const char *p = buf; (p = memchr(p, '\n', (size_t)(buf + n - p))) != NULL; p++)
		load_answered(load, &load->connections[i], now);
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
load_run(struct load *load, double seconds)
{
	int64_t start = clock_monotonic(), end = start + (int64_t)(seconds * 1e6), now = start;

	for (unsigned i = 0; i < load->n; i++)
		load_ask(load, i);
	while (now < end) {
		if (poll(load->polls, load->n, 1000) < 0)
			fatal(errno, "poll");
		for (unsigned i = 0; i < load->n; i++) {
			if (!load->polls[i].revents)
				continue;
			load_read(load, i);
			load_ask(load, i);
		}
		now = clock_monotonic();
	}
	qsort(load->samples, load->n_samples, sizeof(load->samples[0]), by_value);
	if (load->n_samples == 0)
		fatalx("no answer within %.1f s", seconds);
	printf("%.0f %u %u\n", (double)load->answered * 1e6 / (double)(now - start),
	    load->samples[load->n_samples / 2],
	    load->samples[(uint64_t)load->n_samples * 99 / 100]);
}

static int
run_floor(char **argv)
{
	struct floor_result result;
	int error = floor_measure(argv[2], (unsigned)strtoul(argv[3], NULL, 10),
	    strcmp(argv[5], "sync") == 0, strtod(argv[4], NULL), &result);

	if (error < 0)
		fatal(error, "%s", argv[2]);
	printf("%.0f %.0f\n", result.records_per_second, result.bytes_per_record);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct load load;
	unsigned in_flight;

	log_init("bench_service");
	if (argc == 6 && strcmp(argv[1], "--floor") == 0)
		return run_floor(argv);
	if (argc != 5)
		fatalx("usage: bench_service SOCKET IN_FLIGHT CONNECTIONS SECONDS");
	in_flight = (unsigned)strtoul(argv[2], NULL, 10);
	load.n = (unsigned)strtoul(argv[3], NULL, 10);
	if (load.n == 0 || load.n > CONNECTIONS_MAX || in_flight / load.n == 0 ||
	    in_flight / load.n > PIPELINE_MAX)
		fatalx("need 1 to %d connections with 1 to %d requests each", CONNECTIONS_MAX,
		    PIPELINE_MAX);
	load.samples = malloc(SAMPLES_MAX * sizeof(load.samples[0]));
	if (!load.samples)
		fatal(ENOMEM, "samples");
	for (unsigned i = 0; i < load.n; i++)
		load_connect(&load, argv[1], i, in_flight / load.n);
	load_run(&load, strtod(argv[4], NULL));
	return 0;
}
