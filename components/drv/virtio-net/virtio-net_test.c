/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver against the model: frames sent come back on the same pair. Both transports, all
 * feature sets, all faults. In host once, in sim for many seeds and every N.
 */
#include <linux/virtio_ring.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <env/log.h>
#include <env/mem.h>
#include <env/task.h>
#include <env/time.h>
#include <env_sim/sim.h>
#include <port/nic.h>
#include "net_model.h"

extern const struct env_driver virtio_net_driver;
static const struct env_driver *const driver = &virtio_net_driver;

#define BIT_OF(f) (1ull << VIRTIO_NET_F_##f)
#define RINGS	  (1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_RING_F_INDIRECT_DESC)
#define OFFLOADS                                                                                             \
	(BIT_OF(CSUM) | BIT_OF(GUEST_CSUM) | BIT_OF(HOST_TSO4) | BIT_OF(HOST_TSO6) | BIT_OF(GUEST_TSO4) | \
		BIT_OF(GUEST_TSO6))
#define CONTROLS (BIT_OF(CTRL_VQ) | BIT_OF(CTRL_RX) | BIT_OF(CTRL_MAC_ADDR))
#define BASICS	 (BIT_OF(MAC) | BIT_OF(STATUS) | BIT_OF(MTU))
#define FULL	 (BASICS | RINGS | OFFLOADS | CONTROLS | BIT_OF(MRG_RXBUF) | BIT_OF(MQ))

#define NBUFS	 24
#define NFRAMES	 8
#define BUF_SIZE 1600u
#define LONGEST	 9000u

struct buffer {
	struct nic_frame f;
	u8 bytes[BUF_SIZE];
	bool ours;
};

struct sender {
	struct nic_frame f;
	u8 bytes[LONGEST];
	bool ours;
};

struct client {
	void *self;
	const struct nic_ops *ops;
	struct env_event ev;
	u32 ready; /* atomic: queues to be polled */
	u32 gone, links, link_up; /* atomic */
	u32 received, empty, sent, bad;
	u32 len; /* of the frame under way */
	bool more, refill;
	u8 frame[LONGEST + 100];
	struct nic_frame first;
	struct buffer bufs[NET_MODEL_PAIRS][NBUFS];
	struct sender out[NFRAMES];
};

static void ready(void *p, u16 queue)
{
	struct client *c = p;

	__atomic_or_fetch(&c->ready, 1u << queue, __ATOMIC_SEQ_CST);
	env_event_signal(&c->ev);
}

static void link_changed(void *p, bool up)
{
	struct client *c = p;

	WRITE_ONCE(c->link_up, up);
	__atomic_add_fetch(&c->links, 1, __ATOMIC_SEQ_CST);
	env_event_signal(&c->ev);
}

static void gone(void *p)
{
	struct client *c = p;

	__atomic_add_fetch(&c->gone, 1, __ATOMIC_SEQ_CST);
	env_event_signal(&c->ev);
}

static u8 pattern(u32 len, u32 i)
{
	return (u8)(len * 7 + i * 3 + (i >> 8));
}

/* A whole frame is in c->frame. */
static void check_frame(struct client *c)
{
	c->received++;
	for (u32 i = 14; i < c->len; i++)
		if (c->frame[i] != pattern(c->len, i)) {
			c->bad++;
			break;
		}
}

static void fill(struct client *c, unsigned pair)
{
	for (unsigned i = 0; i < NBUFS; i++) {
		struct buffer *b = &c->bufs[pair][i];
		struct nic_frame *f = &b->f;

		if (!b->ours)
			continue;
		memset(f, 0, sizeof(*f));
		iobuf_init_kernel(&f->data, b->bytes, BUF_SIZE);
		b->ours = false;
		if (!c->ops->rx_fill(c->self, (u16)pair, &f, 1)) {
			b->ours = true;
			break;
		}
	}
}

