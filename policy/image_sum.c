/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sha256.h"
#include "policy/image.h"

#define SUMMED_FROM (offsetof(struct image_header, sha256) + IMAGE_SHA256)

static void
image_sum(const uint8_t *image, size_t size, uint8_t ret[IMAGE_SHA256])
{
	sha256_sum((struct str){(const char *)image + SUMMED_FROM, size - SUMMED_FROM}, ret);
}

int
image_seal(uint8_t *image, size_t size)
{
	image_sum(image, size, image + offsetof(struct image_header, sha256));
	return 0;
}

bool
image_sealed(const uint8_t *image, size_t size)
{
	uint8_t sum[IMAGE_SHA256];

	image_sum(image, size, sum);
	return memcmp(sum, image + offsetof(struct image_header, sha256), sizeof(sum)) == 0;
}
