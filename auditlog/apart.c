/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cli.h"

int
apart(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		cli_fatal(errno, "fork");
	if (pid == 0)
		return APART_CHILD;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			cli_fatal(errno, "wait for the check");
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_error("the check was ended by signal %d", WTERMSIG(status));
	return CLI_ERROR;
}

int
apart_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		cli_fatal(errno, "%s", path);
	return fd;
}
