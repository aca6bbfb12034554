/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SANITIZED

int
seccomp_filter_install(const struct syscall_rule *rules, size_t n, const char **ret_call)
{
	(void)rules;
	(void)n;
	*ret_call = "";
	return -ENOTSUP;
}

int
seccomp_pairs_install(
    const char *call, unsigned first, unsigned second, const struct syscall_pair *pairs, size_t n)
{
	(void)call;
	(void)first;
	(void)second;
	(void)pairs;
	(void)n;
	return 0;
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

/* --- pairs ------------------------------------------------------------------------------------ */

/*
 * By hand, as libseccomp merges rules of one call: the number, then for each pair two comparisons. Which
 * architecture it is, the table's own filter asks.
 */
struct program {
	struct sock_filter code[4 + 4 * SYSCALL_PAIRS];
	unsigned short n;
};

static void
put(struct program *p, unsigned code, uint32_t k, unsigned jump_true, unsigned jump_false)
{
	p->code[p->n++] = (struct sock_filter){
	    (uint16_t)code, (uint8_t)jump_true, (uint8_t)jump_false, k};
}

static void
put_load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The lower half of an argument. */
static size_t
argument(unsigned n)
{
	const bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	return offsetof(struct seccomp_data, args) + n * sizeof(uint64_t) +
	       (big_endian ? sizeof(uint32_t) : 0);
}

static void
put_all(struct program *p, int number, unsigned first, unsigned second,
    const struct syscall_pair *pairs, size_t n)
{
	put_load(p, offsetof(struct seccomp_data, nr));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, (unsigned)(4 * n) + 1);
	for (size_t i = 0; i < n; i++) {
		put_load(p, argument(first));
		put(p, BPF_JMP | BPF_JEQ | BPF_K, pairs[i].first, 0, 2);
		put_load(p, argument(second));
		put(p, BPF_JMP | BPF_JEQ | BPF_K, pairs[i].second, (unsigned)(4 * (n - 1 - i)) + 1,
		    0);
	}
	put(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

int
seccomp_pairs_install(
    const char *call, unsigned first, unsigned second, const struct syscall_pair *pairs, size_t n)
{
	struct program p = {.n = 0};
	struct sock_fprog program = {.filter = p.code};
	int number = seccomp_syscall_resolve_name(call);
	long error;

	if (number < 0 || n > SYSCALL_PAIRS)
		return -EINVAL;
	put_all(&p, number, first, second, pairs, n);
	program.len = p.n;
	error = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (error > 0)
		return -EBUSY; /* a thread of this number has other filters */
	return error < 0 ? -errno : 0;
}

#endif
