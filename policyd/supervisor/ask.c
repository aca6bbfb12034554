/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the admin process may ask of us: rotate, reload, counters. It has put each request on record
 * itself, and allows each at most once a second. An answer always comes.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "policyd/supervisor/supervisor.h"
#include "proto/value.h"

#define TEXT_MAX COMPILER_PAYLOAD /* bytes of ASKED's text */

#define MISSING_MAX 255 /* bytes of the list of those who did not answer */

/* --- the table -------------------------------------------------------------------------------- */

static struct child *
admin(struct supervisor *s)
{
	return &s->client[s->n_clients - 1];
}

static void
answer(struct supervisor *s, uint32_t request, int error, struct str text)
{
	struct msg_result result = {.request = request, .error = error, .text = text};
	static uint8_t buf[TEXT_MAX + 16];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	if (result.text.n > TEXT_MAX)
		result.text.n = TEXT_MAX;
	msg_result_put(&out, &result);
	if (wire_out_ok(&out))
		route_send(s, admin(s), MSG_ASKED,
		    (struct str){(const char *)buf, sizeof(buf) - out.left}, -1);
}

static void
conclude(struct supervisor *s, struct ask *a, int error, struct str text)
{
	uint32_t request = a->admin_request;
	bool same = a->admin_generation == admin(s)->generation;

	*a = (struct ask){0};
	if (same)
		answer(s, request, error, text);
}

static struct ask *
free_place(struct supervisor *s)
{
	for (size_t i = 0; i < ASKS_MAX; i++)
		if (s->ask[i].kind == ASK_NONE)
			return &s->ask[i];
	return NULL;
}

/* Why a request is not taken now; NULL: it is. */
static const char *
obstacle(const struct supervisor *s, enum ask_kind kind, const struct ask *place, int64_t now)
{
	if (s->phase != PHASE_SERVING)
		return "shutting down";
	if (s->asked[kind] != 0 && now - s->asked[kind] < ASK_PAUSE_US)
		return "at most once a second";
	return place ? NULL : "too many requests are under way";
}

/* A place in the table. NULL: none, and that has been answered. */
static struct ask *
begin(struct supervisor *s, enum ask_kind kind, uint32_t request, int64_t for_us)
{
	int64_t now = clock_monotonic();
	struct ask *a = free_place(s);
	const char *why = obstacle(s, kind, a, now);

	if (why) {
		answer(s, request, -EBUSY, str_from(why));
		return NULL;
	}
	s->asked[kind] = now;
	*a = (struct ask){.kind = kind,
	    .admin_request = request,
	    .admin_generation = admin(s)->generation,
	    .number = ++s->next_number,
	    .deadline = for_us == INT64_MAX ? INT64_MAX : now + for_us};
	return a;
}

static struct ask *
find(struct supervisor *s, enum ask_kind kind, uint32_t number)
{
	for (size_t i = 0; i < ASKS_MAX; i++)
		if (s->ask[i].kind == kind && s->ask[i].number == number)
			return &s->ask[i];
	return NULL;
}

void
ask_forget(struct supervisor *s)
{
	memset(s->ask, 0, sizeof(s->ask));
}

static void
send_number(struct supervisor *s, struct child *c, enum msg_type type, uint32_t number)
{
	uint8_t buf[4];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u32(&out, number);
	route_send(s, c, type, (struct str){(const char *)buf, sizeof(buf)}, -1);
}

/* --- rotate ----------------------------------------------------------------------------------- */

void
ask_rotation(struct supervisor *s, uint32_t request)
{
	struct ask *a = begin(s, ASK_ROTATION, request, ROTATION_US);

	if (a)
		send_number(s, &s->writer, MSG_ROTATE, a->number);
}

void
ask_rotated(struct supervisor *s, const struct msg_result *result)
{
	struct ask *a = find(s, ASK_ROTATION, result->request);

	if (a)
		conclude(s, a, result->error, result->text);
}

/* --- reload ----------------------------------------------------------------------------------- */

void
ask_load(struct supervisor *s, uint32_t request)
{
	struct ask *a = begin(s, ASK_LOAD, request, INT64_MAX);

	if (!a)
		return;
	a->run = s->load.run + 1;
	load_begin(s);
}

