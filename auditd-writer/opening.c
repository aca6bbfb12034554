/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/opening.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "auditd-writer/catalog.h"
#include "auditd-writer/ledger.h"
#include "auditd-writer/notes.h"
#include "auditd-writer/origin.h"
#include "auditd-writer/repair.h"
#include "auditd-writer/rotation.h"
#include "auditd-writer/secret.h"
#include "auditd-writer/space.h"
#include "auditd-writer/storage.h"
#include "auditd-writer/writer.h"
#include "common/log.h"

static uint8_t secret[KEYSTATE_SECRET];

/* Why something in a directory keeps us from going on. */
struct reason {
	char buf[1024];
	struct text text;
};

static void
reason_init(struct reason *r)
{
	*r = (struct reason){0};
	r->text = text_over(r->buf, sizeof(r->buf) - 1);
}

static void
must(const struct reason *r, const struct dir *d, int error)
{
	if (error < 0)
		fatalx("%s: %s", d->path, r->text.n > 0 ? r->buf : strerrordesc_np(-error));
}

/* --- keys ------------------------------------------------------------------------------------- */

void
opening_take_secret(struct writer *w)
{
	const char *why;
	int error;

	if (w->options.secret_fd == 0)
		return;
	error = secret_take((int)w->options.secret_fd, secret, &why);
	if (error < 0)
		fatalx("the secret of the private key: %s", why ? why : strerrordesc_np(-error));
}

void
opening_prepare_keys(struct writer *w)
{
	struct hash *sum = hash_new();
	int error = -ENOMEM;

	if (sum)
		error = keyfile_init(
		    &w->keyfile, &w->keys, sum, w->options.secret_fd ? secret : NULL);
	explicit_bzero(secret, sizeof(secret));
	if (error < 0)
		fatal(error, "prepare the key state");
}

/* --- a new log -------------------------------------------------------------------------------- */

static void
begin_log(struct writer *w, const struct catalog *c, struct keystate *ret, struct hash *h)
{
	char vkey[NOTE_VKEY + 1];
	struct reason why;
	int error;

	reason_init(&why);
	must(&why, &w->audit, origin_may_begin(&w->audit, c, &why.text));
	error = origin_begin(ret, w->options.origin, w->identity.hostname);
	if (error == 0)
		error = keyfile_create(&w->keyfile, ret);
	if (error < 0)
		fatal(error, "%s: make the key state", w->keys.path);
	origin_vkey(ret, h, vkey);
	log_info(
	    "a new log: %s; its verifier key, to be kept off this host: %s", ret->origin, vkey);
}

/* --- an old one ------------------------------------------------------------------------------- */

static void
check_origin(const struct writer *w, const struct keystate *s)
{
	if (w->options.origin && strcmp(w->options.origin, s->origin) != 0)
		fatalx("%s: the key state is of origin %s, configured is %s", w->keys.path,
		    s->origin, w->options.origin);
}

static void
take_keys(struct writer *w, const struct catalog *c, struct keystate *ret, struct hash *h)
{
	struct reason why;
	int error;

	reason_init(&why);
	error = keyfile_open(&w->keyfile, ret, &why.text);
	if (error == -ENOENT)
		begin_log(w, c, ret, h);
	else
		must(&why, &w->keys, error);
	check_origin(w, ret);
	reason_init(&why);
	must(&why, &w->audit, history_check(&w->audit, c, ret, h, &why.text));
	must(&why, &w->audit, origin_publish(&w->audit, ret, h, &why.text));
}

static void
take_catalog(struct writer *w, struct catalog *c)
{
	int error = catalog_read(c, &w->audit);

	if (error < 0)
		fatal(error, "%s: read the directory", w->audit.path);
}

static bool
is_published(const struct catalog *c, const char *base)
{
	bool there[SEGNAME_KINDS] = {false};

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->files[i].base, base) == 0)
			there[c->files[i].kind] = true;
	return there[SEGNAME_CLOSED] && there[SEGNAME_SEAL] && !there[SEGNAME_TMP];
}

/* What the last run had committed got its names in that run, as far as that is known from a catalog. */
static bool
names_stay(const struct catalog *c, const struct keystate *s)
{
	for (unsigned i = 0; i < s->n_pending; i++)
		if (!is_published(c, s->pending[i].base))
			return false;
	return true;
}

/* What the last run had committed, before anything else is. */
static void
resume(struct writer *w, const struct keystate *state)
{
	char gone[SEGNAME_SIZE];
	const char *step;
	int error = sealer_init(&w->sealer, &w->audit, &w->keyfile, &w->identity, state);

	if (error < 0)
		fatal(error, "start");
	error = sealer_resume(&w->sealer, gone, &step);
	if (error == -EBADMSG)
		fatalx("%s: %s.seal: is not the seal that the key state has made" KEYSTATE_WAY_OUT,
		    w->audit.path, w->sealer.at);
	if (error < 0)
		fatal(error, "%s: %s: %s", w->audit.path, w->sealer.at ? w->sealer.at : "", step);
	if (gone[0])
		log_warn("%s: was sealed, and is not there any more", gone);
}

