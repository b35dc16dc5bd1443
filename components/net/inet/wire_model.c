/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_model.h"

#include <env/log.h>
#include <env/mem.h>
#include <env_host/host.h>
#include <lib/errno.h>
#include <lib/string.h>

ENV_LOCK_CLASS(wire, ENV_RANK_DRIVER_QUEUE, "the model of a wire");

static bool chance(u32 of_1000)
{
	return of_1000 && host_random() % 1000 < of_1000;
}

static void arrive_timer(struct env_timer *t)
{
	struct wire_end *e = container_of(t, struct wire_end, timer);
	unsigned long flags = env_spin_lock(&e->wire->lock);
	bool tell = e->up && e->armed;

	if (tell)
		e->armed = false;
	env_spin_unlock(&e->wire->lock, flags);
	if (tell)
		e->ops->ready(e->client, 0);
}

/* With the lock. */
static void put(struct wire_end *e, const u8 *bytes, u32 len, u64 at)
{
	struct wire_frame *f = env_alloc(sizeof(*f) + len, ENV_ALLOC_NOWAIT), **link = &e->arriving;

	if (!f)
		return;
	f->at_ns = at;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	while (*link && (*link)->at_ns <= at)
		link = &(*link)->next;
	f->next = *link;
	*link = f;
	if (e->up)
		env_timer_arm(&e->timer, e->arriving->at_ns, 0);
}

static void send_one(struct wire *w, unsigned to, u8 *bytes, u32 len)
{
	struct wire_end *e = &w->end[to];
	u64 at = env_now() + w->delay_ns + (w->jitter_ns ? host_random() % w->jitter_ns : 0);

	w->sent++;
	if (e->tap)
		e->tap(e, bytes, len, e->tap_arg);
	if (chance(w->loss)) {
		w->lost++;
		return;
	}
	if (chance(w->reorder))
		at += w->delay_ns * 3;
	if (chance(w->corrupt) && (bytes[12] != 8 || bytes[13] != 6)) /* ARP has no sum of its own: a lie that is believed */
		bytes[14 + host_random() % (len - 14)] ^= (u8)(1u << host_random() % 8);
	put(e, bytes, len, at);
	if (chance(w->dup))
		put(e, bytes, len, at + 1000);
}

void wire_inject(struct wire *w, unsigned side, const void *frame, u32 len)
{
	unsigned long flags = env_spin_lock(&w->lock);

	put(&w->end[side], frame, len, env_now());
	env_spin_unlock(&w->lock, flags);
}

/* Put the sum that NIC_CSUM_PARTIAL asks for. */
static void finish_sum(const struct nic_frame *f, u8 *bytes, u32 len)
{
	u32 sum = 0;
	u16 folded;

	for (u32 i = f->csum_start; i < len; i++)
		sum += (i - f->csum_start) & 1 ? bytes[i] : (u32)bytes[i] << 8;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	folded = (u16)~sum;
	if (!folded)
		folded = 0xffff;
	bytes[f->csum_start + f->csum_off] = (u8)(folded >> 8);
	bytes[f->csum_start + f->csum_off + 1] = (u8)folded;
}

static unsigned tx(void *self, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct wire_end *e = self;
	struct wire *w = e->wire;
	unsigned long flags = env_spin_lock(&w->lock);
	unsigned i;

	for (i = 0; i < n && e->ndone < WIRE_DEPTH && e->up; i++) {
		u32 len = (u32)frames[i]->data.left;
		struct iobuf b = frames[i]->data;
		u8 *bytes = env_alloc(len, ENV_ALLOC_NOWAIT);

		e->done[e->ndone++] = frames[i];
		if (!bytes)
			continue;
		iobuf_get(&b, bytes, len);
		ENV_ASSERT(!frames[i]->gso && len <= e->mtu + 14);
		if (frames[i]->flags & NIC_CSUM_PARTIAL)
			finish_sum(frames[i], bytes, len);
		send_one(w, !e->side, bytes, len);
		env_free(bytes, len);
	}
	if (i)
		env_timer_arm(&e->timer, env_now(), 0);
	env_spin_unlock(&w->lock, flags);
	return i;
}

static unsigned rx_fill(void *self, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct wire_end *e = self;
	unsigned long flags = env_spin_lock(&e->wire->lock);
	unsigned i;

	for (i = 0; i < n && e->nfill < WIRE_DEPTH; i++)
		e->fill[e->nfill++] = frames[i];
	env_spin_unlock(&e->wire->lock, flags);
	return i;
}

static unsigned poll_done(struct wire_end *e)
{
	struct nic_frame *batch[WIRE_DEPTH];
	unsigned long flags = env_spin_lock(&e->wire->lock);
	unsigned n = e->ndone;

	memcpy(batch, e->done, n * sizeof(batch[0]));
	e->ndone = 0;
	env_spin_unlock(&e->wire->lock, flags);
	if (n)
		e->ops->tx_done(e->client, 0, batch, n);
	return n;
}

