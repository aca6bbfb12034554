/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/damage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "auditlog/bar.h"
#include "common/cli.h"

static bool
told(struct damage *d)
{
	return atomic_fetch_add_explicit(&d->n, 1, memory_order_relaxed) < DAMAGE_TOLD;
}

void
damage_line(struct damage *d, const char *file, uint64_t at, const char *why)
{
	if (!told(d))
		return;
	bar_hold();
	log_error("%s: byte %" PRIu64 ": %s", file, at, why);
	bar_release();
}

void
damage_file(struct damage *d, const char *file, int error)
{
	if (!told(d))
		return;
	bar_hold();
	if (error == -ENXIO)
		log_error("%s: not a regular file", file);
	else
		log_error("%s: %s", file, strerrordesc_np(-error));
	bar_release();
}

int
damage_finish(const struct damage *d, int code)
{
	uint64_t n = atomic_load(&d->n);

	if (n > DAMAGE_TOLD)
		log_error("and %" PRIu64 " more places that are no records", n - DAMAGE_TOLD);
	return n > 0 ? CLI_ERROR : code;
}
