/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue between several clients and a provider that takes little at a time, answers in any order, and fails when it is told to. All in sim.
 */
#include "queue_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <env/log.h>
#include <env/mem.h>
#include <env_sim/sim.h>

#define SECTORS	 512u
#define CLIENTS	 3
#define SHARE	 (SECTORS / CLIENTS / 8 * 8) /* each has its own part of the disk */
#define INFLIGHT 12
#define MAX_SEGS 7

struct fake {
	struct blk_info info;
	u8 now[SECTORS * 512], durable[SECTORS * 512];
	struct env_spin lock;
	struct blk_request *held[256]; /* lock */
	unsigned nheld;
	u64 nrequests, nflushes, nbig, fail_at;
	s32 fail_with;
	bool stop;
	struct env_event ev;
	struct env_task *task;
};

ENV_LOCK_CLASS(fake, ENV_RANK_DRIVER_QUEUE, "a disk that tests made");

static void count_limits(struct fake *f, const struct blk_request *rq)
{
	size_t left = rq->data.left, off = rq->data.seg_off;
	u32 n = 0;

	CHECK_EQ(rq->data.left, rq->n512 * 512);
	CHECK(rq->n512 * 512 <= f->info.max_bytes);
	for (const struct iobuf_seg *s = rq->data.segs; left; s++, off = 0) {
		size_t len = min(left, s->len - off);

		n += (u32)DIV_ROUND_UP(len, (size_t)f->info.max_seg_bytes);
		left -= len;
	}
	CHECK(n <= f->info.max_segs);
	f->nbig += rq->n512 > 4;
}

static s32 carry_out(struct fake *f, struct blk_request *rq)
{
	struct iobuf b = rq->data;

	if (++f->nrequests == f->fail_at)
		return f->fail_with;
	if (rq->op == BLK_FLUSH) {
		f->nflushes++;
		memcpy(f->durable, f->now, sizeof(f->now));
		return 0;
	}
	CHECK(rq->n512 && rq->lba512 < SECTORS && rq->n512 <= SECTORS - rq->lba512);
	switch (rq->op) {
	case BLK_READ:
		count_limits(f, rq);
		(void)iobuf_put(&b, f->now + rq->lba512 * 512, rq->n512 * 512);
		break;
	case BLK_WRITE:
		count_limits(f, rq);
		(void)iobuf_get(&b, f->now + rq->lba512 * 512, rq->n512 * 512);
		if (rq->flags & BLK_FUA)
			memcpy(f->durable + rq->lba512 * 512, f->now + rq->lba512 * 512, rq->n512 * 512);
		break;
	case BLK_WRITE_ZEROES:
		CHECK(f->info.flags & BLK_INFO_ZEROES && rq->n512 <= f->info.max_zeroes512);
		memset(f->now + rq->lba512 * 512, 0, rq->n512 * 512);
		break;
	default: CHECK(rq->n512 <= f->info.max_discard512);
	}
	return 0;
}

static void serve(void *arg)
{
	struct fake *f = arg;

	for (;;) {
		u32 seq = env_event_read(&f->ev);
		struct blk_request *rq = NULL;
		unsigned long flags = env_spin_lock(&f->lock);

		if (f->nheld) {
			u32 r;
			unsigned i;

			env_random(&r, sizeof(r));
			i = r % f->nheld;
			rq = f->held[i];
			f->held[i] = f->held[--f->nheld];
		}
		env_spin_unlock(&f->lock, flags);
		if (rq) {
			rq->status = carry_out(f, rq);
			rq->done(rq);
		} else if (f->stop) {
			break;
		} else {
			(void)!env_event_wait(&f->ev, seq, env_deadline(1000000000));
		}
	}
}

static void fake_info(void *self, struct blk_info *out)
{
	*out = ((struct fake *)self)->info;
}

static void fake_submit(void *self, struct blk_request *rq)
{
	struct fake *f = self;
	unsigned long flags = env_spin_lock(&f->lock);

	REQUIRE(f->nheld < ARRAY_SIZE(f->held));
	f->held[f->nheld++] = rq;
	env_spin_unlock(&f->lock, flags);
	env_event_signal(&f->ev);
}

static void fake_kick(void *self, u16 queue)
{
}

static const struct blk_ops fake_ops = {.info = fake_info, .submit = fake_submit, .kick = fake_kick};

static struct fake fake;
static struct blkq *queue;
static struct blkq_stats stats[CLIENTS + 1][2];
static struct blkq_range whole, ranges[CLIENTS];

struct job {
	struct blk_request rq;
	struct client *c;
	struct iobuf_seg segs[40];
	u8 bytes[20 * 512];
	bool busy; /* atomic */
	u32 ended;
};

