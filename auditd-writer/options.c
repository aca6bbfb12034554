/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "common/str.h"
#include "proto/origin.h"

enum form {
	FORM_TEXT,
	FORM_NUMBER,
	FORM_DURABILITY,
	FORM_LANDLOCK,
	FORM_ORIGIN,
	FORM_SUCCEEDS,
};

struct row {
	const char *name;
	enum form form;
	size_t offset;
	uint64_t min, max, usual;
	const char *argument, *text;
};

#define AT(member) offsetof(struct options, member)

static const struct row rows[] = {
    {"--audit-dir", FORM_TEXT, AT(audit_dir), 0, 0, 0, "DIR", "directory of the audit log"},
    {"--key-dir", FORM_TEXT, AT(key_dir), 0, 0, 0, "DIR", "directory of the sealing keys"},
    {"--evaluators", FORM_NUMBER, AT(evaluators), 1, LIMIT_EVALUATORS, 0, "N",
	"evaluator processes: channels are descriptors 4 to 4+N, the last the admin's"},
    {"--durability", FORM_DURABILITY, AT(commit), 0, 0, 0, "sync|commit",
	"acknowledge after fdatasync (default), or after write"},
    {"--rotate-seconds", FORM_NUMBER, AT(rotate_seconds), 1, 604800, 300, "S",
	"close a segment at this age (300)"},
    {"--rotate-records", FORM_NUMBER, AT(rotate_records), 1, 100000000, 1000, "N",
	"... or at this many records (1000)"},
    {"--rotate-bytes", FORM_NUMBER, AT(rotate_bytes), 65536, UINT64_C(1) << 36, UINT64_C(50) << 20,
	"B", "... or at this size (50 MiB)"},
    {"--heartbeat-seconds", FORM_NUMBER, AT(heartbeat_seconds), 0, 604800, 3600, "S",
	"record a heartbeat after this much silence, 0: never (3600)"},
    {"--reserve-bytes", FORM_NUMBER, AT(reserve_bytes), 65536, UINT64_C(1) << 33, UINT64_C(8) << 20,
	"B", "space held in reserve (8 MiB)"},
    {"--low-bytes", FORM_NUMBER, AT(low_bytes), 0, UINT64_C(1) << 50, UINT64_C(64) << 20, "B",
	"report storage low below this much free space (64 MiB)"},
    {"--origin", FORM_ORIGIN, AT(origin), 0, 0, 0, "NAME",
	"name of a new log; of one that exists, it must be the same"},
    {"--succeeds", FORM_SUCCEEDS, AT(succeeds), 0, 0, 0, "SEAL",
	"a new log goes on from this one: \"ORIGIN INDEX:HASH\" of its last seal"},
    {"--landlock", FORM_LANDLOCK, AT(landlock_optional), 0, 0, 0, "required|optional",
	"whether to go on where the kernel has no Landlock (required)"},
    {"--secret-fd", FORM_NUMBER, AT(secret_fd), 3, 1023, 0, "FD",
	"descriptor to read the secret from that the private key is stored under"},
};

unsigned
options_help(char *buf, unsigned size)
{
	unsigned n = 0;
	int w = snprintf(buf, size,
	    "usage: auditd-writer --audit-dir DIR --key-dir DIR --evaluators N [options]\n\n"
	    "Holds the audit log: the one process that writes it. Started by policyd, never by\n"
	    "hand: it expects its channels as open descriptors.\n\n");

	for (size_t i = 0; i <= ARRAY_SIZE(rows) && w >= 0; i++) {
		n += (unsigned)w < size - n ? (unsigned)w : size - n;
		if (i == ARRAY_SIZE(rows))
			break;
		w = snprintf(buf + n, size - n, "  %-20s %-12s %s\n", rows[i].name,
		    rows[i].argument, rows[i].text);
	}
	w = snprintf(buf + n, size - n,
	    "  %-20s %-12s %s\n  %-20s %-12s %s\n\n"
	    "exit status: 0 everything recorded is in closed segments; 1 could not start or go "
	    "on;\n"
	    "2 wrong command line; 3 storage failed: something could not be recorded or closed\n",
	    "--help", "", "show this and exit", "--version", "", "show the version and exit");
	if (w > 0)
		n += (unsigned)w < size - n ? (unsigned)w : size - n;
	return n;
}

