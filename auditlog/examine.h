/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The examination of a whole log, as `auditlog verify` and `auditlog report` make it: their options for
 * what the caller brings (key, pins, age, anchors), reading that before the jail, and the judgement.
 * In this order: examine_options(), cli_parse(), examine_choose(), examine_read(), the jail,
 * examine_log(), examine_free(). All zero at first.
 */

#include "auditlog/verdict.h"

#define EXAMINE_OPTIONS 6

struct examine {
	const char *key, *max_age;
	const char *anchors_path, *tsa_ca;
	struct cli_list pins, witnesses;
	struct trust trust;
	struct anchors anchors;
	struct anchor_trust anchor_trust;
	struct judge_order order; /* its span is the caller's to set */
	struct sealchain chain;
	struct judgement judgement; /* its fault is no FAULT_IO */
};

/* Room for EXAMINE_OPTIONS. Returns how many. */
size_t examine_options(struct examine *e, struct cli_option *options);

/* Ends the program when something given cannot be. now: us since 1970. */
void examine_choose(struct examine *e, const struct cli_command *command, int64_t now);

/* All files that are named, while the caller's rights are there; nothing is parsed. Ends the program on failure. */
void examine_read(struct examine *e);

/*
 * In the jail. dir is listed anew and must outlive e; path is what messages call it. Ends the program when the log
 * cannot be read.
 */
void examine_log(struct examine *e, struct logdir *dir, const char *path);

void examine_free(struct examine *e);

/* What verdict.h shows of it. */
struct verdict_report examine_report(const struct examine *e);