struct client {
	struct job jobs[INFLIGHT];
	u8 shadow[SHARE * 512];
	bool unsure[SHARE]; /* a write failed there */
	struct env_event ev;
	unsigned index;
	u32 failures;
	struct env_task *task;
	u32 finished; /* atomic */
};

static struct client clients[CLIENTS];
static struct env_event all_ev;

static void job_done(struct blk_request *rq)
{
	struct job *j = container_of(rq, struct job, rq);

	__atomic_add_fetch(&j->ended, 1, __ATOMIC_RELAXED);
	STORE_RELEASE(j->busy, false);
	env_event_signal(&j->c->ev);
}

static u32 below(u32 n)
{
	u32 r;

	env_random(&r, sizeof(r));
	return r % n;
}

/* Cut the job's bytes into segments that do not lie behind each other. */
static void cut_segs(struct job *j, size_t len)
{
	size_t at = 0;
	u32 n = 0;

	while (at < len) {
		size_t part = n == ARRAY_SIZE(j->segs) - 1 ? len - at : min_t(size_t, len - at, below(2) ? 512 : 1 + below(700));

		j->segs[n++] = (struct iobuf_seg){.base = (u64)(unsigned long)(j->bytes + at), .len = part};
		at += part;
	}
	iobuf_init_segs(&j->rq.data, IOBUF_KERNEL, j->segs, n);
}

static void settle(struct client *c, struct job *j)
{
	struct blk_request *rq = &j->rq;

	while (LOAD_ACQUIRE(j->busy)) {
		u32 seq = env_event_read(&c->ev);

		if (LOAD_ACQUIRE(j->busy))
			CHECK(!env_event_wait(&c->ev, seq, env_deadline(600000000000)));
	}
	CHECK_EQ(j->ended, 1);
	c->failures += rq->status != 0;
	if (rq->status || rq->op == BLK_DISCARD) {
		for (u64 i = 0; rq->op != BLK_FLUSH && rq->op != BLK_READ && i < rq->n512; i++)
			c->unsure[rq->lba512 + i] = true;
		return;
	}
	for (u64 i = 0; i < rq->n512; i++) {
		u64 at = (rq->lba512 + i) * 512;
		const u8 *disk = fake.now + (ranges[c->index].start512 * 512) + at;

		if (rq->op == BLK_READ && !c->unsure[rq->lba512 + i])
			CHECK_MEM_EQ(j->bytes + i * 512, c->shadow + at, 512);
		if (rq->op == BLK_WRITE || rq->op == BLK_WRITE_ZEROES) {
			c->unsure[rq->lba512 + i] = false;
			memcpy(c->shadow + at, disk, 512);
			if (rq->op == BLK_WRITE)
				CHECK_MEM_EQ(disk, j->bytes + i * 512, 512);
			if (rq->flags & BLK_FUA)
				CHECK_MEM_EQ(disk, fake.durable + (ranges[c->index].start512 * 512) + at, 512);
		}
	}
}

/* INFLIGHT requests side by side on places that do not overlap, kicked sometimes. */
static void round_of(struct client *c)
{
	u64 at = below(4);

	for (unsigned i = 0; i < INFLIGHT; i++) {
		struct job *j = &c->jobs[i];
		u32 kind = below(12);
		u64 n = 1 + below(below(4) ? 3 : 20);

		if (at + n > SHARE)
			break;
		j->c = c;
		j->ended = 0;
		j->rq = (struct blk_request){.op = kind < 5 ? BLK_WRITE : kind < 9 ? BLK_READ : kind < 10 ? BLK_WRITE_ZEROES : kind < 11 ? BLK_FLUSH : BLK_DISCARD,
			.queue = (u16)c->index,
			.lba512 = at,
			.n512 = n,
			.done = job_done};
		if (j->rq.op == BLK_WRITE && !below(4))
			j->rq.flags = BLK_FUA;
		if (j->rq.op == BLK_FLUSH)
			j->rq.lba512 = j->rq.n512 = 0;
		memset(j->bytes, (int)below(256), n * 512);
		cut_segs(j, n * 512);
		STORE_RELEASE(j->busy, true);
		blkq_submit(queue, &ranges[c->index], &j->rq);
		if (!below(5))
			blkq_kick(queue, (u16)c->index);
		at += n + (below(3) ? 0 : below(5));
	}
	for (unsigned i = 0; i < INFLIGHT; i++) {
		if (c->jobs[i].c) {
			settle(c, &c->jobs[i]);
			c->jobs[i].c = NULL;
		}
	}
}

static void client_main(void *arg)
{
	struct client *c = arg;

	for (int i = 0; i < 4; i++)
		round_of(c);
	STORE_RELEASE(c->finished, 1);
	env_event_signal(&all_ev);
}

