/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/accounts.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/limits.h"

struct group_entry {
	uint32_t gid;
	struct str name;
};

/* Account i is a member of group g. */
struct membership {
	uint32_t account, group;
};

/* While reading. */
struct accounts_work {
	struct accounts *a;
	struct vec groups;      /* struct group_entry */
	struct vec memberships; /* struct membership */
	struct strmap names;    /* of accounts */
	struct strmap uids;     /* keys: the number's bytes */
	struct strmap gids;
};

static struct str
number_key(const uint32_t *n)
{
	return (struct str){(const char *)n, sizeof(*n)};
}

/* The name as the image may hold it; STR_NONE for none and for what no record has room for. */
static struct str
usable_name(const char *name)
{
	struct str s = str_from(name);
	bool compat = str_starts(s, STR("+")) || str_starts(s, STR("-")); /* nsswitch.conf(5) */

	return s.n > 0 && s.n <= LIMIT_NAME && !compat ? s : STR_NONE;
}

static int
add_account(struct accounts_work *w, const struct passwd *pw)
{
	struct str name = usable_name(pw->pw_name);
	uint32_t before, *uid = arena_take(&w->a->arena, sizeof(*uid));
	struct account *account;
	int known;

	if (!uid)
		return -ENOMEM;
	*uid = pw->pw_uid;
	if (!str_given(name))
		return 0;
	known = strmap_add(&w->uids, number_key(uid), w->a->v.n, &before);
	if (known != 0)
		return known < 0 ? known : 0;
	account = vec_add(&w->a->v, sizeof(*account));
	name = arena_str(&w->a->arena, name);
	if (!account || !str_given(name))
		return -ENOMEM;
	*account = (struct account){.uid = pw->pw_uid, .gid = pw->pw_gid, .name = name};
	known = strmap_add(&w->names, name, w->a->v.n - 1, &before);
	return known < 0 ? known : 0;
}

static int
add_member(struct accounts_work *w, const char *name, uint32_t group)
{
	struct membership *m;
	uint32_t account;
	/* A name that is not there yet must not be entered: the key would not stay. */
	struct str key = arena_str(&w->a->arena, str_from(name));
	int known = str_given(key) ? strmap_add(&w->names, key, UINT32_MAX, &account) : -ENOMEM;

	if (known <= 0 || account == UINT32_MAX)
		return known < 0 ? known : 0;
	m = vec_add(&w->memberships, sizeof(*m));
	if (!m)
		return -ENOMEM;
	*m = (struct membership){account, group};
	return 0;
}

static int
add_group(struct accounts_work *w, const struct group *gr)
{
	struct str name = usable_name(gr->gr_name);
	uint32_t before, index = w->groups.n;
	struct group_entry *entry;
	uint32_t *gid;
	int error = 0;

	if (!str_given(name))
		return 0;
	entry = vec_add(&w->groups, sizeof(*entry));
	gid = arena_take(&w->a->arena, sizeof(*gid));
	name = arena_str(&w->a->arena, name);
	if (!entry || !gid || !str_given(name))
		return -ENOMEM;
	*gid = gr->gr_gid;
	*entry = (struct group_entry){gr->gr_gid, name};
	if (strmap_add(&w->gids, number_key(gid), index, &before) < 0)
		return -ENOMEM;
	for (size_t i = 0; error == 0 && gr->gr_mem[i]; i++)
		error = add_member(w, gr->gr_mem[i], index);
	return error;
}

/* After fgetpwent() and fgetgrent() have given NULL: the end, or why not. */
static int
read_end(FILE *f)
{
	if (ferror(f))
		return -EIO;
	return errno == ENOMEM ? -ENOMEM : 0;
}

static int
read_passwd(struct accounts_work *w, FILE *f)
{
	const struct passwd *pw;
	int error = 0;

	errno = 0;
	/* cppcheck-suppress fgetpwentCalled ; there is one thread */
	while (error == 0 && (pw = fgetpwent(f)))
		error = add_account(w, pw);
	return error < 0 ? error : read_end(f);
}

