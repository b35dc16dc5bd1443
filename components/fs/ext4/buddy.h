/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The free blocks of one group as a buddy system: what is free at each power of two. Pure: no
 * locks, no memory of its own; built from a bitmap, changed by ranges.
 */
#include <lib/types.h>

#define EXT4_BUDDY_ORDERS 17

struct ext4_buddy {
	u32 nblocks, free;
	u32 count[EXT4_BUDDY_ORDERS]; /* free pieces of 2^order, aligned, each counted once */
	u32 word[EXT4_BUDDY_ORDERS];  /* where in bits the map of the order begins */
	u32 hint[EXT4_BUDDY_ORDERS];  /* no free piece below this one */
	unsigned long bits[];         /* a set bit: this piece is free and its buddy is not */
};

/* Bytes of one for @nblocks (at most 2^16). */
size_t ext4_buddy_bytes(u32 nblocks);
/* All used. */
void ext4_buddy_init(struct ext4_buddy *b, u32 nblocks);
/* [start, start + len) are free; they were not.  Returns: false, if some were: nothing is changed.
 */
bool ext4_buddy_free(struct ext4_buddy *b, u32 start, u32 len);
/* They are used; they were free. */
void ext4_buddy_use(struct ext4_buddy *b, u32 start, u32 len);
/* How many blocks in a row are free at @start, at most @max. */
u32 ext4_buddy_run(const struct ext4_buddy *b, u32 start, u32 max);
/* The order of the largest free piece; EXT4_BUDDY_ORDERS: none. */
u32 ext4_buddy_largest(const struct ext4_buddy *b);
/*
 * Where to take @want from: at @goal, if anything is free there; else the smallest piece that holds
 * it; else the largest. *out_len is 1..want.  Returns: false: nothing is free.
 */
bool ext4_buddy_find(struct ext4_buddy *b, u32 goal, u32 want, u32 *out_start, u32 *out_len);
/* All invariants, for tests. */
bool ext4_buddy_check(const struct ext4_buddy *b);
