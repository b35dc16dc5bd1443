/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * For tests: a wire between two nics, in the sim or host home. It loses, doubles, delays, reorders and corrupts frames by seed.
 */
#include <env/lock.h>
#include <env/task.h>
#include <env/time.h>
#include <port/nic.h>

#define WIRE_DEPTH 64
#define WIRE_FRAME 70000

struct wire_frame {
	struct wire_frame *next;
	u64 at_ns;
	u32 len;
	u8 bytes[];
};

struct wire;

struct wire_end {
	struct wire *wire;
	unsigned side;
	const struct nic_client_ops *ops;
	void *client;
	bool up, armed;
	u8 mac[6];
	u32 features, mtu;
	struct nic_frame *fill[WIRE_DEPTH], *done[WIRE_DEPTH];
	unsigned nfill, ndone;
	struct wire_frame *arriving; /* by time */
	struct env_timer timer;
	/* Looks at each frame that is sent to this end; for scripts. */
	void (*tap)(struct wire_end *end, const u8 *frame, u32 len, void *arg);
	void *tap_arg;
};

struct wire {
	struct env_spin lock;
	struct wire_end end[2];
	u32 loss, dup, corrupt, reorder; /* of 1000 */
	u64 delay_ns, jitter_ns;
	u64 sent, lost;
};

void wire_init(struct wire *w);
void wire_fini(struct wire *w);
struct nic_port wire_port(struct wire *w, unsigned side);
/* A frame out of nowhere arrives at @side. */
void wire_inject(struct wire *w, unsigned side, const void *frame, u32 len);
