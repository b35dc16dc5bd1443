/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl of sockets: queues, and interfaces by struct ifreq. [man ioctl_socket(2), netdevice(7)]
 */
#include "inet_impl.h"
#include <abi/netif.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <net/device.h>
#include <proc/cred.h>
#include <asm/ioctls.h>

#define CONF_MOST (256u * sizeof(struct ifreq))

/* Requests with an argument of a fixed size. */
static const struct request {
	u16 cmd;
	u8 len;
	bool admin; /* changes something */
	bool back;  /* and the argument goes back */
} requests[] = {
	{SIOCGIFNAME, sizeof(struct ifreq), false, true},
	{SIOCGIFFLAGS, sizeof(struct ifreq), false, true},
	{SIOCSIFFLAGS, sizeof(struct ifreq), true, false},
	{SIOCGIFADDR, sizeof(struct ifreq), false, true},
	{SIOCSIFADDR, sizeof(struct ifreq), true, false},
	{SIOCDIFADDR, sizeof(struct ifreq), true, false},
	{SIOCGIFDSTADDR, sizeof(struct ifreq), false, true},
	{SIOCSIFDSTADDR, sizeof(struct ifreq), true, false},
	{SIOCGIFBRDADDR, sizeof(struct ifreq), false, true},
	{SIOCSIFBRDADDR, sizeof(struct ifreq), true, false},
	{SIOCGIFNETMASK, sizeof(struct ifreq), false, true},
	{SIOCSIFNETMASK, sizeof(struct ifreq), true, false},
	{SIOCGIFMETRIC, sizeof(struct ifreq), false, true},
	{SIOCSIFMETRIC, sizeof(struct ifreq), true, false},
	{SIOCGIFMTU, sizeof(struct ifreq), false, true},
	{SIOCSIFMTU, sizeof(struct ifreq), true, false},
	{SIOCSIFNAME, sizeof(struct ifreq), true, false},
	{SIOCGIFHWADDR, sizeof(struct ifreq), false, true},
	{SIOCSIFHWADDR, sizeof(struct ifreq), true, false},
	{SIOCADDMULTI, sizeof(struct ifreq), true, false},
	{SIOCDELMULTI, sizeof(struct ifreq), true, false},
	{SIOCGIFINDEX, sizeof(struct ifreq), false, true},
	{SIOCGIFTXQLEN, sizeof(struct ifreq), false, true},
	{SIOCSIFTXQLEN, sizeof(struct ifreq), true, false},
	{SIOCGIFMAP, sizeof(struct ifreq), false, true},
	{SIOCADDRT, sizeof(struct rtentry), true, false},
	{SIOCDELRT, sizeof(struct rtentry), true, false},
	{SIOCGARP, sizeof(struct arpreq), false, true},
	{SIOCSARP, sizeof(struct arpreq), true, false},
	{SIOCDARP, sizeof(struct arpreq), true, false},
};

static const struct request *find(unsigned cmd)
{
	for (size_t k = 0; k < ARRAY_SIZE(requests); k++)
		if (requests[k].cmd == cmd)
			return &requests[k];
	return NULL;
}

/* struct ifconf: the room in bytes and where; without a place, how much there would be. */
static s64 list_interfaces(u64 handle, struct uptr p)
{
	struct {
		s32 len;
		u32 pad;
		struct uptr list;
	} conf;
	struct iobuf b;
	void *list = NULL;
	u32 room, got = 0;
	int err;

	if (copy_from_user(&conf, p, sizeof(conf)))
		return -EFAULT;
	room = uptr_is_null(conf.list) || conf.len < 0 ? 0 : min((u32)conf.len, (u32)CONF_MOST);
	if (room) {
		list = kzalloc(room, 0);
		if (!list)
			return -ENOMEM;
	}
	iobuf_init_kernel(&b, list, room);
	err = inet_call()->control(inet_stack.self, handle, SIOCGIFCONF, &b, &got);
	if (!err && room && copy_to_user(conf.list, list, min(got, room)))
		err = -EFAULT;
	kfree(list);
	if (err)
		return err;
	return user_store32(p, room ? min(got, room) : got);
}

/* Behind a struct rtentry stands the name that its pointer means. */
static int add_name(u8 *arg)
{
	const struct rtentry *e = (const void *)arg;
	char *name = (char *)arg + sizeof(*e);

	memset(name, 0, IFNAMSIZ);
	return uptr_is_null(e->dev) || arch_strncpy_from_user(name, e->dev, IFNAMSIZ - 1) >= 0 ? 0 : -EFAULT;
}

/* The list of devices has the names. */
static int rename(u8 *arg)
{
	struct ifreq *r = (void *)arg;
	char found[NET_NAME_MAX];
	u32 ifindex;

	r->sockaddr[IFNAMSIZ - 1] = 0;
	ifindex = net_device_find(r->name, found);
	return ifindex ? net_device_rename(ifindex, (const char *)r->sockaddr) : -ENODEV;
}