static unsigned poll(void *self, u16 queue, unsigned budget)
{
	struct wire_end *e = self;
	struct nic_frame *batch[WIRE_DEPTH];
	unsigned n = 0, done = poll_done(e);
	unsigned long flags = env_spin_lock(&e->wire->lock);

	while (n + done < budget && n < WIRE_DEPTH && e->nfill && e->arriving && e->arriving->at_ns <= env_now()) {
		struct wire_frame *f = e->arriving;
		struct nic_frame *to = e->fill[--e->nfill];
		struct iobuf b = to->data;

		e->arriving = f->next;
		to->len = (u32)iobuf_put(&b, f->bytes, f->len);
		to->flags = 0;
		batch[n++] = to;
		env_free(f, sizeof(*f) + f->len);
	}
	env_spin_unlock(&e->wire->lock, flags);
	if (n)
		e->ops->rx(e->client, 0, batch, n);
	return n + done;
}

static bool arm(void *self, u16 queue)
{
	struct wire_end *e = self;
	unsigned long flags = env_spin_lock(&e->wire->lock);
	bool nothing = !e->ndone && !(e->arriving && e->nfill && e->arriving->at_ns <= env_now());

	if (nothing) {
		e->armed = true;
		if (e->arriving)
			env_timer_arm(&e->timer, e->arriving->at_ns, 0);
	}
	env_spin_unlock(&e->wire->lock, flags);
	return nothing;
}

static void info(void *self, struct nic_info *out)
{
	struct wire_end *e = self;

	*out = (struct nic_info){.mtu = (u16)e->mtu,
		.mtu_max = 9000,
		.nqueues = 1,
		.tx_depth = 32,
		.rx_depth = 32,
		.tx_max_segs = 16,
		.features = e->features,
		.rx_buffer_bytes = 9100,
		.link = true};
	memcpy(out->mac, e->mac, 6);
}

static int nic_open(void *self, u32 features, const struct nic_client_ops *ops, void *client)
{
	struct wire_end *e = self;

	e->ops = ops;
	e->client = client;
	return 0;
}

static void nic_close(void *self)
{
}

static int start(void *self)
{
	struct wire_end *e = self;

	e->up = true;
	return 0;
}

static void stop(void *self)
{
	struct wire_end *e = self;
	struct nic_frame *batch[WIRE_DEPTH];
	unsigned n;
	unsigned long flags = env_spin_lock(&e->wire->lock);

	e->up = e->armed = false;
	env_spin_unlock(&e->wire->lock, flags);
	env_timer_cancel_sync(&e->timer);
	poll_done(e);
	n = e->nfill;
	memcpy(batch, e->fill, n * sizeof(batch[0]));
	e->nfill = 0;
	for (unsigned i = 0; i < n; i++)
		batch[i]->len = 0;
	if (n)
		e->ops->rx(e->client, 0, batch, n);
}

static int set_filter(void *self, u32 flags, const struct iobuf *macs, unsigned n)
{
	return 0;
}

static int set_mac(void *self, const u8 mac[6])
{
	memcpy(((struct wire_end *)self)->mac, mac, 6);
	return 0;
}

static int set_mtu(void *self, u16 mtu)
{
	((struct wire_end *)self)->mtu = mtu;
	return 0;
}

static void stats(void *self, struct nic_stats *out)
{
	*out = (struct nic_stats){0};
}

static const struct nic_ops wire_nic_ops = {
	.info = info,
	.open = nic_open,
	.close = nic_close,
	.start = start,
	.stop = stop,
	.tx = tx,
	.rx_fill = rx_fill,
	.poll = poll,
	.arm = arm,
	.set_filter = set_filter,
	.set_mac = set_mac,
	.set_mtu = set_mtu,
	.stats = stats,
};

void wire_init(struct wire *w)
{
	memset(w, 0, sizeof(*w));
	env_spin_init(&w->lock, &env_lock_class_wire);
	w->delay_ns = 100000;
	for (unsigned i = 0; i < 2; i++) {
		struct wire_end *e = &w->end[i];

		e->wire = w;
		e->side = i;
		e->mtu = 1500;
		memcpy(e->mac, (u8[]){2, 0, 0, 0, 0, (u8)(i + 1)}, 6);
		env_timer_init(&e->timer, arrive_timer);
	}
}

void wire_fini(struct wire *w)
{
	for (unsigned i = 0; i < 2; i++) {
		env_timer_cancel_sync(&w->end[i].timer);
		while (w->end[i].arriving) {
			struct wire_frame *f = w->end[i].arriving;

			w->end[i].arriving = f->next;
			env_free(f, sizeof(*f) + f->len);
		}
	}
}

struct nic_port wire_port(struct wire *w, unsigned side)
{
	return (struct nic_port){&wire_nic_ops, &w->end[side]};
}