static void rx(void *p, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct client *c = p;

	for (unsigned i = 0; i < n; i++) {
		struct nic_frame *f = frames[i];
		struct buffer *b = container_of(f, struct buffer, f);

		CHECK(!b->ours);
		b->ours = true;
		if (!f->len) {
			c->empty++;
			c->more = false;
			continue;
		}
		if (!c->more) {
			c->len = 0;
			c->first = *f;
		}
		CHECK(f->len <= f->data.left && c->len + f->len <= sizeof(c->frame));
		CHECK_EQ(iobuf_get(&f->data, c->frame + c->len, f->len), f->len);
		c->len += f->len;
		c->more = f->flags & NIC_MORE;
		if (!c->more)
			check_frame(c);
	}
	CHECK(!c->more); /* frames are whole in a batch */
	if (c->refill)
		fill(c, queue);
}

static void tx_done(void *p, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct client *c = p;

	for (unsigned i = 0; i < n; i++) {
		struct sender *s = container_of(frames[i], struct sender, f);

		CHECK(!s->ours);
		s->ours = true;
		c->sent++;
	}
}

static const struct nic_client_ops client_ops = {
	.ready = ready, .link = link_changed, .gone = gone, .rx = rx, .tx_done = tx_done};

static void client_init(struct client *c, void *self)
{
	memset(c, 0, sizeof(*c));
	c->self = self;
	c->ops = driver->ops;
	c->refill = true;
	env_event_init(&c->ev);
	for (unsigned p = 0; p < NET_MODEL_PAIRS; p++)
		for (unsigned i = 0; i < NBUFS; i++)
			c->bufs[p][i].ours = true;
	for (unsigned i = 0; i < NFRAMES; i++)
		c->out[i].ours = true;
}

/* Frame @i of @len bytes on @queue, in two pieces if it is long. */
static bool send(struct client *c, unsigned i, u16 queue, u32 len, struct iobuf_seg segs[2])
{
	struct sender *s = &c->out[i];
	struct nic_frame *f = &s->f;

	for (u32 k = 0; k < len; k++)
		s->bytes[k] = pattern(len, k);
	memset(f, 0, sizeof(*f));
	segs[0] = (struct iobuf_seg){.base = (u64)(unsigned long)s->bytes, .len = len / 2};
	segs[1] = (struct iobuf_seg){.base = (u64)(unsigned long)s->bytes + len / 2, .len = len - len / 2};
	iobuf_init_segs(&f->data, IOBUF_KERNEL, segs, 2);
	s->ours = false;
	if (c->ops->tx(c->self, queue, &f, 1))
		return true;
	s->ours = true;
	return false;
}

/* Poll what is ready, until @done says so or @ns have gone by. */
static bool run_until(struct client *c, bool (*done)(struct client *c), u64 ns)
{
	u64 deadline = env_deadline(ns);

	for (;;) {
		u32 seq = env_event_read(&c->ev);
		u32 todo = __atomic_exchange_n(&c->ready, 0, __ATOMIC_SEQ_CST);

		for (u16 q = 0; q < NET_MODEL_PAIRS; q++) {
			if (!(todo >> q & 1))
				continue;
			do {
				while (c->ops->poll(c->self, q, 5) >= 5)
					;
			} while (!c->ops->arm(c->self, q));
		}
		if (done(c))
			return true;
		if (LOAD_ACQUIRE(c->gone))
			return false;
		if (env_event_wait(&c->ev, seq, deadline))
			return done(c);
	}
}

static bool all_back(struct client *c)
{
	return c->sent == NFRAMES && c->received + c->empty >= NFRAMES;
}

static bool all_ours(const struct client *c)
{
	for (unsigned p = 0; p < NET_MODEL_PAIRS; p++)
		for (unsigned i = 0; i < NBUFS; i++)
			if (!c->bufs[p][i].ours)
				return false;
	for (unsigned i = 0; i < NFRAMES; i++)
		if (!c->out[i].ours)
			return false;
	return true;
}

struct scenario {
	enum env_bus bus;
	u64 features, vanish_at, lose_irq;
	enum net_lie lie;
	/* what came of it */
	bool attached, started, back;
	u32 received, empty, gone, pairs;
};

static struct net_model model;
static struct client client;

