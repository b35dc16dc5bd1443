/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `ip=` on the command line: an address from it or by DHCP before the first program runs; what a server said of names stands in /proc/net/pnp, as on Linux.
 *
 *	DISCOVER ─► OFFER ─► REQUEST ─► ACK ─► address, route		NAK, or nobody: from the start, after a longer while each time
 */
#include "dhcp.h"
#include "../inet/inet_impl.h"
#include <abi/netif.h>
#include <debug/log.h>
#include <init/initcall.h>
#include <init/param.h>
#include <lib/bits.h>
#include <lib/endian.h>
#include <lib/string.h>
#include <linux/in.h>
#include <linux/sockios.h>
#include <net/device.h>
#include <security/random.h>
#include <time/clock.h>
#include <vfs/procfs.h>

#define TRIES	   6
#define FIRST_WAIT 500000000ull /* ns; doubled each time */

static struct dhcp_lease lease; /* what is configured; written before there are programs */

/* ---- telling the network ---- */

static int request(const char *name, u32 cmd, struct ifreq *r)
{
	strscpy(r->name, name, sizeof(r->name));
	return inet_device_request(cmd, r, sizeof(*r));
}

static int link_up(const char *name)
{
	struct ifreq r = {0};
	int err = request(name, SIOCGIFFLAGS, &r);

	if (err)
		return err;
	r.flags |= IFF_UP;
	return request(name, SIOCSIFFLAGS, &r);
}

static void put_sockaddr(u8 at[16], u32 address)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {address}};

	memcpy(at, &sin, sizeof(sin));
}

static int set_one(const char *name, u32 cmd, u32 address)
{
	struct ifreq r = {0};

	put_sockaddr(r.sockaddr, address);
	return request(name, cmd, &r);
}

static int add_address(const char *name, const struct dhcp_lease *l)
{
	int err = set_one(name, SIOCSIFADDR, l->address);

	if (!err)
		err = set_one(name, SIOCSIFNETMASK, l->mask);
	return err ? err : set_one(name, SIOCSIFBRDADDR, l->address | ~l->mask);
}

static int add_default_route(u32 gateway)
{
	struct rtentry r = {.flags = RTF_UP | RTF_GATEWAY};

	put_sockaddr(r.dst, 0);
	put_sockaddr(r.genmask, 0);
	put_sockaddr(r.gateway, gateway);
	return inet_device_request(SIOCADDRT, &r, sizeof(r));
}

static int configure(const char *name, const struct dhcp_lease *l)
{
	int err = add_address(name, l);

	if (!err && l->gateway)
		err = add_default_route(l->gateway);
	if (err) {
		klog(LOG_ERR, "%s: ip=: error %d", name, err);
		return err;
	}
	lease = *l;
	klog(LOG_INFO, "%s: %u.%u.%u.%u/%u", name, ((const u8 *)&l->address)[0], ((const u8 *)&l->address)[1], ((const u8 *)&l->address)[2],
		((const u8 *)&l->address)[3], popcount32(l->mask));
	return 0;
}

/* ---- DHCP ---- */

struct asking {
	struct socket *sock;
	u32 xid;
	u8 mac[6];
	u64 began;
	u8 buf[DHCP_BYTES * 2];
};

static void set_address(struct socket_addr *a, u32 address, u16 port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = cpu_to_be16(port).raw, .sin_addr = {address}};

	a->len = sizeof(sin);
	memcpy(a->bytes, &sin, sizeof(sin));
}

static int ask_server(struct asking *a, const struct dhcp_lease *offer)
{
	struct socket_msg m = {.flags = MSG_DONTWAIT};
	struct socket_addr to;
	struct iobuf b;
	ssize_t n;

	set_address(&to, ~0u, DHCP_SERVER_PORT);
	iobuf_init_kernel(&b, a->buf, dhcp_build(a->buf, a->xid, a->mac, (u16)((clock_monotonic() - a->began) / 1000000000), offer));
	m.data = &b;
	m.addr = &to;
	n = a->sock->ops->send(a->sock, &m);
	return n < 0 ? (int)n : 0;
}

/* The next answer of kind @kind or a NAK, before @deadline. -EAGAIN: none. */
static int hear_server(struct asking *a, u32 kind, u64 deadline, struct dhcp_lease *out)
{
	for (;;) {
		u64 now = clock_monotonic();
		struct socket_msg m = {0};
		struct iobuf b;
		ssize_t n;

		if (now >= deadline)
			return -EAGAIN;
		a->sock->rcvtimeo = deadline - now;
		iobuf_init_kernel(&b, a->buf, sizeof(a->buf));
		m.data = &b;
		n = a->sock->ops->receive(a->sock, &m);
		if (n < 0)
			return (int)n;
		if (dhcp_parse(a->buf, (u32)n, a->xid, a->mac, out))
			continue;
		if (out->kind == kind)
			return 0;
		if (out->kind == DHCP_NAK)
			return -ECONNREFUSED;
	}
}

