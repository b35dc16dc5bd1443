/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program's side: /dev/net/tun.
 */
#include "tun_impl.h"
#include <abi/netif.h>
#include <io/poll.h>
#include <lib/endian.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/file.h>

/* ---- attached to ---- */

/* The device of @f with a reference; NULL. */
static struct tun *device_of(struct tun_file *f)
{
	struct tun *t;

	mutex_lock(&tun_mutex);
	t = f->tun;
	if (t)
		refcount_inc(&t->refs);
	mutex_unlock(&tun_mutex);
	return t;
}

/* ---- writing: a frame for the network ---- */

static int take_vnet(struct tun *t, struct iobuf *from, struct tun_frame *fr)
{
	struct virtio_net_hdr h;
	u32 size = READ_ONCE(t->vnet_size);

	if (!(t->flags & IFF_VNET_HDR))
		return 0;
	if (from->left < size)
		return -EINVAL;
	if (iobuf_get(from, &h, sizeof(h)) < sizeof(h))
		return -EFAULT;
	iobuf_advance(from, size - sizeof(h));
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if ((u32)h.csum_start + h.csum_offset + 2 > from->left)
			return -EINVAL;
		fr->flags = NIC_CSUM_PARTIAL;
		fr->csum_start = h.csum_start;
		fr->csum_off = h.csum_offset;
	} else if (h.flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		fr->flags = NIC_CSUM_VALID;
	}
	switch (h.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE: return 0;
	case VIRTIO_NET_HDR_GSO_TCPV4: fr->gso = NIC_GSO_TCP4; break;
	case VIRTIO_NET_HDR_GSO_TCPV6: fr->gso = NIC_GSO_TCP6; break;
	case VIRTIO_NET_HDR_GSO_UDP_L4: fr->gso = NIC_GSO_UDP; break;
	default: return -EINVAL;
	}
	fr->gso_size = h.gso_size;
	return h.gso_size ? 0 : -EINVAL;
}

/* What stands before the packet. */
static int take_headers(struct tun *t, struct iobuf *from, struct tun_frame *fr)
{
	struct tun_pi pi = {.flags = 0};
	int err;

	if (!(t->flags & IFF_NO_PI)) {
		if (from->left < sizeof(pi))
			return -EINVAL;
		if (iobuf_get(from, &pi, sizeof(pi)) < sizeof(pi))
			return -EFAULT;
		if (!tun_is_tap(t))
			fr->protocol = be16_to_cpu((struct be16){pi.proto});
	}
	err = take_vnet(t, from, fr);
	if (!err && tun_is_tap(t) && from->left < ETH_HLEN)
		err = -EINVAL;
	return err;
}

static int check_packet(const struct tun *t, const struct tun_frame *fr)
{
	u8 version = fr->len ? fr->bytes[0] >> 4 : 0;

	return tun_is_tap(t) || !(t->flags & IFF_NO_PI) || version == 4 || version == 6 ? 0 : -EINVAL;
}

static ssize_t write_frame(struct tun *t, struct iobuf *from)
{
	size_t total = from->left;
	struct tun_frame *fr;
	int err;

	if (total > TUN_FRAME_MOST + 64)
		return -EINVAL;
	fr = kzalloc(sizeof(*fr) + total, 0);
	if (!fr)
		return -ENOMEM;
	err = take_headers(t, from, fr);
	fr->len = (u32)from->left;
	if (!err && iobuf_get(from, fr->bytes, fr->len) < fr->len)
		err = -EFAULT;
	if (!err)
		err = check_packet(t, fr);
	if (err) {
		kfree(fr);
		return err;
	}
	return tun_inject(t, fr) ? (ssize_t)total : -EIO;
}

static ssize_t tun_write(struct file *file, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct tun *t = device_of(file->private);
	ssize_t n;

	if (!t)
		return -EBADFD;
	n = write_frame(t, from);
	tun_put(t);
	return n;
}

/* ---- reading ---- */

