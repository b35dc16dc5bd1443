// SPDX-License-Identifier: BSD-2-Clause
/* AF_PACKET by memory: rings of the three versions in and out, groups of sockets. */
#include "packet.h"
#include <sys/mman.h>

#define BLOCK 4096u
#define BLOCKS 4u

static void *make_ring(int fd, int version, int name, unsigned frame, unsigned retire)
{
	struct tpacket_req3 q = {.tp_block_size = BLOCK, .tp_block_nr = BLOCKS, .tp_frame_size = frame, .tp_frame_nr = BLOCK / frame * BLOCKS,
		.tp_retire_blk_tov = retire};

	NEED(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)));
	NEED(setsockopt(fd, SOL_PACKET, name, &q, version == TPACKET_V3 ? sizeof(q) : sizeof(struct tpacket_req)));
	return mmap(NULL, BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int wait_in(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 10000);
}

static void say_packet(const unsigned char *frame, unsigned mac, unsigned net)
{
	say("  version %u, text \"%.4s\"\n", frame[net] >> 4, (const char *)frame + net + 28);
	IS(mac == net - 14);
}

static void frames(int version)
{
	int fd = tap(SOCK_RAW, ETH_P_ALL);
	struct tpacket_stats st;
	socklen_t n = sizeof(st);
	unsigned char *ring;

	HEAD(version == TPACKET_V1 ? "V1" : "V2");
	want_port(fd);
	ring = make_ring(fd, version, PACKET_RX_RING, 2048, 0);
	IS(ring != MAP_FAILED);
	send_udp("one!", 4);
	send_udp("two!", 4);
	V(wait_in(fd));
	for (unsigned i = 0; i < 5; i++) {
		unsigned char *at = ring + i * 2048;

		if (version == TPACKET_V1) {
			struct tpacket_hdr *h = (void *)at;

			say("%u: status %#lx len %u snap %u mac %u net %u\n", i, h->tp_status & 7, h->tp_len, h->tp_snaplen, h->tp_mac, h->tp_net);
			if (h->tp_status & TP_STATUS_USER)
				say_packet(at, h->tp_mac, h->tp_net);
			say_from((void *)(at + TPACKET_ALIGN(sizeof(*h))), 20);
			h->tp_status = TP_STATUS_KERNEL;
		} else {
			struct tpacket2_hdr *h = (void *)at;

			say("%u: status %#x len %u snap %u mac %u net %u vlan %u %u\n", i, h->tp_status & 7, h->tp_len, h->tp_snaplen, h->tp_mac, h->tp_net,
				h->tp_vlan_tci, h->tp_vlan_tpid);
			if (h->tp_status & TP_STATUS_USER)
				say_packet(at, h->tp_mac, h->tp_net);
			say_from((void *)(at + TPACKET_ALIGN(sizeof(*h))), 20);
			h->tp_status = TP_STATUS_KERNEL;
		}
	}
	/* More than there is room for: the rest is dropped. */
	for (int i = 0; i < 6; i++)
		send_udp("many", 4);
	R(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n));
	say("packets %u drops %u\n", st.tp_packets, st.tp_drops);
	R(munmap(ring, BLOCK * BLOCKS));
	close(fd);
}

static void blocks(void)
{
	int fd = tap(SOCK_RAW, ETH_P_ALL);
	struct tpacket_stats_v3 st;
	socklen_t n = sizeof(st);
	struct tpacket_block_desc *d;
	struct tpacket3_hdr *h;
	unsigned char *ring;

	HEAD("V3");
	want_port(fd);
	ring = make_ring(fd, TPACKET_V3, PACKET_RX_RING, 2048, 1000);
	IS(ring != MAP_FAILED);
	send_udp("one!", 4);
	send_udp("two!", 4);
	V(wait_in(fd));
	d = (void *)ring;
	say("version %u priv %u status %#x packets %u first %u seq %llu\n", d->version, d->offset_to_priv, d->hdr.bh1.block_status & ~TP_STATUS_CSUMNOTREADY,
		d->hdr.bh1.num_pkts, d->hdr.bh1.offset_to_first_pkt, (unsigned long long)d->hdr.bh1.seq_num);
	h = (void *)(ring + d->hdr.bh1.offset_to_first_pkt);
	for (unsigned i = 0; i < d->hdr.bh1.num_pkts; i++) {
		say("%u: next %u len %u snap %u mac %u net %u\n", i, h->tp_next_offset, h->tp_len, h->tp_snaplen, h->tp_mac, h->tp_net);
		say_packet((void *)h, h->tp_mac, h->tp_net);
		say_from((void *)((char *)h + TPACKET_ALIGN(sizeof(*h))), 20);
		h = (void *)((char *)h + h->tp_next_offset);
	}
	d->hdr.bh1.block_status = TP_STATUS_KERNEL;
	R(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n));
	say("packets %u drops %u len %u\n", st.tp_packets, st.tp_drops, n);
	R(munmap(ring, BLOCK * BLOCKS));
	close(fd);
}

