/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Local accounts: /etc/passwd and /etc/group alone. Nothing that a directory server or a plug-in
 * of the C library says can decide under which uid we run or whom we believe.
 */

#include <limits.h>
#include <sys/types.h>

/*
 * By name or decimal number; a number need not be listed: then its gid is the same number.
 * -ENOENT: no such account; other errors of reading the file.
 */
int account_find(const char *name_or_number, uid_t *ret_uid, gid_t *ret_gid);

/* A group by name. -ENOENT: there is none. */
int account_group(const char *name, gid_t *ret_gid);

/* Home of the caller: HOME when it is an absolute path, else as passwd has it. -ENOENT. */
int account_home(char buf[PATH_MAX]);
