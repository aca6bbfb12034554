/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Many trials side by side, each in a process of its own, which a failing assertion ends; what that
 * one said is shown then, with the trial's name. SEALWRIGHT_JOBS: how many at once. SEALWRIGHT_FIRST:
 * the first failure is the end; SEALWRIGHT_MINUTES: none begins after so many.
 */

#include <stdbool.h>
#include <stddef.h>

struct drive {
	void (*prepare)(void); /* in each of the processes that take trials, once */
	void (*put_away)(void);
	void (*run)(size_t i);
	bool (*counts)(void); /* behind a trial: whether it came to its point; NULL: each does */
	void (*name)(size_t i, char out[128]);
};

struct drive_result {
	size_t done, counted, failed;
	bool all; /* that were asked for, or as many as there was time for */
};

struct drive_result drive_all(const struct drive *d, size_t n);
/* One alone: 0 when it went well. */
int drive_apart(void (*run)(size_t i), size_t i);

/* A number from the environment. */
unsigned long drive_number(const char *name, unsigned long usual);
/* SEALWRIGHT_SEED, or a new one: told, and random() begins with it. */
void drive_seed(void);
/* Of n, how many are wanted: SEALWRIGHT_FAULTS, "all" or a number. */
size_t drive_wanted(size_t n, size_t usual);
/* Memory that processes forked later share. */
void *drive_share(size_t size);
/* The only line of a test program's TAP: its exit status. */
int drive_tell(const char *name, bool good);
/* True, and told: a sanitizer wants to be loaded before anything that is preloaded. */
bool drive_skips(const char *name);
