/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/limits.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int
image_check_fd(int fd, size_t *ret_size, const char **ret_why)
{
	int seals = fcntl(fd, F_GET_SEALS);
	off_t size;

	*ret_why = "not a sealed memory file";
	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EPERM;
	size = lseek(
	    fd, 0, SEEK_END); /* stat calls could look at any path: they are not in the jail */
	if (size < 0)
		return -errno;
	*ret_why = "policy image of an impossible size";
	if (size == 0 || (uintmax_t)size > SIZE_MAX / 2)
		return -EINVAL;
	*ret_size = (size_t)size;
	return 0;
}

static int
image_map_fd(struct image *image, int fd, const char **ret_why)
{
	int error = image_check_fd(fd, &image->size, ret_why);

	if (error < 0)
		return error;
	image->base = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image->base == MAP_FAILED) {
		image->base = NULL;
		*ret_why = "cannot map the policy image";
		return -errno;
	}
	return 0;
}

int
image_map(struct image **ret, int fd, const char **ret_why)
{
	struct image *image = calloc(1, sizeof(*image));
	int error;

	*ret_why = "no memory";
	if (!image)
		return -ENOMEM;
	image->refs = 1;
	error = image_map_fd(image, fd, ret_why);
	if (error < 0)
		image_unref(image);
	else
		*ret = image;
	return error;
}

void
image_checked(struct image *image)
{
	image->revision = policy_image_revision(&image->view);
	image->org_id = policy_image_org_id(&image->view);
	image->org_name = policy_image_org_name(&image->view);
}

int
image_open(struct image **ret, int fd, const char **ret_why)
{
	struct image *image;
	int error = image_map(&image, fd, ret_why);

	if (error < 0)
		return error;
	error = policy_image_open(&image->view, image->base, image->size, ret_why);
	if (error < 0) {
		image_unref(image);
		return error;
	}
	image_checked(image);
	*ret = image;
	return 0;
}

struct image *
image_ref(struct image *image)
{
	image->refs++;
	return image;
}

bool
image_unmap(struct image *image, size_t bytes)
{
	size_t n = bytes < image->size ? bytes : image->size;

	if (image->base) {
		(void)munmap(image->base, n);
		image->base = (uint8_t *)image->base + n;
		image->size -= n;
	}
	if (image->base && image->size > 0)
		return false;
	free(image);
	return true;
}

void
image_unref(struct image *image)
{
	if (image && --image->refs == 0)
		(void)image_unmap(image, SIZE_MAX);
}
