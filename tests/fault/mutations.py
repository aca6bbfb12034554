# SPDX-License-Identifier: Apache-2.0
"""The mutants of auditd-writer that the tests of this directory have to see (mutants.py): each flush, rename flag,
order of acknowledgement and step of recovery is taken out, one at a time."""

# What most likely sees one comes first: a life of test_crash_prefix, or faults of test_every_call whose names begin so.
STATES = "states"  # test_crash_prefix
POINTS = "points"  # test_every_call

SYNC, COMMIT, RECOVERED, POISONED, TORN, SHORT, NAMELESS, UNPUBLISHED, UNERASED, UNSETTLED, PILED, UNNAMED, UNSYNCED = range(13)


def states(life):
    return (STATES, str(life))


def points(beginning):
    return (POINTS, beginning)


def edit(file, old, new):
    return (file, old, new)


# name, edits of auditd-writer/ (what stands there, what stands there instead, wherever it does), what looks first
MUTANTS = [
    # --- flushes
    ("append-fdatasync", [edit("segment.c", "int error = dir_sync_data(s->fd);", "int error = 0;")], states(SYNC)),
    ("new-segment-fsync", [edit("making.c", "error = dir_sync_file(job->fd);", "error = 0;")], states(SYNC)),
    ("new-segment-directory", [edit("closer.c", "error = n > 0 ? dir_sync(c->dir) : 0;", "error = 0;")], states(SYNC)),
    ("new-segment-handed-out", [edit("closer.c", "for (unsigned i = 0; error < 0 && i < n; i++) {",
                                     "for (unsigned i = n; error < 0 && i < n; i++) {")], points("fresh:fsync")),
    ("close-fsync", [edit("closing.c", "error = dir_sync_file(fd);", "error = 0;")], states(SYNC)),
    ("close-directory", [edit("closing.c", """	/* Else a crash might leave the bad file under the name that the seal stands for. */
	if (sync_names(c, job) < 0)
		return job->error;
""", "")], states(SHORT)),
    ("close-aside-directory", [edit("closing.c", "return sync_names(c, job);", "return 0;")], states(SHORT)),
    ("copy-fsync", [edit("repair.c", "return dir_sync_file(to);", "return to < 0 ? to : 0;")], states(RECOVERED)),
    ("seal-fsync", [edit("sealer.c", "error = dir_sync_file(fd);", "error = 0;")], states(SYNC)),
    ("publish-directory", [edit("sealer.c", "error = dir_sync(s->dir);", "error = 0;")], states(SYNC)),
    ("publish-error-forgotten", [edit("sealer.c", """	error = dir_sync(s->dir);
	if (error < 0)""", """	error = dir_sync(s->dir);
	s->published = true;
	if (error < 0)""")], points("busy:fsync")),
    ("keystate-fdatasync", [edit("keystate.c", "error = dir_sync_data(k->fd);", "error = 0;")], states(SYNC)),
    ("keystate-first-fsync", [edit("keystate.c", "int error = dir_sync_file(k->fd);", "int error = k ? 0 : -1;")],
     states(SYNC)),
    ("keystate-first-directory", [edit("keystate.c", "return error < 0 ? error : dir_sync(k->dir);", "return error;")],
     states(SYNC)),
    ("keystate-settled-directory", [edit("keystate.c", "int error = dir_sync(k->dir);", "int error = 0;")],
     states(UNNAMED)),
    ("vkey-fsync", [edit("origin.c", "		error = dir_sync_file(fd);", "		error = 0;")], states(SYNC)),
    ("recover-aside-directory", [edit("recover.c", """		error = repair_set_aside(k->dir, l->base, torn);
	if (error == 0)
		error = dir_sync(k->dir);""", "		error = repair_set_aside(k->dir, l->base, torn);")], states(TORN)),
    ("recover-copy-directory", [edit("recover.c", """repair_replace(k->dir, tmp);
	if (error == 0)
		error = dir_sync(k->dir);""", "repair_replace(k->dir, tmp);")], states(RECOVERED)),
    # --- flags of names
    ("rename-noreplace", [edit("dir.c", "renameat2(d->fd, from, d->fd, to, RENAME_NOREPLACE)",
                               "renameat2(d->fd, from, d->fd, to, 0)"),
                          edit("jail.c", "refuse ? 0 : 1", "1")], points("torn")),
    ("look-without-looking", [edit("dir.c", "return taken < 0 ? taken : dir_replace(d, from, to);",
                                   "return taken == -EINTR ? taken : dir_replace(d, from, to);")], points("look")),
    ("create-exclusive", [edit("dir.c", "(O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)",
                               "(O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC)")], points("torn")),
    ("segment-stays-open", [edit("sealer.c", "error = dir_rename(s->dir, tmp, p->base);", "error = 0;")],
     points("fresh")),
    # --- acknowledgements
    ("ack-before-write", [edit("storage.c", """		return w->storage.error;
	error = put_or_move(w, sync);""", """		return w->storage.error;
	settle(w);
	error = put_or_move(w, sync);""")], points("fresh:pwrite")),
    ("ack-before-sync", [edit("storage.c", """	if (error == 0 && (sync || sync_due(w)))
		error = put_sync(w);""", """	if (error == 0)
		settle(w);
	if (error == 0 && (sync || sync_due(w)))
		error = put_sync(w);"""), edit("storage.c", "static int\nput_pending(", "static void settle(struct writer *w);\n"
                                          "static int\nput_pending(")], points("fresh:fdatasync")),
    ("ack-without-sync", [edit("storage.c", """	if (!w->options.commit)
		return true;""", """	if (!w->options.commit)
		return false;""")], states(SYNC)),
    ("ack-after-failure", [edit("storage.c", """		fail(w, error);
		return error;""", """		fail(w, error);
		settle(w);
		return error;""")], points("fresh:pwrite")),
    ("ack-run-grows", [edit("channel.c", "(!all_ready || safe) &&", "")], points("busy:pwrite")),
    ("ack-of-refusal-passes", [edit("channel.c", "if (all_ready && safe)", "if (safe)")], points("fresh:pwrite")),
    ("turn-without-sync", [edit("rotation.c", "storage_flush(w, true)", "storage_flush(w, false)")], points("commit")),
    ("hand-over-without-sync", [edit("storage.c", """	other = put_sync(w);
	if (other < 0)
		return other;
""", "	other = 0;\n")], points("commit:pwrite")),
    # --- errors
    ("error-of-sync-ignored", [edit("dir.c", """		result = fdatasync(fd);
	while (result < 0 && errno == EINTR);
	return sync_result(result);""", """		result = fdatasync(fd);
	while (result < 0 && errno == EINTR);
	return 0;""")], points("fresh:fdatasync")),
    ("error-of-fsync-ignored", [edit("dir.c", """		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return sync_result(result);""", """		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return 0;""")], points("busy:fsync")),
    ("not-written-again", [edit("storage.c", """	rotation_retire(w, error);
	batch_unwrite(&w->batch);""", """	rotation_retire(w, error);
	batch_mark_written(&w->batch, w->now);
	batch_drop_written(&w->batch);""")], points("fresh:fdatasync")),
    ("attempt-not-written-again", [edit("storage.c", """	rotation_give_back(w);
	batch_unwrite(&w->batch);""", """	rotation_give_back(w);""")], points("fresh:fdatasync")),
    ("poisoned-sealed-as-it-is", [edit("rotation.c", "job.poisoned = true;", "job.poisoned = false;")],
     states(POISONED)),
    ("unsynced-sealed-as-it-is", [edit("closing.c", "		poison(job, job->error);\n", """	{
		job->stage = CLOSE_READY;
		job->error = 0;
	}
""")], points("busy:fsync")),
    ("never-tried-again", [edit("storage.c", "error = attempt(w);", "error = s->error;")], points("fresh:pwrite")),
    ("unclosed-not-tried-again", [edit("rotation.c", "closer_submit(&w->closer, &r->failed[i]);", "(void)i;")],
     points("busy:pwrite")),
    ("short-write-is-whole", [edit("dir.c", """		buf += w;
		at += w;
		n -= (size_t)w;""", """		n = 0;""")], points("fresh:pwrite")),
    ("scratch-not-emptied", [edit("repair.c", "int error = dir_cut(kept.fd, 0);", "int error = 0;")],
     points("busy:fsync")),
    ("tail-not-cut", [edit("closing.c", "int error = dir_cut(fd, job->total.bytes);", "int error = 0;")],
     points("fresh")),
    ("deleted-not-noticed", [edit("segment.c", "if (error == 0 && segment_is_lost(s))",
                                  "if (error > 0 && segment_is_lost(s))")], points("fresh")),
    ("deleted-not-copied", [edit("closing.c", "return error == -ENOENT ? 0 : error;", "return error;")], points("fresh")),
    ("replaced-not-seen-at-once", [edit("segment.c", "return s->dir && dir_leads_to(", "return !s->dir && dir_leads_to(")],
     points("fresh")),
    ("replaced-not-noticed", [edit("segment.c", "return s->dir && dir_leads_to(", "return !s->dir && dir_leads_to("),
                              edit("closing.c", "	if (named > 0)\n		return 0;", "	if (named >= 0)\n		return 0;"),
                              edit("sealer.c", "file->inode == 0 ? 1 :", "1 ? 1 :")], points("fresh")),
    # --- the key state
    ("keystate-not-committed", [edit("sealer.c", "int error = keyfile_commit(s->file, &s->next);", "int error = 0;")],
     points("fresh")),
    ("publish-before-commit", [edit("sealer.c", "int error = keyfile_commit(s->file, &s->next);", """int error = 0;

	s->state = s->next;
	s->n_placed = 0;
	error = publish(s, NULL, ret_step);
	if (error == 0)
		error = keyfile_commit(s->file, &s->next);"""), edit("sealer.c", "static int\ncommit(",
     "static int publish(struct sealer *s, char *gone, const char **ret_step);\nstatic int\ncommit(")], states(SYNC)),
    ("old-slot-erased-first", [edit("keystate.c", """	if (k->step != KEYFILE_ERASING)
		error = slot_write(k, !k->slot);""", """	static uint8_t saved[KEYSTATE_SLOT];

	memcpy(saved, k->room, KEYSTATE_SLOT);
	error = slot_erase(k, k->slot);
	memcpy(k->room, saved, KEYSTATE_SLOT);
	if (error == 0)
		error = slot_write(k, !k->slot);""")], states(SYNC)),
    ("slot-written-while-erasing", [edit("keystate.c", "	if (k->step != KEYFILE_ERASING)\n", "")], states(UNERASED)),
    ("keystate-not-settled", [edit("keystate.c", "return settle(k, other);", "return k ? 0 : settle(k, other);")],
     states(UNSETTLED)),
    ("newer-slot-not-settled", [edit("keystate.c", "if (error == 0 && other == KEYSLOT_WHOLE)",
                                     "if (error == 0 && other == KEYSLOT_WHOLE && !k)")], states(UNSYNCED)),
    # --- recovery
    ("pending-not-published", [edit("sealer.c", "return publish(s, ret_gone, ret_step);",
                                    "return ret_step ? 0 : publish(s, ret_gone, ret_step);")], points("fresh:renameat2")),
    ("catalog-not-read-again", [edit("opening.c", "if (!names_stay(", "if (0 && !names_stay(")], states(SYNC)),
    ("leftovers-not-recovered", [edit("recover.c", "error = recover_one(k, &k->left[i]);",
                                      "error = i > k->n ? recover_one(k, &k->left[i]) : 0;")], states(RECOVERED)),
    ("leftovers-out-of-order", [edit("recover.c", "return x->first < y->first ? -1 : 1;",
                                     "return x->first > y->first ? -1 : 1;")], points("piled")),
    ("overtaken-records-stay", [edit("recover.c", """		if (o->last > l->last && memcmp(o->prev, c->head, LINE_HASH) == 0)
			return true;""", """		if (o->last > l->last && memcmp(o->prev, c->head, LINE_HASH) == 0)
			return false;""")], states(POISONED)),
    ("chain-not-checked", [edit("recover.c", """			  memcmp(f.prev_hash, c->head, LINE_HASH) != 0))
		return false;""", """			  memcmp(f.prev_hash, c->head, LINE_HASH) != 0) && !c->seq)
		return false;""")], states(POISONED)),
    ("torn-line-taken", [edit("linescan.c", "if (!end || memchr(p, '\\0', (size_t)(end - p)))", "if (!end)"),
                         edit("recover.c", """	if (!facts_parse(line, &f))
		return false;""", """	if (!facts_parse(line, &f)) {
		if (!c->any)
			return false;
		f = (struct facts){.log_id = c->log_id, .seq = c->seq + 1, .time = c->time};
		memcpy(f.prev_hash, c->head, LINE_HASH);
	}""")], states(SYNC)),
    ("torn-not-set-aside", [edit("recover.c", "replace(k, l, fd, t, torn > 0 || l->kind == SEGNAME_TORN)",
                                 "replace(k, l, fd, t, l->kind == SEGNAME_TORN)")], points("torn")),
    ("second-torn-not-read", [edit("catalog.c", "if (again < 1 || again > SEGNAME_TORN_AGAIN)", "if (again < 10)")],
     points("torn:renameat2")),
    ("leftover-without-record-kept", [edit("recover.c", "	error = set_aside(k, l);\n	if (error == 0)\n		report(k, l, 0, torn);",
                                           "	if (error == 0)\n		report(k, l, 0, torn);")], points("busy:fdatasync")),
    ("copy-not-compared", [edit("repair.c", "if (sum && memcmp(found, sum, LINE_HASH) != 0)",
                                "if (!sum && memcmp(found, sum, LINE_HASH) != 0)")], points("fresh")),
    ("sealed-without-copy", [edit("recover.c", "int error = replace(k, l, fd, t, torn > 0 || l->kind == SEGNAME_TORN);",
                                  "int error = fd < 0 ? fd : torn > 0 ? 0 : replace(k, l, fd, t, l->kind == SEGNAME_TORN);")],
     points("torn")),
    ("nothing-cleared-away", [edit("opening.c", "clear_away(w, &ret->recovery);", "if (!w)\n\t\tclear_away(w, &ret->recovery);")],
     points("fresh")),
    ("history-not-told", [edit("opening.c", "	note_recoveries(w, r->closed, r->n_closed);\n", "	(void)r;\n")], points("torn")),
    ("history-not-told-later", [edit("opening.c", "	note_recoveries(w, o->untold.segments, o->untold.n);\n", "")], states(RECOVERED)),
]
