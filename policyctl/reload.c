/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl reload: have policyd load its policy again. */

#include "policyctl/admin.h"

#define RELOAD_AGAIN 5 /* after allow, deny, rm: policyd takes one in a second */

static const struct admin_command reload_command = {
    .op = "reload",
    .about = "Have policyd load its policy again. A policy that fails to load, or fails "
	     "its own\n"
	     "tests, is refused, and the one in force stays.",
    .timeout = 160,
};

/* A number of the reply as it was written there, 0 when it is not there. */
static struct str
reload_number(const struct reply *r, const char *key)
{
	uint32_t i = reply_member(r, REPLY_ROOT, key);

	return i && r->tape.tokens[i].type == JSCAN_NUMBER ? jscan_raw(&r->tape, i) : STR("0");
}

static void
reload_say(struct reply *r)
{
	cli_puts("revision ");
	cli_put_safe(reply_text(r, REPLY_ROOT, "revision"));
	cli_puts(", ");
	cli_put(reload_number(r, "rules"));
	cli_puts(" rules, ");
	cli_put(reload_number(r, "tests"));
	cli_puts(" tests run\n");
}

/* The first complaint is in the error that was shown already. */
static void
reload_complaints(struct reply *r)
{
	uint32_t list = reply_member(r, REPLY_ROOT, "complaints"), i = reply_first(r, list);
	uint32_t n = i ? r->tape.tokens[list].count : 0;

	for (uint32_t k = 0; k < n; k++) {
		if (k > 0)
			log_error("%.*s", STR_ARG(reply_string(r, i)));
		i = r->tape.tokens[i].next;
	}
	if (n > 0)
		log_error("errors in the policy: %.*s", STR_ARG(reload_number(r, "errors")));
}

static int
reload_end(const struct ctl *ctl, struct admin *a, int code)
{
	if (code == CLI_YES && !ctl->json)
		reload_say(&a->reply);
	if (code == CLI_NO)
		reload_complaints(&a->reply);
	admin_end(a);
	return code;
}

/* It loads its own directory, whatever we have written to. */
static void
reload_compare(struct admin *a, const char *dir, struct str revision)
{
	struct str loaded = reply_text(&a->reply, REPLY_ROOT, "revision");

	if (!str_eq(loaded, revision))
		log_warn("%s has revision %.*s, but policyd loaded %.*s: is that its directory?",
		    dir, STR_ARG(revision), STR_ARG(loaded));
}

int
reload_now(const struct ctl *ctl, const char *dir, struct str revision)
{
	struct admin_command patient = reload_command;
	struct admin a;
	struct str line;
	int code;

	/* Who adds rules in a row would be told so each time. */
	patient.again = RELOAD_AGAIN;
	code = admin_request(ctl, &patient, &a, &line);
	if (ctl->json)
		cli_put_json(line);
	if (code == CLI_YES)
		reload_compare(&a, dir, revision);
	else
		log_error("%s: what was written is not in force", dir);
	return reload_end(ctl, &a, code);
}

int
cmd_reload(struct ctl *ctl, int argc, char **argv)
{
	struct admin a;
	int code = admin_ask(ctl, argc, argv, &reload_command, &a);

	return reload_end(ctl, &a, code);
}
