/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real policyd with a writer that fake_writer.c plays, to show what the supervisor does when
 * a writer is slow, lies, breaks the protocol or dies. The test puts a copy of policyd and of itself
 * (as libexec/sealwright/auditd-writer) into a directory; how the writer behaves stands in the file
 * "mode" of its audit directory, and what it saw in the file "events".
 */
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_writer.h"
#include "tests/unit/policyd_bed.h"

#define HEX "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

/* --- start and end ---------------------------------------------------------------------------- */

static void
test_start_and_end(void **state)
{
	struct bed *b = *state;
	char want[64];

	bed_serve(b, "");
	(void)snprintf(want, sizeof(want), "start uid %d environment none stray 0", (int)getuid());
	bed_wait_for(b, "audit/events", want);
	assert_true(bed_holds(b, "audit/events", "note configuration {\"min_level\":\"info\""));
	assert_true(bed_holds(b, "audit/events",
	    "note policy {\"result\":\"loaded\",\"revision\":\"r1\",\"policies\":1,\"rules\":1,"
	    "\"tests\":0,\"sha256\":\""));
	bed_wait_for(b, "audit/events", "hello 1 1");
	bed_wait_for(b, "audit/events", "hello 2 1");
	bed_finish(b);
}

static void
test_end_before_ready(void **state)
{
	struct bed *b = *state;

	bed_start(b, "");
	bed_wait_for(b, "audit/events", "start");
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	bed_expect_exit(b, 0);
}

/* --- what is handed on to the writer ------------------------------------------------------------- */

static void
test_credential(void **state)
{
	struct bed *b = *state;

	bed_make_directory(b, "credentials");
	bed_write_file(b, "credentials/sealwright.wrap", "of the writer alone");
	b->credentials = true;
	b->extra = "--origin=log.example";
	bed_serve(b, "");
	bed_wait_for(
	    b, "audit/events", "secret of the writer alone, 0 behind the channels, of mode 0\n");
	assert_true(bed_holds(b, "audit/events", "environment none stray 0\n"));
	assert_true(bed_holds(b, "audit/events", "origin log.example, succeeds \n"));
	bed_finish(b);
}

