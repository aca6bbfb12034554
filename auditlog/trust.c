/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/trust.h"

#include <errno.h>
#include <inttypes.h>

#include "auditlog/reader.h"
#include "common/limits.h"

/* --- what the caller gives ------------------------------------------------------------------- */

void
trust_read(struct trust *t, const char *path)
{
	if (!path)
		return;
	t->pinned = true;
	t->n_text = reader_file(path, t->text, sizeof(t->text)).n;
}

/* A key with or without its newline. */
static int
trust_key(struct trust *t, struct hash *h)
{
	struct str s = {t->text, t->n_text};

	if (str_ends(s, STR("\n")))
		s.n--;
	if (note_key_get(s, h, &t->key) < 0 || t->key.algorithm != NOTE_ED25519)
		return -EINVAL;
	t->known = true;
	return 0;
}

void
trust_parse(struct trust *t, const char *path, struct hash *h)
{
	if (t->pinned && trust_key(t, h) < 0)
		cli_fatal(0, "%s: not a verifier key", path);
}

static bool
pin_number(struct str *s, uint64_t *ret)
{
	size_t n = 0;

	for (*ret = 0; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
		*ret = *ret * 10 + (uint64_t)(s->p[n] - '0');
		if (*ret >= (uint64_t)LIMIT_JSON_INT)
			return false;
	}
	*s = str_skip(*s, n);
	return n > 0;
}

static int
pin_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
pin_parse(struct str s, struct trust_pin *ret)
{
	if (!pin_number(&s, &ret->index) || s.n != 1 + 2 * (size_t)HASH_SIZE || s.p[0] != ':')
		return false;
	for (size_t i = 0; i < HASH_SIZE; i++) {
		int high = pin_digit(s.p[1 + 2 * i]), low = pin_digit(s.p[2 + 2 * i]);

		if (high < 0 || low < 0)
			return false;
		ret->hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void
trust_pins(struct trust *t, const struct cli_command *command, const struct cli_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!pin_parse(str_from(list->v[i]), &t->pins[t->n_pins++]))
			cli_wrong(command,
			    "--pin: not INDEX:HASH, HASH being 64 lower-case hex digits: %s",
			    list->v[i]);
}

/* --- what the log says ----------------------------------------------------------------------- */

/* The chain ends before `place`, unless it has already ended before. */
static void
chain_cut(struct sealchain *c, size_t place, const struct fault *f)
{
	if (place > c->n || (place == c->n && c->fault.kind != FAULT_NONE))
		return;
	c->n = place;
	c->fault = *f;
}

static void
vkey_fault(struct sealchain *c, const char *what, struct str expected, struct str found)
{
	struct fault f;

	fault_set(&f, FAULT_BROKEN, LOGDIR_VKEY, "%s", what);
	fault_expect(&f, expected, found);
	/* It comes before every seal, also before one that is no good. */
	c->n = 0;
	c->fault = f;
}

static struct str
without_newline(struct str s)
{
	return str_ends(s, STR("\n")) ? (struct str){s.p, s.n - 1} : s;
}

/* The file is rewritten from the key state, whole, and holds the key and a newline. */
static bool
judge_beside(struct trust *t, struct sealchain *c, struct hash *h)
{
	char buf[sizeof(t->text)];
	struct str pinned = without_newline((struct str){t->text, t->n_text}), s;
	int error = logdir_read(c->dir, LOGDIR_VKEY, buf, sizeof(buf), &s);
	struct fault f;

	if (error == -ENOENT)
		return true;
	if (error == -EFBIG || error == -ENXIO) {
		vkey_fault(c, "not a verifier key", STR(""), STR(""));
		return false;
	}
	if (error < 0) {
		fault_io(&f, LOGDIR_VKEY, "cannot be read", error);
		c->n = 0;
		c->fault = f;
		return false;
	}
	if (t->pinned && str_ends(s, STR("\n")) && str_eq(without_newline(s), pinned))
		return true;
	if (t->pinned) {
		vkey_fault(c, "is not the pinned key", pinned, without_newline(s));
		return false;
	}
	memcpy(t->text, s.p, s.n);
	t->n_text = s.n;
	if (str_ends(s, STR("\n")) && trust_key(t, h) == 0)
		return true;
	vkey_fault(c, "not a verifier key", STR(""), without_newline(s));
	return false;
}

static void
judge_first(const struct trust *t, struct sealchain *c, struct hash *h)
{
	const char *whose = t->pinned ? "the pinned key" : "the key in " LOGDIR_VKEY;
	const struct sealchain_seal *first = c->seals[0];
	char name[SEGNAME_SIZE], found[NOTE_VKEY];
	struct text x = text_over(found, sizeof(found));
	struct note_key key;
	struct fault f;

	segname_with(name, first->base, SEGNAME_SEAL);
	if (!str_eq(first->seal.origin, t->key.name)) {
		fault_set(&f, FAULT_BROKEN, name, "origin: not that of %s", whose);
		fault_expect(&f, t->key.name, first->seal.origin);
		chain_cut(c, 0, &f);
	} else if (first->seal.index == 0 &&
		   memcmp(first->seal.key, t->key.key, sizeof(t->key.key)) != 0) {
		seal_key(&first->seal, h, &key);
		note_key_put(&x, &key);
		fault_set(&f, FAULT_BROKEN, name, "key: not %s", whose);
		fault_expect(&f, without_newline((struct str){t->text, t->n_text}), text_str(&x));
		chain_cut(c, 0, &f);
	}
}

static void
judge_pin(struct sealchain *c, const struct trust_pin *pin)
{
	const struct sealchain_seal *s = sealchain_find(c, pin->index);
	bool before = c->n > 0 && pin->index < c->seals[0]->seal.index;
	char name[SEGNAME_SIZE];
	struct fault f;

	if (s && memcmp(s->hash, pin->hash, HASH_SIZE) == 0)
		return;
	if (!s) {
		fault_set(&f, FAULT_BROKEN, "", "seal %" PRIu64 ", which is pinned, is missing",
		    pin->index);
		chain_cut(c, before ? 0 : c->n, &f);
		return;
	}
	segname_with(name, s->base, SEGNAME_SEAL);
	fault_set(&f, FAULT_BROKEN, name, "not the seal that is pinned");
	fault_expect_hash(&f, pin->hash, s->hash);
	chain_cut(c, pin->index - c->seals[0]->seal.index, &f);
}

void
trust_judge(struct trust *t, struct sealchain *c, struct hash *h)
{
	if (!t->pinned)
		t->known = false;
	if (!judge_beside(t, c, h))
		return;
	if (t->known && c->n > 0)
		judge_first(t, c, h);
	for (size_t i = 0; i < t->n_pins; i++)
		judge_pin(c, &t->pins[i]);
}
