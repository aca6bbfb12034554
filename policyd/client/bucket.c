/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/bucket.h"

#include "common/clock.h"

#define TOKEN UINT64_C(1000000)

static uint64_t
bucket_cap(const struct bucket *b)
{
	return b->rate * TOKEN;
}

void
bucket_init(struct bucket *b, uint32_t rate, int64_t now)
{
	*b = (struct bucket){.rate = rate, .at = now};
	b->level = bucket_cap(b);
}

/* A token a second is one millionth of a token a microsecond. */
static void
bucket_fill(struct bucket *b, int64_t now)
{
	uint64_t passed;

	if (now <= b->at)
		return;
	passed = (uint64_t)(now - b->at);
	if (passed > (uint64_t)US_PER_S)
		passed = (uint64_t)US_PER_S;
	b->at = now;
	b->level += passed * b->rate;
	if (b->level > bucket_cap(b))
		b->level = bucket_cap(b);
}

bool
bucket_has(struct bucket *b, int64_t now)
{
	if (b->rate == 0)
		return true;
	if (b->level < TOKEN)
		bucket_fill(b, now);
	return b->level >= TOKEN;
}

bool
bucket_take(struct bucket *b, int64_t now)
{
	if (b->rate == 0)
		return true;
	bucket_fill(b, now);
	if (b->level < TOKEN)
		return false;
	b->level -= TOKEN;
	return true;
}

int64_t
bucket_wait(struct bucket *b, uint32_t n, int64_t now)
{
	uint64_t want = n < b->rate ? n * TOKEN : bucket_cap(b);

	bucket_fill(b, now);
	if (b->level >= want)
		return 0;
	return (int64_t)((want - b->level + b->rate - 1) / b->rate);
}

bool
bucket_full(struct bucket *b, int64_t now)
{
	bucket_fill(b, now);
	return b->level == bucket_cap(b);
}
