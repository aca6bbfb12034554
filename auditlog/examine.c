/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/examine.h"

#include <errno.h>

#include "auditlog/reader.h"

size_t
examine_options(struct examine *e, struct cli_option *options)
{
	const struct cli_option all[] = {
	    {.name = "key",
		.value = "VKEYFILE",
		.help = "the verifier key that you keep elsewhere (policyctl enroll shows it)",
		.text = &e->key},
	    {.name = "pin",
		.value = "INDEX:HASH",
		.help = "the newest pin that an earlier check told (may be given again)",
		.list = &e->pins},
	    {.name = "max-age",
		.value = "AGE",
		.help = "the newest sealed record must not be older: 90s, 10m, 24h, 7d",
		.text = &e->max_age},
	    {.name = "anchors",
		.value = "ADIR",
		.help = "anchors that you have kept: the log must be the one that they are of",
		.text = &e->anchors_path},
	    {.name = "tsa-ca",
		.value = "CA.pem",
		.help = "certificates that timestamps must be vouched for by",
		.text = &e->tsa_ca},
	    {.name = "witness",
		.value = "VKEYFILE",
		.help = "the verifier key of a witness (may be given again)",
		.list = &e->witnesses},
	};

	_Static_assert(ARRAY_SIZE(all) == EXAMINE_OPTIONS, "room for all");
	memcpy(options, all, sizeof(all));
	return ARRAY_SIZE(all);
}

void
examine_choose(struct examine *e, const struct cli_command *command, int64_t now)
{
	e->order.trust = &e->trust;
	e->order.now = now;
	e->order.max_age = span_age(command, "max-age", e->max_age);
	trust_pins(&e->trust, command, &e->pins);
	if (!e->anchors_path && (e->tsa_ca || e->witnesses.n > 0))
		cli_wrong(command, "--tsa-ca and --witness need --anchors");
}

void
examine_read(struct examine *e)
{
	if (hash_init() < 0)
		cli_fatal(0, "libcrypto has no SHA-256");
	trust_read(&e->trust, e->key);
	if (!e->anchors_path)
		return;
	anchors_read(&e->anchors, e->anchors_path);
	anchor_trust_read(&e->anchor_trust, e->tsa_ca, &e->witnesses);
	e->order.anchors = &e->anchors;
	e->order.anchor_trust = &e->anchor_trust;
}

static void
parse_trust(struct examine *e)
{
	struct hash *h = hash_new();

	if (!h)
		cli_fatal(ENOMEM, "verify");
	trust_parse(&e->trust, e->key, h);
	if (e->anchors_path)
		anchor_trust_parse(&e->anchor_trust, h);
	hash_free(h);
}

void
examine_log(struct examine *e, struct logdir *dir, const char *path)
{
	struct judgement *j = &e->judgement;
	int error;

	parse_trust(e);
	error = judge_log(&e->order, &e->chain, dir, j);
	if (error < 0)
		reader_failed(path, error);
	if (j->fault.kind == FAULT_IO)
		cli_fatal(0, "%s: %s: %s", path, j->fault.file, j->fault.what);
}

void
examine_free(struct examine *e)
{
	anchors_free(&e->anchors);
	anchor_trust_free(&e->anchor_trust);
	sealchain_free(&e->chain);
}

struct verdict_report
examine_report(const struct examine *e)
{
	return (struct verdict_report){&e->judgement, &e->order, &e->chain, e->chain.dir};
}
