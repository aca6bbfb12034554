/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/secret.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/ascii.h"
#include "common/cleanup.h"

#define DIGITS ((size_t)2 * KEYSTATE_SECRET)
#define ROOM (DIGITS + 2) /* one more than the longest form */

/* Up to the end or ROOM bytes; how many. */
static ssize_t
read_all(int fd, char buf[ROOM])
{
	size_t n = 0;

	while (n < ROOM) {
		ssize_t r = read(fd, buf + n, ROOM - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static bool
from_hex(const char *digits, uint8_t out[KEYSTATE_SECRET])
{
	for (size_t i = 0; i < KEYSTATE_SECRET; i++) {
		int high = ascii_hex(digits[2 * i]), low = ascii_hex(digits[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int
parse(const char *buf, size_t n, uint8_t out[KEYSTATE_SECRET])
{
	if (n == KEYSTATE_SECRET) {
		memcpy(out, buf, KEYSTATE_SECRET);
		return 0;
	}
	if (n == DIGITS + 1 && buf[DIGITS] == '\n')
		n--;
	return n == DIGITS && from_hex(buf, out) ? 0 : -EINVAL;
}

int
secret_take(int fd, uint8_t out[KEYSTATE_SECRET], const char **ret_why)
{
	CLEANUP_FD int ours = fd;
	char buf[ROOM];
	ssize_t n = read_all(ours, buf);
	int error = n < 0 ? (int)n : parse(buf, (size_t)n, out);

	*ret_why = error == -EINVAL ? "it must hold 32 bytes, or 64 hex digits" : NULL;
	explicit_bzero(buf, sizeof(buf));
	if (error < 0)
		explicit_bzero(out, KEYSTATE_SECRET);
	return error;
}
