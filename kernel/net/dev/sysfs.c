/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /sys/class/net/NAME. What changes is asked of the network, by the requests of netdevice(7) and the line of /proc/net/dev.
 */
#include <net/device.h>
#include <abi/netif.h>
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <mm/slab.h>
#include <net/inet.h>
#include <proc/cred.h>

#define TEXT_ROOM 4096u

static const struct net_device *device_of(struct pseudo_text *t)
{
	return t->arg;
}

/* One of SIOCGIF*, SIOCSIF* for @d. */
static int request(const struct net_device *d, u32 cmd, struct ifreq *r)
{
	strscpy(r->name, d->name, sizeof(r->name));
	return inet_device_request(cmd, r, sizeof(*r));
}

static int put_number(struct pseudo_text *t, const char *format, u32 v)
{
	strbuf_printf(&t->sb, format, v);
	return 0;
}

static int put_mac(struct pseudo_text *t, const u8 *mac)
{
	strbuf_printf(&t->sb, "%02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return 0;
}

static int show_flags(struct pseudo_text *t)
{
	struct ifreq r = {0};
	int err = request(device_of(t), SIOCGIFFLAGS, &r);

	return err ? err : put_number(t, "0x%x\n", (u16)r.flags & ~(u32)IFF_RUNNING);
}

static int store_flags(struct pseudo_text *t, char *text, size_t len)
{
	struct ifreq r = {0};
	u32 v;

	if (strtou32(pseudo_trim(text), 0, &v))
		return -EINVAL;
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	r.flags = (s16)v;
	return request(device_of(t), SIOCSIFFLAGS, &r);
}

static int show_mtu(struct pseudo_text *t)
{
	struct ifreq r = {0};
	int err = request(device_of(t), SIOCGIFMTU, &r);

	return err ? err : put_number(t, "%u\n", (u32)r.number);
}

static int store_mtu(struct pseudo_text *t, char *text, size_t len)
{
	struct ifreq r = {0};

	if (strtos32(pseudo_trim(text), 0, &r.number))
		return -EINVAL;
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	return request(device_of(t), SIOCSIFMTU, &r);
}

static int show_qlen(struct pseudo_text *t)
{
	struct ifreq r = {0};
	int err = request(device_of(t), SIOCGIFTXQLEN, &r);

	return err ? err : put_number(t, "%u\n", (u32)r.number);
}

static int show_address(struct pseudo_text *t)
{
	struct ifreq r = {0};
	int err = request(device_of(t), SIOCGIFHWADDR, &r);

	return err ? err : put_mac(t, r.sockaddr + 2);
}

static int show_broadcast(struct pseudo_text *t)
{
	static const u8 all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, none[6];

	return put_mac(t, device_of(t)->nic.ops ? all : none);
}

static int show_ifindex(struct pseudo_text *t)
{
	return put_number(t, "%u\n", device_of(t)->ifindex);
}

static int show_type(struct pseudo_text *t)
{
	struct ifreq r = {0};
	int err = request(device_of(t), SIOCGIFHWADDR, &r);

	return err ? err : put_number(t, "%u\n", *(const u16 *)(const void *)r.sockaddr);
}

static bool has_carrier(const struct net_device *d)
{
	struct nic_info info = {.link = true};

	if (d->nic.ops)
		d->nic.ops->info(d->nic.self, &info);
	return info.link;
}

static bool is_up(const struct net_device *d)
{
	struct ifreq r = {0};

	return !request(d, SIOCGIFFLAGS, &r) && (r.flags & IFF_UP);
}

static int show_carrier(struct pseudo_text *t)
{
	return is_up(device_of(t)) ? put_number(t, "%u\n", has_carrier(device_of(t))) : -EINVAL;
}

static int show_operstate(struct pseudo_text *t)
{
	const struct net_device *d = device_of(t);

	strbuf_puts(&t->sb, !is_up(d) ? "down\n" : !d->nic.ops ? "unknown\n" : has_carrier(d) ? "up\n" : "down\n");
	return 0;
}

static int show_speed(struct pseudo_text *t)
{
	const struct net_device *d = device_of(t);
	struct nic_info info = {0};

	if (!d->nic.ops || !is_up(d))
		return -EINVAL;
	d->nic.ops->info(d->nic.self, &info);
	strbuf_printf(&t->sb, "%d\n", info.speed_mbit ? (s32)info.speed_mbit : -1);
	return 0;
}

static int show_duplex(struct pseudo_text *t)
{
	const struct net_device *d = device_of(t);

	if (!d->nic.ops || !is_up(d))
		return -EINVAL;
	strbuf_puts(&t->sb, "unknown\n");
	return 0;
}

static int show_zero(struct pseudo_text *t)
{
	return put_number(t, "%u\n", 0);
}

static int show_hex_zero(struct pseudo_text *t)
{
	return put_number(t, "0x%x\n", 0);
}

static int show_six(struct pseudo_text *t)
{
	return put_number(t, "%u\n", 6);
}

static int show_assigned(struct pseudo_text *t)
{
	if (!device_of(t)->nic.ops)
		return -EINVAL;
	return put_number(t, "%u\n", 1); /* by the kernel, in order */
}

static int show_alias(struct pseudo_text *t)
{
	return 0;
}

const struct pseudo_file net_device_files[] = {
	{.name = "addr_assign_type", .mode = 0444, .show = show_zero},
	{.name = "addr_len", .mode = 0444, .show = show_six},
	{.name = "address", .mode = 0444, .show = show_address},
	{.name = "broadcast", .mode = 0444, .show = show_broadcast},
	{.name = "carrier", .mode = 0444, .show = show_carrier},
	{.name = "dev_id", .mode = 0444, .show = show_hex_zero},
	{.name = "dev_port", .mode = 0444, .show = show_zero},
	{.name = "dormant", .mode = 0444, .show = show_zero},
	{.name = "duplex", .mode = 0444, .show = show_duplex},
	{.name = "flags", .mode = 0644, .show = show_flags, .store = store_flags},
	{.name = "group", .mode = 0444, .show = show_zero},
	{.name = "ifalias", .mode = 0444, .show = show_alias},
	{.name = "ifindex", .mode = 0444, .show = show_ifindex},
	{.name = "iflink", .mode = 0444, .show = show_ifindex},
	{.name = "link_mode", .mode = 0444, .show = show_zero},
	{.name = "mtu", .mode = 0644, .show = show_mtu, .store = store_mtu},
	{.name = "name_assign_type", .mode = 0444, .show = show_assigned},
	{.name = "operstate", .mode = 0444, .show = show_operstate},
	{.name = "speed", .mode = 0444, .show = show_speed},
	{.name = "tx_queue_len", .mode = 0444, .show = show_qlen},
	{.name = "type", .mode = 0444, .show = show_type},
};
const size_t net_device_files_nr = ARRAY_SIZE(net_device_files);

/* ---- statistics ---- */

/* By the column of /proc/net/dev; what it has no column for is 0. */
static const struct {
	const char *name;
	int column;
} counters[] = {
	{"collisions", 13},	    {"multicast", 7},	    {"rx_bytes", 0},	      {"rx_compressed", 6},	{"rx_crc_errors", -1},
	{"rx_dropped", 3},	    {"rx_errors", 2},	    {"rx_fifo_errors", 4},    {"rx_frame_errors", 5},	{"rx_length_errors", -1},
	{"rx_missed_errors", -1},   {"rx_nohandler", -1},   {"rx_over_errors", -1},   {"rx_packets", 1},	{"tx_aborted_errors", -1},
	{"tx_bytes", 8},	    {"tx_carrier_errors", 14}, {"tx_compressed", 15}, {"tx_dropped", 11},	{"tx_errors", 10},
	{"tx_fifo_errors", 12},	    {"tx_heartbeat_errors", -1}, {"tx_packets", 9},   {"tx_window_errors", -1},
};

/* Number @column of the line of @name in @text. */
static bool find_column(const char *text, const char *name, int column, u64 *out)
{
	size_t len = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		const char *at = line;

		while (*at == ' ')
			at++;
		if (strncmp(at, name, len) || at[len] != ':')
			continue;
		at += len + 1;
		for (int i = 0; i <= column; i++) {
			while (*at == ' ')
				at++;
			if (strtou64_prefix(at, 10, &at, out))
				return false;
		}
		return true;
	}
	return false;
}

