/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A small inet provider for tests of the adaptor: streams in pairs through byte queues, datagrams by port. It behaves as <port/inet.h> says and as the test's knobs say.
 */
#include <port/inet.h>

#define FAKE_SOCKETS 64
#define FAKE_QUEUE   4096u
#define FAKE_DGRAMS  8

struct fake_dgram {
	u32 len;
	u16 from;
	u8 bytes[512];
};

struct fake_sock {
	bool used, listening, connected, connecting, shut_in, shut_out, reset;
	u32 family, type, protocol;
	u64 cookie;
	u16 port;	      /* host order */
	s32 peer;	      /* index; -1: none */
	s32 err;	      /* SO_ERROR */
	u8 queue[FAKE_QUEUE]; /* of a stream */
	u32 head, len, room;
	struct fake_dgram dgrams[FAKE_DGRAMS];
	u32 ndgrams;
	s32 backlog[8];
	u32 nbacklog;
	/* options that it was told: SOL_SOCKET by number, and one of its own */
	s32 told[128];
	u8 value[64];
	u32 value_len;
	u32 filter_len;
};

struct fake_inet {
	const struct inet_client_ops *client_ops;
	void *client;
	struct fake_sock socks[FAKE_SOCKETS];
	u32 live;
	/* knobs */
	u32 faults;	  /* that many calls find the user's memory absent */
	bool slow_connect; /* connect is -EINPROGRESS until fake_finish */
	u32 room;	  /* of new streams' queues */
	s32 calls;
};

extern struct fake_inet fake;
extern const struct inet_port fake_port;

void fake_reset(void);
void fake_ready(u64 handle, u32 events);
/* End a slow connect: 0 or errno. */
void fake_finish(u64 handle, int err);
