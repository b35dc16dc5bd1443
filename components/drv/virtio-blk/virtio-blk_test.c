/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver against a disk in memory: both transports, rings with and without indirect tables, all faults. In host once, in sim for many seeds and every N.
 */
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <env/log.h>
#include <env/task.h>
#include <env/time.h>
#include <env_sim/sim.h>
#include <port/blk.h>
#include "virtio-blk_model.h"

extern const struct env_driver virtio_blk_driver;
static const struct env_driver *const driver = &virtio_blk_driver;
static const enum env_bus buses[] = {ENV_BUS_PCI, ENV_BUS_VIRTIO_MMIO};

#define REQUESTS 24
#define RINGS	 (1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_RING_F_INDIRECT_DESC)
#define SIZE_MAX_BIT (1ull << VIRTIO_BLK_F_SIZE_MAX)

struct client {
	struct blk_request rq;
	struct env_event ev;
	u32 ended; /* atomic */
	struct iobuf_seg segs[4];
	u8 bytes[2048];
};

static void request_done(struct blk_request *rq)
{
	struct client *c = container_of(rq, struct client, rq);

	__atomic_add_fetch(&c->ended, 1, __ATOMIC_RELEASE);
	env_event_signal(&c->ev);
}

static const struct blk_ops *ops(void)
{
	return driver->ops;
}

static void submit(void *self, struct client *c, u8 op, u8 flags, u64 lba, u64 n512)
{
	c->rq = (struct blk_request){.op = op, .flags = flags, .queue = (u16)lba, .lba512 = lba, .n512 = n512, .done = request_done};
	c->ended = 0;
	env_event_init(&c->ev);
	if (op == BLK_READ || op == BLK_WRITE) { /* in pieces that cannot be joined */
		for (int i = 0; i < 4; i++)
			c->segs[i] = (struct iobuf_seg){.base = (u64)(unsigned long)(c->bytes + i * 512), .len = 500};
		c->segs[3].len = n512 * 512 > 1500 ? n512 * 512 - 1500 : 1;
		iobuf_init_segs(&c->rq.data, IOBUF_KERNEL, c->segs, 4);
		iobuf_limit(&c->rq.data, n512 * 512);
	}
	ops()->submit(self, &c->rq);
}

static s32 finish(struct client *c)
{
	u64 deadline = env_deadline(1200000000000);

	for (;;) {
		u32 seq = env_event_read(&c->ev);

		if (LOAD_ACQUIRE(c->ended))
			break;
		if (env_event_wait(&c->ev, seq, deadline))
			return -ETIME; /* the port promises an end */
	}
	return c->rq.status;
}

static s32 ask(void *self, struct client *c, u8 op, u8 flags, u64 lba, u64 n512)
{
	submit(self, c, op, flags, lba, n512);
	ops()->kick(self, c->rq.queue);
	return finish(c);
}

struct scenario {
	enum env_bus bus;
	u64 features, vanish_at, lose_irq, fail_at;
	u32 nqueues;
	enum virtio_lie lie;
	bool mute, attached, no_kick;
	s32 worst;	/* the last status that was not 0 */
	u32 failures;
};

static struct disk_model disk; /* tests run one after the other */

static void fill(struct client *c, u8 seed)
{
	for (size_t i = 0; i < sizeof(c->bytes); i++)
		c->bytes[i] = (u8)(seed + i / 7);
}

/* Write many at once, with and without FUA, flush, read back. */
static void traffic(struct scenario *s, void *self, struct client *c, struct client *check)
{
	for (int i = 0; i < REQUESTS; i++) {
		fill(&c[i], (u8)i);
		submit(self, &c[i], BLK_WRITE, i % 3 ? 0 : BLK_FUA, (u64)i * 8, 3);
	}
	for (u16 q = 0; q < 4 && !s->no_kick; q++)
		ops()->kick(self, q);
	for (int i = 0; i < REQUESTS; i++) {
		s32 status = finish(&c[i]);

		s->failures += status != 0;
		s->worst = status ? status : s->worst;
	}
	for (int i = 0; i < REQUESTS; i += 3) { /* the device is at rest */
		if (!c[i].rq.status)
			CHECK_MEM_EQ(disk.durable + (size_t)i * 8 * 512, disk.now + (size_t)i * 8 * 512, 3 * 512);
	}
	for (int i = 0; i < REQUESTS; i++) {
		s32 status;

		memset(check->bytes, 0, sizeof(check->bytes));
		status = ask(self, check, BLK_READ, 0, (u64)i * 8, 3);
		s->failures += status != 0;
		s->worst = status ? status : s->worst;
		if (!status && !c[i].rq.status) {
			for (int k = 0; k < 3; k++)
				CHECK_MEM_EQ(check->bytes + k * 512, c[i].bytes + k * 512, k < 3 ? 36 : 0);
		}
	}
}

