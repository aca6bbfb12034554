/* SPDX-License-Identifier: Apache-2.0 */
/* A policy file: loaded, compiled, its tests run, linted. A NUL separates two files. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "tests/unit/policy_exercise.h"

#define NOON INT64_C(1795262400000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_report(const struct policy_report *r, const struct policy_texts *texts)
{
	if (r->n > POLICY_COMPLAINTS)
		abort();
	for (uint32_t i = 0; i < r->n; i++) {
		const struct policy_complaint *c = &r->complaint[i];

		if (!c->text[0] || strlen(c->file) >= sizeof(c->file))
			abort();
		if (c->file[0] && (c->line == 0 || c->column == 0))
			abort();
		if (c->line > texts->v[0].text.n + 2 &&
		    (texts->n < 2 || c->line > texts->v[1].text.n + 2))
			abort();
	}
}

static void
compile(const struct policy_texts *texts)
{
	static const struct policy_compile_options options = {.run_tests = true, .now = NOON};
	static struct policy_report report;
	struct policy_image view;
	const char *why;
	uint8_t *image;
	size_t n;
	int error = policy_compile(texts, &options, &image, &n, &report);

	check_report(&report, texts);
	if ((error == 0) != (report.n == 0) || (error != 0 && error != -EINVAL))
		abort();
	if (error < 0)
		return;
	if (policy_image_open(&view, image, n, &why) < 0)
		abort();
	(void)policy_exercise(&view);
	free(image);
	report = (struct policy_report){.n = 0};
	if (policy_lint(texts, NOON, &report) != 0)
		abort();
	check_report(&report, texts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size};
	const char *nul = size ? memchr(data, '\0', size) : NULL;
	struct str first = nul ? (struct str){all.p, (size_t)(nul - all.p)} : all;
	struct policy_text v[2] = {{"first", first}, {"second", str_skip(all, first.n + 1)}};
	struct policy_texts texts = {.v = v, .n = nul ? 2 : 1};

	compile(&texts);
	return 0;
}
