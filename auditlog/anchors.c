/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/anchors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auditlog/json.h"
#include "common/cleanup.h"
#include "common/fds.h"
#include "proto/logdir.h"
#include "proto/merkle.h"

#define TIMESTAMP_END ".tsr"
#define CHECKPOINT_END ".checkpoint"
#define NOTE_END ".note"

const char *
anchor_status_name(enum anchor_status s)
{
	static const char *const names[] = {
	    [ANCHOR_GOOD] = "good",
	    [ANCHOR_UNJUDGED] = "unjudged",
	    [ANCHOR_DAMAGED] = "damaged",
	    [ANCHOR_BROKEN] = "broken",
	};

	return names[s];
}

const char *
anchor_kind_name(enum anchor_kind k)
{
	return k == ANCHOR_TIMESTAMP ? "timestamp" : "cosignature";
}

/* --- reading --------------------------------------------------------------------------------- */

/* A file of at most cap bytes; *ret_n > cap: it is larger. Ends the program when it cannot be read. */
static void
read_small(int fd, const char *path, size_t cap, struct anchor_bytes *ret)
{
	int error = fd < 0 ? fd : fd_read_file(fd, cap, &ret->p, &ret->n);

	if (error == -EFBIG)
		ret->n = cap + 1;
	else if (error < 0)
		cli_fatal(error, "%s", path);
}

static bool
name_is(const char *name, const char *end)
{
	return name[0] != '.' && str_ends(str_from(name), str_from(end));
}

/* NAME.checkpoint for NAME.tsr; it may be missing. */
static void
read_checkpoint(const struct logdir *d, struct anchor *a)
{
	char name[ANCHOR_NAME + sizeof(CHECKPOINT_END)];
	CLEANUP_FD int fd = -1;

	(void)snprintf(name, sizeof(name), "%.*s" CHECKPOINT_END,
	    (int)(strlen(a->name) - strlen(TIMESTAMP_END)), a->name);
	fd = logdir_file(d, name, NULL);
	if (fd != -ENOENT)
		read_small(fd, name, CHECKPOINT_SIZE, &a->checkpoint_file);
}

static void
read_anchor(struct anchors *all, const struct logdir *d, struct anchor *a)
{
	size_t cap = a->kind == ANCHOR_TIMESTAMP ? TIMESTAMP_REPLY : CHECKPOINT_SIZE;
	CLEANUP_FD int fd = logdir_file(d, a->name, NULL);

	read_small(fd, a->name, cap, &a->file);
	if (a->kind == ANCHOR_TIMESTAMP)
		read_checkpoint(d, a);
	all->bytes += a->file.n + a->checkpoint_file.n;
}

static void
add_anchor(struct anchors *a, const char *name)
{
	struct anchor *new;

	if (a->n == ANCHORS_FILES)
		cli_fatal(0, "more than %d anchors", ANCHORS_FILES);
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 16;
		a->v = reallocarray(a->v, a->cap, sizeof(*a->v));
	}
	if (!a->v)
		cli_fatal(ENOMEM, "anchors");
	new = &a->v[a->n++];
	*new = (struct anchor){
	    .kind = name_is(name, NOTE_END) ? ANCHOR_COSIGNATURE : ANCHOR_TIMESTAMP};
	(void)snprintf(new->name, sizeof(new->name), "%s", name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct anchor *)a)->name, ((const struct anchor *)b)->name);
}

/* Negative errno. */
static int
list_names(struct anchors *a, DIR *stream)
{
	const struct dirent *entry;

	for (errno = 0; (entry = readdir(stream)); errno = 0)
		if (name_is(entry->d_name, TIMESTAMP_END) || name_is(entry->d_name, NOTE_END))
			add_anchor(a, entry->d_name);
	return -errno;
}

static int
list_anchors(struct anchors *a, const struct logdir *d)
{
	CLEANUP_FD int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	int error = -errno;

	if (!stream)
		return error;
	(void)take_fd(&fd);
	error = list_names(a, stream);
	(void)closedir(stream);
	if (a->n > 1)
		qsort(a->v, a->n, sizeof(*a->v), by_name);
	return error;
}

void
anchors_read(struct anchors *a, const char *path)
{
	struct logdir d;
	int error = logdir_open(&d, path);

	if (error == 0)
		error = list_anchors(a, &d);
	if (error < 0)
		cli_fatal(error, "%s", path);
	for (size_t i = 0; i < a->n; i++) {
		read_anchor(a, &d, &a->v[i]);
		if (a->bytes > ANCHORS_BYTES)
			cli_fatal(0, "%s: more than %u bytes of anchors", path, ANCHORS_BYTES);
	}
	logdir_close(&d);
}

