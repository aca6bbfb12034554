/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Records that a report lists one by one (incident.def): of each kind how many there are, and the first ones. */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auditlog/paper.h"
#include "common/clock.h"
#include "proto/recordline.h"
#include "proto/segname.h"

#define INCIDENT_KEPT 25
#define INCIDENT_TEXT 512 /* bytes of what is shown of a record */
#define INCIDENT_WHO 128

enum incident_kind {
#define INCIDENT(id, title, tone, action_type, member, value, shown, sum, unit) INCIDENT_##id,
#include "auditlog/incident.def"
	INCIDENTS,
};

struct incident_about {
	const char *name; /* "ORIGIN" */
	const char *title;
	enum paper_tone tone;
	const char *action_type, *member, *value, *shown;
	const char *sum, *unit;
};
const struct incident_about *incident_about(enum incident_kind k);

/* Where a record stands: which file, in the order of the log, and at which byte. */
struct incident_place {
	size_t source;
	const char *file;
	uint64_t at;
};

/* Texts may hold any bytes. */
struct incident {
	size_t source;
	uint64_t at, seq;
	char file[SEGNAME_SIZE];
	char time[RFC3339_SIZE];
	char who[INCIDENT_WHO];
	char text[INCIDENT_TEXT];
};

struct incident_list {
	uint64_t n, sum;
	size_t kept;
	struct incident v[INCIDENT_KEPT]; /* in the order of the log */
};

struct incidents {
	pthread_mutex_t lock;
	struct incident_list list[INCIDENTS];
};

void incidents_init(struct incidents *x);

/* Any thread, in any order. False: the record is of no kind. */
bool
incidents_take(struct incidents *x, const struct recordline *r, const struct incident_place *place);

/* All that search needs to find exactly those of this kind. */
void incident_search(struct text *t, enum incident_kind k);
