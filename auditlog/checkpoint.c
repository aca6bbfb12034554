/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/checkpoint.h"

#include <errno.h>

#include "common/ascii.h"
#include "common/base64.h"
#include "common/clock.h"
#include "common/limits.h"

void
checkpoint_format(struct text *t, const struct checkpoint *c)
{
	char time[RFC3339_SIZE];

	clock_format(c->time, time);
	text_put(t, c->origin);
	text_char(t, '\n');
	text_u64(t, c->seals);
	text_char(t, '\n');
	base64_put(t, c->root, sizeof(c->root));
	text_put(t, STR("\nseal "));
	text_u64(t, c->seals - 1);
	text_char(t, ' ');
	text_hex(t, c->seal, sizeof(c->seal));
	text_put(t, STR("\nseq "));
	text_u64(t, c->seq);
	text_char(t, ' ');
	text_put(t, str_from(time));
	text_char(t, '\n');
}

/* --- reading --------------------------------------------------------------------------------- */

/*
 * What a line says is read generously here; that it is the one way to say so is found by writing it
 * again.
 */
static bool
take_until(struct str *s, char c, struct str *ret)
{
	const char *end = s->n > 0 ? memchr(s->p, c, s->n) : NULL;

	if (!end)
		return false;
	*ret = (struct str){s->p, (size_t)(end - s->p)};
	*s = str_skip(*s, ret->n + 1);
	return true;
}

static bool
take_word(struct str *s, struct str word)
{
	if (!str_starts(*s, word))
		return false;
	*s = str_skip(*s, word.n);
	return true;
}

static bool
get_number(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = v;
	return v < (uint64_t)LIMIT_JSON_INT;
}

/* Each takes a line without its newline, and says what is wrong with it. */
static const char *
line_origin(struct str line, struct checkpoint *c)
{
	c->origin = line;
	return seal_origin_ok(line) ? NULL : "first line: not an origin";
}

static const char *
line_seals(struct str line, struct checkpoint *c)
{
	return get_number(line, &c->seals) && c->seals > 0 ? NULL
							   : "second line: not a number of seals";
}

static const char *
line_root(struct str line, struct checkpoint *c)
{
	return base64_get(line, c->root, sizeof(c->root)) == 0
		   ? NULL
		   : "third line: not a root in canonical base64";
}

static const char *
line_seal(struct str line, struct checkpoint *c)
{
	struct str index;
	uint64_t newest;

	if (!take_word(&line, STR("seal ")) || !take_until(&line, ' ', &index) ||
	    !get_number(index, &newest) || newest != c->seals - 1 ||
	    line.n != (size_t)2 * HASH_SIZE || !ascii_unhex(line.p, c->seal, HASH_SIZE))
		return "fourth line: not the index and hash of the newest seal";
	return NULL;
}

static const char *
line_seq(struct str line, struct checkpoint *c)
{
	struct str seq;

	if (!take_word(&line, STR("seq ")) || !take_until(&line, ' ', &seq) ||
	    !get_number(seq, &c->seq) || clock_parse(line, &c->time) < 0)
		return "fifth line: not seq and time of the newest record";
	return NULL;
}

/* Where two texts differ first. */
static size_t
differ_at(struct str a, struct str b)
{
	size_t at = 0;

	while (at < a.n && at < b.n && a.p[at] == b.p[at])
		at++;
	return at;
}

static bool
formats_to(const struct checkpoint *c, struct str text, size_t *ret_at)
{
	char buf[CHECKPOINT_TEXT];
	struct text t = text_over(buf, sizeof(buf));

	checkpoint_format(&t, c);
	*ret_at = differ_at(text, text_str(&t));
	return str_eq(text, text_str(&t));
}

int
checkpoint_parse(struct str text, struct checkpoint *ret, const char **ret_why, size_t *ret_at)
{
	static const char *(*const lines[])(struct str, struct checkpoint *) = {
	    line_origin, line_seals, line_root, line_seal, line_seq};
	struct str rest = text, line;
	struct checkpoint c = {0};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		*ret_at = text.n - rest.n;
		*ret_why = "ends before its fifth line";
		if (take_until(&rest, '\n', &line))
			*ret_why = lines[i](line, &c);
		if (*ret_why)
			return -EINVAL;
	}
	*ret_why = "not written as checkpoints are";
	if (!formats_to(&c, text, ret_at))
		return -EINVAL;
	*ret = c;
	return 0;
}

int
checkpoint_open(struct str file, struct checkpoint *ret, struct str *ret_text, const char **ret_why,
    size_t *ret_at)
{
	struct note note = {.text = file};
	int error = 0;

	if (file.n > CHECKPOINT_SIZE) {
		*ret_why = "longer than any checkpoint";
		*ret_at = CHECKPOINT_SIZE;
		return -EINVAL;
	}
	if (file.n > 0 && memmem(file.p, file.n, "\n\n", 2))
		error = note_parse(file, &note, ret_why, ret_at);
	if (error)
		return error;
	*ret_text = note.text;
	return checkpoint_parse(note.text, ret, ret_why, ret_at);
}
