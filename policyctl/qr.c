/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/qr.h"

#include <errno.h>
#include <qrencode.h>

#include "common/cli.h"

#define QR_QUIET 4    /* modules around the code (ISO/IEC 18004) */
#define QR_BYTES 2331 /* of the largest code with this correction */

#define QR_COLOUR "\033[97;40m"
#define QR_PLAIN "\033[0m"

/* Whether the module is light. Outside of the code all are. */
static bool
qr_light(const QRcode *code, int x, int y)
{
	bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;

	return !inside || !(code->data[y * code->width + x] & 1);
}

static void
qr_line(const QRcode *code, int y, bool colours)
{
	/* By upper module, then lower one. */
	static const char *const blocks[2][2] = {{" ", "\u2584"}, {"\u2580", "\u2588"}};

	if (colours)
		cli_puts(QR_COLOUR);
	for (int x = -QR_QUIET; x < code->width + QR_QUIET; x++)
		cli_puts(blocks[qr_light(code, x, y)][qr_light(code, x, y + 1)]);
	cli_puts(colours ? QR_PLAIN "\n" : "\n");
}

int
qr_print(struct str data, bool colours)
{
	QRcode *code;

	if (data.n > QR_BYTES)
		return -ERANGE;
	code = QRcode_encodeData((int)data.n, (const unsigned char *)data.p,
	    0 /* as small as it can be */, QR_ECLEVEL_M);
	if (!code)
		return errno == ERANGE ? -ERANGE : -ENOMEM;
	for (int y = -QR_QUIET; y < code->width + QR_QUIET; y += 2)
		qr_line(code, y, colours);
	QRcode_free(code);
	return 0;
}
