/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/evp.h>

#include "policy/image.h"

#define SUMMED_FROM (offsetof(struct image_header, sha256) + IMAGE_SHA256)

static bool
image_sum(const uint8_t *image, size_t size, uint8_t ret[IMAGE_SHA256])
{
	unsigned n = 0;

	return EVP_Digest(image + SUMMED_FROM, size - SUMMED_FROM, ret, &n, EVP_sha256(), NULL) ==
		   1 &&
	       n == IMAGE_SHA256;
}

int
image_seal(uint8_t *image, size_t size)
{
	/* The one thing that this digest can want is memory. */
	return image_sum(image, size, image + offsetof(struct image_header, sha256)) ? 0 : -ENOMEM;
}

bool
image_sealed(const uint8_t *image, size_t size)
{
	uint8_t sum[IMAGE_SHA256];

	return image_sum(image, size, sum) &&
	       memcmp(sum, image + offsetof(struct image_header, sha256), sizeof(sum)) == 0;
}
