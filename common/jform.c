/* SPDX-License-Identifier: Apache-2.0 */
#include "common/jform.h"

#include "common/ascii.h"

#define NUMBER_DIGITS 15 /* below 2^53 whatever they are */

/* How many digits the plain number has that s begins with; 0 when it begins with none. */
static size_t
plain_number(struct str s)
{
	size_t n = 0;

	while (n < s.n && n < NUMBER_DIGITS && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n > 1 && s.p[0] == '0' ? 0 : n;
}

/* --- learning -------------------------------------------------------------------------------- */

/* What is a plain value itself. All else has to be the same again. */
static bool
may_differ(const struct jscan_tape *tape, const struct jscan_token *t)
{
	struct str s = {tape->text.p + t->at, t->n};

	if (t->type == JSCAN_NUMBER)
		return plain_number(s) == s.n;
	return t->type == JSCAN_STRING && !t->key && ascii_plain(s.p, s.n) == s.n;
}

/* False: it has too many values. */
static bool
learn_values(struct jform *f, const struct jscan_tape *tape)
{
	for (uint32_t i = 0; i < tape->n; i++) {
		const struct jscan_token *t = &tape->tokens[i];

		if (!may_differ(tape, t))
			continue;
		if (f->values == JFORM_VALUES)
			return false;
		f->value[f->values++] = (struct jform_value){
		    .at = (uint16_t)t->at,
		    .end = (uint16_t)(t->at + t->n),
		    .number = t->type == JSCAN_NUMBER,
		};
	}
	f->value[f->values] = (struct jform_value){.at = UINT16_MAX, .end = UINT16_MAX};
	return true;
}

static void
learn(struct jform *f, const struct jscan_tape *tape)
{
	f->n = f->values = 0;
	if (tape->text.n > sizeof(f->bytes) || !learn_values(f, tape))
		return;
	memcpy(f->bytes, tape->text.p, tape->text.n);
	f->n = (uint32_t)tape->text.n;
}

/* Where value i - 1 ends, or the text begins. */
static size_t
end_before(const struct jform *f, uint32_t i)
{
	return i > 0 ? f->value[i - 1].end : 0;
}

/* What stands before value i. */
static struct str
bytes_before(const struct jform *f, uint32_t i)
{
	size_t from = end_before(f, i);

	return (struct str){f->bytes + from, f->value[i].at - from};
}

static uint8_t
count_alike(const struct jform *a, const struct jform *b)
{
	uint8_t i = 0;

	while (i < a->values && i < b->values && a->value[i].number == b->value[i].number &&
	       str_eq(bytes_before(a, i), bytes_before(b, i)))
		i++;
	return i;
}

void
jforms_learn(struct jforms *f, const struct jscan_tape *tape)
{
	unsigned at = f->oldest++ % JFORMS;

	learn(&f->form[at], tape);
	for (unsigned i = 0; i < JFORMS; i++)
		f->alike[at][i] = f->alike[i][at] = count_alike(&f->form[at], &f->form[i]);
	f->last = at;
}

/* --- matching -------------------------------------------------------------------------------- */

/* How many bytes two texts have in common from their start. */
static inline size_t
common_bytes(const char *a, const char *b, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; n - i >= 16; i += 16) {
		__m128i x, y;
		unsigned equal;

		memcpy(&x, a + i, sizeof(x));
		memcpy(&y, b + i, sizeof(y));
		equal = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y));
		if (equal != 0xffff)
			return i + (size_t)__builtin_ctz(~equal);
	}
#endif
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

/* How far a text is one that is remembered, but for its values. */
struct progress {
	size_t known;   /* bytes of that */
	size_t at;      /* and of the text, which end in the same place of both */
	uint32_t value; /* the first that ends there or later */
};

/* The texts differ in, or right behind, this value: go on behind it in both. */
static bool
pass_value(const struct jform_value *v, struct str text, struct progress *p)
{
	size_t begins = p->at - (p->known - v->at), n;

	if (v->number) {
		n = plain_number(str_skip(text, begins));
		if (n == 0)
			return false;
		p->at = begins + n;
	} else {
		p->at += ascii_plain(text.p + p->at, text.n - p->at);
	}
	p->known = v->end;
	p->value++;
	return true;
}

static bool
form_matches(const struct jform *f, struct str text, struct progress *p)
{
	for (;;) {
		size_t left = f->n - p->known, more = text.n - p->at, n;

		n = common_bytes(f->bytes + p->known, text.p + p->at, left < more ? left : more);
		p->known += n;
		p->at += n;
		while (f->value[p->value].end < p->known)
			p->value++;
		if (p->known == f->n && p->at == text.n)
			return true;
		if (p->known < f->value[p->value].at || !pass_value(&f->value[p->value], text, p))
			return false;
	}
}

/* From where this form failed to the same place of another that is like it up to there. */
static void
move_on(const struct jform *from, const struct jform *to, struct progress *p)
{
	p->at -= p->known - end_before(from, p->value);
	p->known = end_before(to, p->value);
}

/*
 * A form that has less in common with the one that got farthest would have failed there, one with more
 * in common fails where that did. (Or so it is nearly always: what is missed, jscan() sees to.)
 */
bool
jforms_match(struct jforms *f, struct str text)
{
	struct progress p = {0, 0, 0};
	unsigned farthest = f->last;

	if (text.n == 0)
		return false;
	for (unsigned i = 0; i < JFORMS; i++) {
		unsigned at = (f->last + i) % JFORMS;
		const struct jform *form = &f->form[at];

		if (form->n == 0 || (i > 0 && f->alike[farthest][at] != p.value))
			continue;
		if (i > 0)
			move_on(&f->form[farthest], form, &p);
		farthest = at;
		if (!form_matches(form, text, &p))
			continue;
		f->last = at;
		return true;
	}
	return false;
}