static ssize_t give_frame(struct tun *t, struct iobuf *to, const struct tun_frame *fr)
{
	u32 vnet = t->flags & IFF_VNET_HDR ? READ_ONCE(t->vnet_size) : 0, pi_size = t->flags & IFF_NO_PI ? 0 : sizeof(struct tun_pi);
	size_t total = (size_t)fr->len + vnet + pi_size, room = to->left;
	u8 version = fr->len ? fr->bytes[0] >> 4 : 0;
	struct tun_pi pi = {.flags = 0};
	u32 n;

	if (pi_size) {
		u16 protocol = version == 4 ? ETH_P_IP : version == 6 ? ETH_P_IPV6 : 0;

		if (to->left < pi_size)
			return -EINVAL;
		if (tun_is_tap(t) && fr->len >= ETH_HLEN)
			protocol = (u16)(fr->bytes[12] << 8 | fr->bytes[13]);
		pi.proto = ENDIAN_BE(16, protocol);
		pi.flags = to->left < total ? TUN_PKT_STRIP : 0;
		if (iobuf_put(to, &pi, sizeof(pi)) < sizeof(pi))
			return -EFAULT;
	}
	if (vnet) {
		if (to->left < vnet)
			return -EINVAL;
		if (iobuf_zero(to, vnet) < vnet) /* frames are whole: no sums or segments are left to be made */
			return -EFAULT;
	}
	n = (u32)min_t(size_t, to->left, fr->len);
	if (iobuf_put(to, fr->bytes, n) < n)
		return -EFAULT;
	return (ssize_t)min(total, room);
}

static bool has_news(struct tun_file *f)
{
	return READ_ONCE(f->nqueued) || READ_ONCE(f->shut);
}

static ssize_t read_frame(struct tun *t, struct tun_file *f, struct iobuf *to, bool nonblock)
{
	struct tun_frame *fr;
	ssize_t n;

	while (!(fr = tun_take(t, f))) {
		int err;

		if (READ_ONCE(f->shut))
			return -EFAULT; /* as on Linux when the device goes */
		if (nonblock)
			return -EAGAIN;
		err = wait_event_state(&f->wait, has_news(f), THREAD_SLEEP_INTR, ~0ull, true);
		if (err)
			return err;
	}
	n = give_frame(t, to, fr);
	kfree(fr);
	return n;
}

static ssize_t tun_read(struct file *file, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct tun *t = device_of(file->private);
	ssize_t n;

	if (!t)
		return -EBADFD;
	n = to->left ? read_frame(t, file->private, to, (READ_ONCE(file->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT)) : 0;
	tun_put(t);
	return n;
}

static u32 tun_poll(struct file *file, struct poll_table *pt)
{
	struct tun_file *f = file->private;
	struct tun *t = device_of(f);
	u32 mask = 0;

	if (!t)
		return EPOLLERR;
	poll_wait(pt, file, &f->wait);
	if (READ_ONCE(f->nqueued))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(t->up))
		mask |= EPOLLOUT | EPOLLWRNORM;
	tun_put(t);
	return mask;
}

/* ---- ioctls; tun_mutex held ---- */

static bool may_use(const struct tun *t)
{
	const struct cred *c = cred_current();
	bool foreign = (t->owner != ~0u && t->owner != c->euid) || (t->group != ~0u && !cred_in_group(c, t->group));

	return !foreign || capable(CAP_NET_ADMIN);
}

static int check_attach(const struct tun *t, u32 flags)
{
	u32 kind = IFF_TUN | IFF_TAP;

	if (flags & IFF_TUN_EXCL)
		return -EBUSY;
	if ((flags & kind) != (t->flags & kind) || ((flags ^ t->flags) & IFF_MULTI_QUEUE))
		return -EINVAL;
	if (!may_use(t))
		return -EPERM;
	if (!(t->flags & IFF_MULTI_QUEUE) && t->nfiles)
		return -EBUSY;
	return t->nfiles + t->ndisabled >= TUN_FILES_MOST ? -E2BIG : 0;
}

static int create_for(const char *name, u32 flags, struct tun **out)
{
	u32 kind = flags & IFF_TUN ? IFF_TUN : flags & IFF_TAP;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (!kind)
		return -EINVAL;
	return tun_create(*name ? name : kind == IFF_TUN ? "tun%u" : "tap%u", (flags & TUN_OPTIONS) | kind, out);
}

