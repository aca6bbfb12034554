/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What evidence costs.
 *     bench_evidence [SECONDS]
 * CPU time for each record of what the writer does for evidence: the line's leaf hash, the file's
 * hash, its place in the Merkle tree, and a thousandth of a seal (next key, body, signature, read
 * again). Beside it SHA-256 of the same bytes alone, record by record, by libcrypto with a fetched digest
 * and a context that is used again: both over the same lines, one after the other, in turns. Medians of
 * the turns: bytes a record; ns a record for the bare sum, leaf, file, tree and seal; and the ratio of
 * the four together to the bare sum.
 *     bench_evidence --log DIR RECORDS [PER_SEGMENT]
 * makes a log to verify.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/loggen.h"
#include "common/log.h"

#define LINES 1000 /* of a segment */
#define ROOM (LINES * 2048)

struct segment {
	char room[ROOM];
	struct str lines[LINES];
	size_t bytes;
};

static double
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
fill(struct segment *s)
{
	struct text t = text_over(s->room, sizeof(s->room));
	struct loggen g;

	if (loggen_init(&g) < 0)
		fatalx("out of memory");
	for (size_t i = 0; i < LINES; i++) {
		size_t start = t.n;

		loggen_line(&g, &t);
		s->lines[i] = (struct str){s->room + start, t.n - start};
	}
	s->bytes = t.n;
	loggen_deinit(&g);
}

#define TURNS 10000 /* at most */

/* What is measured: times in ns a record, and a ratio. */
enum part {
	PART_BARE,
	PART_LEAF,
	PART_FILE,
	PART_TREE,
	PART_SEAL,
	PARTS,
	RATIO = PARTS,
	FIGURES,
};

struct work {
	struct segment *segment;
	EVP_MD *sha256;
	EVP_MD_CTX *bare;
	struct hash *one, *whole;
	uint8_t leaves[LINES][HASH_SIZE];
	struct merkle tree;
	struct loggen_seals seals;
	struct seal seal;
	size_t turns;
	double figures[FIGURES][TURNS];
};

static void
do_bare(struct work *w)
{
	uint8_t out[HASH_SIZE];

	for (size_t i = 0; i < LINES; i++) {
		struct str line = w->segment->lines[i];

		if (!EVP_DigestInit_ex2(w->bare, w->sha256, NULL) ||
		    !EVP_DigestUpdate(w->bare, line.p, line.n) ||
		    !EVP_DigestFinal_ex(w->bare, out, NULL))
			fatalx("SHA-256 failed");
	}
}

static void
do_leaf(struct work *w)
{
	for (size_t i = 0; i < LINES; i++)
		hash_leaf(w->one, w->segment->lines[i], w->leaves[i]);
}

static void
do_file(struct work *w)
{
	hash_begin(w->whole);
	for (size_t i = 0; i < LINES; i++)
		hash_add(w->whole, w->segment->lines[i]);
	hash_end(w->whole, w->seal.sha256);
}

static void
do_tree(struct work *w)
{
	merkle_init(&w->tree);
	for (size_t i = 0; i < LINES; i++)
		merkle_add(&w->tree, w->one, w->leaves[i]);
	merkle_root(&w->tree, w->one, w->seal.root);
}

static void
do_seal(struct work *w)
{
	char buf[SEAL_NOTE];
	struct text note = text_over(buf, sizeof(buf));

	loggen_seal(&w->seals, &w->seal, w->one, &note);
}

static void
turn(struct work *w)
{
	static void (*const parts[PARTS])(struct work *) = {
	    do_bare, do_leaf, do_file, do_tree, do_seal};
	double all = 0;

	for (int i = 0; i < PARTS; i++) {
		double start = cpu_ns();

		parts[i](w);
		w->figures[i][w->turns] = (cpu_ns() - start) / LINES;
		if (i != PART_BARE)
			all += w->figures[i][w->turns];
	}
	w->figures[RATIO][w->turns] = all / w->figures[PART_BARE][w->turns];
	w->turns++;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(struct work *w, int figure)
{
	qsort(w->figures[figure], w->turns, sizeof(double), by_value);
	return w->figures[figure][w->turns / 2];
}

static void
work_init(struct work *w, struct segment *s)
{
	struct loggen g;

	w->segment = s;
	w->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	w->bare = EVP_MD_CTX_new();
	w->one = hash_new();
	w->whole = hash_new();
	if (!w->sha256 || !w->bare || !w->one || !w->whole || loggen_init(&g) < 0)
		fatalx("out of memory");
	if (loggen_seals_init(&w->seals, &g) < 0)
		fatalx("no key");
	loggen_deinit(&g);
	w->seal = (struct seal){
	    .file = STR("audit-20261121T034657Z-0d1e2f30-4152-4637-8849-5a6b7c8d9eaf-000001.jsonl"),
	    .bytes = s->bytes,
	    .records = LINES,
	    .first_seq = 1,
	    .last_seq = LINES,
	    .session = STR("0d1e2f30-4152-4637-8849-5a6b7c8d9eaf"),
	    .boot_id = STR("unknown"),
	};
}

static void
measure(double seconds)
{
	static struct segment segment;
	static struct work w;
	double end = cpu_ns() + seconds * 1e9;

	fill(&segment);
	work_init(&w, &segment);
	while (w.turns < TURNS && cpu_ns() < end)
		turn(&w);
	printf("%.0f", (double)segment.bytes / LINES);
	for (int i = 0; i < FIGURES; i++)
		printf(i == RATIO ? " %.3f\n" : " %.1f", median(&w, i));
	loggen_seals_deinit(&w.seals);
	EVP_MD_CTX_free(w.bare);
	EVP_MD_free(w.sha256);
	hash_free(w.one);
	hash_free(w.whole);
}

static void
make_log(const char *dir, const char *records, const char *per_segment)
{
	uint64_t n = strtoull(records, NULL, 10), each = strtoull(per_segment, NULL, 10);
	int error;

	if (n == 0 || each == 0)
		fatalx("how many records?");
	error = loggen_write(dir, n, each);
	if (error < 0)
		fatal(error, "%s", dir);
}

int
main(int argc, char **argv)
{
	log_init("bench_evidence");
	if (hash_init() < 0)
		fatalx("no SHA-256");
	if (argc >= 4 && argc <= 5 && strcmp(argv[1], "--log") == 0)
		make_log(argv[2], argv[3], argc > 4 ? argv[4] : "1000");
	else if (argc <= 2 && (argc < 2 || strtod(argv[1], NULL) > 0))
		measure(argc > 1 ? strtod(argv[1], NULL) : 3);
	else
		fatalx("usage: bench_evidence [SECONDS] | --log DIR RECORDS [PER_SEGMENT]");
	return 0;
}
