/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A QR code on stdout, two rows of modules a line as half blocks, with the quiet zone that readers
 * want. A light module is a filled block, so it reads right on a dark terminal; with colours it reads
 * right on any.
 *
 * data is taken as bytes, not empty. Negative errno when there is none: -ERANGE, too long for a code;
 * -ENOMEM. Then nothing is printed.
 */

#include <stdbool.h>

#include "common/str.h"

int qr_print(struct str data, bool colours);
