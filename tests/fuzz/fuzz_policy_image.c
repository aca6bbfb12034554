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
#include "tests/unit/policy_exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t magic = IMAGE_MAGIC, version = IMAGE_VERSION;
	uint64_t told = size;
	uint8_t *image = malloc(size ? size : 1); /* of its own, so that a sanitizer sees its end */
	struct policy_image view;
	const char *why = NULL;

	if (!image)
		abort();
	if (size > 0)
		memcpy(image, data, size);
	if (size >= sizeof(struct image_header)) {
		memcpy(image + offsetof(struct image_header, magic), &magic, sizeof(magic));
		memcpy(image + offsetof(struct image_header, version), &version, sizeof(version));
		memcpy(image + offsetof(struct image_header, size), &told, sizeof(told));
		if (image_seal(image, size) < 0)
			abort();
	}
	if (policy_image_open(&view, image, size, &why) == 0)
		(void)policy_exercise(&view);
	else if (!why)
		abort();
	free(image);
	return 0;
}
