/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Joining what one poll received of a stream into large packets (TCP; UDP for sockets that asked). A joined packet looks like one that a
 * device with NIC_F_RX_LARGE gave. A flow's packets keep their order: what cannot be joined flushes what was.
 */
#include "pkt.h"

#define GRO_FLOWS 8

struct gro {
	struct pkt *held[GRO_FLOWS]; /* network header first */
	struct pkt *tail[GRO_FLOWS]; /* last piece */
	struct pkt_queue out;
	unsigned n;
};

void gro_init(struct gro *g);
/* False: not of a kind that is joined; deliver it, after what gro_take gives. */
bool gro_add(struct gro *g, struct pkt *p) MUST_CHECK;
/* The next that is finished, or with @all any. */
struct pkt *gro_take(struct gro *g, bool all);