static void use(void *arg)
{
	static struct client c[REQUESTS], check;
	struct scenario *s = arg;
	void *self;

	disk_model_init(&disk, s->bus, s->features, s->nqueues ? s->nqueues : 1);
	disk.m.dev.vanish_at = s->vanish_at;
	disk.m.dev.lose_irq = s->lose_irq;
	disk.fail_at = s->fail_at;
	disk.m.lie = s->lie;
	disk.m.mute = s->mute;
	s->worst = 0;
	s->failures = 0;
	s->attached = !driver->attach(&disk.m.dev, &self);
	if (s->attached) {
		traffic(s, self, c, &check);
		driver->detach(self, s->vanish_at ? ENV_DEVICE_GONE : ENV_DEVICE_RELEASED);
	}
	CHECK_EQ(host_device_leaks(&disk.m.dev), 0);
	CHECK_EQ(disk.m.dev.violations, 0);
}

static void run(struct scenario *s, u64 seeds)
{
	if (!ENV_SIM) {
		use(s);
		return;
	}
#if ENV_SIM
	for (u64 seed = 1; seed <= test_rounds(seeds); seed++)
		sim_run(&(struct sim_options){.seed = seed}, use, s);
#endif
}

TEST(vblk_keeps_what_is_written)
{
	for (int i = 0; i < 8; i++) {
		struct scenario s = {.bus = buses[i & 1], .features = i & 2 ? RINGS | SIZE_MAX_BIT : 0, .nqueues = i & 4 ? 4 : 1};

		run(&s, 20);
		CHECK(s.attached);
		CHECK_EQ(s.worst, 0);
	}
}

TEST(vblk_begins_without_a_kick)
{
	struct scenario s = {.bus = ENV_BUS_PCI, .features = RINGS, .no_kick = true};

	run(&s, 5);
	CHECK_EQ(s.worst, 0);
}

TEST(vblk_survives_liars)
{
	host_log_level(0);
	for (int i = 0; i < 2; i++) {
		for (enum virtio_lie lie = LIE_ID; lie < LIE_COUNT; lie++) {
			struct scenario s = {.bus = buses[i], .lie = lie, .features = RINGS};

			run(&s, 5);
			CHECK(s.attached);
			CHECK_EQ(s.worst, -EIO);
		}
	}
	host_log_level(ENV_LOG_WARN);
}

TEST(vblk_one_failure_is_one)
{
	for (u64 n = 1; n < 80; n += 3) {
		struct scenario s = {.bus = ENV_BUS_PCI, .features = RINGS, .fail_at = n};

		run(&s, 1);
		CHECK(s.failures <= 1 && (!s.failures || s.worst == -EIO));
	}
}

static void checks(void *arg)
{
	static struct client c;
	struct blk_info info;
	void *self;

	disk_model_init(&disk, ENV_BUS_PCI, RINGS | SIZE_MAX_BIT, 1);
	REQUIRE(driver->attach(&disk.m.dev, &self) == 0);
	ops()->info(self, &info);
	CHECK_EQ(info.capacity512, DISK_SECTORS);
	CHECK(strcmp(info.serial, "model-disk-012345678") == 0 || !memcmp(info.serial, "model-disk-0123456789", 20));
	CHECK_EQ(info.max_segs, 6);
	CHECK_EQ(info.max_seg_bytes, 1024);
	CHECK_EQ(ask(self, &c, BLK_READ, 0, DISK_SECTORS, 1), -EINVAL);
	CHECK_EQ(ask(self, &c, BLK_READ, 0, ~0ull, 2), -EINVAL);
	CHECK_EQ(ask(self, &c, BLK_READ, 0, 0, 0), -EINVAL);
	CHECK_EQ(ask(self, &c, 77, 0, 0, 1), -EINVAL);
	CHECK_EQ(ask(self, &c, BLK_DISCARD, 0, 0, 65), -EINVAL);
	c.rq = (struct blk_request){.op = BLK_WRITE, .lba512 = 20, .n512 = 4, .done = request_done}; /* one piece, longer than size_max */
	c.ended = 0;
	iobuf_init_kernel(&c.rq.data, c.bytes, 2048);
	memset(c.bytes, 0x77, 2048);
	ops()->submit(self, &c.rq);
	ops()->kick(self, 0);
	CHECK_EQ(finish(&c), 0);
	CHECK_MEM_EQ(disk.now + 20 * 512, c.bytes, 2048);
	memset(disk.now, 0x11, sizeof(disk.now));
	CHECK_EQ(ask(self, &c, BLK_WRITE_ZEROES, BLK_FUA | BLK_MAY_UNMAP, 2, 3), 0);
	CHECK_EQ(disk.now[2 * 512], 0);
	CHECK_EQ(disk.durable[5 * 512 - 1], 0);
	CHECK_EQ(disk.now[5 * 512], 0x11);
	CHECK_EQ(ask(self, &c, BLK_DISCARD, 0, 8, 8), 0);
	CHECK_EQ(ask(self, &c, BLK_FLUSH, 0, 0, 0), 0);
	CHECK_MEM_EQ(disk.now, disk.durable, sizeof(disk.now));
	driver->detach(self, ENV_DEVICE_RELEASED);
	CHECK_EQ(host_device_leaks(&disk.m.dev), 0);
}

