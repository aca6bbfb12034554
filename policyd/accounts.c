/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/accounts.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

#define LINE_MAX_BYTES 65536 /* of passwd or group; a longer one is -ERANGE */

struct wanted {
	const char *name; /* NULL: by uid */
	uid_t uid;
};

static bool
matches(const struct passwd *p, const struct wanted *w)
{
	return w->name ? strcmp(p->pw_name, w->name) == 0 : p->pw_uid == w->uid;
}

/* The first line that matches, as the C library would take it. Strings point into buf. */
static int
find_passwd(const struct wanted *w, char *buf, size_t size, struct passwd *ret)
{
	CLEANUP_FILE FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;
	int error;

	if (!f)
		return -errno;
	while ((error = fgetpwent_r(f, ret, buf, size, &p)) == 0)
		if (matches(p, w))
			return 0;
	return -error;
}

/* uid_t's last number is "no change" to the kernel: never an account. */
static bool
parse_id(const char *z, uid_t *ret)
{
	uint64_t v = 0;

	if (*z == '\0' || strlen(z) > 10)
		return false;
	for (; *z; z++) {
		if (*z < '0' || *z > '9')
			return false;
		v = v * 10 + (uint64_t)(*z - '0');
	}
	if (v >= UINT32_MAX)
		return false;
	*ret = (uid_t)v;
	return true;
}

int
account_find(const char *name_or_number, uid_t *ret_uid, gid_t *ret_gid)
{
	CLEANUP_FREE char *buf = malloc(LINE_MAX_BYTES);
	struct wanted w = {.name = name_or_number};
	struct passwd p = {0};
	int error;

	if (!buf)
		return -ENOMEM;
	error = find_passwd(&w, buf, LINE_MAX_BYTES, &p);
	if (error == -ENOENT && parse_id(name_or_number, &w.uid)) {
		w.name = NULL;
		error = find_passwd(&w, buf, LINE_MAX_BYTES, &p);
		if (error == -ENOENT) {
			*ret_uid = w.uid;
			*ret_gid = w.uid;
			return 0;
		}
	}
	if (error < 0)
		return error;
	*ret_uid = p.pw_uid;
	*ret_gid = p.pw_gid;
	return 0;
}

int
account_group(const char *name, gid_t *ret_gid)
{
	CLEANUP_FILE FILE *f = fopen("/etc/group", "re");
	CLEANUP_FREE char *buf = malloc(LINE_MAX_BYTES);
	struct group g, *p;
	int error;

	if (!f || !buf)
		return f ? -ENOMEM : -errno;
	while ((error = fgetgrent_r(f, &g, buf, LINE_MAX_BYTES, &p)) == 0) {
		if (strcmp(p->gr_name, name) != 0)
			continue;
		*ret_gid = p->gr_gid;
		return 0;
	}
	return -error;
}

int
account_home(char buf[PATH_MAX])
{
	CLEANUP_FREE char *line = malloc(LINE_MAX_BYTES);
	const char *home = getenv("HOME");
	struct wanted w = {.uid = geteuid()};
	struct passwd p = {0};

	if (!line)
		return -ENOMEM;
	if (!home || home[0] != '/') {
		int error = find_passwd(&w, line, LINE_MAX_BYTES, &p);

		if (error < 0)
			return error;
		home = p.pw_dir ? p.pw_dir : "";
	}
	if (home[0] != '/' || strlen(home) >= PATH_MAX)
		return -ENOENT;
	memcpy(buf, home, strlen(home) + 1);
	return 0;
}
