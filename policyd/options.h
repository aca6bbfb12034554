/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* policyd's command line. */

#include <stdio.h>

#include "policyd/config.h"

enum options_wish {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

/*
 * Resolve all settings: defaults, then the configuration file (the one named with --config, which
 * must exist, else the default one if there is one), then the command line. 0 with *ret_wish;
 * -EINVAL or an errno of reading the file with *error filled in.
 */
int options_parse(int argc, char **argv, struct settings *s, enum options_wish *ret_wish,
    struct config_error *error);

/* The text of --help. 0 or -errno of writing it. */
int options_help(FILE *to);
