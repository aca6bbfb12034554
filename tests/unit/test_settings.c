/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: their defaults, and the bytes in which they go to children. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/config_case.h"

static void
test_defaults(void **state)
{
	struct settings s;
	struct config_error e = {""};

	(void)state;
	settings_defaults(&s);
	assert_int_equal(config_check(&s, &e), 0);
	assert_true(s.evaluators >= 1 && s.evaluators <= LIMIT_EVALUATORS);
	assert_false(s.commit);
	assert_int_equal(s.rotate_seconds, 300);
	assert_int_equal(s.rotate_records, 1000);
	assert_int_equal(s.rotate_bytes, 50 << 20);
	assert_int_equal(s.reserve_bytes, 8 << 20);
	assert_int_equal(s.answer_ms, 5000);
	assert_int_equal(s.n_trusted, 0);
	assert_string_equal(s.user, "");
	if (geteuid() == 0) {
		assert_string_equal(s.audit_dir, "/var/log/sealwright/audit");
		assert_string_equal(s.key_dir, "/var/lib/sealwright/keys");
		assert_string_equal(s.socket, "/run/sealwright/policyd.sock");
	} else {
		setenv("XDG_STATE_HOME", "/state", 1);
		setenv("XDG_RUNTIME_DIR", "/run/me", 1);
		settings_defaults(&s);
		assert_string_equal(s.audit_dir, "/state/sealwright/audit");
		assert_string_equal(s.key_dir, "/state/sealwright/keys");
		assert_string_equal(s.admin_socket, "/run/me/sealwright/admin.sock");
		unsetenv("XDG_STATE_HOME");
		unsetenv("XDG_RUNTIME_DIR");
	}
}

static size_t
as_bytes(const struct settings *s, uint8_t *buf, size_t cap)
{
	struct wire_out out = wire_out_over(buf, cap);

	settings_put(&out, s);
	assert_true(wire_out_ok(&out));
	return cap - out.left;
}

/* The fullest settings there can be fit the bytes set aside, and come back the same. */
static void
test_round_trip(void **state)
{
	static uint8_t buf[SETTINGS_BYTES];
	static struct settings s, back;
	size_t count, n;
	const struct setting *f = settings_table(&count);

	(void)state;
	settings_defaults(&s);
	for (size_t i = 0; i < count; i++)
		if (f[i].form == SETTING_TEXT || f[i].form == SETTING_ORIGIN ||
		    f[i].form == SETTING_SUCCEEDS)
			memset((char *)&s + f[i].offset, 'x', f[i].size - 1);
	s.commit = s.landlock_optional = true;
	s.n_trusted = SETTINGS_TRUSTED;
	for (uint32_t i = 0; i < SETTINGS_TRUSTED; i++)
		s.trusted[i] = i * 3;
	s.n_excluded = SETTINGS_EXCLUDED;
	for (uint32_t i = 0; i < SETTINGS_EXCLUDED; i++)
		memset(s.excluded[i], 'e', LIMIT_NAME - 1);
	s.n_metadata = SETTINGS_METADATA;
	for (uint32_t i = 0; i < SETTINGS_METADATA; i++) {
		memset(s.metadata[i].key, 'k', sizeof(s.metadata[i].key) - 1);
		memset(s.metadata[i].value, 'v', sizeof(s.metadata[i].value) - 1);
	}
	n = as_bytes(&s, buf, sizeof(buf));
	struct wire_in in = wire_in_over(buf, n);

	assert_int_equal(settings_get(&in, &back), 0);
	assert_memory_equal(&s, &back, sizeof(s));
}

/* No cut of the bytes and no byte more is taken; a change of any byte never misbehaves. */
static void
test_bad_bytes(void **state)
{
	static uint8_t buf[SETTINGS_BYTES];
	struct settings s, back;
	size_t n;

	(void)state;
	settings_defaults(&s);
	take(&s, "{\"events\":{\"excluded\":[\"a\"],\"metadata\":{\"k\":\"v\"}}}");
	n = as_bytes(&s, buf, sizeof(buf));
	for (size_t cut = 0; cut < n; cut++) {
		struct wire_in in = wire_in_over(buf, cut);

		assert_int_equal(settings_get(&in, &back), -EPROTO);
	}
	struct wire_in longer = wire_in_over(buf, n + 1);

	assert_int_equal(settings_get(&longer, &back), -EPROTO);
	for (size_t i = 0; i < n; i++) {
		uint8_t was = buf[i];
		struct wire_in in = wire_in_over(buf, n);

		buf[i] = 0xff;
		if (settings_get(&in, &back) == 0) {
			assert_true(back.n_excluded <= SETTINGS_EXCLUDED);
			assert_true(back.evaluators <= LIMIT_EVALUATORS);
		}
		buf[i] = was;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_bad_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
