/* SPDX-License-Identifier: Apache-2.0 */
#include "common/jform.h"

#include "common/ascii.h"

#define NUMBER_DIGITS 15 /* below 2^53 whatever they are */

/* How many digits the plain number has that s begins with; 0 when it begins with none. */
static inline size_t
plain_number(struct str s)
{
	size_t n = 0;

	while (n < s.n && n < NUMBER_DIGITS && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n > 1 && s.p[0] == '0' ? 0 : n;
}

/* --- learning -------------------------------------------------------------------------------- */

/* All but keys, words and numbers that are not plain: those have to be the same again. */
static bool
may_differ(const struct jscan_tape *tape, const struct jscan_token *t)
{
	if (t->type == JSCAN_NUMBER)
		return plain_number((struct str){tape->text.p + t->at, t->n}) == t->n;
	return t->type == JSCAN_STRING && !t->key;
}

/* What stands in text from at to the next value. False: there is no room for it. */
static bool
learn_bytes(struct jform *f, struct str text, size_t at, size_t to)
{
	if (to - at > sizeof(f->bytes) - f->end)
		return false;
	memcpy(f->bytes + f->end, text.p + at, to - at);
	f->end = (uint16_t)(f->end + (to - at));
	return true;
}

static bool
learn(struct jform *f, const struct jscan_tape *tape)
{
	size_t at = 0;

	for (uint32_t i = 0; i < tape->n; i++) {
		const struct jscan_token *t = &tape->tokens[i];

		if (!may_differ(tape, t))
			continue;
		if (f->n == JFORM_VALUES || !learn_bytes(f, tape->text, at, t->at))
			return false;
		f->value[f->n].end = f->end;
		f->value[f->n++].number = t->type == JSCAN_NUMBER;
		at = t->at + t->n;
	}
	return learn_bytes(f, tape->text, at, tape->text.n);
}

bool
jform_learn(struct jform *f, const struct jscan_tape *tape)
{
	f->n = 0;
	f->end = 0;
	f->known = learn(f, tape);
	return f->known;
}

/* --- matching -------------------------------------------------------------------------------- */

static inline uint64_t
load_8(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
load_4(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* memcmp() of texts as short as these is mostly its call. The last load overlaps the one before. */
static inline bool
same(const char *a, const char *b, size_t n)
{
	uint64_t differ = 0;

	if (n < sizeof(uint32_t)) {
		for (size_t i = 0; i < n; i++)
			differ |= a[i] != b[i];
		return differ == 0;
	}
	if (n < sizeof(uint64_t))
		return load_4(a) == load_4(b) && load_4(a + n - 4) == load_4(b + n - 4);
	for (size_t i = 0; i + 8 < n; i += 8)
		differ |= load_8(a + i) ^ load_8(b + i);
	return (differ | (load_8(a + n - 8) ^ load_8(b + n - 8))) == 0;
}

/* Bytes of the value that s begins with, as far as it is plain. */
static inline size_t
plain_value(struct str s, bool number)
{
	return number ? plain_number(s) : ascii_plain(s.p, s.n);
}

bool
jform_match(const struct jform *f, struct str text)
{
	size_t at = 0, known = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		size_t n = f->value[i].end - known;

		if (n > text.n - at || !same(text.p + at, f->bytes + known, n))
			return false;
		at += n;
		known += n;
		n = plain_value((struct str){text.p + at, text.n - at}, f->value[i].number);
		if (n == 0 && f->value[i].number)
			return false;
		at += n;
	}
	return f->known && text.n - at == f->end - known &&
	       same(text.p + at, f->bytes + known, f->end - known);
}
