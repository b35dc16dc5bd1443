/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages and queues. See unix_impl.h.
 */
#include "unix_impl.h"
#include <lib/bits.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/slab.h>

#define BLOCK_ORDER 3u /* what the frame allocator keeps ready per CPU */

/* What a message counts for in a send buffer: Linux' figure, because programs size their buffers by it. */
static u32 charge_of(u32 len)
{
	u32 data = align_up(len, 64u) + 320;

	return 256 + (data <= 8192 ? (u32)1 << (32 - (u32)__builtin_clz(data - 1)) : align_up(data, 4096u));
}

static u32 block_size(const struct unix_msg *msg)
{
	return (u32)PAGE_SIZE << msg->order;
}

static void free_blocks(struct unix_msg *msg, u32 n)
{
	if (msg->order == 0) {
		page_free_batch(msg->pages, n);
		return;
	}
	while (n)
		page_free(msg->pages[--n], msg->order);
}

static bool get_blocks(struct unix_msg *msg, u32 n, unsigned alloc_flags)
{
	u32 got = 0;

	if (msg->order == 0) {
		got = page_alloc_batch(msg->pages, n, alloc_flags);
	} else {
		while (got < n && (msg->pages[got] = page_alloc(msg->order, alloc_flags)))
			got++;
	}
	if (got < n)
		free_blocks(msg, got);
	return got == n;
}

/* Large blocks if there are any, for they are fewer; then single pages. */
static struct unix_msg *alloc_paged(u32 len)
{
	u32 npages = DIV_ROUND_UP(len, (u32)PAGE_SIZE);
	struct unix_msg *msg = kmalloc(sizeof(*msg) + npages * sizeof(struct page *), 0);

	if (!msg)
		return NULL;
	msg->room = 0;
	msg->order = (u8)min(ilog2_ceil(npages), BLOCK_ORDER);
	if (get_blocks(msg, DIV_ROUND_UP(len, block_size(msg)), ALLOC_NOWAIT))
		return msg;
	msg->order = 0;
	if (get_blocks(msg, npages, ALLOC_USER))
		return msg;
	kfree(msg);
	return NULL;
}

struct unix_msg *unix_msg_alloc(u32 len)
{
	struct unix_msg *msg;

	if (likely(len <= UNIX_MSG_INLINE)) {
		/* One step up, so that what follows can be appended. */
		msg = kmalloc(max(offsetof(struct unix_msg, bytes) + len, 256ul), 0);
		if (msg)
			msg->room = (u32)(kmalloc_usable(msg) - offsetof(struct unix_msg, bytes));
	} else {
		msg = alloc_paged(len);
	}
	if (!msg)
		return NULL;
	msg->sender = NULL;
	msg->scm = (struct scm){.uid = SCM_NO_ID, .gid = SCM_NO_ID};
	msg->stamp = 0;
	msg->len = len;
	msg->off = 0;
	msg->charge = charge_of(len);
	msg->oob = false;
	return msg;
}

int unix_msg_fill(struct unix_msg *msg, struct iobuf *from)
{
	u32 left = msg->len;

	if (likely(msg->room))
		return iobuf_get(from, msg->bytes, left) == left ? 0 : -EFAULT;
	for (u32 i = 0; left; i++) {
		u32 n = min(left, block_size(msg));

		if (iobuf_get(from, page_va(msg->pages[i]), n) != n)
			return -EFAULT;
		left -= n;
	}
	return 0;
}

int unix_msg_read(const struct unix_msg *msg, u32 off, u32 len, struct iobuf *to)
{
	if (likely(msg->room))
		return iobuf_put(to, msg->bytes + off, len) == len ? 0 : -EFAULT;
	while (len) {
		u32 size = block_size(msg), at = off & (size - 1), n = min(len, size - at);

		if (iobuf_put(to, (u8 *)page_va(msg->pages[off >> (PAGE_SHIFT + msg->order)]) + at, n) != n)
			return -EFAULT;
		off += n;
		len -= n;
	}
	return 0;
}

/* A datagram has left: its sender may go on. */
static void uncharge_sender(struct unix_msg *msg)
{
	struct unix_sock *u = msg->sender;

	__atomic_fetch_sub(&u->tx_charge, msg->charge, __ATOMIC_RELEASE);
	if (unix_writable(u))
		socket_wake_write(&u->sock, UNIX_WRITE_EVENTS);
	unix_put(u);
}

void unix_msg_free(struct unix_msg *msg)
{
	if (msg->sender)
		uncharge_sender(msg);
	if (unlikely(msg->scm.fds || msg->scm.pid)) {
		if (msg->scm.fds)
			unix_fds_land(msg->scm.fds);
		scm_drop(&msg->scm);
	}
	if (unlikely(!msg->room))
		free_blocks(msg, DIV_ROUND_UP(msg->len, block_size(msg)));
	kfree(msg);
}

void unix_msgs_free(struct list_head *msgs)
{
	struct unix_msg *msg;

	while ((msg = list_first_entry_or_null(msgs, struct unix_msg, link))) {
		list_del(&msg->link);
		unix_msg_free(msg);
	}
}

void unix_msg_push(struct unix_sock *to, struct unix_msg *msg)
{
	spin_assert_held(&to->lock);
	list_add_tail(&msg->link, &to->msgs);
	WRITE_ONCE(to->nmsgs, to->nmsgs + 1);
	WRITE_ONCE(to->rx_charge, to->rx_charge + msg->charge);
	WRITE_ONCE(to->pushed, to->pushed + 1);
}

void unix_msg_pull(struct unix_sock *u, struct unix_msg *msg)
{
	spin_assert_held(&u->lock);
	list_del(&msg->link);
	WRITE_ONCE(u->nmsgs, u->nmsgs - 1);
	WRITE_ONCE(u->rx_charge, u->rx_charge - msg->charge);
}
