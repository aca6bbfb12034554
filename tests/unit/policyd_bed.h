/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A real policyd in a directory of its own, with the running test program in the writer's place. Fails the test that runs. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What policy.json holds at first. */
extern const char bed_policy[];

struct bed {
	char dir[64];
	pid_t pid;
	bool credentials;  /* CREDENTIALS_DIRECTORY is "credentials" */
	const char *extra; /* one more option */
};

void bed_path_in(const struct bed *b, const char *name, char buf[PATH_MAX]);
void bed_write_file(const struct bed *b, const char *name, const char *text);
/* The caller frees it; empty when there is no such file. */
char *bed_read_file(const struct bed *b, const char *name);
bool bed_holds(const struct bed *b, const char *name, const char *text);
void bed_pause_ms(long ms);
/* Within 10 s. */
void bed_wait_for(const struct bed *b, const char *name, const char *text);
void bed_make_directory(const struct bed *b, const char *name);
/* Ours stands in build/unit, policyd in build/sbin. */
int bed_setup(void **state);
int bed_teardown(void **state);
/* The file "mode" is what the writer does wrong (fake_writer.h). */
void bed_start(struct bed *b, const char *mode);
/* Its status; within 20 s. */
int bed_ended(struct bed *b);
void bed_expect_exit(struct bed *b, int code);
/* The same, until it serves. */
void bed_serve(struct bed *b, const char *mode);
/* By SIGTERM, with status 0. */
void bed_finish(struct bed *b);
/* One line to a socket, one line back. */
void bed_ask(const struct bed *b, const char *name, const char *line, char *reply, size_t size);
