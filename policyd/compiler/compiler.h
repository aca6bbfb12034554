/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One policy load: read the documents, check them, run the tests inside, and leave an image that
 * nobody can change. Descriptor 3 is an empty memory file for the image, 4 a pipe for the payload
 * of the record about this load (a value.h object):
 *   {"result":"loaded","revision":..,"policies":n,"rules":n,"tests":n,"sha256":".."}
 *   {"result":"refused","errors":n,"first":"file:line:column: text","complaints":["..",..]}
 * Of the complaints the first POLICY_COMPLAINTS are there; the first of them is "first".
 * sha256 is that of the documents one after the other: `cat FILES | sha256sum`.
 * Everything but time zones is read first; what parses the documents is in jail (jail_seal()), with these
 * two and the directory of the time zone database.
 * Each error is also one line on stderr. Returns the exit code: 0 loaded, 1 refused or failed.
 */

#include <stdbool.h>

#include "policy/policy.h"

int compiler_main(const char *policy, bool landlock_optional);

/*
 * Ends in jail, or does not return: from there on the compiler can open nothing but the files of the
 * time zone database, for reading, and without one nothing at all.
 */
void compiler_jail(const struct policy_zones *zones, bool landlock_optional);

#define COMPILER_MEMORY ((size_t)2 << 30) /* bytes of address space; over it a policy is refused */
#define COMPILER_PAYLOAD 24576            /* bytes at most: that many complaints fit */
#define COMPILER_FD_IMAGE 3
#define COMPILER_FD_PAYLOAD 4
#define COMPILER_DESCRIPTORS 5 /* these and the standard files; besides, that of the zones */
