/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/cleanup.h"

#define LOG_ID_MASK ((UINT64_C(1) << 60) - 1)

int
identity_random(void *buf, size_t n)
{
	ssize_t got;

	do
		got = getrandom(buf, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EIO;
}

int
identity_new_log(uint64_t *ret)
{
	uint64_t id = 0;

	while ((id & LOG_ID_MASK) == 0) {
		int error = identity_random(&id, sizeof(id));

		if (error < 0)
			return error;
	}
	*ret = id & LOG_ID_MASK;
	return 0;
}

static bool
host_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* What no host name may hold becomes '_'. */
static void
hostname_get(char out[LINE_HOSTNAME + 1])
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) < 0 || name[0] == '\0')
		(void)memcpy(name, "localhost", sizeof("localhost"));
	name[LINE_HOSTNAME] = '\0';
	for (size_t i = 0; name[i]; i++)
		if (!host_character(name[i]))
			name[i] = '_';
	memcpy(out, name, strlen(name) + 1);
}

static void
boot_id_get(char out[UUID_TEXT + 1])
{
	CLEANUP_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, UUID_TEXT);

	if (n == UUID_TEXT)
		out[UUID_TEXT] = '\0';
	else
		(void)memcpy(out, "unknown", sizeof("unknown"));
}

int
identity_gather(struct identity *ret)
{
	int error = identity_random(ret->session_bytes, sizeof(ret->session_bytes));

	if (error < 0)
		return error;
	/* RFC 9562, version 4. */
	ret->session_bytes[6] = (uint8_t)((ret->session_bytes[6] & 0x0f) | 0x40);
	ret->session_bytes[8] = (uint8_t)((ret->session_bytes[8] & 0x3f) | 0x80);
	line_uuid_text(ret->session_bytes, ret->session);
	hostname_get(ret->hostname);
	boot_id_get(ret->boot_id);
	return 0;
}
