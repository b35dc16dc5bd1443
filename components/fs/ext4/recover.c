/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recovery of the log, in three walks over the same records:
 *
 *	SCAN	how far do committed transactions reach
 *	REVOKE	which blocks are void up to which transaction
 *	REPLAY	write the others home
 *
 * A walk ends where the next record is not of the expected sequence, or its checksum is wrong; it
 * ends in any case after as many blocks as the log has. Numbers are compared as distances, they
 * wrap.
 */
#include "jlog.h"
#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <env/mem.h>

enum walk { SCAN, REVOKE, REPLAY };

struct revoked {
	u64 block;
	u32 seq;
	bool used;
};

struct recovery {
	const struct jlog *l;
	const struct jlog_io *io;
	struct jlog_recovery *out;
	u8 *record, *data;
	struct revoked *table; /* open addressing, a power of two, at most half full */
	u32 slots, count;
	u32 end; /* first sequence that is not committed; known after SCAN */
};

static struct revoked *find_slot(struct revoked *table, u32 slots, u64 block)
{
	u32 i = (u32)hash_mix64(block) & (slots - 1);

	while (table[i].used && table[i].block != block)
		i = (i + 1) & (slots - 1);
	return &table[i];
}

static int grow_table(struct recovery *r)
{
	u32 slots = r->slots ? r->slots * 2 : 256;
	struct revoked *table = env_alloc(slots * sizeof(*table), ENV_ALLOC_ZERO);

	if (!table)
		return -ENOMEM;
	for (u32 i = 0; i < r->slots; i++) {
		if (r->table[i].used)
			*find_slot(table, slots, r->table[i].block) = r->table[i];
	}
	env_free(r->table, r->slots * sizeof(*table));
	r->table = table;
	r->slots = slots;
	return 0;
}

static int add_revoked(struct recovery *r, u64 block, u32 seq)
{
	struct revoked *e;

	if (r->count * 2 >= r->slots) {
		int err = grow_table(r);

		if (err)
			return err;
	}
	e = find_slot(r->table, r->slots, block);
	if (!e->used) {
		*e = (struct revoked){block, seq, true};
		r->count++;
	} else if ((s32)(seq - e->seq) > 0) {
		e->seq = seq;
	}
	return 0;
}

static bool is_revoked(struct recovery *r, u64 block, u32 seq)
{
	struct revoked *e;

	if (!r->count)
		return false;
	e = find_slot(r->table, r->slots, block);
	return e->used && (s32)(e->seq - seq) >= 0;
}

static int read_revokes(struct recovery *r, u32 seq)
{
	const struct jbd2_revoke *h = (const struct jbd2_revoke *)r->record;
	u32 n = jlog_revoke_bytes(r->l), bytes = be32_to_cpu(h->bytes);
	int err = 0;

	if (bytes > r->l->block_bytes)
		return -EUCLEAN;
	for (u32 off = sizeof(*h); !err && off + n <= bytes; off += n)
		err = add_revoked(
			r, n == 8 ? load_be64(r->record + off) : load_be32(r->record + off), seq);
	return err;
}

/* The blocks behind a descriptor. *at moves over them. */
static int walk_tags(struct recovery *r, enum walk walk, u32 seq, u32 *at, u32 *budget)
{
	const bool async = r->l->incompat & JBD2_I_ASYNC_COMMIT;
	struct jlog_tag t;
	u32 off = 0;
	int err;

	while (jlog_tag_next(r->l, r->record, &off, &t)) {
		u32 block_at = *at;

		if (!*budget)
			return -EUCLEAN;
		--*budget;
		*at = jlog_wrap(r->l, *at + 1);
		if (walk == REVOKE || (walk == SCAN && !async))
			continue;
		if (walk == REPLAY && is_revoked(r, t.block, seq)) {
			r->out->revoked++;
			continue;
		}
		err = r->io->read(r->io->ctx, block_at, r->data);
		if (err)
			return err;
		if (!jlog_tag_ok(r->l, &t, seq, r->data))
			return walk == SCAN ? -EAGAIN : -EUCLEAN;
		if (walk == SCAN)
			continue;
		if (t.flags & JBD2_TAG_ESCAPE)
			store_be32(r->data, JBD2_MAGIC);
		err = r->io->write(r->io->ctx, t.block, r->data);
		if (err)
			return err;
		r->out->blocks++;
	}
	return 0;
}

/* One record. 1: a commit; 0: another; -EAGAIN: here the log ends. */
static int walk_record(struct recovery *r, enum walk walk, u32 seq, u32 *at, u32 *budget)
{
	const struct jbd2_header *h = (const struct jbd2_header *)r->record;
	int err = r->io->read(r->io->ctx, *at, r->record);

	if (err)
		return err;
	if (be32_to_cpu(h->magic) != JBD2_MAGIC || be32_to_cpu(h->sequence) != seq)
		return -EAGAIN;
	*at = jlog_wrap(r->l, *at + 1);
	switch (be32_to_cpu(h->type)) {
	case JBD2_DESCRIPTOR:
		return jlog_tail_ok(r->l, r->record) ? walk_tags(r, walk, seq, at, budget)
						     : -EAGAIN;
	case JBD2_COMMIT: return jlog_commit_ok(r->l, r->record) ? 1 : -EAGAIN;
	case JBD2_REVOKE:
		if (!jlog_tail_ok(r->l, r->record))
			return -EAGAIN;
		return walk == REVOKE ? read_revokes(r, seq) : 0;
	default: return -EAGAIN;
	}
}

static int walk_log(struct recovery *r, enum walk walk, u32 start, u32 seq)
{
	u32 budget = r->l->total - r->l->first, at = start;

	while (budget && (walk == SCAN || seq != r->end)) {
		int got;

		budget--;
		got = walk_record(r, walk, seq, &at, &budget);
		if (got == -EAGAIN || (got == -EUCLEAN && walk == SCAN))
			break;
		if (got < 0)
			return got;
		seq += (u32)got;
	}
	if (walk == SCAN)
		r->end = seq;
	return seq == r->end ? 0 : -EUCLEAN;
}

int jlog_recover(const struct jlog *l, const struct jlog_io *io, u32 start, u32 sequence,
	struct jlog_recovery *out)
{
	struct recovery r = {.l = l, .io = io, .out = out};
	int err = -ENOMEM;

	*out = (struct jlog_recovery){.next_seq = sequence};
	if (start < l->first || start >= l->total)
		return -EUCLEAN;
	r.record = env_alloc(l->block_bytes, 0);
	r.data = env_alloc(l->block_bytes, 0);
	if (r.record && r.data)
		err = walk_log(&r, SCAN, start, sequence);
	if (!err)
		err = walk_log(&r, REVOKE, start, sequence);
	if (!err)
		err = walk_log(&r, REPLAY, start, sequence);
	out->next_seq = r.end;
	out->transactions = r.end - sequence;
	env_free(r.table, r.slots * sizeof(*r.table));
	env_free(r.data, l->block_bytes);
	env_free(r.record, l->block_bytes);
	return err;
}