void
anchors_free(struct anchors *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].file.p);
		free(a->v[i].checkpoint_file.p);
	}
	free(a->v);
	*a = (struct anchors){.n = 0};
}

/* --- whom to trust --------------------------------------------------------------------------- */

static size_t
read_named(const char *path, size_t cap, char **ret)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct anchor_bytes b = {NULL, 0};

	read_small(fd < 0 ? -errno : fd, path, cap, &b);
	if (b.n > cap)
		cli_fatal(0, "%s: larger than %zu bytes", path, cap);
	*ret = b.p;
	return b.n;
}

void
anchor_trust_read(struct anchor_trust *t, const char *ca, const struct cli_list *witnesses)
{
	t->ca_path = ca;
	t->paths = witnesses;
	if (ca)
		t->n_pem = read_named(ca, TIMESTAMP_CA_FILE, &t->ca_pem);
	for (size_t i = 0; i < witnesses->n; i++) {
		CLEANUP_FREE char *text = NULL;

		t->n_texts[i] = read_named(witnesses->v[i], sizeof(t->texts[i]), &text);
		memcpy(t->texts[i], text, t->n_texts[i]);
	}
}

void
anchor_trust_parse(struct anchor_trust *t, struct hash *h)
{
	if (t->ca_pem && timestamp_ca_new((struct str){t->ca_pem, t->n_pem}, &t->ca) < 0)
		cli_fatal(0, "%s: not certificates in PEM", t->ca_path);
	for (size_t i = 0; i < t->paths->n; i++) {
		struct str s = {t->texts[i], t->n_texts[i]};

		if (str_ends(s, STR("\n")))
			s.n--;
		if (note_key_get(s, h, &t->witnesses[i]) < 0)
			cli_fatal(0, "%s: not a verifier key", t->paths->v[i]);
		t->n_witnesses++;
	}
}

void
anchor_trust_free(struct anchor_trust *t)
{
	timestamp_ca_free(t->ca);
	free(t->ca_pem);
	t->ca = NULL;
	t->ca_pem = NULL;
}

/* --- one by itself --------------------------------------------------------------------------- */

static void
set_status(struct anchor *a, enum anchor_status status, const char *why)
{
	a->status = status;
	(void)snprintf(a->why, sizeof(a->why), "%s", why);
}

static struct str
bytes_of(const struct anchor_bytes *b)
{
	return (struct str){b->p ? b->p : "", b->n};
}

static bool
open_checkpoint(struct anchor *a, struct str file, struct str *ret_text)
{
	const char *why;
	size_t at;

	a->known = checkpoint_open(file, &a->checkpoint, ret_text, &why, &at) == 0;
	if (a->known)
		return true;
	a->status = ANCHOR_DAMAGED;
	(void)snprintf(a->why, sizeof(a->why), "checkpoint: byte %zu: %s", at, why);
	return false;
}

static void
judge_timestamp(struct anchor *a, struct anchor_trust *trust, struct hash *h)
{
	uint8_t hash[HASH_SIZE];
	struct timestamp stamp;
	struct str text;
	int error;

	if (!a->checkpoint_file.p)
		set_status(a, ANCHOR_DAMAGED, "its " CHECKPOINT_END " is missing or too large");
	else if (!a->file.p)
		set_status(a, ANCHOR_DAMAGED, "larger than any reply");
	if (!a->checkpoint_file.p || !a->file.p ||
	    !open_checkpoint(a, bytes_of(&a->checkpoint_file), &text))
		return;
	hash_begin(h);
	hash_add(h, text);
	hash_end(h, hash);
	error = timestamp_check(bytes_of(&a->file), hash, trust->ca, &stamp);
	a->timed = error == 0 || error == -ENOKEY;
	a->time = stamp.time;
	if (error < 0)
		set_status(a, error == -ENOKEY ? ANCHOR_UNJUDGED : ANCHOR_DAMAGED, stamp.why);
}

/* The earliest time that a trusted signature states. Returns as note_verify(). */
static int
verify_witness(struct anchor *a, const struct note *note, const struct note_key *k)
{
	uint64_t seconds;
	int64_t time;
	int error;

	if (k->algorithm == NOTE_ED25519)
		return note_verify(note, k);
	error = note_verify_cosignature(note, k, &seconds);
	if (error < 0)
		return error;
	if (seconds > INT64_MAX / US_PER_S)
		return -EBADMSG;
	time = (int64_t)seconds * US_PER_S;
	if (!a->timed || time < a->time)
		a->time = time;
	a->timed = true;
	return 0;
}

