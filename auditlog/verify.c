/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog verify: what there is to say of a log, from a key that somebody pinned. */

#include <errno.h>

#include "auditlog/commands.h"
#include "auditlog/reader.h"
#include "auditlog/verdict.h"
#include "common/clock.h"

struct verify {
	const char *key, *since, *until, *max_age;
	const char *anchors_path, *tsa_ca;
	struct cli_list pins, witnesses;
	bool json;
	const char *path;
	struct trust trust;
	struct anchors anchors;
	struct anchor_trust anchor_trust;
	struct judge_order order;
	struct logdir dir;
	struct sealchain chain;
};

static void
verify_options(struct verify *v, int argc, char **argv)
{
	const struct cli_option options[] = {
	    {.name = "key",
		.value = "VKEYFILE",
		.help = "the verifier key that you have pinned",
		.text = &v->key},
	    {.name = "pin",
		.value = "INDEX:HASH",
		.help = "a seal that you have pinned (may be given again)",
		.list = &v->pins},
	    {.name = "max-age",
		.value = "AGE",
		.help = "the newest sealed record must not be older: 90s, 10m, 24h, 7d",
		.text = &v->max_age},
	    {.name = "since",
		.value = "INDEX|TIME",
		.help = "check lines from this seal or time on (seals: all)",
		.text = &v->since},
	    {.name = "until",
		.value = "INDEX|TIME",
		.help = "check lines up to this seal or time",
		.text = &v->until},
	    {.name = "anchors",
		.value = "ADIR",
		.help = "anchors that you have kept: the log must be the one that they are of",
		.text = &v->anchors_path},
	    {.name = "tsa-ca",
		.value = "CA.pem",
		.help = "certificates that timestamps must be vouched for by",
		.text = &v->tsa_ca},
	    {.name = "witness",
		.value = "VKEYFILE",
		.help = "the verifier key of a witness (may be given again)",
		.list = &v->witnesses},
	    {.name = "json", .help = "print JSON", .flag = &v->json},
	};
	const struct cli_command command = {
	    .name = "verify",
	    .operands = "[DIR]",
	    .about = "Check every seal and every sealed line of the log in DIR (" LOGDIR_DEFAULT
		     "),\n"
		     "in both directions: nothing altered, nothing moved, nothing gone.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .most = 1,
	    .exits =
		"0 sealed or anchored, 1 broken, 2 error, 3 sealed with a caveat, 4 incomplete",
	};

	if (cli_parse(&command, argc, argv, &v->path) == 0)
		v->path = LOGDIR_DEFAULT;
	v->order = (struct judge_order){.trust = &v->trust, .now = clock_real()};
	span_parse(&v->order.span.since, &command, "since", v->since);
	span_parse(&v->order.span.until, &command, "until", v->until);
	v->order.max_age = span_age(&command, "max-age", v->max_age);
	trust_pins(&v->trust, &command, &v->pins);
	if (!v->anchors_path && (v->tsa_ca || v->witnesses.n > 0))
		cli_wrong(&command, "--tsa-ca and --witness need --anchors");
}

/* All that needs more than the jail leaves. */
static void
verify_enter(struct verify *v)
{
	int error = hash_init();

	if (error < 0)
		cli_fatal(0, "libcrypto has no SHA-256");
	trust_read(&v->trust, v->key);
	if (v->anchors_path) {
		anchors_read(&v->anchors, v->anchors_path);
		anchor_trust_read(&v->anchor_trust, v->tsa_ca, &v->witnesses);
		v->order.anchors = &v->anchors;
		v->order.anchor_trust = &v->anchor_trust;
	}
	error = logdir_open(&v->dir, v->path);
	if (error < 0)
		cli_fatal(error, "%s", v->path);
	reader_jail(&v->dir, -1);
}

static int
verify_judge(struct verify *v)
{
	struct judgement j;
	struct verdict_report report = {&j, &v->order, &v->chain, &v->dir};
	int error = judge_log(&v->order, &v->chain, &v->dir, &j);

	if (error < 0)
		reader_failed(v->path, error);
	if (j.fault.kind == FAULT_IO)
		cli_fatal(0, "%s: %s: %s", v->path, j.fault.file, j.fault.what);
	if (v->json)
		verdict_print_json(&report);
	else
		verdict_print(&report);
	return verdict_exit(j.verdict);
}

int
cmd_verify(int argc, char **argv)
{
	struct verify v = {.key = NULL};
	struct hash *h;
	int code;

	verify_options(&v, argc, argv);
	verify_enter(&v);
	h = hash_new();
	if (!h)
		cli_fatal(ENOMEM, "verify");
	trust_parse(&v.trust, v.key, h);
	if (v.anchors_path)
		anchor_trust_parse(&v.anchor_trust, h);
	hash_free(h);
	code = verify_judge(&v);
	anchors_free(&v.anchors);
	anchor_trust_free(&v.anchor_trust);
	sealchain_free(&v.chain);
	logdir_close(&v.dir);
	return code;
}
