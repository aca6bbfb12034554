/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into a program under test in front of the C library: its clocks are the machine's, moved by
 * what a test writes into a file (clocked.py). The machine's own clock is not touched.
 *
 * The file is named "clock" and lies in the directory above the program's or in the one above that, as
 * the programs are installed; without one, or without the three numbers, the time is the machine's.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define US_PER_S INT64_C(1000000)
#define NS_PER_US 1000
#define LEVELS 3

/* Shared with the test; microseconds, added to what the machine says. */
struct moved {
	_Atomic int64_t real, monotonic, boottime;
};

static const struct moved *moved;
static int (*machine)(clockid_t, struct timespec *);

static void
take_file(int fd)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*moved))
		return;
	map = mmap(NULL, sizeof(*moved), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		moved = map;
}

/* Where this program lies, by what is mapped first: its jail may know no readlink(). */
static ssize_t
own_path(char path[PATH_MAX])
{
	char line[PATH_MAX], *at, *end;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (fd >= 0)
		(void)close(fd);
	line[n > 0 ? n : 0] = '\0';
	at = strchr(line, '/');
	end = at ? strchr(at, '\n') : NULL;
	if (!end)
		return 0;
	memcpy(path, at, (size_t)(end - at));
	return end - at;
}

static void __attribute__((constructor)) clocked_begin(void)
{
	const void *found = dlsym(RTLD_NEXT, "clock_gettime");
	char path[PATH_MAX + 8];
	ssize_t n = own_path(path);

	if (!found)
		abort();
	memcpy(&machine, &found, sizeof(machine)); /* ISO C knows no cast for it */
	for (int i = 0; i < LEVELS && n > 0 && !moved; i++) {
		int fd;

		while (n > 0 && path[--n] != '/')
			;
		memcpy(path + n, "/clock", sizeof("/clock"));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			take_file(fd);
		if (fd >= 0)
			(void)close(fd);
	}
}

static int64_t
moved_by(clockid_t id)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return moved->real;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
		return moved->monotonic;
	case CLOCK_BOOTTIME:
		return moved->boottime;
	default:
		return 0;
	}
}

/* The C library names its parameters for itself. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int result = machine ? machine(id, ts) : -1;
	int64_t by = moved && result == 0 ? moved_by(id) : 0;

	if (by == 0)
		return result;
	by += ts->tv_nsec / NS_PER_US;
	ts->tv_sec += by / US_PER_S - (by % US_PER_S < 0);
	ts->tv_nsec %= NS_PER_US;
	ts->tv_nsec += (by % US_PER_S + US_PER_S) % US_PER_S * NS_PER_US;
	return result;
}

time_t
time(time_t *ret)
{
	struct timespec ts = {0, 0};

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts = {0, 0};

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
