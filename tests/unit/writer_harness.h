/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A real auditd-writer with the test at the other end of its channels, and the log that it leaves,
 * checked line by line with nothing of the writer's own code. Everything that goes wrong here fails
 * the running test.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/str.h"
#include "proto/msg.h"
#include "proto/record.h"

#define HARNESS_EVALUATORS 2 /* unless a test wants others */
#define HARNESS_MOST 6

#define HARNESS_TRACKED 8192

struct peer_end {
	int fd;
	uint64_t next; /* number of our next message */
	uint64_t acked;
	uint64_t refused[REFUSAL_COUNT]; /* messages, by cause */
	uint64_t last_seq;               /* of the last message that got a record */
	uint64_t seq[HARNESS_TRACKED];   /* by message number: its record, 0: none known */
	uint8_t
	    refusal[HARNESS_TRACKED]; /* by message number: 0: not refused, as far as is known */
	enum storage_state state;     /* as the last acknowledgement said */
};

struct harness {
	char top[64], audit[80], keys[80], said[80]; /* said: file with its stderr */
	pid_t pid;
	unsigned evaluators;                   /* before the start */
	struct peer_end end[HARNESS_MOST + 2]; /* 0: control; evaluators from 1; admin */
	struct msg_ready ready;
	bool
	    may_end; /* that the writer is gone is no failure: gone becomes true, and nothing more works */
	bool gone;
	/* Called in the new process in place of the program, when given. */
	int (*enter)(int argc, char **argv);
};

/* A fresh directory with an audit and a key directory in it. */
void harness_init(struct harness *h);
/* With SEALWRIGHT_KEEP in the environment the directory stays, to be looked at. */
void harness_deinit(struct harness *h);

/* Start the writer with more options (NULL-ended, may be NULL); do not wait. */
void harness_spawn(struct harness *h, const char *const *options);
/* The same, to READY, and HELLO and WELCOME on every record channel. */
void harness_start(struct harness *h, const char *const *options);
/* FINISH; its exit status. */
int harness_finish(struct harness *h);
/* Wait for its end, killing it after ms; channels close. */
void harness_reap(struct harness *h, int ms);
/* SIGKILL. */
void harness_kill(struct harness *h);
/* Its exit status, once it ended by itself. */
int harness_wait(struct harness *h);
/* Its stderr, into the test's output. */
void harness_show_said(const struct harness *h);
/* Whether its stderr has this text. */
bool harness_said(const struct harness *h, const char *text);

/* --- talking ---------------------------------------------------------------------------------- */

/* As the supervisor: announce a channel's next process. */
void harness_expect(struct harness *h, unsigned channel, uint32_t generation);
/* Until CLEARED for it; the error that it brings. */
int harness_await_cleared(struct harness *h, unsigned channel, uint32_t generation);
void harness_hello(struct harness *h, unsigned channel, uint32_t generation);
/* All of it: EXPECT, CLEARED, HELLO, WELCOME. */
void harness_open(struct harness *h, unsigned channel, uint32_t generation);
/* Until WELCOME with this generation. */
void harness_welcome(struct harness *h, unsigned channel, uint32_t generation);

/* An ordinary evaluation; id becomes its request_id. */
struct record harness_decision(const char *id);
/* n records of one type as one frame. */
void harness_send(
    struct harness *h, unsigned channel, enum msg_type type, const struct record *r, unsigned n);
/* One frame of n decisions with running request ids. */
void harness_decide(struct harness *h, unsigned channel, unsigned n);
/* Any bytes as one datagram; with our end of a descriptor attached when fd >= 0. */
void harness_send_raw(struct harness *h, unsigned channel, const void *buf, size_t n, int fd);
/* Take acknowledgements until everything sent on the channel has one. */
void harness_await_acks(struct harness *h, unsigned channel);
/* The same, for so long. False: not all came. */
bool harness_acks_within(struct harness *h, unsigned channel, int ms);
/* A frame of the writer on this channel, from elsewhere: its acknowledgements count. */
void harness_feed(struct harness *h, unsigned channel, const uint8_t *buf, size_t n);
/* Take what is there within ms; false when nothing came. */
bool harness_take(struct harness *h, unsigned channel, int ms);
/* A request on the control channel (ROTATE, STATUS_ASK). */
void harness_ask(struct harness *h, enum msg_type type, uint32_t request);
/* The next frame of this type on control, into buf (LIMIT_FRAME); others are passed over. */
void harness_await_control(
    struct harness *h, enum msg_type type, uint8_t *buf, struct wire_in *ret_body);
/* ROTATE and its answer: its error; the closed segment's name. */
int harness_rotate(struct harness *h, char name[128]);

/* --- the log ---------------------------------------------------------------------------------- */

struct log_line {
	struct str text; /* with its newline */
	uint64_t seq;
	unsigned file; /* which */
};

struct log_file {
	char name[128];
	char *bytes;
	size_t size;    /* of the file */
	size_t content; /* up to the last newline before the first NUL */
	size_t lines;
	bool closed;
};

struct log {
	struct log_file file[1024];
	unsigned files; /* .jsonl and .tmp with lines, in the order of the log */
	unsigned closed, small, empty, torn, seals,
	    other; /* small: closed, and too small for log shippers */
	char empty_name[8][128], torn_name[8][128]; /* the first of them */
	struct log_line *line;
	size_t lines;
};

/*
 * Read and check the whole directory: every line, the chain over all files from base_seq (usually
 * 1) on, modes, names, and the seal of each closed segment.
 */
void log_read(struct log *log, const char *dir);
/* What log_read() does of seals: each closed segment has a good one, which continues the one before. */
void log_check_seals(const struct log *log, const char *dir);
/* Whether the seal of this closed segment has this text. */
bool log_seal_says(const char *dir, const char *name, const char *text);
void log_free(struct log *log);
/* How many lines have this text; the first of them. */
size_t log_count(const struct log *log, const char *text);
const struct log_line *log_find(const struct log *log, const char *text);
/* All lines with this text, but only those that also have the other. */
size_t log_count_both(const struct log *log, const char *text, const char *other);

/* Every message that was acknowledged with a record number has that record, under its request id. */
void log_expect_acked(const struct log *log, const struct harness *h, unsigned channel);

/* Make a file in dir with these bytes. */
void put_file(const char *dir, const char *name, const void *bytes, size_t n);
/* Whether dir has a file of this name. */
bool has_file(const char *dir, const char *name);
