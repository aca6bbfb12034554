/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time. Microseconds since 1970 UTC without leap seconds (int64_t), or since boot. No function
 * here reads a file: the C library's own calendar functions open /etc/localtime, which a jail
 * forbids. Calendar arithmetic: H. Hinnant, "chrono-compatible low-level date algorithms".
 */

#include <stdint.h>

#include "common/str.h"

#define US_PER_S INT64_C(1000000)

/* CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME, in microseconds. Cannot fail. */
int64_t clock_real(void);
int64_t clock_monotonic(void);
int64_t clock_boottime(void);

/* "2026-11-21T03:46:57.123456Z" (27 bytes and a NUL); years 0000 to 9999, else clamped. */
#define RFC3339_SIZE 28
void clock_format(int64_t us, char out[RFC3339_SIZE]);

/* "20261121T034657Z" (16 bytes and a NUL), for file names. */
#define COMPACT_SIZE 17
void clock_format_compact(int64_t us, char out[COMPACT_SIZE]);

/*
 * RFC 3339 date-time with any offset, 0 to 9 fraction digits (cut to microseconds), to UTC
 * microseconds. A leap second (:60, only at the end of a UTC day) counts as :59. -EINVAL for
 * anything else.
 */
int clock_parse(struct str s, int64_t *ret_us);

/* Days since 1970-01-01 to civil date and back. */
void clock_civil(int64_t days, int *ret_year, int *ret_month, int *ret_day);
int64_t clock_days(int year, int month, int day);
/* 0 is Sunday. */
int clock_weekday(int64_t days);
