/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where settings come from: defaults, then sealwright.conf (JSON with comments), then the command
 * line. All of it strict: an unknown key, a wrong type or a number out of range is an error with
 * its place; nothing is guessed. docs/man/sealwright.conf.5 is the specification.
 */

#include "common/str.h"
#include "policyd/settings.h"

#define CONFIG_BYTES (1u << 20) /* a longer configuration file is refused */

/* What is wrong: "FILE:LINE:COLUMN: text", "FILE: text" or "--option: text", without a newline. */
struct config_error {
	char text[1024];
};

/* Take in a text of this name. 0, or -EINVAL, -ENOMEM with the error filled in. */
int config_text(struct settings *s, const char *file, struct str text, struct config_error *error);

/* Take in a file. Also -errno of reading it (-ENOENT: there is none). */
int config_file(struct settings *s, const char *file, struct config_error *error);

/*
 * /etc/sealwright/sealwright.conf, or below XDG_CONFIG_HOME for a user's own service. -ENOENT when
 * that place cannot be known.
 */
int config_default_file(char buf[PATH_MAX]);

/* What settings must fulfil together, once all have been taken in. 0 or -EINVAL. */
int config_check(const struct settings *s, struct config_error *error);
