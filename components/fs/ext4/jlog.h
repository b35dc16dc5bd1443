/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The journal's log as bytes: a ring of blocks, the records in it, its recovery. No locks, no I/O
 * of its own (recovery calls back), no time: what commit.c and its tests drive.
 *
 *	super | ...free... | D b b b b R C | D b b C | ...free...
 *	      first         tail                      head        total
 *
 * A transaction: revoke records (R), descriptors (D) each followed by the blocks that it names (b),
 * and a commit record (C), all with the same sequence number. What follows the last C is void.
 */
#include "format.h"

struct jlog {
	u32 block_bytes, first, total;
	u32 compat, incompat, seed;
	u8 uuid[16];
	u32 tail, tail_seq; /* the oldest transaction that may be needed */
	u32 head, used;     /* where the next goes; blocks from tail to head */
};

/* -EUCLEAN: not a journal's superblock; -EOPNOTSUPP: features. @blocks: of the journal's file. */
int jlog_open(struct jlog *l, const struct jbd2_super *js, u32 block_bytes, u32 blocks) MUST_CHECK;
void jlog_super_csum_set(struct jbd2_super *js);

static inline u32 jlog_free(const struct jlog *l)
{
	return l->total - l->first - l->used;
}
static inline u32 jlog_wrap(const struct jlog *l, u32 at)
{
	return at >= l->total ? at - l->total + l->first : at;
}
/* Blocks of a transaction with so many changed and revoked blocks, at most. */
u32 jlog_need(const struct jlog *l, u32 nbufs, u32 nrevokes);
/* The next block of the log; the caller has seen that one is free. */
u32 jlog_take(struct jlog *l);
/* All before @tail, where @seq begins, can be used again. */
void jlog_trim(struct jlog *l, u32 tail, u32 seq);

/* A block of records under construction: descriptor or revoke. */
struct jlog_record {
	u8 *block;
	u32 off, last; /* where the next goes; the last tag's flags */
	u32 seq;
};
void jlog_descriptor_begin(const struct jlog *l, struct jlog_record *r, u8 *block, u32 seq);
/* Does the log's copy of a block that begins so need its first word hidden? */
bool jlog_must_escape(const u8 *data);
/* @data: as it goes to the log.  Returns: false: this descriptor is full. */
bool jlog_descriptor_add(
	const struct jlog *l, struct jlog_record *r, u64 block, bool escaped, const u8 *data);
void jlog_descriptor_end(const struct jlog *l, struct jlog_record *r);
void jlog_revoke_begin(const struct jlog *l, struct jlog_record *r, u8 *block, u32 seq);
bool jlog_revoke_add(const struct jlog *l, struct jlog_record *r, u64 block);
void jlog_revoke_end(const struct jlog *l, struct jlog_record *r);
void jlog_commit(const struct jlog *l, u8 *block, u32 seq, u64 sec, u32 nsec);

struct jlog_io {
	int (*read)(void *ctx, u32 at, u8 *block);          /* of the log */
	int (*write)(void *ctx, u64 block, const u8 *data); /* of the file system */
	void *ctx;
};
struct jlog_recovery {
	u32 next_seq; /* of the first transaction that is not there */
	u32 transactions, blocks, revoked;
};
/*
 * Write home what committed transactions hold, newest last, but for what was revoked later.
 * Returns: 0; -EUCLEAN: a committed block is not what was committed; -ENOMEM; what io returns.
 */
int jlog_recover(const struct jlog *l, const struct jlog_io *io, u32 start, u32 sequence,
	struct jlog_recovery *out) MUST_CHECK;

/* For recovery: one tag of a descriptor. */
struct jlog_tag {
	u64 block;
	u32 flags, csum;
};
/* The tag at *off; false: there is none more. *off moves on. */
bool jlog_tag_next(const struct jlog *l, const u8 *block, u32 *off, struct jlog_tag *out);
bool jlog_tail_ok(const struct jlog *l, const u8 *block);
bool jlog_commit_ok(const struct jlog *l, const u8 *block);
bool jlog_tag_ok(const struct jlog *l, const struct jlog_tag *t, u32 seq, const u8 *data);
static inline bool jlog_has_csum(const struct jlog *l)
{
	return l->incompat & (JBD2_I_CSUM_V2 | JBD2_I_CSUM_V3);
}
static inline u32 jlog_revoke_bytes(const struct jlog *l)
{
	return l->incompat & JBD2_I_64BIT ? 8 : 4;
}
