/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A key directory for a fixture's log, and segments of it sealed by the writer's own sealer. */

#include "auditd-writer/identity.h"
#include "auditd-writer/sealer.h"
#include "tests/unit/log_fixture.h"

struct seal_fixture {
	struct fixture *log;
	char top[64]; /* the key directory */
	struct dir dir;
	uint64_t log_id;
	struct hash *sum;
	struct identity identity;
	struct keyfile file;
	struct sealer sealer; /* while open */
};

/* With the first key state of a log of this id. */
void seal_fixture_init(struct seal_fixture *s, struct fixture *log, uint64_t log_id);
void seal_fixture_deinit(struct seal_fixture *s);
/* A new log: another key state in place of this one. */
void seal_fixture_renew(struct seal_fixture *s);

/* Read the key state: file and sealer are ready. Error of keyfile_open(); what was pending is not published. */
int seal_fixture_open(struct seal_fixture *s);
void seal_fixture_close(struct seal_fixture *s);
/* The committed state, as it is on disk. */
void seal_fixture_state(struct seal_fixture *s, struct keystate *ret);

/* What lines first to last of the log come to. */
struct tally_total seal_fixture_total(const struct seal_fixture *s, unsigned first, unsigned last);
/* A closed segment with its seal; in the order of the log. */
void seal_fixture_put(struct seal_fixture *s, const char *base, unsigned first, unsigned last);

/*
 * Every closed segment of the log, in the order of seals, has a good seal from the first key on, each
 * continuing the one before, for exactly its bytes. Returns how many.
 */
unsigned seal_fixture_expect(struct seal_fixture *s);
