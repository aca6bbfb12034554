/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an evaluation takes, by the number of rules.
 *     bench_policy [REQUESTS]
 * For 10, 1,000, 25,000 and 100,000 rules (bench/polgen.h) one line: rules; ms of CPU to compile; bytes of
 * the image; then ns, medians over so many requests: all, each different and all rules alike often; of these
 * the ones that a rule matches, the others, and the 99th percentile; requests that are skewed towards some
 * rules; the same request again at once; with the image flushed from every cache before; the floor; and the
 * share of requests that a rule decided. All sizes are measured in turns, and of each request the operation
 * is parsed just before, as evaluators do. What the clock itself takes is taken off.
 *
 * The floor is what looking the same names up in a bare hash table takes: the whole name and what follows
 * each of its dots (files: what precedes each slash; addresses: 32, 24, 16 and 8 bits), nothing else.
 *     bench_policy --scoped N REQUESTS
 * measures N policies that are all about one name, each for another sandbox: policies, ms of CPU to compile, bytes,
 * median ns.
 *     bench_policy --rules N | --requests N REQUESTS
 * prints the rules, or requests with their answers, tab-separated, for others to measure the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/polgen.h"
#include "common/log.h"
#include "policy/index.h"
#include "policy/policy.h"

#define TURNS 5
#define COLD 200 /* requests that are asked of a cold image */

static const uint32_t sizes[] = {10, 1000, 25000, 100000};
#define SIZES ARRAY_SIZE(sizes)

/* --- the floor ------------------------------------------------------------------------------- */

struct slot {
	uint64_t hash;
	uint32_t at, n; /* of the texts */
};

struct table {
	struct slot *slots;
	char *texts;
	size_t mask, texts_n;
};

static void
table_add(struct table *t, struct str key)
{
	uint64_t h = index_bytes(INDEX_SEED, key.p, key.n);
	size_t i = h & t->mask;

	while (t->slots[i].n > 0)
		i = (i + 1) & t->mask;
	t->slots[i] = (struct slot){h, (uint32_t)t->texts_n, (uint32_t)key.n};
	memcpy(t->texts + t->texts_n, key.p, key.n);
	t->texts_n += key.n;
}

static bool
table_has(const struct table *t, struct str key)
{
	uint64_t h = index_bytes(INDEX_SEED, key.p, key.n);

	for (size_t i = h & t->mask; t->slots[i].n > 0; i = (i + 1) & t->mask)
		if (t->slots[i].hash == h && t->slots[i].n == key.n &&
		    memcmp(t->texts + t->slots[i].at, key.p, key.n) == 0)
			return true;
	return false;
}

/* What a rule would be looked up by: without its stars, ports and length. */
static struct str
plain_name(const struct polgen_rule *r)
{
	struct str s = str_from(r->pattern);

	while (s.n > 0 && (s.p[0] == '*' || (s.p[0] == '.' && r->sort == POLGEN_BELOW)))
		s = str_skip(s, 1);
	if (r->sort == POLGEN_HOST)
		s.n = strcspn(s.p, ":");
	if (r->sort == POLGEN_NETWORK)
		s.n = strcspn(s.p, "/");
	return s;
}

static void
table_init(struct table *t, uint32_t n)
{
	size_t cap = 16;

	while (cap < 2 * (size_t)n)
		cap *= 2;
	*t = (struct table){calloc(cap, sizeof(*t->slots)), malloc((size_t)n * 128), cap - 1, 0};
	if (!t->slots || !t->texts)
		fatalx("out of memory");
	for (uint32_t i = 0; i < n; i++) {
		struct polgen_rule r;

		polgen_rule(i, &r);
		table_add(t, plain_name(&r));
	}
}

static unsigned
floor_name(const struct table *t, struct str s, char mark)
{
	unsigned found = table_has(t, s);

	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == mark)
			found += table_has(
			    t, mark == '.' ? str_skip(s, i + 1) : (struct str){s.p, i});
	return found;
}

static unsigned
floor_address(const struct table *t, const struct policy_op *op)
{
	unsigned found = 0;

	for (size_t n = op->ip_bytes; n > 0; n -= op->ip_bytes / 4)
		found += table_has(t, (struct str){(const char *)op->ip, n});
	return found;
}

static unsigned
floor_ask(const struct table *t, const struct policy_op *op)
{
	if (op->ip_bytes > 0)
		return floor_address(t, op);
	return op->family == FAMILY_NET ? floor_name(t, op->host, '.')
					: floor_name(t, op->path, '/');
}

/* --- one size -------------------------------------------------------------------------------- */

enum figure {
	FIGURE_ALL,
	FIGURE_HIT,
	FIGURE_MISS,
	FIGURE_P99,
	FIGURE_SKEWED,
	FIGURE_AGAIN,
	FIGURE_COLD,
	FIGURE_FLOOR,
	FIGURES,
};

struct size {
	uint32_t rules;
	double compile_ms;
	uint8_t *bytes;
	size_t bytes_n;
	struct policy_image image;
	struct table table;
	double figures[FIGURES][TURNS];
	uint32_t decided;
};

