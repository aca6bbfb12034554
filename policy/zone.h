/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Named time zones (inside of the load half, except for struct zone_shift, of which images are made).
 * What the system's time zone database says about a zone becomes a list of shifts; evaluation needs
 * nothing else.
 */

#include <fcntl.h>
#include <stdint.h>

#include "common/str.h"
#include "policy/store.h"

#define ZONE_NAME_MAX 64         /* bytes */
#define ZONE_FILE_MAX (64 << 10) /* bytes of a file of the database; the largest has 4 KiB */
#define ZONE_TIMES_MAX 2000      /* shifts in such a file */
#define ZONE_SHIFTS_MAX 4096     /* of one zone, its rule written out */
#define ZONE_MAX 1024            /* zones of one policy */
#define ZONE_DIRECTORY "/usr/share/zoneinfo"
#define ZONE_OPEN (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) /* how its files are opened */
#define ZONE_LAST_YEAR 2100         /* rules are written out to its end; then no shift follows */
#define ZONE_OFFSET_MAX (26 * 3600) /* seconds, east or west */

/* From this second since 1970 on (the first: from ever) clocks are so many seconds ahead of UTC. */
struct zone_shift {
	int64_t from;
	int32_t offset;
	uint32_t zero;
};

/* A name may be looked up: Area/City of letters, digits, '_', '+', '-', without dots, upper case first. */
bool zone_name_ok(struct str name);

/*
 * Add the shifts of a zone to a vector of struct zone_shift, the first from INT64_MIN, each later
 * than the one before and with another offset. file: all bytes of a TZif file (RFC 9636) of version
 * 2 to 4 without leap seconds. -EINVAL with *ret_why (static); -ENOMEM.
 */
int zone_parse(struct str file, struct vec *shifts, const char **ret_why);

/* What follows the last shift of a file: offsets in seconds east of UTC, and two days of each year. */
struct zone_rule_day {
	char kind; /* 'J': 1 to 365, never 29 February; 'n': 0 to 365; 'M': month, week, weekday */
	int day, month, week;
	int32_t time; /* seconds after midnight, by the clock that it ends */
};

struct zone_rule {
	bool dst;
	int32_t offset, dst_offset;
	struct zone_rule_day begins, ends; /* dst */
};

/* A POSIX TZ string with the hours of RFC 9636 (-167 to 167). -EINVAL. */
int zone_rule_parse(struct str s, struct zone_rule *ret);
/* Seconds since 1970 at which daylight saving time begins (ends) in a year. */
int64_t zone_rule_begins(const struct zone_rule *r, int year);
int64_t zone_rule_ends(const struct zone_rule *r, int year);
