/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loggen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "common/log.h"
#include "common/text.h"

#define LOG_ID UINT64_C(0x123456789abcdef)
#define BEGIN INT64_C(1795232817123456) /* 2026-11-21T03:46:57.123456Z */
#define SESSION "0d1e2f30-4152-4637-8849-5a6b7c8d9eaf"
#define SEGMENT_MAX (UINT64_C(64) << 20)

int
loggen_init(struct loggen *g)
{
	*g = (struct loggen){.random = 88172645463325252U, .sum = hash_new()};
	g->stamp.log_id = LOG_ID;
	g->stamp.time = BEGIN;
	memcpy(g->stamp.session, SESSION, sizeof(SESSION));
	(void)snprintf(g->stamp.hostname, sizeof(g->stamp.hostname), "build-host-7");
	g->stamp.evaluation_peer = "same";
	return g->sum ? 0 : -ENOMEM;
}

void
loggen_deinit(struct loggen *g)
{
	hash_free(g->sum);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Marsaglia's xorshift64: the same log every time. */
static uint64_t
below(struct loggen *g, uint64_t n)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return g->random % n;
}

/* What makes one line differ from the next. */
struct words {
	char resource[128], reason[256], id[24];
};

static void
name_words(struct loggen *g, struct words *w)
{
	static const char *const hosts[] = {"deb.debian.org", "pypi.org", "registry.npmjs.org",
	    "static.crates.io", "proxy.golang.org", "objects.githubusercontent.com",
	    "metadata.internal", "www.example.com"};
	const char *host = hosts[below(g, ARRAY_SIZE(hosts))];
	unsigned port = below(g, 8) == 0 ? 80 : 443;

	(void)snprintf(
	    w->resource, sizeof(w->resource), "m%u.%s:%u", (unsigned)below(g, 500), host, port);
	(void)snprintf(w->reason, sizeof(w->reason),
	    "no applicable policies for op(action=net:connect:tcp, resource=net:domain:%s)",
	    w->resource);
	(void)snprintf(w->id, sizeof(w->id), "%u", (unsigned)g->stamp.seq * 7);
}

static struct record
decision(struct loggen *g, const struct words *w, bool allow)
{
	static const char *const users[] = {"builder", "ci-runner", "alice"};
	struct record r = {
	    .category = RECORD_EVALUATION,
	    .decision = allow ? DECISION_ALLOW : DECISION_DENY,
	    .enforcement_mode = MODE_ENFORCE,
	    .username = str_from(users[below(g, ARRAY_SIZE(users))]),
	    .resource_id = str_from(w->resource),
	    .action_type = ACTION_NETWORK_EGRESS,
	    .payload = STR("{\"\x08\0protocol\"\x03\0tcp}"),
	    .action = STR("net:connect:tcp"),
	    .has_peer = true,
	    .peer = {1000, 1000, 1000 + (uint32_t)below(g, 900000)},
	};

	if (below(g, 4) == 0)
		r.request_id = str_from(w->id);

	if (allow) {
		r.policy_id = STR("egress");
		r.rule_id = STR("mirrors");
	} else {
		r.reasons = 1;
		r.deny_reason[0] = str_from(w->reason);
	}
	return r;
}

static struct record
event(struct loggen *g)
{
	return (struct record){
	    .category = RECORD_EVENT,
	    .action_type = ACTION_APPLICATION_EVENT,
	    .event = below(g, 2) ? STR("task.start") : STR("task.end"),
	    .level = LEVEL_INFO,
	    .actor = STR("ci-bot"),
	    .has_peer = true,
	    .peer = {1000, 1000, 4242},
	};
}

static struct record
outcome(const char *evaluation)
{
	return (struct record){
	    .category = RECORD_EXECUTION,
	    .action_type = ACTION_EXECUTION,
	    .payload = STR("{\"\x07\0successt}"),
	    .evaluation_id = str_from(evaluation),
	    .has_peer = true,
	    .peer = {1000, 1000, 4242},
	};
}

/* Of 16 lines two are outcomes, one is an event, two are denials. */
void
loggen_line(struct loggen *g, struct text *t)
{
	uint64_t kind = below(g, 16);
	char evaluation[UUID_TEXT + 1];
	size_t start = t->n;
	struct words w = {.id = ""};
	struct record r;

	line_event_id(g->stamp.log_id, g->stamp.seq, evaluation);
	g->stamp.seq++;
	g->stamp.time += (int64_t)below(g, 2000);
	g->stamp.channel = 1 + (int)below(g, 2);
	name_words(g, &w);
	r = kind < 2 ? outcome(evaluation) : kind == 2 ? event(g) : decision(g, &w, kind > 4);
	if (line_format(t, &r, &g->stamp) < 0)
		fatalx("a line does not fit");
	hash_leaf(g->sum, (struct str){t->p + start, t->n - start}, g->stamp.prev_hash);
}

/* --- seals ------------------------------------------------------------------------------------ */

/* Keys of a log that nobody trusts need not be secret. */
static void
seed_of(uint64_t index, uint8_t seed[ED25519_SEED])
{
	memset(seed, 0x5a, ED25519_SEED);
	memcpy(seed, &index, sizeof(index));
}

