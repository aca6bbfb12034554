/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog prove: one record, and what shows that it is in the log, for somebody who has no log. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditlog/apart.h"
#include "auditlog/commands.h"
#include "auditlog/proof_check.h"
#include "auditlog/reader.h"
#include "auditlog/sealchain.h"
#include "auditlog/segment.h"
#include "common/cleanup.h"
#include "common/cli.h"
#include "common/fds.h"

#define PROVE_NO_FROM UINT32_MAX
/* No line is shorter: its id, times and hash alone are longer. */
#define PROVE_LINE_LEAST 128

struct prove {
	char id[UUID_TEXT + 1];
	uint64_t log_id, seq;
	uint32_t from; /* PROVE_NO_FROM: from seal 0 */
	struct logdir dir;
	struct sealchain chain;
	struct segment_reader reader;
	const struct sealchain_seal *seal; /* of the record's segment */
	uint64_t first, last;              /* seals of the proof */
	struct proof proof;
	char line[LIMIT_LINE]; /* the record's */
	/* The proof as text. */
	char *text;
	size_t n, cap;
};

/* --- which segment, which seals -------------------------------------------------------------- */

static void
prove_fault(const struct fault *f)
{
	if (f->expected[0])
		log_error("prove: %s: %s: expected %s, found %s", f->file, f->what, f->expected,
		    f->found);
	else
		log_error("prove: %s: %s", f->file, f->what);
}

/* Seals follow each other without a gap, so the first that ends at seq or later is the one. */
static const struct sealchain_seal *
seal_of(const struct sealchain *c, uint64_t seq)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->seals[middle]->seal.last_seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->n ? c->seals[low] : NULL;
}

static bool
find_seal(struct prove *p)
{
	const struct sealchain *c = &p->chain;

	p->seal = seal_of(c, p->seq);
	if (!p->seal && c->fault.kind != FAULT_NONE)
		prove_fault(&c->fault);
	else if (!p->seal)
		log_error("prove: %s: seq %" PRIu64 " is not sealed (yet)", p->id, p->seq);
	else if (p->seq < p->seal->seal.first_seq)
		log_error("prove: %s: the seals up to seal %" PRIu64
			  ", one of which is that of seq %" PRIu64 ", are missing",
		    p->id, p->seal->seal.index, p->seq);
	else if (!p->seal->present)
		log_error("prove: %s: its segment %s is gone; only the seal is there", p->id,
		    p->seal->base);
	else
		return true;
	return false;
}

/* From seal 0, or from (or up to) the one that the reviewer knows. */
static bool
find_range(struct prove *p)
{
	uint64_t from = p->from == PROVE_NO_FROM ? 0 : p->from, index = p->seal->seal.index;

	p->first = from < index ? from : index;
	p->last = from < index ? index : from;
	if (sealchain_find(&p->chain, p->first) && sealchain_find(&p->chain, p->last))
		return true;
	if (p->chain.fault.kind != FAULT_NONE && from > index) {
		prove_fault(&p->chain.fault);
		return false;
	}
	log_error("prove: seal %" PRIu64 " is not there; --from names one that is and that the "
		  "reviewer has pinned: %" PRIu64 " to %" PRIu64,
	    from, p->chain.seals[0]->seal.index, p->chain.seals[p->chain.n - 1]->seal.index);
	return false;
}

/* --- the record and its path ----------------------------------------------------------------- */

static struct record_chain
segment_begin(const struct prove *p)
{
	const struct seal *s = &p->seal->seal;
	const struct sealchain_seal *before = s->index > 0 ? sealchain_find(&p->chain, s->index - 1)
							   : NULL;
	struct record_chain c = {.seq = s->first_seq};

	if (s->index == 0)
		record_chain_begin(&c);
	if (!before)
		return c;
	c.has_head = c.has_time = true;
	memcpy(c.head, before->seal.head, sizeof(c.head));
	c.time = before->seal.last_time;
	return c;
}

/* The whole segment against its seal: a record of one that is damaged is not proven. */
static bool
check_segment(struct prove *p)
{
	struct record_chain c = segment_begin(p);
	struct fault f;
	bool gone;

	if (!segment_check(&p->reader, p->seal, &c, &f, &gone)) {
		log_error("prove: %s: line %" PRIu64 ", byte %" PRIu64 ": %s", f.file, f.line,
		    f.offset, f.what);
		return false;
	}
	if (c.log_id == p->log_id)
		return true;
	line_event_id(c.log_id, p->seq, p->id);
	log_error("prove: the id is of another log; seq %" PRIu64 " is %s here", p->seq, p->id);
	return false;
}

