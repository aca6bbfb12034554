/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/history.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "proto/seal.h"

static int
bad(struct text *why, const char *base, const char *what)
{
	text_put(why, str_from(base));
	text_put(why, STR(": "));
	text_put(why, str_from(what));
	text_put(why, STR(KEYSTATE_WAY_OUT));
	return -EBADMSG;
}

static int
bad_seal(struct text *why, const char *base, const char *what)
{
	char name[SEGNAME_SIZE];

	segname_with(name, base, SEGNAME_SEAL);
	return bad(why, name, what);
}

/* A seal, its file's bytes in room. */
static int
read_seal(const struct dir *d, const char *base, struct hash *h, char room[SEAL_NOTE + 1],
    struct seal *ret, struct str *ret_text, struct text *why)
{
	char name[SEGNAME_SIZE];
	CLEANUP_FD int fd = -1;
	const char *what;
	ssize_t n;
	size_t at;

	segname_with(name, base, SEGNAME_SEAL);
	fd = dir_open_read(d, name);
	n = fd < 0 ? fd : dir_read(fd, room, SEAL_NOTE + 1, 0);
	if (n < 0)
		return bad(why, name, strerrordesc_np((int)-n));
	if (seal_open((struct str){room, (size_t)n}, h, ret, ret_text, &what, &at) < 0)
		return bad(why, name, what);
	if (!str_eq(ret->file, str_from(base)))
		return bad(why, name, "it is the seal of another segment");
	return 0;
}

/* --- whether they belong together -------------------------------------------------------------- */

static int
foreign(struct text *why, const char *base, const struct seal *seal, const struct keystate *s)
{
	text_put(why, str_from(base));
	text_put(why, STR(".seal: of origin "));
	text_put(why, seal->origin);
	text_put(why, STR(", but the key state is of origin "));
	text_put(why, str_from(s->origin));
	text_put(why, STR(KEYSTATE_WAY_OUT));
	return -EBADMSG;
}

static int
rolled_back(struct text *why, const char *base, const struct seal *seal, const struct keystate *s)
{
	text_put(why, str_from(base));
	text_put(why, STR(".seal: has index "));
	text_u64(why, seal->index);
	text_put(why, STR(", but the key state would give index "));
	text_u64(why, s->next_index);
	text_put(why, STR(" next: it was put back to an earlier state" KEYSTATE_WAY_OUT));
	return -EBADMSG;
}

static int
check_seal(const struct dir *d, const char *base, const struct keystate *s, struct hash *h,
    struct text *why)
{
	uint8_t found[HASH_SIZE];
	char room[SEAL_NOTE + 1];
	struct seal seal;
	struct str text;
	int error = read_seal(d, base, h, room, &seal, &text, why);

	if (error < 0)
		return error;
	if (!str_eq(seal.origin, str_from(s->origin)))
		return foreign(why, base, &seal, s);
	if (seal.index >= s->next_index)
		return rolled_back(why, base, &seal, s);
	if (seal.index + 1 < s->next_index)
		return 0;
	hash_begin(h);
	hash_add(h, text);
	hash_end(h, found);
	if (memcmp(found, s->prev_seal, HASH_SIZE) != 0)
		return bad_seal(why, base, "is not the seal that the key state has made");
	return 0;
}

static bool
pending(const struct keystate *s, const char *base)
{
	for (unsigned i = 0; i < s->n_pending; i++)
		if (strcmp(s->pending[i].base, base) == 0)
			return true;
	return false;
}

int
history_check(const struct dir *d, const struct catalog *c, const struct keystate *s,
    struct hash *h, struct text *why)
{
	for (size_t i = 0; i < c->n;) {
		const char *session = c->files[i].session, *last = NULL;

		for (; i < c->n && strcmp(c->files[i].session, session) == 0; i++) {
			const struct segname *f = &c->files[i];

			if (f->kind == SEGNAME_SEAL)
				last = f->base;
			if (f->kind == SEGNAME_CLOSED && !catalog_has(c, i, SEGNAME_SEAL) &&
			    !pending(s, f->base))
				return bad(why, f->base, "closed, but its seal is not there");
		}
		if (last) {
			int error = check_seal(d, last, s, h, why);

			if (error < 0)
				return error;
		}
	}
	return 0;
}

/* --- how far back it goes ---------------------------------------------------------------------- */

static int
take_first(uint64_t *first, const struct dir *d, const char *base, struct hash *h, struct text *why)
{
	char room[SEAL_NOTE + 1];
	struct seal seal;
	struct str text;
	int error = read_seal(d, base, h, room, &seal, &text, why);

	if (error < 0)
		return error;
	if (*first == 0 || seal.first_seq < *first)
		*first = seal.first_seq;
	return 0;
}

int
history_first(
    uint64_t *ret, const struct dir *d, const struct catalog *c, struct hash *h, struct text *why)
{
	const char *session = "";
	uint64_t first = 0;

	/* The first of each session: the numbers of one run grow with its records. */
	for (size_t i = 0; i < c->n; i++) {
		int error;

		if (c->files[i].kind != SEGNAME_CLOSED || strcmp(c->files[i].session, session) == 0)
			continue;
		session = c->files[i].session;
		error = take_first(&first, d, c->files[i].base, h, why);
		if (error < 0)
			return error;
	}
	*ret = first;
	return 0;
}
