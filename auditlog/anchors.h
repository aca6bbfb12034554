/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Anchors: what others say of a log, kept in a directory off its host (docs/ANCHORS.md). Each is a
 * checkpoint, and either a timestamp of its text (NAME.tsr, with NAME.checkpoint beside it) or a
 * note of it that a witness has signed (NAME.note). Files of other names are left alone.
 *
 * Files are read first, with the caller's rights; all that is in them is looked at later, in the
 * jail.
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditlog/checkpoint.h"
#include "auditlog/fault.h"
#include "auditlog/sealchain.h"
#include "auditlog/timestamp.h"
#include "common/cli.h"

#define ANCHORS_FILES 4096        /* of a directory at most */
#define ANCHORS_BYTES (64u << 20) /* of all of them at most */
#define ANCHOR_NAME 256
#define ANCHOR_WHY FAULT_TEXT

enum anchor_kind {
	ANCHOR_TIMESTAMP,
	ANCHOR_COSIGNATURE,
};

enum anchor_status {
	ANCHOR_GOOD,     /* of this log, by somebody whom the caller trusts */
	ANCHOR_UNJUDGED, /* whose it is, or whether it fits, cannot be said */
	ANCHOR_DAMAGED,  /* not what an anchor must be: no evidence of anything */
	ANCHOR_BROKEN,   /* of a log that this one is not, or is no longer */
};

/* Bytes of a file; p is the anchor's, to be freed. */
struct anchor_bytes {
	char *p;
	size_t n;
};

struct anchor {
	char name[ANCHOR_NAME]; /* of the .tsr or .note */
	enum anchor_kind kind;
	struct anchor_bytes file, checkpoint_file; /* the latter of a timestamp only */
	/* Filled in by anchor_judge(), anchors_judge(). */
	enum anchor_status status;
	char why[ANCHOR_WHY]; /* it is not good; may hold data of the files */
	bool known;           /* checkpoint is filled in */
	struct checkpoint checkpoint;
	bool timed;   /* time is */
	int64_t time; /* us since 1970; not proven unless the anchor is good */
};

/* Whom the caller trusts. All zero: nobody. */
struct anchor_trust {
	struct timestamp_ca *ca;
	struct note_key witnesses[CLI_LIST];
	size_t n_witnesses;
	/* Read and not parsed yet. */
	const char *ca_path;
	char *ca_pem;
	size_t n_pem;
	const struct cli_list *paths;
	char texts[CLI_LIST][NOTE_VKEY + 2];
	size_t n_texts[CLI_LIST];
};

/* Before the jail: the files of --tsa-ca (may be NULL) and --witness. Ends the program on failure. */
void anchor_trust_read(struct anchor_trust *t, const char *ca, const struct cli_list *witnesses);
/* In the jail. Ends the program when one is not what it must be. */
void anchor_trust_parse(struct anchor_trust *t, struct hash *h);
void anchor_trust_free(struct anchor_trust *t);

struct anchors {
	struct anchor *v;
	size_t n, cap;
	size_t bytes;
};

/* Before the jail. Ends the program when the directory or a file cannot be read, or at a limit. */
void anchors_read(struct anchors *a, const char *path);
void anchors_free(struct anchors *a);

/*
 * What an anchor is by itself: never ANCHOR_BROKEN. Its file and checkpoint_file are given, the rest
 * is filled in.
 */
void anchor_judge(struct anchor *a, struct anchor_trust *trust, struct hash *h);

/*
 * All of them, by themselves and against a log. When the log has a fault, what was anchored behind it
 * is unjudged. ret_fault is set for the first that is ANCHOR_BROKEN (file: the anchor's), and stays
 * otherwise. -ENOMEM.
 */
int anchors_judge(struct anchors *a, struct anchor_trust *trust, const struct sealchain *c,
    struct hash *h, struct fault *ret_fault);

/* How many are of this status. */
size_t anchors_count(const struct anchors *a, enum anchor_status status);
/*
 * The good one that reaches furthest; of several that do, the one with the earliest time. NULL: there
 * is none.
 */
const struct anchor *anchors_newest(const struct anchors *a);

/* "good", "unjudged", "damaged", "broken"; "timestamp", "cosignature". */
const char *anchor_status_name(enum anchor_status s);
const char *anchor_kind_name(enum anchor_kind k);

/* Append them all as a JSON array; it has at most anchors_json_size() bytes. */
void anchors_json(struct text *t, const struct anchors *a);
size_t anchors_json_size(const struct anchors *a);
