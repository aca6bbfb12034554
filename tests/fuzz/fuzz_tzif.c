/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the time zone database: refused with a reason, or shifts in order, the same each time. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_shifts(const struct zone_shift *all, uint32_t n)
{
	if (n == 0 || n > ZONE_SHIFTS_MAX + ZONE_TIMES_MAX || all[0].from != INT64_MIN)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		if (all[i].offset < -ZONE_OFFSET_MAX || all[i].offset > ZONE_OFFSET_MAX)
			abort();
		if (i > 0 && (all[i].from <= all[i - 1].from || all[i].offset == all[i - 1].offset))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str file = {(const char *)data, size};
	struct vec shifts = {NULL, 0, 0};
	const char *why = NULL;
	int error = zone_parse(file, &shifts, &why);
	uint32_t n = shifts.n;

	if ((error == 0) != (why == NULL) || (error != 0 && (error != -EINVAL || n != 0)))
		abort();
	if (error == 0) {
		check_shifts(shifts.p, n);
		/* A second zone in the same vector begins anew. */
		if (zone_parse(file, &shifts, &why) != 0 || shifts.n != 2 * n)
			abort();
		check_shifts((struct zone_shift *)shifts.p + n, n);
	}
	vec_free(&shifts);
	return 0;
}
