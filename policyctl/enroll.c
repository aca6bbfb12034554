/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl enroll: the log's first verifier key, for whoever is to check the log, as text and QR. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "policyctl/ctl.h"
#include "policyctl/qr.h"
#include "proto/note.h"

#define ENROLL_FILE "origin.vkey"
#define ENROLL_SYSTEM "/var/log/sealwright/audit"

struct enroll {
	char path[PATH_MAX];
	char text[NOTE_VKEY + 1]; /* with its newline, if it has one */
	struct str vkey;          /* without */
	struct note_key key;
};

/* The directory of the system's service, for users their own if there is one. */
static const char *
enroll_default(char buf[PATH_MAX])
{
	if (geteuid() != 0 && ctl_state_path(buf, PATH_MAX, "audit") && access(buf, F_OK) == 0)
		return buf;
	return ENROLL_SYSTEM;
}

/* In a directory it is the file of the usual name. */
static void
enroll_place(struct enroll *e, const char *path)
{
	struct stat st;
	bool directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	int n = snprintf(e->path, sizeof(e->path), "%s%s", path, directory ? "/" ENROLL_FILE : "");

	if (n < 0 || (size_t)n >= sizeof(e->path))
		cli_fatal(ENAMETOOLONG, "enroll: %s", path);
}

/* Whole: at most size bytes. Negative errno; -EINVAL: more than that, or no regular file. */
static ssize_t
enroll_read(const char *path, char *buf, size_t size)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)size)
		return -EINVAL;
	n = read(fd, buf, size);
	return n < 0 ? -errno : n;
}

static void
enroll_load(struct enroll *e, const char *path)
{
	struct hash *h = hash_init() == 0 ? hash_new() : NULL;
	ssize_t n;

	if (!h)
		cli_fatal(0, "enroll: no SHA-256");
	enroll_place(e, path);
	n = enroll_read(e->path, e->text, sizeof(e->text));
	if (n == -ENOENT)
		cli_fatal(0, "enroll: %s: there is none; it is made when the service first starts",
		    e->path);
	if (n < 0 && n != -EINVAL)
		cli_fatal((int)-n, "enroll: %s", e->path);
	e->vkey = (struct str){e->text, n < 0 ? 0 : (size_t)n};
	if (str_ends(e->vkey, STR("\n")))
		e->vkey.n--;
	if (note_key_get(e->vkey, h, &e->key) < 0 || e->key.algorithm != NOTE_ED25519)
		cli_fatal(0, "enroll: %s: not a verifier key", e->path);
	hash_free(h);
}

static void
enroll_json(const struct enroll *e)
{
	char buf[2 * (6 * NOTE_VKEY + 32)];
	struct text t = text_over(buf, sizeof(buf));

	text_put(&t, STR("{\"origin\":"));
	text_json(&t, e->key.name);
	text_put(&t, STR(",\"key\":"));
	text_json(&t, e->vkey);
	text_put(&t, STR("}"));
	cli_put_json(text_str(&t));
}

static void
enroll_show(const struct enroll *e, bool qr)
{
	struct cli_table t;
	int error;

	cli_table_init(&t, 2, false);
	cli_table_cell(&t, STR("origin"));
	cli_table_cell(&t, e->key.name);
	cli_table_cell(&t, STR("key"));
	cli_table_cell(&t, e->vkey);
	cli_table_print(&t);
	cli_puts("\n");
	error = qr ? qr_print(e->vkey, cli_colours()) : 0;
	if (error)
		cli_fatal(error, "enroll: no QR code");
	cli_puts(qr ? "\n" : "");
	cli_puts(
	    "Keep the key, the whole line behind \"key\", in a file where this host cannot write. "
	    "It\n"
	    "holds for the life of this log. Whoever checks the log gives that file:\n"
	    "    auditlog verify --key FILE DIR\n"
	    "A key that was found beside the log only shows that the log agrees with itself.\n");
}

int
cmd_enroll(struct ctl *ctl, int argc, char **argv)
{
	bool qr = false, no_qr = false;
	const struct cli_option options[] = {
	    CTL_OPTION_JSON(ctl),
	    {.name = "qr", .help = "print the QR code although this is no terminal", .flag = &qr},
	    {.name = "no-qr", .help = "print no QR code", .flag = &no_qr},
	};
	const struct cli_command command = {
	    .name = "enroll",
	    .operands = "[DIR|VKEYFILE]",
	    .about =
		"Show the key that the audit log is checked with, to be kept off this host: as\n"
		"text and, on a terminal, as a QR code of the same text. It is read from the\n"
		"audit directory.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .most = 1,
	    .exits = "0 done, 2 error",
	};
	static struct enroll e;
	char buf[PATH_MAX];
	const char *path = NULL;

	(void)cli_parse(&command, argc, argv, &path);
	if (qr && (no_qr || ctl->json))
		cli_wrong(&command, "--qr does not go with --no-qr and --json");
	enroll_load(&e, path ? path : enroll_default(buf));
	if (ctl->json)
		enroll_json(&e);
	else
		enroll_show(&e, qr || (!no_qr && isatty(STDOUT_FILENO)));
	return CLI_YES;
}
