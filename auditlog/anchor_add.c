/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Taking in an anchor. A jailed child judges it and the log; its parent, with the caller's rights,
 * stores the very bytes that the child judged.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auditlog/anchor.h"
#include "auditlog/anchors.h"
#include "auditlog/apart.h"
#include "auditlog/reader.h"
#include "auditlog/trust.h"
#include "common/cleanup.h"
#include "common/fds.h"

#define DASH "\xe2\x80\x94 "
#define NAME_HASH 6 /* bytes of the file's hash in its name */

struct adding {
	const struct anchor_order *order;
	struct checkpoint checkpoint;
	struct str text; /* of the checkpoint */
	struct anchor anchor;
	char checkpoint_buf[CHECKPOINT_SIZE], file_buf[TIMESTAMP_REPLY], note_buf[CHECKPOINT_SIZE];
	struct trust trust; /* of the log */
	struct anchor_trust anchor_trust;
	struct logdir dir;
};

/* --- what is given --------------------------------------------------------------------------- */

/* A reply is DER, whose last byte belongs to a signature or a number; a note is text. */
static bool
is_note(struct str s)
{
	return str_ends(s, STR("\n")) && utf8_valid(s);
}

/*
 * What a witness gives back is the whole note, or only its own signature lines (C2SP tlog-witness):
 * then they are put behind the checkpoint that was given, and its signatures if it has any.
 */
static struct str
whole_note(struct adding *a, struct str checkpoint, struct str given)
{
	struct text t = text_over(a->note_buf, sizeof(a->note_buf));

	if (!str_starts(given, STR(DASH)))
		return given;
	text_put(&t, checkpoint);
	if (checkpoint.n == a->text.n)
		text_char(&t, '\n');
	text_put(&t, given);
	if (!text_ok(&t))
		cli_fatal(0, "%s: with the checkpoint larger than %d bytes", a->order->add,
		    CHECKPOINT_SIZE);
	return text_str(&t);
}

static void
same_text(const struct adding *a, struct str note)
{
	struct checkpoint c;
	struct str text;
	const char *why;
	size_t at;

	if (checkpoint_open(note, &c, &text, &why, &at) < 0)
		cli_fatal(0, "%s: byte %zu: %s", a->order->add, at, why);
	if (!str_eq(text, a->text))
		cli_fatal(0, "%s: signed is another checkpoint than %s", a->order->add,
		    a->order->checkpoint);
}

static struct anchor_bytes
copy_of(struct str s)
{
	struct anchor_bytes b = {malloc(s.n), s.n};

	if (!b.p)
		cli_fatal(ENOMEM, "anchor");
	memcpy(b.p, s.p, s.n);
	return b;
}

static void
read_given(struct adding *a)
{
	const struct anchor_order *o = a->order;
	struct str checkpoint, given;
	const char *why;
	size_t at;

	checkpoint = reader_file(o->checkpoint, a->checkpoint_buf, sizeof(a->checkpoint_buf));
	if (checkpoint_open(checkpoint, &a->checkpoint, &a->text, &why, &at) < 0)
		cli_fatal(0, "%s: byte %zu: %s", o->checkpoint, at, why);
	given = reader_file(o->add, a->file_buf, sizeof(a->file_buf));
	if (given.n == 0)
		cli_fatal(0, "%s: empty", o->add);
	if (is_note(given)) {
		given = whole_note(a, checkpoint, given);
		same_text(a, given);
		a->anchor.kind = ANCHOR_COSIGNATURE;
	} else {
		a->anchor.kind = ANCHOR_TIMESTAMP;
		a->anchor.checkpoint_file = copy_of(a->text);
	}
	a->anchor.file = copy_of(given);
}

/* By the seal that it reaches to, and by its own bytes, so that no two ever have the same name. */
static void
name_anchor(struct adding *a)
{
	struct text t = text_over(a->anchor.name, sizeof(a->anchor.name) - 1);
	struct hash *h = hash_init() < 0 ? NULL : hash_new();
	uint8_t hash[HASH_SIZE];
	char index[24];

	if (!h)
		cli_fatal(0, "anchor: no SHA-256");
	hash_begin(h);
	hash_add(h, (struct str){a->anchor.file.p, a->anchor.file.n});
	hash_end(h, hash);
	hash_free(h);
	(void)snprintf(index, sizeof(index), "%09" PRIu64, a->checkpoint.seals - 1);
	text_put(&t, STR("seal-"));
	text_put(&t, str_from(index));
	text_char(&t, '-');
	text_hex(&t, hash, NAME_HASH);
	text_put(&t, a->anchor.kind == ANCHOR_TIMESTAMP ? STR(".tsr") : STR(".note"));
}

/* --- in the jail ----------------------------------------------------------------------------- */

static void
say_good(const struct anchor *a)
{
	char time[RFC3339_SIZE], line[256];

	clock_format(a->time, time);
	(void)snprintf(line, sizeof(line), "%s of seal %" PRIu64 ", seq %" PRIu64 "%s%s\n",
	    anchor_kind_name(a->kind), a->checkpoint.seals - 1, a->checkpoint.seq,
	    a->timed ? ", at " : "", a->timed ? time : "");
	cli_puts(line);
}

