/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which application events go on record, and with what details. Pure. */

#include <stdbool.h>

#include "common/jscan.h"
#include "policyd/evaluator/request.h"
#include "policyd/settings.h"
#include "proto/wire.h"

/* Before the key of a client's member that has the name of configured metadata. */
#define EVENT_RENAMED "client."

/* "task.*" excludes every event below task., not task itself. */
bool event_is_excluded(const struct settings *s, struct str event);
bool event_wanted(const struct settings *s, const struct request *rq);

/* details (0: none given) and the metadata as one object. The cursor fails when it does not fit. */
void event_put_details(struct wire_out *out, const struct settings *s,
    const struct jscan_tape *tape, uint32_t details);