struct samples {
	uint32_t *v, n;
};

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int
by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
quantile(struct samples *s, unsigned percent)
{
	size_t i = (size_t)s->n * percent / 100;

	if (s->n == 0)
		return 0;
	qsort(s->v, s->n, sizeof(*s->v), by_value);
	return s->v[i];
}

static void
sample(struct samples *s, int64_t from, int64_t to, double clock)
{
	double took = (double)(to - from) - clock;

	s->v[s->n++] = took > 0 ? (uint32_t)took : 0;
}

/* What two looks at the clock are apart. */
static double
clock_cost(struct samples *s)
{
	s->n = 0;
	for (uint32_t i = 0; i < 10001; i++) {
		int64_t from = now_ns();

		sample(s, from, now_ns(), 0);
	}
	return quantile(s, 50);
}

static void
size_compile(struct size *z, char *document)
{
	static struct policy_report report;
	struct policy_text text = {"bench", str_from(document)};
	struct policy_texts texts = {.v = &text, .n = 1};
	struct policy_compile_options how = {.accounts = false};
	const char *why;
	int64_t from;

	if (!document)
		fatalx("out of memory");
	from = cpu_ns();
	if (policy_compile(&texts, &how, &z->bytes, &z->bytes_n, &report) < 0)
		fatalx("%s:%u: %s", report.complaint[0].file, report.complaint[0].line,
		    report.complaint[0].text);
	z->compile_ms = (double)(cpu_ns() - from) / 1e6;
	free(document);
	if (policy_image_open(&z->image, z->bytes, z->bytes_n, &why) < 0)
		fatalx("%s", why);
}

static void
size_init(struct size *z, uint32_t rules)
{
	z->rules = rules;
	size_compile(z, polgen_document(rules));
	table_init(&z->table, rules);
}

static void
flush(const struct size *z)
{
#ifdef __x86_64__
	for (size_t i = 0; i < z->bytes_n; i += 64)
		__builtin_ia32_clflush(z->bytes + i);
	__builtin_ia32_mfence();
#else
	(void)z;
#endif
}

static const struct policy_op *
request(const struct size *z, uint32_t j, bool skewed, bool *ret_hit)
{
	static struct policy_op op;
	struct polgen_request r;
	const char *why;

	polgen_request(z->rules, j, skewed, &r);
	if (policy_op_parse(&op, str_from(r.action), str_from(r.resource), &why) < 0)
		fatalx("%s: %s", r.resource, why);
	*ret_hit = r.hit;
	return &op;
}

static const struct policy_subject nobody = {.user = {"builder", 7}};

static struct policy_verdict
evaluate(const struct size *z, const struct policy_op *op)
{
	struct policy_verdict v;

	policy_evaluate(&z->image, op, &nobody, 0, &v);
	return v;
}

struct turn {
	struct samples all, hit, miss, skewed, again, cold, floor;
};

static void
turn_ask(struct turn *t, struct size *z, uint32_t j, double clock)
{
	bool hit;
	const struct policy_op *op = request(z, j, false, &hit);
	struct policy_verdict v;
	int64_t from = now_ns(), to;

	v = evaluate(z, op);
	to = now_ns();
	z->decided += str_given(v.answer.rule_id);
	sample(&t->all, from, to, clock);
	sample(hit ? &t->hit : &t->miss, from, to, clock);
	from = now_ns();
	(void)evaluate(z, op);
	sample(&t->again, from, now_ns(), clock);
}

static void
turn_skewed(struct turn *t, struct size *z, uint32_t j, double clock)
{
	bool hit;
	const struct policy_op *op = request(z, j, true, &hit);
	int64_t from = now_ns();

	(void)evaluate(z, op);
	sample(&t->skewed, from, now_ns(), clock);
}

static void
turn_floor(struct turn *t, struct size *z, uint32_t j, double clock)
{
	static volatile unsigned found;
	bool hit;
	const struct policy_op *op = request(z, j, false, &hit);
	int64_t from = now_ns();

	found = found + floor_ask(&z->table, op);
	sample(&t->floor, from, now_ns(), clock);
}

static void
turn_cold(struct turn *t, struct size *z, uint32_t j, double clock)
{
	bool hit;
	const struct policy_op *op = request(z, j, false, &hit);
	int64_t from;

	flush(z);
	from = now_ns();
	(void)evaluate(z, op);
	sample(&t->cold, from, now_ns(), clock);
}

