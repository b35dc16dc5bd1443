/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes from the wire and from netlink. The first byte of the input chooses: a request, or frames, each behind two bytes of length.
 */
#include <lib/string.h>
#include <env_host/host.h>
#include "link_impl.h"
#include "net_model.h"
#include "sock_impl.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct model *fuzzed(void)
{
	static struct model m;
	static struct wire w;
	static bool made;
	struct inet_addr a;
	u64 s;

	if (made)
		return &m;
	made = true;
	host_log_level(0);
	wire_init(&w);
	model_start(&m, &w, 0);
	model_addr6(&a, (u8[16]){0}, 53, 0);
	if (model_socket(&m, AF_INET6, SOCK_DGRAM, 0, 1, &s) || m.port.ops->bind(m.port.self, s, &a))
		return NULL;
	return &m;
}

static void frame(struct inet *in, const u8 *bytes, u32 len)
{
	struct pkt *p = pkt_alloc(0, len);
	struct pkt_queue q;

	if (!p)
		return;
	memcpy(pkt_put(p, len), bytes, len);
	pkt_queue_init(&q);
	inet_enter(in);
	p->link = link_by_index(in, 2);
	p->ifindex = 2;
	if (len & 1)
		p->csum = PKT_CSUM_VALID; /* so that what lies behind checksums is reached */
	memcpy(p->data, (u8[6]){2, 0, 0, 0, 0, 1}, min(len, 6u));
	pkt_queue_add(&q, p);
	link_receive_batch(p->link, &q);
	inet_leave(in);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct model *m = fuzzed();
	static u8 room[8192];
	struct iobuf in, out;
	u64 resume = 0;

	if (!size || !m)
		return 0;
	if (data[0] & 1) {
		iobuf_init_kernel(&in, (void *)(unsigned long)(data + 1), size - 1);
		iobuf_init_kernel(&out, room, sizeof(room));
		(void)m->port.ops->netlink(m->port.self, data[0] & 2 ? NETLINK_SOCK_DIAG : NETLINK_ROUTE, &in, &out, &resume);
		return 0;
	}
	for (data++, size--; size > 2;) {
		u32 len = min((u32)(data[0] | data[1] << 8) % 3000 + 1, (u32)size - 2);

		frame(m->port.self, data + 2, len);
		data += 2 + len;
		size -= 2 + len;
	}
	return 0;
}
