/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog verify-proof: what `auditlog prove` wrote, judged by whoever has no log, only a pinned key. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "auditlog/commands.h"
#include "auditlog/json.h"
#include "auditlog/proof_check.h"
#include "auditlog/reader.h"
#include "auditlog/trust.h"
#include "common/cleanup.h"
#include "common/cli.h"
#include "common/fds.h"

#define REPORT_SIZE (6 * (LIMIT_LINE + SEAL_ORIGIN + 4 * FAULT_TEXT) + 1024)

struct report {
	const char *file;
	bool json;
	const char *verdict;
	const struct trust *trust;
	const struct proof *proof;
	struct proof_result result;
};

/* --- what is said ---------------------------------------------------------------------------- */

static struct str
record_of(const struct report *r)
{
	return (struct str){r->proof->record.p, r->proof->record.n - 1};
}

static void
put_words(const char *words)
{
	cli_put_safe(str_from(words));
}

static void
show_fault(const struct report *r)
{
	const struct fault *f = &r->result.fault;
	char place[64];

	(void)snprintf(place, sizeof(place), ": byte %" PRIu64 ": ", f->offset);
	cli_puts("BROKEN: ");
	put_words(r->file);
	put_words(place);
	put_words(f->what);
	if (f->expected[0]) {
		cli_puts("\n  expected ");
		put_words(f->expected);
		cli_puts("\n  found    ");
		put_words(f->found);
	}
	cli_puts("\n");
}

/* Why it is not more than it is. */
static const char *
caveat(const struct report *r)
{
	if (r->trust->pinned)
		return "its chain does not begin at seal 0, which the key is for: "
		       "--pin one of its seals, too";
	return "no key and no seal was given to judge it by: --key, or --pin";
}

static void
show_record(const struct report *r)
{
	const struct proof_result *x = &r->result;
	char line[512], time[RFC3339_SIZE];

	clock_format(x->time, time);
	(void)snprintf(line, sizeof(line),
	    ": the record below, seq %" PRIu64 " of %s, is sealed in seal %" PRIu64 " of ", x->seq,
	    time, r->proof->seal_index);
	cli_puts(r->verdict);
	put_words(line);
	cli_put_safe(r->proof->origin);
	if (x->pinned)
		(void)snprintf(line, sizeof(line),
		    "\nseals %" PRIu64 " to %" PRIu64 " verified, from what is pinned\n", x->first,
		    x->last);
	else
		(void)snprintf(line, sizeof(line),
		    "\nseals %" PRIu64 " to %" PRIu64 " verified among themselves only: %s\n",
		    x->first, x->last, caveat(r));
	cli_puts(line);
	if (x->state != SEAL_CLEAN) {
		(void)snprintf(line, sizeof(line),
		    "its segment was sealed after a crash or a fault: %s\n",
		    seal_state_name(x->state));
		cli_puts(line);
	}
	cli_put_json(record_of(r));
}

static void
json_fault(struct json *j, const struct fault *f)
{
	struct json fault;

	json_key(j, "fault");
	fault = json_object(j->t);
	json_number(&fault, "offset", f->offset);
	json_z(&fault, "what", f->what);
	json_z(&fault, "expected", f->expected);
	json_z(&fault, "found", f->found);
	json_object_end(&fault);
}

static void
json_record(struct json *j, const struct report *r)
{
	const struct proof_result *x = &r->result;
	struct json seals;

	json_str(j, "origin", r->proof->origin);
	json_str(j, "event_id", r->proof->event_id);
	json_number(j, "seq", x->seq);
	json_time(j, "time", x->time);
	json_number(j, "leaf_index", r->proof->leaf_index);
	json_number(j, "seal_index", r->proof->seal_index);
	json_z(j, "state", seal_state_name(x->state));
	json_key(j, "seals");
	seals = json_object(j->t);
	json_number(&seals, "first", x->first);
	json_number(&seals, "last", x->last);
	json_pin(&seals, "pin", x->last, x->newest);
	json_object_end(&seals);
	/* Strict JSON, as it was checked to be. */
	json_key(j, "record");
	text_put(j->t, record_of(r));
}

