/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One program, four processes: the supervisor, started by an operator or a service manager, starts
 * itself again as compiler, evaluator and admin with
 *     --role compiler --policy PATH --landlock required|optional
 *     --role evaluator|admin --channel K --generation G
 * and the descriptors that those expect. Nobody else starts these.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "common/log.h"
#include "policyd/admin/admin.h"
#include "policyd/compiler/compiler.h"
#include "policyd/evaluator/evaluator.h"
#include "policyd/settings.h"
#include "policyd/supervisor/supervisor.h"

#define FD_SETTINGS 7

static struct settings settings;

static _Noreturn void
die_role(void)
{
	log_error("--role is for processes that policyd starts itself");
	_exit(EXIT_USAGE);
}

/* What the supervisor wrote into a sealed file, in the same installation: anything else is fatal. */
static void
read_settings(void)
{
	CLEANUP_FREE char *buf = NULL;
	struct wire_in in;
	size_t n = 0;
	int error = fd_read_file(FD_SETTINGS, SETTINGS_BYTES, &buf, &n);

	if (error < 0)
		fatal(error, "cannot read the settings");
	(void)close(FD_SETTINGS);
	in = wire_in_over(buf, n);
	if (settings_get(&in, &settings) < 0)
		fatalx("the settings make no sense");
}

static uint32_t
number(const char *z)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(z, &end, 10);
	if (*z < '0' || *z > '9' || errno != 0 || *end != '\0' || v == 0 || v > UINT32_MAX)
		die_role();
	return (uint32_t)v;
}

/* A process started by descriptor would show as a number in ps. */
static void
set_name(const char *name)
{
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

static int
serve(const char *role, uint32_t channel, uint32_t generation)
{
	if (strcmp(role, "evaluator") == 0) {
		set_name("policyd-eval");
		read_settings();
		return evaluator_main(channel, generation, &settings);
	}
	if (strcmp(role, "admin") == 0) {
		set_name("policyd-admin");
		read_settings();
		return admin_main(channel, generation, &settings);
	}
	die_role();
}

static int
role_main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[2], "compiler") == 0 && strcmp(argv[3], "--policy") == 0 &&
	    strcmp(argv[5], "--landlock") == 0) {
		set_name("policyd-compile");
		return compiler_main(argv[4], strcmp(argv[6], "optional") == 0);
	}
	if (argc == 7 && strcmp(argv[3], "--channel") == 0 && strcmp(argv[5], "--generation") == 0)
		return serve(argv[2], number(argv[4]), number(argv[6]));
	die_role();
}

/* By _exit: nothing is left to flush, and jails forbid what exit handlers would do. */
int
main(int argc, char **argv)
{
	log_init("policyd");
	if (argc > 1 && strcmp(argv[1], "--role") == 0)
		_exit(role_main(argc, argv));
	_exit(supervisor_main(argc, argv));
}
