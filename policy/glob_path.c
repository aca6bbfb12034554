/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/glob_path.h"

#include "common/glob.h"

struct str
glob_take_segment(struct str *s)
{
	struct str rest = str_skip(*s, 1);
	const char *slash = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
	struct str segment = slash ? (struct str){rest.p, (size_t)(slash - rest.p)} : rest;

	*s = str_skip(rest, segment.n);
	return segment;
}

/* The root has no segments. */
static struct str
segments_of(struct str path)
{
	return path.n <= 1 ? (struct str){path.p, 0} : path;
}

/* As glob_name(): only the last "**" is ever gone back to. */
bool
glob_path(struct str pattern, struct str path)
{
	/* After the last "**" of the pattern, and after what it has taken of the path. */
	struct str star = STR_NONE, taken = STR_NONE;
	struct str s = segments_of(path);

	pattern = segments_of(pattern);
	while (s.n > 0) {
		struct str rest = pattern, left = s;
		struct str want = rest.n > 0 ? glob_take_segment(&rest) : STR_NONE;
		struct str have = glob_take_segment(&left);

		if (str_eq(want, STR("**"))) {
			star = pattern = rest;
			taken = s = left;
		} else if (str_given(want) && glob_name(want, have)) {
			pattern = rest;
			s = left;
		} else if (str_given(star) && taken.n > 0) {
			(void)glob_take_segment(&taken);
			pattern = star;
			s = taken;
		} else {
			return false;
		}
	}
	return pattern.n == 0;
}

struct str
glob_base(struct str path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	return slash ? str_skip(path, (size_t)(slash - path.p) + 1) : path;
}