/* What anybody may ask, by number [linux/ethtool.h]; the rest is the administrator's. */
static bool ethtool_is_open(u32 cmd)
{
	static const u8 open[] = {ETHTOOL_GSET, ETHTOOL_GDRVINFO, ETHTOOL_GMSGLVL, ETHTOOL_GLINK, ETHTOOL_GCOALESCE, ETHTOOL_GRINGPARAM,
		ETHTOOL_GPAUSEPARAM, ETHTOOL_GRXCSUM, ETHTOOL_GTXCSUM, ETHTOOL_GSG, ETHTOOL_GSSET_INFO, ETHTOOL_GSTRINGS, ETHTOOL_GSTATS,
		ETHTOOL_GPHYSTATS, ETHTOOL_GTSO, ETHTOOL_GPERMADDR, ETHTOOL_GUFO, ETHTOOL_GGSO, ETHTOOL_GGRO, ETHTOOL_GFLAGS, ETHTOOL_GPFLAGS,
		ETHTOOL_GRXFH, ETHTOOL_GRXRINGS, ETHTOOL_GRXCLSRLCNT, ETHTOOL_GRXCLSRULE, ETHTOOL_GRXCLSRLALL, ETHTOOL_GRXFHINDIR,
		ETHTOOL_GRSSH, ETHTOOL_GFEATURES, ETHTOOL_GCHANNELS, ETHTOOL_GET_TS_INFO, ETHTOOL_GEEE, ETHTOOL_GTUNABLE,
		ETHTOOL_PHY_GTUNABLE, ETHTOOL_GLINKSETTINGS, ETHTOOL_GFECPARAM};

	for (size_t k = 0; k < ARRAY_SIZE(open); k++)
		if (open[k] == cmd)
			return true;
	return false;
}

/* SIOCETHTOOL: whether there is a link. No device tells more yet. */
static s64 ethtool_request(u64 handle, struct uptr p)
{
	struct ethtool_value value;
	struct uptr data;
	struct ifreq r;
	struct iobuf b;
	u32 none;
	int err;

	if (copy_from_user(&r, p, sizeof(r)))
		return -EFAULT;
	data = r.data;
	r.name[IFNAMSIZ - 1] = 0;
	if (copy_from_user(&value.cmd, data, sizeof(value.cmd)))
		return -EFAULT;
	iobuf_init_kernel(&b, &r, sizeof(r));
	err = inet_call()->control(inet_stack.self, handle, SIOCGIFFLAGS, &b, &none);
	if (err)
		return err;
	if (!ethtool_is_open(value.cmd) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (value.cmd != ETHTOOL_GLINK)
		return -EOPNOTSUPP;
	value.data = !!((u16)r.flags & IFF_RUNNING);
	return copy_to_user(data, &value, sizeof(value)) ? -EFAULT : 0;
}

static s64 device_request(u64 handle, unsigned cmd, struct uptr p)
{
	const struct request *r = find(cmd);
	u8 arg[sizeof(struct rtentry) + IFNAMSIZ] __aligned(8);
	struct iobuf b;
	u32 value = 0;
	int err;

	if (cmd == SIOCGIFCONF)
		return list_interfaces(handle, p);
	if (cmd == SIOCETHTOOL)
		return ethtool_request(handle, p);
	if (!r)
		return -ENOIOCTLCMD;
	if (copy_from_user(arg, p, r->len))
		return -EFAULT;
	if (r->admin && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (r->len == sizeof(struct ifreq))
		arg[IFNAMSIZ - 1] = 0;
	if (cmd == SIOCSIFNAME)
		return rename(arg);
	iobuf_init_kernel(&b, arg, r->len);
	if (cmd == SIOCADDRT || cmd == SIOCDELRT) {
		err = add_name(arg);
		if (err)
			return err;
		iobuf_init_kernel(&b, arg, sizeof(arg));
	}
	err = inet_call()->control(inet_stack.self, handle, cmd, &b, &value);
	if (!err && r->back && copy_to_user(p, arg, r->len))
		err = -EFAULT;
	return err;
}

s64 inet_device_ioctl(unsigned cmd, u64 arg)
{
	if (!inet_network())
		return find(cmd) || cmd == SIOCGIFCONF || cmd == SIOCETHTOOL ? -ENOTTY : -ENOIOCTLCMD;
	return device_request(inet_device_handle, cmd, (struct uptr){arg});
}

int inet_device_request(u32 cmd, void *arg, u32 len)
{
	struct iobuf b;
	u32 value;

	if (!inet_network())
		return -ENODEV;
	iobuf_init_kernel(&b, arg, len);
	return inet_call()->control(inet_stack.self, inet_device_handle, cmd, &b, &value);
}

s64 inet_sock_ioctl(struct socket *s, unsigned cmd, u64 arg)
{
	struct inet_sock *i = inet_of(s);
	struct uptr p = {arg};
	u32 value;
	int err;

	switch (cmd) {
	case SIOCINQ:
	case SIOCOUTQ:
	case SIOCOUTQNSD:
	case SIOCATMARK:
		err = inet_call()->control(inet_stack.self, i->handle, cmd, NULL, &value);
		return err ? err : user_store32(p, value);
	default: return device_request(i->handle, cmd, p);
	}
}
