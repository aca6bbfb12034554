/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemons' own log: one line per event on stderr (journald takes it from there), written with
 * one write(2), at most 1,024 bytes, control bytes and invalid UTF-8 shown as \xHH. Never pass
 * secrets. Library code does not log: it returns a negative errno, and main-level code says what
 * happened.
 *
 * fatal() is for a world that does not let us go on (an errno belongs to it), fatalx() for a broken
 * rule of our own or a wrong configuration. Both end the process by _exit(1) after the line.
 * errno is the same after log_* as before.
 */

#include <stdarg.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* name is kept, not copied: "policyd", "auditd-writer". Under systemd lines start with <N>. */
void log_init(const char *name);

void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* error is a negative or positive errno; its text is appended after ": ". */
_Noreturn void fatal(int error, const char *fmt, ...) PRINTF_LIKE(2, 3);
_Noreturn void fatalx(const char *fmt, ...) PRINTF_LIKE(1, 2);
