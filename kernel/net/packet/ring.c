/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings: memory that the kernel and the program share [man packet(7), mmap]. Pages are those of a memory file that the socket has from its first ring on until its
 * end; the receiving ring's come first.
 *
 *	V1, V2   | frame | frame | ... of frame_size, per_block in a block:   header, sockaddr_ll, frame's bytes
 *	V3       | block description, private area, frames one behind the other | next block ...
 *
 * Whatever the program writes there is only believed where it cannot hurt: positions and sizes are the kernel's own.
 */
#include "packet_impl.h"
#include <lib/string.h>
#include <mm/object.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/shmem.h>

#define RING_PAGES_MOST (1u << 20) /* 4 GiB */

static const struct packet_ring no_ring;

u32 packet_header_len(u32 version)
{
	switch (version) {
	case TPACKET_V1: return TPACKET_HDRLEN;
	case TPACKET_V2: return TPACKET2_HDRLEN;
	case TPACKET_V3: return TPACKET3_HDRLEN;
	default: return 0;
	}
}

void *packet_ring_at(const struct packet_ring *r, u64 offset)
{
	return (char *)page_va(r->pages[offset >> PAGE_SHIFT]) + (offset & (PAGE_SIZE - 1));
}

void packet_ring_put(const struct packet_ring *r, u64 offset, const void *from, u32 n)
{
	const char *at = from;

	while (n) {
		u32 part = min_t(u32, n, (u32)(PAGE_SIZE - (offset & (PAGE_SIZE - 1))));

		memcpy(packet_ring_at(r, offset), at, part);
		at += part;
		offset += part;
		n -= part;
	}
}

u64 packet_ring_frame(const struct packet_ring *r, u32 index)
{
	return (u64)(index / r->per_block) * r->block_size + (u64)(index % r->per_block) * r->frame_size;
}

/* V1's status is a long, at the front; V2's a word at the front; V3's behind other words. */
static u64 status_offset(u32 version)
{
	return version == TPACKET_V3 ? offsetof(struct tpacket3_hdr, tp_status) : 0;
}

u32 packet_status_get(const struct packet_sock *p, const struct packet_ring *r, u64 offset)
{
	const u32 *word = packet_ring_at(r, offset + status_offset(p->version));

	return LOAD_ACQUIRE(*word);
}

void packet_status_set(const struct packet_sock *p, const struct packet_ring *r, u64 offset, u32 status)
{
	void *at = packet_ring_at(r, offset + status_offset(p->version));

	if (p->version == TPACKET_V1)
		STORE_RELEASE(*(unsigned long *)at, (unsigned long)status);
	else
		STORE_RELEASE(*(u32 *)at, status);
}

/* ---- making them; control held ---- */

static bool is_mapped(struct packet_sock *p)
{
	struct vm_object *obj;
	bool mapped;

	if (!p->ring_file)
		return false;
	obj = &p->ring_file->inode->data;
	mutex_lock(&obj->maps_lock);
	mapped = !list_empty(&obj->maps);
	mutex_unlock(&obj->maps_lock);
	return mapped;
}

static void forget_pages(struct packet_ring *r)
{
	for (u32 i = 0; r->pages && i < r->npages; i++) {
		if (r->pages[i])
			page_put(r->pages[i]);
	}
	kfree(r->pages);
	r->pages = NULL;
	r->npages = 0;
}

/* Pages from @first of the file on. */
static int get_pages(struct packet_sock *p, struct packet_ring *r, u32 first)
{
	int err = 0;

	r->first_page = first;
	r->npages = (u32)((u64)r->block_size * r->nblocks >> PAGE_SHIFT);
	r->pages = kzalloc(r->npages * sizeof(struct page *), 0);
	if (!r->pages)
		return -ENOMEM;
	for (u32 i = 0; i < r->npages && !err; i++)
		err = vm_object_get(&p->ring_file->inode->data, first + i, true, &r->pages[i]);
	if (err)
		forget_pages(r);
	return err ? -ENOMEM : 0;
}

static int check_request(const struct packet_sock *p, const struct tpacket_req3 *q, bool tx)
{
	u32 least = packet_header_len(p->version) + p->reserve, head = 0, per_block;

	if ((int)q->tp_block_size <= 0 || (q->tp_block_size & (PAGE_SIZE - 1)))
		return -EINVAL;
	if (p->version == TPACKET_V3) {
		if (q->tp_sizeof_priv > q->tp_block_size)
			return -EINVAL;
		head = (u32)align_up(sizeof(struct tpacket_block_desc), 8ul) + align_up(q->tp_sizeof_priv, 8u);
		if (q->tp_block_size < head + least)
			return -EINVAL;
		if (tx && (q->tp_retire_blk_tov || q->tp_sizeof_priv || q->tp_feature_req_word))
			return -EINVAL;
	}
	if (q->tp_frame_size < least || (q->tp_frame_size & (TPACKET_ALIGNMENT - 1)))
		return -EINVAL;
	per_block = q->tp_block_size / q->tp_frame_size;
	if (!per_block || per_block > U32_MAX / q->tp_block_nr || per_block * q->tp_block_nr != q->tp_frame_nr)
		return -EINVAL;
	return (u64)q->tp_block_size * q->tp_block_nr >> PAGE_SHIFT > RING_PAGES_MOST ? -ENOMEM : 0;
}

