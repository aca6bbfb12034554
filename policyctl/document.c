/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/document.h"

#include <errno.h>

#include "common/cli.h"
#include "policyctl/request.h"

void
document_read(const char *file_or_dir, struct policy_texts *texts)
{
	const char *file;
	int error;

	*texts = (struct policy_texts){0};
	error = policy_texts_read(texts, file_or_dir, &file);
	if (error)
		cli_fatal(0, "%s: %s", file, policy_texts_fault(error));
}

void
document_compile(const char *command, const char *file_or_dir, int64_t now, uint8_t **ret_image,
    struct policy_image *ret_view)
{
	static struct policy_report report;
	struct policy_compile_options how = {.accounts = true, .now = now};
	struct policy_texts texts;
	const char *why;
	size_t size;
	int error;

	document_read(file_or_dir, &texts);
	error = policy_compile(&texts, &how, ret_image, &size, &report);
	if (error) {
		document_print(&report, true);
		cli_fatal(error == -EINVAL ? 0 : error, "%s: %s: not a policy to evaluate", command,
		    file_or_dir);
	}
	policy_texts_free(&texts);
	if (policy_image_open(ret_view, *ret_image, size, &why) != 0)
		cli_fatal(0, "%s: %s: %s", command, file_or_dir, why);
}

static void
document_place(struct text *t, const struct policy_complaint *c)
{
	text_put(t, str_from(c->file));
	text_put(t, STR(":"));
	if (c->line == 0)
		return;
	text_u64(t, c->line);
	text_char(t, ':');
	text_u64(t, c->column);
	text_char(t, ':');
}

void
document_print(const struct policy_report *report, bool errors)
{
	for (uint32_t i = 0; i < report->n; i++) {
		char buf[sizeof(struct policy_complaint) + 64];
		struct text t = text_over(buf, sizeof(buf));

		document_place(&t, &report->complaint[i]);
		text_char(&t, ' ');
		text_put(&t, str_from(report->complaint[i].text));
		if (errors) {
			log_error("%.*s", STR_ARG(text_str(&t)));
			continue;
		}
		cli_put_safe(text_str(&t));
		cli_puts("\n");
	}
	if (report->dropped > 0)
		log_error("%u more not shown", report->dropped);
}

static void
document_number(struct object *o, const char *key, uint64_t v)
{
	object_key(o, str_from(key));
	text_u64(o->t, v);
}

static void
document_finding(struct text *t, const struct policy_complaint *c)
{
	struct object o = object_open(t);

	object_str(&o, "file", str_from(c->file));
	document_number(&o, "line", c->line);
	document_number(&o, "column", c->column);
	object_str(&o, "text", str_from(c->text));
	object_close(&o);
}

void
document_print_json(const struct policy_report *report)
{
	/* Each byte of a finding becomes at most six. */
	static char buf[POLICY_COMPLAINTS * (6 * sizeof(struct policy_complaint) + 128)];
	struct text t = text_over(buf, sizeof(buf));
	struct object o = object_open(&t);

	object_key(&o, STR("ok"));
	text_put(&t, report->n == 0 ? STR("true") : STR("false"));
	document_number(&o, "policies", report->policies);
	document_number(&o, "rules", report->rules);
	document_number(&o, "tests", report->tests);
	object_key(&o, STR("findings"));
	text_char(&t, '[');
	for (uint32_t i = 0; i < report->n; i++) {
		if (i > 0)
			text_char(&t, ',');
		document_finding(&t, &report->complaint[i]);
	}
	text_char(&t, ']');
	document_number(&o, "not_shown", report->dropped);
	object_close(&o);
	cli_put_json(text_str(&t));
}
