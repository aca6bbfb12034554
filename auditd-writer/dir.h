/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every call that touches a directory or a file of the log: nothing else in the writer opens,
 * renames, writes, syncs, allocates or cuts a file. Tests make the Nth of these calls fail here.
 *
 * Files are opened for writing only when they are made (O_EXCL); an existing file is only read, with
 * one exception that has a function of its own: the key state. No function deletes. All return 0 (or what they say) or a negative errno; EINTR is taken care of.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Not every file system can refuse to rename over an existing name (RENAME_NOREPLACE). */
enum dir_renames {
	DIR_RENAMES_UNKNOWN, /* tried each time; where it cannot, the name is looked for first */
	DIR_RENAMES_REFUSE,  /* it can: no other kind of rename is made or needed */
	DIR_RENAMES_LOOK, /* it cannot: the name is looked for first, which our lock makes safe */
};

struct dir {
	int fd;
	const char *path; /* as given, for messages */
	enum dir_renames renames;
	int look; /* how existing files are opened to see whether they are there: O_RDONLY; of keys O_RDWR */
};

/*
 * The last component may be no symbolic link, and neither group nor others may write to it.
 * *ret_why: static text when the errno does not say enough, else NULL.
 */
int dir_open(struct dir *ret, const char *path, const char **ret_why);

/* Give it this descriptor instead, whatever that was; it does not survive exec. */
int dir_place(struct dir *d, int fd);

/*
 * The ways in which files are opened in either directory, for the jail. Returns how many. And the one
 * name that a file is looked at by.
 */
#define DIR_OPENINGS 5
struct dir_opening {
	int fd, flags;
};
int
dir_openings(const struct dir *audit, const struct dir *keys, struct dir_opening ret[DIR_OPENINGS]);
extern const char dir_no_name[];

/* Whether both are the same directory, by whatever path. */
bool dir_same(const struct dir *a, const struct dir *b);

/* An exclusive flock, waiting up to patience microseconds for a predecessor: -EWOULDBLOCK. */
int dir_lock(const struct dir *d, int64_t patience);

/* Each name in it but "." and "..", until each() returns a negative errno. At start only. */
int dir_each(const struct dir *d, int (*each)(void *ctx, const char *name), void *ctx);

/* Bytes that we may still use on its file system. */
int dir_free_bytes(const struct dir *d, uint64_t *ret);

/* A new file, mode 0440, for reading and writing; its descriptor. -EEXIST. */
int dir_create(const struct dir *d, const char *name);
/* The same, mode 0600: for what nobody else may read. */
int dir_create_secret(const struct dir *d, const char *name);
/* An existing regular file for reading; its descriptor. -EFTYPE's part is played by -EINVAL. */
int dir_open_read(const struct dir *d, const char *name);

#define DIR_KEYSTATE "state"
/*
 * The key state, for reading and writing: the one existing file that may be. -EKEYREJECTED: group or
 * others may read or write it; -EINVAL: not a regular file.
 */
int dir_open_keystate(const struct dir *keys);

/* -EEXIST when `to` exists. */
int dir_rename(const struct dir *d, const char *from, const char *to);
/* The same, where `to` does not exist; and finds out what the file system can. */
int dir_rename_first(struct dir *d, const char *from, const char *to);
/* `to` goes if it exists. At start only: then the jail forbids it, where the file system can refuse. */
int dir_replace(const struct dir *d, const char *from, const char *to);
/* fsync: names made and renamed so far are durable. */
int dir_sync(const struct dir *d);

/* All n bytes at this place. */
int dir_write(int fd, const char *buf, size_t n, int64_t at);
/* Up to n bytes from this place, fewer only at the end of the file. Returns how many. */
ssize_t dir_read(int fd, char *buf, size_t n, int64_t at);
int64_t dir_size(int fd);
/* Whether any name still leads to it. */
bool dir_is_named(int fd);

/* Which file it is, whatever names it has; all zero: not known. */
struct dir_file {
	uint64_t device, inode;
};
struct dir_file dir_which(int fd);
/*
 * 1: this name leads to this file. 0: to none, or to another. A negative errno: that cannot be said now;
 * -EACCES: it leads to what we may not open, or the directory is closed to us.
 */
int dir_leads_to(const struct dir *d, const char *name, const struct dir_file *file);
/* Whether names in it can be looked up: 0 or a negative errno. */
int dir_may_look(const struct dir *d);
/*
 * Extend the file to `to` bytes, with blocks, from `from` on. After an error some of them may be there.
 * -EOPNOTSUPP: this file system cannot.
 */
int dir_allocate(int fd, int64_t from, int64_t to);
int dir_cut(int fd, int64_t size);
/* Contents, and what is needed to find them (fdatasync). */
int dir_sync_data(int fd);
int dir_sync_file(int fd);
