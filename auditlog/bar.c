/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/bar.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_MOST 40 /* characters of the bar itself */
#define BAR_LEAST 5 /* below that it is left out */
#define BAR_WIDEST 256

static pthread_mutex_t bar_lock = PTHREAD_MUTEX_INITIALIZER; /* of what stands on the terminal */
static size_t bar_columns;                                   /* of the terminal; 0: no bar */
static bool bar_shown;

void
bar_look(void)
{
	const char *term = getenv("TERM");
	struct winsize w;

	if (!term || !*term || strcmp(term, "dumb") == 0 ||
	    ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0)
		return;
	bar_columns = w.ws_col ? w.ws_col : 80; /* 0: it does not know itself */
}

bool
bar_possible(void)
{
	return bar_columns > 0;
}

/* The text: a row of the terminal at most, without its last column, as some wrap there. */
static size_t
bar_text(char buf[BAR_WIDEST], const char *what, unsigned percent)
{
	size_t room = bar_columns < BAR_WIDEST ? bar_columns : BAR_WIDEST;
	size_t others = strlen(what) + sizeof(" [] 100%"), width = 0, filled;
	char bar[BAR_MOST + 1];
	int n;

	if (others + BAR_LEAST <= room)
		width = room - others < BAR_MOST ? room - others : BAR_MOST;
	filled = width * percent / 100;
	memset(bar, '#', filled);
	memset(bar + filled, '.', width - filled);
	bar[width] = '\0';
	n = width > 0 ? snprintf(buf, BAR_WIDEST, "%s [%s] %3u%%", what, bar, percent)
		      : snprintf(buf, BAR_WIDEST, "%3u%%", percent);
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

/* One write: no message of another process gets into it. Nothing is lost when it fails. */
static void
bar_write(const char *text, size_t n)
{
	ssize_t written = write(STDERR_FILENO, text, n);

	(void)written;
}

void
bar_show(const char *what, uint64_t done, uint64_t total)
{
	unsigned percent = done < total ? (unsigned)((double)done * 100 / (double)total) : 100;
	char buf[1 + BAR_WIDEST] = "\r";
	size_t n = bar_columns > 0 ? bar_text(buf + 1, what, percent) : 0;

	if (n == 0)
		return;
	(void)pthread_mutex_lock(&bar_lock);
	bar_write(buf, 1 + n);
	bar_shown = true;
	(void)pthread_mutex_unlock(&bar_lock);
}

void
bar_hold(void)
{
	static const char wipe[] = "\r\033[K";

	(void)pthread_mutex_lock(&bar_lock);
	if (bar_shown)
		bar_write(wipe, sizeof(wipe) - 1);
	bar_shown = false;
}

void
bar_release(void)
{
	(void)pthread_mutex_unlock(&bar_lock);
}

void
bar_wipe(void)
{
	bar_hold();
	bar_release();
}
