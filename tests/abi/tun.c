// SPDX-License-Identifier: BSD-2-Clause
/* /dev/net/tun: devices made, found, read and written, and what is refused. */
#include "inet.h"
#include <linux/if_ether.h>
#include <linux/if_tun.h>

static int open_tun(void)
{
	return NEED(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

static int set_iff(int fd, const char *name, int flags)
{
	struct ifreq r = {.ifr_flags = (short)flags};

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(fd, TUNSETIFF, &r);
}

static int device(const char *name, unsigned long cmd, struct ifreq *r)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0)), ret;

	strncpy(r->ifr_name, name, IFNAMSIZ - 1);
	ret = ioctl(fd, cmd, r);
	if (ret)
		ret = -errno;
	close(fd);
	return ret;
}

static void set_up(const char *name, const char *addr)
{
	struct ifreq r = {.ifr_flags = 0};
	struct sockaddr_in a = {.sin_family = AF_INET};

	inet_pton(AF_INET, addr, &a.sin_addr);
	memcpy(&r.ifr_addr, &a, sizeof(a));
	V(device(name, SIOCSIFADDR, &r));
	inet_pton(AF_INET, "255.255.255.0", &a.sin_addr);
	memcpy(&r.ifr_addr, &a, sizeof(a));
	V(device(name, SIOCSIFNETMASK, &r));
	V(device(name, SIOCGIFFLAGS, &r));
	r.ifr_flags |= IFF_UP;
	V(device(name, SIOCSIFFLAGS, &r));
}

static void say_flags(int fd)
{
	struct ifreq r = {.ifr_flags = 0};

	if (ioctl(fd, TUNGETIFF, &r))
		say("TUNGETIFF: %s\n", err_name(errno));
	else
		say("%s: %#x\n", r.ifr_name, (unsigned short)r.ifr_flags);
}

/* The next packet that is not of IPv6, which comes by itself where it cannot be switched off. */
static ssize_t read4(int fd, unsigned char *buf, size_t size, unsigned skip, int wait_ms)
{
	for (;;) {
		ssize_t n;

		if (wait_ms && poll(&(struct pollfd){fd, POLLIN, 0}, 1, wait_ms) != 1)
			return -2;
		n = read(fd, buf, size);
		if (n <= (ssize_t)skip || buf[skip] >> 4 != 6)
			return n;
	}
}

static void errors(void)
{
	struct ifreq r = {.ifr_flags = 0};
	unsigned features = 0, v = 0;
	int a = open_tun(), b = open_tun();
	char buf[100];

	HEAD("errors");
	R(ioctl(a, TUNGETFEATURES, &features));
	X(features & (IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE));
	R(read(a, buf, sizeof(buf)));
	R(write(a, buf, sizeof(buf)));
	R(ioctl(a, TUNGETIFF, &r));
	R(ioctl(a, TUNSETPERSIST, 1));
	R(ioctl(a, TUNSETQUEUE, &r));
	V(poll(&(struct pollfd){a, POLLIN, 0}, 1, 0));
	R(set_iff(a, "nos0", 0));
	R(set_iff(a, "lo", IFF_TUN));
	R(set_iff(a, "a/b", IFF_TUN));
	R(set_iff(a, "nos0", IFF_TUN | IFF_NO_PI));
	R(set_iff(a, "nos0", IFF_TUN));
	say_flags(a);
	R(set_iff(b, "nos0", IFF_TUN | IFF_NO_PI));
	R(set_iff(b, "nos0", IFF_TAP));
	R(set_iff(b, "nos0", IFF_TUN | IFF_MULTI_QUEUE));
	R(set_iff(b, "nos0", IFF_TUN | IFF_TUN_EXCL));
	R(ioctl(a, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4));
	R(ioctl(a, TUNSETOFFLOAD, 0x1000));
	R(ioctl(a, TUNSETOWNER, 1000));
	R(ioctl(a, TUNGETVNETHDRSZ, &v));
	V(v);
	v = 9;
	R(ioctl(a, TUNSETVNETHDRSZ, &v));
	v = 12;
	R(ioctl(a, TUNSETVNETHDRSZ, &v));
	v = 0;
	R(ioctl(a, TUNSETSNDBUF, &v));
	R(ioctl(a, TUNATTACHFILTER, &v));
	R(ioctl(a, 0x54ff, &v));
	R(write(a, "E", 1)); /* it is down */
	R(write(a, "", 0));
	close(a);
	V(device("nos0", SIOCGIFFLAGS, &r));
	close(b);
	CHILD
	{
		int fd = open_tun();

		NEED(setuid(1000));
		R(set_iff(fd, "nos1", IFF_TUN));
	}
	REAP("without rights");
}

