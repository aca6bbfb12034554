/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/ctl.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"

/* A variable counts only when it is an absolute path (XDG Base Directory Specification). */
static const char *
ctl_directory(const char *variable)
{
	const char *path = getenv(variable);

	return path && path[0] == '/' ? path : NULL;
}

static const char *
ctl_home(void)
{
	const char *home = ctl_directory("HOME");
	/* cppcheck-suppress getpwuidCalled ; there is one thread */
	const struct passwd *account = home ? NULL : getpwuid(geteuid());

	return account ? account->pw_dir : home;
}

static bool
ctl_below(char *buf, size_t n, const char *base, const char *below, const char *name)
{
	int used = base ? snprintf(buf, n, "%s%s/sealwright/%s", base, below, name) : 0;

	return used > 0 && (size_t)used < n;
}

bool
ctl_state_path(char *buf, size_t n, const char *name)
{
	const char *base = ctl_directory("XDG_STATE_HOME");

	if (base)
		return ctl_below(buf, n, base, "", name);
	return ctl_below(buf, n, ctl_home(), "/.local/state", name);
}

/* Where policyd puts a user's own sockets: below the runtime, else the state directory. */
static bool
ctl_user_path(char *buf, size_t n, const char *name)
{
	const char *base = ctl_directory("XDG_RUNTIME_DIR");

	return base ? ctl_below(buf, n, base, "", name) : ctl_state_path(buf, n, name);
}

const char *
ctl_policy(void)
{
	static char path[PATH_MAX];
	const char *base = ctl_directory("XDG_CONFIG_HOME");
	bool known = base ? ctl_below(path, sizeof(path), base, "", "policy")
			  : ctl_below(path, sizeof(path), ctl_home(), "/.config", "policy");

	return geteuid() != 0 && known && access(path, F_OK) == 0 ? path : "/etc/sealwright/policy";
}

static const char *
ctl_default(char *buf, size_t n, const char *name)
{
	if (geteuid() != 0 && ctl_user_path(buf, n, name) && access(buf, F_OK) == 0)
		return buf;
	(void)snprintf(buf, n, "/run/sealwright/%s", name);
	return buf;
}

const char *
ctl_socket(const struct ctl *ctl)
{
	static char path[PATH_MAX];

	return ctl->socket ? ctl->socket : ctl_default(path, sizeof(path), "policyd.sock");
}

const char *
ctl_admin_socket(const struct ctl *ctl)
{
	static char path[PATH_MAX];

	return ctl->admin_socket ? ctl->admin_socket
				 : ctl_default(path, sizeof(path), "admin.sock");
}

/* "90s", "30m", "8h", "7d" */
static bool
ctl_duration(const char *s, int64_t *ret)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = {1, 60, 3600, 86400};
	size_t digits = strspn(s, "0123456789");
	const char *unit = s[digits] ? strchr(units, s[digits]) : NULL;
	int64_t n = 0;

	if (digits == 0 || digits > 6 || !unit || s[digits + 1])
		return false;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (s[i] - '0');
	*ret = n * seconds[unit - units] * US_PER_S;
	return true;
}

bool
ctl_moment(const char *s, int sign, int64_t *ret)
{
	int64_t duration;

	if (!ctl_duration(s, &duration))
		return clock_parse(str_from(s), ret) == 0;
	*ret = clock_real() / US_PER_S * US_PER_S + sign * duration;
	return true;
}

uint32_t
ctl_timeout(const struct ctl *ctl)
{
	return ctl->timeout ? ctl->timeout : CTL_TIMEOUT;
}

void
ctl_ask(struct client *c, const char *path, uint32_t timeout_s, size_t max, struct str request,
    struct reply *reply, struct str *ret_line)
{
	int error = client_open(c, path, timeout_s, max);

	if (error)
		cli_fatal(0, "%s: %s", path, client_why(error));
	*ret_line = STR_NONE;
	error = client_send(c, request);
	/* Even when it took no more of us: it may have said why. */
	if (!error || error == -EPIPE)
		error = client_line(c, ret_line);
	if (error)
		cli_fatal(0, "%s: %s", path, client_why(error));
	error = reply_read(reply, *ret_line);
	if (error)
		cli_fatal(0, "%s: the answer is not a JSON object", path);
}

static bool
ctl_is(const struct reply *reply, const char *key, enum jscan_type type)
{
	uint32_t i = reply_member(reply, REPLY_ROOT, key);

	return i != 0 && reply->tape.tokens[i].type == type;
}

static int
ctl_recorded(const struct ctl *ctl, const char *what, struct reply *reply, struct str line)
{
	struct str error = reply_text(reply, REPLY_ROOT, "error");
	struct str id = reply_text(reply, REPLY_ROOT, "audit_event_id");

	if (ctl->json) {
		cli_put_json(line);
	} else if (str_given(id)) {
		cli_put_safe(id);
		cli_puts("\n");
	}
	if (!str_given(error) && str_given(id))
		return CLI_YES;
	if (!str_given(error) && ctl_is(reply, "recorded", JSCAN_FALSE)) {
		log_warn("%s: policyd is configured not to record this", what);
		return CLI_YES;
	}
	log_error("%s: %.*s", what, STR_ARG(str_given(error) ? error : STR("not on record")));
	return CLI_ERROR;
}

int
ctl_record(const struct ctl *ctl, const char *what, const struct text *request)
{
	struct client client;
	struct reply reply = {0};
	struct str line;
	int code;

	if (!text_ok(request))
		cli_fatal(0, "%s: the request is longer than %d bytes", what, LIMIT_REQUEST_LINE);
	ctl_ask(&client, ctl_socket(ctl), ctl_timeout(ctl), CLIENT_REPLY, text_str(request), &reply,
	    &line);
	code = ctl_recorded(ctl, what, &reply, line);
	reply_free(&reply);
	client_close(&client);
	return code;
}