struct plan {
	u64 fail_at;
	s32 fail_with;
	bool zeroes, fua, kill;
	u32 failures;
};

static void make_fake(const struct plan *p)
{
	memset(&fake, 0, sizeof(fake));
	fake.info = (struct blk_info){.capacity512 = SECTORS,
		.flags = BLK_INFO_VOLATILE_CACHE | BLK_INFO_DISCARD | (p->zeroes ? BLK_INFO_ZEROES : 0) | (p->fua ? BLK_INFO_FUA : 0),
		.logical_bytes = 512,
		.physical_bytes = 512,
		.max_bytes = 8 * 512,
		.max_segs = MAX_SEGS,
		.max_seg_bytes = 1024,
		.seg_align = 1,
		.queue_depth = 8,
		.nqueues = 2,
		.max_discard512 = 5,
		.max_zeroes512 = 6};
	fake.fail_at = p->fail_at;
	fake.fail_with = p->fail_with;
	env_spin_init(&fake.lock, &env_lock_class_fake);
	env_event_init(&fake.ev);
}

static void scenario(void *arg)
{
	const struct blk_port lower = {&fake_ops, &fake};
	struct plan *p = arg;
	struct blkq_stats sum;

	make_fake(p);
	memset(stats, 0, sizeof(stats));
	memset(clients, 0, sizeof(clients));
	env_event_init(&all_ev);
	p->failures = ~0u;
	if (env_task_start(serve, &fake, "disk", &fake.task))
		return;
	if (blkq_create(&lower, 2, &queue))
		goto out;
	p->failures = 0;
	whole = (struct blkq_range){.n512 = SECTORS, .stats = stats[CLIENTS]};
	for (unsigned i = 0; i < CLIENTS; i++) {
		ranges[i] = (struct blkq_range){.start512 = i * SHARE, .n512 = SHARE, .stats = stats[i], .whole = &whole};
		clients[i].index = i;
		env_event_init(&clients[i].ev);
		if (env_task_start(client_main, &clients[i], "client", &clients[i].task)) {
			clients[i].task = NULL; /* the allocation that was to fail */
			clients[i].finished = 1;
		}
	}
	if (p->kill) {
		env_sleep_until(env_deadline(100000));
		blkq_kill(queue);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		while (!LOAD_ACQUIRE(clients[i].finished)) {
			u32 seq = env_event_read(&all_ev);

			if (!LOAD_ACQUIRE(clients[i].finished))
				CHECK(!env_event_wait(&all_ev, seq, env_deadline(1200000000000)));
		}
		if (clients[i].task)
			env_task_stop(clients[i].task, NULL);
		p->failures += clients[i].failures;
	}
	blkq_range_sum(queue, &whole, &sum);
	for (int g = 0; g < BLKQ_GROUPS; g++)
		CHECK_EQ(sum.begun[g], sum.ended[g]);
	blkq_destroy(queue);
out:
	fake.stop = true;
	env_task_stop(fake.task, &fake.ev);
}

TEST(blkq_does_what_it_is_asked)
{
	for (u64 seed = 1; seed <= test_rounds(120); seed++) {
		struct plan p = {.zeroes = seed & 1, .fua = seed & 2};

		sim_run(&(struct sim_options){.seed = seed}, scenario, &p);
		CHECK_EQ(p.failures, 0);
	}
	CHECK(fake.nbig > 0);
}

TEST(blkq_every_request_of_the_provider_fails)
{
	for (u64 n = 1; n <= test_rounds(100); n++) {
		struct plan p = {.fail_at = n, .fail_with = n & 1 ? -EIO : -ENOSPC};

		sim_run(&(struct sim_options){.seed = n}, scenario, &p);
		CHECK(p.fail_with == -ENOSPC || p.failures <= CLIENTS * INFLIGHT); /* a flush is shared */
	}
}

TEST(blkq_every_allocation_fails)
{
	u64 n = 0;
	struct plan p = {0};

	do {
		sim_run(&(struct sim_options){.seed = 5, .fail_alloc = ++n}, scenario, &p);
	} while (p.failures == ~0u);
	for (n = 1; n <= test_rounds(80); n++) {
		sim_run(&(struct sim_options){.seed = n, .fail_point = n}, scenario, &p);
		CHECK(!p.failures || p.failures == ~0u);
	}
}

TEST(blkq_is_killed_at_any_time)
{
	for (u64 seed = 1; seed <= test_rounds(60); seed++) {
		struct plan p = {.kill = true};

		sim_run(&(struct sim_options){.seed = seed}, scenario, &p);
	}
}
