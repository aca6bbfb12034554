/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bench_usage FD COMMAND...: run a command; "SECONDS CPU_SECONDS KIB STATUS" to descriptor FD. A program's peak of memory
 * counts from the process that it was made from: started by an interpreter it would be the interpreter's.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/wait.h>

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static double
seconds_of(struct timeval tv)
{
	return (double)tv.tv_sec + 1e-6 * (double)tv.tv_usec;
}

int
main(int argc, char **argv)
{
	struct rusage usage;
	double start = now();
	int status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: bench_usage FD COMMAND...\n");
		return 2;
	}
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		perror("bench_usage");
		return 2;
	}
	dprintf((int)strtol(argv[1], NULL, 10), "%.6f %.6f %ld %d\n", now() - start,
	    seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss,
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