static void sending(int version)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_protocol = htons(ETH_P_IP)};
	int fd = NEED(socket(AF_PACKET, SOCK_RAW, 0)), see = tap(SOCK_RAW, ETH_P_IP);
	unsigned head = version == TPACKET_V1 ? TPACKET_HDRLEN : version == TPACKET_V2 ? TPACKET2_HDRLEN : TPACKET3_HDRLEN;
	unsigned char *ring, frame[64] = {[12] = 8};
	size_t len = 14 + make_udp(frame + 14, udp_port, "from memory");

	say("-- sending by V%d\n", version + 1);
	want_port(see);
	NEED(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	ring = make_ring(fd, version, PACKET_TX_RING, 2048, 0);
	IS(ring != MAP_FAILED);
	for (unsigned i = 0; i < 3; i++) {
		unsigned char *at = ring + i * 2048;

		memcpy(at + head - sizeof(struct sockaddr_ll), frame, len);
		if (version == TPACKET_V1) {
			((struct tpacket_hdr *)(void *)at)->tp_len = i < 2 ? len : 5000;
			((struct tpacket_hdr *)(void *)at)->tp_status = TP_STATUS_SEND_REQUEST;
		} else if (version == TPACKET_V2) {
			((struct tpacket2_hdr *)(void *)at)->tp_len = i < 2 ? len : 5000;
			((struct tpacket2_hdr *)(void *)at)->tp_status = TP_STATUS_SEND_REQUEST;
		} else {
			((struct tpacket3_hdr *)(void *)at)->tp_len = i < 2 ? len : 5000;
			((struct tpacket3_hdr *)(void *)at)->tp_status = TP_STATUS_SEND_REQUEST;
		}
		if (i == 1) {
			R(send(fd, NULL, 0, 0) == (ssize_t)(2 * len));
			show_frame(see, 0);
			show_frame(see, 0);
			show_frame(see, 0);
		}
	}
	R(send(fd, NULL, 0, 0));
	say("status %#x\n", version == TPACKET_V3 ? ((struct tpacket3_hdr *)(void *)(ring + 4096))->tp_status : *(unsigned *)(void *)(ring + 4096));
	R(munmap(ring, BLOCK * BLOCKS));
	close(fd);
	close(see);
}

static const struct {
	const char *text;
	struct tpacket_req q;
} requests[] = {
	{"no page", {100, 4, 2048, 8}},
	{"odd block", {6144, 4, 2048, 12}},
	{"odd frame", {4096, 4, 2047, 8}},
	{"small frame", {4096, 4, 16, 1024}},
	{"large frame", {4096, 4, 8192, 0}},
	{"another count", {4096, 4, 2048, 9}},
	{"no blocks but frames", {4096, 0, 2048, 8}},
	{"none", {0, 0, 0, 0}},
	{"good", {4096, 4, 2048, 8}},
	{"again", {4096, 4, 2048, 8}},
};

static void errors(void)
{
	int fd = NEED(socket(AF_PACKET, SOCK_RAW, 0)), v = TPACKET_V2;
	void *p;

	HEAD("errors");
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	say("%s\n", err_name(errno));
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		say("%s: %s\n", requests[i].text,
			setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &requests[i].q, sizeof(struct tpacket_req)) ? err_name(errno) : "ok");
	R(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &requests[8].q, sizeof(struct tpacket_req) - 1));
	R(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &v, sizeof(v)));
	R(setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &v, sizeof(v)));
	R(setsockopt(fd, SOL_PACKET, PACKET_LOSS, &v, sizeof(v)));
	IS(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
	IS(mmap(NULL, 16384, PROT_READ, MAP_SHARED, fd, 4096) == MAP_FAILED && errno == EINVAL);
	p = mmap(NULL, 16384, PROT_READ, MAP_SHARED, fd, 0);
	IS(p != MAP_FAILED);
	R(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &requests[7].q, sizeof(struct tpacket_req)));
	R(munmap(p, 16384));
	R(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &requests[7].q, sizeof(struct tpacket_req)));
	close(fd);
}

static void fanout(int kind)
{
	int a = tap(SOCK_RAW, ETH_P_IP), b = tap(SOCK_RAW, ETH_P_IP), none = NEED(socket(AF_PACKET, SOCK_RAW, 0)), got[2] = {0, 0};
	unsigned v = 77 | (unsigned)kind << 16, other = 77 | (unsigned)(kind ^ 1) << 16;
	char buf[100];
	socklen_t n = sizeof(v);

	say("-- group of kind %d\n", kind);
	want_port(a);
	want_port(b);
	R(setsockopt(none, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v)));
	R(setsockopt(a, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v)));
	R(setsockopt(a, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v)));
	R(setsockopt(b, SOL_PACKET, PACKET_FANOUT, &other, sizeof(other)));
	R(setsockopt(b, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v)));
	v = 0;
	R(getsockopt(b, SOL_PACKET, PACKET_FANOUT, &v, &n));
	X(v);
	for (int i = 0; i < 10; i++)
		send_udp("to one of you", 13);
	while (recv(a, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		got[0]++;
	while (recv(b, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		got[1]++;
	V(got[0] + got[1]);
	if (kind == PACKET_FANOUT_LB)
		IS(got[0] == got[1]);
	if (kind == PACKET_FANOUT_HASH)
		IS(!got[0] || !got[1]);
	close(a);
	close(b);
	close(none);
}

int main(void)
{
	lo_up();
	udp_init();
	frames(TPACKET_V1);
	frames(TPACKET_V2);
	blocks();
	sending(TPACKET_V1);
	sending(TPACKET_V2);
	sending(TPACKET_V3);
	errors();
	fanout(PACKET_FANOUT_HASH);
	fanout(PACKET_FANOUT_LB);
	return 0;
}