static int set_iff(struct tun_file *f, struct ifreq *r)
{
	u32 flags = (u16)r->flags, ifindex;
	char found[NET_NAME_MAX];
	struct tun *t = NULL;
	int err;

	ifindex = *r->name ? net_device_find(r->name, found) : 0;
	if (*r->name && !ifindex && !strcmp(r->name, "lo"))
		return -EINVAL;
	if (ifindex) {
		t = tun_find(ifindex);
		err = t ? check_attach(t, flags) : flags & IFF_TUN_EXCL ? -EBUSY : -EINVAL;
	} else {
		err = create_for(r->name, flags, &t);
	}
	if (err)
		return err;
	t->flags = (t->flags & ~(u32)TUN_OPTIONS) | (flags & TUN_OPTIONS);
	refcount_inc(&t->refs);
	f->tun = t;
	WRITE_ONCE(f->shut, false);
	tun_attach(t, f);
	return net_device_name(t->ifindex, r->name);
}

/* A device that no file holds and that shall not stay goes. */
static void let_go(struct tun_file *f)
{
	struct tun *t = f->tun;

	if (!t)
		return;
	if (!f->enabled)
		t->ndisabled--;
	tun_detach(t, f);
	f->tun = NULL;
	if (!t->nfiles && !t->ndisabled && !(t->flags & TUN_PERSISTENT) && !t->destroying)
		tun_destroy(t);
	tun_put(t);
}

static int set_queue(struct tun_file *f, u32 flags)
{
	struct tun *t = f->tun;

	if (!t)
		return -EINVAL;
	if (flags & IFF_ATTACH_QUEUE) {
		if (f->enabled)
			return -EINVAL;
		if (!may_use(t))
			return -EPERM;
		t->ndisabled--;
		tun_attach(t, f);
		return 0;
	}
	if (!(flags & IFF_DETACH_QUEUE) || !(t->flags & IFF_MULTI_QUEUE) || !f->enabled)
		return -EINVAL;
	tun_detach(t, f);
	t->ndisabled++;
	return 0;
}

static int set_filter(struct tun *t, struct uptr p)
{
	struct bpf_prog *prog;
	int err;

	if (!tun_is_tap(t))
		return -EINVAL;
	err = bpf_prog_from_user(p, &prog);
	if (!err)
		bpf_prog_put(__atomic_exchange_n(&t->filter, prog, __ATOMIC_ACQ_REL));
	return err;
}

static int set_word(struct tun *t, unsigned cmd, s32 v)
{
	switch (cmd) {
	case TUNSETSNDBUF:
		if (v <= 0)
			return -EINVAL;
		t->sndbuf = (u32)v;
		return 0;
	case TUNSETVNETHDRSZ:
		if (v < (s32)sizeof(struct virtio_net_hdr) || v > 256)
			return -EINVAL;
		WRITE_ONCE(t->vnet_size, (u32)v);
		return 0;
	case TUNSETVNETLE: return 0; /* it is little-endian anyhow */
	case TUNSETVNETBE: return v ? -EINVAL : 0;
	default: /* TUNSETCARRIER */ return -EINVAL;
	}
}

static int set_offload(u32 bits)
{
	u32 known = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_UFO | TUN_F_USO4 | TUN_F_USO6;

	if (!(bits & TUN_F_CSUM) && (bits & (TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6)))
		return -EINVAL;
	return bits & ~known ? -EINVAL : 0; /* may be used, and is not */
}