/* Without a file of that name there is no credential; one that cannot be opened is no start. */
static void
test_no_credential(void **state)
{
	struct bed *b = *state;
	char path[PATH_MAX];

	bed_make_directory(b, "credentials");
	b->credentials = true;
	b->extra = "--succeeds=old.example 7:" HEX;
	bed_serve(b, "");
	bed_wait_for(b, "audit/events", "origin , succeeds old.example 7:" HEX "\n");
	bed_finish(b);
	assert_false(bed_holds(b, "audit/events", "secret"));
	bed_path_in(b, "credentials/sealwright.wrap", path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	bed_start(b, "");
	bed_expect_exit(b, 1);
	assert_true(bed_holds(b, "stderr",
	    "cannot open the credential credentials/sealwright.wrap: Too many levels"));
}

/* --- a writer that goes wrong ----------------------------------------------------------------- */

static void
test_writer_ends_early(void **state)
{
	struct bed *b = *state;

	bed_start(b, "exit-early");
	bed_expect_exit(b, 1);
	assert_true(bed_holds(b, "stderr", "auditd-writer exited with status 3"));
	assert_false(bed_holds(b, "stderr", "policyd: ready"));
}

static void
test_writer_is_missing(void **state)
{
	struct bed *b = *state;
	char path[PATH_MAX];

	bed_path_in(b, "libexec/sealwright/auditd-writer", path);
	assert_int_equal(unlink(path), 0);
	bed_start(b, "");
	bed_expect_exit(b, 1);
	assert_true(bed_holds(b, "stderr", "libexec/sealwright/auditd-writer: No such file"));
}

static void
breaks_protocol(struct bed *b, const char *mode)
{
	bed_start(b, mode);
	bed_expect_exit(b, 1);
	assert_true(bed_holds(b, "stderr", "auditd-writer broke the protocol"));
	assert_true(bed_holds(b, "audit/events", "eof"));
}

static void
test_writer_sends_garbage(void **state)
{
	breaks_protocol(*state, "garbage");
}

static void
test_writer_is_ready_twice(void **state)
{
	breaks_protocol(*state, "ready-twice");
}

/* Its control channel closed, but the process hangs: it is not waited for without end. */
static void
test_writer_closes_its_channel(void **state)
{
	struct bed *b = *state;

	bed_start(b, "close");
	bed_expect_exit(b, 1);
	assert_true(bed_holds(b, "stderr", "auditd-writer closed its control channel"));
}

static void
test_writer_fails_at_the_end(void **state)
{
	struct bed *b = *state;

	bed_serve(b, "fail-finish");
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	bed_expect_exit(b, 1);
	assert_true(bed_holds(b, "stderr", "auditd-writer exited with status 5"));
}

static void
test_refused_notes_are_said(void **state)
{
	struct bed *b = *state;

	bed_serve(b, "refuse");
	bed_wait_for(b, "stderr", "a policy record was not written: input/output error");
	assert_true(bed_holds(b, "stderr", "a configuration record was not written"));
	bed_finish(b);
}

/* --- processes -------------------------------------------------------------------------------- */

static void
test_faulted_channel(void **state)
{
	struct bed *b = *state;

	bed_serve(b, "fault");
	bed_wait_for(b, "audit/events", "hello 1 2");
	/* Killed, unless it saw that its channel is shut and ended by itself before. */
	bed_wait_for(b, "audit/events",
	    ",\"cause\":\"broke the protocol of its record channel\",\"generation\":1,"
	    "\"restart_ms\":100}");
	bed_finish(b);
}

/* The writer knows of a process before it is there, and has an empty channel for it. */
static void
test_announced_channel(void **state)
{
	struct bed *b = *state;
	char *events;

	bed_serve(b, "fault");
	bed_wait_for(b, "audit/events", "hello 1 2");
	events = bed_read_file(b, "audit/events");
	assert_true(strstr(events, "expect 1 1\n") < strstr(events, "hello 1 1\n"));
	assert_true(strstr(events, "hello 1 1\n") < strstr(events, "expect 1 2\n"));
	assert_true(strstr(events, "expect 1 2\n") < strstr(events, "hello 1 2\n"));
	free(events);
	bed_finish(b);
}

/* No process without the writer's answer; the others serve. */
static void
test_channel_that_is_not_cleared(void **state)
{
	struct bed *b = *state;

	bed_serve(b, "fault-and-never-clear");
	bed_wait_for(b, "audit/events", "expect 1 2\n");
	bed_wait_for(b, "audit/events", "hello 2 1");
	(void)usleep(500000);
	assert_false(bed_holds(b, "audit/events", "hello 1 2"));
	bed_finish(b);
}

static void
test_channel_of_no_use(void **state)
{
	struct bed *b = *state;

	bed_serve(b, "shut");
	bed_wait_for(b, "stderr", "admin 2 is not started again: its record channel was shut down");
	bed_finish(b);
}

static void
test_cleared_that_was_not_asked_for(void **state)
{
	struct bed *b = *state;

	bed_start(b, "clear-other");
	bed_expect_exit(b, 1);
	assert_true(bed_holds(b, "stderr", "auditd-writer broke the protocol"));
}

/* --- policy loads ----------------------------------------------------------------------------- */

static void
test_reload(void **state)
{
	struct bed *b = *state;
	char text[1024];

	bed_serve(b, "");
	(void)snprintf(text, sizeof(text), "%s", bed_policy);
	strstr(text, "\"r1\"")[2] = '2';
	bed_write_file(b, "policy.json", text);
	assert_int_equal(kill(b->pid, SIGHUP), 0);
	bed_wait_for(b, "stderr", "policy loaded: revision r2");
	assert_true(bed_holds(b, "audit/events", "\"revision\":\"r2\""));
	bed_write_file(b, "policy.json", "{\n \"schema\": 5 }");
	assert_int_equal(kill(b->pid, SIGHUP), 0);
	bed_wait_for(b, "stderr", "the policy was refused, the one in force stays");
	assert_true(bed_holds(b, "stderr", "policyd: policy.json:2:"));
	assert_true(
	    bed_holds(b, "audit/events", "note policy {\"result\":\"refused\",\"errors\":"));
	bed_finish(b);
}

static void
test_reload_storm(void **state)
{
	struct bed *b = *state;
	char reply[4096];

	bed_serve(b, "");
	for (int i = 0; i < 50; i++) {
		assert_int_equal(kill(b->pid, SIGHUP), 0);
		bed_pause_ms(i % 5);
	}
	bed_ask(b, "p.sock", "{\"op\":\"ping\"}\n", reply, sizeof(reply));
	assert_non_null(strstr(reply, "pong"));
	bed_finish(b);
}

static void
test_refused_at_start(void **state)
{
	struct bed *b = *state;

	bed_write_file(b, "policy.json", "{}");
	bed_start(b, "");
	bed_expect_exit(b, 3);
	assert_true(bed_holds(b, "audit/events", "note policy {\"result\":\"refused\""));
	assert_true(bed_holds(b, "audit/events", "finish"));
	assert_false(bed_holds(b, "stderr", "policyd: ready"));
}

/* --- what operators ask ------------------------------------------------------------------------ */

static void
test_rotate(void **state)
{
	struct bed *b = *state;
	char reply[4096];

	bed_serve(b, "");
	bed_ask(b, "a.sock", "{\"op\":\"rotate\"}\n", reply, sizeof(reply));
	assert_non_null(strstr(reply, "audit-x.jsonl"));
	assert_true(bed_holds(b, "audit/events", "rotate"));
	bed_finish(b);
}

static void
test_status(void **state)
{
	struct bed *b = *state;
	char reply[16384];

	bed_serve(b, "");
	bed_ask(b, "a.sock", "{\"op\":\"status\"}\n", reply, sizeof(reply));
	assert_non_null(strstr(reply, "4711"));
	assert_non_null(strstr(reply, "uptime_seconds"));
	bed_finish(b);
}

/* One source that does not answer: the others are there, after a second, and it is named. */
static void
test_status_incomplete(void **state)
{
	struct bed *b = *state;
	char reply[16384];

	bed_serve(b, "no-status");
	bed_ask(b, "a.sock", "{\"op\":\"status\"}\n", reply, sizeof(reply));
	assert_non_null(strstr(reply, "no answer from writer"));
	assert_non_null(strstr(reply, "uptime_seconds"));
	bed_finish(b);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static void
test_stale_socket(void **state)
{
	struct bed *b = *state;

	bed_serve(b, "");
	assert_int_equal(kill(b->pid, SIGKILL), 0);
	(void)bed_ended(b);
	bed_wait_for(b, "audit/events", "eof");
	bed_serve(b, "");
	bed_finish(b);
}

int
main(int argc, char **argv)
{
	if (strcmp(argv[0], "auditd-writer") == 0)
		return fake_writer_main(argc, argv);

#define CASE(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
	    CASE(test_start_and_end),
	    CASE(test_end_before_ready),
	    CASE(test_credential),
	    CASE(test_no_credential),
	    CASE(test_writer_ends_early),
	    CASE(test_writer_is_missing),
	    CASE(test_writer_sends_garbage),
	    CASE(test_writer_is_ready_twice),
	    CASE(test_writer_closes_its_channel),
	    CASE(test_writer_fails_at_the_end),
	    CASE(test_refused_notes_are_said),
	    CASE(test_faulted_channel),
	    CASE(test_announced_channel),
	    CASE(test_channel_that_is_not_cleared),
	    CASE(test_channel_of_no_use),
	    CASE(test_cleared_that_was_not_asked_for),
	    CASE(test_reload),
	    CASE(test_reload_storm),
	    CASE(test_refused_at_start),
	    CASE(test_rotate),
	    CASE(test_status),
	    CASE(test_status_incomplete),
	    CASE(test_stale_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
