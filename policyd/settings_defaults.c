/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults, of the system or of a user's own service; only the supervisor asks for them. */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "policyd/accounts.h"
#include "policyd/config.h"
#include "policyd/settings.h"

static uint32_t
cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	n = CPU_COUNT(&set);
	if (n < 1)
		return 1;
	return n > LIMIT_EVALUATORS ? LIMIT_EVALUATORS : (uint32_t)n;
}

/* A place that does not fit is not known: the member stays empty, and config_check() asks for it. */
static void __attribute__((format(printf, 3, 4)))
place(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= size)
		buf[0] = '\0';
}

/* An XDG variable counts only when it is an absolute path (XDG Base Directory Specification). */
static bool
base_directory(const char *variable, const char *below_home, char buf[PATH_MAX])
{
	char home[PATH_MAX];
	const char *xdg = getenv(variable);

	buf[0] = '\0';
	if (xdg && xdg[0] == '/')
		place(buf, PATH_MAX, "%s", xdg);
	else if (below_home && account_home(home) == 0)
		place(buf, PATH_MAX, "%s/%s", home, below_home);
	return buf[0] != '\0';
}

static void
user_places(struct settings *s)
{
	char state[PATH_MAX], config[PATH_MAX], run[PATH_MAX];

	if (base_directory("XDG_STATE_HOME", ".local/state", state)) {
		place(s->audit_dir, sizeof(s->audit_dir), "%s/sealwright/audit", state);
		place(s->key_dir, sizeof(s->key_dir), "%s/sealwright/keys", state);
	}
	if (base_directory("XDG_CONFIG_HOME", ".config", config))
		place(s->policy, sizeof(s->policy), "%s/sealwright/policy", config);
	if (base_directory("XDG_RUNTIME_DIR", NULL, run) || state[0] != '\0') {
		const char *base = run[0] != '\0' ? run : state;

		place(s->socket, sizeof(s->socket), "%s/sealwright/policyd.sock", base);
		place(s->admin_socket, sizeof(s->admin_socket), "%s/sealwright/admin.sock", base);
	}
}

static void
system_places(struct settings *s)
{
	place(s->audit_dir, sizeof(s->audit_dir), "%s", "/var/log/sealwright/audit");
	place(s->key_dir, sizeof(s->key_dir), "%s", "/var/lib/sealwright/keys");
	place(s->policy, sizeof(s->policy), "%s", "/etc/sealwright/policy");
	place(s->socket, sizeof(s->socket), "%s", "/run/sealwright/policyd.sock");
	place(s->admin_socket, sizeof(s->admin_socket), "%s", "/run/sealwright/admin.sock");
}

void
settings_defaults(struct settings *s)
{
	*s = (struct settings){
	    .evaluators = cores(),
	    .rotate_seconds = 300,
	    .rotate_records = 1000,
	    .rotate_bytes = UINT64_C(50) << 20,
	    .heartbeat_seconds = 3600,
	    .reserve_bytes = UINT64_C(8) << 20,
	    .low_bytes = UINT64_C(64) << 20,
	    .connections = 4096,
	    .connections_per_uid = 2048,
	    .in_flight = 1024,
	    .line_bytes = LIMIT_REQUEST_LINE,
	    .line_seconds = 30,
	    .answer_ms = 5000,
	    .min_level = LEVEL_INFO,
	};
	if (geteuid() == 0)
		system_places(s);
	else
		user_places(s);
}

int
config_default_file(char buf[PATH_MAX])
{
	char base[PATH_MAX];

	if (geteuid() == 0)
		place(buf, PATH_MAX, "%s", "/etc/sealwright/sealwright.conf");
	else if (base_directory("XDG_CONFIG_HOME", ".config", base))
		place(buf, PATH_MAX, "%s/sealwright/sealwright.conf", base);
	else
		buf[0] = '\0';
	return buf[0] == '\0' ? -ENOENT : 0;
}
