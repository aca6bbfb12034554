/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "common/cleanup.h"
#include "common/sha256.h"
#include "policy/accounts.h"
#include "policy/document.h"
#include "policy/image.h"
#include "policy/selftest.h"

#define REVISION_HASH ((size_t)8) /* bytes of the hash in a revision that we make */

static void
hash_texts(const struct policy_texts *texts, uint8_t ret[SHA256_SIZE])
{
	struct sha256 sum;

	sha256_begin(&sum);
	for (size_t i = 0; i < texts->n; i++)
		sha256_add(&sum, texts->v[i].text);
	sha256_end(&sum, ret);
}

/* Every record names the revision that decided: without one in the documents, their hash. */
static int
name_revision(struct doc *doc)
{
	char buf[sizeof("sha256:") + 2 * REVISION_HASH];
	struct text t = text_over(buf, sizeof(buf));
	uint8_t hash[SHA256_SIZE];

	if (str_given(doc->revision))
		return 0;
	hash_texts(doc->texts, hash);
	text_put(&t, STR("sha256:"));
	text_hex(&t, hash, REVISION_HASH);
	doc->revision = arena_str(&doc->arena, text_str(&t));
	return str_given(doc->revision) ? 0 : -ENOMEM;
}

static int
build_image(const struct doc *doc, const struct policy_compile_options *options,
    uint8_t **ret_image, size_t *ret_size)
{
	struct accounts read = {.arena = {NULL}};
	const struct accounts *accounts = options->known ? options->known : &read;
	int error = options->accounts && !options->known ? accounts_read_etc(&read) : 0;

	if (error < 0 && error != -ENOMEM)
		report_add(doc->report, doc->texts, PLACE_NOWHERE, "/etc/passwd or /etc/group: %s",
		    strerrordesc_np(-error));
	if (error == 0)
		error = image_build(doc, options->accounts ? accounts : NULL, ret_image, ret_size);
	if (error == -EFBIG)
		report_add(
		    doc->report, doc->texts, PLACE_NOWHERE, "the compiled policy is over 2 GiB");
	if (error == -EOVERFLOW)
		report_add(doc->report, doc->texts, PLACE_NOWHERE,
		    "too many names of the policy have one hash");
	accounts_free(&read);
	return error == 0 || error == -ENOMEM ? error : -EINVAL;
}

/* What was just made is opened like any other: what evaluators would refuse is refused here. */
static int
try_image(const struct doc *doc, const struct policy_compile_options *options, const uint8_t *image,
    size_t size)
{
	struct policy_image view;
	const char *why;

	if (policy_image_open(&view, image, size, &why) < 0) {
		report_add(doc->report, doc->texts, PLACE_NOWHERE, "%s", why);
		return -EINVAL;
	}
	if (options->run_tests)
		selftest_run(doc, &view, options->now);
	return doc->report->n > 0 ? -EINVAL : 0;
}

static int
compile(struct doc *doc, const struct policy_compile_options *options, uint8_t **ret_image,
    size_t *ret_size)
{
	CLEANUP_FREE uint8_t *image = NULL;
	size_t size;
	int error;

	if (doc->report->n > 0)
		return -EINVAL;
	error = name_revision(doc);
	if (error == 0)
		error = build_image(doc, options, &image, &size);
	if (error == 0)
		error = try_image(doc, options, image, size);
	if (error < 0)
		return error;
	*ret_image = take_ptr(&image);
	*ret_size = size;
	return 0;
}

int
policy_compile(const struct policy_texts *texts, const struct policy_compile_options *options,
    uint8_t **ret_image, size_t *ret_size, struct policy_report *report)
{
	struct doc doc;
	int error;

	*report = (struct policy_report){.n = 0};
	error = doc_load(&doc, texts, report);
	if (error == 0)
		error = compile(&doc, options, ret_image, ret_size);
	doc_free(&doc);
	return error;
}
