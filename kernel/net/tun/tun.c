/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side: a nic. See tun_impl.h.
 */
#include "tun_impl.h"
#include <init/initcall.h>
#include <lib/bpf_classic.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <linux/if_ether.h>
#include <mm/slab.h>
#include <security/random.h>
#include <vfs/inode.h>
#include <vfs/sysfs.h>

#define MISC_MAJOR 10
#define TUN_MINOR  200
#define MTU_DEFAULT 1500
#define WAITING_MOST 1000 /* frames written and not yet taken by the network */

LOCK_CLASS(tun_devices, RANK_NAMESPACE - 6, "tun and tap devices, and the files behind them");
LOCK_CLASS(tun, RANK_WAITQ - 3, "queues of one tun or tap device");

struct mutex tun_mutex = MUTEX_INIT(tun_mutex, tun_devices);
static LIST_HEAD(devices); /* tun_mutex */

/* ---- frames out; the network's queue lock held ---- */

static u32 flow_of(const u8 *bytes, u32 len, u32 skip)
{
	u64 h = 0;

	/* The addresses of IPv4 or IPv6, and what stands where ports do. */
	for (u32 i = skip + 8; i < len && i < skip + 44; i++)
		h = h * 31 + bytes[i];
	return (u32)hash_mix64(h);
}

static bool passes(struct tun *t, const u8 *bytes, u32 *len)
{
	const struct bpf_prog *prog;
	u32 keep = ~0u;

	rcu_read_lock();
	prog = rcu_dereference(t->filter);
	if (prog)
		keep = bpf_run(prog->insns, &(struct bpf_input){.bytes = bytes, .len = *len});
	rcu_read_unlock();
	*len = min(*len, keep);
	return keep != 0;
}

/* Copied for its reader. lock held. */
static void queue_out(struct tun *t, const struct nic_frame *from)
{
	u32 len = (u32)from->data.left, skip = tun_is_tap(t) ? ETH_HLEN : 0;
	struct iobuf data = from->data;
	struct tun_frame *fr = kmalloc(sizeof(*fr) + len, ALLOC_NOWAIT);
	struct tun_file *to = NULL;

	if (fr) {
		memset(fr, 0, sizeof(*fr));
		fr->len = (u32)iobuf_get(&data, fr->bytes, len);
		if (t->nfiles)
			to = t->files[t->nfiles > 1 ? flow_of(fr->bytes, fr->len, skip) % t->nfiles : 0];
	}
	if (!to || to->nqueued >= TUN_QUEUE_MOST || !passes(t, fr->bytes, &fr->len)) {
		t->stats.tx_dropped++;
		kfree(fr);
		return;
	}
	t->stats.tx_frames++;
	t->stats.tx_bytes += len;
	list_add_tail(&fr->node, &to->queue);
	to->nqueued++;
	wait_wake_sync(&to->wait, 1, EPOLLIN | EPOLLRDNORM);
}

/* There is something for poll: true if the client must be told. lock held. */
static bool take_arm(struct tun *t)
{
	bool was = t->armed;

	t->armed = false;
	return was && t->up;
}

static unsigned nic_tx(void *self, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct tun *t = self;
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	bool tell;
	unsigned i;

	for (i = 0; i < n && t->up && t->ndone < TUN_DEPTH; i++) {
		queue_out(t, frames[i]);
		t->done[t->ndone++] = frames[i];
	}
	tell = i && take_arm(t);
	spin_unlock_irqrestore(&t->lock, flags);
	if (tell)
		t->client->ready(t->client_arg, 0);
	return i;
}

struct tun_frame *tun_take(struct tun *t, struct tun_file *f)
{
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	struct tun_frame *fr = list_first_entry_or_null(&f->queue, struct tun_frame, node);

