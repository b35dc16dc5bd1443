/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring against a device of a few lines that follows the rules, and against one that does not.
 */
#include "virtq.h"
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>

#define ADDR 0x100000000ull

struct rig {
	struct virtq q;
	char *shared;
	void *private;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 seen;
};

static void rig_init(struct rig *r, u16 size, u16 table_max, bool event_idx)
{
	struct virtq_layout l;

	memset(r, 0, sizeof(*r));
	r->shared = aligned_alloc(64, align_up(virtq_shared_bytes(size, table_max), 64ul));
	memset(r->shared, 0, virtq_shared_bytes(size, table_max));
	r->private = calloc(1, virtq_private_bytes(size));
	virtq_layout(size, &l);
	r->desc = (void *)(r->shared + l.desc);
	r->avail = (void *)(r->shared + l.avail);
	r->used = (void *)(r->shared + l.used);
	CHECK_EQ(virtq_init(&r->q, size, table_max, event_idx, r->shared, ADDR, r->private), 0);
}

static void rig_fini(struct rig *r)
{
	CHECK(virtq_check(&r->q));
	free(r->shared);
	free(r->private);
}

/* Use the next chain in full: bytes written, or -1 when none is there. */
static s64 device_use(struct rig *r)
{
	struct virtq_layout l;
	struct vring_desc *d;
	u16 head;
	s64 wrote = 0;

	if (r->avail->idx == r->seen)
		return -1;
	head = r->avail->ring[r->seen++ % r->q.size];
	d = &r->desc[head];
	virtq_layout(r->q.size, &l);
	if (d->flags & VRING_DESC_F_INDIRECT) {
		CHECK(d->addr >= ADDR + l.tables);
		d = (struct vring_desc *)(r->shared + (d->addr - ADDR));
		for (struct vring_desc *t = d;; t++) {
			wrote += t->flags & VRING_DESC_F_WRITE ? t->len : 0;
			if (!(t->flags & VRING_DESC_F_NEXT))
				break;
		}
	} else {
		for (;; d = &r->desc[d->next]) {
			wrote += d->flags & VRING_DESC_F_WRITE ? d->len : 0;
			if (!(d->flags & VRING_DESC_F_NEXT))
				break;
		}
	}
	r->used->ring[r->used->idx % r->q.size] = (struct vring_used_elem){head, (u32)wrote};
	r->used->idx++;
	return wrote;
}

TEST(virtq_random_traffic)
{
	for (int mode = 0; mode < 4; mode++) {
		struct rig r;
		u64 added = 0, popped = 0, lens[16] = {0};

		rig_init(&r, 16, mode & 1 ? 8 : 0, mode & 2);
		for (u64 i = 0; i < test_rounds(20000); i++) {
			u64 what = test_rand_below(3);

			if (what == 0) {
				struct virtq_seg segs[6];
				unsigned nout = (unsigned)test_rand_below(3),
					 nin = (unsigned)test_rand_below(4);
				u64 in = 0, slot = 0;
				int err;

				while (slot < 16 && lens[slot])
					slot++;
				if (slot == 16)
					continue;
				for (unsigned k = 0; k < nout + nin; k++) {
					segs[k] = (struct virtq_seg){
						test_rand(), 1 + (u32)test_rand_below(100)};
					in += k >= nout ? segs[k].len : 0;
				}
				err = virtq_add(&r.q, segs, nout, nin, &lens[slot]);
				CHECK(err == (nout + nin ? err : -EINVAL));
				CHECK(err == 0 || err == -ENOSPC || err == -EINVAL);
				if (!err) {
					lens[slot] = in + 1;
					added++;
				}
				virtq_publish(&r.q);
			} else if (what == 1) {
				device_use(&r);
			} else {
				void *token;
				u32 len;

				if (virtq_pop(&r.q, &token, &len) == 1) {
					CHECK_EQ(*(u64 *)token, len + 1ull);
					*(u64 *)token = 0;
					popped++;
				}
			}
			CHECK(virtq_check(&r.q));
		}
		CHECK(popped > 1000 && added - popped <= 16);
		while (virtq_abort(&r.q))
			popped++;
		CHECK_EQ(added, popped);
		rig_fini(&r);
	}
}

TEST(virtq_limits)
{
	struct virtq_seg segs[5] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}, zero = {1, 0},
			 big[2] = {{1, ~0u}, {2, 1}};
	struct rig r;
	int token;

	rig_init(&r, 4, 0, false);
	CHECK_EQ(virtq_add(&r.q, segs, 5, 0, &token), -EINVAL);
	CHECK_EQ(virtq_add(&r.q, segs, 0, 0, &token), -EINVAL);
	CHECK_EQ(virtq_add(&r.q, &zero, 1, 0, &token), -EINVAL);
	CHECK_EQ(virtq_add(&r.q, big, 1, 1, &token), -EINVAL);
	CHECK_EQ(virtq_add(&r.q, segs, 2, 1, &token), 0);
	CHECK_EQ(virtq_add(&r.q, segs, 1, 1, &token), -ENOSPC);
	CHECK_EQ(virtq_add(&r.q, segs, 1, 0, &token), 0);
	CHECK(virtq_publish(&r.q));
	CHECK(!virtq_publish(&r.q));
	rig_fini(&r);
	CHECK_EQ(virtq_init(&r.q, 3, 0, false, r.shared, 0, r.private), -EINVAL);
}

TEST(virtq_notifications)
{
	struct virtq_seg seg = {1, 1};
	struct rig r;
	int token;

	rig_init(&r, 8, 0, true);
	*(u16 *)&r.used->ring[8] = 1; /* tell me when you are past 1 */
	CHECK_EQ(virtq_add(&r.q, &seg, 1, 0, &token), 0);
	CHECK(!virtq_publish(&r.q));
	CHECK_EQ(virtq_add(&r.q, &seg, 1, 0, &token), 0);
	CHECK(virtq_publish(&r.q));
	CHECK(!virtq_arm(&r.q));
	device_use(&r);
	CHECK(virtq_arm(&r.q));
	rig_fini(&r);
	rig_init(&r, 8, 0, false);
	r.used->flags = VRING_USED_F_NO_NOTIFY;
	CHECK_EQ(virtq_add(&r.q, &seg, 1, 0, &token), 0);
	CHECK(!virtq_publish(&r.q));
	virtq_disarm(&r.q);
	CHECK_EQ(r.avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
	rig_fini(&r);
}

TEST(virtq_liars)
{
	static const struct {
		u16 idx;
		u32 id, len;
	} lies[] = {{1, 8, 0}, {1, 0xffffffff, 0}, {1, 1, 0}, {1, 0, 101}, {1, 0, 0xffffffff},
		{2, 0, 1}, {0xffff, 0, 1}};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct virtq_seg seg = {1, 100};
		void *token = NULL;
		struct rig r;
		u32 len;

		rig_init(&r, 8, 0, false);
		CHECK_EQ(virtq_add(&r.q, &seg, 0, 1, &r), 0);
		virtq_publish(&r.q);
		r.used->ring[0] = (struct vring_used_elem){lies[i].id, lies[i].len};
		r.used->idx = lies[i].idx;
		CHECK_EQ(virtq_pop(&r.q, &token, &len), -EIO);
		CHECK_EQ(virtq_add(&r.q, &seg, 0, 1, &r), -EIO);
		CHECK(!token);
		CHECK(virtq_abort(&r.q) == &r);
		CHECK(!virtq_abort(&r.q));
		rig_fini(&r);
	}
}
