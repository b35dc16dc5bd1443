/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to the disk: a bio is a set of blk requests that is done when all of them are. What is
 * larger than the device takes is cut. A waiter waits on an event of the file system, not of its
 * own stack: the last done() may still be signalling when the waiter has gone on; unmounting waits
 * for those.
 */
#include "impl.h"
#include <env/rcu.h>
#include <lib/hash.h>

struct piece {
	struct blk_request rq;
	struct ext4_bio *bio;
};

static struct env_event *event_of(const struct ext4_bio *bio)
{
	return &bio->fs->io_ev[hash_ptr(bio, 4)];
}

void ext4_bio_init(struct ext4_bio *bio, struct ext4 *fs, void (*done)(struct ext4_bio *bio))
{
	*bio = (struct ext4_bio){.fs = fs, .pending = 1, .done = done, .queue = (u16)env_cpu()};
}

static void fail(struct ext4_bio *bio, s32 status)
{
	s32 none = 0;

	if (status)
		__atomic_compare_exchange_n(
			&bio->status, &none, status, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void drop(struct ext4_bio *bio)
{
	struct env_event *ev = event_of(bio);
	struct ext4 *fs = bio->fs;
	void (*done)(struct ext4_bio *) = bio->done;

	if (done) {
		if (!__atomic_sub_fetch(&bio->pending, 1, __ATOMIC_ACQ_REL))
			done(bio);
		return;
	}
	__atomic_add_fetch(&fs->signals, 1, __ATOMIC_RELAXED);
	if (!__atomic_sub_fetch(&bio->pending, 1, __ATOMIC_ACQ_REL))
		env_event_signal(ev);
	__atomic_sub_fetch(&fs->signals, 1, __ATOMIC_RELEASE);
}

void ext4_bio_quiesce(struct ext4 *fs)
{
	/* An interrupt is on its last instructions. */
	while (LOAD_ACQUIRE(fs->signals))
		env_sleep_until(env_deadline(1000));
}

static void piece_done(struct blk_request *rq)
{
	struct piece *p = container_of(rq, struct piece, rq);
	struct ext4_bio *bio = p->bio;

	fail(bio, rq->status);
	env_free(p, sizeof(*p));
	drop(bio);
}

static u64 max_piece(const struct ext4 *fs, enum blk_op op, const struct iobuf *data)
{
	u64 n;

	if (op == BLK_DISCARD)
		n = fs->info.max_discard512 >> (fs->block_bits - 9);
	else if (op == BLK_WRITE_ZEROES)
		n = fs->info.max_zeroes512 >> (fs->block_bits - 9);
	else
		n = fs->info.max_bytes >> fs->block_bits;
	/* A segment is at least a page, but for the first and the last. */
	if (data && data->kind != IOBUF_KERNEL && fs->info.max_segs)
		n = min_t(u64, n,
			max_t(u64, 1, ((u64)fs->info.max_segs * 4096 - 4096) >> fs->block_bits));
	return max_t(u64, n, 1);
}

void ext4_bio_add(struct ext4_bio *bio, enum blk_op op, u8 flags, u64 block, u64 nblocks,
	const struct iobuf *data)
{
	struct ext4 *fs = bio->fs;
	u64 most = max_piece(fs, op, data), off = 0;

	while (nblocks) {
		u64 n = min(nblocks, most);
		struct piece *p = env_alloc(sizeof(*p), ENV_ALLOC_ZERO | ENV_ALLOC_NOWAIT);

		if (!p) {
			fail(bio, -ENOMEM);
			return;
		}
		p->bio = bio;
		p->rq = (struct blk_request){.op = (u8)op,
			.flags = flags,
			.queue = bio->queue,
			.lba512 = block << (fs->block_bits - 9),
			.n512 = n << (fs->block_bits - 9),
			.done = piece_done};
		if (data) {
			p->rq.data = *data;
			if (data->segs == &data->one)
				p->rq.data.segs = &p->rq.data.one;
			iobuf_advance(&p->rq.data, (size_t)off);
			iobuf_limit(&p->rq.data, (size_t)(n << fs->block_bits));
		}
		__atomic_add_fetch(&bio->pending, 1, __ATOMIC_RELAXED);
		fs->dev.ops->submit(fs->dev.self, &p->rq);
		block += n;
		nblocks -= n;
		off += n << fs->block_bits;
	}
}

void ext4_bio_end(struct ext4_bio *bio)
{
	bio->fs->dev.ops->kick(bio->fs->dev.self, bio->queue);
	drop(bio);
}

int ext4_bio_wait(struct ext4_bio *bio)
{
	struct env_event *ev = event_of(bio);

	ext4_bio_end(bio);
	for (;;) {
		u32 seq = env_event_read(ev);

		if (!LOAD_ACQUIRE(bio->pending))
			break;
		/* Each request has an end: the blk port's promise. */
		(void)!env_event_wait(ev, seq, ENV_FOREVER);
	}
	return bio->status;
}

int ext4_rw(struct ext4 *fs, enum blk_op op, u8 flags, u64 block, u64 nblocks, void *mem)
{
	struct ext4_bio bio;
	struct iobuf data;

	iobuf_init_kernel(&data, mem, (size_t)(nblocks << fs->block_bits));
	ext4_bio_init(&bio, fs, NULL);
	ext4_bio_add(&bio, op, flags, block, nblocks, &data);
	return ext4_bio_wait(&bio);
}

int ext4_flush(struct ext4 *fs)
{
	struct ext4_bio bio;
	struct piece *p;

	if (!fs->opt.barrier || !(fs->info.flags & BLK_INFO_VOLATILE_CACHE))
		return 0;
	p = env_alloc(sizeof(*p), ENV_ALLOC_ZERO);
	if (!p)
		return -ENOMEM;
	ext4_bio_init(&bio, fs, NULL);
	p->bio = &bio;
	p->rq = (struct blk_request){.op = BLK_FLUSH, .queue = bio.queue, .done = piece_done};
	__atomic_add_fetch(&bio.pending, 1, __ATOMIC_RELAXED);
	fs->dev.ops->submit(fs->dev.self, &p->rq);
	return ext4_bio_wait(&bio);
}