int
loggen_seals_init(struct loggen_seals *s, const struct loggen *g)
{
	uint8_t seed[ED25519_SEED];

	*s = (struct loggen_seals){.index = 0};
	(void)snprintf(s->origin, sizeof(s->origin), "%s/sealwright/%015llx", g->stamp.hostname,
	    (unsigned long long)g->stamp.log_id);
	seed_of(0, seed);
	return ed25519_pair_open(&s->signer, seed);
}

void
loggen_seals_deinit(struct loggen_seals *s)
{
	ed25519_pair_close(&s->signer);
}

/* What the writer's sealer does, but for the key state and the file. */
void
loggen_seal(struct loggen_seals *c, struct seal *s, struct hash *h, struct text *note)
{
	uint8_t seed[ED25519_SEED], signature[ED25519_SIGNATURE];
	struct ed25519_pair next;
	struct note_key key;
	struct seal again;
	struct str text;
	const char *why = "";
	size_t at;

	s->origin = str_from(c->origin);
	s->index = c->index++;
	memcpy(s->prev_seal, c->prev_seal, HASH_SIZE);
	seed_of(c->index, seed);
	if (ed25519_pair_open(&next, seed) < 0)
		fatalx("no key");
	memcpy(s->key, c->signer.key, ED25519_KEY);
	memcpy(s->next_key, next.key, ED25519_KEY);
	seal_format(note, s, h);
	if (ed25519_pair_sign(&c->signer, text_str(note), signature) < 0)
		fatalx("not signed");
	hash_begin(h);
	hash_add(h, text_str(note));
	hash_end(h, c->prev_seal);
	seal_key(s, h, &key);
	note_sign_put(note, &key, signature);
	if (!text_ok(note) || seal_open(text_str(note), h, &again, &text, &why, &at) < 0)
		fatalx("a seal that is none: %s", why);
	ed25519_pair_close(&c->signer);
	c->signer = next;
}

/* --- whole logs ------------------------------------------------------------------------------- */

static int
write_file(const char *dir, const char *name, const char *ending, struct str bytes)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s%s", dir, name, ending);
	CLEANUP_FD int fd = -1;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0440);
	if (fd < 0)
		return -errno;
	return fd_write_all(fd, bytes.p, bytes.n);
}

static int
write_origin(const char *dir, const struct loggen_seals *c, struct hash *h)
{
	struct note_key key = {.name = str_from(c->origin), .algorithm = NOTE_ED25519};
	char buf[NOTE_VKEY + 1];
	struct text t = text_over(buf, sizeof(buf));

	memcpy(key.key, c->signer.key, sizeof(key.key));
	note_key_identify(&key, h);
	note_key_put(&t, &key);
	text_char(&t, '\n');
	return write_file(dir, "origin.vkey", "", text_str(&t));
}

/* n lines in t, and what their seal says of them. */
static void
make_segment(struct loggen *g, struct text *t, uint64_t n, struct seal *s)
{
	struct merkle tree;

	*s = (struct seal){
	    .first_seq = g->stamp.seq + 1,
	    .records = n,
	    .session = STR(SESSION),
	    .boot_id = STR("unknown"),
	};
	merkle_init(&tree);
	t->n = 0;
	for (uint64_t i = 0; i < n; i++) {
		loggen_line(g, t);
		if (i == 0)
			s->first_time = g->stamp.time;
		merkle_add(&tree, g->sum, g->stamp.prev_hash);
	}
	s->last_seq = g->stamp.seq;
	s->last_time = g->stamp.time;
	s->bytes = t->n;
	memcpy(s->head, g->stamp.prev_hash, HASH_SIZE);
	merkle_root(&tree, g->sum, s->root);
	hash_begin(g->sum);
	hash_add(g->sum, text_str(t));
	hash_end(g->sum, s->sha256);
}

static int
write_segment(const char *dir, struct loggen *g, struct loggen_seals *c, struct text *t, uint64_t n)
{
	char base[SEGNAME_SIZE], buf[SEAL_NOTE];
	struct text note = text_over(buf, sizeof(buf));
	struct seal s;
	int error;

	segname_make(base, g->stamp.time, SESSION, (uint32_t)c->index + 1);
	make_segment(g, t, n, &s);
	s.file = str_from(base);
	loggen_seal(c, &s, g->sum, &note);
	error = write_file(dir, base, "", text_str(t));
	return error < 0 ? error : write_file(dir, base, ".seal", text_str(&note));
}

int
loggen_write(const char *dir, uint64_t records, uint64_t per_segment)
{
	CLEANUP_FREE char *room = malloc(SEGMENT_MAX);
	struct text t = text_over(room, SEGMENT_MAX);
	struct loggen_seals seals;
	struct loggen g;
	int error = loggen_init(&g);

	if (!room || error < 0)
		return -ENOMEM;
	error = loggen_seals_init(&seals, &g);
	if (error == 0)
		error = write_origin(dir, &seals, g.sum);
	while (error == 0 && records > 0) {
		uint64_t n = records < per_segment ? records : per_segment;

		error = write_segment(dir, &g, &seals, &t, n);
		records -= n;
	}
	loggen_seals_deinit(&seals);
	loggen_deinit(&g);
	return error;
}