static void exchange(struct scenario *s, struct client *c, struct net_model *m)
{
	static const u32 lens[NFRAMES] = {60, 1514, 61, LONGEST, 3000, 1514, 100, 64};
	static struct iobuf_seg segs[NFRAMES][2];
	u32 longest = m->m.accepted & BIT_OF(MRG_RXBUF) ? LONGEST : 1514;
	struct nic_info info;

	c->ops->info(c->self, &info);
	for (u16 q = 0; q < info.nqueues; q++) {
		fill(c, q);
		ready(c, q);
	}
	for (unsigned i = 0; i < NFRAMES; i++)
		if (!send(c, i, (u16)(i % info.nqueues), min(lens[i], longest), segs[i]))
			break;
	s->back = run_until(c, all_back, 30000000000ull);
	s->pairs = m->pairs;
}

static void use(void *arg)
{
	struct scenario *s = arg;
	struct client *c = &client;
	void *self;

	net_model_init(&model, s->bus, s->features);
	model.m.dev.vanish_at = s->vanish_at;
	model.m.dev.lose_irq = s->lose_irq;
	model.lie = s->lie;
	s->started = s->back = false;
	s->received = s->empty = s->gone = 0;
	s->attached = !driver->attach(&model.m.dev, &self);
	if (s->attached) {
		client_init(c, self);
		CHECK_EQ(c->ops->open(self, ~0u, &client_ops, c), 0);
		CHECK_EQ(c->ops->open(self, ~0u, &client_ops, c), -EBUSY);
		s->started = !c->ops->start(self);
		if (s->started) {
			exchange(s, c, &model);
			c->refill = false;
			c->ops->stop(self);
			CHECK(all_ours(c));
		}
		c->ops->close(self);
		driver->detach(self, s->vanish_at ? ENV_DEVICE_GONE : ENV_DEVICE_RELEASED);
		CHECK(!c->bad || s->lie);
		s->received = c->received;
		s->empty = c->empty;
		s->gone = c->gone;
	}
	CHECK_EQ(host_device_leaks(&model.m.dev), 0);
	CHECK_EQ(model.m.dev.violations, 0);
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

TEST(net_frames_come_back)
{
	static const u64 sets[] = {0, BASICS | RINGS, BASICS | RINGS | BIT_OF(MRG_RXBUF), FULL, FULL & ~RINGS};

	for (int i = 0; i < 2; i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(sets); k++) {
			struct scenario s = {.bus = buses[i], .features = sets[k]};

			run(&s, 20);
			CHECK(s.attached && s.started && s.back);
			CHECK_EQ(s.received, NFRAMES);
			CHECK_EQ(s.gone, 0);
			if (sets[k] & BIT_OF(MQ))
				CHECK_EQ(s.pairs, 2);
		}
	}
}

TEST(net_survives_liars)
{
	host_log_level(0);
	for (int i = 0; i < 2; i++) {
		for (enum net_lie lie = NET_LIE_NONE + 1; lie < NET_LIE_COUNT; lie++) {
			struct scenario s = {.bus = buses[i], .lie = lie, .features = FULL & ~CONTROLS & ~BIT_OF(MQ)};

			run(&s, 10);
			CHECK(s.attached && s.started);
			if (lie <= NET_LIE_BROKEN)
				CHECK_EQ(s.gone, 1);
			else
				CHECK(!s.gone && s.empty);
		}
	}
	host_log_level(ENV_LOG_WARN);
}

/* ---- what a client tells the device ---- */

static bool link_is_down(struct client *c)
{
	return LOAD_ACQUIRE(c->links) && !READ_ONCE(c->link_up);
}

