/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/limits.h"

/* A line has fewer bytes than that, so it never has more values and keys. */
#define RECORD_TOKENS LIMIT_LINE
#define RECORD_DEPTH 64

#define TIME_TEXT (RFC3339_SIZE - 1)
#define HASH_TEXT ((size_t)2 * LINE_HASH)

/* Members of a record that hold the log together. */
struct record_facts {
	uint64_t log_id, id_seq, seq;
	int64_t time;
	uint8_t prev_hash[LINE_HASH];
	/* Tokens of the values. */
	uint32_t id_at, time_at, seq_at, prev_at;
};

void
record_chain_begin(struct record_chain *c)
{
	*c = (struct record_chain){.seq = 1, .has_head = true};
}

int
record_reader_init(struct record_reader *r, struct hash *hash)
{
	*r = (struct record_reader){.hash = hash};
	r->tape.tokens = calloc(RECORD_TOKENS, sizeof(*r->tape.tokens));
	r->tape.cap = RECORD_TOKENS;
	r->forms = calloc(1, sizeof(*r->forms));
	return r->tape.tokens && r->forms ? 0 : -ENOMEM;
}

void
record_reader_free(struct record_reader *r)
{
	jscan_tape_free(&r->tape);
	free(r->forms);
	r->forms = NULL;
}

/* --- the line itself ------------------------------------------------------------------------- */

static bool
wrong(struct fault *f, size_t at, const char *what)
{
	fault_set(f, FAULT_BROKEN, "", "%s", what);
	fault_at(f, 0, at);
	return false;
}

static bool
record_scan(struct record_reader *r, struct str line, struct fault *f)
{
	static const struct jscan_rules rules = {
	    .max_depth = RECORD_DEPTH,
	    .max_members = RECORD_TOKENS,
	    .max_tokens = RECORD_TOKENS,
	};
	const char *newline = line.n > 0 ? memchr(line.p, '\n', line.n) : NULL;
	struct jscan_fault fault;

	if (line.n > LIMIT_LINE)
		return wrong(f, LIMIT_LINE, "longer than a record can be");
	if (!newline)
		return wrong(f, line.n, "does not end with a newline");
	if (newline != line.p + line.n - 1)
		return wrong(f, (size_t)(newline - line.p), "more than one line");
	line.n--;
	if (jscan(line, &rules, &r->tape, &fault) == 0) {
		jforms_learn(r->forms, &r->tape);
		return true;
	}
	fault_set(f, FAULT_BROKEN, "", "not strict JSON: %s", fault.what);
	fault_at(f, 0, fault.at);
	return false;
}

/* Strings that we make hold no escapes, so as written they are what they say. */
static bool
plain_string(const struct jscan_tape *tape, uint32_t i, struct str *ret)
{
	const struct jscan_token *token = &tape->tokens[i];

	if (token->type != JSCAN_STRING || token->escaped)
		return false;
	*ret = (struct str){tape->text.p + token->at, token->n};
	return true;
}

static bool
id_read(struct str s, struct record_facts *x)
{
	char again[UUID_TEXT + 1];

	if (line_event_id_parse(s, &x->log_id, &x->id_seq) < 0)
		return false;
	line_event_id(x->log_id, x->id_seq, again);
	return str_eq(s, str_from(again));
}

