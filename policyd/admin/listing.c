/* SPDX-License-Identifier: Apache-2.0 */
/* A reply to "ls", piece by piece: however long the listing is, only a piece is in memory. */
#include "policyd/admin/state.h"
#include "policyd/client/reply.h"

bool
listing_piece(struct listing *l, struct str id, struct text *t)
{
	bool more;

	if (!l->begun) {
		reply_open(t, id);
		text_char(t, ',');
		l->begun = true;
	}
	more = policy_listing_piece(&l->image->view, &l->inside, t);
	if (!more)
		reply_close(t);
	return more;
}