static void configure(void *arg)
{
	struct scenario *s = arg;
	struct client *c = &client;
	static const u8 station[6] = {2, 1, 2, 3, 4, 5};
	u8 macs[3][6] = {{0x33, 0x33, 0, 0, 0, 1}, {1, 0, 0x5e, 0, 0, 1}, {2, 9, 9, 9, 9, 9}};
	struct nic_info info;
	struct iobuf b;
	void *self;

	net_model_init(&model, s->bus, FULL);
	REQUIRE(driver->attach(&model.m.dev, &self) == 0);
	client_init(c, self);
	c->ops->info(self, &info);
	CHECK_EQ(info.nqueues, 2);
	CHECK_EQ(info.mtu, 1500);
	CHECK_EQ(info.features & NIC_F_RX_LARGE, NIC_F_RX_LARGE);
	CHECK_MEM_EQ(info.mac, ((struct virtio_net_config *)model.m.device_config)->mac, 6);
	REQUIRE(c->ops->open(self, ~0u, &client_ops, c) == 0);
	CHECK_EQ(c->ops->set_mac(self, station), 0);
	CHECK_EQ(c->ops->set_mtu(self, 1501), -EINVAL);
	CHECK_EQ(c->ops->set_mtu(self, 1400), 0);
	REQUIRE(c->ops->start(self) == 0);
	CHECK_MEM_EQ(model.mac, station, 6);
	iobuf_init_kernel(&b, macs, sizeof(macs));
	CHECK_EQ(c->ops->set_filter(self, NIC_FILTER_PROMISC, &b, 3), 0);
	CHECK(model.promisc && !model.allmulti && model.nuni == 1 && model.nmulti == 2);
	net_model_link(&model, false);
	CHECK(run_until(c, link_is_down, 10000000000ull));
	c->refill = false;
	c->ops->stop(self);
	REQUIRE(c->ops->start(self) == 0); /* what was chosen stays */
	CHECK(model.promisc && model.nmulti == 2);
	CHECK_MEM_EQ(model.mac, station, 6);
	c->ops->stop(self);
	c->ops->close(self);
	driver->detach(self, ENV_DEVICE_RELEASED);
	CHECK_EQ(host_device_leaks(&model.m.dev), 0);
}

TEST(net_configuration)
{
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i]};

		if (!ENV_SIM)
			configure(&s);
#if ENV_SIM
		for (u64 seed = 1; seed <= test_rounds(30); seed++)
			sim_run(&(struct sim_options){.seed = seed}, configure, &s);
#endif
	}
}

#if ENV_SIM
static void deaf(void *arg)
{
	struct client *c = &client;
	struct iobuf none;
	void *self;

	net_model_init(&model, ENV_BUS_PCI, FULL);
	model.mute_control = *(bool *)arg;
	model.refuse_control = !model.mute_control;
	REQUIRE(driver->attach(&model.m.dev, &self) == 0);
	client_init(c, self);
	REQUIRE(c->ops->open(self, ~0u, &client_ops, c) == 0);
	CHECK_EQ(c->ops->start(self), 0); /* frames flow all the same */
	iobuf_init_kernel(&none, NULL, 0);
	CHECK_EQ(c->ops->set_filter(self, NIC_FILTER_PROMISC, &none, 0), -ENODEV);
	c->ops->stop(self);
	c->ops->close(self);
	driver->detach(self, ENV_DEVICE_RELEASED);
	CHECK_EQ(host_device_leaks(&model.m.dev), 0);
}

TEST(net_control_that_does_not_obey)
{
	host_log_level(0);
	for (int mute = 0; mute < 2; mute++)
		for (u64 seed = 1; seed <= test_rounds(10); seed++)
			sim_run(&(struct sim_options){.seed = seed}, deaf, &(bool){mute});
	host_log_level(ENV_LOG_WARN);
}

TEST(net_lost_interrupts_cost_only_time)
{
	for (int i = 0; i < 2; i++) {
		for (u64 n = 1; n < 6; n++) {
			struct scenario s = {.bus = buses[i], .features = FULL, .lose_irq = n};

			run(&s, 10);
			CHECK(s.back);
			CHECK_EQ(s.received, NFRAMES);
		}
	}
}

TEST(net_device_vanishes_at_every_access)
{
	host_log_level(0);
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i], .features = FULL};
		bool whole = false;

		for (u64 n = 1; n < 2000 && !whole; n++) {
			s.vanish_at = n;
			sim_run(&(struct sim_options){.seed = n}, use, &s);
			CHECK(!s.started || s.back || s.gone);
			whole = s.back && !s.gone;
		}
		CHECK(whole);
	}
	host_log_level(ENV_LOG_WARN);
}

TEST(net_every_allocation_fails)
{
	for (int i = 0; i < 2; i++) {
		struct scenario s = {.bus = buses[i], .features = FULL};
		u64 n = 0;

		do {
			sim_run(&(struct sim_options){.seed = 7, .fail_alloc = ++n}, use, &s);
			CHECK(!s.started || s.back);
		} while (!s.started && n < 100);
		CHECK(n > 10 && s.started);
	}
}
#endif
