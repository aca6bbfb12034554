/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/jscan.h"

static struct policy_complaint *
report_next(struct policy_report *report)
{
	if (report->n == POLICY_COMPLAINTS) {
		report->dropped++;
		return NULL;
	}
	return &report->complaint[report->n++];
}

static void
report_place(struct policy_complaint *c, const struct policy_texts *texts, struct place place)
{
	c->file[0] = '\0';
	c->line = c->column = 0;
	if (place.file >= texts->n)
		return;
	(void)snprintf(c->file, sizeof(c->file), "%s", texts->v[place.file].file);
	jscan_place(texts->v[place.file].text, place.at, &c->line, &c->column);
}

void
report_add(struct policy_report *report, const struct policy_texts *texts, struct place place,
    const char *fmt, ...)
{
	struct policy_complaint *c = report_next(report);
	va_list args;

	if (!c)
		return;
	report_place(c, texts, place);
	va_start(args, fmt);
	(void)vsnprintf(c->text, sizeof(c->text), fmt, args);
	va_end(args);
}
