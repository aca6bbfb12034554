/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seccomp.h"

#include <errno.h>
#include <seccomp.h>

#ifdef SANITIZED

int
seccomp_filter_install(const struct syscall_rule *rules, size_t n, const char **ret_call)
{
	(void)rules;
	(void)n;
	*ret_call = "";
	return -ENOTSUP;
}

#else

static void
cleanup_filter(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}
#define CLEANUP_FILTER __attribute__((cleanup(cleanup_filter)))

static int
add(scmp_filter_ctx filter, uint32_t action, const struct syscall_rule *rule)
{
	struct scmp_arg_cmp compare[SYSCALL_COMPARES];
	int number = seccomp_syscall_resolve_name(rule->name);
	unsigned n = 0;

	if (number == __NR_SCMP_ERROR)
		return -ENOSYS;
	for (; n < SYSCALL_COMPARES && rule->compare[n].mask != 0; n++)
		compare[n] = (struct scmp_arg_cmp){rule->compare[n].arg, SCMP_CMP_MASKED_EQ,
		    rule->compare[n].mask, rule->compare[n].value};
	return seccomp_rule_add_array(filter, action, number, n, compare);
}

/* no_new_privs is the caller's to set: the library would do it unasked. */
static int
set_attributes(scmp_filter_ctx filter)
{
	int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	return error;
}

int
seccomp_filter_install(const struct syscall_rule *rules, size_t n, const char **ret_call)
{
	static const struct syscall_rule clone3 = {"clone3", ANY_ARGS};
	CLEANUP_FILTER scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error;

	*ret_call = "";
	if (!filter)
		return -ENOMEM;
	error = set_attributes(filter);
	if (error == 0)
		error = add(filter, SCMP_ACT_ERRNO(ENOSYS), &clone3);
	for (size_t i = 0; error == 0 && i < n; i++) {
		*ret_call = rules[i].name;
		error = add(filter, SCMP_ACT_ALLOW, &rules[i]);
	}
	if (error < 0)
		return error;
	*ret_call = "";
	return seccomp_load(filter);
}

#endif