	if (fr) {
		list_del(&fr->node);
		f->nqueued--;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return fr;
}

/* ---- frames in ---- */

bool tun_inject(struct tun *t, struct tun_frame *fr)
{
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	bool up = t->up, room = t->nto_network < WAITING_MOST, tell = false;

	if (up && room) {
		list_add_tail(&fr->node, &t->to_network);
		t->nto_network++;
		tell = take_arm(t);
	} else if (up) {
		t->stats.rx_dropped++;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	if (tell)
		t->client->ready(t->client_arg, 0);
	if (!up || !room)
		kfree(fr);
	return up;
}

/* The next piece of the first frame into an empty buffer. lock held. Returns the frame if that was its last piece. */
static struct tun_frame *fill_one(struct tun *t, struct nic_frame *to)
{
	struct tun_frame *fr = list_first_entry(&t->to_network, struct tun_frame, node);
	struct iobuf b = to->data;
	u32 n = (u32)iobuf_put(&b, fr->bytes + fr->off, min_t(size_t, b.left, fr->len - fr->off));

	to->len = n;
	to->flags = fr->off ? 0 : fr->flags;
	to->gso = fr->off ? 0 : fr->gso;
	to->gso_size = fr->gso_size;
	to->csum_start = fr->csum_start;
	to->csum_off = fr->csum_off;
	to->protocol = fr->protocol;
	fr->off += n;
	if (fr->off < fr->len && n) {
		to->flags |= NIC_MORE;
		return NULL;
	}
	list_del(&fr->node);
	t->nto_network--;
	t->stats.rx_frames++;
	t->stats.rx_bytes += fr->len;
	return fr;
}

static unsigned give_done(struct tun *t)
{
	struct nic_frame *batch[TUN_DEPTH];
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	unsigned n = t->ndone;

	memcpy(batch, t->done, n * sizeof(batch[0]));
	t->ndone = 0;
	spin_unlock_irqrestore(&t->lock, flags);
	if (n)
		t->client->tx_done(t->client_arg, 0, batch, n);
	return n;
}

static unsigned nic_poll(void *self, u16 queue, unsigned budget)
{
	struct tun *t = self;
	struct nic_frame *batch[TUN_DEPTH];
	struct tun_frame *over[TUN_DEPTH];
	unsigned done = give_done(t), n = 0, nover = 0;
	irqflags_t flags = spin_lock_irqsave(&t->lock);

	while (n < TUN_DEPTH && n + done < budget && t->nfill && t->nto_network) {
		struct tun_frame *fr = fill_one(t, t->fill[t->nfill - 1]);

		batch[n++] = t->fill[--t->nfill];
		if (fr)
			over[nover++] = fr;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	while (nover)
		kfree(over[--nover]);
	if (n)
		t->client->rx(t->client_arg, 0, batch, n);
	return done + n;
}

static bool nic_arm(void *self, u16 queue)
{
	struct tun *t = self;
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	bool nothing = !t->ndone && !(t->nto_network && t->nfill);

	t->armed = nothing;
	spin_unlock_irqrestore(&t->lock, flags);
	return nothing;
}

static unsigned nic_fill(void *self, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct tun *t = self;
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	unsigned i;

	for (i = 0; i < n && t->nfill < TUN_DEPTH; i++)
		t->fill[t->nfill++] = frames[i];
	spin_unlock_irqrestore(&t->lock, flags);
	return i;
}

/* ---- the rest of a nic ---- */

static void nic_info(void *self, struct nic_info *out)
{
	struct tun *t = self;

	*out = (struct nic_info){.mtu = t->mtu,
		.mtu_max = tun_is_tap(t) ? TUN_FRAME_MOST - ETH_HLEN : TUN_FRAME_MOST,
		.nqueues = 1,
		.tx_depth = TUN_DEPTH,
		.rx_depth = TUN_DEPTH,
		.tx_max_segs = 32,
		.features = NIC_F_RX_LARGE,
		.rx_buffer_bytes = 2048,
		.speed_mbit = 10000,
		.link = READ_ONCE(t->carrier),
		.ip_only = !tun_is_tap(t),
		.kind = "tun"};
	memcpy(out->mac, t->mac, sizeof(out->mac));
}

static int nic_open(void *self, u32 features, const struct nic_client_ops *ops, void *client)
{
	struct tun *t = self;

	t->client_arg = client;
	STORE_RELEASE(t->client, ops);
	return 0;
}

static void nic_close(void *self)
{
}

static int nic_start(void *self)
{
	struct tun *t = self;
	irqflags_t flags = spin_lock_irqsave(&t->lock);

	t->up = true;
	t->armed = false;
	spin_unlock_irqrestore(&t->lock, flags);
	return 0;
}

static void free_list(struct list_head *q)
{
	struct tun_frame *fr, *tmp;

	list_for_each_entry_safe(fr, tmp, q, node)
		kfree(fr);
	list_init(q);
}

static void nic_stop(void *self)
{
	struct tun *t = self;
	struct nic_frame *batch[TUN_DEPTH];
	struct list_head rest;
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	unsigned n = t->nfill;

	list_init(&rest);
	t->up = t->armed = false;
	memcpy(batch, t->fill, n * sizeof(batch[0]));
	t->nfill = 0;
	list_splice(&t->to_network, &rest);
	list_init(&t->to_network);
	t->nto_network = 0;
	spin_unlock_irqrestore(&t->lock, flags);
	free_list(&rest);
	(void)give_done(t);
	for (unsigned i = 0; i < n; i++)
		batch[i]->len = 0;
	if (n)
		t->client->rx(t->client_arg, 0, batch, n);
}

static int nic_set_filter(void *self, u32 flags, const struct iobuf *macs, unsigned n)
{
	return 0; /* all is let through */
}

static int nic_set_mac(void *self, const u8 mac[6])
{
	struct tun *t = self;

	if (!tun_is_tap(t))
		return -EOPNOTSUPP;
	memcpy(t->mac, mac, sizeof(t->mac));
	return 0;
}

static int nic_set_mtu(void *self, u16 mtu)
{
	WRITE_ONCE(((struct tun *)self)->mtu, mtu);
	return 0;
}

static void nic_stats(void *self, struct nic_stats *out)
{
	*out = ((struct tun *)self)->stats;
}

static const struct nic_ops nic_ops = {
	.info = nic_info,
	.open = nic_open,
	.close = nic_close,
	.start = nic_start,
	.stop = nic_stop,
	.tx = nic_tx,
	.rx_fill = nic_fill,
	.poll = nic_poll,
	.arm = nic_arm,
	.set_filter = nic_set_filter,
	.set_mac = nic_set_mac,
	.set_mtu = nic_set_mtu,
	.stats = nic_stats,
};

/* ---- attributes: what `ip tuntap` reads ---- */

static int show_flags(struct pseudo_text *t)
{
	const struct tun *d = t->arg;

	strbuf_printf(&t->sb, "0x%x\n", d->flags & (TUN_OPTIONS | TUN_PERSISTENT | IFF_TUN | IFF_TAP));
	return 0;
}

static int show_id(struct pseudo_text *t, u32 id)
{
	strbuf_printf(&t->sb, "%d\n", (int)id);
	return 0;
}

static int show_owner(struct pseudo_text *t)
{
	return show_id(t, ((const struct tun *)t->arg)->owner);
}

static int show_group(struct pseudo_text *t)
{
	return show_id(t, ((const struct tun *)t->arg)->group);
}

static const struct pseudo_file attributes[] = {
	{.name = "tun_flags", .mode = 0444, .show = show_flags},
	{.name = "owner", .mode = 0444, .show = show_owner},
	{.name = "group", .mode = 0444, .show = show_group},
};

/* ---- life; tun_mutex ---- */

static void set_carrier(struct tun *t, bool on)
{
	if (t->carrier == on)
		return;
	WRITE_ONCE(t->carrier, on);
	if (LOAD_ACQUIRE(t->client))
		t->client->link(t->client_arg, on);
}

void tun_attach(struct tun *t, struct tun_file *f)
{
	irqflags_t flags = spin_lock_irqsave(&t->lock);

	f->slot = t->nfiles;
	t->files[t->nfiles++] = f;
	spin_unlock_irqrestore(&t->lock, flags);
	f->enabled = true;
	set_carrier(t, true);
}

void tun_detach(struct tun *t, struct tun_file *f)
{
	struct list_head rest;
	irqflags_t flags;

	if (!f->enabled)
		return;
	list_init(&rest);
	flags = spin_lock_irqsave(&t->lock);
	t->files[f->slot] = t->files[--t->nfiles];
	t->files[f->slot]->slot = f->slot;
	list_splice(&f->queue, &rest);
	list_init(&f->queue);
	f->nqueued = 0;
	spin_unlock_irqrestore(&t->lock, flags);
	free_list(&rest);
	f->enabled = false;
	if (!t->nfiles)
		set_carrier(t, false);
}

/* `ip link del`: the files stay, and are attached to nothing. */
static int delete_device(u32 ifindex)
{
	struct tun *t;

	mutex_lock(&tun_mutex);
	t = tun_find(ifindex);
	if (t)
		tun_destroy(t);
	mutex_unlock(&tun_mutex);
	return t ? 0 : -ENODEV;
}

static const struct net_device_extra extra = {.files = attributes, .nfiles = ARRAY_SIZE(attributes), .delete = delete_device};

int tun_create(const char *name, u32 flags, struct tun **out)
{
	struct tun *t = kzalloc(sizeof(*t), 0);
	int err;

	if (!t)
		return -ENOMEM;
	refcount_set(&t->refs, 1);
	t->flags = flags;
	t->owner = t->group = ~0u;
	t->vnet_size = 10;
	t->sndbuf = S32_MAX;
	t->mtu = MTU_DEFAULT;
	spin_init(&t->lock, tun);
	list_init(&t->to_network);
	if (tun_is_tap(t)) {
		random_bytes(t->mac, sizeof(t->mac));
		t->mac[0] = (u8)((t->mac[0] & 0xfe) | 2);
	}
	t->nic = (struct nic_port){&nic_ops, t};
	err = net_device_add(name, &t->nic, &extra, &t->ifindex);
	if (err) {
		kfree(t);
		return err;
	}
	list_add_tail(&t->node, &devices);
	*out = t;
	return 0;
}

struct tun *tun_find(u32 ifindex)
{
	struct tun *t;

	list_for_each_entry(t, &devices, node)
	{
		if (t->ifindex == ifindex && !t->destroying)
			return t;
	}
	return NULL;
}

void tun_put(struct tun *t)
{
	if (!refcount_dec_and_test(&t->refs))
		return;
	free_list(&t->to_network);
	bpf_prog_put(t->filter);
	kfree(t);
}

void tun_destroy(struct tun *t)
{
	t->destroying = true;
	list_del(&t->node);
	while (t->nfiles) { /* their readers learn of it */
		struct tun_file *f = t->files[0];

		tun_detach(t, f);
		f->tun = NULL;
		WRITE_ONCE(f->shut, true);
		wait_wake_all(&f->wait);
		tun_put(t); /* the device has a reference of its own */
	}
	mutex_unlock(&tun_mutex);
	net_device_remove(t);
	tun_put(t);
	mutex_lock(&tun_mutex);
}

static struct chrdev tun_dev = {.major = MISC_MAJOR, .minor = TUN_MINOR, .nminors = 1, .ops = &tun_file_ops, .name = "misc", .misc_name = "tun"};

static int tun_init(void)
{
	int err = chrdev_register(&tun_dev);

	if (!err)
		err = device_node_add(&(struct device_node){.class = "misc", .name = "net/tun", .mode = 0666, .rdev = vfs_mkdev(MISC_MAJOR, TUN_MINOR)});
	return err;
}

INITCALL(tun, "vfs net", tun_init);
