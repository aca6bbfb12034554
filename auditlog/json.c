/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/json.h"

#include "common/clock.h"

struct json
json_object(struct text *t)
{
	text_char(t, '{');
	return (struct json){.t = t};
}

void
json_object_end(struct json *j)
{
	text_char(j->t, '}');
}

void
json_key(struct json *j, const char *key)
{
	if (j->more)
		text_char(j->t, ',');
	j->more = true;
	text_json(j->t, str_from(key));
	text_char(j->t, ':');
}

void
json_str(struct json *j, const char *key, struct str s)
{
	json_key(j, key);
	if (str_given(s))
		text_json(j->t, s);
	else
		text_put(j->t, STR("null"));
}

void
json_z(struct json *j, const char *key, const char *z)
{
	json_str(j, key, *z ? str_from(z) : STR_NONE);
}

void
json_number(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	text_u64(j->t, v);
}

void
json_time(struct json *j, const char *key, int64_t us)
{
	char time[RFC3339_SIZE];

	clock_format(us, time);
	json_str(j, key, str_from(time));
}

void
json_pin_value(struct text *t, uint64_t index, const uint8_t hash[HASH_SIZE])
{
	text_char(t, '"');
	text_u64(t, index);
	text_char(t, ':');
	text_hex(t, hash, HASH_SIZE);
	text_char(t, '"');
}

void
json_pin(struct json *j, const char *key, uint64_t index, const uint8_t hash[HASH_SIZE])
{
	json_key(j, key);
	json_pin_value(j->t, index, hash);
}