static void
judge_signatures(struct anchor *a, const struct note *note, const struct anchor_trust *trust)
{
	bool good = false;

	for (size_t i = 0; i < trust->n_witnesses; i++) {
		int error = verify_witness(a, note, &trust->witnesses[i]);

		if (error < 0 && error != -ENOENT) {
			a->timed = false;
			a->status = ANCHOR_DAMAGED;
			(void)snprintf(a->why, sizeof(a->why), "the signature by %.*s is wrong",
			    STR_ARG(trust->witnesses[i].name));
			return;
		}
		good = good || error == 0;
	}
	if (!good)
		set_status(a, ANCHOR_UNJUDGED,
		    trust->n_witnesses == 0 ? "no witness's key to judge it by was given"
					    : "not signed by a witness whose key was given");
}

static void
judge_cosignature(struct anchor *a, const struct anchor_trust *trust)
{
	struct str text, file = bytes_of(&a->file);
	struct note note;
	const char *why;
	size_t at;

	if (!a->file.p)
		set_status(a, ANCHOR_DAMAGED, "larger than any checkpoint");
	if (!a->file.p || !open_checkpoint(a, file, &text))
		return;
	if (note_parse(file, &note, &why, &at) < 0)
		set_status(a, ANCHOR_DAMAGED, "not signed by anybody");
	else
		judge_signatures(a, &note, trust);
}

void
anchor_judge(struct anchor *a, struct anchor_trust *trust, struct hash *h)
{
	set_status(a, ANCHOR_GOOD, "");
	a->known = a->timed = false;
	if (a->kind == ANCHOR_TIMESTAMP)
		judge_timestamp(a, trust, h);
	else
		judge_cosignature(a, trust);
}

/* --- against the log ------------------------------------------------------------------------- */

/* A log's seals one after the other, as far as anchors ask. */
struct walk {
	const struct sealchain *c;
	struct merkle tree;
	struct hash *h;
};

static void
root_at(struct walk *w, uint64_t seals, uint8_t root[HASH_SIZE])
{
	while (w->tree.size < seals)
		merkle_add(&w->tree, w->h, w->c->seals[w->tree.size]->leaf);
	merkle_root(&w->tree, w->h, root);
}

static void
fault_times(struct fault *f, int64_t expected, int64_t found)
{
	char e[RFC3339_SIZE], g[RFC3339_SIZE];

	clock_format(expected, e);
	clock_format(found, g);
	fault_expect(f, str_from(e), str_from(g));
}

/* The newest anchored seal, which is there. Through prev_seal its hash speaks for all before it. */
static void
compare_seal(
    struct walk *w, const struct anchor *a, const struct sealchain_seal *s, struct fault *f)
{
	const struct checkpoint *c = &a->checkpoint;
	uint8_t root[HASH_SIZE];

	if (memcmp(s->hash, c->seal, HASH_SIZE) != 0) {
		fault_set(f, FAULT_BROKEN, a->name,
		    "seal %" PRIu64 " is not the one that was anchored", s->seal.index);
		fault_expect_hash(f, c->seal, s->hash);
	} else if (s->seal.last_seq != c->seq) {
		fault_set(f, FAULT_BROKEN, a->name, "seq: not that of the anchored seal");
		fault_expect_number(f, c->seq, s->seal.last_seq);
	} else if (s->seal.last_time != c->time) {
		fault_set(f, FAULT_BROKEN, a->name, "time: not that of the anchored seal");
		fault_times(f, c->time, s->seal.last_time);
	}
	/* Without the first seals there is no tree. */
	if (f->kind != FAULT_NONE || w->c->seals[0]->seal.index > 0)
		return;
	root_at(w, c->seals, root);
	if (memcmp(root, c->root, HASH_SIZE) == 0)
		return;
	fault_set(f, FAULT_BROKEN, a->name, "root: not that of the log's first %" PRIu64 " seals",
	    c->seals);
	fault_expect_hash(f, c->root, root);
}