static int try_lease(struct asking *a, u64 wait, struct dhcp_lease *out)
{
	struct dhcp_lease offer;
	int err;

	a->xid = (u32)random_u64();
	err = ask_server(a, NULL);
	if (!err)
		err = hear_server(a, DHCP_OFFER, deadline_after(wait), &offer);
	if (!err)
		err = ask_server(a, &offer);
	if (!err)
		err = hear_server(a, DHCP_ACK, deadline_after(wait), out);
	return err;
}

static int open_socket(struct asking *a, const char *device)
{
	struct socket_addr any;
	s32 on = 1;
	int err = inet_socket_create(AF_INET, SOCK_DGRAM, IPPROTO_UDP, &a->sock);

	if (err)
		return err;
	set_address(&any, 0, DHCP_CLIENT_PORT);
	err = inet_tell_option(inet_of(a->sock), SO_BROADCAST, &on, sizeof(on));
	if (!err)
		err = inet_tell_option(inet_of(a->sock), SO_BINDTODEVICE, device, (u32)strlen(device) + 1);
	if (!err)
		err = a->sock->ops->bind(a->sock, &any);
	if (err)
		a->sock->ops->release(a->sock);
	return err;
}

static int get_lease(const char *device, struct dhcp_lease *out)
{
	static struct asking a; /* once, at boot */
	struct ifreq r = {0};
	u64 wait = FIRST_WAIT;
	int err;

	err = request(device, SIOCGIFHWADDR, &r);
	if (!err)
		err = open_socket(&a, device);
	if (err)
		return err;
	memcpy(a.mac, r.sockaddr + 2, sizeof(a.mac));
	a.began = clock_monotonic();
	err = -EAGAIN;
	for (int i = 0; err && i < TRIES; i++, wait *= 2) {
		err = try_lease(&a, wait, out);
		if (err && err != -EAGAIN) /* the link may come yet */
			(void)!inet_wait(inet_of(a.sock), &a.sock->rd_wait, inet_seen(inet_of(a.sock)), deadline_after(wait), false);
	}
	a.sock->ops->release(a.sock);
	return err;
}

/* ---- /proc/net/pnp ---- */

static void put_address(struct strbuf *sb, const char *what, u32 address)
{
	const u8 *b = (const u8 *)&address;

	strbuf_printf(sb, "%s %u.%u.%u.%u\n", what, b[0], b[1], b[2], b[3]);
}

static int show_pnp(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, lease.kind ? "#PROTO: DHCP\n" : "#MANUAL\n");
	if (lease.domain[0])
		strbuf_printf(&t->sb, "domain %s\n", lease.domain);
	for (u32 i = 0; i < DHCP_SERVERS; i++)
		if (lease.dns[i])
			put_address(&t->sb, "nameserver", lease.dns[i]);
	if (lease.kind)
		put_address(&t->sb, "bootserver", lease.server);
	return 0;
}

static const struct pseudo_file pnp_file = {.name = "pnp", .mode = 0444, .show = show_pnp};

/* ---- at boot ---- */

static void do_words(const struct ip_words *w)
{
	struct dhcp_lease l = {.address = w->address, .mask = w->mask, .gateway = w->gateway, .dns = {w->dns[0], w->dns[1]}};
	char name[NET_NAME_MAX];
	int err;

	if (link_up("lo"))
		klog(LOG_WARN, "ip=: lo does not come up");
	if (!net_device_find(w->device, name)) {
		klog(LOG_ERR, "ip=: there is no network device");
		return;
	}
	err = link_up(name);
	if (!err && w->dhcp)
		err = get_lease(name, &l);
	if (err)
		klog(LOG_ERR, "%s: ip=: no address: error %d", name, err);
	else
		(void)!configure(name, &l);
}

static int ipconfig_init(void)
{
	const char *text = param_get("ip");
	struct ip_words w;
	int err = net_proc_add(&pnp_file);

	if (!text || !inet_network())
		return err;
	if (ip_words_parse(text, &w)) {
		klog(LOG_ERR, "ip=%s is not understood", text);
		return err;
	}
	if (!w.off)
		do_words(&w);
	return err;
}

INITCALL(ipconfig, "inet_network", ipconfig_init);
