/* SPDX-License-Identifier: Apache-2.0 */

/* jsonl and json: records as they are stored, one by one or as one array. */

#include "auditlog/format.h"

static void
jsonl_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	(void)use;
	(void)r;
	text_put(t, line);
}

const struct format format_jsonl = {
    .name = "jsonl",
    .about = "the lines as they are stored, byte by byte (--json)",
    .kind = FORMAT_JSON,
    .record = jsonl_record,
};

static void
json_begin(const struct format_use *use, struct text *t)
{
	(void)use;
	text_put(t, STR("[\n"));
}

static void
json_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	(void)use;
	(void)r;
	text_put(t, (struct str){line.p, line.n - 1});
	text_put(t, STR(",\n"));
}

const struct format format_json = {
    .name = "json",
    .about = "one JSON array of the records as they are stored",
    .kind = FORMAT_JSON,
    .begin = json_begin,
    .record = json_record,
    .between = ",\n",
    .end = "\n]\n",
};
