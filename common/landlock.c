/* SPDX-License-Identifier: Apache-2.0 */
/* By system call: there is no library for it, and the kernel's header may be older than the kernel. */
#include "common/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

/* Of the file system. */
#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_ABI_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)     /* ABI 2: rename and link between directories */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
/* Of the network, ABI 4: bind and connect. */
#define NET_TCP UINT64_C(3)
/* Scopes, ABI 6: abstract sockets and signals. */
#define SCOPE_ALL UINT64_C(3)

struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static const struct {
	enum landlock_allow allow;
	uint64_t rights;
} sets[] = {
    {LANDLOCK_READ, FS_READ_FILE},
    {LANDLOCK_WRITE, FS_WRITE_FILE},
    {LANDLOCK_TRUNCATE, FS_TRUNCATE},
    {LANDLOCK_EXECUTE, FS_EXECUTE},
    {LANDLOCK_LIST, FS_READ_DIR},
    {LANDLOCK_MAKE, FS_MAKE_REG},
    {LANDLOCK_RENAME, FS_MAKE_REG | FS_REMOVE_FILE},
    {LANDLOCK_REMOVE, FS_REMOVE_FILE},
};

/* What came with each ABI, and since when. */
static const struct {
	int abi;
	const char *name;
} known[] = {
    {1, "files"},
    {3, "truncation"},
    {4, "TCP"},
    {5, "device ioctls"},
    {6, "abstract sockets"},
    {6, "signals"},
};

int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

const char *
landlock_absence(void)
{
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION) >= 0)
		return "";
	if (errno == ENOSYS)
		return "Landlock is not in this kernel";
	if (errno == EOPNOTSUPP)
		return "Landlock is switched off (the kernel's parameter lsm= does not name it)";
	return "Landlock's system calls are forbidden here (by a container or service manager)";
}

static uint64_t
fs_rights(int abi)
{
	uint64_t rights = FS_ABI_1;

	if (abi >= 2)
		rights |= FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

static uint64_t
rights_of(unsigned allow)
{
	uint64_t rights = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (allow & sets[i].allow)
			rights |= sets[i].rights;
	return rights;
}

static int
add_rule(int ruleset, const struct landlock_rule *rule, uint64_t handled)
{
	const struct path_beneath path = {rights_of(rule->allow) & handled, rule->fd};

	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &path, 0) < 0)
		return -errno;
	return 0;
}

int
landlock_restrict(const struct landlock_rule *rules, size_t n, bool apart)
{
	int abi = landlock_abi();
	const struct ruleset all = {
	    .fs = fs_rights(abi),
	    .net = apart && abi >= 4 ? NET_TCP : 0,
	    .scoped = apart && abi >= 6 ? SCOPE_ALL : 0,
	};
	CLEANUP_FD int ruleset = -1;

	if (abi == 0)
		return -EOPNOTSUPP;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		int error = add_rule(ruleset, &rules[i], all.fs);

		if (error < 0)
			return error;
	}
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : abi;
}

/* Those that are there, or those that are not. Returns how many. */
static size_t
put_known(struct text *t, int abi, bool there, struct str before)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if ((known[i].abi <= abi) != there)
			continue;
		text_put(t, n++ == 0 ? before : STR(", "));
		text_put(t, str_from(known[i].name));
	}
	return n;
}

void
landlock_describe(struct text *t, int abi)
{
	if (abi <= 0) {
		text_put(t, STR("no Landlock"));
		return;
	}
	text_put(t, STR("Landlock ABI "));
	text_u64(t, (uint64_t)abi);
	(void)put_known(t, abi, true, STR(": "));
	(void)put_known(t, abi, false, STR("; not "));
}
