/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

#define LOG_LINE 1024

enum log_priority {
	LOG_PRIORITY_ERROR = 3, /* syslog's numbers, as systemd's "<N>" prefix wants them */
	LOG_PRIORITY_WARN = 4,
	LOG_PRIORITY_INFO = 6,
};

static const char *log_name = "sealwright";
static bool log_journal; /* stderr goes to journald: say the priority */

void
log_init(const char *name)
{
	log_name = name;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
}

/* One write: a line is whole or, on a broken stderr, absent. Nobody is left to tell. */
static void
log_line(enum log_priority priority, struct str message, int error)
{
	char buf[LOG_LINE];
	struct text t = text_over(buf, sizeof(buf) - 1);
	ssize_t written;

	if (log_journal) {
		text_char(&t, '<');
		text_u64(&t, (uint64_t)priority);
		text_char(&t, '>');
	}
	text_put(&t, str_from(log_name));
	text_put(&t, STR(": "));
	text_safe(&t, message);
	if (error) {
		text_put(&t, STR(": "));
		text_put(&t, str_from(strerrordesc_np(error < 0 ? -error : error)));
	}
	buf[t.n] = '\n';
	written = write(STDERR_FILENO, buf, t.n + 1);
	(void)written;
}

static void __attribute__((format(printf, 3, 0)))
log_format(enum log_priority priority, int error, const char *fmt, va_list args)
{
	char message[LOG_LINE - 128];
	int saved = errno;
	int n = vsnprintf(message, sizeof(message), fmt, args);
	size_t used = n < 0 ? 0 : (size_t)n;

	if (used >= sizeof(message))
		used = sizeof(message) - 1;
	log_line(priority, (struct str){message, used}, error);
	errno = saved;
}

void
log_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_format(LOG_PRIORITY_INFO, 0, fmt, args);
	va_end(args);
}

void
log_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_format(LOG_PRIORITY_WARN, 0, fmt, args);
	va_end(args);
}

void
log_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_format(LOG_PRIORITY_ERROR, 0, fmt, args);
	va_end(args);
}

void
fatal(int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_format(LOG_PRIORITY_ERROR, error, fmt, args);
	va_end(args);
	_exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_format(LOG_PRIORITY_ERROR, 0, fmt, args);
	va_end(args);
	_exit(1);
}
