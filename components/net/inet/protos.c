/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of protocols: a new one is a line in each of the three tables.
 */
#include "icmp.h"
#include "igmp.h"
#include "raw.h"
#include "sock_impl.h"
#include "tcp/tcp_sock.h"
#include "udp.h"

const struct proto *const inet_protos[] = {&tcp_proto, &udp_proto, &udplite_proto, &ping_proto, &raw_proto, NULL};

const struct transport *const inet_transports[] = {&tcp_transport, &udp_transport, &udplite_transport, &icmp_transport, &icmp6_transport, &igmp_transport, NULL};

static const struct {
	int (*open)(struct inet *in);
	void (*close)(struct inet *in);
} parts[] = {
	{udp_open, udp_close},
	{tcp_open, tcp_close_instance},
	{raw_open, raw_close},
};

const struct transport *inet_transport(u8 proto)
{
	for (unsigned i = 0; inet_transports[i]; i++)
		if (inet_transports[i]->proto == proto)
			return inet_transports[i];
	return NULL;
}

int protos_open(struct inet *in)
{
	int err = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = parts[i].open(in);
	return err;
}

void protos_close(struct inet *in)
{
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i].close(in);
}
