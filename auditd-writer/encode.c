/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/encode.h"

#include <stdio.h>
#include <string.h>

void
encode_init(struct encoder *e, uint64_t log_id, const char *session, const char *hostname,
    uint64_t seq, const uint8_t head[LINE_HASH], struct hash *leaf)
{
	*e = (struct encoder){.leaf = leaf};
	e->stamp.log_id = log_id;
	e->stamp.seq = seq;
	e->stamp.channel = LINE_NO_CHANNEL;
	(void)snprintf(e->stamp.session, sizeof(e->stamp.session), "%s", session);
	(void)snprintf(e->stamp.hostname, sizeof(e->stamp.hostname), "%s", hostname);
	memcpy(e->stamp.prev_hash, head, LINE_HASH);
}

int
encode_line(struct encoder *e, struct text *out, const struct record *r, int channel,
    const char *evaluation_peer)
{
	size_t start = out->n;
	int error;

	e->stamp.seq++;
	e->stamp.channel = channel;
	e->stamp.evaluation_peer = evaluation_peer;
	error = line_format(out, r, &e->stamp);
	if (error < 0) {
		e->stamp.seq--;
		return error;
	}
	hash_leaf(e->leaf, (struct str){out->p + start, out->n - start}, e->stamp.prev_hash);
	return 0;
}