/* Leaf hashes of all lines; the record's own line is kept. 0 or a negative errno. */
static int
read_leaves(struct prove *p, int fd, uint8_t (*leaves)[HASH_SIZE])
{
	const struct seal *s = &p->seal->seal;
	struct segment_lines lines;

	segment_lines_open(&lines, fd);
	for (uint64_t i = 0; i < s->records; i++) {
		struct str line = segment_lines_next(&lines, &p->reader);

		if (line.n == 0 || line.n > LIMIT_LINE)
			return lines.error < 0 ? lines.error : -ESTALE;
		hash_leaf(p->reader.small, line, leaves[i]);
		if (i != p->proof.leaf_index)
			continue;
		memcpy(p->line, line.p, line.n);
		p->proof.record = (struct str){p->line, line.n};
	}
	return 0;
}

static int
find_path(struct prove *p)
{
	const struct seal *s = &p->seal->seal;
	CLEANUP_FREE void *leaves = NULL;
	char name[SEGNAME_SIZE];
	uint64_t bytes;
	CLEANUP_FD int fd = logdir_lines(&p->dir, p->seal->base, name, &bytes);
	int n;

	if (fd < 0)
		return fd;
	if (bytes != s->bytes || s->records > bytes / PROVE_LINE_LEAST)
		return -ESTALE;
	leaves = calloc(s->records, HASH_SIZE);
	if (!leaves)
		return -ENOMEM;
	n = read_leaves(p, fd, leaves);
	if (n < 0)
		return n;
	n = merkle_path(p->reader.small, leaves, s->records, p->proof.leaf_index, p->proof.path);
	p->proof.n_path = n < 0 ? 0 : (size_t)n;
	return n < 0 ? n : 0;
}

/* --- the proof ------------------------------------------------------------------------------- */

/* Room for more bytes behind what is there; -EFBIG when no proof is that long. */
static int
text_room(struct prove *p, size_t more, struct text *ret)
{
	size_t cap = p->cap ? p->cap : PROOF_HEAD + 16 * PROOF_SEAL;
	char *grown;

	if (more > PROOF_SIZE - p->n)
		return -EFBIG;
	while (cap - p->n < more)
		cap *= 2;
	if (cap != p->cap) {
		grown = realloc(p->text, cap);
		if (!grown)
			return -ENOMEM;
		p->text = grown;
		p->cap = cap;
	}
	*ret = text_over(p->text + p->n, p->cap - p->n);
	return 0;
}

static int
put_seal(struct prove *p, const struct sealchain_seal *s)
{
	char buf[SEAL_NOTE];
	struct str note;
	struct text t;
	int error = sealchain_note(&p->chain, s, p->reader.small, buf, &note);

	if (error == 0)
		error = text_room(p, PROOF_SEAL, &t);
	if (error < 0)
		return error;
	proof_put_seal(&t, note, s->seal.index == p->first);
	p->n += t.n;
	return text_ok(&t) ? 0 : -EFBIG;
}

static int
put_proof(struct prove *p)
{
	struct text t;
	int error = text_room(p, PROOF_HEAD, &t);

	if (error < 0)
		return error;
	proof_put_head(&t, &p->proof);
	p->n += t.n;
	for (uint64_t i = p->first; i <= p->last && error == 0; i++)
		error = put_seal(p, sealchain_find(&p->chain, i));
	if (error == 0)
		error = text_room(p, PROOF_SEAL, &t);
	if (error < 0)
		return error;
	proof_put_end(&t);
	p->n += t.n;
	return text_ok(&t) && p->n <= PROOF_SIZE ? 0 : -EFBIG;
}

/* As whoever gets it will: what is written verifies. */
static int
check_proof(struct prove *p)
{
	const struct trust nobody = {.pinned = false};
	struct proof_reader reader = {.seals = 0};
	struct jscan_fault fault;
	struct proof_result result;
	int error = proof_get(&reader, (struct str){p->text, p->n}, &fault);

	if (error == 0)
		error = proof_check(&reader, &nobody, p->reader.small, &result);
	if (error == 0 && result.fault.kind != FAULT_NONE)
		error = -ESTALE;
	proof_reader_free(&reader);
	return error;
}