static int counter_of(const struct net_device *d, int column, u64 *out)
{
	const struct inet_port *p = inet_network();
	char *text = kmalloc(TEXT_ROOM, 0);
	u64 resume = 0;
	ssize_t n = -ENOMEM;

	while (text) {
		struct iobuf b;

		iobuf_init_kernel(&b, text, TEXT_ROOM - 1);
		n = p->ops->text ? p->ops->text(p->self, INET_TEXT_DEV, &b, &resume) : 0;
		if (n <= 0)
			break;
		text[n] = '\0';
		if (find_column(text, d->name, column, out))
			break;
	}
	kfree(text);
	return n < 0 ? (int)n : 0;
}

static int show_counter(struct pseudo_text *t);

/* All counters share a text; which one is said by the name of the node. */
static const struct pseudo_file counter_file = {.name = "counter", .mode = 0444, .show = show_counter};

struct counter {
	const struct net_device *dev;
	int column;
};

static int show_counter(struct pseudo_text *t)
{
	const struct counter *c = t->arg;
	u64 v = 0;
	int err = c->column < 0 ? 0 : counter_of(c->dev, c->column, &v);

	if (!err)
		strbuf_printf(&t->sb, "%llu\n", (unsigned long long)v);
	return err;
}

int net_device_add_statistics(struct net_device *d)
{
	struct counter *c = kcalloc(ARRAY_SIZE(counters), sizeof(*c), 0);
	struct pseudo_node *dir;
	int err = c ? pseudo_add_dir(d->sysfs.node, "statistics", &dir) : -ENOMEM;

	for (size_t i = 0; !err && i < ARRAY_SIZE(counters); i++) {
		c[i] = (struct counter){d, counters[i].column};
		err = pseudo_add_named(dir, counters[i].name, 0444, &counter_file, &c[i], NULL);
	}
	d->counters = c;
	return err;
}
