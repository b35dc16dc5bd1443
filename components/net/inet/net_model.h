/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * For tests: an instance with a client, sockets that wait, addresses by a few words.
 */
#include <env/task.h>
#include <port/inet.h>
#include "wire_model.h"

extern const struct inet_provider inet_provider;

#define MODEL_SOCKS 64

struct model {
	struct inet_port port;
	struct env_event woken;
	u32 events[MODEL_SOCKS]; /* atomic: by cookie */
	u32 notes;
	u32 frames[5];	      /* atomic: seen by the tap, by PACKET_* */
	u32 senders;	      /* atomic: of them with a sender */
	u8 last_frame[2048]; /* the test's threads do not tap at the same time */
	u32 last_frame_len;
};

/* lo is up; with @wire also eth0 on side @side, with address 10.0.0.(side + 1)/24. */
void model_start(struct model *m, struct wire *wire, unsigned side);
void model_stop(struct model *m);
int model_ioctl(struct model *m, u32 request, void *arg, size_t len);
void model_addr4(struct inet_addr *a, u32 addr, u16 port); /* host order */
void model_addr6(struct inet_addr *a, const u8 addr[16], u16 port, u32 scope);
int model_socket(struct model *m, u32 family, u32 type, u32 protocol, u64 cookie, u64 *out);
ssize_t model_send(struct model *m, u64 s, const void *data, size_t len, const struct inet_addr *to, u32 flags);
/* Waits at most @ms of time. -ETIMEDOUT. */
ssize_t model_receive(struct model *m, u64 s, void *data, size_t len, struct inet_addr *from, u32 ms);
int model_option(struct model *m, u64 s, u32 level, u32 name, int value);
