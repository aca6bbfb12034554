/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog anchor: what others can vouch for (docs/ANCHORS.md). */

#include "auditlog/anchor.h"

#include "auditlog/commands.h"
#include "proto/logdir.h"

static void
refuse(const struct cli_command *command, const char *with, const char *option, bool given)
{
	if (given)
		cli_wrong(command, "--%s has no use with %s", option, with);
}

static void
demand(const struct cli_command *command, const char *with, const char *option, const char *given)
{
	if (!given)
		cli_wrong(command, "%s needs --%s", with, option);
}

/* Options that belong to none but the thing that is done. */
static void
check_order(const struct cli_command *command, const struct anchor_order *o)
{
	const char *with = o->add ? "--add" : o->tsq ? "--tsq" : "a new checkpoint";

	if (o->add || o->tsq) {
		refuse(command, with, "sign", o->sign);
		refuse(command, with, "name", o->name);
		refuse(command, with, "out", o->out);
		demand(command, with, "checkpoint", o->checkpoint);
	} else {
		refuse(command, with, "checkpoint", o->checkpoint);
	}
	if (o->add) {
		refuse(command, with, "tsq", o->tsq);
		demand(command, with, "anchors", o->anchors);
	} else {
		refuse(command, with, "anchors", o->anchors);
		refuse(command, with, "tsa-ca", o->tsa_ca);
		refuse(command, with, "witness", o->witnesses.n > 0);
	}
	if (o->name && !o->sign)
		cli_wrong(command, "--name has no use without --sign");
	refuse(command, with, "key", o->tsq && o->key);
}

static int
run_order(const struct anchor_order *o)
{
	if (o->add)
		return anchor_add(o);
	return o->tsq ? anchor_request(o) : anchor_make(o);
}

int
cmd_anchor(int argc, char **argv)
{
	struct anchor_order o = {.dir = LOGDIR_DEFAULT};
	const struct cli_option options[] = {
	    {.name = "key",
		.value = "VKEYFILE",
		.text = &o.key,
		.help = "the verifier key that you keep elsewhere (policyctl enroll shows it)"},
	    {.name = "sign",
		.value = "KEY.pem",
		.text = &o.sign,
		.help = "sign the checkpoint with this Ed25519 key of your own"},
	    {.name = "name",
		.value = "NAME",
		.text = &o.name,
		.help = "that key's name (the log's origin)"},
	    {.name = "out",
		.value = "FILE",
		.text = &o.out,
		.help = "write the checkpoint to FILE, which must not exist"},
	    {.name = "checkpoint",
		.value = "FILE",
		.text = &o.checkpoint,
		.help = "the checkpoint that --tsq or --add is about"},
	    {.name = "tsq",
		.value = "FILE",
		.text = &o.tsq,
		.help = "write a request for a timestamp to FILE, which must not exist"},
	    {.name = "add",
		.value = "FILE",
		.text = &o.add,
		.help = "take in the reply of a timestamp service, or what a witness signed"},
	    {.name = "anchors",
		.value = "ADIR",
		.text = &o.anchors,
		.help = "the directory of anchors that --add puts it into"},
	    {.name = "tsa-ca",
		.value = "CA.pem",
		.text = &o.tsa_ca,
		.help = "certificates that the timestamp service must be vouched for by"},
	    {.name = "witness",
		.value = "VKEYFILE",
		.list = &o.witnesses,
		.help = "the verifier key of a witness; may be repeated"},
	};
	const struct cli_command command = {
	    .name = "anchor",
	    .operands = "[DIR]",
	    .about =
		"Write the newest checkpoint of the log, for a witness to sign or a timestamp\n"
		"service to stamp; with --tsq, the request for such a service; with --add, check\n"
		"and store what comes back. All of it is files: nothing is sent anywhere.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .most = 1,
	    .exits = "0 done, 1 refused: the log or the anchor is not as it must be, 2 error",
	};

	(void)cli_parse(&command, argc, argv, &o.dir);
	check_order(&command, &o);
	return run_order(&o);
}