static void
measure(struct size *z, struct turn *t, unsigned turn, uint32_t requests)
{
	double clock = clock_cost(&t->all);
	uint32_t first = turn * requests;

	t->all.n = t->hit.n = t->miss.n = t->skewed.n = t->again.n = t->cold.n = t->floor.n = 0;
	for (uint32_t j = 0; j < requests; j++)
		turn_floor(t, z, first + j, clock);
	for (uint32_t j = 0; j < requests; j++)
		turn_ask(t, z, first + j, clock);
	for (uint32_t j = 0; j < requests; j++)
		turn_skewed(t, z, first + j, clock);
	for (uint32_t j = 0; j < COLD; j++)
		turn_cold(t, z, first + j, clock);
	z->figures[FIGURE_ALL][turn] = quantile(&t->all, 50);
	z->figures[FIGURE_P99][turn] = quantile(&t->all, 99);
	z->figures[FIGURE_HIT][turn] = quantile(&t->hit, 50);
	z->figures[FIGURE_MISS][turn] = quantile(&t->miss, 50);
	z->figures[FIGURE_SKEWED][turn] = quantile(&t->skewed, 50);
	z->figures[FIGURE_AGAIN][turn] = quantile(&t->again, 50);
	z->figures[FIGURE_COLD][turn] = quantile(&t->cold, 50);
	z->figures[FIGURE_FLOOR][turn] = quantile(&t->floor, 50);
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
show(struct size *z, uint32_t requests)
{
	printf("%u %.1f %zu", z->rules, z->compile_ms, z->bytes_n);
	for (int i = 0; i < FIGURES; i++) {
		qsort(z->figures[i], TURNS, sizeof(double), by_size);
		printf(" %.0f", z->figures[i][TURNS / 2]);
	}
	printf(" %.3f\n", (double)z->decided / TURNS / requests);
}

static void
samples_init(struct samples *s, uint32_t n)
{
	s->v = calloc(n, sizeof(*s->v));
	if (!s->v)
		fatalx("out of memory");
}

static void
measure_all(uint32_t requests)
{
	static struct size all[SIZES];
	struct turn t = {.all = {NULL, 0}};
	uint32_t room = requests > 20000 ? requests : 20000;
	struct samples *every[] = {&t.all, &t.hit, &t.miss, &t.skewed, &t.again, &t.cold, &t.floor};

	for (size_t i = 0; i < ARRAY_SIZE(every); i++)
		samples_init(every[i], room);
	for (size_t i = 0; i < SIZES; i++)
		size_init(&all[i], sizes[i]);
	for (unsigned turn = 0; turn < TURNS; turn++)
		for (size_t i = 0; i < SIZES; i++)
			measure(&all[i], &t, turn, requests);
	for (size_t i = 0; i < SIZES; i++)
		show(&all[i], requests);
}

/* Many policies about one name, each for somebody else. */
static void
measure_scoped(uint32_t policies, uint32_t requests)
{
	static struct size z;
	static struct policy_op op;
	struct samples all;
	const char *why;
	double clock;

	samples_init(&all, requests > 20000 ? requests : 20000);
	size_compile(&z, polgen_scoped(policies));
	if (policy_op_parse(
		&op, STR("net:connect:tcp"), STR("net:domain:www.example.com:443"), &why) < 0)
		fatalx("%s", why);
	clock = clock_cost(&all);
	all.n = 0;
	for (uint32_t j = 0; j < requests; j++) {
		char name[32];
		int n = snprintf(name, sizeof(name), "sb-%u", (j * 7919u) % (2 * policies));
		struct policy_subject who = {.sandbox = {name, (size_t)n}};
		struct policy_verdict v;
		int64_t from = now_ns();

		policy_evaluate(&z.image, &op, &who, 0, &v);
		sample(&all, from, now_ns(), clock);
	}
	printf("%u %.1f %zu %.0f\n", policies, z.compile_ms, z.bytes_n, quantile(&all, 50));
}

/* --- for others ------------------------------------------------------------------------------ */

static void
print_rules(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct polgen_rule r;

		polgen_rule(i, &r);
		printf("%s\t%s\t%s\n", r.deny ? "deny" : "allow", r.action, r.pattern);
	}
}

static void
print_requests(uint32_t n, uint32_t requests)
{
	static struct size z;

	size_init(&z, n);
	for (uint32_t j = 0; j < requests; j++) {
		struct polgen_request r;
		bool hit;
		struct policy_verdict v = evaluate(&z, request(&z, j, false, &hit));

		polgen_request(n, j, false, &r);
		printf("%s\t%s\t%s\n", r.action, r.resource, v.answer.allow ? "allow" : "deny");
	}
}

static uint32_t
number(const char *s)
{
	unsigned long n = strtoul(s, NULL, 10);

	if (n == 0 || n > 10000000)
		fatalx("%s: not a number that is of use here", s);
	return (uint32_t)n;
}

int
main(int argc, char **argv)
{
	log_init("bench_policy");
	if (argc == 3 && strcmp(argv[1], "--rules") == 0)
		print_rules(number(argv[2]));
	else if (argc == 4 && strcmp(argv[1], "--requests") == 0)
		print_requests(number(argv[2]), number(argv[3]));
	else if (argc == 4 && strcmp(argv[1], "--scoped") == 0)
		measure_scoped(number(argv[2]), number(argv[3]));
	else if (argc <= 2)
		measure_all(argc == 2 ? number(argv[1]) : 20000);
	else
		fatalx("usage: bench_policy [REQUESTS] | --scoped N REQUESTS | --rules N | "
		       "--requests N "
		       "REQUESTS");
	return 0;
}
