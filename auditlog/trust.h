/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the caller brings to judge a log by: the pinned verifier key of seal 0, and seals pinned by
 * their hashes. Without a key, the one found beside the log, which proves nothing against whoever
 * can write there.
 */

#include <stdbool.h>

#include "auditlog/sealchain.h"
#include "common/cli.h"

struct trust_pin {
	uint64_t index;
	uint8_t hash[HASH_SIZE];
};

struct trust {
	bool pinned;              /* key is the caller's, not the log's */
	bool known;               /* there is a key at all */
	struct note_key key;      /* name points into text */
	char text[NOTE_VKEY + 2]; /* as it was read; may end with a newline */
	size_t n_text;
	struct trust_pin pins[CLI_LIST];
	size_t n_pins;
};

/*
 * Read the file that --key names; before the jail, and nothing is parsed yet. NULL: none was given.
 * Ends the program when it cannot be read.
 */
void trust_read(struct trust *t, const char *path);

/* INDEX:HASH of --pin; ends the program when one is not. */
void trust_pins(struct trust *t, const struct cli_command *command, const struct cli_list *list);

/* Parse the pinned key, after the jail; ends the program when it is none. */
void trust_parse(struct trust *t, const char *path, struct hash *h);

/*
 * Judge a chain just loaded: origin.vkey beside it, the key of seal 0 (when seal 0 is missing at the
 * front: only the origin), every pin. What does not hold becomes the chain's fault, and the chain
 * ends before it. Takes the key beside the log when none is pinned.
 */
void trust_judge(struct trust *t, struct sealchain *c, struct hash *h);