static void
show_json(const struct report *r)
{
	static char buf[REPORT_SIZE];
	struct text t = text_over(buf, sizeof(buf));
	struct json j = json_object(&t);

	json_z(&j, "verdict", r->verdict);
	json_z(&j, "file", r->file);
	if (r->result.fault.kind != FAULT_NONE)
		json_fault(&j, &r->result.fault);
	else
		json_record(&j, r);
	json_object_end(&j);
	if (!text_ok(&t))
		cli_fatal(0, "verify-proof: the report is too long");
	cli_put_json(text_str(&t));
}

/* --- the check ------------------------------------------------------------------------------- */

static void
proof_read(const char *path, char **ret_text, size_t *ret_n)
{
	CLEANUP_FD int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
						   : open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? -errno : fd_read_file(fd, PROOF_SIZE, ret_text, ret_n);

	if (error == -EFBIG)
		cli_fatal(0, "%s: larger than %u bytes", path, PROOF_SIZE);
	if (error < 0)
		cli_fatal(error, "%s", path);
}

static int
judge(struct report *r, struct proof_reader *reader, struct str text, struct hash *h)
{
	struct jscan_fault form;
	int error = proof_get(reader, text, &form);

	r->proof = &reader->proof;
	if (error == 0)
		error = proof_check(reader, r->trust, h, &r->result);
	else if (error != -ENOMEM) {
		fault_set(&r->result.fault, FAULT_BROKEN, "", "%s", form.what);
		fault_at(&r->result.fault, 0, form.at);
		error = 0;
	}
	if (error < 0)
		cli_fatal(error, "%s", r->file);
	if (r->result.fault.kind != FAULT_NONE) {
		r->verdict = "BROKEN";
		return EXIT_BROKEN;
	}
	r->verdict = r->result.pinned ? "PROVEN" : "UNPINNED";
	return r->result.pinned ? EXIT_SEALED : EXIT_CAVEAT;
}

static int
verify_proof(struct report *r, struct trust *trust, const char *key_path)
{
	static struct proof_reader reader;
	CLEANUP_FREE char *text = NULL;
	struct hash *h;
	size_t n = 0;
	int code;

	h = hash_init() < 0 ? NULL : hash_new();
	proof_read(r->file, &text, &n);
	reader_seal(-1, NULL, 0);
	if (!h)
		cli_fatal(0, "verify-proof: no SHA-256");
	trust_parse(trust, key_path, h);
	code = judge(r, &reader, (struct str){text, n}, h);
	if (r->json)
		show_json(r);
	else if (code == EXIT_BROKEN)
		show_fault(r);
	else
		show_record(r);
	proof_reader_free(&reader);
	hash_free(h);
	return code;
}

int
cmd_verify_proof(int argc, char **argv)
{
	static struct trust trust;
	static struct report report = {.trust = &trust};
	const char *key = NULL;
	struct cli_list pins = {.n = 0};
	const struct cli_option options[] = {
	    {.name = "key",
		.value = "VKEYFILE",
		.text = &key,
		.help = "the pinned verifier key: of seal 0, where the proof's chain begins"},
	    {.name = "pin",
		.value = "INDEX:HASH",
		.list = &pins,
		.help = "a seal that must be in the proof and have this hash; may be repeated"},
	    {.name = "json", .help = "print JSON", .flag = &report.json},
	};
	const struct cli_command command = {
	    .name = "verify-proof",
	    .operands = "FILE",
	    .about =
		"Check a proof that a record is in a log, as `auditlog prove` writes it, and "
		"print\n"
		"the record. Nothing but the proof and what was pinned is needed. FILE - is stdin.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 1,
	    .most = 1,
	    .exits = "0 proven, 1 broken, 2 error, 3 holds by itself but nothing was pinned",
	};

	(void)cli_parse(&command, argc, argv, &report.file);
	trust_pins(&trust, &command, &pins);
	trust_read(&trust, key);
	return verify_proof(&report, &trust, key);
}
