/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/note.h"

#include <errno.h>

#include "common/base64.h"

#define DASH "\xe2\x80\x94 " /* em dash, space */
#define KEY_BYTES (1 + ED25519_KEY)
#define SIGNATURE_BYTES (NOTE_ID + ED25519_SIGNATURE)
#define TIME_BYTES 8
#define PIECE 48 /* bytes of base64 at a time */

/* --- names ----------------------------------------------------------------------------------- */

/* White_Space of Unicode, which is what Go's unicode.IsSpace() knows; and controls, C1 included. */
static bool
name_forbids(uint32_t code)
{
	return code <= 0x20 || code == '+' || (code >= 0x7f && code <= 0xa0) || code == 0x1680 ||
	       (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
	       code == 0x202f || code == 0x205f || code == 0x3000;
}

bool
note_name_ok(struct str name)
{
	if (name.n == 0 || name.n > NOTE_NAME)
		return false;
	for (size_t n; name.n > 0; name = str_skip(name, n)) {
		n = utf8_length(name.p, name.n);
		if (n == 0 || name_forbids(utf8_code(name.p, n)))
			return false;
	}
	return true;
}

/* --- keys ------------------------------------------------------------------------------------ */

void
note_key_identify(struct note_key *k, struct hash *h)
{
	const char middle[2] = {'\n', (char)k->algorithm};
	uint8_t sum[HASH_SIZE];

	hash_begin(h);
	hash_add(h, k->name);
	hash_add(h, (struct str){middle, sizeof(middle)});
	hash_add(h, (struct str){(const char *)k->key, sizeof(k->key)});
	hash_end(h, sum);
	memcpy(k->id, sum, NOTE_ID);
}

void
note_key_put(struct text *t, const struct note_key *k)
{
	uint8_t bytes[KEY_BYTES];

	bytes[0] = k->algorithm;
	memcpy(bytes + 1, k->key, sizeof(k->key));
	text_put(t, k->name);
	text_char(t, '+');
	text_hex(t, k->id, sizeof(k->id));
	text_char(t, '+');
	base64_put(t, bytes, sizeof(bytes));
}

/* Up to the first c, which is skipped; none: *ret is empty and s stays. */
static void
take_until(struct str *s, char c, struct str *ret)
{
	const char *end = s->n > 0 ? memchr(s->p, c, s->n) : NULL;

	*ret = (struct str){s->p, end ? (size_t)(end - s->p) : 0};
	if (end)
		*s = str_skip(*s, ret->n + 1);
}

/* The id is derived from the rest: that it is the same text is all there is to check. */
static bool
id_is(struct str hex, const uint8_t id[NOTE_ID])
{
	char buf[2 * NOTE_ID];
	struct text t = text_over(buf, sizeof(buf));

	text_hex(&t, id, NOTE_ID);
	return str_eq(hex, text_str(&t));
}

int
note_key_get(struct str s, struct hash *h, struct note_key *ret)
{
	uint8_t bytes[KEY_BYTES];
	struct note_key k;
	struct str hex;

	take_until(&s, '+', &k.name);
	take_until(&s, '+', &hex);
	if (!note_name_ok(k.name) || base64_get(s, bytes, sizeof(bytes)) < 0)
		return -EINVAL;
	if (bytes[0] != NOTE_ED25519 && bytes[0] != NOTE_COSIGNATURE)
		return -EINVAL;
	k.algorithm = bytes[0];
	memcpy(k.key, bytes + 1, sizeof(k.key));
	note_key_identify(&k, h);
	if (!id_is(hex, k.id))
		return -EINVAL;
	*ret = k;
	return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

void
note_sign_put(struct text *t, const struct note_key *k, const uint8_t signature[ED25519_SIGNATURE])
{
	uint8_t bytes[SIGNATURE_BYTES];

	memcpy(bytes, k->id, NOTE_ID);
	memcpy(bytes + NOTE_ID, signature, ED25519_SIGNATURE);
	text_put(t, STR("\n" DASH));
	text_put(t, k->name);
	text_char(t, ' ');
	base64_put(t, bytes, sizeof(bytes));
	text_char(t, '\n');
}

/* --- reading --------------------------------------------------------------------------------- */

/* Where the first thing is that no note may hold; s.n when there is none. */
static size_t
forbidden_at(struct str s)
{
	for (size_t at = 0, n; at < s.n; at += n) {
		n = utf8_length(s.p + at, s.n - at);
		if (n == 0 || ((unsigned char)s.p[at] < 0x20 && s.p[at] != '\n'))
			return at;
	}
	return s.n;
}

/* Bytes that base64 of this length and with these pads stands for. */
static size_t
base64_bytes(struct str s)
{
	size_t pads = str_ends(s, STR("==")) ? 2 : str_ends(s, STR("=")) ? 1 : 0;
	size_t room = s.n / 4 * 3;

	return room > pads ? room - pads : 0;
}

/* Key id and blob. A longer blob is of a key that we do not know, but base64 all the same. */
static bool
blob_get(struct str base64, struct note_signature *ret)
{
	size_t n = base64_bytes(base64), piece;
	uint8_t buf[PIECE], kept[NOTE_ID + NOTE_BLOB];

	if (n <= NOTE_ID || BASE64_SIZE(n) != base64.n)
		return false;
	for (size_t at = 0; at < n; at += piece) {
		struct str s = str_skip(base64, at / 3 * 4);

		piece = n - at < PIECE ? n - at : PIECE;
		if (base64_get((struct str){s.p, BASE64_SIZE(piece)}, buf, piece) < 0)
			return false;
		if (at < sizeof(kept))
			memcpy(
			    kept + at, buf, piece < sizeof(kept) - at ? piece : sizeof(kept) - at);
	}
	ret->n = n - NOTE_ID;
	memcpy(ret->id, kept, NOTE_ID);
	memcpy(ret->blob, kept + NOTE_ID, ret->n < NOTE_BLOB ? ret->n : NOTE_BLOB);
	return true;
}

/* NULL, or what is wrong with a signature line, which is given without its newline. */
static const char *
signature_get(struct str line, struct note_signature *ret)
{
	if (!str_starts(line, STR(DASH)))
		return "not a signature line";
	line = str_skip(line, sizeof(DASH) - 1);
	take_until(&line, ' ', &ret->name);
	if (!note_name_ok(ret->name))
		return "a signature line without a proper name";
	return blob_get(line, ret) ? NULL : "a signature that is not canonical base64";
}

static int
signatures_get(struct str s, size_t at, struct note *ret, const char **ret_why, size_t *ret_at)
{
	for (ret->n = 0; at < s.n; ret->n++) {
		struct str rest = str_skip(s, at), line;

		*ret_at = at;
		if (ret->n == NOTE_SIGNATURES) {
			*ret_why = "more than 16 signatures";
			return -EINVAL;
		}
		take_until(&rest, '\n', &line);
		*ret_why = signature_get(line, &ret->signatures[ret->n]);
		if (*ret_why)
			return -EINVAL;
		ret->signatures[ret->n].at = at;
		at += line.n + 1;
	}
	return 0;
}

static int
note_fault(const char *why, size_t at, const char **ret_why, size_t *ret_at)
{
	*ret_why = why;
	*ret_at = at;
	return -EINVAL;
}

/* Behind the last empty line; 0 when there is none. */
static size_t
signatures_at(struct str s)
{
	for (size_t at = s.n; at >= 2; at--)
		if (s.p[at - 1] == '\n' && s.p[at - 2] == '\n')
			return at;
	return 0;
}

int
note_parse(struct str s, struct note *ret, const char **ret_why, size_t *ret_at)
{
	size_t bad = forbidden_at(s), at = signatures_at(s);

	if (bad < s.n)
		return note_fault("a control character or not UTF-8", bad, ret_why, ret_at);
	if (!str_ends(s, STR("\n")))
		return note_fault("does not end with a newline", s.n, ret_why, ret_at);
	if (at == 0)
		return note_fault("no empty line behind a text", s.n, ret_why, ret_at);
	if (at == s.n)
		return note_fault("no signature", s.n, ret_why, ret_at);
	ret->text = (struct str){s.p, at - 1};
	return signatures_get(s, at, ret, ret_why, ret_at);
}

/* --- verifying ------------------------------------------------------------------------------- */

static bool
signed_by(const struct note_signature *s, const struct note_key *k)
{
	return str_eq(s->name, k->name) && memcmp(s->id, k->id, NOTE_ID) == 0;
}

/* Every signature by the key must be good: one that is not makes the whole note doubtful. */
int
note_verify(const struct note *n, const struct note_key *k)
{
	int error = -ENOENT;

	if (k->algorithm != NOTE_ED25519)
		return -EINVAL;
	for (size_t i = 0; i < n->n; i++) {
		const struct note_signature *s = &n->signatures[i];

		if (!signed_by(s, k))
			continue;
		if (s->n != ED25519_SIGNATURE)
			return -EBADMSG;
		error = ed25519_verify(k->key, n->text, s->blob);
		if (error < 0)
			return error;
	}
	return error;
}

static uint64_t
blob_time(const struct note_signature *s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < TIME_BYTES; i++)
		v = v << 8 | s->blob[i];
	return v;
}

static int
cosignature_verify(struct str text, const struct note_key *k, const struct note_signature *s)
{
	char buf[NOTE_COSIGNED + 64];
	struct text t = text_over(buf, sizeof(buf));

	if (s->n != TIME_BYTES + ED25519_SIGNATURE || blob_time(s) > INT64_MAX)
		return -EBADMSG;
	if (text.n > NOTE_COSIGNED)
		return -EMSGSIZE;
	text_put(&t, STR("cosignature/v1\ntime "));
	text_u64(&t, blob_time(s));
	text_char(&t, '\n');
	text_put(&t, text);
	return ed25519_verify(k->key, text_str(&t), s->blob + TIME_BYTES);
}

int
note_verify_cosignature(const struct note *n, const struct note_key *k, uint64_t *ret_time)
{
	uint64_t earliest = UINT64_MAX;

	if (k->algorithm != NOTE_COSIGNATURE)
		return -EINVAL;
	for (size_t i = 0; i < n->n; i++) {
		const struct note_signature *s = &n->signatures[i];
		int error = signed_by(s, k) ? cosignature_verify(n->text, k, s) : 0;

		if (error < 0)
			return error;
		if (signed_by(s, k) && blob_time(s) < earliest)
			earliest = blob_time(s);
	}
	if (earliest == UINT64_MAX)
		return -ENOENT;
	*ret_time = earliest;
	return 0;
}