static int
make_proof(struct prove *p)
{
	int error;

	p->proof.origin = p->seal->seal.origin;
	p->proof.event_id = str_from(p->id);
	p->proof.leaf_index = p->seq - p->seal->seal.first_seq;
	p->proof.seal_index = p->seal->seal.index;
	error = find_path(p);
	if (error == 0)
		error = put_proof(p);
	return error == 0 ? check_proof(p) : error;
}

/* --- the command ----------------------------------------------------------------------------- */

static int
prove_write(const struct prove *p, int out)
{
	int error = 0;

	if (out < 0)
		cli_put((struct str){p->text, p->n});
	else
		error = fd_write_all(out, p->text, p->n);
	if (error == 0 && out >= 0 && fsync(out) < 0)
		error = -errno;
	if (error < 0)
		cli_fatal(error, "prove: the proof cannot be written");
	return CLI_YES;
}

static int
prove_record(struct prove *p, int out)
{
	int error = sealchain_load(&p->chain, &p->dir);

	if (error < 0)
		cli_fatal(error, "prove: the seals");
	if (!find_seal(p) || !find_range(p) || !check_segment(p))
		return CLI_NO;
	error = make_proof(p);
	if (error == -EFBIG)
		cli_fatal(0,
		    "prove: %" PRIu64 " seals are too many for a proof; --from names a "
		    "later one that the reviewer has pinned",
		    p->last - p->first + 1);
	if (error == -ESTALE)
		cli_fatal(0, "prove: %s: changed while it was read", p->seal->base);
	if (error < 0)
		cli_fatal(error, "prove: %s", p->seal->base);
	return prove_write(p, out);
}

static int
prove_jailed(struct prove *p, int out)
{
	int code;

	if (hash_init() < 0)
		cli_fatal(0, "prove: no SHA-256");
	reader_jail(&p->dir, out);
	if (segment_reader_init(&p->reader, &p->dir, NULL) < 0)
		cli_fatal(ENOMEM, "prove");
	code = prove_record(p, out);
	sealchain_free(&p->chain);
	segment_reader_free(&p->reader);
	free(p->text);
	return code;
}

/* The file is made by the caller's rights, filled in the jail, and taken away unless it was. */
static int
prove_to_file(struct prove *p, const char *path)
{
	CLEANUP_FD int out = apart_create(path);
	int code = apart();

	if (code == APART_CHILD)
		return prove_jailed(p, out);
	if (code != CLI_YES && unlink(path) < 0)
		log_error(
		    "%s: incomplete, and cannot be removed: %s", path, strerrordesc_np(errno));
	return code;
}

int
cmd_prove(int argc, char **argv)
{
	static struct prove p = {.from = PROVE_NO_FROM};
	const char *out = NULL, *operand[2] = {NULL, LOGDIR_DEFAULT};
	const struct cli_option options[] = {
	    {.name = "from",
		.value = "INDEX",
		.number = &p.from,
		.max = PROVE_NO_FROM - 1,
		.help = "the seal that the reviewer has pinned, if it is not seal 0"},
	    {.name = "out",
		.value = "FILE",
		.text = &out,
		.help = "write the proof to FILE, which must not exist"},
	};
	const struct cli_command command = {
	    .name = "prove",
	    .operands = "EVENT_ID [DIR]",
	    .about = "Write a proof that the record EVENT_ID is in the log: the record, the hashes "
		     "that\n"
		     "lead to its segment's seal, and the chain of seals. No other record is "
		     "disclosed.\n"
		     "The segment and the seals are verified before.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 1,
	    .most = 2,
	    .exits = "0 written, 1 no such record or not provable, 2 error",
	};
	int error;

	(void)cli_parse(&command, argc, argv, operand);
	if (line_event_id_parse(str_from(operand[0]), &p.log_id, &p.seq) < 0)
		cli_wrong(&command, "not an audit_event_id: %s", operand[0]);
	line_event_id(p.log_id, p.seq, p.id);
	error = logdir_open(&p.dir, operand[1]);
	if (error < 0)
		cli_fatal(error, "%s", operand[1]);
	return out ? prove_to_file(&p, out) : prove_jailed(&p, -1);
}
