/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of any bytes, read as a log: forwards, backwards, with a needle and without, as an open segment
 * and as a closed one. The records are those of a plain split into lines, in both directions, and the
 * needle loses none. Input: a byte of choices, then the file.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditlog/scan.h"
#include "common/fds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS 4096

struct found {
	size_t n;
	uint64_t at[RECORDS];
};

static void
must(bool what)
{
	if (!what)
		abort();
}

static bool
take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	struct found *found = context;

	must(line.n > 0 && line.p[line.n - 1] == '\n' && !memchr(line.p, '\n', line.n - 1));
	(void)r;
	if (found->n < RECORDS)
		found->at[found->n++] = at;
	return true;
}

/* Line by line, as it would be written down in a specification. */
static void
plain(struct str file, const struct scan *scan, struct found *found)
{
	const char *nul = scan->open && file.n > 0 ? memchr(file.p, '\0', file.n) : NULL;
	struct recordline_fault fault;
	struct recordline r;
	size_t at = 0;

	if (nul)
		file.n = (size_t)(nul - file.p);
	while (at < file.n) {
		const char *end = memchr(file.p + at, '\n', file.n - at);
		struct str line = {file.p + at, end ? (size_t)(end - file.p) - at + 1 : 0};

		if (!end)
			return;
		if (recordline_cut(&r, line, &fault) == 0 &&
		    (!scan->filter || filter_matches(scan->filter, &r)) && found->n < RECORDS)
			found->at[found->n++] = at;
		at += line.n;
	}
}

static bool
first_is_record(struct str file)
{
	const char *end = file.n > 0 ? memchr(file.p, '\n', file.n) : NULL;
	struct recordline_fault fault;
	struct recordline r;

	return end && recordline_cut(&r, (struct str){file.p, (size_t)(end - file.p)}, &fault) == 0;
}

static void
check(struct scanner *s, struct scan *scan, struct str file)
{
	static struct found forward, backward, expected;

	forward.n = backward.n = expected.n = 0;
	plain(file, scan, &expected);
	scan->take = take;
	scan->context = &forward;
	(void)scan_forward(s, scan);
	scan->context = &backward;
	scan_backward(s, scan);
	/* What does not begin as a log is left at once, where only some lines would be looked at. */
	if (scan->filter && !first_is_record(file)) {
		must(forward.n == 0);
		return;
	}
	must(forward.n == expected.n);
	must(memcmp(forward.at, expected.at, expected.n * sizeof(expected.at[0])) == 0);
	if (expected.n == RECORDS || backward.n != expected.n)
		return; /* a line that is too long for a block ends the way back */
	for (size_t i = 0; i < expected.n; i++)
		must(backward.at[i] == expected.at[expected.n - 1 - i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct filter filter = {.n = 1,
	    .needle = "\"decision\":\"AUDIT_DECISION_DENY\"",
	    .term = {{.member = MEMBER_decision, .pattern = {"AUDIT_DECISION_DENY", 19}}}};
	static struct scanner scanner;
	struct str file = {(const char *)data + 1, size - 1};
	struct damage damage = {DAMAGE_TOLD}; /* enough has been told */
	struct scan scan = {.name = "fuzz", .damage = &damage};

	filter.n_needle = strlen(filter.needle);
	if (size == 0 || (!scanner.buf && scanner_init(&scanner) < 0))
		return 0;
	scan.fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(scan.fd >= 0 && fd_write_all(scan.fd, file.p, file.n) == 0);
	scan.open = data[0] & 1;
	scan.filter = data[0] & 2 ? &filter : NULL;
	check(&scanner, &scan, file);
	(void)scan_count(&scanner, &scan);
	must(scan_end(&scanner, &scan) <= file.n);
	(void)close(scan.fd);
	return 0;
}