TEST(vblk_limits_and_other_requests)
{
	if (!ENV_SIM)
		checks(NULL);
#if ENV_SIM
	else
		sim_run(&(struct sim_options){.seed = 3}, checks, NULL);
#endif
}

#if ENV_SIM
struct told {
	u32 changed, gone;
};

static void told_changed(void *client)
{
	__atomic_add_fetch(&((struct told *)client)->changed, 1, __ATOMIC_RELAXED);
}

static void told_gone(void *client)
{
	__atomic_add_fetch(&((struct told *)client)->gone, 1, __ATOMIC_RELAXED);
}

static void news(void *arg)
{
	static const struct blk_client_ops client_ops = {.changed = told_changed, .gone = told_gone};
	static struct client c;
	struct told told = {0};
	struct blk_info info;
	void *self;

	disk_model_init(&disk, ENV_BUS_VIRTIO_MMIO, RINGS, 1);
	REQUIRE(driver->attach(&disk.m.dev, &self) == 0);
	ops()->open(self, &client_ops, &told);
	disk_model_resize(&disk, 100);
	virtio_model_config_changed(&disk.m);
	env_sleep_until(env_deadline(1000000000));
	ops()->info(self, &info);
	CHECK_EQ(info.capacity512, 100);
	CHECK_EQ(told.changed, 1);
	CHECK_EQ(ask(self, &c, BLK_READ, 0, 99, 2), -EINVAL);
	disk.m.mute = true;
	CHECK_EQ(ask(self, &c, BLK_WRITE, 0, 0, 1), -ETIMEDOUT);
	CHECK_EQ(ask(self, &c, BLK_WRITE, 0, 0, 1), -ETIMEDOUT);
	env_sleep_until(env_deadline(1000000000));
	CHECK_EQ(told.gone, 1);
	ops()->close(self);
	driver->detach(self, ENV_DEVICE_RELEASED);
	CHECK_EQ(host_device_leaks(&disk.m.dev), 0);
}

TEST(vblk_tells_its_client)
{
	host_log_level(0);
	for (u64 seed = 1; seed <= test_rounds(20); seed++)
		sim_run(&(struct sim_options){.seed = seed}, news, NULL);
	host_log_level(ENV_LOG_WARN);
}

TEST(vblk_lost_interrupt_costs_only_time)
{
	for (u64 n = 1; n <= 8; n++) {
		struct scenario s = {.bus = buses[n & 1], .lose_irq = n, .features = RINGS};

		run(&s, 3);
		CHECK_EQ(s.worst, 0);
	}
}

TEST(vblk_device_vanishes_at_every_access)
{
	host_log_level(0);
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i], .features = RINGS};
		bool all = false;

		for (u64 n = 1; n < 600 && !all; n += 1 + n / 40) {
			s.vanish_at = n;
			sim_run(&(struct sim_options){.seed = n}, use, &s);
			CHECK(!s.worst || s.worst == -ENODEV);
			all = s.attached && !s.failures && n > 100;
		}
		CHECK(all);
	}
	host_log_level(ENV_LOG_WARN);
}

TEST(vblk_every_allocation_fails)
{
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i], .nqueues = 2};
		u64 n = 0;

		do {
			sim_run(&(struct sim_options){.seed = 7, .fail_alloc = ++n}, use, &s);
			CHECK(!s.attached || !s.worst);
		} while (!s.attached);
		CHECK(n > 8);
	}
}

static void cancel_and_detach(void *arg)
{
	static struct client c[REQUESTS];
	void *self;

	disk_model_init(&disk, ENV_BUS_PCI, 0, 1);
	REQUIRE(driver->attach(&disk.m.dev, &self) == 0);
	disk.m.mute = true;
	for (int i = 0; i < REQUESTS; i++)
		submit(self, &c[i], BLK_WRITE, 0, (u64)i, 1);
	ops()->kick(self, 0);
	ops()->cancel(self, &c[REQUESTS - 1].rq);
	CHECK_EQ(finish(&c[REQUESTS - 1]), -ECANCELED);
	ops()->cancel(self, &c[0].rq);
	driver->detach(self, ENV_DEVICE_RELEASED);
	for (int i = 0; i < REQUESTS - 1; i++) {
		CHECK_EQ(c[i].ended, 1);
		CHECK_EQ(c[i].rq.status, -ENODEV);
	}
	CHECK_EQ(host_device_leaks(&disk.m.dev), 0);
	CHECK_EQ(disk.m.dev.violations, 0);
}

TEST(vblk_cancel_and_detach)
{
	for (u64 seed = 1; seed <= test_rounds(30); seed++)
		sim_run(&(struct sim_options){.seed = seed}, cancel_and_detach, NULL);
}
#endif