/* IPv4 and UDP from @from to @to. */
static size_t make_udp(unsigned char *h, const char *from, const char *to, uint16_t port_be, const char *text)
{
	size_t n = strlen(text), total = 28 + n;
	unsigned sum = 0;

	memcpy(h, (unsigned char[28]){0x45, 0, 0, (unsigned char)total, 0, 0, 0, 0, 64, 17, [21] = 9, [25] = (unsigned char)(8 + n)}, 28);
	inet_pton(AF_INET, from, h + 12);
	inet_pton(AF_INET, to, h + 16);
	memcpy(h + 22, &port_be, 2);
	memcpy(h + 28, text, n);
	for (int i = 0; i < 20; i += 2)
		sum += (unsigned)h[i] << 8 | h[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	h[10] = (unsigned char)(sum >> 8);
	h[11] = (unsigned char)sum;
	return total;
}

static void packets(int flags)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	int fd = open_tun(), s = NEED(socket(AF_INET, SOCK_DGRAM, 0)), in = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	unsigned skip = flags & IFF_NO_PI ? 0 : 4;
	unsigned char buf[200] = {0};
	struct ifreq r;
	ssize_t n;

	say("-- packets, flags %#x\n", flags);
	NEED(set_iff(fd, "nos0", IFF_TUN | flags));
	V(poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 0));
	set_up("nos0", "10.99.1.1");
	V(poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 0));
	V(device("nos0", SIOCGIFHWADDR, &r));
	V(r.ifr_hwaddr.sa_family);
	V(device("nos0", SIOCGIFMTU, &r));
	V(r.ifr_mtu);
	R(read4(fd, buf, sizeof(buf), skip, 0));
	inet_pton(AF_INET, "10.99.1.2", &to.sin_addr);
	R(sendto(s, "out", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	n = R(read4(fd, buf, sizeof(buf), skip, 5000));
	if (skip)
		say("info %02x %02x %02x %02x\n", buf[0], buf[1], buf[2], buf[3]);
	if (n == 31 + (ssize_t)skip)
		say("%.3s to %u.%u.%u.%u, protocol %u\n", (char *)buf + skip + 28, buf[skip + 16], buf[skip + 17], buf[skip + 18], buf[skip + 19], buf[skip + 9]);
	R(sendto(s, "out", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	R(read4(fd, buf, 10, skip, 5000));
	if (skip)
		say("info %02x %02x\n", buf[0], buf[1]);
	to.sin_port = 0;
	to.sin_addr.s_addr = 0;
	NEED(bind(in, (struct sockaddr *)&to, sizeof(to)));
	memset(buf, 0, sizeof(buf));
	buf[2] = 8;
	n = (ssize_t)make_udp(buf + skip, "10.99.1.2", "10.99.1.1", port_of(in), "in by hand");
	R(write(fd, buf, (size_t)n + skip) == n + skip);
	V(poll(&(struct pollfd){in, POLLIN, 0}, 1, 5000));
	memset(buf, 0, sizeof(buf));
	R(recv(in, buf, sizeof(buf), MSG_DONTWAIT));
	S((char *)buf);
	R(write(fd, "x", 1));
	close(fd);
	close(s);
	close(in);
}

static void staying(void)
{
	struct ifreq r = {.ifr_flags = 0};
	int fd = open_tun();

	HEAD("persistent");
	R(set_iff(fd, "nos2", IFF_TAP | IFF_NO_PI));
	R(ioctl(fd, TUNSETPERSIST, 1));
	say_flags(fd);
	close(fd);
	V(device("nos2", SIOCGIFHWADDR, &r));
	V(r.ifr_hwaddr.sa_family);
	strcpy(r.ifr_newname, "nos3");
	V(device("nos2", SIOCSIFNAME, &r));
	V(device("nos2", SIOCGIFFLAGS, &r));
	V(device("nos3", SIOCGIFFLAGS, &r));
	strcpy(r.ifr_newname, "lo");
	V(device("nos3", SIOCSIFNAME, &r));
	V(access("/sys/class/net/nos3/tun_flags", R_OK));
	fd = open_tun();
	R(set_iff(fd, "nos3", IFF_TUN));
	R(set_iff(fd, "nos3", IFF_TAP));
	R(ioctl(fd, TUNSETPERSIST, 0));
	close(fd);
	V(device("nos3", SIOCGIFFLAGS, &r));
}

static void queues(void)
{
	struct ifreq r = {.ifr_flags = IFF_DETACH_QUEUE};
	int a = open_tun(), b = open_tun();
	char buf[10];

	HEAD("queues");
	R(set_iff(a, "nos4", IFF_TUN | IFF_MULTI_QUEUE | IFF_NO_PI));
	R(set_iff(b, "nos4", IFF_TUN | IFF_NO_PI));
	R(set_iff(b, "nos4", IFF_TUN | IFF_MULTI_QUEUE | IFF_NO_PI));
	say_flags(b);
	R(ioctl(b, TUNSETQUEUE, &r));
	R(ioctl(b, TUNSETQUEUE, &r));
	r.ifr_flags = IFF_ATTACH_QUEUE;
	R(ioctl(b, TUNSETQUEUE, &r));
	R(ioctl(b, TUNSETQUEUE, &r));
	r.ifr_flags = 0;
	R(ioctl(b, TUNSETQUEUE, &r));
	close(a);
	V(device("nos4", SIOCGIFFLAGS, &r));
	R(read(b, buf, sizeof(buf)));
	close(b);
	V(device("nos4", SIOCGIFFLAGS, &r));
}

int main(void)
{
	lo_up();
	errors();
	packets(IFF_NO_PI);
	packets(0);
	staying();
	queues();
	return 0;
}