static bool
time_read(struct str s, int64_t *ret)
{
	char again[RFC3339_SIZE];

	if (s.n != TIME_TEXT || clock_parse(s, ret) < 0)
		return false;
	clock_format(*ret, again);
	return str_eq(s, str_from(again));
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
hash_read(struct str s, uint8_t out[LINE_HASH])
{
	if (s.n != HASH_TEXT)
		return false;
	for (size_t i = 0; i < LINE_HASH; i++) {
		int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
seq_read(const struct jscan_tape *tape, uint32_t i, uint64_t *ret)
{
	int64_t v;

	if (jscan_int(tape, i, &v) < 0 || v < 1)
		return false;
	*ret = (uint64_t)v;
	return true;
}

/* The keys of the last two members; the object has two. */
static uint32_t
last_keys(const struct jscan_tape *tape, uint32_t *ret_before)
{
	uint32_t key = 1;

	for (uint32_t n = tape->tokens[0].count; n > 1; n--) {
		*ret_before = key;
		key = tape->tokens[tape->tokens[key].next].next;
	}
	return key;
}

/* As it stands there: who reads a record without a JSON reader finds it, too. */
static bool
key_is(const struct jscan_tape *tape, uint32_t i, struct str name)
{
	return !tape->tokens[i].escaped && jscan_string_is(tape, i, name);
}

static size_t
byte_of(const struct jscan_tape *tape, uint32_t i)
{
	return tape->tokens[i].at;
}

/* Two in front and two at the end. The tape is of a JSON text; *x has where the values are. */
static bool
record_places(const struct jscan_tape *tape, struct record_facts *x, struct fault *f)
{
	uint32_t second, before = 0, last;

	if (tape->tokens[0].type != JSCAN_OBJECT || tape->tokens[0].count < 2)
		return wrong(f, 0, "not a JSON object with members");
	second = tape->tokens[2].next;
	last = last_keys(tape, &before);
	if (!key_is(tape, 1, STR("audit_event_id")))
		return wrong(f, byte_of(tape, 1), "the first member is not audit_event_id");
	if (!key_is(tape, last, STR("prev_hash")))
		return wrong(f, byte_of(tape, last), "the last member is not prev_hash");
	if (!key_is(tape, second, STR("timestamp")))
		return wrong(f, byte_of(tape, second), "the second member is not timestamp");
	if (!key_is(tape, before, STR("seq")))
		return wrong(f, byte_of(tape, before), "the last member but one is not seq");
	x->id_at = 2;
	x->time_at = second + 1;
	x->seq_at = before + 1;
	x->prev_at = last + 1;
	return true;
}

static bool
record_facts(const struct jscan_tape *tape, struct record_facts *x, struct fault *f)
{
	struct str s;

	if (!record_places(tape, x, f))
		return false;
	if (!plain_string(tape, x->id_at, &s) || !id_read(s, x))
		return wrong(f, byte_of(tape, x->id_at), "audit_event_id: not an id of ours");
	if (!plain_string(tape, x->prev_at, &s) || !hash_read(s, x->prev_hash))
		return wrong(
		    f, byte_of(tape, x->prev_at), "prev_hash: not 64 lower-case hex digits");
	if (!plain_string(tape, x->time_at, &s) || !time_read(s, &x->time))
		return wrong(f, byte_of(tape, x->time_at), "timestamp: not of our form");
	if (!seq_read(tape, x->seq_at, &x->seq))
		return wrong(f, byte_of(tape, x->seq_at), "seq: not a number from 1");
	return true;
}

/* --- what it continues ----------------------------------------------------------------------- */

static bool
wrong_number(struct fault *f, size_t at, const char *what, uint64_t expected, uint64_t found)
{
	wrong(f, at, what);
	fault_expect_number(f, expected, found);
	return false;
}

static bool
wrong_log(struct fault *f, const struct jscan_tape *tape, const struct record_facts *x,
    const struct record_chain *c)
{
	char expected[UUID_TEXT + 1], found[UUID_TEXT + 1];

	wrong(f, byte_of(tape, x->id_at), "audit_event_id: of another log");
	line_event_id(c->log_id, c->seq, expected);
	line_event_id(x->log_id, x->id_seq, found);
	fault_expect(f, str_from(expected), str_from(found));
	return false;
}

static bool
wrong_time(struct fault *f, const struct jscan_tape *tape, const struct record_facts *x,
    const struct record_chain *c)
{
	char expected[RFC3339_SIZE], found[RFC3339_SIZE];

	wrong(f, byte_of(tape, x->time_at), "timestamp: earlier than the record before it");
	clock_format(c->time, expected);
	clock_format(x->time, found);
	fault_expect(f, str_from(expected), str_from(found));
	return false;
}

static bool
wrong_head(struct fault *f, const struct jscan_tape *tape, const struct record_facts *x,
    const struct record_chain *c)
{
	if (c->line > 0)
		fault_set(f, FAULT_BROKEN, "", "prev_hash: does not match line %" PRIu64, c->line);
	else
		fault_set(f, FAULT_BROKEN, "", "prev_hash: does not match the last line before it");
	fault_at(f, 0, byte_of(tape, x->prev_at));
	fault_expect_hash(f, c->head, x->prev_hash);
	return false;
}

static bool
is_clock_step(const struct jscan_tape *tape)
{
	uint32_t i = jscan_member(tape, 0, STR("action_type"));

	return i != 0 && jscan_string_is(tape, i, STR("clock_step"));
}

static bool
record_follows(const struct jscan_tape *tape, const struct record_facts *x,
    const struct record_chain *c, struct fault *f)
{
	if (x->seq != c->seq)
		return wrong_number(f, byte_of(tape, x->seq_at),
		    "seq: does not follow the record before it", c->seq, x->seq);
	if (x->id_seq != x->seq)
		return wrong_number(f, byte_of(tape, x->id_at),
		    "audit_event_id: of another seq than the record's", x->seq, x->id_seq);
	if (c->has_log && x->log_id != c->log_id)
		return wrong_log(f, tape, x, c);
	if (c->has_time && x->time < c->time && !is_clock_step(tape))
		return wrong_time(f, tape, x, c);
	if (!c->has_head || memcmp(x->prev_hash, c->head, LINE_HASH) == 0)
		return true;
	return wrong_head(f, tape, x, c);
}

/* Strict JSON because lines before were, without a tape. */
static bool
record_known(struct record_reader *r, struct str line)
{
	return line.n <= LIMIT_LINE && str_ends(line, STR("\n")) &&
	       jforms_match(r->forms, (struct str){line.p, line.n - 1});
}

/* Seldom: the first line of a segment, a clock that was set back, a fault. */
static bool
record_members(struct record_reader *r, struct record_chain *c, struct fault *f)
{
	struct record_facts x;

	if (!record_facts(&r->tape, &x, f) || !record_follows(&r->tape, &x, c, f))
		return false;
	c->time = x.time;
	c->log_id = x.log_id;
	return true;
}

static bool
record_usual(struct record_reader *r, struct str line, struct record_chain *c)
{
	int64_t time;

	if (!c->has_log || !c->has_head || !c->has_time ||
	    !usual_matches(&r->usual, line, c->log_id, c->seq, c->head, &time) || time < c->time)
		return false;
	c->time = time;
	return true;
}

bool
record_check(struct record_reader *r, struct str line, struct record_chain *c, struct fault *f)
{
	bool quick = record_known(r, line) && record_usual(r, line, c);

	if (!quick &&
	    (!record_scan(r, line, f) || (!record_usual(r, line, c) && !record_members(r, c, f)))) {
		f->line = c->line + 1;
		return false;
	}
	c->seq++;
	c->line++;
	c->has_head = c->has_time = c->has_log = true;
	if (r->whole)
		linesum_add(r->whole, line, c->head);
	else
		hash_leaf(r->hash, line, c->head);
	return true;
}

bool
record_read(struct record_reader *r, struct str line, struct record_chain *ret, struct fault *f)
{
	struct record_facts x;

	if (!record_scan(r, line, f) || !record_facts(&r->tape, &x, f))
		return false;
	if (x.id_seq != x.seq)
		return wrong_number(f, byte_of(&r->tape, x.id_at),
		    "audit_event_id: of another seq than the record's", x.seq, x.id_seq);
	*ret = (struct record_chain){
	    .seq = x.seq,
	    .has_head = true,
	    .has_log = true,
	    .log_id = x.log_id,
	};
	memcpy(ret->head, x.prev_hash, LINE_HASH);
	return true;
}
