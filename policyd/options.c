/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/options.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define OPTION_NAME 64

/* One option as it stands on the command line. */
struct option_given {
	struct str name; /* without the dashes */
	struct str value;
	bool has_value; /* in the same word, after '=' */
};

struct line {
	int argc;
	char **argv;
	int at; /* next word */
};

static int __attribute__((format(printf, 2, 3)))
refuse(struct config_error *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

/* "--audit-dir" is the setting audit_dir. */
static const struct setting *
setting_of(struct str name)
{
	char key[OPTION_NAME];

	if (name.n >= sizeof(key))
		return NULL;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '_')
			return NULL;
		key[i] = name.p[i] == '-' ? '_' : name.p[i];
	}
	return settings_find((struct str){key, name.n}, false);
}

/* The next word must be an option. 1, 0 at the end, -EINVAL. */
static int
next_option(struct line *l, struct option_given *ret, struct config_error *error)
{
	const char *word, *equals;

	if (l->at >= l->argc)
		return 0;
	word = l->argv[l->at++];
	if (strcmp(word, "-h") == 0)
		word = "--help";
	if (strncmp(word, "--", 2) != 0 || word[2] == '\0')
		return refuse(error, "unexpected argument \"%.200s\"", word);
	equals = strchr(word, '=');
	*ret = (struct option_given){.name = str_from(word + 2)};
	if (!equals)
		return 1;
	ret->name.n = (size_t)(equals - word) - 2;
	ret->value = str_from(equals + 1);
	ret->has_value = true;
	return 1;
}

/* The value in the same word, or else the next word. */
static int
take_value(struct line *l, struct option_given *o, struct config_error *error)
{
	if (o->has_value)
		return 0;
	if (l->at >= l->argc)
		return refuse(error, "--%.*s: needs a value", STR_ARG(o->name));
	o->value = str_from(l->argv[l->at++]);
	return 0;
}

static int
take_flag(const struct option_given *o, enum options_wish wish, enum options_wish *ret_wish,
    struct config_error *error)
{
	if (o->has_value)
		return refuse(error, "--%.*s: takes no value", STR_ARG(o->name));
	*ret_wish = wish;
	return 0;
}

static int
apply(const struct setting *f, struct settings *s, const struct option_given *o,
    struct config_error *error)
{
	char buf[160];
	struct text why = text_over(buf, sizeof(buf));

	if (setting_set_argument(f, s, o->value, &why) == 0)
		return 0;
	return refuse(error, "--%.*s: %.*s", STR_ARG(o->name), STR_ARG(text_str(&why)));
}

/* What the whole command line says. */
struct pass {
	struct settings *s; /* comes to hold what options set */
	const char *config;
	enum options_wish wish;
};

static int
take_option(struct pass *p, struct line *l, struct option_given *o, struct config_error *error)
{
	const struct setting *f;

	if (str_eq(o->name, STR("help")))
		return take_flag(o, OPTIONS_HELP, &p->wish, error);
	if (str_eq(o->name, STR("version")))
		return take_flag(o, OPTIONS_VERSION, &p->wish, error);
	f = setting_of(o->name);
	if (!f && !str_eq(o->name, STR("config")))
		return refuse(error, "unknown option \"--%.*s\"",
		    (int)(o->name.n < 200 ? o->name.n : 200), o->name.p);
	if (take_value(l, o, error) < 0)
		return -EINVAL;
	if (f)
		return apply(f, p->s, o, error);
	p->config = o->value.p; /* the rest of a word of argv: ends with its NUL */
	return 0;
}

static int
pass_over(struct pass *p, int argc, char **argv, struct config_error *error)
{
	struct line l = {argc, argv, 1};
	struct option_given o = {0};
	int result;

	while ((result = next_option(&l, &o, error)) > 0) {
		result = take_option(p, &l, &o, error);
		if (result < 0)
			return result;
	}
	return result;
}

static int
read_config(const char *named, struct settings *s, struct config_error *error)
{
	char usual[PATH_MAX];
	int result;

	if (named)
		return config_file(s, named, error);
	if (config_default_file(usual) < 0)
		return 0;
	result = config_file(s, usual, error);
	return result == -ENOENT ? 0 : result;
}

int
options_parse(int argc, char **argv, struct settings *s, enum options_wish *ret_wish,
    struct config_error *error)
{
	struct pass first = {.s = s, .wish = OPTIONS_RUN}, second = {.s = s};
	/* Twice: for faults and --config at first, for good over what the file says. */
	int result = pass_over(&first, argc, argv, error);

	if (result < 0)
		return result;
	*ret_wish = first.wish;
	if (first.wish != OPTIONS_RUN)
		return 0;
	settings_defaults(s);
	result = read_config(first.config, s, error);
	if (result < 0)
		return result;
	result = pass_over(&second, argc, argv, error);
	return result < 0 ? result : config_check(s, error);
}

/* --- --help ----------------------------------------------------------------------------------- */

static void
help_line(FILE *to, const char *key, const char *argument, const char *text)
{
	char left[OPTION_NAME + 32];
	int n = snprintf(left, sizeof(left), "  --%s%s%s", key, argument[0] ? " " : "", argument);

	for (int i = 4; i < n && left[i] != ' '; i++)
		if (left[i] == '_')
			left[i] = '-';
	(void)fprintf(to, "%-30s %s\n", left, text);
}

int
options_help(FILE *to)
{
	size_t n;
	const struct setting *f = settings_table(&n);

	(void)fputs(
	    "Usage: policyd [OPTION]...\n"
	    "Answer policy questions on a socket, each one on record before it is answered.\n\n",
	    to);
	help_line(to, "config", "FILE", "configuration (sealwright.conf(5))");
	for (size_t i = 0; i < n; i++)
		if (!f[i].limit)
			help_line(to, f[i].key, f[i].argument, f[i].text);
	help_line(to, "help", "", "this text");
	help_line(to, "version", "", "the version");
	(void)fputs(
	    "\nThe command line beats the configuration file. Runs in the foreground; SIGTERM "
	    "ends\n"
	    "it, SIGHUP loads the policy anew.\n\n"
	    "Exit status: 0 ended as asked, 1 failed, 2 wrong command line or configuration,\n"
	    "3 the policy was refused.\n"
	    "policyd(8) has the details.\n",
	    to);
	if (fflush(to) != 0 || ferror(to))
		return errno ? -errno : -EIO;
	return 0;
}
