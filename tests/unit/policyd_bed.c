/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policyd_bed.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fds.h"
#include "common/text.h"

const char bed_policy[] =
    "{\"schema\":\"sealwright-policy/1\",\"revision\":\"r1\",\"policies\":[{\"id\":\"p\","
    "\"source\":\"host\",\"mode\":\"enforce\",\"rules\":[{\"id\":\"r\",\"actions\":"
    "[\"connect:tcp\"],\"resources\":[\"example.com\"],\"decision\":\"allow\"}]}]}\n";

void
bed_path_in(const struct bed *b, const char *name, char buf[PATH_MAX])
{
	(void)snprintf(buf, PATH_MAX, "%s/%s", b->dir, name);
}

void
bed_write_file(const struct bed *b, const char *name, const char *text)
{
	char path[PATH_MAX];
	int fd;

	bed_path_in(b, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(close(fd), 0);
}

char *
bed_read_file(const struct bed *b, const char *name)
{
	char path[PATH_MAX], *text = NULL;
	size_t n;
	int fd;

	bed_path_in(b, name, path);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return strdup("");
	assert_int_equal(fd_read_file(fd, 1 << 20, &text, &n), 0);
	assert_int_equal(close(fd), 0);
	return text;
}

bool
bed_holds(const struct bed *b, const char *name, const char *text)
{
	char *all = bed_read_file(b, name);
	bool found = strstr(all, text) != NULL;

	free(all);
	return found;
}

void
bed_pause_ms(long ms)
{
	const struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

void
bed_wait_for(const struct bed *b, const char *name, const char *text)
{
	char *all;

	for (int i = 0; i < 3000; i++) {
		if (bed_holds(b, name, text))
			return;
		bed_pause_ms(10);
	}
	all = bed_read_file(b, name);
	fail_msg("no \"%s\" in %s, which holds:\n%s", text, name, all);
}

static void
copy_program(const struct bed *b, const char *from, const char *name)
{
	char to[PATH_MAX], *bytes = NULL;
	size_t n;
	int fd = open(from, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fd_read_file(fd, 64 << 20, &bytes, &n), 0);
	(void)close(fd);
	bed_path_in(b, name, to);
	fd = open(to, O_WRONLY | O_CREAT, 0755);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, n), 0);
	assert_int_equal(close(fd), 0);
	free(bytes);
}

void
bed_make_directory(const struct bed *b, const char *name)
{
	char path[PATH_MAX];

	bed_path_in(b, name, path);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* Ours stands in build/unit, policyd in build/sbin. */
int
bed_setup(void **state)
{
	static const char *const dirs[] = {
	    "sbin", "libexec", "libexec/sealwright", "audit", "keys"};
	static struct bed b;
	char self[PATH_MAX], policyd[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	(void)snprintf(policyd, sizeof(policyd), "%.*s/../sbin/policyd",
	    (int)(strrchr(self, '/') - self), self);
	b = (struct bed){.dir = "/tmp/test_supervisor.XXXXXX"};
	assert_non_null(mkdtemp(b.dir));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		bed_make_directory(&b, dirs[i]);
	copy_program(&b, policyd, "sbin/policyd");
	copy_program(&b, self, "libexec/sealwright/auditd-writer");
	bed_write_file(&b, "policy.json", bed_policy);
	*state = &b;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int
bed_teardown(void **state)
{
	struct bed *b = *state;

	if (b->pid > 0) {
		(void)kill(b->pid, SIGKILL);
		(void)waitpid(b->pid, NULL, 0);
		bed_pause_ms(200);
	}
	return nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static _Noreturn void
become_policyd(const struct bed *b)
{
	int log;

	if (chdir(b->dir) < 0)
		_exit(100);
	log = open("stderr", O_WRONLY | O_APPEND);
	if (dup2(log, STDERR_FILENO) < 0)
		_exit(100);
	if (b->credentials && setenv("CREDENTIALS_DIRECTORY", "credentials", 1) < 0)
		_exit(100);
	(void)execl("sbin/policyd", "policyd", "--audit-dir", "audit", "--key-dir", "keys",
	    "--policy", "policy.json", "--socket", "p.sock", "--admin-socket", "a.sock",
	    "--evaluators", "1", b->extra, NULL);
	_exit(101);
}

void
bed_start(struct bed *b, const char *mode)
{
	bed_write_file(b, "audit/mode", mode);
	bed_write_file(b, "stderr", "");
	b->pid = fork();
	assert_true(b->pid >= 0);
	if (b->pid == 0)
		become_policyd(b);
}

/* waitpid() within 20 s. */
int
bed_ended(struct bed *b)
{
	int status;

	for (int i = 0; i < 2000; i++) {
		pid_t pid = waitpid(b->pid, &status, WNOHANG);

		if (pid == b->pid) {
			b->pid = 0;
			return status;
		}
		bed_pause_ms(10);
	}
	fail_msg("policyd has not ended: %s", bed_read_file(b, "stderr"));
	return -1;
}

void
bed_expect_exit(struct bed *b, int code)
{
	int status = bed_ended(b);
	char path[PATH_MAX];

	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail_msg(
		    "status %#x, wanted exit %d: %s", status, code, bed_read_file(b, "stderr"));
	bed_path_in(b, "p.sock", path);
	assert_int_equal(access(path, F_OK), -1);
	bed_path_in(b, "a.sock", path);
	assert_int_equal(access(path, F_OK), -1);
}

void
bed_serve(struct bed *b, const char *mode)
{
	bed_start(b, mode);
	bed_wait_for(b, "stderr", "policyd: ready\n");
}

void
bed_finish(struct bed *b)
{
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	bed_expect_exit(b, 0);
	assert_true(bed_holds(b, "audit/events", "finish"));
}

/* One line to a socket, one line back. */
void
bed_ask(const struct bed *b, const char *name, const char *line, char *reply, size_t size)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char path[PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ssize_t n;
	size_t used = 0;

	bed_path_in(b, name, path);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(fd_write_all(fd, line, strlen(line)), 0);
	do {
		n = read(fd, reply + used, size - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0 && reply[used - 1] != '\n');
	reply[used] = '\0';
	(void)close(fd);
}