/* Seals that were anchored and are not among the chain's. */
static void
compare_absent(const struct sealchain *c, struct anchor *a, struct fault *f)
{
	uint64_t first = c->n > 0 ? c->seals[0]->seal.index : 0;

	if (c->fault.kind != FAULT_NONE) {
		set_status(a, ANCHOR_UNJUDGED, "behind the fault of the log");
	} else if (c->n > 0 && a->checkpoint.seals - 1 < first) {
		set_status(a, ANCHOR_UNJUDGED, "the seals that it is about are missing");
	} else {
		fault_set(f, FAULT_BROKEN, a->name, "the log has fewer seals than were anchored");
		fault_expect_number(f, a->checkpoint.seals, first + c->n);
	}
}

static void
compare(struct walk *w, struct anchor *a, struct fault *f)
{
	const struct sealchain_seal *s = sealchain_find(w->c, a->checkpoint.seals - 1);

	if (w->c->n > 0 && !str_eq(a->checkpoint.origin, w->c->seals[0]->seal.origin)) {
		fault_set(f, FAULT_BROKEN, a->name, "an anchor of another log");
		fault_expect(f, a->checkpoint.origin, w->c->seals[0]->seal.origin);
	} else if (s) {
		compare_seal(w, a, s, f);
	} else {
		compare_absent(w->c, a, f);
	}
	if (f->kind != FAULT_NONE)
		set_status(a, ANCHOR_BROKEN, f->what);
}

static int
by_seals(const void *a, const void *b)
{
	const struct anchor *x = *(struct anchor *const *)a, *y = *(struct anchor *const *)b;

	if (x->checkpoint.seals != y->checkpoint.seals)
		return x->checkpoint.seals < y->checkpoint.seals ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Those that say something, in the order of what they reach to. */
static size_t
in_order(struct anchors *a, struct anchor **order)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].known && a->v[i].status != ANCHOR_DAMAGED)
			order[n++] = &a->v[i];
	if (n > 1)
		qsort(order, n, sizeof(struct anchor *), by_seals);
	return n;
}

int
anchors_judge(struct anchors *a, struct anchor_trust *trust, const struct sealchain *c,
    struct hash *h, struct fault *ret_fault)
{
	CLEANUP_FREE struct anchor **order = calloc(a->n + 1, sizeof(struct anchor *));
	struct walk w = {.c = c, .h = h};
	bool first = true;
	size_t n;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < a->n; i++)
		anchor_judge(&a->v[i], trust, h);
	merkle_init(&w.tree);
	n = in_order(a, order);
	for (size_t i = 0; i < n; i++) {
		struct fault f = {.kind = FAULT_NONE};

		compare(&w, order[i], &f);
		if (f.kind != FAULT_NONE && first)
			*ret_fault = f;
		first = first && f.kind == FAULT_NONE;
	}
	return 0;
}

/* --- what was found -------------------------------------------------------------------------- */

size_t
anchors_count(const struct anchors *a, enum anchor_status status)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += a->v[i].status == status;
	return n;
}

static bool
reaches_further(const struct anchor *a, const struct anchor *than)
{
	if (!than || a->checkpoint.seals != than->checkpoint.seals)
		return !than || a->checkpoint.seals > than->checkpoint.seals;
	return a->timed && (!than->timed || a->time < than->time);
}

const struct anchor *
anchors_newest(const struct anchors *a)
{
	const struct anchor *newest = NULL;

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].status == ANCHOR_GOOD && reaches_further(&a->v[i], newest))
			newest = &a->v[i];
	return newest;
}

static void
anchor_json(struct text *t, const struct anchor *a)
{
	struct json j = json_object(t);

	json_z(&j, "file", a->name);
	json_z(&j, "kind", anchor_kind_name(a->kind));
	if (a->known) {
		json_number(&j, "seals", a->checkpoint.seals);
		json_number(&j, "seq", a->checkpoint.seq);
	} else {
		json_z(&j, "seals", "");
		json_z(&j, "seq", "");
	}
	if (a->timed)
		json_time(&j, "time", a->time);
	else
		json_z(&j, "time", "");
	json_z(&j, "status", anchor_status_name(a->status));
	json_z(&j, "why", a->why);
	json_object_end(&j);
}

void
anchors_json(struct text *t, const struct anchors *a)
{
	text_char(t, '[');
	for (size_t i = 0; i < a->n; i++) {
		if (i > 0)
			text_char(t, ',');
		anchor_json(t, &a->v[i]);
	}
	text_char(t, ']');
}

size_t
anchors_json_size(const struct anchors *a)
{
	return a->n * (6 * (ANCHOR_NAME + ANCHOR_WHY) + 256) + 2;
}
