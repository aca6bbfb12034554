/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile image: opened or not, nothing outside of it is read, and every question about it comes to an
 * end. Magic number, version, size and checksum are made right, since a fuzzer would not find them.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/image.h"
#include "policy/image_check.h"
#include "tests/unit/policy_exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces whose budget is the last byte. */
static int
open_in_pieces(struct policy_image *view, const uint8_t *image, size_t size, const char **ret_why)
{
	struct policy_image_check c;
	size_t budget = size > 0 ? image[size - 1] : 0;
	int state = policy_image_check_begin(&c, image, size, ret_why);

	while (state == 0)
		state = policy_image_check_step(&c, budget, view, ret_why);
	return state < 0 ? state : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t magic = IMAGE_MAGIC, version = IMAGE_VERSION;
	uint64_t told = size;
	uint8_t *image = calloc(
	    1, size ? size : 1); /* of its own, so that a sanitizer sees its end */
	struct policy_image view, piecewise;
	const char *why = NULL, *why_piecewise = NULL;
	int error;

	if (!image)
		abort();
	if (size > 0)
		memcpy(image, data, size);
	if (size >= sizeof(struct image_header)) {
		memcpy(image + offsetof(struct image_header, magic), &magic, sizeof(magic));
		memcpy(image + offsetof(struct image_header, version), &version, sizeof(version));
		memcpy(image + offsetof(struct image_header, size), &told, sizeof(told));
		image_seal(image, size);
	}
	error = policy_image_open(&view, image, size, &why);
	if (open_in_pieces(&piecewise, image, size, &why_piecewise) != error ||
	    why_piecewise != why || (error == 0) != (why == NULL))
		abort();
	if (error == 0)
		(void)policy_exercise(&piecewise);
	free(image);
	return 0;
}
