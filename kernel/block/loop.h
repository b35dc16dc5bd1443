/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Loop devices: a disk whose sectors are the bytes of a file. loop.c carries out requests, loop_set.c binds and changes, loop_ctl.c is /dev/loop-control.
 *
 *	UNBOUND --LOOP_SET_FD, LOOP_CONFIGURE--> BOUND --LOOP_CLR_FD, autoclear: at the last close--> UNBOUND --LOOP_CTL_REMOVE--> (gone)
 *
 * loop_mutex guards all but the list of requests. While it is bound nothing of what requests need changes but offset, size and block size, which whoever
 * changes them does with the page cache written back and dropped.
 */
#include "block_impl.h"
#include <linux/loop.h>

#define LOOP_MAJOR 7u

enum loop_state { LOOP_UNBOUND, LOOP_BOUND, LOOP_DELETING };

struct loop {
	struct list_head link;	/* loop_list, by index; loop_mutex */
	struct disk *disk;
	u32 index;
	u32 openers;
	u8 state;		/* enum loop_state */
	struct file *file;	/* BOUND: holds a reference */
	u32 flags;		/* LO_FLAGS_* */
	u64 offset, sizelimit;
	u32 block_bytes;
	u8 name[LO_NAME_SIZE];
	struct pseudo_node *attrs;	/* BOUND */
	u64 size512;			/* atomic */
	struct spinlock lock;
	struct blk_request *head, **tail; /* lock: by provider[0] */
	struct work work;
};

extern struct mutex loop_mutex;
extern void *loop_zeroes; /* a page */
extern struct list_head loop_list;
extern const struct disk_ops loop_disk_ops;
extern const struct blk_ops loop_port_ops;

void loop_queue_init(struct loop *lo);
s64 loop_ioctl(struct bdev *b, struct file *f, unsigned cmd, u64 arg);
/* loop_mutex held, nobody has it open. */
void loop_unbind(struct loop *lo);
/* Bytes of what is behind an open file; 0 for others. */
u64 loop_file_size(const struct file *f);
