/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What evidence costs.
 *     bench_evidence [SECONDS]
 * CPU time for each record of what the writer does for evidence: the line's leaf hash, the file's
 * hash, its place in the Merkle tree, and a thousandth of a seal (next key, body, signature, read
 * again). Beside it SHA-256 of the same bytes alone, record by record with a context that is used again:
 * both over the same lines, one after the other, in turns.
 *     bench_evidence --log DIR RECORDS [PER_SEGMENT]
 * makes a log to verify.
 */
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

/* The parts, each the least that it took in any turn, in ns a record. */
enum part {
	PART_BARE,
	PART_LEAF,
	PART_FILE,
	PART_TREE,
	PART_SEAL,
	PARTS,
};

struct work {
	struct segment *segment;
	struct hash *one, *whole;
	uint8_t leaves[LINES][HASH_SIZE];
	struct merkle tree;
	struct loggen_seals seals;
	struct seal seal;
	double least[PARTS];
	double least_all; /* of all but the bare sum, in one turn */
};

static void
do_bare(struct work *w)
{
	uint8_t out[HASH_SIZE];

	for (size_t i = 0; i < LINES; i++) {
		hash_begin(w->one);
		hash_add(w->one, w->segment->lines[i]);
		hash_end(w->one, out);
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
		double start = cpu_ns(), took;

		parts[i](w);
		took = (cpu_ns() - start) / LINES;
		if (w->least[i] == 0 || took < w->least[i])
			w->least[i] = took;
		if (i != PART_BARE)
			all += took;
	}
	if (w->least_all == 0 || all < w->least_all)
		w->least_all = all;
}

static void
work_init(struct work *w, struct segment *s)
{
	struct loggen g;

	*w = (struct work){.segment = s, .one = hash_new(), .whole = hash_new()};
	if (!w->one || !w->whole || loggen_init(&g) < 0)
		fatalx("out of memory");
	loggen_seals_init(&w->seals, &g);
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
	while (cpu_ns() < end)
		turn(&w);
	printf("%.0f %.1f %.1f %.1f %.1f %.1f %.1f\n", (double)segment.bytes / LINES,
	    w.least[PART_BARE], w.least[PART_LEAF], w.least[PART_FILE], w.least[PART_TREE],
	    w.least[PART_SEAL], w.least_all);
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
