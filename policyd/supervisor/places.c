/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/supervisor/places.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "policyd/accounts.h"

#define AUDIT_GROUP "sealwright-audit" /* may read the log */

struct owner {
	uid_t uid; /* -1: as made */
	gid_t gid;
};

static const struct owner as_made = {(uid_t)-1, (gid_t)-1};

static int
give_open(int fd, mode_t mode, struct owner owner)
{
	return fchown(fd, owner.uid, owner.gid) < 0 || fchmod(fd, mode) < 0 ? -errno : 0;
}

/* By descriptor: neither call follows a link that somebody put there meanwhile. */
static int
give(const char *path, mode_t mode, struct owner owner)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : give_open(fd, mode, owner);
}

/* One that cannot be given to its owner would only stand in the way. */
static int
make_one(const char *path, mode_t mode, struct owner owner)
{
	int error;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	error = give(path, mode, owner);
	if (error < 0)
		(void)rmdir(path);
	return error;
}

/* Everything above the last part. */
static int
make_parents(const char *path, struct owner owner)
{
	char part[PATH_MAX];
	const char *slash = path;

	while ((slash = strchr(slash + 1, '/'))) {
		int error;

		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		error = make_one(part, 0755, owner);
		if (error < 0)
			return error;
	}
	return 0;
}

static int
make_directory(const char *path, const char *usual, mode_t mode, struct owner owner)
{
	int error = strcmp(path, usual) == 0 ? make_parents(path, as_made) : 0;

	if (error == 0)
		error = make_one(path, mode, owner);
	/* A missing parent of a place that was named: the writer tells what it cannot open. */
	return error == -ENOENT ? 0 : error;
}

static int
make_socket_parent(const char *path, const char *usual, struct owner owner)
{
	return strcmp(path, usual) == 0 ? make_parents(path, owner) : 0;
}

/* The last directory is given to whoever will remove the sockets from it at the end. */
static struct owner
owner_of(const struct identity *id)
{
	return id->change ? (struct owner){id->uid, id->gid} : as_made;
}

static struct owner
owner_of_log(const struct identity *writer)
{
	struct owner owner = owner_of(writer);
	gid_t gid;

	if (geteuid() == 0 && account_group(AUDIT_GROUP, &gid) == 0)
		owner.gid = gid;
	return owner;
}

int
places_make(const struct settings *s, const struct identity *user, const struct identity *writer,
    const char **ret_what)
{
	static struct settings usual;
	int error;

	settings_defaults(&usual);
	*ret_what = s->audit_dir;
	error = make_directory(s->audit_dir, usual.audit_dir, 0750, owner_of_log(writer));
	if (error < 0)
		return error;
	*ret_what = s->key_dir;
	error = make_directory(s->key_dir, usual.key_dir, 0700, owner_of(writer));
	if (error < 0)
		return error;
	*ret_what = s->socket;
	error = make_socket_parent(s->socket, usual.socket, owner_of(user));
	if (error < 0)
		return error;
	*ret_what = s->admin_socket;
	return make_socket_parent(s->admin_socket, usual.admin_socket, owner_of(user));
}
