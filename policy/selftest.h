/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/document.h"

/*
 * Run a document's own tests against its image; each that fails is a complaint at its place. Tests
 * without a time of their own run at now (us since 1970). Counts report->tests.
 */
void selftest_run(const struct doc *doc, const struct policy_image *img, int64_t now);
