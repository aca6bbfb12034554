/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/account.h"

#include <stdlib.h>

static struct account **
account_chain(struct accounts *a, uint32_t uid)
{
	return &a->chain[(uid * UINT32_C(2654435761)) >> 24];
}

static bool
uid_is_trusted(const struct settings *s, uint32_t uid)
{
	if (uid == UID_UNMAPPED || uid == UINT32_MAX)
		return false;
	for (uint32_t i = 0; i < s->n_trusted; i++)
		if (s->trusted[i] == uid)
			return true;
	return false;
}

static struct account *
account_new(struct accounts *a, const struct settings *s, uint32_t uid, int64_t now)
{
	struct account **chain = account_chain(a, uid);
	struct account *account = calloc(1, sizeof(*account));

	if (!account)
		return NULL;
	account->uid = uid;
	account->trusted = uid_is_trusted(s, uid);
	bucket_init(&account->bucket, s->records_per_second, now);
	account->next = *chain;
	*chain = account;
	a->idle++;
	return account;
}

struct account *
accounts_enter(struct accounts *a, const struct settings *s, uint32_t uid, int64_t now)
{
	struct account *account = *account_chain(a, uid);

	while (account && account->uid != uid)
		account = account->next;
	if (!account)
		account = account_new(a, s, uid, now);
	if (account && account->connections++ == 0)
		a->idle--;
	return account;
}

void
accounts_leave(struct accounts *a, struct account *account)
{
	if (--account->connections == 0)
		a->idle++;
}

static void
chain_sweep(struct accounts *a, struct account **link, bool all, int64_t now)
{
	while (*link) {
		struct account *account = *link;

		if (account->connections > 0 || (!all && !bucket_full(&account->bucket, now))) {
			link = &account->next;
			continue;
		}
		*link = account->next;
		free(account);
		a->idle--;
	}
}

void
accounts_sweep(struct accounts *a, int64_t now)
{
	bool all = a->idle > ACCOUNTS_IDLE_MAX;

	for (size_t i = 0; i < ACCOUNT_CHAINS && a->idle > 0; i++)
		chain_sweep(a, &a->chain[i], all, now);
}

void
account_name(struct account *account, const struct image *image)
{
	if (account->named_by == image)
		return;
	account->named_by = image;
	account->user = STR_NONE;
	account->n_groups = 0;
	account->more_groups = false;
	if (account->uid == UID_UNMAPPED)
		return;
	account->user = policy_image_user(&image->view, account->uid);
	account->n_groups = (uint16_t)policy_image_groups(
	    &image->view, account->uid, account->groups, LIMIT_GROUPS, &account->more_groups);
}

static void
accounts_forget_names(struct accounts *a)
{
	for (size_t i = 0; i < ACCOUNT_CHAINS; i++)
		for (struct account *account = a->chain[i]; account; account = account->next)
			account->named_by = NULL;
}

int
accounts_next_image(struct accounts *a, struct image_queue *q, uint64_t requests,
    struct image **image, const char **ret_why)
{
	struct image *next;
	int state = image_queue_step(q, requests, &next, ret_why);

	if (state <= 0)
		return state;
	/* Names point into the old one. */
	accounts_forget_names(a);
	image_queue_retire(q, *image);
	*image = next;
	return 0;
}
