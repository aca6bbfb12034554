/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * In the writer's place below a real policyd. What comes on its channels goes, a line each, to the file "events" of its
 * audit directory; the file "mode" there names what it does wrong. It answers everything else as a writer would.
 */

/* In the process that policyd started. */
int fake_writer_main(int argc, char **argv);
