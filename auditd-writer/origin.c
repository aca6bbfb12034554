/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditd-writer/linescan.h"
#include "auditd-writer/repair.h"
#include "common/cleanup.h"

/* --- whether there is a log ------------------------------------------------------------------- */

static int
is_there(struct text *why, const char *name)
{
	text_put(why, str_from(name));
	text_put(why, STR(": belongs to a log, but there is no key state for it" KEYSTATE_WAY_OUT));
	return -EEXIST;
}

/* 1: there is anything but NUL in it. */
static int
has_content(const struct dir *d, const char *name, struct linescan *scan)
{
	CLEANUP_FD int fd = dir_open_read(d, name);
	int error = fd < 0 ? fd : linescan_open(scan, fd);
	int64_t end = error < 0 ? error : linescan_content_end(scan);

	return end < 0 ? (int)end : end > 0;
}

static int
may_begin_beside(
    const struct dir *d, const struct segname *f, struct linescan *scan, struct text *why)
{
	char name[SEGNAME_SIZE];
	int found;

	segname_with(name, f->base, f->kind);
	found = f->kind == SEGNAME_TMP ? has_content(d, name, scan) : 1;
	return found > 0 ? is_there(why, name) : found;
}

static int
may_begin_beside_all(const struct dir *d, const struct catalog *c, struct text *why)
{
	CLEANUP_FREE struct linescan *scan = malloc(sizeof(*scan));
	int error = scan ? 0 : -ENOMEM;

	for (size_t i = 0; i < c->n && error == 0; i++)
		error = may_begin_beside(d, &c->files[i], scan, why);
	return error;
}

int
origin_may_begin(const struct dir *audit, const struct catalog *c, struct text *why)
{
	CLEANUP_FD int vkey = dir_open_read(audit, ORIGIN_VKEY);

	return vkey == -ENOENT ? may_begin_beside_all(audit, c, why) : is_there(why, ORIGIN_VKEY);
}

/* --- a new one -------------------------------------------------------------------------------- */

int
origin_begin(struct keystate *ret, const char *name, const char *hostname)
{
	struct keystate s = {0};
	int error = identity_new_log(&s.log_id);

	if (error == 0)
		error = identity_random(s.seed, sizeof(s.seed));
	if (error == 0)
		error = ed25519_public(s.seed, s.first_key);
	if (error == 0) {
		if (name)
			(void)snprintf(s.origin, sizeof(s.origin), "%s", name);
		else
			(void)snprintf(s.origin, sizeof(s.origin), "%.64s/sealwright/%015llx",
			    hostname, (unsigned long long)s.log_id);
		*ret = s;
	}
	keystate_wipe(&s);
	return error;
}

/* --- origin.vkey ------------------------------------------------------------------------------ */

void
origin_vkey(const struct keystate *s, struct hash *h, char out[NOTE_VKEY + 1])
{
	struct note_key key = {.name = {s->origin, strlen(s->origin)}, .algorithm = NOTE_ED25519};
	struct text t = text_over(out, NOTE_VKEY);

	memcpy(key.key, s->first_key, sizeof(key.key));
	note_key_identify(&key, h);
	note_key_put(&t, &key);
	out[t.n] = '\0';
}

static int
write_vkey(const struct dir *d, struct str line)
{
	int fd = repair_scratch(d);
	int error = fd < 0 ? fd : dir_write(fd, line.p, line.n, 0);

	if (error == 0)
		error = dir_sync_file(fd);
	if (error == 0)
		error = repair_place_first(d, ORIGIN_VKEY);
	return error < 0 ? error : dir_sync(d);
}

static int
complain(struct text *why, int error)
{
	bool other = error == -EINVAL || error == -ELOOP;

	text_put(why, STR(ORIGIN_VKEY ": "));
	text_put(why, other ? STR("is not a regular file") : str_from(strerrordesc_np(-error)));
	return error;
}

int
origin_publish(const struct dir *audit, const struct keystate *s, struct hash *h, struct text *why)
{
	char line[NOTE_VKEY + 2], found[NOTE_VKEY + 2];
	CLEANUP_FD int fd = dir_open_read(audit, ORIGIN_VKEY);
	size_t n;
	ssize_t got;
	int error;

	origin_vkey(s, h, line);
	n = strlen(line);
	line[n++] = '\n';
	if (fd == -ENOENT) {
		error = write_vkey(audit, (struct str){line, n});
		return error < 0 ? complain(why, error) : 0;
	}
	got = fd < 0 ? fd : dir_read(fd, found, sizeof(found), 0);
	if (got < 0)
		return complain(why, (int)got);
	if ((size_t)got == n && memcmp(found, line, n) == 0)
		return 0;
	text_put(why,
	    STR(ORIGIN_VKEY ": is not the verifier key of the key state, which is of origin "));
	text_put(why, str_from(s->origin));
	text_put(why, STR(KEYSTATE_WAY_OUT));
	return -EBADMSG;
}
