/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver against the model: both transports, all faults. In host once, in sim for many seeds
 * and every N.
 */
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <env/log.h>
#include <env/task.h>
#include <env/time.h>
#include <env_sim/sim.h>
#include <port/rng.h>
#include "../virtio/virtio_model.h"

extern const struct env_driver virtio_rng_driver;
static const struct env_driver *const driver = &virtio_rng_driver;

struct client {
	struct rng_request rq;
	struct env_event ev;
	u32 ended; /* atomic */
	u8 bytes[64];
};

static void request_done(struct rng_request *rq)
{
	struct client *c = container_of(rq, struct client, rq);

	__atomic_add_fetch(&c->ended, 1, __ATOMIC_RELEASE);
	env_event_signal(&c->ev);
}

static void submit(void *self, struct client *c)
{
	const struct rng_ops *ops = driver->ops;

	memset(c, 0, sizeof(*c));
	env_event_init(&c->ev);
	iobuf_init_kernel(&c->rq.data, c->bytes, sizeof(c->bytes));
	c->rq.done = request_done;
	ops->submit(self, &c->rq);
}

static s32 finish(struct client *c)
{
	u64 deadline = env_deadline(60000000000);

	for (;;) {
		u32 seq = env_event_read(&c->ev);

		if (LOAD_ACQUIRE(c->ended))
			break;
		if (env_event_wait(&c->ev, seq, deadline))
			return -ETIME; /* the port promises an end */
	}
	env_sleep_until(env_deadline(100000)); /* a second done() would be seen */
	CHECK_EQ(LOAD_ACQUIRE(c->ended), 1);
	return c->rq.status;
}

static s32 ask(void *self, struct client *c)
{
	submit(self, c);
	return finish(c);
}

struct scenario {
	enum env_bus bus;
	u64 vanish_at, lose_irq;
	enum virtio_lie lie;
	bool mute, attached;
	s32 first, second;
};

static void use(void *arg)
{
	struct scenario *s = arg;
	struct virtio_model m;
	struct client c;
	void *self;

	virtio_model_init(&m, s->bus, VIRTIO_ID_RNG, 1ull << VIRTIO_RING_F_EVENT_IDX);
	m.dev.vanish_at = s->vanish_at;
	m.dev.lose_irq = s->lose_irq;
	m.lie = s->lie;
	m.mute = s->mute;
	s->attached = !driver->attach(&m.dev, &self);
	s->first = s->second = -ENODEV;
	if (s->attached) {
		s->first = ask(self, &c);
		if (!s->first) {
			u8 expected[64];

			memset(expected, 0x5a, sizeof(expected));
			CHECK_EQ(c.rq.got, 64);
			CHECK_MEM_EQ(c.bytes, expected, 64);
		}
		s->second = ask(self, &c);
		driver->detach(self, s->vanish_at ? ENV_DEVICE_GONE : ENV_DEVICE_RELEASED);
	}
	CHECK_EQ(host_device_leaks(&m.dev), 0);
	CHECK_EQ(m.dev.violations, 0);
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

static const enum env_bus buses[] = {ENV_BUS_PCI, ENV_BUS_VIRTIO_MMIO};

TEST(rng_gives_bytes)
{
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i]};

		run(&s, 50);
		CHECK(s.attached);
		CHECK_EQ(s.first, 0);
		CHECK_EQ(s.second, 0);
	}
}

TEST(rng_survives_liars)
{
	host_log_level(0);
	for (int i = 0; i < 2; i++) {
		for (enum virtio_lie lie = LIE_ID; lie < LIE_COUNT; lie++) {
			struct scenario s = {.bus = buses[i], .lie = lie};

			run(&s, 10);
			CHECK(s.attached);
			CHECK(s.first == -EIO || (lie == LIE_INDEX && !s.first));
			CHECK_EQ(s.second, -EIO);
		}
	}
	host_log_level(ENV_LOG_WARN);
}

#if ENV_SIM
TEST(rng_lost_interrupt_costs_only_time)
{
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i], .lose_irq = 1};

		run(&s, 20);
		CHECK_EQ(s.first, 0);
		CHECK_EQ(s.second, 0);
	}
}

TEST(rng_mute_device_times_out)
{
	struct scenario s = {.bus = ENV_BUS_PCI, .mute = true};

	run(&s, 20);
	CHECK_EQ(s.first, -ETIMEDOUT);
	CHECK_EQ(s.second, -ETIMEDOUT);
}

TEST(rng_device_vanishes_at_every_access)
{
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i]};
		bool both = false;

		for (u64 n = 1; n < 200 && !both; n++) {
			s.vanish_at = n;
			sim_run(&(struct sim_options){.seed = n}, use, &s);
			CHECK(s.first == 0 || s.first == -ENODEV);
			CHECK(s.second == 0 || s.second == -ENODEV);
			both = s.attached && !s.first && !s.second && n > 60;
		}
		CHECK(both);
	}
}

TEST(rng_every_allocation_fails)
{
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i]};
		u64 n = 0;

		do {
			sim_run(&(struct sim_options){.seed = 7, .fail_alloc = ++n}, use, &s);
			CHECK(s.attached || s.first == -ENODEV);
		} while (!s.attached);
		CHECK(n > 5);
	}
}

static void cancel_and_detach(void *arg)
{
	const struct rng_ops *ops = driver->ops;
	struct virtio_model m;
	struct client c, busy;
	void *self;

	virtio_model_init(&m, ENV_BUS_PCI, VIRTIO_ID_RNG, 0);
	m.mute = true;
	REQUIRE(driver->attach(&m.dev, &self) == 0);
	submit(self, &c);
	CHECK_EQ(ask(self, &busy), -EBUSY);
	ops->cancel(self, &c.rq);
	CHECK_EQ(c.ended, 1);
	CHECK_EQ(c.rq.status, -ECANCELED);
	submit(self, &c); /* waits for the first one's chain */
	virtio_model_serve(&m);
	CHECK_EQ(finish(&c), 0);
	submit(self, &c);
	driver->detach(self, ENV_DEVICE_RELEASED);
	CHECK_EQ(c.ended, 1);
	CHECK_EQ(c.rq.status, -ENODEV);
	CHECK_EQ(host_device_leaks(&m.dev), 0);
	CHECK_EQ(m.dev.violations, 0);
}

TEST(rng_cancel_and_detach)
{
	for (u64 seed = 1; seed <= test_rounds(50); seed++)
		sim_run(&(struct sim_options){.seed = seed}, cancel_and_detach, NULL);
}
#endif
