/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Settings from a configuration file's text. Included by test programs only. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policyd/config.h"

/* s as it is, with what the text sets; the text must be right. */
static inline void
take(struct settings *s, const char *text)
{
	struct config_error e = {""};

	if (config_text(s, "f.conf", str_from(text), &e) != 0)
		fail_msg("%s\n%s", text, e.text);
}
