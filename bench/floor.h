/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bare-loop floor: one process formats, hashes, writes and (when asked) fdatasyncs the same
 * lines, batch by batch, with nothing between it and the file. What the service reaches is stated
 * as a share of it, both measured in one run.
 */

#include <stdbool.h>

#include "proto/record.h"

/* What the record of an ordinary denial of a network connection holds. */
struct record floor_record(void);

struct floor_result {
	double records_per_second;
	double bytes_per_record;
};

/*
 * Write for so many seconds to a new file in dir (removed again), `batch` records to each write.
 * 0 or a negative errno.
 */
int
floor_measure(const char *dir, unsigned batch, bool sync, double seconds, struct floor_result *ret);
