/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Parts of the report as a JSON object: members of the object that j writes, put out as soon as they are made. */

#include "auditlog/json.h"
#include "auditlog/report.h"

/* Room for each member: any text of a report six times as long. */
#define REPORT_JSON 32768

/* Put out what is in j's text, which begins anew. Ends the program when something did not fit. */
void report_json_flush(struct json *j);

/* An object or a list that is a member, to be ended by its bracket. */
struct json report_json_open(struct json *j, const char *key);
struct json report_json_list(struct json *j, const char *key);
void report_json_list_end(struct json *list);
/* The next object of a list. */
struct json report_json_element(struct json *list);

void report_json_tables(const struct report *r, struct json *j);
void report_json_incidents(const struct report *r, struct json *j);
void report_json_segments(const struct report *r, struct json *j);
void report_json_controls(const struct report *r, struct json *j);
