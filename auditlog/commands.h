/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The commands of auditlog, one file for each. argv[0] is the command's name. They return the exit
 * code, or end the program themselves when the command line is wrong.
 */

/* Exit codes of what judges a log or a proof; 2 (CLI_ERROR) is a wrong command line or an I/O error. */
enum verdict_exit {
	EXIT_SEALED = 0,
	EXIT_BROKEN = 1,
	EXIT_CAVEAT = 3,
	EXIT_INCOMPLETE = 4,
};

int cmd_ls(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_summary(int argc, char **argv);
int cmd_tail(int argc, char **argv);
int cmd_search(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_count(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_prove(int argc, char **argv);
int cmd_verify_proof(int argc, char **argv);
int cmd_anchor(int argc, char **argv);