static int
read_group(struct accounts_work *w, FILE *f)
{
	const struct group *gr;
	int error = 0;

	errno = 0;
	/* cppcheck-suppress fgetgrentCalled ; there is one thread */
	while (error == 0 && (gr = fgetgrent(f)))
		error = add_group(w, gr);
	return error < 0 ? error : read_end(f);
}

static int
by_account(const void *a, const void *b)
{
	const struct membership *x = a, *y = b;

	if (x->account != y->account)
		return x->account < y->account ? -1 : 1;
	return x->group < y->group ? -1 : x->group > y->group;
}

static int
add_group_name(struct accounts *a, struct account *account, struct str name)
{
	struct str *names;

	/* The primary group may name its members, too. */
	for (uint32_t i = 0; i < account->n_groups; i++)
		if (str_eq(((struct str *)a->group_names.p)[account->first_group + i], name))
			return 0;
	names = vec_add(&a->group_names, sizeof(*names));
	if (!names)
		return -ENOMEM;
	*names = name;
	account->n_groups++;
	return 0;
}

static int
primary_group(struct accounts_work *w, struct account *account)
{
	uint32_t *gid = arena_take(&w->a->arena, sizeof(*gid));
	uint32_t index;
	int known;

	if (!gid)
		return -ENOMEM;
	*gid = account->gid;
	known = strmap_add(&w->gids, number_key(gid), UINT32_MAX, &index);
	if (known <= 0 || index == UINT32_MAX)
		return known < 0 ? known : 0;
	return add_group_name(w->a, account, ((struct group_entry *)w->groups.p)[index].name);
}

/* The membership at *next if it is one of this account, and then one further. */
static const struct membership *
next_membership(const struct accounts_work *w, uint32_t account, uint32_t *next)
{
	const struct membership *m = w->memberships.p;

	if (!m || *next == w->memberships.n || m[*next].account != account)
		return NULL;
	return &m[(*next)++];
}

static int
give_groups(struct accounts_work *w)
{
	const struct membership *m;
	uint32_t next = 0;
	int error = 0;

	if (w->memberships.n > 0)
		qsort(w->memberships.p, w->memberships.n, sizeof(*m), by_account);
	for (uint32_t i = 0; error == 0 && i < w->a->v.n; i++) {
		struct account *account = accounts_at(w->a, i);

		account->first_group = w->a->group_names.n;
		error = primary_group(w, account);
		while (error == 0 && (m = next_membership(w, i, &next)))
			error = add_group_name(
			    w->a, account, ((struct group_entry *)w->groups.p)[m->group].name);
	}
	return error;
}

static int
by_uid(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

int
accounts_read(struct accounts *a, FILE *passwd, FILE *group)
{
	struct accounts_work w = {.a = a};
	int error = 0;

	*a = (struct accounts){.arena = {NULL}};
	if (passwd)
		error = read_passwd(&w, passwd);
	if (error == 0 && group)
		error = read_group(&w, group);
	if (error == 0)
		error = give_groups(&w);
	if (error == 0 && a->v.n > 0)
		qsort(a->v.p, a->v.n, sizeof(struct account), by_uid);
	vec_free(&w.groups);
	vec_free(&w.memberships);
	strmap_free(&w.names);
	strmap_free(&w.uids);
	strmap_free(&w.gids);
	return error;
}

static int
open_if_there(const char *path, FILE **ret)
{
	*ret = fopen(path, "re");
	return *ret || errno == ENOENT ? 0 : -errno;
}

int
accounts_read_etc(struct accounts *a)
{
	CLEANUP_FILE FILE *passwd = NULL, *group = NULL;
	int error = open_if_there("/etc/passwd", &passwd);

	if (error == 0)
		error = open_if_there("/etc/group", &group);
	return error < 0 ? error : accounts_read(a, passwd, group);
}

void
accounts_free(struct accounts *a)
{
	arena_free(&a->arena);
	vec_free(&a->v);
	vec_free(&a->group_names);
}
