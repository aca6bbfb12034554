/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An evaluator or admin process in a child, with the test as its supervisor, writer and clients.
 * Whatever goes wrong here fails the test that is running.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/str.h"
#include "policyd/settings.h"
#include "proto/msg.h"
#include "proto/record.h"

#define HARNESS_LOG_ID UINT64_C(0x123456789abcdef)
#define HARNESS_GENERATION 7

struct harness {
	pid_t pid;
	enum peer self;
	int control, record; /* our ends */
	struct settings settings;
	char path[108]; /* of the listening socket */
	uint64_t sent;  /* messages of ours to it as its writer */
	uint64_t told;  /* as its supervisor */
	uint64_t seen;  /* messages that it sent to its writer */
	uint64_t seq;   /* last record number given */
	uint8_t frame[LIMIT_FRAME];
	struct frame_in open; /* of frame: messages not yet taken */
};

typedef int harness_main(uint32_t channel, uint32_t generation, const struct settings *s);

/* Limits that no test runs into by chance; change them before harness_start(). */
void harness_init(struct harness *h);
/* policy: a document. The process waits for its WELCOME. */
void harness_start(struct harness *h, enum peer self, harness_main *run, const char *policy);
/* The same, welcomed: storage ok, 1000 messages. */
void harness_serve(struct harness *h, enum peer self, harness_main *run, const char *policy);
/* Its exit status; kills it when it does not end within 10 s. */
int harness_wait(struct harness *h);
void harness_sleep(long ms);
/* Kill it and clean up. */
void harness_stop(struct harness *h);

/* --- as the writer ---------------------------------------------------------------------------- */

/* Its HELLO has the right generation. */
void harness_hello(struct harness *h);
void harness_welcome(
    struct harness *h, uint32_t generation, enum storage_state state, uint64_t max_unacked);
/* The next record that it sends; slices stay until the next call. Checks it as the writer does. */
void harness_take(struct harness *h, struct record *ret);
/* Whether a record comes within ms. */
bool harness_record_comes(struct harness *h, int ms);
/* Acknowledge count messages up to `through`; their record numbers follow the last ones. */
void harness_ack_state(struct harness *h, uint64_t through, uint32_t count, enum refusal refusal,
    enum storage_state state);
/* Everything that was taken, count of it new. */
void harness_ack(struct harness *h, uint32_t count);
/* Bytes as they are. */
void harness_writer_sends(struct harness *h, const void *frame, size_t n);

/* --- as the supervisor ------------------------------------------------------------------------ */

void harness_tell(struct harness *h, enum msg_type type, struct str body, int attached);
void harness_tell_number(struct harness *h, enum msg_type type, uint32_t number);
/* A new policy of this size. */
void harness_tell_image(struct harness *h, int fd, uint64_t size);
/* The next message on the control channel; its body stays until the next call. */
enum msg_type harness_told(struct harness *h, struct str *ret_body);
/* A policy as a memory file, sealed or not. Caller closes. */
int harness_image(const char *policy, bool sealed, uint64_t *ret_size);

/* --- as a client ------------------------------------------------------------------------------ */

int harness_connect(const struct harness *h);
void harness_send(int fd, const char *text);
/* The next line without its newline, NUL-terminated, within 5 s; stays until the next call. */
const char *harness_line(int fd);
/* Whether anything (bytes or the end) comes within ms. */
bool harness_comes(int fd, int ms);
/* The end comes, and no byte before it. */
void harness_ends(int fd);
/* The next line is exactly this; "EVENT" in it stands for the id of record number seq. */
void harness_expect(int fd, const char *want, uint64_t seq);
