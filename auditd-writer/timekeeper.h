/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The time of records. It never runs back, except at a clock step, which gets a record of its own:
 * when the clock reads earlier than the last record's time, or when it moved by more than a second
 * against the time since boot (which goes on during suspend and which nobody can set).
 */

#include <stdbool.h>
#include <stdint.h>

struct timekeeper {
	int64_t last;   /* time of the newest record; INT64_MIN: there is none */
	int64_t high;   /* the latest since a step back by more than a second */
	int64_t offset; /* of the clock against the time since boot */
	bool running;   /* offset is known */
};

struct clock_step {
	int64_t expected; /* what the clock would read without the step */
	int64_t now;
	int64_t boottime; /* us since boot */
	bool back;        /* more than a second earlier than records since the last such step */
};

/* last: of the newest record that exists, INT64_MIN for none. */
void timekeeper_init(struct timekeeper *t, int64_t last);

/* The two clocks, read at the same moment. */
void timekeeper_read(int64_t *ret_real, int64_t *ret_boottime);

/* Take a reading of both clocks: the time for records from now on is t->last. True: it stepped. */
bool
timekeeper_take(struct timekeeper *t, int64_t real, int64_t boottime, struct clock_step *ret_step);