void
ask_loaded(struct supervisor *s, uint32_t run, int error, struct str text)
{
	for (size_t i = 0; i < ASKS_MAX; i++)
		if (s->ask[i].kind == ASK_LOAD && s->ask[i].run == run)
			conclude(s, &s->ask[i], error, text);
}

/* --- counters --------------------------------------------------------------------------------- */

static void
forward(struct supervisor *s, uint32_t request, uint32_t source, struct str counters)
{
	static uint8_t buf[UINT16_MAX];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u32(&out, request);
	wire_put_u32(&out, source);
	wire_put_bytes(&out, counters);
	if (wire_out_ok(&out))
		route_send(s, admin(s), MSG_STATUS,
		    (struct str){(const char *)buf, sizeof(buf) - out.left}, -1);
}

static void
own_counters(struct supervisor *s, uint32_t request)
{
	uint8_t buf[512];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	value_open_object(&out);
	value_member_int(&out, STR("pid"), getpid());
	value_member_int(&out, STR("uptime_seconds"), (clock_monotonic() - s->started) / US_PER_S);
	value_member_bool(&out, STR("activated"), s->activated);
	value_member_int(&out, STR("evaluators"), s->n_clients - 1);
	value_member_int(&out, STR("restarts"), (int64_t)s->restarts);
	value_member_int(&out, STR("loads"), s->load.run);
	value_member_int(&out, STR("loads_refused"), (int64_t)s->loads_refused);
	value_member_int(&out, STR("notes_lost"), (int64_t)s->notes.lost);
	value_close_object(&out);
	if (wire_out_ok(&out))
		forward(s, request, SOURCE_SUPERVISOR,
		    (struct str){(const char *)buf, sizeof(buf) - out.left});
}

static void
put_source(struct text *t, uint32_t source)
{
	text_put(t, text_ok(t) && t->n > 0 ? STR(", ") : STR("no answer from "));
	if (source == SOURCE_WRITER) {
		text_put(t, STR("writer"));
		return;
	}
	text_put(t, STR("evaluator "));
	text_u64(t, source);
}

static bool
waits(const struct ask *a)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (a->waits[i])
			return true;
	return false;
}

static void
conclude_counters(struct supervisor *s, struct ask *a)
{
	char buf[MISSING_MAX];
	struct text t = text_over(buf, sizeof(buf));

	for (uint32_t i = 0; i < s->n_clients; i++)
		if (a->waits[i])
			put_source(&t, i);
	conclude(s, a, waits(a) ? -ETIMEDOUT : 0, text_str(&t));
}

/* The admin process, the last of the clients, has its own counters itself. */
void
ask_counters(struct supervisor *s, uint32_t request)
{
	struct ask *a = begin(s, ASK_COUNTERS, request, COUNTERS_US);

	if (!a)
		return;
	own_counters(s, request);
	a->waits[SOURCE_WRITER] = true;
	send_number(s, &s->writer, MSG_STATUS_ASK, a->number);
	for (uint32_t i = 0; i + 1 < s->n_clients; i++) {
		a->waits[s->client[i].channel] = true;
		if (s->client[i].pid != 0)
			send_number(s, &s->client[i], MSG_STATUS_ASK, a->number);
	}
}

void
ask_counted(struct supervisor *s, uint32_t number, uint32_t source, struct str counters)
{
	struct ask *a = find(s, ASK_COUNTERS, number);

	if (!a || !a->waits[source])
		return;
	a->waits[source] = false;
	if (a->admin_generation == admin(s)->generation)
		forward(s, a->admin_request, source, counters);
	if (!waits(a))
		conclude_counters(s, a);
}

/* --- too late --------------------------------------------------------------------------------- */

void
ask_timeouts(struct supervisor *s, int64_t now)
{
	for (size_t i = 0; i < ASKS_MAX; i++) {
		struct ask *a = &s->ask[i];

		if (a->kind == ASK_NONE || a->deadline > now)
			continue;
		if (a->kind == ASK_COUNTERS)
			conclude_counters(s, a);
		else
			conclude(s, a, -ETIMEDOUT, STR("the writer did not answer in time"));
	}
}

int64_t
ask_next_timeout(const struct supervisor *s)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < ASKS_MAX; i++)
		if (s->ask[i].kind != ASK_NONE && s->ask[i].deadline < next)
			next = s->ask[i].deadline;
	return next;
}