static const struct row *
row_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(str_from(rows[i].name), name))
			return &rows[i];
	return NULL;
}

static bool
number_parse(const char *value, const struct row *row, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = strlen(value);

	if (n == 0 || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(value[i] - '0');
	}
	if (v < row->min || v > row->max)
		return false;
	*ret = v;
	return true;
}

static bool
wrong(const struct row *row, const char *what, const char *value, char *why, unsigned size)
{
	(void)snprintf(why, size, "%s: %s: %s", row->name, what, value);
	return false;
}

static bool
number_set(const struct row *row, void *member, const char *value, char *why, unsigned size)
{
	uint64_t number;

	if (number_parse(value, row, &number)) {
		memcpy(member, &number, sizeof(number));
		return true;
	}
	(void)snprintf(why, size, "%s: not a number from %llu to %llu: %s", row->name,
	    (unsigned long long)row->min, (unsigned long long)row->max, value);
	return false;
}

static bool
row_set(const struct row *row, struct options *o, const char *value, char *why, unsigned size)
{
	char *member = (char *)o + row->offset;

	switch (row->form) {
	case FORM_NUMBER:
		return number_set(row, member, value, why, size);
	case FORM_DURABILITY:
		o->commit = strcmp(value, "commit") == 0;
		return o->commit || strcmp(value, "sync") == 0 ||
		       wrong(row, "must be sync or commit", value, why, size);
	case FORM_LANDLOCK:
		o->landlock_optional = strcmp(value, "optional") == 0;
		return o->landlock_optional || strcmp(value, "required") == 0 ||
		       wrong(row, "must be required or optional", value, why, size);
	case FORM_SUCCEEDS:
		return succession_parse(str_from(value), &o->succeeds) ||
		       wrong(row, SUCCESSION_RULE, value, why, size);
	case FORM_ORIGIN:
		if (!origin_ok(str_from(value)))
			return wrong(row, ORIGIN_RULE, value, why, size);
		break;
	case FORM_TEXT:
		break;
	}
	memcpy(member, &value, sizeof(value));
	return true;
}

/* argv[*i] is an option with its value behind "=" or in the next argument. */
static bool
options_take(int argc, char **argv, int *i, struct options *o, char *why, unsigned size)
{
	const char *word = argv[*i], *equals = strchr(word, '=');
	struct str name = str_from(word);
	const struct row *row;

	if (equals)
		name.n = (size_t)(equals - word);
	row = row_find(name);
	if (!row) {
		(void)snprintf(why, size, "unknown option: %s", word);
		return false;
	}
	if (!equals && *i + 1 == argc) {
		(void)snprintf(why, size, "%s needs a value: %s", row->name, row->argument);
		return false;
	}
	if (!equals)
		(*i)++;
	return row_set(row, o, equals ? equals + 1 : argv[*i], why, size);
}

static void
options_usual(struct options *o)
{
	*o = (struct options){0};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].form == FORM_NUMBER)
			memcpy((char *)o + rows[i].offset, &rows[i].usual, sizeof(uint64_t));
}

enum options_result
options_parse(int argc, char **argv, struct options *ret, char *why, unsigned why_size)
{
	struct options o;

	options_usual(&o);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return OPTIONS_HELP;
		if (strcmp(argv[i], "--version") == 0)
			return OPTIONS_VERSION;
		if (!options_take(argc, argv, &i, &o, why, why_size))
			return OPTIONS_WRONG;
	}
	if (!o.audit_dir || !o.key_dir || o.evaluators == 0) {
		(void)snprintf(why, why_size, "missing: %s",
		    !o.audit_dir ? "--audit-dir"
		    : !o.key_dir ? "--key-dir"
				 : "--evaluators");
		return OPTIONS_WRONG;
	}
	if (o.origin && str_eq(str_from(o.origin), o.succeeds.origin)) {
		(void)snprintf(why, why_size,
		    "--origin: a new log needs another name than the one that it succeeds: %s",
		    o.origin);
		return OPTIONS_WRONG;
	}
	*ret = o;
	return OPTIONS_RUN;
}
