/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sha256.h"
#include "policy/image.h"

void
image_seal(uint8_t *image, size_t size)
{
	sha256_sum((struct str){(const char *)image + IMAGE_SUMMED_FROM, size - IMAGE_SUMMED_FROM},
	    image + offsetof(struct image_header, sha256));
}