/* Without anything to judge it by it is kept all the same: that may come later. */
static int
say_judged(const struct adding *a, const struct anchor *judged, const struct fault *fault)
{
	bool stamp = judged->kind == ANCHOR_TIMESTAMP;
	bool asked = stamp ? a->anchor_trust.ca != NULL : a->anchor_trust.n_witnesses > 0;

	if (judged->status == ANCHOR_GOOD) {
		say_good(judged);
		return CLI_YES;
	}
	if (judged->status == ANCHOR_UNJUDGED && !asked) {
		say_good(judged);
		log_warn("anchor: whose it is was not judged: %s; give --%s", judged->why,
		    stamp ? "tsa-ca" : "witness");
		return CLI_YES;
	}
	if (fault->kind != FAULT_NONE && fault->expected[0])
		log_error("anchor: %s: %s: expected %s, found %s", a->order->add, judged->why,
		    fault->expected, fault->found);
	else
		log_error("anchor: %s: %s", a->order->add, judged->why);
	return CLI_NO;
}

static int
judge(struct adding *a, struct hash *h)
{
	struct anchors one = {.v = &a->anchor, .n = 1};
	struct fault fault = {.kind = FAULT_NONE};
	struct sealchain c = {.n = 0};
	int error = sealchain_load(&c, &a->dir), code;

	if (error < 0)
		cli_fatal(error, "anchor: the seals");
	trust_judge(&a->trust, &c, h);
	if (c.fault.kind != FAULT_NONE)
		log_error("anchor: %s: %s: %s", a->order->dir, c.fault.file, c.fault.what);
	else
		error = anchors_judge(&one, &a->anchor_trust, &c, h, &fault);
	if (error < 0)
		cli_fatal(error, "anchor");
	code = c.fault.kind != FAULT_NONE ? CLI_NO : say_judged(a, &a->anchor, &fault);
	sealchain_free(&c);
	return code;
}

static int
add_jailed(struct adding *a)
{
	struct hash *h;
	int code;

	reader_jail(&a->dir, -1);
	h = hash_new();
	if (!h)
		cli_fatal(ENOMEM, "anchor");
	trust_parse(&a->trust, a->order->key, h);
	anchor_trust_parse(&a->anchor_trust, h);
	code = judge(a, h);
	anchor_trust_free(&a->anchor_trust);
	hash_free(h);
	return code;
}

/* --- storing --------------------------------------------------------------------------------- */

static int
write_synced(int fd, const struct anchor_bytes *b)
{
	int error = fd_write_all(fd, b->p, b->n);

	return error == 0 && fsync(fd) < 0 ? -errno : error;
}

/* Where a file system does not know RENAME_NOREPLACE, a look before is the next best. */
static int
rename_new(int dir, const char *from, const char *to)
{
	if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (faccessat(dir, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(dir, from, dir, to) < 0 ? -errno : 0;
}

/* Whole under its name or not at all. -EEXIST: there is a file of that name. */
static int
store_file(int dir, const char *name, const struct anchor_bytes *b)
{
	char tmp[ANCHOR_NAME + 32];
	CLEANUP_FD int fd = -1;
	int error;

	(void)snprintf(tmp, sizeof(tmp), ".%s.%ld.tmp", name, (long)getpid());
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	error = write_synced(fd, b);
	if (error == 0)
		error = rename_new(dir, tmp, name);
	if (error < 0)
		(void)unlinkat(dir, tmp, 0);
	return error;
}

/* The checkpoint first: a timestamp without it would be a damaged anchor. */
static int
store(const struct adding *a, int dir)
{
	const struct anchor *x = &a->anchor;
	char name[ANCHOR_NAME];
	int error = 0;

	if (x->kind == ANCHOR_TIMESTAMP) {
		(void)snprintf(name, sizeof(name), "%.*s.checkpoint",
		    (int)(strlen(x->name) - strlen(".tsr")), x->name);
		error = store_file(dir, name, &x->checkpoint_file);
	}
	if (error == 0 || error == -EEXIST)
		error = store_file(dir, x->name, &x->file);
	if (error == 0 && fsync(dir) < 0)
		error = -errno;
	return error;
}

static int
store_and_say(const struct adding *a, int dir)
{
	int error = store(a, dir);

	if (error < 0 && error != -EEXIST)
		cli_fatal(error, "%s", a->order->anchors);
	cli_puts(error == -EEXIST ? "already there: " : "stored: ");
	cli_put_safe(str_from(a->order->anchors));
	cli_puts("/");
	cli_puts(a->anchor.name);
	cli_puts("\n");
	return CLI_YES;
}

/* --- the command ----------------------------------------------------------------------------- */

int
anchor_add(const struct anchor_order *o)
{
	static struct adding a;
	CLEANUP_FD int dir = open(o->anchors, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error, code;

	if (dir < 0)
		cli_fatal(errno, "%s", o->anchors);
	a.order = o;
	read_given(&a);
	name_anchor(&a);
	trust_read(&a.trust, o->key);
	anchor_trust_read(&a.anchor_trust, o->tsa_ca, &o->witnesses);
	error = logdir_open(&a.dir, o->dir);
	if (error < 0)
		cli_fatal(error, "%s", o->dir);
	code = apart();
	if (code == APART_CHILD)
		code = add_jailed(&a);
	else if (code == CLI_YES)
		code = store_and_say(&a, dir);
	anchor_trust_free(&a.anchor_trust);
	free(a.anchor.file.p);
	free(a.anchor.checkpoint_file.p);
	logdir_close(&a.dir);
	return code;
}