static int make_file(struct packet_sock *p, u64 bytes)
{
	struct vm_object *obj;
	int err = 0;

	if (!p->ring_file)
		err = shmem_create("[packet]", 0, &p->ring_file);
	if (err)
		return err;
	obj = &p->ring_file->inode->data;
	WRITE_ONCE(obj->size, max(obj->size, bytes));
	return 0;
}

static void describe_ring(struct packet_sock *p, const struct tpacket_req3 *q, bool tx, struct packet_ring *fresh)
{
	*fresh = (struct packet_ring){.block_size = q->tp_block_size, .nblocks = q->tp_block_nr, .frame_size = q->tp_frame_size, .nframes = q->tp_frame_nr};
	fresh->per_block = q->tp_block_size / q->tp_frame_size;
	if (p->version == TPACKET_V3 && !tx) {
		fresh->private_size = q->tp_sizeof_priv;
		fresh->retire_ms = q->tp_retire_blk_tov ? q->tp_retire_blk_tov : 8;
		fresh->features = q->tp_feature_req_word;
	}
}

/* The old one goes, @fresh (may be empty) comes. The upcall and senders see one or the other. */
static void replace(struct packet_sock *p, const struct packet_ring *fresh, bool tx)
{
	struct packet_ring *at = tx ? &p->tx : &p->rx, old;
	irqflags_t flags = spin_lock_irqsave(&p->lock);

	old = *at;
	*at = *fresh;
	if (!tx && p->version == TPACKET_V3 && at->pages)
		packet_blocks_init(p);
	spin_unlock_irqrestore(&p->lock, flags);
	forget_pages(&old);
}

/*
 * Memory for @fresh. The sending ring lies behind the receiving one and moves when that comes: nobody has it mapped, so that nothing in it matters. On error
 * @fresh is empty.
 */
static int place_ring(struct packet_sock *p, struct packet_ring *fresh, bool tx)
{
	struct packet_ring again = p->tx;
	u64 bytes = (u64)fresh->block_size * fresh->nblocks;
	bool moves = !tx && again.pages;
	int err;

	if (moves) {
		replace(p, &no_ring, true);
		vm_object_truncate(&p->ring_file->inode->data, 0);
	}
	err = make_file(p, bytes + ((u64)p->rx.npages << PAGE_SHIFT) + (moves ? (u64)again.npages << PAGE_SHIFT : 0));
	if (!err)
		err = get_pages(p, fresh, tx ? p->rx.npages : 0);
	if (!err && moves) {
		again.head = 0;
		again.pages = NULL;
		err = get_pages(p, &again, fresh->npages);
		if (!err)
			replace(p, &again, true);
	}
	if (err)
		forget_pages(fresh);
	return err;
}

int packet_ring_set(struct packet_sock *p, const struct tpacket_req3 *q, bool tx)
{
	struct packet_ring *at = tx ? &p->tx : &p->rx, fresh = no_ring;
	bool running = p->running;
	int err = 0;

	if (is_mapped(p) || (q->tp_block_nr && at->pages))
		return -EBUSY;
	if (q->tp_block_nr)
		err = check_request(p, q, tx);
	else if (q->tp_frame_nr)
		err = -EINVAL;
	if (err)
		return err;
	packet_stop(p);
	if (q->tp_block_nr) {
		describe_ring(p, q, tx, &fresh);
		err = place_ring(p, &fresh, tx);
	}
	if (!err)
		replace(p, &fresh, tx);
	if (!p->rx.pages)
		(void)timer_cancel_sync(&p->retire);
	if (!p->rx.pages && !p->tx.pages && p->ring_file)
		vm_object_truncate(&p->ring_file->inode->data, 0);
	packet_queue_flush(p);
	if (running && packet_go(p))
		packet_wake(p, EPOLLERR);
	return err;
}

void packet_ring_free(struct packet_sock *p)
{
	replace(p, &no_ring, false);
	replace(p, &no_ring, true);
	if (p->ring_file)
		file_put(p->ring_file);
	p->ring_file = NULL;
}

int packet_mmap(struct socket *s, struct file *f, struct vm_map_args *args)
{
	struct packet_sock *p = packet_of(s);
	u64 want;
	int err = 0;

	if (args->pgoff)
		return -EINVAL;
	mutex_lock(&p->control);
	want = (u64)(p->rx.npages + p->tx.npages) << PAGE_SHIFT;
	if (!want || align_up(args->len, (size_t)PAGE_SIZE) != want) {
		err = -EINVAL;
	} else {
		args->object = &p->ring_file->inode->data; /* as long as the socket, which the area keeps */
		args->backing_ops = &file_backing_ops;
		args->backing = f;
	}
	mutex_unlock(&p->control);
	return err;
}
