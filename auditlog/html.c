/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/html.h"

#include "auditlog/shown.h"
#include "common/cli.h"

#define SHOWN (16 * (HTML_MOST + 1))

static struct str
entity(char c)
{
	switch (c) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '"':
		return STR("&quot;");
	case '\'':
		return STR("&#39;");
	default:
		return STR_NONE;
	}
}

void
html_text_cut(struct str s, size_t most)
{
	static char buf[SHOWN];
	struct text t = text_over(buf, sizeof(buf));
	struct str left;

	shown_put(&t, s, most < HTML_MOST ? most : HTML_MOST);
	left = text_str(&t);
	while (left.n > 0) {
		size_t n = 0;

		while (n < left.n && !str_given(entity(left.p[n])))
			n++;
		cli_put((struct str){left.p, n});
		if (n < left.n)
			cli_put(entity(left.p[n++]));
		left = str_skip(left, n);
	}
}

void
html_text(struct str s)
{
	html_text_cut(s, HTML_MOST);
}

void
html_z(const char *z)
{
	html_text(str_from(z));
}

void
html_number(uint64_t v)
{
	char buf[32];
	struct text t = text_over(buf, sizeof(buf));

	shown_number(&t, v);
	cli_put(text_str(&t));
}

void
html_plain_number(uint64_t v)
{
	char buf[24];
	struct text t = text_over(buf, sizeof(buf));

	text_u64(&t, v);
	cli_put(text_str(&t));
}
