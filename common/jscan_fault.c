/* SPDX-License-Identifier: Apache-2.0 */

/* What the scanner rarely does: say what is wrong, and read comments. */

#include <errno.h>

#include "common/jscan_internal.h"
#include "common/text.h"

/* what + number (when there is one) + after */
int
jscan_fail_number(struct jscan *s, const char *at, int error, const char *what,
    const uint32_t *number, const char *after)
{
	struct text t = text_over(s->fault->what, sizeof(s->fault->what) - 1);

	text_put(&t, str_from(what));
	if (number)
		text_u64(&t, *number);
	text_put(&t, str_from(after));
	s->fault->what[t.n] = '\0';
	s->fault->at = jscan_at(s, at);
	return error;
}

int
jscan_fail(struct jscan *s, const char *at, const char *what)
{
	return jscan_fail_number(s, at, -EINVAL, what, NULL, "");
}

int
jscan_over(struct jscan *s, const char *what, uint32_t limit, const char *after)
{
	return jscan_fail_number(s, s->p, -E2BIG, what, &limit, after);
}

static void
jscan_found(struct text *t, const struct jscan *s)
{
	size_t n = utf8_length(s->p, (size_t)(s->end - s->p));

	text_put(t, STR(", found "));
	if (s->p == s->end) {
		text_put(t, STR("the end"));
		return;
	}
	text_char(t, '\'');
	text_safe(t, (struct str){s->p, n ? n : 1});
	text_char(t, '\'');
}

/* Something else than wanted stands at p. */
int
jscan_unexpected(struct jscan *s, const char *wanted)
{
	struct text t = text_over(s->fault->what, sizeof(s->fault->what) - 1);

	text_put(&t, STR("expected "));
	text_put(&t, str_from(wanted));
	jscan_found(&t, s);
	s->fault->what[t.n] = '\0';
	s->fault->at = jscan_at(s, s->p);
	return -EINVAL;
}

#define JSCAN_KEY_SHOWN 72 /* bytes of a key in a message */

int
jscan_fail_duplicate(struct jscan *s, uint32_t key)
{
	struct jscan_walk w = jscan_walk_over(s->tape, key);
	struct text t = text_over(s->fault->what, sizeof(s->fault->what) - 1);
	char shown[JSCAN_KEY_SHOWN];
	struct str k = {shown, 0};
	int c;

	while ((c = jscan_walk_next(&w)) >= 0 && k.n < sizeof(shown))
		shown[k.n++] = (char)c;
	text_put(&t, STR("duplicate key \""));
	/* A character cut in the middle does not fit: its bytes take four each. */
	t.cap = t.n + sizeof(shown);
	text_safe(&t, k);
	t.cap = sizeof(s->fault->what) - 1;
	c = t.full ? 0 : c;
	t.full = false;
	text_put(&t, c >= 0 ? STR("...\"") : STR("\""));
	s->fault->what[t.n] = '\0';
	s->fault->at = s->tape->tokens[key].at - 1;
	return -EINVAL;
}

int
jscan_settle_fault(struct jscan *s, int error)
{
	for (uint32_t d = 0; d < s->depth; d++) {
		uint32_t key = 0;

		if (s->tape->tokens[s->open[d]].type == JSCAN_OBJECT)
			key = jscan_duplicate(s->tape, s->open[d]);
		if (key && s->tape->tokens[key].at - 1 < s->fault->at)
			error = jscan_fail_duplicate(s, key);
	}
	jscan_place(s->tape->text, s->fault->at, &s->fault->line, &s->fault->column);
	return error;
}

/* --- comments -------------------------------------------------------------------------------- */

/* One character of a comment. */
static int
jscan_comment_char(struct jscan *s)
{
	size_t n = utf8_length(s->p, (size_t)(s->end - s->p));

	if (n == 0)
		return jscan_fail(s, s->p, "invalid UTF-8 in a comment");
	if ((unsigned char)*s->p < 0x20 && !jscan_is_space(*s->p))
		return jscan_fail(s, s->p, "control byte in a comment");
	s->p += n;
	return 0;
}

static int
jscan_line_comment(struct jscan *s)
{
	int error = 0;

	while (error == 0 && s->p < s->end && *s->p != '\n')
		error = jscan_comment_char(s);
	return error;
}

static int
jscan_block_comment(struct jscan *s, const char *start)
{
	int error = 0;

	while (error == 0 && s->end - s->p >= 2) {
		if (s->p[0] == '*' && s->p[1] == '/') {
			s->p += 2;
			return 0;
		}
		error = jscan_comment_char(s);
	}
	return error < 0 ? error : jscan_fail(s, start, "comment without an end");
}

/* p is at a slash. */
int
jscan_comment(struct jscan *s)
{
	const char *start = s->p++;

	if (jscan_sees(s, '/'))
		return jscan_line_comment(s);
	if (!jscan_sees(s, '*'))
		return jscan_unexpected(s, "a comment");
	s->p++;
	return jscan_block_comment(s, start);
}