static void
say_recovered(const struct recovery *r)
{
	for (size_t i = 0; i < r->n_closed; i++)
		log_warn("%s: left open by an earlier run: %" PRIu64 " records recovered, %" PRIu64
			 " torn bytes kept",
		    r->closed[i].base, r->closed[i].records, r->closed[i].torn_bytes);
}

/* Where records begin, and what nobody closed. */
static void
take_segments(struct writer *w, struct opening *o, const struct catalog *c, struct hash *h)
{
	uint64_t sealed = w->sealer.state.seq, index = w->sealer.state.next_index;
	struct reason why;

	reason_init(&why);
	must(&why, &w->audit, history_first(&o->first_seq, &w->audit, c, h, &why.text));
	must(&why, &w->audit, recover_all(&o->recovery, &w->sealer, &w->audit, c, h, &why.text));
	must(&why, &w->audit,
	    history_untold(&o->untold, &w->audit, c, index, &o->recovery, h, &why.text));
	if (o->first_seq == 0)
		o->first_seq = sealed + 1;
	say_recovered(&o->recovery);
}

/*
 * Nothing can be deleted, and from here on nothing replaced: of all files without a byte of content, and
 * of scratch files, one is left, which becomes the first segment.
 */
static void
clear_away(struct writer *w, const struct recovery *r)
{
	char base[SEGNAME_SIZE], name[SEGNAME_SIZE], other[SEGNAME_SIZE];
	int fd = 0;

	segname_make(base, clock_real(), w->identity.session, 1);
	segname_with(name, r->n_empty > 0 ? r->empty[0] : base, SEGNAME_TMP);
	for (size_t i = 1; i < r->n_empty && fd == 0; i++) {
		segname_with(other, r->empty[i], SEGNAME_TMP);
		fd = dir_replace(&w->audit, other, name);
	}
	if (fd == 0)
		fd = repair_settle(&w->audit, name);
	if (fd < 0)
		fatal(fd, "%s: clear away " SEGNAME_SCRATCH ", " SEGNAME_COPY " and empty segments",
		    w->audit.path);
	making_use_up(&w->closer.making, r->n_empty > 0 ? r->empty[0] : base, fd);
}

void
opening_take_log(struct writer *w, struct opening *ret)
{
	const struct keystate *s = &w->sealer.state;
	struct hash *h = hash_new();
	struct keystate state;
	struct catalog c;

	if (!h)
		fatal(-ENOMEM, "start");
	take_catalog(w, &c);
	take_keys(w, &c, &state, h);
	resume(w, &state);
	if (!names_stay(
		&c, &state)) { /* a long log has many: they are not read twice for nothing */
		catalog_deinit(&c);
		take_catalog(w, &c);
	}
	keystate_wipe(&state);
	take_segments(w, ret, &c, h);
	catalog_deinit(&c);
	clear_away(w, &ret->recovery);
	encode_init(
	    &w->encoder, s->log_id, w->identity.session, w->identity.hostname, s->seq, s->head, h);
	timekeeper_init(&w->time, s->seq > 0 ? s->last_time : INT64_MIN);
	w->counters.next_seal = s->next_index;
}

/* --- the session ------------------------------------------------------------------------------ */

static void
note_recoveries(struct writer *w, const struct recovered *segments, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		note_recovery(w, &segments[i]);
		if (batch_pending(&w->batch).n > BATCH_NOTES / 2)
			ledger_flush(w);
	}
}

void
opening_begin_session(struct writer *w, struct opening *o)
{
	const struct recovery *r = &o->recovery;
	int error = rotation_take_standby(w);

	if (error < 0)
		fatal(error, "%s: cannot make a segment", w->audit.path);
	ledger_tick(w);
	if (encode_seq(&w->encoder) == 0)
		note_origin(w);
	else if (str_given(w->options.succeeds.origin))
		log_info("%s has begun before: succeeds has no effect", w->sealer.state.origin);
	note_start(w);
	note_recoveries(w, o->untold.segments, o->untold.n);
	note_recoveries(w, r->closed, r->n_closed);
	if (o->first_seq != 1)
		note_segments(w, o->first_seq);
	error = storage_flush(w, true);
	if (error < 0)
		fatal(error, "%s: cannot write", w->audit.path);
	space_check(w);
	free(o->untold.segments);
	recovery_deinit(&o->recovery);
}
