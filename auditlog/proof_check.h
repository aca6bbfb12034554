/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a proof proves. By itself: each seal is signed by its own key and follows the one before it;
 * the record is the leaf that it claims to be of the tree that its segment's seal names. That it is
 * the log which the reviewer means follows from a key or a seal that he has pinned.
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditlog/fault.h"
#include "auditlog/proof.h"
#include "auditlog/trust.h"

struct proof_result {
	/*
	 * Set when the proof proves nothing. file is empty, or the name of the seal at fault; offset is
	 * a byte of the proof.
	 */
	struct fault fault;
	bool pinned;               /* from a key or a seal that is pinned */
	uint64_t seq;              /* of the record */
	int64_t time;              /* of the record, us since 1970 */
	enum seal_state state;     /* of its segment */
	uint64_t first, last;      /* indexes of the seals */
	uint8_t newest[HASH_SIZE]; /* hash of the last of them */
};

/*
 * A proof that was read, judged by a key and pins that were parsed. 0, whatever it is worth; -ENOMEM.
 * h: a running sum to use.
 */
int proof_check(const struct proof_reader *r, const struct trust *trust, struct hash *h,
    struct proof_result *ret);
