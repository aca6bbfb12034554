/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/action.h"
#include "policy/index.h"

uint64_t
index_hash_name(struct str name, uint32_t *ret_labels)
{
	uint64_t h = INDEX_SEED;
	size_t end = name.n;
	uint32_t labels = 0;

	while (end > 0) {
		const char *dot = memrchr(name.p, '.', end);
		size_t start = dot ? (size_t)(dot - name.p) + 1 : 0;

		h = index_bytes(h, name.p + start, end - start);
		labels++;
		end = start > 0 ? start - 1 : 0;
	}
	*ret_labels = labels;
	return h;
}

uint64_t
index_hash_path(struct str path, uint32_t *ret_segments)
{
	uint64_t h = INDEX_SEED;
	size_t at = 0;

	*ret_segments = 0;
	if (path.n > 0 && path.p[0] != '/')
		return index_bytes(h, path.p, path.n);
	while (at + 1 < path.n) {
		const char *slash = memchr(path.p + at + 1, '/', path.n - at - 1);
		size_t end = slash ? (size_t)(slash - path.p) : path.n;

		h = index_bytes(h, path.p + at + 1, end - at - 1);
		++*ret_segments;
		at = end;
	}
	return h;
}

/* Bits above those of actions, so that no entry of another family has them. */
uint32_t
index_method(struct str method)
{
	static const struct str known[] = {
	    {"GET", 3},
	    {"HEAD", 4},
	    {"POST", 4},
	    {"PUT", 3},
	    {"DELETE", 6},
	    {"PATCH", 5},
	    {"OPTIONS", 7},
	    {"CONNECT", 7},
	    {"TRACE", 5},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(method, known[i]))
			return UINT32_C(1) << (16 + i);
	return INDEX_OTHER_METHOD;
}
