/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For commands that store what they found: what judges the bytes of others runs apart, in a child
 * that is jailed, while the parent, which looks at none of them, keeps the caller's rights and waits.
 */

#define APART_CHILD (-1)

/*
 * APART_CHILD in the child, which goes on with the command and ends as the program would. In the
 * parent, once the child has ended: the child's exit code; CLI_ERROR after a message when a signal
 * ended it. Ends the program when there can be no child. Nothing may have been printed before.
 */
int apart(void);

/*
 * A file that --out names, empty and for writing. Never one that is there already: ends the program
 * with a message.
 */
int apart_create(const char *path);