static s64 device_ioctl(struct tun *t, unsigned cmd, struct uptr p)
{
	struct ifreq r = {.flags = 0};
	s32 v;

	switch (cmd) {
	case TUNGETIFF:
		r.flags = (s16)(t->flags & (TUN_OPTIONS | TUN_PERSISTENT | IFF_TUN | IFF_TAP));
		return net_device_name(t->ifindex, r.name) ? -ENODEV : copy_to_user(p, &r, sizeof(r)) ? -EFAULT : 0;
	case TUNSETNOCSUM: return 0;
	case TUNSETPERSIST:
		t->flags = p.va ? t->flags | TUN_PERSISTENT : t->flags & ~(u32)TUN_PERSISTENT;
		return 0;
	case TUNSETOWNER: t->owner = (u32)p.va; return 0;
	case TUNSETGROUP: t->group = (u32)p.va; return 0;
	case TUNSETOFFLOAD: return set_offload((u32)p.va);
	case TUNGETSNDBUF: return user_store32(p, t->sndbuf);
	case TUNGETVNETHDRSZ: return user_store32(p, t->vnet_size);
	case TUNGETVNETLE: return user_store32(p, 1);
	case TUNGETVNETBE: return user_store32(p, 0);
	case TUNSETSNDBUF:
	case TUNSETVNETHDRSZ:
	case TUNSETVNETLE:
	case TUNSETVNETBE: return user_load32((u32 *)&v, p) ? -EFAULT : set_word(t, cmd, v);
	case TUNATTACHFILTER: return set_filter(t, p);
	case TUNDETACHFILTER:
		if (!tun_is_tap(t))
			return -EINVAL;
		bpf_prog_put(__atomic_exchange_n(&t->filter, NULL, __ATOMIC_ACQ_REL));
		return 0;
	case SIOCGIFHWADDR:
		(void)!net_device_name(t->ifindex, r.name);
		*(u16 *)(void *)r.sockaddr = tun_is_tap(t) ? ARPHRD_ETHER : ARPHRD_NONE;
		memcpy(r.sockaddr + 2, t->mac, sizeof(t->mac));
		return copy_to_user(p, &r, sizeof(r)) ? -EFAULT : 0;
	default: return -EINVAL;
	}
}

static s64 set_iff_user(struct tun_file *f, struct uptr p)
{
	struct ifreq r;
	int err;

	if (copy_from_user(&r, p, sizeof(r)))
		return -EFAULT;
	if (f->tun)
		return -EEXIST;
	r.name[IFNAMSIZ - 1] = '\0';
	err = set_iff(f, &r);
	return err ? err : copy_to_user(p, &r, sizeof(r)) ? -EFAULT : 0;
}

static s64 ioctl_locked(struct tun_file *f, unsigned cmd, struct uptr p)
{
	struct ifreq r;
	u32 v;

	switch (cmd) {
	case TUNSETIFF: return set_iff_user(f, p);
	case TUNGETFEATURES: return user_store32(p, IFF_TUN | IFF_TAP | IFF_NO_CARRIER | TUN_OPTIONS);
	case TUNSETQUEUE: return copy_from_user(&r, p, sizeof(r)) ? -EFAULT : set_queue(f, (u16)r.flags);
	case TUNSETIFINDEX:
		if (f->tun)
			return -EPERM;
		return user_load32(&v, p) ? -EFAULT : (s32)v < 0 ? -EINVAL : 0;
	default: return f->tun ? device_ioctl(f->tun, cmd, p) : -EBADFD;
	}
}

static s64 tun_ioctl(struct file *file, unsigned cmd, u64 arg)
{
	s64 ret;

	if ((cmd == TUNSETIFF || cmd == TUNSETQUEUE || _IOC_TYPE(cmd) == 0x89) && !arg)
		return -EFAULT;
	mutex_lock(&tun_mutex);
	ret = ioctl_locked(file->private, cmd, (struct uptr){arg});
	mutex_unlock(&tun_mutex);
	return ret;
}

/* ---- the file ---- */

static int tun_open(struct inode *inode, struct file *file)
{
	struct tun_file *f = kzalloc(sizeof(*f), 0);

	if (!f)
		return -ENOMEM;
	list_init(&f->queue);
	wait_queue_init(&f->wait);
	fasync_list_init(&f->async);
	file->private = f;
	return 0;
}

static void tun_release(struct file *file)
{
	struct tun_file *f = file->private;

	mutex_lock(&tun_mutex);
	let_go(f);
	mutex_unlock(&tun_mutex);
	kfree(f);
}

static int tun_fasync(struct file *file, int fd, bool on)
{
	return fasync_set(&((struct tun_file *)file->private)->async, file, fd, on);
}

const struct file_ops tun_file_ops = {
	.open = tun_open,
	.read = tun_read,
	.write = tun_write,
	.poll = tun_poll,
	.ioctl = tun_ioctl,
	.fasync = tun_fasync,
	.release = tun_release,
	.lseek = file_lseek_noop,
	.no_splice = true,
};
