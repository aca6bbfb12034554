/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a change of policyctl's rules has come to, for people and as JSON. */

#include "policyctl/edit.h"

/* before and after: the whole text of policyctl's file, for --dry-run. */
void edit_show(const struct edit *e, bool changed, struct str before, struct str after);
