/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Named time zones: the one thing of a policy that is read when its documents are already being
 * parsed. Which of them it may be is decided here; that it is nothing else, by the compiler's jail.
 */
#include <errno.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "policy/load.h"
#include "policy/zone.h"

static int
read_zone(int directory, struct str name, char **ret_file, size_t *ret_n)
{
	char path[ZONE_NAME_MAX + 1];
	CLEANUP_FD int fd = -1;

	memcpy(path, name.p, name.n);
	path[name.n] = '\0';
	fd = openat(directory, path, ZONE_OPEN);
	return fd < 0 ? -errno : fd_read_file(fd, ZONE_FILE_MAX, ret_file, ret_n);
}

static const char *
read_fault(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
	case -EISDIR:
	case -EACCES: /* what a directory is for a compiler in its jail */
		return "there is no such zone to read (Area/City, upper and lower case as there)";
	case -EFBIG:
		return "its file is over 64 KiB";
	default:
		return strerrordesc_np(-error);
	}
}

/* *ret_why stays NULL when all is well. 0 or -ENOMEM. */
static int
read_shifts(struct doc *d, struct str name, const char **ret_why)
{
	const struct policy_zones *zones = &d->texts->zones;
	CLEANUP_FREE char *file = NULL;
	size_t n = 0;
	int error;

	*ret_why = zones->why ? zones->why : "there is no time zone database in " ZONE_DIRECTORY;
	if (!zones->there)
		return 0;
	error = read_zone(zones->directory, name, &file, &n);
	*ret_why = error < 0 ? read_fault(error) : NULL;
	if (error == 0)
		error = zone_parse((struct str){file, n}, &d->shifts, ret_why);
	return error == -ENOMEM ? error : 0;
}

/* Looked up once for a document. 0, -ENOMEM, -E2BIG. */
static int
find_zone(struct doc *d, struct str name, uint32_t *ret)
{
	const uint32_t *known = strmap_get(&d->zone_names, name);
	struct doc_zone zone = {.first_shift = d->shifts.n}, *kept;
	struct str kept_name;

	if (known) {
		*ret = *known;
		return 0;
	}
	if (d->zones.n >= ZONE_MAX)
		return -E2BIG;
	kept_name = arena_str(&d->arena, name);
	kept = vec_add(&d->zones, sizeof(*kept));
	if (!kept || !str_given(kept_name) || read_shifts(d, name, &zone.why) < 0)
		return -ENOMEM;
	zone.n_shifts = d->shifts.n - zone.first_shift;
	*kept = zone;
	*ret = d->zones.n - 1;
	return strmap_add(&d->zone_names, kept_name, *ret, ret) < 0 ? -ENOMEM : 0;
}

static void
complain_of_zone(const struct reader *r, struct json_object *node, struct json_object *time,
    uint32_t zone, int error)
{
	const char *why = error == 0 ? doc_zone(r->doc, zone)->why : NULL;

	if (error == -ENOMEM)
		r->doc->no_memory = true;
	else if (error < 0)
		read_complain(r, node, time, "more than %d time zones", ZONE_MAX);
	else if (why)
		read_complain(
		    r, node, time, "time zone \"%s\": %s", json_object_get_string(node), why);
}

uint32_t
load_named_zone(const struct reader *r, struct json_object *node, struct json_object *time)
{
	struct str name = load_text(node);
	uint32_t zone = DOC_NO_ZONE;
	int error;

	if (!zone_name_ok(name)) {
		read_complain(r, node, time,
		    "\"zone\" must be \"UTC\", an offset like \"+01:00\", or a name like "
		    "\"Europe/Berlin\"");
		return DOC_NO_ZONE;
	}
	error = find_zone(r->doc, name, &zone);
	complain_of_zone(r, node, time, zone, error);
	return zone;
}
