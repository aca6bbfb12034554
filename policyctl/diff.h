/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Two policies side by side. */

#include "policyctl/ctl.h"
#include "policyctl/recorded.h"

struct diff {
	const struct ctl *ctl;
	const char *path[2]; /* old, new */
	struct policy_texts texts[2];
	struct policy_image image[2];
	int64_t now; /* all is evaluated as if asked at this moment */
};

/* Rules that were added, removed or changed; how many (diff_rules.c). */
uint64_t diff_rules(const struct diff *d);
