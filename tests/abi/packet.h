// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of AF_PACKET share: one UDP port of ours on the loopback, and taps that see nothing else. */
#pragma once

#include "inet.h"
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/capability.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

HELPER int udp_to, udp_from;
HELPER uint16_t udp_port; /* big-endian */

HELPER void udp_init(void)
{
	udp_to = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	udp_from = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(bind4(udp_to, 0));
	udp_port = port_of(udp_to);
	NEED(bind4(udp_from, 0));
	NEED(connect4(udp_from, udp_port));
}

/* When it returns both the outgoing and the incoming frame have been tapped. */
HELPER void send_udp(const char *text, size_t len)
{
	char buf[2048];

	NEED(send(udp_from, text, len, 0));
	NEED(recv(udp_to, buf, sizeof(buf), 0));
}

HELPER int tap(int type, int protocol)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_protocol = htons(protocol)};
	int fd = NEED(socket(AF_PACKET, type, 0));

	NEED(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	return fd;
}

/* Only IPv4 datagrams to our port. */
HELPER void want_port(int fd)
{
	struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_NET_OFF + 22), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(udp_port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x40000), BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog p = {ARRAY_LEN(f), f};
	char drop[4096];

	NEED(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	while (recv(fd, drop, sizeof(drop), MSG_DONTWAIT) >= 0) /* what came before the filter */
		;
}

/* IPv4 and UDP of @text from and to the loopback, without UDP's sum: its length. */
HELPER size_t make_udp(unsigned char *h, uint16_t port_be, const char *text)
{
	size_t n = strlen(text), total = 28 + n;
	unsigned int sum = 0;

	memcpy(h, (unsigned char[28]){0x45, 0, 0, (unsigned char)total, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 0, 9, 0, 0, 0, (unsigned char)(8 + n)}, 28);
	memcpy(h + 22, &port_be, 2);
	memcpy(h + 28, text, n);
	for (int i = 0; i < 20; i += 2)
		sum += (unsigned int)h[i] << 8 | h[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	h[10] = (unsigned char)(sum >> 8);
	h[11] = (unsigned char)sum;
	return total;
}

HELPER void say_from(const struct sockaddr_ll *from, socklen_t n)
{
	say("  from: len %u protocol %#x ifindex %d hatype %u type %u halen %u\n", n, ntohs(from->sll_protocol), from->sll_ifindex, from->sll_hatype,
		from->sll_pkttype, from->sll_halen);
}

/* One frame with its address and auxiliary data; sums may be done or not, which is the device's affair. */
HELPER void show_frame(int fd, int flags)
{
	unsigned char buf[2048];
	char control[256];
	struct sockaddr_ll from;
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, flags | MSG_DONTWAIT);

	if (n < 0) {
		say("frame: %s\n", err_name(errno));
		return;
	}
	say("frame: %zd flags %#x\n", n, m.msg_flags);
	say_from(&from, m.msg_namelen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct tpacket_auxdata a;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) {
			say("  control %d %d\n", c->cmsg_level, c->cmsg_type);
			continue;
		}
		memcpy(&a, CMSG_DATA(c), sizeof(a));
		say("  aux: status %#x len %u snaplen %u mac %u net %u vlan %u %u\n", a.tp_status & ~(TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID), a.tp_len,
			a.tp_snaplen, a.tp_mac, a.tp_net, a.tp_vlan_tci, a.tp_vlan_tpid);
	}
}

HELPER void drop_caps(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0}};

	NEED(syscall(SYS_capset, &h, d));
}
